// SPDX-License-Identifier: BSD-2-Clause
//
// An SA's record in external memory, and its way into a slot of the chip and out of it (espnic_sa_cache says when): the static part and key in
// espnic_sa_table, the hot part in espnic_seq_alloc or espnic_replay with its window's words, the counters. Control's accesses to
// those go through here, between what is spilled and filled.
//
//   beats     | head, HeadBeats         | hot part, 2 | counters, 2      | window, 4 words each |
//
//   head      | key | place | static | window_mask 7 | inbound 1 | live 1 |
//   counters  | verdict 7 ... verdict 0 |  | verdict 15 ... verdict 8 |
//   window    | word 3 | word 2 | word 1 | word 0 |       each in 128 bits, as many as window_mask says, inbound alone
//
// The words of a window lie at its slot times SlotWords on the chip; window_base of the static part is set so as the slot is filled. What control writes of
// a head goes to memory, then to the slot: keys have no way back from the chip. They stand in memory as they are: it must be one that nobody else reads.
//
// To spill takes 6 + 18 clocks and 8 for each 4 words of a window, to fill HeadBeats + 8 + 20 and 9 for each 4 words, if nothing stalls.

`include "espnic_assert.svh"

module espnic_sa_slots #(
  parameter int Lanes = 1,
  parameter int Slots = 16,
  parameter int SlotWords = 128,     // of windows, for each slot
  parameter int RecW = 6,            // bits of a beat's number
  parameter int HeadBeats = 3,
  localparam int SlotW  = $clog2(Slots),
  localparam int WordsW = $clog2(SlotWords),
  localparam int WordAW = SlotW + WordsW,
  localparam int BeatW  = 512,
  localparam int KeyW   = 128 * Lanes + 256 + 32
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  // espnic_sa_ctrl, for the slot it holds
  input  logic [SlotW-1:0]  ctl_slot_i,
  input  logic              ctl_wipe_i,      // what it writes is for the chip alone
  input  logic              ctl_write_i,
  output logic              ctl_ready_o,
  input  logic              ctl_live_i,
  input  espnic_records_pkg::sa_static_t ctl_static_i,
  input  espnic_records_pkg::sa_place_t  ctl_place_i,
  input  logic [KeyW-1:0]   ctl_key_i,
  input  logic [3:0]        ctl_op_i,
  input  logic              ctl_out_valid_i,
  output logic              ctl_out_ready_o,
  input  espnic_records_pkg::sa_out_t ctl_out_record_i,
  output logic              ctl_out_done_o,
  input  logic              ctl_in_valid_i,
  output logic              ctl_in_ready_o,
  input  logic [WordAW-1:0] ctl_word_addr_i,
  input  espnic_records_pkg::window_word_t ctl_word_i,
  input  espnic_records_pkg::sa_in_t ctl_in_record_i,
  output logic              ctl_in_done_o,
  input  logic              ctl_count_valid_i,
  output logic              ctl_count_ready_o,
  input  logic              ctl_count_clear_i,
  input  logic [3:0]        ctl_verdict_i,
  output logic              ctl_count_done_o,
  // espnic_sa_cache
  output logic              put_valid_o,
  input  logic              put_ready_i,
  output logic [RecW-1:0]   put_beat_o,
  output logic [BeatW-1:0]  put_data_o,
  input  logic [SlotW-1:0]  slot_i,
  input  logic              spill_i,
  output logic              spill_valid_o,
  input  logic              spill_ready_i,
  output logic [BeatW-1:0]  spill_data_o,
  output logic              spill_last_o,
  input  logic              fill_i,
  input  logic              fill_valid_i,
  output logic              fill_ready_o,
  input  logic [BeatW-1:0]  fill_data_i,
  output logic [RecW:0]     fill_beats_o,
  output logic              fill_done_o,
  // espnic_sa_table
  output logic              tab_write_o,
  output logic [SlotW-1:0]  tab_slot_o,
  output logic              tab_live_o,
  output espnic_records_pkg::sa_static_t tab_static_o,
  output espnic_records_pkg::sa_place_t  tab_place_o,
  output logic [KeyW-1:0]   tab_key_o,
  // Hot parts: cfg_* of espnic_esp_out and espnic_esp_in
  output logic [SlotW-1:0]  hot_slot_o,
  output logic [3:0]        hot_op_o,
  output logic              out_valid_o,
  input  logic              out_ready_i,
  output espnic_records_pkg::sa_out_t out_record_o,
  input  logic              out_done_i,
  input  espnic_records_pkg::sa_out_t out_record_i,
  output logic              in_valid_o,
  input  logic              in_ready_i,
  output logic [WordAW-1:0] in_word_addr_o,
  output espnic_records_pkg::window_word_t in_word_o,
  output espnic_records_pkg::sa_in_t in_record_o,
  input  logic              in_done_i,
  input  espnic_records_pkg::window_word_t in_word_i,
  input  espnic_records_pkg::sa_in_t in_record_i,
  // Counters of both directions, asked at once; what is filled is filled into one of them
  output logic              count_valid_o,
  input  logic              count_ready_i,
  output logic              count_write_o,
  output logic [63:0]       count_value_o,
  output logic [SlotW-1:0]  count_slot_o,
  output logic [3:0]        count_verdict_o,
  input  logic              count_done_i,
  input  logic [63:0]       count_value_i    // the sum
);

  localparam int StaticW  = espnic_records_pkg::SaStaticW;
  localparam int PlaceW   = espnic_records_pkg::SaPlaceW;
  localparam int MaskW    = 7;
  localparam int HeadW    = KeyW + PlaceW + StaticW + MaskW + 2;
  localparam int HotBeats = 2;
  localparam int CountBeats = 2;
  localparam int Counters = 16;
  localparam int CountW   = 64;
  localparam int WordW    = 128;
  localparam int GroupW   = BeatW / WordW;   // words of a beat
  localparam int BufW     = HotBeats * BeatW;

  typedef enum logic [3:0] {
    StIdle,
    StSpillHot,     // asked
    StSpillHotOut,
    StSpillCount,
    StSpillCountOut,
    StSpillWords,
    StSpillWordsOut,
    StFillHead,
    StFillTable,
    StFillHotIn,
    StFillHot,
    StFillCountIn,
    StFillCount,
    StFillWordsIn,
    StFillWords,
    StFilled
  } state_e;

  logic [3:0]         state_q, next;
  logic [4:0]         sent_q, back_q, n_q;   // requests made, answered; beats
  logic [MaskW-1:0]   group_q;               // beat of the window
  logic [BufW-1:0]    buf_q;
  logic [HeadBeats*BeatW-1:0] head_q;
  logic               inbound_q;
  logic [MaskW-1:0]   mask_q;
  logic               last_group, phase_end;

  // ---------------------------------------------------------------- what a slot has of a window

  logic [MaskW:0] metas [Slots];
  logic           ctl_put;      // control's head is in memory, and now goes to the slot

  always_ff @(posedge clk_i) begin
    if (state_q == StFillTable) metas[slot_i] <= {mask_q, inbound_q};
    else if (ctl_put) metas[ctl_slot_i] <= {ctl_static_i.window_mask, ctl_static_i.inbound};
  end

  // ---------------------------------------------------------------- control's head: memory first

  logic [HeadBeats*BeatW-1:0] ctl_head;
  logic [RecW-1:0]            put_q;

  assign ctl_head = (HeadBeats * BeatW)'({ctl_key_i, ctl_place_i, ctl_static_i, ctl_static_i.window_mask, ctl_static_i.inbound,
                                          ctl_live_i});
  assign put_valid_o = ctl_write_i && !ctl_wipe_i && put_q != RecW'(HeadBeats);
  assign put_beat_o  = put_q;
  always_comb begin
    put_data_o = '0;
    for (int b = 0; b < HeadBeats; b++) begin
      if (put_q == RecW'(b)) put_data_o = ctl_head[b*BeatW+:BeatW];
    end
  end
  assign ctl_put     = ctl_write_i && !ctl_wipe_i && put_q == RecW'(HeadBeats) && state_q != StFillTable;
  assign ctl_ready_o = ctl_put || ctl_wipe_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || ctl_put) put_q <= '0;
    else if (put_valid_o && put_ready_i) put_q <= put_q + RecW'(1);
  end

  // ---------------------------------------------------------------- the table

  espnic_records_pkg::sa_static_t f_static;
  logic                           by_fill;
  logic [1:0]                     unused_head;
  logic [MaskW-1:0]               unused_mask;
  espnic_records_pkg::sa_place_t  f_place;
  logic [KeyW-1:0]                f_key;
  logic                           f_live, f_inbound;

  assign {f_key, f_place, f_static, unused_mask, f_inbound, f_live} = head_q[HeadW-1:0];
  assign unused_head = {f_inbound, ^head_q};
  assign by_fill     = state_q == StFillTable;
  assign tab_write_o = by_fill || ctl_put || (ctl_write_i && ctl_wipe_i);
  assign tab_slot_o  = by_fill ? slot_i : ctl_slot_i;
  assign tab_live_o  = by_fill ? f_live : ctl_live_i;
  assign tab_place_o = by_fill ? f_place : ctl_place_i;
  assign tab_key_o   = by_fill ? f_key : ctl_key_i;
  always_comb begin
    tab_static_o = ctl_static_i;
    if (by_fill) begin
      tab_static_o = f_static;
      tab_static_o.window_base = 16'({slot_i, WordsW'(0)});
    end
  end

  // ---------------------------------------------------------------- hot parts: control's request, or those of a spill or fill

  logic hot_phase, hot_sent, hot_back, ctl_hot_q, ask_hot, ctl_hot_fire, words;
  logic [4:0] hot_n;

  assign words     = state_q == StSpillWords || state_q == StFillWords;
  assign hot_phase = words || state_q == StSpillHot || state_q == StFillHot;
  assign hot_n     = words ? 5'(GroupW) : 5'd1;
  assign ask_hot   = hot_phase && !ctl_hot_q && sent_q != hot_n;

  assign out_valid_o = hot_phase ? ask_hot && !inbound_q : ctl_out_valid_i;
  assign in_valid_o  = hot_phase ? ask_hot && inbound_q : ctl_in_valid_i;
  assign hot_slot_o  = hot_phase ? slot_i : ctl_slot_i;
  assign ctl_out_ready_o = !hot_phase && out_ready_i;
  assign ctl_in_ready_o  = !hot_phase && in_ready_i;
  assign ctl_hot_fire    = (ctl_out_valid_i && ctl_out_ready_o) || (ctl_in_valid_i && ctl_in_ready_o);
  assign ctl_out_done_o  = out_done_i && ctl_hot_q;
  assign ctl_in_done_o   = in_done_i && ctl_hot_q;
  assign hot_sent        = (out_valid_o && out_ready_i) || (in_valid_o && in_ready_i);
  assign hot_back        = (out_done_i || in_done_i) && !ctl_hot_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) ctl_hot_q <= 1'b0;
    else if (ctl_hot_fire) ctl_hot_q <= 1'b1;
    else if (out_done_i || in_done_i) ctl_hot_q <= 1'b0;
  end

  logic [WordsW-1:0] word_n;

  assign word_n = WordsW'({group_q, sent_q[1:0]});

  always_comb begin
    hot_op_o       = ctl_op_i;
    out_record_o   = ctl_out_record_i;
    in_record_o    = ctl_in_record_i;
    in_word_o      = ctl_word_i;
    in_word_addr_o = ctl_word_addr_i;
    if (hot_phase) begin
      // To raise a number to 0, or to read a word, changes nothing.
      hot_op_o       = inbound_q ? espnic_rtl_pkg::OpWordRead : espnic_rtl_pkg::OpSeq;
      out_record_o   = '0;
      in_record_o    = buf_q[espnic_records_pkg::SaInW-1:0];
      in_word_o      = buf_q[espnic_records_pkg::WindowWordW-1:0];
      in_word_addr_o = {slot_i, words ? word_n : WordsW'(0)};
      if (state_q == StFillHot) begin
        hot_op_o     = espnic_rtl_pkg::OpInit;
        out_record_o = buf_q[espnic_records_pkg::SaOutW-1:0];
      end
      if (state_q == StFillWords) hot_op_o = espnic_rtl_pkg::OpWordWrite;
    end
  end

  // ---------------------------------------------------------------- counters, likewise

  logic count_phase, ctl_count_q, count_sent, count_back;

  assign count_phase       = state_q == StSpillCount || state_q == StFillCount;
  assign count_valid_o     = count_phase ? !ctl_count_q && sent_q != 5'(Counters) : ctl_count_valid_i;
  assign count_write_o     = count_phase ? state_q == StFillCount : ctl_count_clear_i;
  assign count_value_o     = count_phase ? buf_q[CountW-1:0] : '0;
  assign count_slot_o      = count_phase ? slot_i : ctl_slot_i;
  assign count_verdict_o   = count_phase ? sent_q[3:0] : ctl_verdict_i;
  assign ctl_count_ready_o = !count_phase && count_ready_i;
  assign ctl_count_done_o  = count_done_i && ctl_count_q;
  assign count_sent        = count_phase && count_valid_o && count_ready_i;
  assign count_back        = count_done_i && !ctl_count_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) ctl_count_q <= 1'b0;
    else if (ctl_count_valid_i && ctl_count_ready_o) ctl_count_q <= 1'b1;
    else if (count_done_i) ctl_count_q <= 1'b0;
  end

  // ---------------------------------------------------------------- beats and requests

  logic       taking, giving, take, give;
  logic [4:0] beats;                 // of this state

  assign taking = state_q == StFillHead || state_q == StFillHotIn || state_q == StFillCountIn || state_q == StFillWordsIn;
  assign giving = state_q == StSpillHotOut || state_q == StSpillCountOut || state_q == StSpillWordsOut;
  assign take   = taking && fill_valid_i;
  assign give   = giving && spill_ready_i;

  always_comb begin
    case (state_q)
      StFillHead:                       beats = 5'(HeadBeats);
      StFillWordsIn, StSpillWordsOut:   beats = 5'd1;
      StFillCountIn, StSpillCountOut:   beats = 5'(CountBeats);
      default:                          beats = 5'(HotBeats);
    endcase
  end

  assign fill_ready_o  = taking;
  assign spill_valid_o = giving;
  assign spill_data_o  = buf_q[BeatW-1:0];
  assign last_group    = group_q == mask_q >> $clog2(GroupW);
  assign spill_last_o  = state_q == StSpillWordsOut ? last_group :
                         state_q == StSpillCountOut && !inbound_q && n_q == 5'(CountBeats - 1);
  assign fill_beats_o  = (RecW + 1)'(HeadBeats + HotBeats + CountBeats) +
                         (inbound_q ? (RecW + 1)'(mask_q >> $clog2(GroupW)) + (RecW + 1)'(1) : '0);
  assign fill_done_o   = state_q == StFilled;

  always_comb begin
    case (state_q)
      StSpillHot, StFillHot:       phase_end = hot_back;
      StSpillWords, StFillWords:   phase_end = hot_back && back_q == 5'(GroupW - 1);
      StSpillCount, StFillCount:   phase_end = count_back && back_q == 5'(Counters - 1);
      StFillTable, StFilled:       phase_end = 1'b1;
      StIdle:                      phase_end = spill_i || fill_i;
      default:                     phase_end = (take || give) && n_q == beats - 5'd1;
    endcase
  end

  always_comb begin
    case (state_q)
      StIdle:          next = spill_i ? StSpillHot : StFillHead;
      StSpillHot:      next = StSpillHotOut;
      StSpillHotOut:   next = StSpillCount;
      StSpillCount:    next = StSpillCountOut;
      StSpillCountOut: next = inbound_q ? StSpillWords : StIdle;
      StSpillWords:    next = StSpillWordsOut;
      StSpillWordsOut: next = last_group ? StIdle : StSpillWords;
      StFillHead:      next = StFillTable;
      StFillTable:     next = StFillHotIn;
      StFillHotIn:     next = StFillHot;
      StFillHot:       next = StFillCountIn;
      StFillCountIn:   next = StFillCount;
      StFillCount:     next = inbound_q ? StFillWordsIn : StFilled;
      StFillWordsIn:   next = StFillWords;
      StFillWords:     next = last_group ? StFilled : StFillWordsIn;
      default:         next = StIdle;
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) state_q <= StIdle;
    else if (phase_end) state_q <= next;
  end

  always_ff @(posedge clk_i) begin
    if (phase_end || state_q == StIdle) begin
      sent_q <= '0;
      back_q <= '0;
      n_q    <= '0;
    end else begin
      if ((hot_phase && ask_hot && hot_sent) || count_sent) sent_q <= sent_q + 5'd1;
      if ((hot_phase && hot_back) || (count_phase && count_back)) back_q <= back_q + 5'd1;
      if (take || give) n_q <= n_q + 5'd1;
    end
    if (state_q == StIdle) group_q <= '0;
    else if (phase_end && (state_q == StSpillWordsOut || state_q == StFillWords)) group_q <= group_q + MaskW'(1);
  end

  // A slot's own, as it is spilled; the record's, as it is filled
  always_ff @(posedge clk_i) begin
    if (state_q == StFillHead && take && n_q == '0) {mask_q, inbound_q} <= fill_data_i[1+:MaskW+1];
    else if (state_q == StIdle) {mask_q, inbound_q} <= metas[slot_i];
  end

  always_ff @(posedge clk_i) begin
    if (state_q == StFillHead && take) head_q <= {fill_data_i, head_q[HeadBeats*BeatW-1:BeatW]};
  end

  always_ff @(posedge clk_i) begin
    case (state_q)
      StSpillHot:   if (hot_back) buf_q <= inbound_q ? BufW'(in_record_i) : BufW'(out_record_i);
      StSpillCount: if (count_back) buf_q <= {count_value_i, buf_q[BufW-1:CountW]};
      StSpillWords: if (hot_back) buf_q <= {(BufW-BeatW)'(0), WordW'(in_word_i), buf_q[BeatW-1:WordW]};
      StFillCount:  if (count_sent) buf_q <= buf_q >> CountW;
      StFillWords:  if (ask_hot && hot_sent) buf_q <= buf_q >> WordW;
      StFillHotIn, StFillCountIn: if (take) buf_q <= {fill_data_i, buf_q[BufW-1:BeatW]};
      StFillWordsIn: if (take) buf_q <= BufW'(fill_data_i);
      default:      if (give) buf_q <= buf_q >> BeatW;
    endcase
  end

  `ESPNIC_ASSERT(NothingUnderWay, !(state_q == StSpillHot && hot_back && inbound_q) || in_record_i.under_way == '0)
  `ESPNIC_ASSERT(HeadFits, HeadW <= HeadBeats * BeatW)
  `ESPNIC_ASSERT(WindowFits, SlotWords >= GroupW && 32'(mask_q) < 32'(SlotWords))
  `ESPNIC_COVER(ControlWaits, hot_phase && (ctl_out_valid_i || ctl_in_valid_i))
  `ESPNIC_COVER(WaitsForControl, hot_phase && ctl_hot_q)
  `ESPNIC_COVER(LongWindow, state_q == StFillWords && group_q != '0)

  logic unused;
  assign unused = ^{unused_mask, unused_head, f_static.window_base};

endmodule
