// SPDX-License-Identifier: BSD-2-Clause
//
// Catches what stands still: with something to do and nobody in its way, a pipeline must move within Limit clocks. Checks alone;
// synthesis sees nothing.

`include "espnic_assert.svh"

module espnic_watchdog #(
  parameter int Limit = 4096   // clocks
) (
  input logic clk_i,
  input logic rst_ni,
  input logic to_do_i,         // packets are under way, and all that is waited for is offered
  input logic free_i,          // whoever takes what comes out is ready
  input logic move_i           // something went in or came out
);

`ifdef ESPNIC_CHECKS
  logic [$clog2(Limit):0] still_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || move_i || !to_do_i || !free_i) still_q <= '0;
    else still_q <= still_q + 1'b1;
  end

  `ESPNIC_ASSERT(Moves, int'(still_q) < Limit)
`else
  logic unused;
  assign unused = ^{clk_i, rst_ni, to_do_i, free_i, move_i};
`endif

endmodule
