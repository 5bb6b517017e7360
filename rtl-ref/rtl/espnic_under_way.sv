// SPDX-License-Identifier: BSD-2-Clause
//
// Packets of one direction between their first beat and their answer, which come in the same order: how many there are,
// and when all have been answered that had come up to some clock.

`include "espnic_assert.svh"

module espnic_under_way #(
  parameter int Most = 128,              // packets that fit in, a power of two
  localparam int W = $clog2(Most) + 1
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic come_i,                   // a packet's first beat is taken
  input  logic answered_i,
  input  logic mark_i,                   // those that have come up to this clock, this one too
  output logic any_o,
  output logic settled_o                 // all that the last mark meant are answered
);

  logic [W-1:0] come_q, answered_q, mark_q, left;

  assign any_o     = come_q != answered_q;
  // Ahead of the mark, or at it: the difference is not above half of what the counters hold.
  assign left      = mark_q - answered_q;
  assign settled_o = left == '0 || left[W-1];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      come_q     <= '0;
      answered_q <= '0;
      mark_q     <= '0;
    end else begin
      if (come_i) come_q <= come_q + W'(1);
      if (answered_i) answered_q <= answered_q + W'(1);
      if (mark_i) mark_q <= come_q + W'(come_i);
      // The mark goes with what is answered, so that it is never far behind.
      else if (settled_o) mark_q <= answered_q;
    end
  end

  `ESPNIC_ASSERT(AnswersWhatCame, !answered_i || any_o)
  `ESPNIC_ASSERT(NotTooMany, come_q - answered_q < W'(Most))

endmodule
