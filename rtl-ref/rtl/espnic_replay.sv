// SPDX-License-Identifier: BSD-2-Clause
//
// Inbound: the 64-bit number of a packet (RFC 4303 appendix A2.2), its replay window of 32 to 4096 numbers (section
// 3.4.3) and the lifetime of its SA. One request a clock, answered in order two clocks later at the earliest.
//
// A packet comes here twice, in the same order both times: OpPacket before its ICV is judged (look), OpSettle
// after. The look says what number the ICV is to be judged for, and what need not be decrypted at all; the settling judges the
// number once more, as packets in front have moved the window meanwhile, and alone changes it.
//
// With ESN the number itself depends on the top, so a packet in front could change it between the two. It cannot for a
// number that is still in the window, or right of it, when every packet under way has been accepted. All others have to
// wait: rsp_retry_o, and the look is to be made again; it changed nothing.
//
// Window memory: words of 64 numbers, each with the number of its block (window_word_t). A word of another block than the one asked
// for has not been written since the window came there, so nothing of the block was seen: moving the window, however
// far, clears nothing. An SA has window_mask + 1 words from window_base on, a power of two and one more than its window
// can touch. Who makes an SA writes its words first.
//
//   number   | 63                    6 | 5      0 |      word: window_base + (block & window_mask)
//            |          block          |   bit    |
//
//   req_op_i      takes                                   does
//   OpPacket      static, low                             looks; counts the packet as under way
//   OpSettle      static, seq, looked, good, inner, bytes judges, accepts, counts; no longer under way
//   OpInit        record                                  writes all of the record
//   OpQuery       -                                       answers the record, takes its events
//   OpSeq         record.top                              raises the top; all up to it counts as seen
//   OpLife        record.life limits                      replaces the limits; their events may be raised again
//   OpWordRead    word_addr                               answers the word
//   OpWordWrite   word_addr, word                         writes the word

`include "espnic_assert.svh"

module espnic_replay #(
  parameter int Sas = 16,
  parameter int Words = 64,          // of window memory
  localparam int SaW = $clog2(Sas),
  localparam int WordW = $clog2(Words)
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        req_valid_i,
  output logic        req_ready_o,
  input  logic [3:0]  req_op_i,       // espnic_rtl_pkg::sa_op_e
  input  logic [SaW-1:0] req_sa_i,
  input  logic        req_esn_i,      // of the SA's static part, this and the next three
  input  logic [12:0] req_size_i,
  input  logic [WordW-1:0] req_base_i,
  input  logic [6:0]  req_mask_i,
  input  logic [63:0] req_seq_i,      // look: the low half as in the packet; settle: as answered by the look
  input  logic [3:0]  req_looked_i,   // settle: the look's verdict
  input  logic        req_good_i,     // settle: the ICV was right
  input  logic [3:0]  req_inner_i,    // settle: the verdict on trailer and clear packet
  input  logic [espnic_rtl_pkg::LenW-1:0] req_bytes_i,  // settle: of the clear packet
  input  logic [WordW-1:0] req_word_addr_i,
  input  espnic_records_pkg::window_word_t req_word_i,
  input  espnic_records_pkg::sa_in_t req_record_i,
  output logic        rsp_valid_o,
  input  logic        rsp_ready_i,
  output logic        rsp_retry_o,    // look again
  output logic [3:0]  rsp_verdict_o,  // espnic_rtl_pkg::verdict_e
  output logic [63:0] rsp_seq_o,
  output logic        rsp_event_o,    // raised an event of its SA
  output espnic_records_pkg::sa_in_t rsp_record_o,        // as the request found it
  output espnic_records_pkg::window_word_t rsp_word_o     // likewise
);

  localparam int SeqLowW = 32;
  // W where the SA has no window: half the space, A2.2 with its widest reach both ways.
  localparam logic [31:0] HalfSpace = 32'h8000_0000;

  // ---------------------------------------------------------------- the request, beside its record

  logic [3:0]  op_q, looked_q, inner_q;
  logic        esn_q, good_q;
  logic [12:0] size_q;
  logic [63:0] seq_q;
  logic [espnic_rtl_pkg::LenW-1:0] bytes_q;
  espnic_records_pkg::window_word_t word_q;
  espnic_records_pkg::sa_in_t record_q;

  always_ff @(posedge clk_i) begin
    if (req_ready_o) begin
      op_q     <= req_op_i;
      esn_q    <= req_esn_i;
      size_q   <= req_size_i;
      seq_q    <= req_seq_i;
      looked_q <= req_looked_i;
      good_q   <= req_good_i;
      inner_q  <= req_inner_i;
      bytes_q  <= req_bytes_i;
      word_q   <= req_word_i;
      record_q <= req_record_i;
    end
  end

`ifdef ESPNIC_ONE_ADDRESS
  // prove replay: one SA with a window, one number, both any (formal/espnic_sa_rmw.sv)
  (* anyconst *) logic [SaW-1:0]   f_sa;
  (* anyconst *) logic [63:0]      f_number;
  (* anyconst *) logic [12:0]      f_size;
  (* anyconst *) logic [WordW-1:0] f_base;
  (* anyconst *) logic [6:0]       f_mask;
  (* anyconst *) logic             f_esn;
  logic [WordW-1:0] f_word_addr;
  logic             f_mine, f_word_hit;
  espnic_records_pkg::sa_in_t f_record;
  espnic_records_pkg::window_word_t f_word;

  assign f_word_addr = f_base + WordW'(f_number[12:6] & f_mask);
`endif

  logic             exec_valid, exec_ready, word_ready, word_valid, by_word, accept;
  logic [WordW-1:0] word_addr;
  espnic_records_pkg::sa_in_t cur, next;
  espnic_records_pkg::window_word_t word, next_word;

  // The block's low bits are in the half that the packet carries: the word can be read before the number is known.
  assign by_word   = req_op_i == espnic_rtl_pkg::OpWordRead || req_op_i == espnic_rtl_pkg::OpWordWrite;
  assign word_addr = by_word ? req_word_addr_i : req_base_i + WordW'(req_seq_i[12:6] & req_mask_i);
  assign exec_ready = !rsp_valid_o || rsp_ready_i;

  espnic_sa_rmw #(
    .Width(espnic_records_pkg::SaInW),
    .Depth(Sas)
  ) u_record (
    .clk_i, .rst_ni,
    .req_valid_i, .req_ready_o,
    .req_addr_i  (req_sa_i),
    .exec_valid_o(exec_valid),
    .exec_ready_i(exec_ready),
    .exec_state_o(cur),
    .exec_write_i(op_q != espnic_rtl_pkg::OpWordRead && op_q != espnic_rtl_pkg::OpWordWrite),
`ifdef ESPNIC_ONE_ADDRESS
    .f_addr_i    (f_sa),
    .f_state_o   (f_record),
    .f_hit_o     (f_mine),
`endif
    .exec_state_i(next)
  );

  espnic_sa_rmw #(
    .Width(espnic_records_pkg::WindowWordW),
    .Depth(Words)
  ) u_word (
    .clk_i, .rst_ni,
    .req_valid_i,
    .req_ready_o (word_ready),
    .req_addr_i  (word_addr),
    .exec_valid_o(word_valid),
    .exec_ready_i(exec_ready),
    .exec_state_o(word),
    .exec_write_i(accept || op_q == espnic_rtl_pkg::OpWordWrite),
`ifdef ESPNIC_ONE_ADDRESS
    .f_addr_i    (f_word_addr),
    .f_state_o   (f_word),
    .f_hit_o     (f_word_hit),
`endif
    .exec_state_i(next_word)
  );

  `ESPNIC_ASSERT(InStep, word_ready == req_ready_o && word_valid == exec_valid)

  // ---------------------------------------------------------------- the number: appendix A2.2

  logic [31:0] size, low, top_low, top_high, bottom, high;
  logic        one_epoch, beyond;
  logic [63:0] seq;

  assign size      = size_q == '0 ? HalfSpace : 32'(size_q);
  assign low       = seq_q[SeqLowW-1:0];
  assign top_low   = cur.top[SeqLowW-1:0];
  assign top_high  = cur.top[63:SeqLowW];
  assign bottom    = top_low - size + 32'd1;  // Bl; below zero it wraps, as A2.2 wants it
  assign one_epoch = top_low >= size - 32'd1;
  assign beyond    = esn_q && one_epoch && low < bottom && top_high == '1;

  always_comb begin
    high = top_high;
    if (one_epoch) begin
      if (low < bottom) high = top_high + 32'd1;
    end else if (low >= bottom && top_high != '0) begin
      high = top_high - 32'd1;
    end
  end

  assign seq = esn_q ? {high, low} : {32'd0, low};

  // ---------------------------------------------------------------- the window

  logic        newer, left, seen, same_block;
  logic [63:0] bit_of;
  logic [3:0]  judged;
  logic        expired;

  assign newer      = seq > cur.top;
  assign left       = !newer && cur.top - seq >= 64'(size_q);
  assign same_block = word.tag == seq[63:6];
  assign bit_of     = 64'd1 << seq[5:0];
  assign seen       = seq <= cur.floor || (same_block && (word.seen & bit_of) != '0);

  always_comb begin
    if (expired)                       judged = espnic_rtl_pkg::VerdictLifetime;
    else if (beyond)                   judged = espnic_rtl_pkg::VerdictTooOld;
    else if (size_q == '0 || newer)    judged = espnic_rtl_pkg::VerdictOk;
    else if (left)                     judged = espnic_rtl_pkg::VerdictTooOld;
    else if (seen)                     judged = espnic_rtl_pkg::VerdictReplay;
    else                               judged = espnic_rtl_pkg::VerdictOk;
  end

  // The top when all that is under way has been accepted, and whether the number could be another one then.
  logic [63:0] far_top;
  logic        unsure;

  assign far_top = cur.tried > cur.top ? cur.tried : cur.top;
  assign unsure  = esn_q && !beyond && cur.under_way != '0 && far_top >= seq && far_top - seq >= 64'(size);

  // ---------------------------------------------------------------- what becomes of the SA

  logic       refused, life_event, look;
  logic [3:0] settled;
  espnic_records_pkg::life_t life;

  espnic_lifetime u_life (
    .life_i   (cur.life),
    .bytes_i  (bytes_q),
    .expired_o(expired),
    .refused_o(refused),
    .event_o  (life_event),
    .life_o   (life)
  );

  assign look   = op_q == espnic_rtl_pkg::OpPacket && !unsure;
  // The window moves whatever the trailer or the clear packet is like: the ICV was good.
  assign accept = op_q == espnic_rtl_pkg::OpSettle && judged == espnic_rtl_pkg::VerdictOk &&
                  looked_q == espnic_rtl_pkg::VerdictOk && good_q && seq == seq_q;

  always_comb begin
    if (judged != espnic_rtl_pkg::VerdictOk)        settled = judged;
    else if (looked_q != espnic_rtl_pkg::VerdictOk) settled = looked_q;
    else if (!accept)                               settled = espnic_rtl_pkg::VerdictIntegrity;
    else if (inner_q != espnic_rtl_pkg::VerdictOk)  settled = inner_q;
    else if (refused)                               settled = espnic_rtl_pkg::VerdictLifetime;
    else                                            settled = espnic_rtl_pkg::VerdictOk;
  end

  always_comb begin
    next = cur;
    case (op_q)
      espnic_rtl_pkg::OpPacket: begin
        if (look) begin
          next.under_way = cur.under_way + 8'd1;
          if (cur.under_way == '0 || seq > cur.tried) next.tried = seq;
        end
      end
      espnic_rtl_pkg::OpSettle: begin
        next.under_way = cur.under_way - 8'd1;
        if (accept) begin
          if (newer) next.top = seq;
          if (inner_q == espnic_rtl_pkg::VerdictOk) next.life = life;
        end
      end
      espnic_rtl_pkg::OpInit: next = record_q;
      espnic_rtl_pkg::OpQuery: next.life.events = '0;
      espnic_rtl_pkg::OpSeq: begin
        if (record_q.top > cur.top) begin
          next.top   = record_q.top;
          next.floor = record_q.top;
        end
      end
      espnic_rtl_pkg::OpLife: begin
        next.life.soft_packets = record_q.life.soft_packets;
        next.life.hard_packets = record_q.life.hard_packets;
        next.life.soft_bytes   = record_q.life.soft_bytes;
        next.life.hard_bytes   = record_q.life.hard_bytes;
        next.life.raised[espnic_rtl_pkg::EventHardBytes:espnic_rtl_pkg::EventSoftPackets] = '0;
      end
      default: ;
    endcase
  end

  always_comb begin
    next_word = word_q;
    if (op_q != espnic_rtl_pkg::OpWordWrite) begin
      next_word.tag  = seq[63:6];
      next_word.seen = same_block ? word.seen | bit_of : bit_of;
    end
  end

  // ---------------------------------------------------------------- the answer

  always_ff @(posedge clk_i) begin
    if (!rst_ni) rsp_valid_o <= 1'b0;
    else if (exec_ready) rsp_valid_o <= exec_valid;
  end

  always_ff @(posedge clk_i) begin
    if (exec_ready) begin
      rsp_retry_o   <= op_q == espnic_rtl_pkg::OpPacket && unsure;
      rsp_verdict_o <= op_q == espnic_rtl_pkg::OpPacket ? judged :
                       op_q == espnic_rtl_pkg::OpSettle ? settled : espnic_rtl_pkg::VerdictOk;
      rsp_seq_o     <= seq;
      rsp_event_o   <= accept && inner_q == espnic_rtl_pkg::VerdictOk && life_event;
      rsp_record_o  <= cur;
      rsp_word_o    <= word;
    end
  end

  `ESPNIC_ASSUME(KnownOp, !req_valid_i || (req_op_i <= espnic_rtl_pkg::OpWordWrite && req_op_i != espnic_rtl_pkg::OpLease))
  `ESPNIC_ASSUME(SettlesWhatLooked,
                 !(exec_valid && op_q == espnic_rtl_pkg::OpSettle) || cur.under_way != '0)
  `ESPNIC_ASSUME(UnderWayFits, !(exec_valid && look) || cur.under_way != '1)
`ifdef ESPNIC_ONE_ADDRESS
  // The window's specification (RFC 4303 section 3.4.3), for any one number of any one SA: it is accepted at most once, and called a replay only
  // after that, or when the host has said that all up to it was seen. What the SA's caller promises is in the comment above.
  logic [63:0] f_covered;  // numbers that the SA's words have room for
  logic        f_taken_q;  // the number was accepted since the SA was made
  logic        f_clear_q;  // the SA's words were written without the number
  logic        f_number_seen, f_in_word, f_over;

  assign f_in_word = f_word.tag == f_number[63:6] && f_word.seen[f_number[5:0]];
  // Its word has become that of a later block, which the top has reached.
  assign f_over    = f_word.tag > f_number[63:6] && ((f_word.tag[6:0] ^ f_number[12:6]) & f_mask) == '0 &&
                     {f_word.tag, 6'd0} <= f_record.top;
  assign f_number_seen = f_number <= f_record.floor || f_in_word || f_over;
  assign f_covered     = (64'(f_mask) + 64'd1) << 6;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      f_taken_q <= 1'b0;
      f_clear_q <= 1'b0;
    end else if (exec_valid && exec_ready) begin
      if (f_mine && op_q == espnic_rtl_pkg::OpInit) begin
        f_taken_q <= 1'b0;
        f_clear_q <= f_clear_q && !f_taken_q;
      end else if (f_word_hit && op_q == espnic_rtl_pkg::OpWordWrite) begin
        f_taken_q <= 1'b0;
        f_clear_q <= !(word_q.tag == f_number[63:6] && word_q.seen[f_number[5:0]]);
      end else if (f_mine && accept && seq == f_number) begin
        f_taken_q <= 1'b1;
      end
    end
  end

  // The SA: 1 to 4,096 numbers, words enough, its own
  `ESPNIC_ASSUME(SizeKnown, f_size != '0 && f_size <= 13'd4096)
  `ESPNIC_ASSUME(MaskIsPower, (f_mask & (f_mask + 7'd1)) == '0)
  `ESPNIC_ASSUME(WordsEnough, f_covered >= 64'(f_size) + 64'd64)
  `ESPNIC_ASSUME(NumberFits, f_esn || f_number[63:32] == '0)
  `ESPNIC_ASSUME(StaticStays, !(req_valid_i && req_sa_i == f_sa) || (req_size_i == f_size && req_base_i == f_base &&
                 req_mask_i == f_mask && req_esn_i == f_esn))
  `ESPNIC_ASSUME(WordsAreItsOwn, !(req_valid_i && req_sa_i != f_sa && !by_word) || word_addr != f_word_addr)

  logic f_by_word, f_same_word, f_judges;
  assign f_judges    = op_q == espnic_rtl_pkg::OpPacket || op_q == espnic_rtl_pkg::OpSettle;
  assign f_by_word   = op_q == espnic_rtl_pkg::OpWordRead || op_q == espnic_rtl_pkg::OpWordWrite;
  assign f_same_word = ((seq_q[12:6] ^ f_number[12:6]) & f_mask) == '0;

  `ESPNIC_ASSERT(StaticOfMine, !(exec_valid && f_mine) || (size_q == f_size && esn_q == f_esn))
  `ESPNIC_ASSERT(WordOfMine, !(exec_valid && f_mine && !f_by_word) || f_word_hit == f_same_word)
  `ESPNIC_ASSERT(WordOfOthers, !(exec_valid && !f_mine && !f_by_word) || !f_word_hit)
  `ESPNIC_ASSERT(TakenIsKept, !f_taken_q || (f_number <= f_record.top && f_number_seen))
  `ESPNIC_ASSERT(ClearIsKept, !(f_clear_q && !f_taken_q) || !f_in_word)
  `ESPNIC_ASSERT(NeverTwice, !(exec_valid && f_mine && accept && seq == f_number) || !f_taken_q)
  `ESPNIC_ASSERT(NoReplayUnseen, !(exec_valid && f_mine && f_judges && judged == espnic_rtl_pkg::VerdictReplay &&
                 seq == f_number && f_clear_q) || f_taken_q || f_number <= cur.floor)
  // Inside of the window and not seen: nothing but what else is wrong with it refuses it.
  `ESPNIC_ASSERT(UnseenPasses, !(exec_valid && f_mine && f_judges && seq == f_number && f_clear_q && !f_taken_q &&
                 f_number > cur.floor && (f_number > cur.top || cur.top - f_number < 64'(f_size)) && !expired && !beyond) ||
                 judged == espnic_rtl_pkg::VerdictOk)

  // Whatever else is true of it: a packet whose ICV was not good is not settled as good.
  logic f_settle_q, f_good_q;

  always_ff @(posedge clk_i) begin
    if (exec_ready) begin
      f_settle_q <= op_q == espnic_rtl_pkg::OpSettle;
      f_good_q   <= good_q;
    end
  end

  `ESPNIC_ASSERT(OnlyGoodIsOk, !(rsp_valid_o && f_settle_q && rsp_verdict_o == espnic_rtl_pkg::VerdictOk) || f_good_q)
  `ESPNIC_COVER(Taken, f_taken_q && f_clear_q)
  `ESPNIC_COVER(Refused, exec_valid && f_mine && f_taken_q && seq == f_number && judged == espnic_rtl_pkg::VerdictReplay)
`endif
  `ESPNIC_COVER(BackToBack, req_valid_i && req_ready_o && exec_valid && accept)
  `ESPNIC_COVER(Retry, exec_valid && op_q == espnic_rtl_pkg::OpPacket && unsure)

endmodule
