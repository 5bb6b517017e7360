// SPDX-License-Identifier: BSD-2-Clause
//
// Skid buffer: cuts every path between two handshakes (valid, payload and ready all come out of registers) at full
// throughput. One clock of latency, two entries.
//
//   valid_i ─►┌───────┐        ┌──────┐─► valid_o
//   data_i  ─►│ spare │──►mux─►│ head │─► data_o
//   ready_o ◄─└───────┘        └──────┘◄─ ready_i
//
// The spare entry is filled only when the head is stuck, and refuses input while it is full.

`include "espnic_assert.svh"

module espnic_skid #(
  parameter int Width = 8
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

  logic             head_valid_q, spare_valid_q;
  logic [Width-1:0] head_q, spare_q;
  logic             head_free;

  assign head_free = ready_i || !head_valid_q;
  assign ready_o   = !spare_valid_q;
  assign valid_o   = head_valid_q;
  assign data_o    = head_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      head_valid_q  <= 1'b0;
      spare_valid_q <= 1'b0;
    end else if (head_free) begin
      head_valid_q  <= spare_valid_q || valid_i;
      spare_valid_q <= 1'b0;
    end else if (valid_i) begin
      spare_valid_q <= 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (head_free) head_q <= spare_valid_q ? spare_q : data_i;
    if (ready_o) spare_q <= data_i;
  end

  `ESPNIC_ASSERT(SpareOnlyBehindHead, !spare_valid_q || head_valid_q)
  `ESPNIC_COVER(BothFull, spare_valid_q && head_valid_q)
  espnic_stream_check #(.Width(Width)) u_check_o (
    .clk_i, .rst_ni, .valid_i(valid_o), .ready_i, .payload_i(data_o)
  );

`ifdef FORMAL
  // The specification: a queue of two.
  logic [1:0]       count_q;
  logic [Width-1:0] older_q, newer_q;
  logic             push, pop;

  assign push = valid_i && ready_o;
  assign pop  = valid_o && ready_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) count_q <= 2'd0;
    else count_q <= count_q + {1'b0, push} - {1'b0, pop};
    if (pop) older_q <= newer_q;
    if (push && (count_q == 2'd0 || (pop && count_q == 2'd1))) older_q <= data_i;
    if (push) newer_q <= data_i;
  end
  `ESPNIC_ASSERT(Count, count_q == {1'b0, head_valid_q} + {1'b0, spare_valid_q})
  `ESPNIC_ASSERT(Oldest, !valid_o || data_o == older_q)
  `ESPNIC_ASSERT(Newest, !spare_valid_q || spare_q == newer_q)
`endif

endmodule
