// SPDX-License-Identifier: BSD-2-Clause
//
// The product of SP 800-38D (6.3) in GF(2^128), polynomial x^128 + x^7 + x^2 + x + 1, in one of two forms that are
// proved equal (rtl-ref/formal/prove gf128):
//
//   Gates = 1: Karatsuba by halves, as few gates as that gives; ten times slower to simulate.
//   Gates = 0: shift and add, word by word: the form for simulation.
//
// A block's first byte is bits [7:0], and the coefficient of x^0 is the most significant bit of that byte: x^i is bit
// 8 (i div 8) + 7 - i mod 8. No clock.

module espnic_gf128_mul #(
  parameter bit Gates = 1'b0
) (
  input  logic [127:0] a_i,
  input  logic [127:0] b_i,
  output logic [127:0] product_o
);

  logic [127:0] a, b, product;

  assign a         = espnic_gcm_pkg::turn128(a_i);
  assign b         = espnic_gcm_pkg::turn128(b_i);
  assign product_o = espnic_gcm_pkg::turn128(product);

  if (Gates) begin : gen_gates
    logic [254:0] full;
    logic [133:0] once;

    espnic_clmul #(.Bits(128)) u_clmul (.a_i(a), .b_i(b), .product_o(full));

    // x^128 is x^7 + x^2 + x + 1: what stands above comes down four times, and of that six bits once more.
    assign once = {7'h0, full[254:128]} ^ {6'h0, full[254:128], 1'b0} ^ {5'h0, full[254:128], 2'b0} ^
        {full[254:128], 7'h0};
    assign product = full[127:0] ^ once[127:0] ^ {122'h0, once[133:128]} ^ {121'h0, once[133:128], 1'b0} ^
        {120'h0, once[133:128], 2'b0} ^ {115'h0, once[133:128], 7'h0};
  end else begin : gen_words
    // Horner over the bits of a, highest first.
    always_comb begin
      product = '0;
      for (int i = 127; i >= 0; i--) begin
        product = {product[126:0], 1'b0} ^ {120'h0, {product[127], 4'h0, {3{product[127]}}} & 8'h87} ^
            (b & {128{a[i]}});
      end
    end
  end

endmodule
