// SPDX-License-Identifier: BSD-2-Clause
//
// In front of the inbound direction: finds the SA of each packet that does not name it. A packet is stored whole, looked at by
// espnic_ip_parse, and given on with its SA beside the first beat; SA 0, of which there is none, if it is not found.
//
//   s_* ─► parse ─┬► buffer ──────────────────► m_*
//                 └► facts ─► ask (espnic_sa_find) ─► SA
//
// Packets keep their order. Of a frame longer than MaxFrame one beat more than MaxFrame is given on, for espnic_esp_in to refuse.

`include "espnic_assert.svh"

module espnic_in_find #(
  parameter int Lanes = 1,
  parameter int Sas = 16,
  parameter int BufBytes = 32768,
  parameter int MaxFrame = 9728,       // bytes, whole beats
  localparam int SaW   = $clog2(Sas),
  localparam int DataW = Lanes * 128,
  localparam int BeatB = Lanes * 16
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             s_valid_i,
  output logic             s_ready_o,
  input  logic [DataW-1:0] s_data_i,
  input  logic [BeatB-1:0] s_keep_i,
  input  logic             s_last_i,
  input  logic             s_named_i,    // with the first beat: s_sa_i is its SA
  input  logic [SaW-1:0]   s_sa_i,
  output logic             m_valid_o,
  input  logic             m_ready_i,
  output logic [DataW-1:0] m_data_o,
  output logic [BeatB-1:0] m_keep_o,
  output logic             m_last_o,
  output logic [SaW-1:0]   m_sa_o,
  // espnic_sa_find
  output logic             ask_valid_o,
  output espnic_records_pkg::lookup_t ask_key_o,
  input  logic             found_valid_i,
  input  logic             found_i,
  input  logic [SaW-1:0]   found_sa_i
);

  localparam int LenW     = espnic_rtl_pkg::LenW;
  localparam int ByteW    = $clog2(BeatB + 1);
  localparam int Beats    = BufBytes / BeatB;
  localparam int BeatsW   = $clog2(Beats) + 1;
  localparam int MaxBeats = MaxFrame / BeatB + 1;
  localparam int LookupW  = espnic_records_pkg::LookupW;

  // ---------------------------------------------------------------- parse, and store meanwhile

  logic              p_valid, p_ready, p_last, p_fire, p_fits, store_ready, fact_room;
  logic [DataW-1:0]  p_data;
  logic [ByteW-1:0]  s_count, p_count;
  logic [BeatB-1:0]  p_keep;
  logic [BeatsW-1:0] p_beats_q;
  logic [LenW-1:0]   unused_len;
  logic              first_q, named_q;
  logic [SaW-1:0]    sa_q;
  espnic_records_pkg::ip_t p_ip;
  espnic_records_pkg::lookup_t p_key;

  always_comb begin
    s_count = '0;
    for (int b = 0; b < BeatB; b++) begin
      if (s_keep_i[b]) s_count = ByteW'(b + 1);
    end
    for (int b = 0; b < BeatB; b++) p_keep[b] = ByteW'(b) < p_count;
  end

  // The parser holds one beat, so at a packet's last one these are still its own.
  always_ff @(posedge clk_i) begin
    if (!rst_ni) first_q <= 1'b1;
    else if (s_valid_i && s_ready_o) first_q <= s_last_i;
    if (s_valid_i && s_ready_o && first_q) begin
      named_q <= s_named_i;
      sa_q    <= s_sa_i;
    end
  end

  espnic_ip_parse #(.Lanes(Lanes)) u_parse (
    .clk_i, .rst_ni, .s_valid_i, .s_ready_o, .s_data_i, .s_last_i,
    .s_count_i(s_count),
    .m_valid_o(p_valid),
    .m_ready_i(p_ready),
    .m_data_o (p_data),
    .m_count_o(p_count),
    .m_last_o (p_last),
    .m_len_o  (unused_len),
    .ip_o     (p_ip)
  );

  // What is too much of a frame without end is lost.
  assign p_fits  = p_beats_q < BeatsW'(MaxBeats);
  assign p_ready = (store_ready || !p_fits) && (fact_room || !p_last);
  assign p_fire  = p_valid && p_ready;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) p_beats_q <= '0;
    else if (p_fire) p_beats_q <= p_last ? '0 : p_fits ? p_beats_q + BeatsW'(1) : p_beats_q;
  end

  // A packet that does not show an SPI has no SA: what stands behind its end is of another one.
  logic            p_is_esp;
  logic [LenW-1:0] p_room;

  assign p_room   = p_ip.len - p_ip.upper_off;
  assign p_is_esp = p_ip.good && !p_ip.fragment &&
                    (p_key.udp ? p_room >= LenW'(espnic_rtl_pkg::UdpHlen + espnic_rtl_pkg::EspHlen) :
                     p_ip.proto == espnic_rtl_pkg::ProtoEsp && p_room >= LenW'(espnic_rtl_pkg::EspHlen));
  always_comb begin
    p_key.udp = p_ip.proto == espnic_rtl_pkg::ProtoUdp;
    p_key.v6  = p_ip.v6;
    p_key.dst = p_ip.dst;
    p_key.spi = espnic_rtl_pkg::be32(p_key.udp ? p_ip.upper[95:64] : p_ip.upper[31:0]);
  end

  localparam int FactW = BeatsW + LookupW + 1 + SaW + 1;

  logic [FactW-1:0]  fact;
  logic              fact_valid, fact_take, known;
  logic [BeatsW-1:0] beats;
  logic [LookupW-1:0] key;
  logic              is_esp, named;
  logic [SaW-1:0]    sa;

  espnic_fifo #(.Width(FactW), .Depth(4)) u_fact (
    .clk_i, .rst_ni,
    .valid_i(p_fire && p_last),
    .ready_o(fact_room),
    .data_i ({p_fits ? p_beats_q + BeatsW'(1) : p_beats_q, p_key, p_is_esp, sa_q,
              named_q}),
    .valid_o(fact_valid),
    .ready_i(fact_take),
    .data_o (fact)
  );
  assign {beats, key, is_esp, sa, named} = fact;

  // ---------------------------------------------------------------- ask, and give on

  logic              asked_q, known_q, job_room, job_valid, cmd_room, cmd_valid, cmd_take, go;
  logic [SaW-1:0]    known_sa_q, go_sa;
  logic [BeatsW-1:0] cmd_beats;

  assign known       = named || !is_esp || known_q;
  assign ask_valid_o = fact_valid && !known && !asked_q;
  assign ask_key_o   = key;
  assign go          = fact_valid && known && job_room && cmd_room;
  assign fact_take   = go;
  assign go_sa       = named ? sa : known_q ? known_sa_q : '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || go) begin
      asked_q <= 1'b0;
      known_q <= 1'b0;
    end else begin
      if (ask_valid_o) asked_q <= 1'b1;
      if (asked_q && found_valid_i) known_q <= 1'b1;
    end
    if (asked_q && found_valid_i) known_sa_q <= found_i ? found_sa_i : '0;
  end

  espnic_fifo #(.Width(BeatsW), .Depth(2)) u_cmd (
    .clk_i, .rst_ni,
    .valid_i(go),
    .ready_o(cmd_room),
    .data_i (beats),
    .valid_o(cmd_valid),
    .ready_i(cmd_take),
    .data_o (cmd_beats)
  );

  espnic_pkt_buf #(.DataW(DataW + BeatB), .Beats(Beats)) u_store (
    .clk_i, .rst_ni,
    .s_valid_i  (p_valid && p_fits && (fact_room || !p_last)),
    .s_ready_o  (store_ready),
    .s_data_i   ({p_keep, p_data}),
    .cmd_valid_i(cmd_valid),
    .cmd_ready_o(cmd_take),
    .cmd_beats_i(cmd_beats),
    .cmd_want_i (cmd_beats),
    .m_valid_o,
    .m_ready_i,
    .m_data_o   ({m_keep_o, m_data_o})
  );

  logic [BeatsW-1:0] job_beats, out_q;

  espnic_fifo #(.Width(SaW + BeatsW), .Depth(4)) u_job (
    .clk_i, .rst_ni,
    .valid_i(go),
    .ready_o(job_room),
    .data_i ({go_sa, beats}),
    .valid_o(job_valid),
    .ready_i(m_valid_o && m_ready_i && m_last_o),
    .data_o ({m_sa_o, job_beats})
  );

  assign m_last_o = out_q + BeatsW'(1) == job_beats;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) out_q <= '0;
    else if (m_valid_o && m_ready_i) out_q <= m_last_o ? '0 : out_q + BeatsW'(1);
  end

  `ESPNIC_ASSERT(JobOfEachPacket, !m_valid_o || job_valid)
  `ESPNIC_COVER(NotFound, asked_q && found_valid_i && !found_i)

  logic unused;
  assign unused = ^{unused_len, p_ip};

endmodule
