// SPDX-License-Identifier: BSD-2-Clause
//
// Read-modify-write of one record a clock. The caller puts an address in, sees the record of it one clock later, and
// may give back a new one in that clock. What two requests in a row do to one address is exactly what they
// would do one after the other: the record written last is kept beside the memory and used instead of what the memory
// gives, which was read before that write.
//
//   clock 0   req_addr_i ──► memory (synchronous read)
//   clock 1   memory ──► mux ──► exec_state_o ──► caller's logic ──► exec_state_i ──► memory, last_q
//                         ▲                                                              │
//                         └──────────────── last_q, if it is of this address ◄───────────┘
//
// A stall (exec_ready_i low) holds the request in its stage. The memory has one read and one write port and
// may give anything when both meet at one address.

`include "espnic_assert.svh"

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
  input  logic             exec_write_i,  // this request writes
  input  logic [Width-1:0] exec_state_i
);

  logic [Width-1:0] mem [Depth];
  logic [Width-1:0] read_q, last_q;
  logic [AddrW-1:0] addr_q, last_addr_q;
  logic             valid_q, last_valid_q;
  logic             write;

  assign req_ready_o  = !valid_q || exec_ready_i;
  assign exec_valid_o = valid_q;
  assign exec_state_o = last_valid_q && last_addr_q == addr_q ? last_q : read_q;
  assign write        = valid_q && exec_ready_i && exec_write_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q      <= 1'b0;
      last_valid_q <= 1'b0;
    end else begin
      if (req_ready_o) valid_q <= req_valid_i;
      if (write) last_valid_q <= 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (req_ready_o) begin
      addr_q <= req_addr_i;
      read_q <= mem[req_addr_i];
    end
    if (write) begin
      mem[addr_q] <= exec_state_i;
      last_addr_q <= addr_q;
      last_q      <= exec_state_i;
    end
  end

`ifdef FORMAL
  // One address, any: what was written to it last, kept without a pipeline, is what a request for it sees. The rest
  // is what induction wants to know of the states in between.
  (* anyconst *) logic [AddrW-1:0] f_addr;
  logic             f_known_q;
  logic [Width-1:0] f_state_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) f_known_q <= 1'b0;
    else if (write && addr_q == f_addr) f_known_q <= 1'b1;
    if (write && addr_q == f_addr) f_state_q <= exec_state_i;
  end

  `ESPNIC_ASSERT(SeesLastWrite,
                 !(f_known_q && valid_q && addr_q == f_addr) || exec_state_o == f_state_q)
  `ESPNIC_ASSERT(MemoryHasLastWrite, !f_known_q || mem[f_addr] == f_state_q)
  `ESPNIC_ASSERT(LastIsLast,
                 !(f_known_q && last_valid_q && last_addr_q == f_addr) || last_q == f_state_q)
  `ESPNIC_ASSERT(KnownMeansWritten, !f_known_q || last_valid_q)
`endif
  `ESPNIC_COVER(Forwarded, valid_q && exec_ready_i && last_valid_q && last_addr_q == addr_q)

endmodule
