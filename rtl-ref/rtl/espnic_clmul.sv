// SPDX-License-Identifier: BSD-2-Clause
//
// Product of two polynomials over GF(2), bit i being x^i: Karatsuba by halves down to Leaf bits, below that each bit of the product as the
// sum of its terms. Sums of products stand in look-up tables of their own (espnic_lut_node); with Leaf 16 a product of 128 bits takes some 4,100,
// the fewest of all leaves. No clock.
//
//   a b = high x^(2 Half) + (both - low - high) x^Half + low

module espnic_clmul #(
  parameter int Bits = 128,  // a power of two
  parameter int Leaf = 16
) (
  input  logic [Bits-1:0]   a_i,
  input  logic [Bits-1:0]   b_i,
  output logic [2*Bits-2:0] product_o
);

  if (Bits <= Leaf) begin : gen_leaf
    for (genvar k = 0; k < 2 * Bits - 1; k++) begin : gen_bit
      localparam int Lowest = k < Bits ? 0 : k - Bits + 1;
      localparam int Terms = k < Bits ? k + 1 : 2 * Bits - 1 - k;
      logic [Terms-1:0] turned;

      for (genvar t = 0; t < Terms; t++) begin : gen_term
        assign turned[t] = b_i[k-Lowest-t];
      end
      espnic_dot #(.Terms(Terms)) u_sum (.a_i(a_i[Lowest+:Terms]), .b_i(turned), .sum_o(product_o[k]));
    end
  end else begin : gen_halves
    localparam int Half = Bits / 2;
    localparam int Part = 2 * Half - 1;  // bits of a product of halves
    logic [Part-1:0] low, high, both;

    espnic_clmul #(.Bits(Half), .Leaf(Leaf)) u_low (
      .a_i(a_i[Half-1:0]), .b_i(b_i[Half-1:0]), .product_o(low)
    );
    espnic_clmul #(.Bits(Half), .Leaf(Leaf)) u_high (
      .a_i(a_i[Bits-1:Half]), .b_i(b_i[Bits-1:Half]), .product_o(high)
    );
    espnic_clmul #(.Bits(Half), .Leaf(Leaf)) u_both (
      .a_i(a_i[Half-1:0] ^ a_i[Bits-1:Half]), .b_i(b_i[Half-1:0] ^ b_i[Bits-1:Half]), .product_o(both)
    );

    assign product_o[Half-1:0]          = low[Half-1:0];
    assign product_o[2*Bits-2:3*Half-1] = high[Part-1:Half-1];
    for (genvar k = 0; k < Part; k++) begin : gen_middle
      // Below the middle the top of low goes on, above it high begins.
      if (k < Half - 1) begin : gen_below
        espnic_xor_tree #(.Width(4)) u_sum (.bits_i({both[k], low[k], high[k], low[Half+k]}), .sum_o(product_o[Half+k]));
      end else if (k == Half - 1) begin : gen_at
        espnic_xor_tree #(.Width(3)) u_sum (.bits_i({both[k], low[k], high[k]}), .sum_o(product_o[Half+k]));
      end else begin : gen_above
        espnic_xor_tree #(.Width(4)) u_sum (.bits_i({both[k], low[k], high[k], high[k-Half]}), .sum_o(product_o[Half+k]));
      end
    end
  end

endmodule
