// SPDX-License-Identifier: BSD-2-Clause
//
// One look-up table of six inputs: the sum over GF(2) of some bits and some products. A module of its own that synthesis keeps, so that no
// restructuring of large sums, which costs twice the tables, crosses it. No clock.

(* keep_hierarchy *)
module espnic_lut_node #(
  parameter int Sums = 6,      // bits added up; Sums + 2 Products is at most 6
  parameter int Products = 0,  // pairs of bits, whose products are added
  localparam int SumsW     = Sums > 0 ? Sums : 1,
  localparam int ProductsW = Products > 0 ? Products : 1
) (
  input  logic [SumsW-1:0]     bits_i,  // 0 if Sums is
  input  logic [ProductsW-1:0] a_i,     // 0 if Products is
  input  logic [ProductsW-1:0] b_i,
  output logic                 sum_o
);

  if (Products == 0) begin : gen_bits
    assign sum_o = ^bits_i;
    logic unused;
    assign unused = ^{a_i, b_i};
  end else if (Sums == 0) begin : gen_products
    assign sum_o = ^(a_i & b_i);
    logic unused;
    assign unused = ^bits_i;
  end else begin : gen_both
    assign sum_o = ^{bits_i, a_i & b_i};
  end

endmodule
