// SPDX-License-Identifier: BSD-2-Clause
//
// Product of two polynomials over GF(2), bit i being x^i: Karatsuba by halves down to Leaf bits, schoolbook there. No clock.

module espnic_clmul #(
  parameter int Bits = 128,  // a power of two
  parameter int Leaf = 8
) (
  input  logic [Bits-1:0]   a_i,
  input  logic [Bits-1:0]   b_i,
  output logic [2*Bits-2:0] product_o
);

  if (Bits <= Leaf) begin : gen_leaf
    always_comb begin
      product_o = '0;
      for (int i = 0; i < Bits; i++) begin
        product_o = product_o ^ ({{Bits - 1{1'b0}}, b_i & {Bits{a_i[i]}}} << i);
      end
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
