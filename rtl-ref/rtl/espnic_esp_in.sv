// SPDX-License-Identifier: BSD-2-Clause
//
// Inbound direction whole: espnic_unprotect with its AES-GCM core, and AXI-Stream at both ends (byte 0 of a packet in bits 7:0 of the
// first beat, tkeep without holes, no packet of no bytes). All that is to be known of it stands there.

`include "espnic_assert.svh"

module espnic_esp_in #(
  parameter int Lanes = 1,
  parameter int Sas = 16,
  parameter int WindowWords = 512,   // of window memory, 64 numbers each
  parameter int BufBytes = 32768,
  parameter int MaxFrame = 9728,     // bytes
  parameter bit Tower = 1'b0,        // forms of the core's parts: espnic_aes_sbox,
  parameter bit Gates = 1'b0,        // espnic_gf128_mul
  localparam int SaW    = $clog2(Sas),
  localparam int WordAW = $clog2(WindowWords),
  localparam int DataW  = Lanes * 128,
  localparam int BeatB  = Lanes * 16,
  localparam int KeyW   = 128 * Lanes + 256 + 32
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  // ESP packets, from the IP header on; the SA with the first beat
  input  logic             s_valid_i,
  output logic             s_ready_o,
  input  logic [DataW-1:0] s_data_i,
  input  logic [BeatB-1:0] s_keep_i,     // no holes; all ones but in a packet's last beat
  input  logic             s_last_i,
  input  logic [SaW-1:0]   s_sa_i,
  // SA memory
  output logic             sa_read_o,
  output logic [SaW-1:0]   sa_index_o,
  input  espnic_records_pkg::sa_static_t sa_i,
  input  logic [KeyW-1:0]  key_i,
  // Hot part of the SAs: espnic_replay, all but OpPacket and OpSettle
  input  logic             cfg_valid_i,
  output logic             cfg_ready_o,
  input  logic [3:0]       cfg_op_i,
  input  logic [SaW-1:0]   cfg_sa_i,
  input  logic [WordAW-1:0] cfg_word_addr_i,
  input  espnic_records_pkg::window_word_t cfg_word_i,
  input  espnic_records_pkg::sa_in_t cfg_record_i,
  output logic             cfg_done_o,   // one clock; then the next two are what was there before
  output espnic_records_pkg::window_word_t cfg_word_o,
  output espnic_records_pkg::sa_in_t cfg_record_o,
  // Answers
  output logic             r_valid_o,
  input  logic             r_ready_i,
  output logic [SaW-1:0]   r_sa_o,
  output logic [3:0]       r_verdict_o,  // espnic_rtl_pkg::verdict_e
  output logic             r_event_o,    // raised an event of its SA
  output logic             r_dummy_o,    // good, but nothing comes out
  output logic [63:0]      r_seq_o,      // if good: its number
  output logic [espnic_rtl_pkg::LenW-1:0] r_len_o,  // likewise: bytes of the clear packet
  // Clear packets
  output logic             m_valid_o,
  input  logic             m_ready_i,
  output logic [DataW-1:0] m_data_o,
  output logic [BeatB-1:0] m_keep_o,
  output logic             m_last_o
);

  localparam int ByteW = $clog2(BeatB + 1);

  logic               gcm_valid, gcm_ready, gcm_aad_long, gcm_gmac;
  logic [255:0]       gcm_key;
  logic [1:0]         gcm_key_size;
  logic [128*Lanes-1:0] gcm_h_pow;
  logic [95:0]        gcm_nonce, gcm_aad;
  logic [15:0]        gcm_len;
  logic               to_valid, to_ready, to_last, from_valid, from_ready, from_last, tag_valid, tag_ready;
  logic [DataW-1:0]   to_data, from_data;
  logic [ByteW-1:0]   to_count, from_count, s_count, m_count;
  logic [BeatB-1:0]   to_keep, from_keep;
  logic [127:0]       tag;

  function automatic logic [ByteW-1:0] count_of(input logic [BeatB-1:0] keep);
    count_of = '0;
    for (int b = 0; b < BeatB; b++) begin
      if (keep[b]) count_of = ByteW'(b + 1);
    end
  endfunction

  function automatic logic [BeatB-1:0] keep_of(input logic [ByteW-1:0] count);
    for (int b = 0; b < BeatB; b++) keep_of[b] = ByteW'(b) < count;
  endfunction

  assign s_count    = count_of(s_keep_i);
  assign m_keep_o   = keep_of(m_count);
  assign to_keep    = keep_of(to_count);
  assign from_count = count_of(from_keep);

  espnic_unprotect #(
    .Lanes(Lanes), .Sas(Sas), .WindowWords(WindowWords), .BufBytes(BufBytes), .MaxFrame(MaxFrame)
  ) u_packets (
    .clk_i, .rst_ni, .s_valid_i, .s_ready_o, .s_data_i, .s_last_i, .s_sa_i, .sa_read_o, .sa_index_o, .sa_i, .key_i,
    .cfg_valid_i, .cfg_ready_o, .cfg_op_i, .cfg_sa_i, .cfg_word_addr_i, .cfg_word_i, .cfg_record_i, .cfg_done_o,
    .cfg_word_o, .cfg_record_o, .r_valid_o, .r_ready_i, .r_sa_o, .r_verdict_o, .r_event_o, .r_dummy_o, .r_seq_o,
    .r_len_o, .m_valid_o, .m_ready_i, .m_data_o, .m_last_o,
    .s_count_i(s_count),
    .m_count_o(m_count),
    .gcm_valid_o   (gcm_valid),
    .gcm_ready_i   (gcm_ready),
    .gcm_key_o     (gcm_key),
    .gcm_key_size_o(gcm_key_size),
    .gcm_h_pow_o   (gcm_h_pow),
    .gcm_nonce_o   (gcm_nonce),
    .gcm_aad_o     (gcm_aad),
    .gcm_aad_long_o(gcm_aad_long),
    .gcm_gmac_o    (gcm_gmac),
    .gcm_len_o     (gcm_len),
    .crypt_valid_o (to_valid),
    .crypt_ready_i (to_ready),
    .crypt_data_o  (to_data),
    .crypt_count_o (to_count),
    .crypt_last_o  (to_last),
    .plain_valid_i (from_valid),
    .plain_ready_o (from_ready),
    .plain_data_i  (from_data),
    .plain_count_i (from_count),
    .plain_last_i  (from_last),
    .tag_valid_i   (tag_valid),
    .tag_ready_o   (tag_ready),
    .tag_i         (tag)
  );

  espnic_gcm_stream #(.Lanes(Lanes), .Tower(Tower), .Gates(Gates)) u_gcm (
    .clk_i, .rst_ni,
    .cmd_valid_i   (gcm_valid),
    .cmd_ready_o   (gcm_ready),
    .cmd_key_i     (gcm_key),
    .cmd_key_size_i(espnic_gcm_pkg::key_size_e'(gcm_key_size)),
    .cmd_h_pow_i   (gcm_h_pow),
    .cmd_nonce_i   (gcm_nonce),
    .cmd_aad_i     (gcm_aad),
    .cmd_aad_long_i(gcm_aad_long),
    .cmd_gmac_i    (gcm_gmac),
    .cmd_decrypt_i (1'b1),
    .cmd_len_i     (gcm_len),
    .s_valid_i     (to_valid),
    .s_ready_o     (to_ready),
    .s_data_i      (to_data),
    .s_keep_i      (to_keep),
    .s_last_i      (to_last),
    .m_valid_o     (from_valid),
    .m_ready_i     (from_ready),
    .m_data_o      (from_data),
    .m_keep_o      (from_keep),
    .m_last_o      (from_last),
    .tag_valid_o   (tag_valid),
    .tag_ready_i   (tag_ready),
    .tag_o         (tag)
  );

  `ESPNIC_ASSUME(KeepHasNoHoles, !s_valid_i || (s_keep_i & (s_keep_i + BeatB'(1))) == '0)
  `ESPNIC_ASSUME(KeepIsFull, !s_valid_i || s_last_i || s_keep_i == '1)
  `ESPNIC_ASSUME(NotEmpty, !s_valid_i || s_keep_i[0])
  espnic_stream_check #(.Width(DataW + BeatB + 1)) u_check_m (
    .clk_i, .rst_ni, .valid_i(m_valid_o), .ready_i(m_ready_i), .payload_i({m_last_o, m_keep_o, m_data_o})
  );

endmodule
