// SPDX-License-Identifier: BSD-2-Clause
//
// Watches one valid/ready hop: what is offered stays offered, unchanged, until it is taken, and nothing is offered
// in the first clock after a reset. Put one at each hop; it is empty for synthesis.
//
//   Master = 1: the hop is an output of the module around, so the rules are asserted.
//   Master = 0: it is an input, so the prover may assume them (simulation asserts them all the same).

`include "espnic_assert.svh"

module espnic_stream_check #(
  parameter int Width = 8,
  parameter bit Master = 1'b1
) (
  input logic             clk_i,
  input logic             rst_ni,
  input logic             valid_i,
  input logic             ready_i,
  input logic [Width-1:0] payload_i
);

`ifdef ESPNIC_CHECKS
  logic             waiting_q;  // offered and not taken in the clock before
  logic [Width-1:0] payload_q;

  always_ff @(posedge clk_i) begin
    waiting_q <= rst_ni && valid_i && !ready_i;
    payload_q <= payload_i;
  end

  if (Master) begin : gen_assert
    logic fresh_q;  // the clock before was a reset
    always_ff @(posedge clk_i) fresh_q <= !rst_ni;
    `ESPNIC_ASSERT(ValidHeld, !waiting_q || valid_i)
    `ESPNIC_ASSERT(PayloadHeld, !waiting_q || payload_i == payload_q)
    `ESPNIC_ASSERT(QuietAfterReset, !fresh_q || !valid_i)
  end else begin : gen_assume
    `ESPNIC_ASSUME(ValidHeld, !waiting_q || valid_i)
    `ESPNIC_ASSUME(PayloadHeld, !waiting_q || payload_i == payload_q)
  end
  `ESPNIC_COVER(Stalled, waiting_q && ready_i)
`else
  logic unused;
  assign unused = ^{clk_i, rst_ni, valid_i, ready_i, payload_i};
`endif

endmodule
