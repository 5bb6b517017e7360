// SPDX-License-Identifier: BSD-2-Clause
//
// What the AES-GCM core and its users share.
//
// Byte order, everywhere in the core: byte 0 of a string (key, nonce, AAD, block, tag, packet) is in bits [7:0], as on
// AXI-Stream. A key shorter than 256 bits stands in the low bits. GHASH's coefficient of x^0 is the most significant bit of byte
// 0 (SP 800-38D 6.3), so bit 7; turn128 makes a polynomial of a block.

package espnic_gcm_pkg;

  typedef enum logic [1:0] {
    KeySize128 = 2'd0,
    KeySize192 = 2'd1,
    KeySize256 = 2'd2
  } key_size_e;

  // Rounds by key size, and the most there are.
  localparam int Rounds128 = 10;
  localparam int Rounds192 = 12;
  localparam int Rounds256 = 14;
  localparam int RoundsMax = Rounds256;

  // From a block's entry into espnic_aes_pipe to its exit.
  localparam int AesClocks = RoundsMax + 1;

  localparam int BlockBytes = 16;
  // Bits of a count of blocks: a packet has at most 65,535 bytes, and two blocks come on top.
  localparam int CountBits = 13;

  // A number as it stands on the wire, most significant byte first.
  function automatic logic [31:0] swap32(input logic [31:0] x);
    swap32 = {x[7:0], x[15:8], x[23:16], x[31:24]};
  endfunction

  // Block to polynomial, bit i being the coefficient of x^i, and back: the bits of each byte turned round.
  function automatic logic [127:0] turn128(input logic [127:0] x);
    for (int i = 0; i < 128; i++) turn128[i] = x[8*(i/8)+7-i%8];
  endfunction

endpackage
