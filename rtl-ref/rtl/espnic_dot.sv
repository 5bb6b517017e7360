// SPDX-License-Identifier: BSD-2-Clause
//
// The sum over GF(2) of the products of two strings, bit by bit: three products to a look-up table, and one or two of them with the sums of
// the others in the last one where they fit. No clock.

module espnic_dot #(
  parameter int Terms = 16
) (
  input  logic [Terms-1:0] a_i,
  input  logic [Terms-1:0] b_i,
  output logic             sum_o
);

  localparam int Each   = 3;
  localparam int Leaves = Terms / Each;
  localparam int Rest   = Terms % Each;

  if (Terms <= Each) begin : gen_one
    espnic_lut_node #(.Sums(0), .Products(Terms)) u_node (.bits_i(1'b0), .a_i, .b_i, .sum_o);
  end else begin : gen_leaves
    logic [Leaves-1:0] sums;

    for (genvar n = 0; n < Leaves; n++) begin : gen_leaf
      espnic_lut_node #(.Sums(0), .Products(Each)) u_node (
        .bits_i(1'b0), .a_i(a_i[n*Each+:Each]), .b_i(b_i[n*Each+:Each]), .sum_o(sums[n])
      );
    end
    if (Rest == 0) begin : gen_even
      espnic_xor_tree #(.Width(Leaves)) u_sum (.bits_i(sums), .sum_o);
    end else if (Leaves + 2 * Rest <= 6) begin : gen_in_last
      espnic_lut_node #(.Sums(Leaves), .Products(Rest)) u_sum (
        .bits_i(sums), .a_i(a_i[Leaves*Each+:Rest]), .b_i(b_i[Leaves*Each+:Rest]), .sum_o
      );
    end else begin : gen_apart
      logic rest;
      espnic_lut_node #(.Sums(0), .Products(Rest)) u_rest (
        .bits_i(1'b0), .a_i(a_i[Leaves*Each+:Rest]), .b_i(b_i[Leaves*Each+:Rest]), .sum_o(rest)
      );
      espnic_xor_tree #(.Width(Leaves + 1)) u_sum (.bits_i({rest, sums}), .sum_o);
    end
  end

endmodule
