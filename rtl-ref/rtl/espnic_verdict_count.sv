// SPDX-License-Identifier: BSD-2-Clause
//
// Packets by SA and verdict, 64 bits each: one a clock, also of one counter in a row. Reading and writing wait for clocks
// without a packet; what is asked for is answered two clocks after it was taken, with the count before.

`include "espnic_assert.svh"

module espnic_verdict_count #(
  parameter int Sas = 16,
  localparam int SaW = $clog2(Sas)
) (
  input  logic           clk_i,
  input  logic           rst_ni,
  input  logic           count_i,
  input  logic [SaW-1:0] sa_i,
  input  logic [3:0]     verdict_i,    // espnic_rtl_pkg::verdict_e
  input  logic           ask_valid_i,
  output logic           ask_ready_o,
  input  logic           ask_write_i,
  input  logic [63:0]    ask_value_i,
  input  logic [SaW-1:0] ask_sa_i,
  input  logic [3:0]     ask_verdict_i,
  output logic           done_o,       // one clock
  output logic [63:0]    value_o
);

  logic        exec_valid, count_q, write_q, unused_ready;
  logic [63:0] cur, ask_value_q;

  assign ask_ready_o = !count_i;

  espnic_sa_rmw #(.Width(64), .Depth(16 * Sas)) u_rmw (
    .clk_i, .rst_ni,
    .req_valid_i (count_i || ask_valid_i),
    .req_ready_o (unused_ready),
    .req_addr_i  (count_i ? {sa_i, verdict_i} : {ask_sa_i, ask_verdict_i}),
    .exec_valid_o(exec_valid),
    .exec_ready_i(1'b1),
    .exec_state_o(cur),
    .exec_write_i(count_q || write_q),
    .exec_state_i(count_q ? cur + 64'd1 : ask_value_q)
  );

  always_ff @(posedge clk_i) begin
    count_q <= count_i;
    write_q <= !count_i && ask_write_i;
    ask_value_q <= ask_value_i;
    value_o <= cur;
    if (!rst_ni) done_o <= 1'b0;
    else done_o <= exec_valid && !count_q;
  end

  `ESPNIC_ASSERT(NeverBusy, unused_ready)

endmodule
