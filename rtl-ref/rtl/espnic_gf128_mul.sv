// SPDX-License-Identifier: BSD-2-Clause
//
// The product of SP 800-38D (6.3) in GF(2^128), polynomial x^128 + x^7 + x^2 + x + 1, in one of two forms that are
// proved equal (rtl-ref/formal/prove gf128):
//
//   Gates = 1: Karatsuba by halves, in as few look-up tables as that gives; ten times slower to simulate.
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
    logic [127:0] high;
    logic [19:0]  over;  // bits 128 on of the first reduction in bits 7 on

    espnic_clmul #(.Bits(128)) u_clmul (.a_i(a), .b_i(b), .product_o(full));

    // x^128 is x^7 + x^2 + x + 1: what stands above comes down four times, and of that the six bits that stand above again once more.
    assign high = {1'b0, full[254:128]};
    assign over = {7'h0, full[254:250], full[254] ^ full[249], 7'h0};
    for (genvar i = 0; i < 128; i++) begin : gen_bit
      if (i < 13) begin : gen_twice
        logic [3:0] down;
        assign down = {high[i], i > 0 ? high[i>0?i-1:0] : 1'b0, i > 1 ? high[i>1?i-2:0] : 1'b0, i > 6 ? high[i>6?i-7:0] : 1'b0};
        assign product[i] = ^{full[i], down, over[i+7], over[i+6], over[i+5], over[i]};
      end else begin : gen_once
        espnic_xor_tree #(.Width(5)) u_sum (.bits_i({full[i], high[i], high[i-1], high[i-2], high[i-7]}), .sum_o(product[i]));
      end
    end
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
