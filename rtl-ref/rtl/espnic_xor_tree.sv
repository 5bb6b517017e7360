// SPDX-License-Identifier: BSD-2-Clause
//
// The sum over GF(2) of many bits as a tree with as many legs a node as a look-up table takes. No clock.

module espnic_xor_tree #(
  parameter int Width = 8
) (
  input  logic [Width-1:0] bits_i,
  output logic             sum_o
);

  localparam int Legs  = 6;
  localparam int Nodes = (Width + Legs - 1) / Legs;

  if (Width == 1) begin : gen_bit
    assign sum_o = bits_i;
  end else if (Nodes == 1) begin : gen_root
    espnic_lut_node #(.Sums(Width)) u_node (.bits_i, .a_i(1'b0), .b_i(1'b0), .sum_o);
  end else begin : gen_nodes
    logic [Nodes-1:0] sums;

    for (genvar n = 0; n < Nodes; n++) begin : gen_node
      localparam int Mine = n == Nodes - 1 ? Width - n * Legs : Legs;
      espnic_xor_tree #(.Width(Mine)) u_node (.bits_i(bits_i[n*Legs+:Mine]), .sum_o(sums[n]));
    end
    espnic_xor_tree #(.Width(Nodes)) u_above (.bits_i(sums), .sum_o);
  end

endmodule
