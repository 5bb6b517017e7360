// SPDX-License-Identifier: BSD-2-Clause
//
// The checksum of ESP in UDP over IPv6 (RFC 8200 section 8.1: it must be there; 0 is sent as ffff). It stands in front of the ciphertext that
// it covers, so a packet that wants one is stored whole, a beat a clock, the last three clocks behind that of the packet in front; all others pass by in
// no clock, once what is stored has gone.
//
//   s_* ─┬──────────── no checksum ────────────┬─► m_*
//        └► buffer ─────────────► checksum in ─┘
//        └► sum of words ─► job ──────▲
//
//   sum of   addresses: bytes 8..39 of the packet | UDP header with checksum 0, and all behind it | its length | 17

`include "espnic_assert.svh"

module espnic_udp_csum #(
  parameter int Lanes = 1,
  parameter int BufBytes = 16384,
  localparam int DataW  = Lanes * 128,
  localparam int BeatB  = Lanes * 16,
  localparam int CountW = $clog2(BeatB + 1),
  localparam int LenW   = espnic_rtl_pkg::LenW
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              job_valid_i,     // one for each packet
  output logic              job_ready_o,
  input  logic              job_csum_i,      // IPv6 with UDP at job_off_i
  input  logic [LenW-1:0]   job_off_i,       // bytes, a multiple of 4
  input  logic [15:0]       job_len_i,       // of UDP, with its header
  input  logic              s_valid_i,
  output logic              s_ready_o,
  input  logic [DataW-1:0]  s_data_i,
  input  logic [CountW-1:0] s_count_i,       // bytes
  input  logic              s_last_i,
  output logic              m_valid_o,
  input  logic              m_ready_i,
  output logic [DataW-1:0]  m_data_o,
  output logic [CountW-1:0] m_count_o,
  output logic              m_last_o
);

  localparam int Beats  = BufBytes / BeatB;
  localparam int BeatsW = $clog2(Beats) + 1;
  localparam int Halves = BeatB / 2;
  localparam int SumW   = 17 + $clog2(Halves);
  localparam int AccW   = 16 + LenW;            // of a packet's words
  localparam logic [LenW-1:0] AddrOff = LenW'(8);
  localparam logic [LenW-1:0] AddrEnd = LenW'(espnic_rtl_pkg::Ipv6Hlen);
  localparam logic [LenW-1:0] CsumOff = LenW'(6);    // in the UDP header

  // ---------------------------------------------------------------- which way

  logic store, pass, take, s_fire, buf_ready, done_room, done_valid;
  logic sum_pend_q, last_pend_q;

  // What is stored goes first.
  assign store     = job_valid_i && job_csum_i;
  assign pass      = job_valid_i && !job_csum_i && !done_valid && !sum_pend_q && !last_pend_q;
  assign take      = store && (!s_last_i || (done_room && !sum_pend_q && !last_pend_q));
  assign s_ready_o = store ? buf_ready && take : pass && m_ready_i;
  assign s_fire    = s_valid_i && s_ready_o;
  assign job_ready_o = s_fire && s_last_i;

  // ---------------------------------------------------------------- the sum: of a beat, then of all

  logic [LenW-1:0]   pos_q;
  logic [BeatsW-1:0] beats_q;
  logic [SumW-1:0]   beat_sum, beat_sum_q;
  logic [AccW-1:0]   acc_q, total;
  logic [16:0]       once;
  logic [15:0]       folded, csum;

  always_comb begin
    beat_sum = '0;
    for (int h = 0; h < Halves; h++) begin
      if (CountW'(2 * h) < s_count_i && ((pos_q + LenW'(2 * h) >= AddrOff && pos_q + LenW'(2 * h) < AddrEnd) ||
                                         pos_q + LenW'(2 * h) >= job_off_i)) begin
        beat_sum = beat_sum + SumW'({s_data_i[h*16+:8], s_data_i[h*16+8+:8]});
      end
    end
  end

  logic [LenW-1:0]   last_off_q;
  logic [15:0]       last_len_q;
  logic [BeatsW-1:0] last_beats_q;
  logic [CountW-1:0] last_count_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      pos_q       <= '0;
      beats_q     <= '0;
      sum_pend_q  <= 1'b0;
      last_pend_q <= 1'b0;
    end else begin
      if (s_fire) pos_q <= s_last_i ? '0 : pos_q + LenW'(BeatB);
      if (s_fire) beats_q <= s_last_i ? '0 : beats_q + BeatsW'(1);
      sum_pend_q  <= s_fire && store && s_last_i;
      last_pend_q <= sum_pend_q;
    end
  end

  // Two clocks from a packet's last beat to its checksum, in which the next one's first beats come, but not its last.
  logic first_q, sum_valid_q;

  always_ff @(posedge clk_i) begin
    if (s_fire) beat_sum_q <= beat_sum;
    if (s_fire) first_q <= pos_q == '0;
    sum_valid_q <= rst_ni && s_fire && store;
    if (sum_valid_q) acc_q <= (first_q ? '0 : acc_q) + AccW'(beat_sum_q);
    if (s_fire && s_last_i) begin
      last_off_q   <= job_off_i;
      last_len_q   <= job_len_i;
      last_beats_q <= beats_q + BeatsW'(1);
      last_count_q <= s_count_i;
    end
  end

  assign total  = acc_q + AccW'(last_len_q) + AccW'(espnic_rtl_pkg::ProtoUdp);
  assign once   = 17'(total[15:0]) + 17'(total[AccW-1:16]);
  assign folded = once[15:0] + 16'(once[16]);
  assign csum   = folded == 16'hffff ? 16'hffff : ~folded;

  // ---------------------------------------------------------------- what is stored, and its way out

  localparam int DoneW = BeatsW + CountW + LenW + 16;

  logic [DoneW-1:0]  done;
  logic              cmd_ready, out_valid, out_ready, out_fire, done_take;
  logic [DataW-1:0]  out_data, patched;
  logic [BeatsW-1:0] d_beats, d_at_q;
  logic [CountW-1:0] d_count;
  logic [LenW-1:0]   d_off, d_base;
  logic [15:0]       d_csum;
  logic              cmd_valid, cmd_room, out_last;
  logic [BeatsW-1:0] cmd_beats;

  espnic_fifo #(.Width(BeatsW), .Depth(4)) u_cmd (
    .clk_i, .rst_ni,
    .valid_i(last_pend_q),
    .ready_o(cmd_room),
    .data_i (last_beats_q),
    .valid_o(cmd_valid),
    .ready_i(cmd_ready),
    .data_o (cmd_beats)
  );

  espnic_fifo #(.Width(DoneW), .Depth(4)) u_done (
    .clk_i, .rst_ni,
    .valid_i(last_pend_q),
    .ready_o(done_room),
    .data_i ({last_beats_q, last_count_q, last_off_q, csum}),
    .valid_o(done_valid),
    .ready_i(done_take),
    .data_o (done)
  );
  assign {d_beats, d_count, d_off, d_csum} = done;

  espnic_pkt_buf #(.DataW(DataW), .Beats(Beats)) u_buf (
    .clk_i, .rst_ni,
    .s_valid_i  (s_valid_i && take),
    .s_ready_o  (buf_ready),
    .s_data_i,
    .cmd_valid_i(cmd_valid),
    .cmd_ready_o(cmd_ready),
    .cmd_beats_i(cmd_beats),
    .cmd_want_i (cmd_beats),
    .m_valid_o  (out_valid),
    .m_ready_i  (out_ready),
    .m_data_o   (out_data)
  );

  assign d_base    = LenW'(d_at_q) * LenW'(BeatB);
  assign out_last  = d_at_q == d_beats - BeatsW'(1);
  assign out_ready = done_valid && m_ready_i;
  assign out_fire  = out_valid && out_ready;
  assign done_take = out_fire && out_last;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) d_at_q <= '0;
    else if (out_fire) d_at_q <= out_last ? '0 : d_at_q + BeatsW'(1);
  end

  always_comb begin
    patched = out_data;
    for (int h = 0; h < Halves; h++) begin
      if (d_base + LenW'(2 * h) == d_off + CsumOff) patched[h*16+:16] = espnic_rtl_pkg::be16(d_csum);
    end
  end

  assign m_valid_o = done_valid ? out_valid : s_valid_i && pass;
  assign m_data_o  = done_valid ? patched : s_data_i;
  assign m_count_o = !done_valid ? s_count_i : out_last ? d_count : CountW'(BeatB);
  assign m_last_o  = done_valid ? out_last : s_last_i;

  `ESPNIC_ASSERT(RoomForDone, !last_pend_q || (done_room && cmd_room))
  `ESPNIC_COVER(StoredBehindStored, s_fire && store && done_valid)
  `ESPNIC_COVER(PassWaits, s_valid_i && job_valid_i && !job_csum_i && done_valid)

endmodule
