// SPDX-License-Identifier: BSD-2-Clause
//
// Inbound direction: ESP packets in, clear IP packets out (RFC 4303 section 3.4), an answer for each. All but the
// cryptography is in here; the AES-GCM core (espnic_gcm_stream) is connected to gcm_*, crypt_*, plain_* and tag_*.
//
//   s_* ─► parse ─► buffer ──────────────────► split ─► own header ─────────────────────────────┐
//            │                                    └► pack ─► ICV off ─► crypt_* ─► GCM ─► plain_* ─► join ─► walk
//            └► facts ─► SA ─► look (window) ─► go ─┬► jobs                  │ICV     │tag               │
//                                                   └► under way ──────────► settle ◄─┴─ trailer, parse ◄┤
//                                                                              │                         ▼
//                                                                 answer ◄─────┴────► patch ◄────── clear store
//                                                                                       └► m_*
//
// No byte of a packet leaves the store before its ICV was found good, and none of a packet with any other verdict
// than ok leaves at all. Answers come in the order of packets, packets that are good in the same order; an answer
// comes before its packet's bytes. The ICV is compared whole, in one clock whatever it is.
//
// The SA of a packet is known to the caller (s_sa_i). SA memory as for espnic_protect.

`include "espnic_assert.svh"

module espnic_unprotect #(
  parameter int Lanes = 1,
  parameter int Sas = 16,
  parameter int WindowWords = 512,   // of window memory, 64 numbers each
  parameter int BufBytes = 32768,    // of packets as they came, and again of clear ones
  parameter int MaxFrame = 9728,     // bytes; a longer frame gets VerdictMalformed
  localparam int SaW    = $clog2(Sas),
  localparam int WordAW = $clog2(WindowWords),
  localparam int DataW  = Lanes * 128,
  localparam int BeatB  = Lanes * 16,
  localparam int ByteW  = $clog2(BeatB + 1),
  localparam int KeyW   = 128 * Lanes + 256 + 32
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  // ESP packets, from the IP header on; the SA with the first beat
  input  logic             s_valid_i,
  output logic             s_ready_o,
  input  logic [DataW-1:0] s_data_i,
  input  logic [ByteW-1:0] s_count_i,    // bytes; all of the beat but for the last
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
  output logic [ByteW-1:0] m_count_o,
  output logic             m_last_o,
  // AES-GCM
  output logic             gcm_valid_o,
  input  logic             gcm_ready_i,
  output logic [255:0]     gcm_key_o,
  output logic [1:0]       gcm_key_size_o,
  output logic [128*Lanes-1:0] gcm_h_pow_o,
  output logic [95:0]      gcm_nonce_o,
  output logic [95:0]      gcm_aad_o,
  output logic             gcm_aad_long_o,  // 12 bytes, else 8
  output logic             gcm_gmac_o,
  output logic [15:0]      gcm_len_o,       // bytes of crypt_*
  output logic             crypt_valid_o,
  input  logic             crypt_ready_i,
  output logic [DataW-1:0] crypt_data_o,
  output logic [ByteW-1:0] crypt_count_o,
  output logic             crypt_last_o,
  input  logic             plain_valid_i,
  output logic             plain_ready_o,
  input  logic [DataW-1:0] plain_data_i,
  input  logic [ByteW-1:0] plain_count_i,
  input  logic             plain_last_i,
  input  logic             tag_valid_i,
  output logic             tag_ready_o,
  input  logic [127:0]     tag_i
);

  localparam int LenW    = espnic_rtl_pkg::LenW;
  localparam int WordsW  = LenW - 2;
  localparam int Beats   = BufBytes / BeatB;
  localparam int BeatsW  = $clog2(Beats) + 1;
  localparam int IpW     = espnic_records_pkg::IpW;
  localparam int StaticW = espnic_records_pkg::SaStaticW;
  localparam int CountW  = $clog2(4 * Lanes + 1);
  localparam int SkipW   = $clog2(4 * Lanes);

  // ---------------------------------------------------------------- what came: read, and stored

  localparam int FactsW = IpW + BeatsW + 1;

  logic              in_valid, take;
  logic [SaW-1:0] meta;
  logic [FactsW-1:0] facts;
  logic              cut_valid, cut_ready;
  logic [BeatsW-1:0] cut_beats, cut_want;
  logic              buf_valid, buf_take;
  logic [DataW-1:0]  buf_data;

  espnic_intake #(.Lanes(Lanes), .MetaW(SaW), .BufBytes(BufBytes), .MaxFrame(MaxFrame)) u_intake (
    .clk_i, .rst_ni,
    .s_valid_i, .s_ready_o, .s_data_i, .s_count_i, .s_last_i,
    .s_meta_i   (s_sa_i),
    .valid_o    (in_valid),
    .ready_i    (take),
    .meta_o     (meta),
    .facts_o    (facts),
    .cut_valid_i(cut_valid),
    .cut_ready_o(cut_ready),
    .cut_beats_i(cut_beats),
    .cut_want_i (cut_want),
    .buf_valid_o(buf_valid),
    .buf_take_i (buf_take),
    .buf_data_o (buf_data)
  );

  // ---------------------------------------------------------------- SA, plan, and the look at the window

  logic               a_valid_q, a_move, l_valid_q, l_move, l_asks, l_push, wait_room, look_ready;
  logic [SaW-1:0]     a_sa_index_q, l_sa_index_q;
  logic [FactsW-1:0]  a_facts_q, l_facts_q;
  logic [StaticW-1:0] l_static_q;
  logic [KeyW-1:0]    l_key_q;
  logic [3:0]         l_verdict_q, plan_verdict;
  logic [31:0]        l_low_q, plan_low;
  logic [63:0]        l_iv_q, plan_iv;
  logic [LenW-1:0]    l_text_off_q, l_text_len_q, plan_text_off, plan_text_len;
  espnic_records_pkg::sa_static_t l_static;

  assign a_move     = !a_valid_q || l_move;
  assign take       = in_valid && a_move;
  assign sa_read_o  = take;
  assign sa_index_o = meta;

  espnic_in_plan u_plan (
    .sa_i,
    .ip_i      (a_facts_q[IpW-1:0]),
    .oversize_i(a_facts_q[FactsW-1]),
    .verdict_o (plan_verdict),
    .seq_low_o (plan_low),
    .iv_o      (plan_iv),
    .text_off_o(plan_text_off),
    .text_len_o(plan_text_len)
  );

  // What was refused already asks for no look, and waits for none but those in front.
  assign l_static = l_static_q;
  assign l_asks   = l_valid_q && l_verdict_q == espnic_rtl_pkg::VerdictOk && wait_room;
  assign l_push   = l_valid_q && wait_room && (!l_asks || look_ready);
  assign l_move   = !l_valid_q || l_push;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      a_valid_q <= 1'b0;
      l_valid_q <= 1'b0;
    end else begin
      if (a_move) a_valid_q <= take;
      if (l_move) l_valid_q <= a_valid_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (take) begin
      a_sa_index_q <= meta;
      a_facts_q    <= facts;
    end
    if (l_move) begin
      l_sa_index_q <= a_sa_index_q;
      l_facts_q    <= a_facts_q;
      l_static_q   <= sa_i;
      l_key_q      <= key_i;
      l_verdict_q  <= plan_verdict;
      l_low_q      <= plan_low;
      l_iv_q       <= plan_iv;
      l_text_off_q <= plan_text_off;
      l_text_len_q <= plan_text_len;
    end
  end

  localparam int WaitDepth = 4;
  localparam int WaitW = SaW + FactsW + StaticW + KeyW + 4 + 32 + 64 + LenW + LenW;

  logic [WaitW-1:0] waiting;
  logic             wait_valid, go;

  espnic_fifo #(.Width(WaitW), .Depth(WaitDepth)) u_wait (
    .clk_i, .rst_ni,
    .valid_i(l_push),
    .ready_o(wait_room),
    .data_i ({l_text_len_q, l_text_off_q, l_iv_q, l_low_q, l_verdict_q, l_key_q, l_static_q, l_facts_q, l_sa_index_q}),
    .valid_o(wait_valid),
    .ready_i(go),
    .data_o (waiting)
  );

  // ---------------------------------------------------------------- hot state: host, settling and looks share it

  logic        settle_valid, settle_ready, settled, settled_take, settled_event;
  logic [SaW-1:0] settle_sa;
  espnic_records_pkg::sa_static_t settle_static;
  logic [63:0] settle_seq;
  logic [3:0]  settle_looked, settle_inner, settled_verdict;
  logic        settle_good;
  logic [LenW-1:0] settle_bytes;
  logic        look_done, looked_room, looked_valid, looked_take;
  logic [3:0]  look_verdict, looked_verdict;
  logic [63:0] look_seq, looked_seq;

  espnic_in_hot #(.Sas(Sas), .WindowWords(WindowWords)) u_hot (
    .clk_i, .rst_ni,
    .cfg_valid_i, .cfg_ready_o, .cfg_op_i, .cfg_sa_i, .cfg_word_addr_i, .cfg_word_i, .cfg_record_i, .cfg_done_o,
    .cfg_word_o, .cfg_record_o,
    .settle_valid_i   (settle_valid),
    .settle_ready_o   (settle_ready),
    .settle_sa_i      (settle_sa),
    .settle_static_i  (settle_static),
    .settle_seq_i     (settle_seq),
    .settle_looked_i  (settle_looked),
    .settle_good_i    (settle_good),
    .settle_inner_i   (settle_inner),
    .settle_bytes_i   (settle_bytes),
    .settled_valid_o  (settled),
    .settled_ready_i  (settled_take),
    .settled_verdict_o(settled_verdict),
    .settled_event_o  (settled_event),
    .look_valid_i     (l_asks),
    .look_ready_o     (look_ready),
    .look_sa_i        (l_sa_index_q),
    .look_static_i    (l_static),
    .look_low_i       (l_low_q),
    .looked_valid_o   (look_done),
    .looked_verdict_o (look_verdict),
    .looked_seq_o     (look_seq)
  );

  // Room for the answer of each look that waits above, so that no answer keeps those of settling behind it.
  espnic_fifo #(.Width(4 + 64), .Depth(WaitDepth)) u_looked (
    .clk_i, .rst_ni,
    .valid_i(look_done),
    .ready_o(looked_room),
    .data_i ({look_seq, look_verdict}),
    .valid_o(looked_valid),
    .ready_i(looked_take),
    .data_o ({looked_seq, looked_verdict})
  );

  // ---------------------------------------------------------------- go: jobs for those that decrypt, a place in the order

  logic              g_decrypt, g_looked, jobs_room, order_room, cut_room, gcm_room, split_room, text_room, join_room;
  logic [SaW-1:0]    g_sa_index;
  logic [FactsW-1:0] g_facts;
  espnic_records_pkg::sa_static_t g_static;
  logic [KeyW-1:0]   g_key;
  logic [3:0]        g_plan_verdict, g_verdict;
  logic [31:0]       g_low;
  logic [63:0]       g_iv, g_seq;
  logic [LenW-1:0]   g_text_off, g_text_len, g_text_end;
  espnic_records_pkg::ip_t g_ip;
  logic [BeatsW-1:0] g_beats, g_want;
  logic [95:0]       g_aad;
  logic [2:0]        g_prefix_words;
  logic [159:0]      g_prefix;
  logic [LenW-1:0]   g_body_len;
  logic [WordsW-1:0] g_own_words, g_words;

  assign {g_text_len, g_text_off, g_iv, g_low, g_plan_verdict, g_key, g_static, g_facts, g_sa_index} = waiting;

  // g_looked: its SA counts it as under way.
  assign g_looked    = g_plan_verdict == espnic_rtl_pkg::VerdictOk;
  assign g_verdict   = g_looked ? looked_verdict : g_plan_verdict;
  assign g_seq       = g_looked ? looked_seq : {32'd0, g_low};
  assign g_ip        = g_facts[IpW-1:0];
  assign g_beats     = g_facts[IpW+:BeatsW];
  assign g_decrypt   = g_verdict == espnic_rtl_pkg::VerdictOk;
  assign jobs_room   = order_room && cut_room && gcm_room && split_room && text_room && join_room && walk_room;
  assign go          = wait_valid && (!g_looked || looked_valid) && jobs_room;
  assign looked_take = go && g_looked;
  assign g_text_end  = g_text_off + g_text_len + LenW'(g_static.icv_len);
  assign g_want      = BeatsW'((g_text_end + LenW'(BeatB - 1)) / LenW'(BeatB));
  assign g_words     = WordsW'((g_text_end + LenW'(3)) / LenW'(4));

  // AES-GMAC (RFC 4543 section 3.3): SPI, number, IV and payload are one string that is authenticated.
  assign g_aad = g_static.esn ? {espnic_rtl_pkg::be64(g_seq), espnic_rtl_pkg::be32(g_static.spi)} :
                 {32'd0, espnic_rtl_pkg::be32(g_seq[31:0]), espnic_rtl_pkg::be32(g_static.spi)};
  assign g_prefix       = g_static.esn ? {g_iv, g_aad} : {32'd0, g_iv, g_aad[63:0]};
  assign g_prefix_words = !g_static.gmac ? 3'd0 : g_static.esn ? 3'd5 : 3'd4;
  assign g_body_len     = LenW'({g_prefix_words, 2'b00}) + g_text_len;
  assign g_own_words    = g_static.tunnel ? '0 : g_ip.upper_off[LenW-1:2];

  espnic_fifo #(.Width(2 * BeatsW), .Depth(2)) u_cut (
    .clk_i, .rst_ni,
    .valid_i(go),
    .ready_o(cut_room),
    .data_i ({g_beats, g_decrypt ? g_want : BeatsW'(0)}),
    .valid_o(cut_valid),
    .ready_i(cut_ready),
    .data_o ({cut_beats, cut_want})
  );

  espnic_fifo #(.Width(128 * Lanes + 256 + 2 + 96 + 96 + 1 + 1 + 16), .Depth(2)) u_gcm (
    .clk_i, .rst_ni,
    .valid_i(go && g_decrypt),
    .ready_o(gcm_room),
    .data_i ({g_key[288+:128*Lanes], g_key[32+:256], g_static.key_size, g_iv, g_key[31:0], g_aad, g_static.esn,
              g_static.gmac, g_body_len[15:0]}),
    .valid_o(gcm_valid_o),
    .ready_i(gcm_ready_i),
    .data_o ({gcm_h_pow_o, gcm_key_o, gcm_key_size_o, gcm_nonce_o, gcm_aad_o, gcm_aad_long_o, gcm_gmac_o, gcm_len_o})
  );

  // ---------------------------------------------------------------- the way of the bytes into the core

  localparam int SplitW = 3 * WordsW + 3 + 160;

  logic [SplitW-1:0] split_job;
  logic              split_valid, split_take;
  logic              own_valid, own_ready, text_valid, text_ready, text_last;
  logic [DataW-1:0]  own_data, text_data;
  logic [CountW-1:0] own_count, text_count;
  logic [SkipW-1:0]  text_skip;

  espnic_fifo #(.Width(SplitW), .Depth(2)) u_split_job (
    .clk_i, .rst_ni,
    .valid_i(go && g_decrypt),
    .ready_o(split_room),
    .data_i ({g_prefix, g_prefix_words, g_words, g_text_off[LenW-1:2], g_own_words}),
    .valid_o(split_valid),
    .ready_i(split_take),
    .data_o (split_job)
  );

  espnic_split #(.Lanes(Lanes)) u_split (
    .clk_i, .rst_ni,
    .job_valid_i       (split_valid),
    .job_ready_o       (split_take),
    .job_head_words_i  (split_job[0+:WordsW]),
    .job_text_words_i  (split_job[WordsW+:WordsW]),
    .job_words_i       (split_job[2*WordsW+:WordsW]),
    .job_change_i      (1'b0),
    .job_v6_i          (1'b0),
    .job_next_off_i    ('0),
    .job_proto_i       ('0),
    .job_length_i      ('0),
    .job_csum_i        ('0),
    .job_prefix_words_i(split_job[3*WordsW+:3]),
    .job_prefix_i      (split_job[3*WordsW+3+:160]),
    .s_valid_i         (buf_valid),
    .s_ready_o         (buf_take),
    .s_data_i          (buf_data),
    .head_valid_o      (own_valid),
    .head_ready_i      (own_ready),
    .head_data_o       (own_data),
    .head_count_o      (own_count),
    .text_valid_o      (text_valid),
    .text_ready_i      (text_ready),
    .text_data_o       (text_data),
    .text_skip_o       (text_skip),
    .text_count_o      (text_count),
    .text_last_o       (text_last)
  );

  logic              packed_valid, packed_ready, unused_packed_last;
  logic [1:0]        unused_short;
  logic [DataW-1:0]  packed_data;
  logic [CountW-1:0] unused_packed_count;

  espnic_word_pack #(.Lanes(Lanes)) u_pack (
    .clk_i, .rst_ni,
    .s_valid_i(text_valid),
    .s_ready_o(text_ready),
    .s_data_i (text_data),
    .s_skip_i (text_skip),
    .s_count_i(text_count),
    .s_last_i (text_last),
    .s_short_i('0),
    .m_valid_o(packed_valid),
    .m_ready_i(packed_ready),
    .m_data_o (packed_data),
    .m_count_o(unused_packed_count),
    .m_last_o (unused_packed_last),
    .m_short_o(unused_short)
  );

  logic [LenW+4:0] text_job;
  logic            text_job_valid, text_job_take, icv_push, icv_room, icv_valid, icv_take;
  logic [127:0]    icv_in, icv;

  espnic_fifo #(.Width(LenW + 5), .Depth(4)) u_text_job (
    .clk_i, .rst_ni,
    .valid_i(go && g_decrypt),
    .ready_o(text_room),
    .data_i ({g_static.icv_len, g_body_len}),
    .valid_o(text_job_valid),
    .ready_i(text_job_take),
    .data_o (text_job)
  );

  espnic_in_text #(.Lanes(Lanes)) u_text (
    .clk_i, .rst_ni,
    .job_valid_i   (text_job_valid),
    .job_ready_o   (text_job_take),
    .job_body_len_i(text_job[LenW-1:0]),
    .job_icv_len_i (text_job[LenW+:5]),
    .s_valid_i     (packed_valid),
    .s_ready_o     (packed_ready),
    .s_data_i      (packed_data),
    .m_valid_o     (crypt_valid_o),
    .m_ready_i     (crypt_ready_i),
    .m_data_o      (crypt_data_o),
    .m_count_o     (crypt_count_o),
    .m_last_o      (crypt_last_o),
    .icv_valid_o   (icv_push),
    .icv_ready_i   (icv_room),
    .icv_o         (icv_in)
  );

  // As many as can be in the core at once
  espnic_fifo #(.Width(128), .Depth(32)) u_icv (
    .clk_i, .rst_ni,
    .valid_i(icv_push),
    .ready_o(icv_room),
    .data_i (icv_in),
    .valid_o(icv_valid),
    .ready_i(icv_take),
    .data_o (icv)
  );

  // ---------------------------------------------------------------- and out of it, into the store

  logic              head_valid, head_take, join_valid, join_take;
  logic [DataW-1:0]  head_data;
  logic [CountW-1:0] head_count;
  logic [WordsW+2:0] join_job;

  espnic_fifo #(.Width(DataW + CountW), .Depth(32)) u_own (
    .clk_i, .rst_ni,
    .valid_i(own_valid),
    .ready_o(own_ready),
    .data_i ({own_count, own_data}),
    .valid_o(head_valid),
    .ready_i(head_take),
    .data_o ({head_count, head_data})
  );

  espnic_fifo #(.Width(WordsW + 3), .Depth(32)) u_join_job (
    .clk_i, .rst_ni,
    .valid_i(go && g_decrypt),
    .ready_o(join_room),
    .data_i ({g_prefix_words, g_own_words}),
    .valid_o(join_valid),
    .ready_i(join_take),
    .data_o (join_job)
  );

  logic             joined_valid, joined_ready, joined_last, unused_tag_ready;
  logic [DataW-1:0] joined_data;
  logic [ByteW-1:0] joined_count;

  espnic_join #(.Lanes(Lanes), .TextDepth(0)) u_join (
    .clk_i, .rst_ni,
    .job_valid_i     (join_valid),
    .job_ready_o     (join_take),
    .job_own_words_i (join_job[0+:WordsW]),
    .job_head_i      ('0),
    .job_head_words_i('0),
    .job_drop_words_i(join_job[WordsW+:3]),
    .job_icv_words_i ('0),
    .head_valid_i    (head_valid),
    .head_ready_o    (head_take),
    .head_data_i     (head_data),
    .head_count_i    (head_count),
    .text_valid_i    (plain_valid_i),
    .text_ready_o    (plain_ready_o),
    .text_data_i     (plain_data_i),
    .text_count_i    (plain_count_i),
    .text_last_i     (plain_last_i),
    .tag_valid_i     (1'b0),
    .tag_ready_o     (unused_tag_ready),
    .tag_i           ('0),
    .m_valid_o       (joined_valid),
    .m_ready_i       (joined_ready),
    .m_data_o        (joined_data),
    .m_count_o       (joined_count),
    .m_last_o        (joined_last)
  );

  logic              z_valid, z_ready, z_last, z_fire, store_ready, found_room;
  logic [DataW-1:0]  z_data;
  logic [ByteW-1:0]  z_count;
  logic [LenW-1:0]   z_len;
  logic [BeatsW-1:0] z_beats_q;
  logic [7:0]        z_pad_len, z_next;
  logic              z_pad_good;
  espnic_records_pkg::ip_t z_ip;

  espnic_ip_parse #(.Lanes(Lanes)) u_inner (
    .clk_i, .rst_ni,
    .s_valid_i(joined_valid),
    .s_ready_o(joined_ready),
    .s_data_i (joined_data),
    .s_count_i(joined_count),
    .s_last_i (joined_last),
    .m_valid_o(z_valid),
    .m_ready_i(z_ready),
    .m_data_o (z_data),
    .m_count_o(z_count),
    .m_last_o (z_last),
    .m_len_o  (z_len),
    .ip_o     (z_ip)
  );

  // In transport mode headers may go on in the text, where a selector looks for what is behind them.
  localparam int WalkW = 1 + 1 + 8 + LenW + 32;   // of what espnic_ext_walk finds

  localparam int WalkFrag = 1;

  logic               walk, walk_valid, walk_room;
  logic [1:0]         walk_step;
  logic [2*WalkW-1:0] walked;
  logic [LenW-1:0]  z_base;

  espnic_fifo #(.Width(1), .Depth(32)) u_walk_job (
    .clk_i, .rst_ni,
    .valid_i(go && g_decrypt),
    .ready_o(walk_room),
    .data_i (g_static.has_sel && !g_static.tunnel && g_ip.v6),
    .valid_o(walk_valid),
    .ready_i(z_fire && z_last),
    .data_o (walk)
  );

  assign z_base = LenW'(z_beats_q) * LenW'(BeatB);

  // The first header's type is known at the end alone: one walk for a fragment header, one for all others.
  for (genvar w = 0; w < 2; w++) begin : gen_walk
    espnic_ext_walk #(
      .Lanes(Lanes),
      .First(w == WalkFrag ? espnic_rtl_pkg::ProtoFragment : espnic_rtl_pkg::ProtoDstOpts)
    ) u_walk (
      .clk_i, .rst_ni,
      .enable_i  (walk),
      .valid_i   (z_valid),
      .fire_i    (z_fire),
      .last_i    (z_last),
      .data_i    (z_data),
      .base_i    (z_base),
      .off_i     (z_ip.upper_off),
      .step_o    (walk_step[w]),
      .good_o    (walked[WalkW*w]),
      .nonfirst_o(walked[WalkW*w+1]),
      .proto_o   (walked[WalkW*w+2+:8]),
      .off_o     (walked[WalkW*w+10+:LenW]),
      .upper_o   (walked[WalkW*w+10+LenW+:32])
    );
  end

  assign z_ready   = store_ready && (found_room || !z_last) && walk_step == '0;
  assign z_fire    = z_valid && z_ready;

  espnic_esp_strip #(.Lanes(Lanes)) u_strip (
    .clk_i, .rst_ni,
    .fire_i    (z_fire),
    .data_i    (z_data),
    .count_i   (z_count),
    .last_i    (z_last),
    .pad_len_o (z_pad_len),
    .next_o    (z_next),
    .pad_good_o(z_pad_good)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) z_beats_q <= '0;
    else if (z_fire) z_beats_q <= z_last ? '0 : z_beats_q + BeatsW'(1);
  end

  localparam int FoundW = IpW + 8 + 8 + 1 + BeatsW + 2 * WalkW;

  logic [FoundW-1:0] found;
  logic              found_valid, found_take;

  espnic_fifo #(.Width(FoundW), .Depth(8)) u_found (
    .clk_i, .rst_ni,
    .valid_i(z_fire && z_last),
    .ready_o(found_room),
    .data_i ({walked, z_beats_q + BeatsW'(1), z_pad_good, z_next, z_pad_len, z_ip}),
    .valid_o(found_valid),
    .ready_i(found_take),
    .data_o (found)
  );

  logic              out_valid, out_take, give_valid, give_ready;
  logic [DataW-1:0]  out_data;
  logic [BeatsW-1:0] give_beats, give_want;

  espnic_pkt_buf #(.DataW(DataW), .Beats(Beats)) u_store (
    .clk_i, .rst_ni,
    .s_valid_i  (z_valid && (found_room || !z_last) && walk_step == '0),
    .s_ready_o  (store_ready),
    .s_data_i   (z_data),
    .cmd_valid_i(give_valid),
    .cmd_ready_o(give_ready),
    .cmd_beats_i(give_beats),
    .cmd_want_i (give_want),
    .m_valid_o  (out_valid),
    .m_ready_i  (out_take),
    .m_data_o   (out_data)
  );

  // ---------------------------------------------------------------- settle, in order

  localparam int OrderW = SaW + StaticW + 4 + 1 + 64 + 8 + LenW + LenW;

  logic [OrderW-1:0] order;
  logic              order_valid, order_take;

  espnic_fifo #(.Width(OrderW), .Depth(32)) u_order (
    .clk_i, .rst_ni,
    .valid_i(go),
    .ready_o(order_room),
    .data_i ({g_text_len, g_static.tunnel ? LenW'(0) : g_ip.upper_off, g_ip.tos, g_seq, g_looked, g_verdict, g_static,
              g_sa_index}),
    .valid_o(order_valid),
    .ready_i(order_take),
    .data_o (order)
  );

  logic [LenW-1:0] o_text_len, o_head_len;
  logic [7:0]      o_tos;
  logic            o_looked, o_decrypted, facts_there;

  assign {o_text_len, o_head_len, o_tos, settle_seq, o_looked, settle_looked, settle_static, settle_sa} = order;
  assign o_decrypted = settle_looked == espnic_rtl_pkg::VerdictOk;
  assign facts_there = !o_decrypted || (found_valid && tag_valid_i && icv_valid);

  espnic_records_pkg::ip_t f_ip;
  logic [7:0]        f_pad_len, f_next;
  logic              f_pad_good, j_dummy;
  logic [BeatsW-1:0] f_beats;
  logic [3:0]        j_verdict;
  logic [LenW-1:0]   j_clear_len;
  logic [1:0]        j_ecn;
  logic [127:0]      tag_cut;

  logic [WalkW-1:0]  f_frag, f_other, f_walk;

  assign {f_frag, f_other, f_beats, f_pad_good, f_next, f_pad_len, f_ip} = found;
  assign f_walk = f_next == espnic_rtl_pkg::ProtoFragment ? f_frag : f_other;

  espnic_in_judge u_judge (
    .sa_i       (settle_static),
    .inner_i    (f_ip),
    .walk_good_i    (f_walk[0]),
    .walk_nonfirst_i(f_walk[1]),
    .walk_proto_i   (f_walk[2+:8]),
    .walk_off_i     (f_walk[10+:LenW]),
    .walk_upper_i   (f_walk[10+LenW+:32]),
    .outer_tos_i(o_tos),
    .head_len_i (o_head_len),
    .text_len_i (o_text_len),
    .pad_len_i  (f_pad_len),
    .next_i     (f_next),
    .pad_good_i (f_pad_good),
    .verdict_o  (j_verdict),
    .dummy_o    (j_dummy),
    .clear_len_o(j_clear_len),
    .ecn_o      (j_ecn)
  );

  always_comb begin
    for (int b = 0; b < 16; b++) begin
      tag_cut[b*8+:8] = 5'(b) < settle_static.icv_len ? tag_i[b*8+:8] : 8'd0;
    end
  end

  assign settle_good  = tag_cut == icv;
  assign settle_inner = j_verdict;
  assign settle_bytes = j_clear_len;

  // A packet that never came to its SA's window has its verdict already.
  logic final_room, settle_pass;

  assign settle_valid = order_valid && o_looked && facts_there && final_room;
  assign settle_pass  = order_valid && final_room && (o_looked ? facts_there && settle_ready : 1'b1);
  assign order_take   = settle_pass;
  assign found_take   = settle_pass && o_decrypted;
  assign icv_take     = settle_pass && o_decrypted;
  assign tag_ready_o  = settle_pass && o_decrypted;

  // ---------------------------------------------------------------- the verdict is there

  localparam int FinalW = SaW + 4 + 1 + 1 + 1 + 1 + 64 + LenW + BeatsW + 16 + 8 + LenW + 2 + 1 + 1;

  logic [SaW-1:0]    e_sa;
  logic [3:0]        e_looked_verdict, e_verdict;
  logic              e_looked, e_decrypted, e_dummy, e_good, e_tunnel, e_v6;
  logic [63:0]       e_seq;
  logic [LenW-1:0]   e_clear_len, e_next_off;
  logic [BeatsW-1:0] e_beats;
  logic [15:0]       e_head_sum;
  logic [7:0]        e_next;
  logic [1:0]        e_ecn;
  logic              final_valid, answer_room, give_room, patch_room, finish;

  espnic_fifo #(.Width(FinalW), .Depth(4)) u_final (
    .clk_i, .rst_ni,
    .valid_i(settle_pass),
    .ready_o(final_room),
    .data_i ({f_ip.v6, settle_static.tunnel, j_ecn, f_ip.next_off, f_next, f_ip.head_sum, f_beats, j_clear_len, settle_seq,
              settle_good, j_dummy, o_decrypted, o_looked, settle_looked, settle_sa}),
    .valid_o(final_valid),
    .ready_i(finish),
    .data_o ({e_v6, e_tunnel, e_ecn, e_next_off, e_next, e_head_sum, e_beats, e_clear_len, e_seq,
              e_good, e_dummy, e_decrypted, e_looked, e_looked_verdict, e_sa})
  );

  assign e_verdict    = e_looked ? settled_verdict : e_looked_verdict;
  assign finish       = final_valid && (!e_looked || settled) && answer_room && give_room && patch_room;
  assign settled_take = finish && e_looked;

  espnic_fifo #(.Width(SaW + 4 + 1 + 1 + 64 + LenW), .Depth(2)) u_answer (
    .clk_i, .rst_ni,
    .valid_i(finish),
    .ready_o(answer_room),
    .data_i ({e_clear_len, e_seq, e_dummy && e_verdict == espnic_rtl_pkg::VerdictOk, e_looked && settled_event, e_verdict, e_sa}),
    .valid_o(r_valid_o),
    .ready_i(r_ready_i),
    .data_o ({r_len_o, r_seq_o, r_dummy_o, r_event_o, r_verdict_o, r_sa_o})
  );

  // ---------------------------------------------------------------- out

  logic              e_give;
  logic [BeatsW-1:0] e_want;

  assign e_give = e_verdict == espnic_rtl_pkg::VerdictOk && !e_dummy;
  assign e_want = BeatsW'((e_clear_len + LenW'(BeatB - 1)) / LenW'(BeatB));

  espnic_fifo #(.Width(2 * BeatsW), .Depth(2)) u_give (
    .clk_i, .rst_ni,
    .valid_i(finish && e_decrypted),
    .ready_o(give_room),
    .data_i ({e_beats, e_give ? e_want : BeatsW'(0)}),
    .valid_o(give_valid),
    .ready_i(give_ready),
    .data_o ({give_beats, give_want})
  );

  localparam int PatchW = LenW + 1 + 1 + 2 + LenW + 8 + 16;

  logic [PatchW-1:0] patch_job;
  logic              patch_valid, patch_take;

  espnic_fifo #(.Width(PatchW), .Depth(4)) u_patch_job (
    .clk_i, .rst_ni,
    .valid_i(finish && e_decrypted && e_give),
    .ready_o(patch_room),
    .data_i ({e_head_sum, e_next, e_next_off, e_ecn, e_tunnel, e_v6, e_clear_len}),
    .valid_o(patch_valid),
    .ready_i(patch_take),
    .data_o (patch_job)
  );

  espnic_in_patch #(.Lanes(Lanes)) u_patch (
    .clk_i, .rst_ni,
    .job_valid_i   (patch_valid),
    .job_ready_o   (patch_take),
    .job_len_i     (patch_job[0+:LenW]),
    .job_v6_i      (patch_job[LenW]),
    .job_tunnel_i  (patch_job[LenW+1]),
    .job_ecn_i     (patch_job[LenW+2+:2]),
    .job_next_off_i(patch_job[LenW+4+:LenW]),
    .job_next_i    (patch_job[2*LenW+4+:8]),
    .job_head_sum_i(patch_job[2*LenW+12+:16]),
    .s_valid_i     (out_valid),
    .s_ready_o     (out_take),
    .s_data_i      (out_data),
    .m_valid_o, .m_ready_i, .m_data_o, .m_count_o, .m_last_o
  );

  `ESPNIC_ASSERT(RoomForLook, !look_done || looked_room)
  `ESPNIC_ASSERT(SettledIsExpected, !settled || final_valid)
  `ESPNIC_ASSERT(OnlyGoodLeaves, !(finish && e_decrypted && e_give) || e_good)
  `ESPNIC_ASSERT(WalkOfEachPacket, !z_valid || walk_valid)
  `ESPNIC_ASSERT(StoredWhole, !(z_fire && z_last) || z_len != '0)

  logic unused;
  assign unused = ^{unused_packed_last, unused_short, unused_packed_count, unused_tag_ready, g_static, g_ip, f_ip, looked_room,
                    settle_static, g_body_len[16], g_facts, z_len, e_good};

endmodule
