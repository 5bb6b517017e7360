// SPDX-License-Identifier: BSD-2-Clause
//
// One round of the forward cipher of FIPS 197 (5.1) for LANES blocks under one round key: SubBytes, ShiftRows,
// MixColumns unless last_i, AddRoundKey. No clock.
//
// Byte i of a block is bits [8i+7:8i]; it stands in row i mod 4, column i div 4 of the standard's state.
//
//   bits  127..................96 95......64 63......32 31.......0
//         s33 s23 s13 s03          column 2   column 1   s30 s20 s10 s00

module espnic_aes_round #(
  parameter int Lanes = 1,
  parameter bit Tower = 1'b0
) (
  input  logic [128*Lanes-1:0] state_i,
  input  logic [127:0]         key_i,
  input  logic                 last_i,
  output logic [128*Lanes-1:0] state_o
);

  // Multiplication by x of the four bytes of a column, each modulo x^8 + x^4 + x^3 + x + 1.
  function automatic logic [31:0] times_x(input logic [31:0] c);
    for (int i = 0; i < 4; i++) times_x[8*i+:8] = {c[8*i+:7], 1'b0} ^ (8'h1b & {8{c[8*i+7]}});
  endfunction

  // Row r of the result is 2 s[r] + 3 s[r+1] + s[r+2] + s[r+3].
  function automatic logic [31:0] mix(input logic [31:0] c);
    logic [31:0] next, double;
    next   = {c[7:0], c[31:8]};
    double = times_x(c ^ next);
    mix    = double ^ next ^ {c[15:0], c[31:16]} ^ {c[23:0], c[31:24]};
  endfunction

  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    logic [127:0] subbed, shifted;

    espnic_aes_sbox #(.Bytes(16), .Tower(Tower)) u_sbox (
      .data_i(state_i[128*l+:128]),
      .data_o(subbed)
    );

    for (genvar i = 0; i < 16; i++) begin : gen_shift
      // Row i mod 4 moves left by its number, so column i div 4 comes from that many columns on.
      assign shifted[8*i+:8] = subbed[8*((i+4*(i%4))%16)+:8];
    end

    for (genvar c = 0; c < 4; c++) begin : gen_column
      assign state_o[128*l+32*c+:32] =
          (last_i ? shifted[32*c+:32] : mix(shifted[32*c+:32])) ^ key_i[32*c+:32];
    end
  end

endmodule
