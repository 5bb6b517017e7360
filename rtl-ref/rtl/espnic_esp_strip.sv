// SPDX-License-Identifier: BSD-2-Clause
//
// Watches decrypted packets pass, and with the last beat of each says what its ESP trailer is: RFC 4303 section 3.4.4.1 steps 3 and
// 4. Padding is right if it is 1, 2, 3, ... to the pad length: if its last byte is the pad length, and enough bytes in front of
// that each are one more than the byte before. So one number has to be kept from beat to beat, for two places.
//
//   | payload ......... | 1 2 3 ... n | n | next |
//                               last pad byte   end

`include "espnic_assert.svh"

module espnic_esp_strip #(
  parameter int Lanes = 1,
  localparam int DataW  = Lanes * 128,
  localparam int BeatB  = Lanes * 16,
  localparam int CountW = $clog2(BeatB + 1)
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              fire_i,        // a beat passes
  input  logic [DataW-1:0]  data_i,
  input  logic [CountW-1:0] count_i,       // bytes
  input  logic              last_i,
  output logic [7:0]        pad_len_o,     // with the last beat, this and the next two
  output logic [7:0]        next_o,
  output logic              pad_good_o     // if it is not longer than the payload
);

  localparam int RunW = 8;
  localparam logic [RunW-1:0] RunMax = '1;  // a longer one is as good: no pad length is longer

  logic              some_q;                // a beat of this packet has passed
  logic [15:0]       tail_q;                // its last two bytes
  logic [RunW-1:0]   run_q [2];             // bytes in a row up to each of them that are one more than theirs before

  // Byte i of the window is byte i - 2 of the beat.
  logic [DataW+15:0] window;
  logic [BeatB-1:0]  rises;                 // byte i of the beat is one more than that in front of it

  assign window = {data_i, tail_q};

  always_comb begin
    for (int i = 0; i < BeatB; i++) begin
      rises[i] = window[(i+2)*8+:8] == window[(i+1)*8+:8] + 8'd1 && (i != 0 || some_q);
    end
  end

  // The run that ends at byte @at of this beat
  function automatic logic [RunW-1:0] run_at(input logic [BeatB-1:0] up, input logic [CountW-1:0] at,
                                             input logic [RunW-1:0] so_far);
    logic            broken;
    logic [CountW-1:0] since;
    logic [RunW:0]   sum;
    broken = 1'b0;
    since  = '0;
    for (int i = 0; i < BeatB; i++) begin
      if (CountW'(i) <= at && !up[i]) begin
        broken = 1'b1;
        since  = CountW'(i);
      end
    end
    sum = broken ? (RunW + 1)'(at - since) : (RunW + 1)'(so_far) + (RunW + 1)'(at) + (RunW + 1)'(1);
    run_at = sum > (RunW + 1)'(RunMax) ? RunMax : RunW'(sum);
  endfunction

  logic [RunW-1:0]   run_pad;
  logic [7:0]        last_pad;
  logic [CountW-1:0] pad_at;

  assign pad_at = count_i - CountW'(3);

  always_comb begin
    next_o    = 8'd0;
    pad_len_o = 8'd0;
    last_pad  = 8'd0;
    for (int n = 1; n <= BeatB; n++) begin
      if (count_i == CountW'(n)) begin
        next_o    = window[(n+1)*8+:8];
        pad_len_o = window[n*8+:8];
        last_pad  = window[(n-1)*8+:8];
      end
    end
    if (count_i == CountW'(1)) run_pad = run_q[0];
    else if (count_i == CountW'(2)) run_pad = run_q[1];
    else run_pad = run_at(rises, pad_at, run_q[1]);
  end

  assign pad_good_o = pad_len_o == '0 || (last_pad == pad_len_o && run_pad >= pad_len_o - 8'd1);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) some_q <= 1'b0;
    else if (fire_i) some_q <= !last_i;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || (fire_i && last_i)) begin
      run_q[0] <= '0;
      run_q[1] <= '0;
    end else if (fire_i) begin
      run_q[0] <= run_at(rises, CountW'(BeatB - 2), run_q[1]);
      run_q[1] <= run_at(rises, CountW'(BeatB - 1), run_q[1]);
    end
  end

  always_ff @(posedge clk_i) begin
    if (fire_i) tail_q <= data_i[DataW-1-:16];
  end

  `ESPNIC_ASSUME(FullButForTheLast, !fire_i || last_i || count_i == CountW'(BeatB))
  `ESPNIC_COVER(TrailerInTwoBeats, fire_i && last_i && count_i == CountW'(1) && some_q)

endmodule
