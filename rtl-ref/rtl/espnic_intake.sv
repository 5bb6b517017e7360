// SPDX-License-Identifier: BSD-2-Clause
//
// The front of either direction: packets are read (espnic_ip_parse) and stored whole (espnic_pkt_buf), and what was read is
// offered once the last beat is in, with what came beside the first one.
//
//   s_* ─┬► s_meta_i ─────────► FIFO ─┐
//        └► espnic_ip_parse ─┬► FIFO ─┴► meta_o, facts_o
//                            └► espnic_pkt_buf ◄─ cut_*, ─► buf_*
//
// facts_o, from the lowest bit: espnic_records_pkg::ip_t; beats of the packet in the buffer; whether it is longer than
// MaxFrame (then only its first MaxFrame bytes are stored, and the rest is lost).
`include "espnic_assert.svh"

module espnic_intake #(
  parameter int Lanes = 1,
  parameter int MetaW = 4,           // bits beside each packet
  parameter int BufBytes = 32768,    // of packets
  parameter int MaxFrame = 9728,     // bytes
  localparam int DataW  = Lanes * 128,
  localparam int BeatB  = Lanes * 16,
  localparam int ByteW  = $clog2(BeatB + 1),
  localparam int BeatsW = $clog2(BufBytes / BeatB) + 1,
  localparam int FactsW = espnic_records_pkg::IpW + BeatsW + 1
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              s_valid_i,
  output logic              s_ready_o,
  input  logic [DataW-1:0]  s_data_i,
  input  logic [ByteW-1:0]  s_count_i,    // bytes; all of the beat but for the last
  input  logic              s_last_i,
  input  logic [MetaW-1:0]  s_meta_i,     // with the first beat
  // One for each packet, in order
  output logic              valid_o,
  input  logic              ready_i,
  output logic [MetaW-1:0]  meta_o,
  output logic [FactsW-1:0] facts_o,
  // What is stored: espnic_pkt_buf
  input  logic              cut_valid_i,
  output logic              cut_ready_o,
  input  logic [BeatsW-1:0] cut_beats_i,
  input  logic [BeatsW-1:0] cut_want_i,
  output logic              buf_valid_o,
  input  logic              buf_take_i,
  output logic [DataW-1:0]  buf_data_o
);

  localparam int LenW     = espnic_rtl_pkg::LenW;
  localparam int Beats    = BufBytes / BeatB;
  localparam int MaxBeats = MaxFrame / BeatB;

  // ---------------------------------------------------------------- what comes with a packet

  logic first_q, meta_room, meta_push, meta_valid, facts_valid, take;
  logic parse_valid, parse_ready;

  // Both are of one packet: they come and go together.
  assign valid_o = meta_valid && facts_valid;
  assign take    = valid_o && ready_i;

  assign parse_valid = s_valid_i && (!first_q || meta_room);
  assign s_ready_o   = parse_ready && (!first_q || meta_room);
  assign meta_push   = s_valid_i && first_q && parse_ready;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) first_q <= 1'b1;
    else if (s_valid_i && s_ready_o) first_q <= s_last_i;
  end

  espnic_fifo #(.Width(MetaW), .Depth(8)) u_meta (
    .clk_i, .rst_ni,
    .valid_i(meta_push),
    .ready_o(meta_room),
    .data_i (s_meta_i),
    .valid_o(meta_valid),
    .ready_i(take),
    .data_o (meta_o)
  );

  // ---------------------------------------------------------------- parse, and store meanwhile

  logic              p_valid, p_ready, p_last, fits, buf_ready, facts_room, p_fire;
  logic [DataW-1:0]  p_data;
  logic [ByteW-1:0]  unused_p_count;
  logic [LenW-1:0]   p_len;
  logic [BeatsW-1:0] beats_q;  // of this packet in the buffer
  espnic_records_pkg::ip_t p_ip;

  espnic_ip_parse #(.Lanes(Lanes)) u_parse (
    .clk_i, .rst_ni,
    .s_valid_i(parse_valid),
    .s_ready_o(parse_ready),
    .s_data_i, .s_count_i, .s_last_i,
    .m_valid_o(p_valid),
    .m_ready_i(p_ready),
    .m_data_o (p_data),
    .m_count_o(unused_p_count),
    .m_last_o (p_last),
    .m_len_o  (p_len),
    .ip_o     (p_ip)
  );

  // A frame without end must not fill the buffer: what is too much of it is taken, and lost.
  assign fits    = beats_q < BeatsW'(MaxBeats);
  assign p_ready = (buf_ready || !fits) && (facts_room || !p_last);
  assign p_fire  = p_valid && p_ready;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) beats_q <= '0;
    else if (p_fire) beats_q <= p_last ? '0 : fits ? beats_q + BeatsW'(1) : beats_q;
  end

  // Its length wraps only where nothing of it is used any more.
  espnic_fifo #(.Width(FactsW), .Depth(4)) u_facts (
    .clk_i, .rst_ni,
    .valid_i(p_fire && p_last),
    .ready_o(facts_room),
    .data_i ({!fits || p_len > LenW'(MaxFrame), fits ? beats_q + BeatsW'(1) : beats_q, p_ip}),
    .valid_o(facts_valid),
    .ready_i(take),
    .data_o (facts_o)
  );

  espnic_pkt_buf #(.DataW(DataW), .Beats(Beats)) u_buf (
    .clk_i, .rst_ni,
    .s_valid_i  (p_valid && fits && (facts_room || !p_last)),
    .s_ready_o  (buf_ready),
    .s_data_i   (p_data),
    .cmd_valid_i(cut_valid_i),
    .cmd_ready_o(cut_ready_o),
    .cmd_beats_i(cut_beats_i),
    .cmd_want_i (cut_want_i),
    .m_valid_o  (buf_valid_o),
    .m_ready_i  (buf_take_i),
    .m_data_o   (buf_data_o)
  );

  `ESPNIC_ASSUME(FitsTheBuffer, MaxBeats <= Beats && MaxFrame % BeatB == 0)

  logic unused;
  assign unused = ^unused_p_count;

endmodule
