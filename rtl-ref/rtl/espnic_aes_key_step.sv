// SPDX-License-Identifier: BSD-2-Clause
//
// One step of the key expansion of FIPS 197 (5.2), so that round keys are made as they are needed and only the key itself is
// stored. The window before round r holds the words w[4r]...: four of them for AES-128, six for AES-192, eight for
// AES-256. Its first four are the key of round r; the step makes the window of round r+1.
//
//   window  255                                                           0
//           w[4r+7] w[4r+6] w[4r+5] w[4r+4] | w[4r+3] w[4r+2] w[4r+1] w[4r]
//           AES-256 alone   -192 too          round key r
//
// A word's first byte is its bits [7:0]. Of the four new words at most one goes through SubWord, so four S-boxes do. No clock.
//
//   round_i: r, 0..13; a constant wherever rounds are unrolled

module espnic_aes_key_step #(
  parameter bit Tower = 1'b0
) (
  input  logic [255:0]              window_i,
  input  espnic_gcm_pkg::key_size_e key_size_i,
  input  logic [3:0]                round_i,
  output logic [255:0]              window_o
);

  // Rcon[i] of the standard, i from 1; AES-128 goes to 10.
  function automatic logic [7:0] rcon(input logic [3:0] i);
    case (i)
      4'd9: rcon = 8'h1b;
      4'd10: rcon = 8'h36;
      default: rcon = 8'h01 << (i - 4'd1);
    endcase
  endfunction

  // Of AES-192 every sixth word is special: by r mod 3 it is the first of the four new ones, the third, or none of them. It
  // is word 6i, and i goes up by two in three rounds.
  function automatic logic [1:0] mod3(input logic [3:0] r);
    case (r)
      4'd0, 4'd3, 4'd6, 4'd9, 4'd12: mod3 = 2'd0;
      4'd1, 4'd4, 4'd7, 4'd10, 4'd13: mod3 = 2'd1;
      default: mod3 = 2'd2;
    endcase
  endfunction

  function automatic logic [3:0] rcon_index_192(input logic [3:0] r);
    case (r)
      4'd0: rcon_index_192 = 4'd1;
      4'd1: rcon_index_192 = 4'd2;
      4'd3: rcon_index_192 = 4'd3;
      4'd4: rcon_index_192 = 4'd4;
      4'd6: rcon_index_192 = 4'd5;
      4'd7: rcon_index_192 = 4'd6;
      4'd9: rcon_index_192 = 4'd7;
      default: rcon_index_192 = 4'd8;
    endcase
  endfunction

  logic [31:0] w[8];
  logic [31:0] n0, n1, n2, n3;
  logic [31:0] source, rotated, subbed;
  logic        first_special, third_special;
  logic [31:0] special;
  logic [1:0]  phase;

  for (genvar i = 0; i < 8; i++) begin : gen_words
    assign w[i] = window_i[32*i+:32];
  end
  assign phase = mod3(round_i);

  // The word SubWord is of, rotated but for the middle word of AES-256, and what Rcon comes on top.
  logic       rotate;
  logic [7:0] constant;
  always_comb begin
    unique case (key_size_i)
      espnic_gcm_pkg::KeySize128: begin
        source   = w[3];
        rotate   = 1'b1;
        constant = rcon(round_i + 4'd1);
      end
      espnic_gcm_pkg::KeySize192: begin
        source   = phase == 2'd0 ? w[5] : w[5] ^ w[0] ^ w[1];
        rotate   = 1'b1;
        constant = rcon(rcon_index_192(round_i));
      end
      default: begin
        source   = w[7];
        rotate   = !round_i[0];
        constant = round_i[0] ? 8'h00 : rcon({1'b0, round_i[3:1]} + 4'd1);
      end
    endcase
  end
  assign rotated = rotate ? {source[7:0], source[31:8]} : source;

  espnic_aes_sbox #(.Bytes(4), .Tower(Tower)) u_sbox (.data_i(rotated), .data_o(subbed));

  assign special       = subbed ^ {24'h0, constant};
  assign first_special = key_size_i != espnic_gcm_pkg::KeySize192 || phase == 2'd0;
  assign third_special = key_size_i == espnic_gcm_pkg::KeySize192 && phase == 2'd1;

  // Each new word is the one a key's length before it, plus the one just before it or the special word.
  logic [31:0] previous;
  assign previous = key_size_i == espnic_gcm_pkg::KeySize192 ? w[5] : w[7];
  assign n0 = w[0] ^ (first_special ? special : previous);
  assign n1 = w[1] ^ n0;
  assign n2 = w[2] ^ (third_special ? special : n1);
  assign n3 = w[3] ^ n2;

  always_comb begin
    unique case (key_size_i)
      espnic_gcm_pkg::KeySize128: window_o = {128'h0, n3, n2, n1, n0};
      espnic_gcm_pkg::KeySize192: window_o = {64'h0, n3, n2, n1, n0, w[5], w[4]};
      default: window_o = {n3, n2, n1, n0, w[7], w[6], w[5], w[4]};
    endcase
  end

endmodule
