// SPDX-License-Identifier: BSD-2-Clause
//
// The sum over GF(2) of many bits as a tree with as many legs a node as a look-up table takes: First at the leaves, six above. (A chain,
// or a tree of pairs, is what synthesis makes of ^ by itself; both cost more tables and levels.) No clock.

module espnic_xor_tree #(
  parameter int Width = 8,
  parameter int First = 6
) (
  input  logic [Width-1:0] bits_i,
  output logic             sum_o
);

  localparam int Nodes = (Width + First - 1) / First;

  if (Nodes == 1) begin : gen_root
    assign sum_o = ^bits_i;
  end else begin : gen_nodes
    logic [Nodes-1:0] sums;

    for (genvar n = 0; n < Nodes; n++) begin : gen_node
      localparam int Legs = n == Nodes - 1 ? Width - n * First : First;
      assign sums[n] = ^bits_i[n*First+:Legs];
    end
    espnic_xor_tree #(.Width(Nodes)) u_above (.bits_i(sums), .sum_o);
  end

endmodule
