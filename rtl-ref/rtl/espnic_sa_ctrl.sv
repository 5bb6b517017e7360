// SPDX-License-Identifier: BSD-2-Clause
//
// The host's side of the table of SAs: registers of data/records.yaml, and the commands that make, change, read and delete
// SAs. One command at a time; packets flow meanwhile.
//
//   reset    every entry and bucket is emptied, one a clock; ready_o stays down until then, and until others are through with theirs
//   install  checks ─► powers of H ─► hot part ─► words of the window ─► counters ─► place ─► entry live
//   delete   place, entry not live ─► all packets answered that had come by then
//
// Each command is for an entry on the chip, slot_i: the SA's own where all are there (Slots = Sas), else that which espnic_sa_cache
// gives for as long as the command lasts (want_o, held_i). A window lies where the host said, or, with SlotWords, in the slot's own words.
//
// Words of the bus that no register has read as 0 and take what is written without a trace. Reads answer one clock
// later. Neither bus nor any answer has a way to what was written to the key's registers.

`include "espnic_assert.svh"

module espnic_sa_ctrl #(
  parameter int Lanes = 1,
  parameter int Sas = 16,
  parameter int Slots = Sas,          // entries on the chip
  parameter int WindowWords = 512,    // likewise
  parameter int SlotWords = 0,        // of these, for each slot; 0: the host says where
  parameter int MaxFrame = 9728,
  localparam int SaW    = $clog2(Sas),
  localparam int SlotW  = $clog2(Slots),
  localparam int WordAW = $clog2(WindowWords),
  localparam int KeyW   = 128 * Lanes + 256 + 32
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  // Bus
  input  logic              bus_valid_i,
  input  logic              bus_write_i,
  input  logic [11:0]       bus_addr_i,     // bytes
  input  logic [31:0]       bus_data_i,
  output logic              bus_valid_o,    // the answer to a read
  output logic [31:0]       bus_data_o,
  output logic              ready_o,        // reset is through: packets may come
  // Where the SA is
  output logic              want_o,
  output logic [SaW-1:0]    sa_o,
  input  logic              held_i,
  input  logic [SlotW-1:0]  slot_i,
  input  logic              emptied_i,      // what else a reset empties
  // espnic_sa_table
  output logic              tab_write_o,
  input  logic              tab_ready_i,    // it is written
  output logic [SlotW-1:0]  tab_slot_o,     // of all commands
  output logic              tab_live_o,
  output espnic_records_pkg::sa_static_t tab_static_o,
  output espnic_records_pkg::sa_place_t  tab_place_o,
  output logic [KeyW-1:0]   tab_key_o,
  output logic              tab_read_o,
  input  logic              tab_live_i,
  input  espnic_records_pkg::sa_static_t tab_static_i,
  input  espnic_records_pkg::sa_place_t  tab_place_i,
  // Hot parts: cfg_* of espnic_esp_out and espnic_esp_in
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
  // Counters of both directions, asked at once
  output logic              count_valid_o,
  input  logic              count_ready_i,
  output logic              count_clear_o,
  output logic [3:0]        count_verdict_o,
  input  logic              count_done_i,
  input  logic [63:0]       count_value_i,
  // espnic_sa_find
  output logic              wipe_valid_o,
  output logic [SaW-2:0]    wipe_o,
  output logic              find_valid_o,
  input  logic              find_ready_i,
  output logic              find_remove_o,
  output espnic_records_pkg::lookup_t find_key_o,
  input  logic              find_done_i,
  input  logic              find_full_i,
  input  logic              find_twice_i,
  // espnic_under_way, both
  output logic              mark_o,
  input  logic              settled_i
);

  localparam logic [31:0] Id = 32'h45535031;
  localparam int BusW = 32;

  // Registers of records, in whole words
  localparam int StaticBits = BusW * espnic_records_pkg::WordsStatic;
  localparam int KeyBits    = BusW * espnic_records_pkg::WordsKey;
  localparam int PlaceBits  = BusW * espnic_records_pkg::WordsPlace;
  localparam int OutBits    = BusW * espnic_records_pkg::WordsOut;
  localparam int InBits     = BusW * espnic_records_pkg::WordsIn;
  localparam int WordBits   = BusW * espnic_records_pkg::WordsWindow;

  typedef enum logic [3:0] {
    StWipe,      // after a reset
    StIdle,
    StSlot,      // the SA's
    StRead,      // the entry
    StCheck,
    StKey,       // powers of H
    StHot,       // ask a hot part
    StHotDone,
    StClear,     // a counter to 0, or read
    StClearDone,
    StFind,      // place put in, or taken out
    StFindDone,
    StEntry,     // entry written
    StMark,
    StDrain
  } state_e;

  logic [3:0]  state_q, cmd_q, err_q;
  logic [31:0] sa_q, word_addr_q, verdict_q;
  logic [63:0] count_q;
  logic [StaticBits-1:0] static_q;
  logic [KeyBits-1:0]    key_q;
  logic [PlaceBits-1:0]  place_q;
  logic [OutBits-1:0]    out_q, out_was_q;
  logic [InBits-1:0]     in_q, in_was_q;
  logic [WordBits-1:0]   word_q, word_was_q;

  // ---------------------------------------------------------------- bus

  logic       busy, write, start;
  logic [9:0] at;

  assign busy    = state_q != StIdle;
  assign ready_o = state_q != StWipe;
  assign write   = bus_valid_i && bus_write_i && !busy;
  assign start   = write && bus_addr_i == espnic_records_pkg::RegCommand;
  assign at      = bus_addr_i[11:2];

  always_ff @(posedge clk_i) begin
    if (write) begin
      if (bus_addr_i == espnic_records_pkg::RegSa) sa_q <= bus_data_i;
      if (bus_addr_i == espnic_records_pkg::RegWordAddr) word_addr_q <= bus_data_i;
      if (bus_addr_i == espnic_records_pkg::RegVerdict) verdict_q <= bus_data_i;
    end
    for (int w = 0; w < espnic_records_pkg::WordsStatic; w++) begin
      if (write && at == espnic_records_pkg::RegStatic[11:2] + 10'(w)) static_q[BusW*w+:BusW] <= bus_data_i;
    end
    for (int w = 0; w < espnic_records_pkg::WordsPlace; w++) begin
      if (write && at == espnic_records_pkg::RegPlace[11:2] + 10'(w)) place_q[BusW*w+:BusW] <= bus_data_i;
    end
    for (int w = 0; w < espnic_records_pkg::WordsOut; w++) begin
      if (write && at == espnic_records_pkg::RegOut[11:2] + 10'(w)) out_q[BusW*w+:BusW] <= bus_data_i;
    end
    for (int w = 0; w < espnic_records_pkg::WordsIn; w++) begin
      if (write && at == espnic_records_pkg::RegIn[11:2] + 10'(w)) in_q[BusW*w+:BusW] <= bus_data_i;
    end
    for (int w = 0; w < espnic_records_pkg::WordsWindow; w++) begin
      if (write && at == espnic_records_pkg::RegWindow[11:2] + 10'(w)) word_q[BusW*w+:BusW] <= bus_data_i;
    end
  end

  logic [31:0] data;

  always_comb begin
    data = '0;
    case (bus_addr_i)
      espnic_records_pkg::RegId:          data = Id;
      espnic_records_pkg::RegLanes:       data = 32'(Lanes);
      espnic_records_pkg::RegSas:         data = 32'(Sas);
      espnic_records_pkg::RegWindowWords: data = 32'(WindowWords);
      espnic_records_pkg::RegMaxFrame:    data = 32'(MaxFrame);
      espnic_records_pkg::RegSlotWords:   data = 32'(SlotWords);
      espnic_records_pkg::RegStatus:      data = {20'd0, err_q, 7'd0, busy};
      espnic_records_pkg::RegSa:          data = sa_q;
      espnic_records_pkg::RegWordAddr:    data = word_addr_q;
      espnic_records_pkg::RegVerdict:     data = verdict_q;
      espnic_records_pkg::RegCountLo:     data = count_q[31:0];
      espnic_records_pkg::RegCountHi:     data = count_q[63:32];
      default: begin
        for (int w = 0; w < espnic_records_pkg::WordsOut; w++) begin
          if (at == espnic_records_pkg::RegOut[11:2] + 10'(w)) data = out_was_q[BusW*w+:BusW];
        end
        for (int w = 0; w < espnic_records_pkg::WordsIn; w++) begin
          if (at == espnic_records_pkg::RegIn[11:2] + 10'(w)) data = in_was_q[BusW*w+:BusW];
        end
        for (int w = 0; w < espnic_records_pkg::WordsWindow; w++) begin
          if (at == espnic_records_pkg::RegWindow[11:2] + 10'(w)) data = word_was_q[BusW*w+:BusW];
        end
      end
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) bus_valid_o <= 1'b0;
    else bus_valid_o <= bus_valid_i && !bus_write_i;
    bus_data_o <= data;
  end

  // ---------------------------------------------------------------- what a command is for, and whether it can be

  espnic_records_pkg::sa_static_t made;   // by install
  espnic_records_pkg::sa_place_t  place;
  logic [3:0] refused;
  logic       in_range, known_sa, install, removal, is_count, by_word, inbound, good_record, good_window;

  always_comb begin
    made = static_q[espnic_records_pkg::SaStaticW-1:0];
    if (SlotWords != 0) made.window_base = 16'(slot_i) * 16'(SlotWords);
  end
  assign place    = place_q[espnic_records_pkg::SaPlaceW-1:0];
  assign install  = cmd_q == espnic_records_pkg::CmdInstall;
  assign removal   = cmd_q == espnic_records_pkg::CmdDelete;
  assign is_count = cmd_q == espnic_records_pkg::CmdCount;
  assign by_word  = cmd_q == espnic_records_pkg::CmdWordRead || cmd_q == espnic_records_pkg::CmdWordWrite;
  assign in_range = sa_q < 32'(Sas);
  assign known_sa = in_range && (sa_q != '0 || is_count);
  assign inbound  = install ? made.inbound : tab_static_i.inbound;

  espnic_records_pkg::sa_static_t asked;   // as the host wrote it

  assign asked = static_q[espnic_records_pkg::SaStaticW-1:0];

  // As many words as the window can touch, one more than it has
  always_comb begin
    if (!made.inbound || made.window_size == '0) begin
      good_window = asked.window_base == '0 && made.window_mask == '0;
    end else begin
      good_window = (made.window_mask & (made.window_mask + 7'd1)) == '0 && {made.window_mask, 6'd0} >= made.window_size;
      if (SlotWords != 0) begin
        if (asked.window_base != '0 || 32'(made.window_mask) + 32'd1 > 32'(SlotWords)) good_window = 1'b0;
      end else if (asked.window_base == '0 || 32'(asked.window_base) + 32'(made.window_mask) >= 32'(WindowWords)) begin
        good_window = 1'b0;
      end
    end
  end
  assign good_record = made.spi != '0 && made.key_size != 2'd3 &&
                       (made.icv_len == 5'd8 || made.icv_len == 5'd12 || made.icv_len == 5'd16) && good_window;

  always_comb begin
    refused = espnic_records_pkg::ErrNone;
    if (cmd_q == '0 || cmd_q > espnic_records_pkg::CmdCount) refused = espnic_records_pkg::ErrCommand;
    else if (!known_sa) refused = espnic_records_pkg::ErrNoSa;
    else if (install && tab_live_i) refused = espnic_records_pkg::ErrExists;
    else if (install && !good_record) refused = espnic_records_pkg::ErrRecord;
    else if (removal && !tab_live_i) refused = espnic_records_pkg::ErrNoSa;
    else if (cmd_q == espnic_records_pkg::CmdLease && inbound) refused = espnic_records_pkg::ErrCommand;
    else if (by_word && (!inbound || word_addr_q > 32'(tab_static_i.window_mask))) refused = espnic_records_pkg::ErrCommand;
  end

  // ---------------------------------------------------------------- powers of H

  logic                 key_start, key_ready, key_done;
  logic [128*Lanes-1:0] h_pow, h_pow_q;
  logic                 key_asked_q;
  espnic_records_pkg::sa_key_t key;

  assign key       = key_q[espnic_records_pkg::SaKeyW-1:0];
  assign key_start = state_q == StKey && !key_asked_q;

  espnic_gcm_keysetup #(.Lanes(Lanes)) u_keysetup (
    .clk_i, .rst_ni,
    .start_valid_i(key_start),
    .start_ready_o(key_ready),
    .key_i        (key.key),
    .key_size_i   (espnic_gcm_pkg::key_size_e'(made.key_size)),
    .done_valid_o (key_done),
    .done_ready_i (1'b1),
    .h_pow_o      (h_pow)
  );

  // The key's registers are emptied with the command, whatever comes of it.
  logic wipe_key;

  assign wipe_key = !rst_ni || (state_q == StIdle ? 1'b0 : next_idle && install);
  always_ff @(posedge clk_i) begin
    if (wipe_key) begin
      key_q   <= '0;
      h_pow_q <= '0;
    end else begin
      if (key_done) h_pow_q <= h_pow;
      for (int w = 0; w < espnic_records_pkg::WordsKey; w++) begin
        if (write && at == espnic_records_pkg::RegKey[11:2] + 10'(w)) key_q[BusW*w+:BusW] <= bus_data_i;
      end
    end
  end

  // ---------------------------------------------------------------- hot part: the record, then the words of a window

  logic        words_q;     // at the words
  logic [6:0]  n_q;         // word of the window, or verdict of a counter
  logic        hot_done, more_words, next_idle;
  espnic_records_pkg::sa_in_t top;
  espnic_records_pkg::window_word_t fresh;

  assign top        = in_q[espnic_records_pkg::SaInW-1:0];
  assign hot_done   = inbound ? in_done_i : out_done_i;
  assign more_words = install && inbound && made.window_size != '0;

  // A window begins with its top as the only number seen.
  always_comb begin
    fresh.tag  = top.top[63:6];
    fresh.seen = n_q == (top.top[12:6] & made.window_mask) ? 64'd1 << top.top[5:0] : 64'd0;
  end

  always_comb begin
    case (cmd_q)
      espnic_records_pkg::CmdInstall:   hot_op_o = words_q ? espnic_rtl_pkg::OpWordWrite : espnic_rtl_pkg::OpInit;
      espnic_records_pkg::CmdQuery:     hot_op_o = espnic_rtl_pkg::OpQuery;
      espnic_records_pkg::CmdSeq:       hot_op_o = espnic_rtl_pkg::OpSeq;
      espnic_records_pkg::CmdLife:      hot_op_o = espnic_rtl_pkg::OpLife;
      espnic_records_pkg::CmdLease:     hot_op_o = espnic_rtl_pkg::OpLease;
      espnic_records_pkg::CmdSet:       hot_op_o = espnic_rtl_pkg::OpInit;
      espnic_records_pkg::CmdWordWrite: hot_op_o = espnic_rtl_pkg::OpWordWrite;
      // To raise a number to 0, or to read a word, changes nothing.
      default: hot_op_o = inbound ? espnic_rtl_pkg::OpWordRead : espnic_rtl_pkg::OpSeq;
    endcase
  end

  assign out_valid_o    = state_q == StHot && !inbound;
  assign in_valid_o     = state_q == StHot && inbound;
  assign in_record_o    = top;
  assign in_word_o      = words_q ? fresh : word_q[espnic_records_pkg::WindowWordW-1:0];
  assign in_word_addr_o = words_q ? made.window_base[WordAW-1:0] + WordAW'(n_q) :
                          tab_static_i.window_base[WordAW-1:0] + WordAW'(word_addr_q[6:0]);

  always_comb begin
    out_record_o = out_q[espnic_records_pkg::SaOutW-1:0];
    if (cmd_q == espnic_records_pkg::CmdPeek) out_record_o.seq = '0;
  end

  // ---------------------------------------------------------------- the rest of what is around

  localparam int Sweep = Sas;
  logic [SaW:0] sweep_q;
  logic         last_sweep;

  assign last_sweep = sweep_q == (SaW + 1)'(Sweep - 1);

  assign tab_read_o   = state_q == StRead;
  assign want_o       = busy && state_q != StWipe && in_range;
  assign sa_o         = sa_q[SaW-1:0];
  assign tab_slot_o   = state_q == StWipe ? sweep_q[SlotW-1:0] : slot_i;
  assign tab_write_o  = state_q == StWipe || state_q == StEntry;
  assign tab_live_o   = state_q == StEntry && install;
  assign tab_place_o  = tab_live_o ? place : '0;
  assign tab_key_o    = tab_live_o ? {h_pow_q, key} : '0;

  assign wipe_valid_o = state_q == StWipe;
  assign wipe_o       = sweep_q[SaW-2:0];

  // A deleted SA leaves its direction, by which its hot part can still be read.
  always_comb begin
    tab_static_o = '0;
    if (tab_live_o) tab_static_o = made;
    else if (state_q == StEntry) tab_static_o.inbound = tab_static_i.inbound;
  end

  logic found_by;   // packets look for the SA

  assign found_by      = inbound && (install ? place.wanted : tab_place_i.wanted);
  assign find_valid_o  = state_q == StFind;
  assign find_remove_o = removal;
  always_comb begin
    find_key_o.spi = install ? made.spi : tab_static_i.spi;
    find_key_o.udp = install ? made.udp_encap : tab_static_i.udp_encap;
    find_key_o.dst = install ? place.dst : tab_place_i.dst;
    find_key_o.v6  = install ? place.v6 : tab_place_i.v6;
  end

  assign count_valid_o   = state_q == StClear;
  assign count_clear_o   = install;
  assign count_verdict_o = install ? n_q[3:0] : verdict_q[3:0];
  assign mark_o          = state_q == StMark;

  // ---------------------------------------------------------------- one command after the other

  logic [3:0] next, err_d;

  always_comb begin
    next  = state_q;
    err_d = err_q;
    case (state_q)
      StWipe: if (last_sweep && emptied_i) next = StIdle;
      StIdle: if (start) next = StSlot;
      StSlot: if (held_i || !in_range) next = StRead;
      StRead: next = StCheck;
      StCheck: begin
        err_d = refused;
        if (refused != espnic_records_pkg::ErrNone) next = StIdle;
        else if (install) next = StKey;
        else if (is_count) next = StClear;
        else if (removal) next = found_by ? StFind : StEntry;
        else next = StHot;
      end
      StKey: if (key_done) next = StHot;
      StHot: if (inbound ? in_ready_i : out_ready_i) next = StHotDone;
      StHotDone: begin
        if (hot_done) begin
          if (!install) next = StIdle;
          else if (more_words && (!words_q || n_q != made.window_mask)) next = StHot;
          else next = StClear;
        end
      end
      StClear: if (count_ready_i) next = StClearDone;
      StClearDone: begin
        if (count_done_i) begin
          if (!install) next = StIdle;
          else if (n_q != 7'd15) next = StClear;
          else next = found_by ? StFind : StEntry;
        end
      end
      StFind: if (find_ready_i) next = StFindDone;
      StFindDone: begin
        if (find_full_i) err_d = espnic_records_pkg::ErrFull;
        if (find_twice_i) err_d = espnic_records_pkg::ErrTwice;
        if (find_done_i) next = find_full_i || find_twice_i ? StIdle : StEntry;
      end
      StEntry: if (tab_ready_i) next = install ? StIdle : StMark;
      StMark: next = StDrain;
      default: if (settled_i) next = StIdle;
    endcase
  end

  assign next_idle = next == StIdle;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StWipe;
      err_q   <= espnic_records_pkg::ErrNone;
      sweep_q <= '0;
    end else begin
      state_q <= next;
      err_q   <= err_d;
      if (state_q == StWipe && !last_sweep) sweep_q <= sweep_q + (SaW + 1)'(1);
    end
  end

  always_ff @(posedge clk_i) begin
    if (start) begin
      cmd_q   <= |bus_data_i[31:4] ? '0 : bus_data_i[3:0];
      words_q <= 1'b0;
      n_q     <= '0;
    end
    if (state_q == StKey) key_asked_q <= key_asked_q || key_ready;
    else key_asked_q <= 1'b0;
    if (state_q == StHotDone && hot_done) begin
      if (install) begin
        words_q <= 1'b1;
        n_q     <= words_q ? n_q + 7'd1 : '0;
        if (next == StClear) n_q <= '0;
      end else begin
        out_was_q  <= inbound ? '0 : OutBits'(out_record_i);
        in_was_q   <= inbound ? InBits'(in_record_i) : '0;
        word_was_q <= inbound ? WordBits'(in_word_i) : '0;
      end
    end
    if (state_q == StClearDone && count_done_i) begin
      n_q     <= n_q + 7'd1;
      count_q <= count_value_i;
    end
  end

  `ESPNIC_ASSERT(NoPowersLeft, busy || h_pow_q == '0)
  `ESPNIC_COVER(Waited, state_q == StDrain && !settled_i)

  logic unused;
  assign unused = ^{static_q, asked, place_q, key_q, out_q, in_q, word_q, tab_static_i, verdict_q, word_addr_q};

endmodule
