// SPDX-License-Identifier: BSD-2-Clause
//
// The keystream of AES-GCM (SP 800-38D 7.1): for a packet of n blocks of text, E(K, Y0 + 1) ... E(K, Y0 + n) and then E(K, Y0),
// the mask of the tag, LANES blocks a beat:
//
//   beat   0              1                  ...   n div LANES
//   lanes  Y1 Y2 Y3 Y4    Y5 Y6 Y7 Y8              ... Yn Y0 -     (what follows Y0 has no meaning)
//
// so the mask costs a beat of its own only if n is a multiple of LANES. n may be 0 (GMAC): the mask alone.
//
// Runs ahead of its user by up to Depth beats, which credits count: a beat enters the cipher only when the FIFO behind it
// has room for all that are under way.

`include "espnic_assert.svh"

module espnic_gcm_keystream #(
  parameter int Lanes = 1,
  parameter int Depth = 32,  // more than espnic_gcm_pkg::AesClocks + 3, or the cipher runs dry
  parameter bit Tower = 1'b0
) (
  input  logic                                 clk_i,
  input  logic                                 rst_ni,
  // one a packet
  input  logic                                 start_valid_i,
  output logic                                 start_ready_o,
  input  logic [255:0]                         key_i,
  input  espnic_gcm_pkg::key_size_e            key_size_i,
  input  logic [95:0]                          nonce_i,
  input  logic [espnic_gcm_pkg::CountBits-1:0] blocks_i,
  // beats
  output logic                                 valid_o,
  input  logic                                 ready_i,
  output logic [128*Lanes-1:0]                 data_o
);

  localparam int CountBits = espnic_gcm_pkg::CountBits;
  localparam int CreditBits = $clog2(Depth) + 1;

  logic                      busy_q;
  logic [255:0]              key_q;
  espnic_gcm_pkg::key_size_e key_size_q;
  logic [95:0]               nonce_q;
  logic [31:0]               counter_q;  // of lane 0
  logic [CountBits-1:0]      left_q;     // blocks of text from lane 0 on
  logic [CreditBits-1:0]     credit_q;
  logic                      issue, final_beat;

  assign final_beat    = int'(left_q) < Lanes;
  assign issue         = busy_q && credit_q != '0;
  assign start_ready_o = !busy_q || (issue && final_beat);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q   <= 1'b0;
      credit_q <= CreditBits'(Depth);
    end else begin
      if (start_ready_o) busy_q <= start_valid_i;
      credit_q <= credit_q - CreditBits'(issue) + CreditBits'(valid_o && ready_i);
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_ready_o) begin
      key_q      <= key_i;
      key_size_q <= key_size_i;
      nonce_q    <= nonce_i;
      counter_q  <= 32'd2;
      left_q     <= blocks_i;
    end else if (issue) begin
      counter_q <= counter_q + 32'(Lanes);
      left_q    <= left_q - CountBits'(Lanes);
    end
  end

  // Y0 has counter 1 and Yi has i + 1; a counter's first byte on the wire is its most significant.
  logic [128*Lanes-1:0] counters;
  for (genvar j = 0; j < Lanes; j++) begin : gen_lane
    logic [31:0] count;
    assign count = int'(left_q) > j ? counter_q + 32'(j) : 32'd1;
    assign counters[128*j+:128] = {count[7:0], count[15:8], count[23:16], count[31:24], nonce_q};
  end

  logic                 cipher_valid, room;
  logic [128*Lanes-1:0] cipher;

  espnic_aes_pipe #(.Lanes(Lanes), .Tower(Tower)) u_aes (
    .clk_i,
    .rst_ni,
    .valid_i(issue),
    .key_i(key_q),
    .key_size_i(key_size_q),
    .data_i(counters),
    .valid_o(cipher_valid),
    .data_o(cipher)
  );

  espnic_fifo #(.Width(128 * Lanes), .Depth(Depth)) u_fifo (
    .clk_i,
    .rst_ni,
    .valid_i(cipher_valid),
    .ready_o(room),
    .data_i(cipher),
    .valid_o,
    .ready_i,
    .data_o
  );

  `ESPNIC_ASSERT(RoomForAll, !cipher_valid || room)
`ifndef ESPNIC_CHECKS
  logic unused;
  assign unused = room;
`endif
  `ESPNIC_COVER(OutOfCredit, busy_q && credit_q == '0)
  `ESPNIC_COVER(MaskOnItsOwn, issue && left_q == '0)
  `ESPNIC_COVER(NextAtOnce, busy_q && start_ready_o && start_valid_i)

endmodule
