// SPDX-License-Identifier: BSD-2-Clause
//
// The S-box of FIPS 197 by inversion in a tower of small fields:
//
//   GF(2^2): x^2 + x + 1      GF(2^4): y^2 + y + 2      GF(2^8): z^2 + z + 8
//
// (constants as polynomials of the field below, their coefficients as bits). A byte is taken into the tower by a linear
// map, inverted as (h z + l)^-1 = (h z + (h + l)) / (8 h^2 + h l + l^2), and taken back by a linear map that has
// S-box's own matrix multiplied in. The maps send the byte 0x02 to the tower's element 0x7a, a root of x^8 + x^4 + x^3 + x + 1
// there; among all roots of all such towers this one has the fewest ones in its two matrices.

module espnic_aes_sbox_tower (
  input  logic [7:0] data_i,
  output logic [7:0] data_o
);

  // Row j, bits [8j+7:8j], picks the bits of the input whose sum is bit j of the output.
  localparam logic [63:0] IntoTower = 64'ha0_7e_72_a2_ca_24_c2_05;
  localparam logic [63:0] OutOfTower = 64'h54_d0_3c_39_75_03_07_35;
  localparam logic [7:0]  Affine = 8'h63;

  function automatic logic [7:0] linear(input logic [63:0] rows, input logic [7:0] x);
    for (int j = 0; j < 8; j++) linear[j] = ^(rows[8*j+:8] & x);
  endfunction

  function automatic logic [1:0] mul2(input logic [1:0] a, input logic [1:0] b);
    mul2[1] = (a[1] & b[0]) ^ (a[0] & b[1]) ^ (a[1] & b[1]);
    mul2[0] = (a[0] & b[0]) ^ (a[1] & b[1]);
  endfunction

  // x * 2 in GF(2^2)
  function automatic logic [1:0] twice2(input logic [1:0] x);
    twice2 = {x[1] ^ x[0], x[1]};
  endfunction

  function automatic logic [3:0] mul4(input logic [3:0] a, input logic [3:0] b);
    logic [1:0] high, low, mixed;
    high  = mul2(a[3:2], b[3:2]);
    low   = mul2(a[1:0], b[1:0]);
    mixed = mul2(a[3:2] ^ a[1:0], b[3:2] ^ b[1:0]);
    mul4  = {mixed ^ low, low ^ twice2(high)};
  endfunction

  function automatic logic [3:0] square4(input logic [3:0] x);
    square4 = {x[3], x[3] ^ x[2], x[2] ^ x[1], x[3] ^ x[1] ^ x[0]};
  endfunction

  // 8 * x^2 in GF(2^4)
  function automatic logic [3:0] eight_square4(input logic [3:0] x);
    eight_square4 = {x[3] ^ x[0], x[3] ^ x[2] ^ x[1], x[3] ^ x[2], x[2]};
  endfunction

  function automatic logic [3:0] invert4(input logic [3:0] x);
    case (x)
      4'h0: invert4 = 4'h0;
      4'h1: invert4 = 4'h1;
      4'h2: invert4 = 4'h3;
      4'h3: invert4 = 4'h2;
      4'h4: invert4 = 4'hf;
      4'h5: invert4 = 4'hc;
      4'h6: invert4 = 4'h9;
      4'h7: invert4 = 4'hb;
      4'h8: invert4 = 4'ha;
      4'h9: invert4 = 4'h6;
      4'ha: invert4 = 4'h8;
      4'hb: invert4 = 4'h7;
      4'hc: invert4 = 4'h5;
      4'hd: invert4 = 4'he;
      4'he: invert4 = 4'hd;
      default: invert4 = 4'h4;
    endcase
  endfunction

  logic [7:0] x;
  logic [3:0] sum, norm, inverse;

  assign x       = linear(IntoTower, data_i);
  assign sum     = x[7:4] ^ x[3:0];
  assign norm    = eight_square4(x[7:4]) ^ mul4(x[7:4], x[3:0]) ^ square4(x[3:0]);
  assign inverse = invert4(norm);
  assign data_o  = linear(OutOfTower, {mul4(x[7:4], inverse), mul4(sum, inverse)}) ^ Affine;

endmodule
