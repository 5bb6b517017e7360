// SPDX-License-Identifier: BSD-2-Clause
//
// Puts TFC padding, padding, pad length and next header (RFC 4303 sections 2.4 to 2.7) behind the payload of each packet.
// The payload comes in whole words; what its last word holds behind its last byte is overwritten.
//
//   s_*   | payload ................ x x |
//   m_*   | payload ................ | 0 0 0 ... | 1 2 .. | pad length | next header |
//         0                          body_end    tfc_end  pad_end                    total
//
// For AES-GMAC what is authenticated in front of the payload comes with it and counts as payload here.

`include "espnic_assert.svh"

module espnic_esp_trailer #(
  parameter int Lanes = 1,
  localparam int DataW  = Lanes * 128,
  localparam int BeatB  = Lanes * 16,
  localparam int CountW = $clog2(BeatB + 1)
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              job_valid_i,     // one for each packet
  output logic              job_ready_o,
  input  logic [espnic_rtl_pkg::LenW-1:0] job_body_end_i,
  input  logic [espnic_rtl_pkg::LenW-1:0] job_tfc_end_i,
  input  logic [1:0]        job_pad_len_i,
  input  logic [7:0]        job_next_i,
  input  logic              s_valid_i,       // nothing of a packet whose body_end is 0
  output logic              s_ready_o,
  input  logic [DataW-1:0]  s_data_i,
  output logic              m_valid_o,
  input  logic              m_ready_i,
  output logic [DataW-1:0]  m_data_o,
  output logic [CountW-1:0] m_count_o,       // bytes
  output logic              m_last_o
);

  localparam int LenW = espnic_rtl_pkg::LenW;

  logic [LenW-1:0] pos_q, next_pos, pad_end, total;
  logic            ready, fire, from_body;

  assign pad_end     = job_tfc_end_i + LenW'(job_pad_len_i);
  assign total       = pad_end + LenW'(espnic_rtl_pkg::EspTrailer);
  assign from_body   = pos_q < job_body_end_i;
  assign next_pos    = pos_q + LenW'(BeatB);
  assign ready       = !m_valid_o || m_ready_i;
  assign fire        = job_valid_i && ready && (s_valid_i || !from_body);
  assign s_ready_o   = job_valid_i && ready && from_body;
  assign job_ready_o = fire && next_pos >= total;

  // How many bytes of this beat lie in front of a mark; what comes of it below are compares with constants.
  function automatic logic [CountW-1:0] in_front(input logic [LenW-1:0] mark, input logic [LenW-1:0] pos);
    if (mark <= pos) in_front = '0;
    else if (mark - pos >= LenW'(BeatB)) in_front = CountW'(BeatB);
    else in_front = CountW'(mark - pos);
  endfunction

  logic [CountW-1:0] body, tfc, pad, last;
  logic [DataW-1:0]  data;
  logic [1:0]        pad_from;

  assign body     = in_front(job_body_end_i, pos_q);
  assign tfc      = in_front(job_tfc_end_i, pos_q);
  assign pad      = in_front(pad_end, pos_q);
  assign last     = in_front(pad_end + LenW'(1), pos_q);
  // Padding is shorter than a word, so its bytes are told apart by two bits of their place.
  assign pad_from = 2'(pos_q) - 2'(job_tfc_end_i);

  always_comb begin
    for (int b = 0; b < BeatB; b++) begin
      if (CountW'(b) < body)      data[b*8+:8] = s_data_i[b*8+:8];
      else if (CountW'(b) < tfc)  data[b*8+:8] = 8'd0;
      else if (CountW'(b) < pad)  data[b*8+:8] = {6'd0, pad_from + 2'(b) + 2'd1};
      else if (CountW'(b) < last) data[b*8+:8] = {6'd0, job_pad_len_i};
      else                        data[b*8+:8] = job_next_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      m_valid_o <= 1'b0;
      pos_q     <= '0;
    end else begin
      if (ready) m_valid_o <= fire;
      if (fire) pos_q <= job_ready_o ? '0 : next_pos;
    end
  end

  always_ff @(posedge clk_i) begin
    if (fire) begin
      m_data_o  <= data;
      m_last_o  <= job_ready_o;
      m_count_o <= in_front(total, pos_q);
    end
  end

  `ESPNIC_ASSUME(MarksInOrder, !job_valid_i || job_body_end_i <= job_tfc_end_i)
  `ESPNIC_COVER(TrailerAlone, fire && !from_body && pos_q != '0)
  espnic_stream_check #(.Width(DataW + CountW + 1)) u_check_m (
    .clk_i, .rst_ni, .valid_i(m_valid_o), .ready_i(m_ready_i), .payload_i({m_last_o, m_count_o, m_data_o})
  );

endmodule
