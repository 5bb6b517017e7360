// SPDX-License-Identifier: BSD-2-Clause
//
// AES-GCM and GMAC (SP 800-38D) of a stream of packets, 16 LANES bytes a clock, each packet under a key of its own: one command,
// the text, the text transformed, one tag. It neither knows ESP nor compares tags; what a bad tag means is its user's business.
//
//   cmd ──┬──► keystream (cipher runs ahead) ──┐
//         └──► context FIFO ──────────────┐    │
//   s   ──────► data FIFO ──────────────► step ┴──► m
//                                          └──────► GHASH ──► tag FIFO ──► tag
//
// Command, one a packet, in the order of the packets; text may come before, with or after it:
//   key, key_size; h_pow: H^(k+1) in bits [128k+127:128k], H = E(K, 0); nonce: salt and IV
//   aad: 8 bytes, or 12 if aad_long (RFC 4106 section 5); len: bytes of text, 0..65535 (0: no beat of text in or out)
//   decrypt: the text is ciphertext
//   gmac: all text is AAD (RFC 4543 section 3.3) and comes out as it went in; aad is not used
//
// Streams: byte i of a beat is bits [8i+7:8i]; keep is all ones but in a packet's last beat and has no holes. len alone rules: keep and
// last of s are what it says (asserted, not corrected). Bytes of m outside of keep are zero.
//
// Timing. A packet of n = ceil(len / 16) blocks takes ceil((n + 2) / LANES) clocks, that is, n + 2 blocks of GHASH, of which the AAD
// stands first; with GMAC ceil((n + 1) / LANES). Between packets nothing is lost beyond the rounding. A packet that
// finds the core empty has its first beat out espnic_gcm_pkg::AesClocks + 4 clocks after its command. No register between
// the streams and the outside but those of the FIFOs.

`include "espnic_assert.svh"

module espnic_gcm_stream #(
  parameter int Lanes = 1,
  parameter bit Tower = 1'b0,
  parameter bit Gates = 1'b0,
  parameter int DataDepth = 32,  // beats; enough to wait for the cipher at full rate
  parameter int TagDepth = 8     // tags nobody took yet, before the text stalls
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,

  input  logic                      cmd_valid_i,
  output logic                      cmd_ready_o,
  input  logic [255:0]              cmd_key_i,
  input  espnic_gcm_pkg::key_size_e cmd_key_size_i,
  input  logic [128*Lanes-1:0]      cmd_h_pow_i,
  input  logic [95:0]               cmd_nonce_i,
  input  logic [95:0]               cmd_aad_i,
  input  logic                      cmd_aad_long_i,
  input  logic                      cmd_gmac_i,
  input  logic                      cmd_decrypt_i,
  input  logic [15:0]               cmd_len_i,

  input  logic                      s_valid_i,
  output logic                      s_ready_o,
  input  logic [128*Lanes-1:0]      s_data_i,
  input  logic [16*Lanes-1:0]       s_keep_i,
  input  logic                      s_last_i,

  output logic                      m_valid_o,
  input  logic                      m_ready_i,
  output logic [128*Lanes-1:0]      m_data_o,
  output logic [16*Lanes-1:0]       m_keep_o,
  output logic                      m_last_o,

  output logic                      tag_valid_o,
  input  logic                      tag_ready_i,
  output logic [127:0]              tag_o
);

  localparam int Bytes = 16 * Lanes;
  localparam int CountBits = espnic_gcm_pkg::CountBits;
  localparam int LaneBits = $clog2(Lanes + 1);

  // ---------------------------------------------------------------- command: to the keystream and to the context FIFO

  // What a packet's steps need, in order of the fields of ctx_* below.
  localparam int CtxBits = 128 * Lanes + 96 + 1 + 1 + 1 + 16 + CountBits + CountBits;

  logic                 stream_ready, ctx_ready, ctx_valid, ctx_take;
  logic [CtxBits-1:0]   ctx_in, ctx_out;
  logic [CountBits-1:0] cmd_blocks, cmd_text_blocks, cmd_hash_blocks;
  logic [95:0]          cmd_aad;

  assign cmd_ready_o     = stream_ready && ctx_ready;
  assign cmd_blocks      = CountBits'((17'(cmd_len_i) + 17'd15) >> 4);
  assign cmd_text_blocks = cmd_gmac_i ? '0 : cmd_blocks;
  assign cmd_hash_blocks = cmd_blocks + (cmd_gmac_i ? CountBits'(1) : CountBits'(2));
  assign cmd_aad         = {cmd_aad_i[95:64] & {32{cmd_aad_long_i}}, cmd_aad_i[63:0]};
  assign ctx_in = {cmd_h_pow_i, cmd_aad, cmd_aad_long_i, cmd_gmac_i, cmd_decrypt_i, cmd_len_i,
                   cmd_text_blocks, cmd_hash_blocks};

  logic                 ks_valid, ks_take;
  logic [128*Lanes-1:0] ks_data;

  espnic_gcm_keystream #(.Lanes(Lanes), .Tower(Tower)) u_keystream (
    .clk_i,
    .rst_ni,
    .start_valid_i(cmd_valid_i && ctx_ready),
    .start_ready_o(stream_ready),
    .key_i(cmd_key_i),
    .key_size_i(cmd_key_size_i),
    .nonce_i(cmd_nonce_i),
    .blocks_i(cmd_text_blocks),
    .valid_o(ks_valid),
    .ready_i(ks_take),
    .data_o(ks_data)
  );

  localparam int CtxDepth = 32;
  espnic_fifo #(.Width(CtxBits), .Depth(CtxDepth)) u_ctx (
    .clk_i,
    .rst_ni,
    .valid_i(cmd_valid_i && stream_ready),
    .ready_o(ctx_ready),
    .data_i(ctx_in),
    .valid_o(ctx_valid),
    .ready_i(ctx_take),
    .data_o(ctx_out)
  );

  // ---------------------------------------------------------------- text waits for its keystream

  logic                 in_valid, in_take;
  logic [128*Lanes-1:0] in_data;

  espnic_fifo #(.Width(128 * Lanes), .Depth(DataDepth)) u_data (
    .clk_i,
    .rst_ni,
    .valid_i(s_valid_i),
    .ready_o(s_ready_o),
    .data_i(s_data_i),
    .valid_o(in_valid),
    .ready_i(in_take),
    .data_o(in_data)
  );

  // ---------------------------------------------------------------- the packet in work

  logic                 run_q;       // there is one
  logic                 first_q;     // none of its steps was taken
  logic [128*Lanes-1:0] h_pow_q;
  logic [95:0]          aad_q;
  logic                 aad_long_q, gmac_q, decrypt_q;
  logic [15:0]          len_q;
  logic [15:0]          left_q;      // bytes of text still to come
  logic [CountBits-1:0] text_q;      // blocks of keystream before the mask, from this step's first lane on
  logic                 masked_q;    // the mask has come, in mask_q
  logic [CountBits-1:0] hash_q;      // blocks of GHASH from this step's first lane on
  logic [127:0]         mask_q;
  logic [127:0]         carry_q;     // the last block of ciphertext of the step before

  logic need_text, need_ks, last_step, step, out_ready, tag_credit;

  assign need_text = left_q != '0;
  assign need_ks   = !masked_q;
  assign last_step = int'(hash_q) <= Lanes;
  assign step      = run_q && (!need_text || (in_valid && out_ready)) && (!need_ks || ks_valid) &&
                     (!last_step || tag_credit);
  assign in_take   = step && need_text;
  assign ks_take   = step && need_ks;
  assign ctx_take  = !run_q || (step && last_step);

  // ---------------------------------------------------------------- one step: text against keystream

  logic                 mask_now;
  logic [Bytes-1:0]     keep;
  logic [128*Lanes-1:0] keep_bits, text, crypted, hashed;
  logic [127:0]         mask;

  for (genvar i = 0; i < Bytes; i++) begin : gen_keep
    assign keep[i]           = left_q > 16'(i);
    assign keep_bits[8*i+:8] = {8{keep[i]}};
  end
  assign text    = in_data & keep_bits;
  assign crypted = gmac_q ? text : text ^ (ks_data & keep_bits);
  assign hashed  = decrypt_q ? text : crypted;

  // The mask stands in the lane after the last block of text.
  assign mask_now = need_ks && int'(text_q) < Lanes;
  always_comb begin
    mask = mask_q;
    for (int j = 0; j < Lanes; j++) begin
      if (mask_now && int'(text_q) == j) mask = ks_data[128*j+:128];
    end
  end

  // ---------------------------------------------------------------- one step: GHASH

  // The AAD stands before the ciphertext, so each block goes one lane up and the last one into the next step; with GMAC
  // nothing stands before. The block of lengths is the last of all, where the text has only zeros.
  logic [LaneBits-1:0]  hash_count;
  logic [128*Lanes-1:0] blocks;
  logic [127:0]         carry, lengths;
  logic [31:0]          len_bits;

  assign hash_count = last_step ? hash_q[LaneBits-1:0] : LaneBits'(Lanes);
  assign carry    = first_q ? {32'h0, aad_q} : carry_q;
  assign len_bits = {13'h0, len_q, 3'b000};
  // Two numbers of 64 bits, most significant byte first.
  assign lengths = gmac_q ? {64'h0, espnic_gcm_pkg::swap32(len_bits), 32'h0} :
      {espnic_gcm_pkg::swap32(len_bits), 32'h0,
       espnic_gcm_pkg::swap32(aad_long_q ? 32'd96 : 32'd64), 32'h0};

  always_comb begin
    for (int j = 0; j < Lanes; j++) begin
      if (gmac_q) blocks[128*j+:128] = hashed[128*j+:128];
      else if (j == 0) blocks[127:0] = carry;
      else blocks[128*j+:128] = hashed[128*(j>0 ? j-1 : 0)+:128];
      if (last_step && int'(hash_q) == j + 1) blocks[128*j+:128] = lengths;
    end
  end

  // ---------------------------------------------------------------- state

  always_ff @(posedge clk_i) begin
    if (!rst_ni) run_q <= 1'b0;
    else if (ctx_take) run_q <= ctx_valid;
  end

  always_ff @(posedge clk_i) begin
    if (ctx_take) begin
      {h_pow_q, aad_q, aad_long_q, gmac_q, decrypt_q, len_q, text_q, hash_q} <= ctx_out;
      left_q   <= ctx_out[2*CountBits+:16];
      first_q  <= 1'b1;
      masked_q <= 1'b0;
    end else if (step) begin
      left_q   <= left_q > 16'(Bytes) ? left_q - 16'(Bytes) : '0;
      text_q   <= text_q - CountBits'(Lanes);
      hash_q   <= hash_q - CountBits'(Lanes);
      first_q  <= 1'b0;
      masked_q <= masked_q || mask_now;
    end
    if (step) begin
      mask_q  <= mask;
      carry_q <= hashed[128*(Lanes-1)+:128];
    end
  end

  // ---------------------------------------------------------------- text out

  espnic_skid #(.Width(128 * Lanes + Bytes + 1)) u_out (
    .clk_i,
    .rst_ni,
    .valid_i(in_take),
    .ready_o(out_ready),
    .data_i({left_q <= 16'(Bytes), keep, crypted}),
    .valid_o(m_valid_o),
    .ready_i(m_ready_i),
    .data_o({m_last_o, m_keep_o, m_data_o})
  );

  // ---------------------------------------------------------------- tag out

  localparam int TagBits = $clog2(TagDepth) + 1;
  logic [TagBits-1:0] tag_credit_q;
  logic               hash_valid, tag_room;
  logic [127:0]       hash_tag;

  espnic_ghash #(.Lanes(Lanes), .Gates(Gates)) u_ghash (
    .clk_i,
    .rst_ni,
    .valid_i(step),
    .first_i(first_q),
    .last_i(last_step),
    .count_i(hash_count),
    .blocks_i(blocks),
    .h_pow_i(h_pow_q),
    .mask_i(mask),
    .tag_valid_o(hash_valid),
    .tag_o(hash_tag)
  );

  assign tag_credit = tag_credit_q != '0;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) tag_credit_q <= TagBits'(TagDepth);
    else tag_credit_q <= tag_credit_q - TagBits'(step && last_step) + TagBits'(tag_valid_o && tag_ready_i);
  end

  espnic_fifo #(.Width(128), .Depth(TagDepth)) u_tag (
    .clk_i,
    .rst_ni,
    .valid_i(hash_valid),
    .ready_o(tag_room),
    .data_i(hash_tag),
    .valid_o(tag_valid_o),
    .ready_i(tag_ready_i),
    .data_o(tag_o)
  );

  // ---------------------------------------------------------------- checks

  espnic_stream_check #(.Width(128 * Lanes + Bytes + 1), .Master(1'b0)) u_check_s (
    .clk_i, .rst_ni, .valid_i(s_valid_i), .ready_i(s_ready_o), .payload_i({s_last_i, s_keep_i, s_data_i})
  );

  `ESPNIC_ASSERT(RoomForTag, !hash_valid || tag_room)
`ifdef ESPNIC_CHECKS
  // What s said of the beat in work.
  logic             said_valid, said_room, said_last;
  logic [Bytes-1:0] said_keep;
  espnic_fifo #(.Width(Bytes + 1), .Depth(DataDepth)) u_said (
    .clk_i,
    .rst_ni,
    .valid_i(s_valid_i && s_ready_o),
    .ready_o(said_room),
    .data_i({s_last_i, s_keep_i}),
    .valid_o(said_valid),
    .ready_i(in_take),
    .data_o({said_last, said_keep})
  );
  `ESPNIC_ASSERT(SaidAsMuch, said_valid == in_valid && said_room == s_ready_o)
  `ESPNIC_ASSUME(LenRules, !in_take || (said_keep == keep && said_last == (left_q <= 16'(Bytes))))
`else
  logic unused;
  assign unused = ^{s_keep_i, s_last_i, tag_room};
`endif
  `ESPNIC_COVER(WaitsForKeystream, run_q && need_ks && !ks_valid && in_valid)
  `ESPNIC_COVER(WaitsForText, run_q && need_text && !in_valid && ks_valid)
  `ESPNIC_COVER(WaitsForOut, run_q && need_text && in_valid && !out_ready)
  `ESPNIC_COVER(WaitsForTag, run_q && last_step && !tag_credit)
  `ESPNIC_COVER(NextPacketAtOnce, step && last_step && ctx_valid)
  `ESPNIC_COVER(NoText, step && first_q && !need_text)
  `ESPNIC_COVER(Gmac, step && gmac_q)
  `ESPNIC_COVER(Decrypt, step && decrypt_q && !gmac_q)
  `ESPNIC_COVER(AadOf12, step && first_q && aad_long_q)

endmodule
