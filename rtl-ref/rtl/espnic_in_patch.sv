// SPDX-License-Identifier: BSD-2-Clause
//
// The clear packet on its way out, cut to its length, with what decapsulation changes of its header: ECN in tunnel mode (the
// IPv4 checksum follows by RFC 1624), length, protocol and checksum in transport mode. All but the protocol
// stands in the first 16 bytes.

`include "espnic_assert.svh"

module espnic_in_patch #(
  parameter int Lanes = 1,
  localparam int DataW  = Lanes * 128,
  localparam int BeatB  = Lanes * 16,
  localparam int CountW = $clog2(BeatB + 1)
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              job_valid_i,     // one for each packet
  output logic              job_ready_o,
  input  logic [espnic_rtl_pkg::LenW-1:0] job_len_i,   // bytes, not 0
  input  logic              job_v6_i,
  input  logic              job_tunnel_i,
  input  logic [1:0]        job_ecn_i,       // tunnel
  input  logic [espnic_rtl_pkg::LenW-1:0] job_next_off_i,  // transport: byte that gets job_next_i
  input  logic [7:0]        job_next_i,
  input  logic [15:0]       job_head_sum_i,  // transport, IPv4: espnic_ip_parse
  input  logic              s_valid_i,
  output logic              s_ready_o,
  input  logic [DataW-1:0]  s_data_i,
  output logic              m_valid_o,
  input  logic              m_ready_i,
  output logic [DataW-1:0]  m_data_o,
  output logic [CountW-1:0] m_count_o,       // bytes
  output logic              m_last_o
);

  localparam int LenW = espnic_rtl_pkg::LenW;

  logic [LenW-1:0] pos_q, left;
  logic            fire;

  assign left        = job_len_i - pos_q;
  assign m_valid_o   = job_valid_i && s_valid_i;
  assign fire        = m_valid_o && m_ready_i;
  assign s_ready_o   = job_valid_i && m_ready_i;
  assign m_last_o    = left <= LenW'(BeatB);
  assign m_count_o   = m_last_o ? CountW'(left) : CountW'(BeatB);
  assign job_ready_o = fire && m_last_o;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) pos_q <= '0;
    else if (fire) pos_q <= m_last_o ? '0 : pos_q + LenW'(BeatB);
  end

  function automatic logic [15:0] fold(input logic [17:0] x);
    logic [16:0] once;
    once = 17'(x[15:0]) + 17'(x[17:16]);
    fold = once[15:0] + 16'(once[16]);
  endfunction

  // IPv4 over transport mode: the sum of the new header. Over tunnel mode: HC' = ~(~HC + ~m + m'), m the first two bytes.
  logic [15:0] length, own_csum, old_first, new_first, ecn_csum;

  assign length    = 16'(job_v6_i ? job_len_i - LenW'(espnic_rtl_pkg::Ipv6Hlen) : job_len_i);
  assign own_csum  = ~fold(18'(job_head_sum_i) + 18'(length) + 18'(job_next_i));
  assign old_first = espnic_rtl_pkg::be16(s_data_i[15:0]);
  assign new_first = {old_first[15:2], job_ecn_i};
  assign ecn_csum  = ~fold(18'(16'(~espnic_rtl_pkg::be16(s_data_i[10*8+:16]))) + 18'(16'(~old_first)) + 18'(new_first));

  always_comb begin
    m_data_o = s_data_i;
    if (job_tunnel_i) begin
      if (pos_q == '0) begin
        if (job_v6_i) begin
          m_data_o[13:12] = job_ecn_i;
        end else if (new_first != old_first) begin
          m_data_o[9:8]      = job_ecn_i;
          m_data_o[10*8+:16] = espnic_rtl_pkg::be16(ecn_csum);
        end
      end
    end else begin
      if (pos_q == '0) begin
        if (job_v6_i) begin
          m_data_o[4*8+:16] = espnic_rtl_pkg::be16(length);
        end else begin
          m_data_o[2*8+:16]  = espnic_rtl_pkg::be16(length);
          m_data_o[10*8+:16] = espnic_rtl_pkg::be16(own_csum);
        end
      end
      for (int b = 0; b < BeatB; b++) begin
        if (job_next_off_i == pos_q + LenW'(b)) m_data_o[b*8+:8] = job_next_i;
      end
    end
  end

  `ESPNIC_ASSUME(HasBytes, !job_valid_i || job_len_i != '0)
  `ESPNIC_COVER(EcnChanges, fire && pos_q == '0 && job_tunnel_i && new_first != old_first)

endmodule
