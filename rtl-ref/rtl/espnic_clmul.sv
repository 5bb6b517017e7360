// SPDX-License-Identifier: BSD-2-Clause
//
// Product of two polynomials over GF(2), bit i being x^i: Karatsuba by halves down to Leaf bits, below that each bit of the product as a
// tree of its terms, three of them (six inputs) to a leaf. No clock.

module espnic_clmul #(
  parameter int Bits = 128,  // a power of two
  parameter int Leaf = 32
) (
  input  logic [Bits-1:0]   a_i,
  input  logic [Bits-1:0]   b_i,
  output logic [2*Bits-2:0] product_o
);

  if (Bits <= Leaf) begin : gen_leaf
    for (genvar k = 0; k < 2 * Bits - 1; k++) begin : gen_bit
      localparam int Lowest = k < Bits ? 0 : k - Bits + 1;
      localparam int Terms = k < Bits ? k + 1 : 2 * Bits - 1 - k;
      logic [Terms-1:0] terms;

      for (genvar t = 0; t < Terms; t++) begin : gen_term
        assign terms[t] = a_i[Lowest+t] & b_i[k-Lowest-t];
      end
      espnic_xor_tree #(.Width(Terms), .First(3)) u_sum (.bits_i(terms), .sum_o(product_o[k]));
    end
  end else begin : gen_halves
    localparam int Half = Bits / 2;
    logic [2*Half-2:0] low, high, both, middle;

    espnic_clmul #(.Bits(Half), .Leaf(Leaf)) u_low (
      .a_i(a_i[Half-1:0]), .b_i(b_i[Half-1:0]), .product_o(low)
    );
    espnic_clmul #(.Bits(Half), .Leaf(Leaf)) u_high (
      .a_i(a_i[Bits-1:Half]), .b_i(b_i[Bits-1:Half]), .product_o(high)
    );
    espnic_clmul #(.Bits(Half), .Leaf(Leaf)) u_both (
      .a_i(a_i[Half-1:0] ^ a_i[Bits-1:Half]), .b_i(b_i[Half-1:0] ^ b_i[Bits-1:Half]), .product_o(both)
    );

    assign middle    = both ^ low ^ high;
    assign product_o = {high, {Bits{1'b0}}} ^ {{Half{1'b0}}, middle, {Half{1'b0}}} ^ {{Bits{1'b0}}, low};
  end

endmodule
