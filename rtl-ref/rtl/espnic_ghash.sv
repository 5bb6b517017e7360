// SPDX-License-Identifier: BSD-2-Clause
//
// GHASH of SP 800-38D (6.4), LANES blocks a clock, finished to the tag by the mask E(K, Y0) (7.1). For a beat of m blocks
//
//   acc' = (acc + X1) H^m + X2 H^(m-1) + ... + Xm H
//
// so only one product is in the loop of the accumulator, and that loop takes one clock; the others are made the clock before.
//
//   clock 1          2                        3                           4
//   X, H powers ──►  X2..Xm products, summed ──► (acc + X1) H^m + sum ──► acc + mask ──► tag
//                    (LANES > 1)
//
// Only a packet's last beat may have m < LANES (count_i; its further blocks are zero). A packet's first beat starts a new accumulator,
// so packets follow each other, under whatever keys, without a clock between. Never stalls.
//
//   h_pow_i: H^(k+1) in bits [128k+127:128k], for the beat offered; mask_i: with the last beat

`include "espnic_assert.svh"

module espnic_ghash #(
  parameter int Lanes = 1,
  parameter bit Gates = 1'b0
) (
  input  logic                         clk_i,
  input  logic                         rst_ni,
  input  logic                         valid_i,
  input  logic                         first_i,
  input  logic                         last_i,
  input  logic [$clog2(Lanes+1)-1:0]   count_i,
  input  logic [128*Lanes-1:0]         blocks_i,
  input  logic [128*Lanes-1:0]         h_pow_i,
  input  logic [127:0]                 mask_i,
  output logic                         tag_valid_o,
  output logic [127:0]                 tag_o
);

  // ---------------------------------------------------------------- clock 1: each block and the power it meets

  logic                 valid_1_q, first_1_q, last_1_q;
  logic [128*Lanes-1:0] blocks_1_q, powers_1_q, powers;
  logic [127:0]         mask_1_q;

  for (genvar j = 0; j < Lanes; j++) begin : gen_power
    always_comb begin
      powers[128*j+:128] = h_pow_i[128*(Lanes-1-j)+:128];
      for (int m = j + 1; m < Lanes; m++) begin
        if (int'(count_i) == m) powers[128*j+:128] = h_pow_i[128*(m-1-j)+:128];
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_1_q <= 1'b0;
    else valid_1_q <= valid_i;
    if (valid_i) begin
      first_1_q  <= first_i;
      last_1_q   <= last_i;
      blocks_1_q <= blocks_i;
      powers_1_q <= powers;
      mask_1_q   <= mask_i;
    end
  end

  // ---------------------------------------------------------------- clock 2: what does not wait for the accumulator

  logic         valid_2, first_2, last_2;
  logic [127:0] lead_2, power_2, rest_2, mask_2;

  if (Lanes == 1) begin : gen_one
    assign valid_2 = valid_1_q;
    assign first_2 = first_1_q;
    assign last_2  = last_1_q;
    assign lead_2  = blocks_1_q;
    assign power_2 = powers_1_q;
    assign rest_2  = '0;
    assign mask_2  = mask_1_q;
  end else begin : gen_more
    logic         valid_2_q, first_2_q, last_2_q;
    logic [127:0] lead_2_q, power_2_q, rest_2_q, mask_2_q, rest;
    logic [128*Lanes-1:0] products;

    assign products[127:0] = '0;
    for (genvar j = 1; j < Lanes; j++) begin : gen_product
      espnic_gf128_mul #(.Gates(Gates)) u_mul (
        .a_i(blocks_1_q[128*j+:128]),
        .b_i(powers_1_q[128*j+:128]),
        .product_o(products[128*j+:128])
      );
    end
    always_comb begin
      rest = '0;
      for (int j = 1; j < Lanes; j++) rest = rest ^ products[128*j+:128];
    end

    always_ff @(posedge clk_i) begin
      if (!rst_ni) valid_2_q <= 1'b0;
      else valid_2_q <= valid_1_q;
      if (valid_1_q) begin
        first_2_q <= first_1_q;
        last_2_q  <= last_1_q;
        lead_2_q  <= blocks_1_q[127:0];
        power_2_q <= powers_1_q[127:0];
        rest_2_q  <= rest;
        mask_2_q  <= mask_1_q;
      end
    end

    assign valid_2 = valid_2_q;
    assign first_2 = first_2_q;
    assign last_2  = last_2_q;
    assign lead_2  = lead_2_q;
    assign power_2 = power_2_q;
    assign rest_2  = rest_2_q;
    assign mask_2  = mask_2_q;
  end

  // ---------------------------------------------------------------- clock 3: the accumulator; clock 4: the tag

  logic         done_q;
  logic [127:0] acc_q, mask_q, product;

  espnic_gf128_mul #(.Gates(Gates)) u_mul (
    .a_i(lead_2 ^ (first_2 ? 128'h0 : acc_q)),
    .b_i(power_2),
    .product_o(product)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) done_q <= 1'b0;
    else done_q <= valid_2 && last_2;
    if (valid_2) begin
      acc_q  <= product ^ rest_2;
      mask_q <= mask_2;
    end
  end

  assign tag_valid_o = done_q;
  assign tag_o       = acc_q ^ mask_q;

  // ---------------------------------------------------------------- checks

`ifdef ESPNIC_CHECKS
  logic within_q;  // between a packet's first beat and its last
  always_ff @(posedge clk_i) begin
    if (!rst_ni) within_q <= 1'b0;
    else if (valid_i) within_q <= !last_i;
  end
  `ESPNIC_ASSUME(FirstStartsAPacket, !valid_i || first_i == !within_q)
  `ESPNIC_ASSUME(OnlyTheLastIsShort, !valid_i || last_i || int'(count_i) == Lanes)
  `ESPNIC_ASSUME(CountInRange, !valid_i || (count_i != '0 && int'(count_i) <= Lanes))
  for (genvar j = 1; j < Lanes; j++) begin : gen_zero
    `ESPNIC_ASSUME(BeyondCountIsZero, !valid_i || int'(count_i) > j || blocks_i[128*j+:128] == '0)
    `ESPNIC_COVER(ShortBeat, valid_i && int'(count_i) == j)
  end
  `ESPNIC_COVER(PacketOfOneBeat, valid_i && first_i && last_i)
  `ESPNIC_COVER(BackToBack, valid_1_q && last_1_q && valid_i)
`endif

endmodule
