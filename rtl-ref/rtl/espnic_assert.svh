// SPDX-License-Identifier: BSD-2-Clause
//
// Assertions that Verilator runs and yosys-smtbmc proves, from one text.
//
// Both take immediate assertions in a clocked process, and little more than that in common; so a property is
// an expression over the values before a clock edge, and what spans clocks goes through registers of its own
// (espnic_stream_check is the example). Synthesis and other simulators see nothing.
//
//   `ESPNIC_ASSERT(name, expr)   expr holds at each rising edge of clk_i outside of reset
//   `ESPNIC_ASSUME(name, expr)   what the environment promises: assumed by the prover, asserted in simulation
//   `ESPNIC_COVER(name, expr)    counted by `verilator --coverage-user`; the prover shows a trace to it
//
// All three use clk_i and rst_ni of the module they stand in, and name becomes a label, so it is one of a kind there.

`ifndef ESPNIC_ASSERT_SVH
`define ESPNIC_ASSERT_SVH

`ifdef FORMAL
  `define ESPNIC_CHECKS
  `define ESPNIC_ASSERT(name, expr) always @(posedge clk_i) if (rst_ni) begin name: assert (expr); end
  `define ESPNIC_ASSUME(name, expr) always @(posedge clk_i) if (rst_ni) begin name: assume (expr); end
  `define ESPNIC_COVER(name, expr) always @(posedge clk_i) if (rst_ni) begin name: cover (expr); end
`elsif VERILATOR
  `define ESPNIC_CHECKS
  `define ESPNIC_ASSERT(name, expr) \
    always @(posedge clk_i) if (rst_ni) begin name: assert (expr) else $error("%m"); end
  `define ESPNIC_ASSUME(name, expr) `ESPNIC_ASSERT(name, expr)
  `define ESPNIC_COVER(name, expr) name: cover property (@(posedge clk_i) rst_ni && (expr));
`else
  `define ESPNIC_ASSERT(name, expr)
  `define ESPNIC_ASSUME(name, expr)
  `define ESPNIC_COVER(name, expr)
`endif

`endif
