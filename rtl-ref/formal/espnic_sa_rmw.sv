// SPDX-License-Identifier: BSD-2-Clause
//
// espnic_sa_rmw for proofs of what stands around it: what is known of one address, f_addr_i, and nothing of all others. That the module
// shows of each address what was written there last is a proof of its own (prove sa_rmw).

module espnic_sa_rmw #(
  parameter int Width = 8,
  parameter int Depth = 16,
  localparam int AddrW = $clog2(Depth)
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             req_valid_i,
  output logic             req_ready_o,
  input  logic [AddrW-1:0] req_addr_i,
  output logic             exec_valid_o,
  input  logic             exec_ready_i,
  output logic [Width-1:0] exec_state_o,
  input  logic             exec_write_i,
  input  logic [Width-1:0] exec_state_i,
  input  logic [AddrW-1:0] f_addr_i,
  output logic [Width-1:0] f_state_o,     // what the memory has at f_addr_i
  output logic             f_hit_o        // the request in work is for it
);

  (* anyseq *) logic [Width-1:0] any;
  logic [Width-1:0] state_q;
  logic             hit_q;

  assign req_ready_o  = !exec_valid_o || exec_ready_i;
  assign exec_state_o = hit_q ? state_q : any;
  assign f_state_o    = state_q;
  assign f_hit_o      = hit_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) exec_valid_o <= 1'b0;
    else if (req_ready_o) exec_valid_o <= req_valid_i;
  end

  always_ff @(posedge clk_i) begin
    if (req_ready_o) hit_q <= req_addr_i == f_addr_i;
    if (exec_valid_o && exec_ready_i && exec_write_i && hit_q) state_q <= exec_state_i;
  end

endmodule
