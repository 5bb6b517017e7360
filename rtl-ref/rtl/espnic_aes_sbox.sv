// SPDX-License-Identifier: BSD-2-Clause
//
// SubBytes of FIPS 197 (5.1.1) for some bytes at once, in one of two forms that are proved equal
// (rtl-ref/formal/prove sbox):
//
//   Tower = 0: a table of 256 bytes. The form for FPGAs, where it is 32 six-input LUTs a byte, and for simulation.
//   Tower = 1: the inverse in GF(((2^2)^2)^2). The form for gates.
//
// Byte i of data_i is bits [8i+7:8i]. No clock.

module espnic_aes_sbox #(
  parameter int Bytes = 1,
  parameter bit Tower = 1'b0
) (
  input  logic [8*Bytes-1:0] data_i,
  output logic [8*Bytes-1:0] data_o
);

  if (Tower) begin : gen_tower
    for (genvar i = 0; i < Bytes; i++) begin : gen_byte
      espnic_aes_sbox_tower u_sbox (.data_i(data_i[8*i+:8]), .data_o(data_o[8*i+:8]));
    end
  end else begin : gen_table
    // S(0x00) in bits [7:0], S(0xff) at the top.
    localparam logic [2047:0] Table = {
      256'h16bb54b00f2d99416842e6bf0d89a18cdf2855cee9871e9b948ed9691198f8e1,
      256'h9e1dc186b95735610ef6034866b53e708a8bbd4b1f74dde8c6b4a61c2e2578ba,
      256'h08ae7a65eaf4566ca94ed58d6d37c8e779e4959162acd3c25c2406490a3a32e0,
      256'hdb0b5ede14b8ee4688902a22dc4f816073195d643d7ea7c41744975fec130ccd,
      256'hd2f3ff1021dab6bcf5389d928f40a351a89f3c507f02f94585334d43fbaaefd0,
      256'hcf584c4a39becb6a5bb1fc20ed00d153842fe329b3d63b52a05a6e1b1a2c8309,
      256'h75b227ebe28012079a059618c323c7041531d871f1e5a534ccf73f362693fdb7,
      256'hc072a49cafa2d4adf04759fa7dc982ca76abd7fe2b670130c56f6bf27b777c63
    };
    always_comb begin
      for (int i = 0; i < Bytes; i++) data_o[8*i+:8] = Table[{data_i[8*i+:8], 3'b000}+:8];
    end
  end

endmodule
