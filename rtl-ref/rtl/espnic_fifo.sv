// SPDX-License-Identifier: BSD-2-Clause
//
// Synchronous FIFO whose first entry falls through: data_o is the oldest entry whenever valid_o is up. The storage is
// read without a clock, which FPGAs make of LUT RAM; meant for depths up to some 64.
//
//   Depth: entries, a power of two, at least 2
//
// An entry shows one clock after it was written. Full refuses input even in a clock that takes an entry out, so that
// ready_o depends on registers alone.

`include "espnic_assert.svh"

module espnic_fifo #(
  parameter int Width = 8,
  parameter int Depth = 16,
  localparam int AddrBits = $clog2(Depth)
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             valid_i,
  output logic             ready_o,
  input  logic [Width-1:0] data_i,
  output logic             valid_o,
  input  logic             ready_i,
  output logic [Width-1:0] data_o
);

  // One bit more than an address: equal means empty, different in that bit alone means full.
  logic [AddrBits:0] wr_q, rd_q, level;
  logic [Width-1:0]  mem [Depth];
  logic              push, pop;

  assign level = wr_q - rd_q;
  assign ready_o = !level[AddrBits];
  assign valid_o = wr_q != rd_q;
  assign data_o  = mem[rd_q[AddrBits-1:0]];
  assign push    = valid_i && ready_o;
  assign pop     = valid_o && ready_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wr_q <= '0;
      rd_q <= '0;
    end else begin
      if (push) wr_q <= wr_q + 1'b1;
      if (pop) rd_q <= rd_q + 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (push) mem[wr_q[AddrBits-1:0]] <= data_i;
  end

  `ESPNIC_ASSERT(NeverOverfull, !level[AddrBits] || level[AddrBits-1:0] == '0)
  `ESPNIC_COVER(Full, !ready_o)
  `ESPNIC_COVER(FullThenPopped, !ready_o && valid_i && ready_i)
  espnic_stream_check #(.Width(Width)) u_check_o (
    .clk_i, .rst_ni, .valid_i(valid_o), .ready_i, .payload_i(data_o)
  );

`ifdef FORMAL
  // Some entry, whichever the prover likes, is followed from push to pop: it comes out as it went in, after exactly
  // those that were ahead of it.
  (* anyseq *) logic follow;
  logic              following_q;
  logic [AddrBits:0] ahead_q;
  logic [Width-1:0]  followed_q;
  logic [AddrBits:0] place;

  assign place = rd_q + ahead_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      following_q <= 1'b0;
    end else if (!following_q) begin
      following_q <= push && follow;
      ahead_q     <= level - {{AddrBits{1'b0}}, pop};
      followed_q  <= data_i;
    end else if (pop) begin
      following_q <= ahead_q != '0;
      ahead_q     <= ahead_q - 1'b1;
    end
  end
  `ESPNIC_ASSERT(StillThere, !following_q || (ahead_q < level && mem[place[AddrBits-1:0]] == followed_q))
  `ESPNIC_ASSERT(AsItWentIn, !following_q || ahead_q != '0 || data_o == followed_q)
`endif

endmodule
