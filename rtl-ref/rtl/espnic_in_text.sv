// SPDX-License-Identifier: BSD-2-Clause
//
// Takes the ICV off the end of what is to be authenticated. Both may end at any byte.
//
//   s_*   | body ............................. | ICV | x x |       from byte 0 of its first beat on
//   m_*   | body ............................. |
//   icv_o | ICV | 0 ...                                            from bit 0 on

`include "espnic_assert.svh"

module espnic_in_text #(
  parameter int Lanes = 1,
  localparam int DataW  = Lanes * 128,
  localparam int BeatB  = Lanes * 16,
  localparam int CountW = $clog2(BeatB + 1)
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              job_valid_i,      // one for each packet
  output logic              job_ready_o,
  input  logic [espnic_rtl_pkg::LenW-1:0] job_body_len_i,  // bytes, not 0
  input  logic [4:0]        job_icv_len_i,    // bytes
  input  logic              s_valid_i,
  output logic              s_ready_o,
  input  logic [DataW-1:0]  s_data_i,
  output logic              m_valid_o,
  input  logic              m_ready_i,
  output logic [DataW-1:0]  m_data_o,
  output logic [CountW-1:0] m_count_o,        // bytes
  output logic              m_last_o,
  output logic              icv_valid_o,
  input  logic              icv_ready_i,
  output logic [127:0]      icv_o
);

  localparam int LenW = espnic_rtl_pkg::LenW;

  logic [LenW-1:0] pos_q, total, left;
  logic            in_body, ends, fire;
  logic [127:0]    before_q;                  // the last bytes of the beat in front
  logic [DataW+127:0] window;
  logic [CountW:0] from;                      // where the ICV begins in it

  assign total   = job_body_len_i + LenW'(job_icv_len_i);
  assign in_body = pos_q < job_body_len_i;
  assign ends    = total - pos_q <= LenW'(BeatB);
  assign left    = job_body_len_i - pos_q;

  assign m_valid_o   = job_valid_i && s_valid_i && in_body && (!ends || icv_ready_i);
  assign icv_valid_o = job_valid_i && s_valid_i && ends && (!in_body || m_ready_i);
  assign fire        = job_valid_i && s_valid_i && (!in_body || m_ready_i) && (!ends || icv_ready_i);
  assign s_ready_o   = fire;
  assign job_ready_o = fire && ends;

  assign m_data_o  = s_data_i;
  assign m_last_o  = left <= LenW'(BeatB);
  assign m_count_o = m_last_o ? CountW'(left) : CountW'(BeatB);

  assign window = {s_data_i, before_q};
  assign from   = (CountW + 1)'(LenW'(16) + total - pos_q - LenW'(job_icv_len_i));

  always_comb begin
    icv_o = 128'(window >> {from, 3'b000});
    for (int b = 0; b < 16; b++) begin
      if (5'(b) >= job_icv_len_i) icv_o[b*8+:8] = '0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) pos_q <= '0;
    else if (fire) pos_q <= ends ? '0 : pos_q + LenW'(BeatB);
  end

  always_ff @(posedge clk_i) begin
    if (fire) before_q <= s_data_i[DataW-1-:128];
  end

  `ESPNIC_ASSUME(HasBody, !job_valid_i || job_body_len_i != '0)
  `ESPNIC_COVER(IcvInTwoBeats, fire && ends && from < (CountW + 1)'(16))
  `ESPNIC_COVER(BeatOfIcvAlone, fire && !in_body)

endmodule
