// SPDX-License-Identifier: BSD-2-Clause
//
// The hot part of inbound SAs (espnic_replay) as its three users share it: the host, settling, and looks, first come first. One request a
// clock; each user's answers come in the order of its requests, two clocks later at the earliest.
//
//   cfg_*     the host's requests                            ─► cfg_done_o, one clock
//   settle_*  after a packet's ICV was judged                ─► settled_*, which may wait
//   look_*    before a packet is decrypted; may be put off   ─► looked_*, one clock
//
// A look that is put off (rsp_retry_o of espnic_replay) is made again here, until it holds. No later look may come before it, as the order
// of looks is that of settling: while one that may be put off, of an SA with extended numbers, has no answer, no other is made. So
// such looks take two clocks each, others one.

`include "espnic_assert.svh"

module espnic_in_hot #(
  parameter int Sas = 16,
  parameter int WindowWords = 512,
  localparam int SaW    = $clog2(Sas),
  localparam int WordAW = $clog2(WindowWords)
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              cfg_valid_i,
  output logic              cfg_ready_o,
  input  logic [3:0]        cfg_op_i,
  input  logic [SaW-1:0]    cfg_sa_i,
  input  logic [WordAW-1:0] cfg_word_addr_i,
  input  espnic_records_pkg::window_word_t cfg_word_i,
  input  espnic_records_pkg::sa_in_t cfg_record_i,
  output logic              cfg_done_o,
  output espnic_records_pkg::window_word_t cfg_word_o,
  output espnic_records_pkg::sa_in_t cfg_record_o,
  input  logic              settle_valid_i,
  output logic              settle_ready_o,
  input  logic [SaW-1:0]    settle_sa_i,
  input  espnic_records_pkg::sa_static_t settle_static_i,
  input  logic [63:0]       settle_seq_i,
  input  logic [3:0]        settle_looked_i,  // the look's verdict
  input  logic              settle_good_i,    // the ICV was right
  input  logic [3:0]        settle_inner_i,   // the verdict on trailer and clear packet
  input  logic [espnic_rtl_pkg::LenW-1:0] settle_bytes_i,  // of the clear packet
  output logic              settled_valid_o,
  input  logic              settled_ready_i,
  output logic [3:0]        settled_verdict_o,
  output logic              settled_event_o,
  input  logic              look_valid_i,
  output logic              look_ready_o,
  input  logic [SaW-1:0]    look_sa_i,
  input  espnic_records_pkg::sa_static_t look_static_i,
  input  logic [31:0]       look_low_i,       // the number as in the packet
  output logic              looked_valid_o,   // must be taken
  output logic [3:0]        looked_verdict_o,
  output logic [63:0]       looked_seq_o
);

  localparam logic [1:0] KindCfg     = 2'd0;
  localparam logic [1:0] KindSettle  = 2'd1;
  localparam logic [1:0] KindLook    = 2'd2;
  localparam logic [1:0] KindEsnLook = 2'd3;

  logic        ask, hot_ready, kind_room, kind_valid, done, take, retry, resolved;
  logic [1:0]  kind_in, kind;
  logic [3:0]  verdict, op;
  logic [63:0] seq;
  logic        may_look, look_fire, again_fire;

  // ---------------------------------------------------------------- a look that may be put off

  logic              esn_out_q;  // one has no answer yet
  logic              again_q;    // it was put off, and is to be made again
  logic [SaW-1:0]    again_sa_q;
  logic [12:0]       again_size_q;
  logic [WordAW-1:0] again_base_q;
  logic [6:0]        again_mask_q;
  logic [31:0]       again_low_q;

  assign resolved = done && kind == KindEsnLook && !retry;
  assign may_look = !esn_out_q || resolved;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      esn_out_q <= 1'b0;
      again_q   <= 1'b0;
    end else begin
      if (look_fire && look_static_i.esn) esn_out_q <= 1'b1;
      else if (resolved) esn_out_q <= 1'b0;
      if (done && kind == KindEsnLook && retry) again_q <= 1'b1;
      else if (again_fire) again_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (look_fire) begin
      again_sa_q   <= look_sa_i;
      again_size_q <= look_static_i.window_size;
      again_base_q <= look_static_i.window_base[WordAW-1:0];
      again_mask_q <= look_static_i.window_mask;
      again_low_q  <= look_low_i;
    end
  end

  // ---------------------------------------------------------------- whose turn it is

  // The host's requests are few. Settling goes before looking: looks may wait for it.
  logic              is_settle, is_again;
  logic [SaW-1:0]    sa;
  logic              esn;
  logic [12:0]       size;
  logic [WordAW-1:0] base;
  logic [6:0]        mask;
  logic [63:0]       number;

  assign is_settle = !cfg_valid_i && settle_valid_i;
  assign is_again  = !cfg_valid_i && !settle_valid_i && again_q;
  assign ask       = cfg_valid_i || settle_valid_i || again_q || (look_valid_i && may_look);

  always_comb begin
    kind_in = look_static_i.esn ? KindEsnLook : KindLook;
    op      = espnic_rtl_pkg::OpPacket;
    sa      = look_sa_i;
    esn     = look_static_i.esn;
    size    = look_static_i.window_size;
    base    = look_static_i.window_base[WordAW-1:0];
    mask    = look_static_i.window_mask;
    number  = {32'd0, look_low_i};
    if (cfg_valid_i) begin
      kind_in = KindCfg;
      op      = cfg_op_i;
      sa      = cfg_sa_i;
    end else if (settle_valid_i) begin
      kind_in = KindSettle;
      op      = espnic_rtl_pkg::OpSettle;
      sa      = settle_sa_i;
      esn     = settle_static_i.esn;
      size    = settle_static_i.window_size;
      base    = settle_static_i.window_base[WordAW-1:0];
      mask    = settle_static_i.window_mask;
      number  = settle_seq_i;
    end else if (again_q) begin
      kind_in = KindEsnLook;
      sa      = again_sa_q;
      esn     = 1'b1;
      size    = again_size_q;
      base    = again_base_q;
      mask    = again_mask_q;
      number  = {32'd0, again_low_q};
    end
  end

  assign cfg_ready_o    = hot_ready && kind_room;
  assign settle_ready_o = hot_ready && kind_room && !cfg_valid_i;
  assign look_ready_o   = hot_ready && kind_room && !cfg_valid_i && !settle_valid_i && !again_q && may_look;
  assign look_fire      = look_valid_i && look_ready_o;
  assign again_fire     = is_again && hot_ready && kind_room;

  espnic_replay #(.Sas(Sas), .Words(WindowWords)) u_replay (
    .clk_i, .rst_ni,
    .req_valid_i    (kind_room && ask),
    .req_ready_o    (hot_ready),
    .req_op_i       (op),
    .req_sa_i       (sa),
    .req_esn_i      (esn),
    .req_size_i     (size),
    .req_base_i     (base),
    .req_mask_i     (mask),
    .req_seq_i      (number),
    .req_looked_i   (settle_looked_i),
    .req_good_i     (settle_good_i),
    .req_inner_i    (settle_inner_i),
    .req_bytes_i    (settle_bytes_i),
    .req_word_addr_i(cfg_word_addr_i),
    .req_word_i     (cfg_word_i),
    .req_record_i   (cfg_record_i),
    .rsp_valid_o    (done),
    .rsp_ready_i    (take),
    .rsp_retry_o    (retry),
    .rsp_verdict_o  (verdict),
    .rsp_seq_o      (seq),
    .rsp_event_o    (settled_event_o),
    .rsp_record_o   (cfg_record_o),
    .rsp_word_o     (cfg_word_o)
  );

  espnic_fifo #(.Width(2), .Depth(4)) u_kind (
    .clk_i, .rst_ni,
    .valid_i(hot_ready && ask),
    .ready_o(kind_room),
    .data_i (kind_in),
    .valid_o(kind_valid),
    .ready_i(done && take),
    .data_o (kind)
  );

  assign take              = kind != KindSettle || settled_ready_i;
  assign cfg_done_o        = done && kind == KindCfg;
  assign settled_valid_o   = done && kind == KindSettle;
  assign settled_verdict_o = verdict;
  assign looked_valid_o    = done && (kind == KindLook || resolved);
  assign looked_verdict_o  = verdict;
  assign looked_seq_o      = seq;

  `ESPNIC_ASSERT(KindOfEachAnswer, !done || kind_valid)
  `ESPNIC_ASSERT(OnlyEsnIsPutOff, !(done && retry) || kind == KindEsnLook)
  `ESPNIC_ASSERT(OneAtATime, !(done && kind == KindEsnLook) || esn_out_q)
  `ESPNIC_COVER(PutOff, done && retry)
  `ESPNIC_COVER(LookAtOnce, look_fire && resolved)
  `ESPNIC_COVER(SettleBeforeLook, is_settle && look_valid_i)

  logic unused;
  assign unused = ^{kind_valid, is_settle, settle_static_i, look_static_i};

endmodule
