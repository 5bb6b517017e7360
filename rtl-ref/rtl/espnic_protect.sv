// SPDX-License-Identifier: BSD-2-Clause
//
// Outbound direction: clear IP packets in, ESP packets out (RFC 4303 section 3.3), an answer for each. All but the
// cryptography is in here; the AES-GCM core (espnic_gcm_stream) is connected to gcm_*, crypt_*, plain_* and tag_*.
//
//   s_* ─► parse ─► buffer ────────────────────────► split ─► own headers ───────────────────┐
//            │                                         └► pack ─► trailer ─► plain_* ─► GCM   │
//            └► facts ─► SA ─► plan ─► number ─► go ─┬► answer                           │    ▼
//                                                    └► jobs of all of them, headers ────┴► join ─► UDP checksum ─► m_*
//
// A packet is stored whole before anything is decided: that its bytes are all there is one of the conditions. What is refused
// takes no sequence number, leaves no byte, and gets an answer with its verdict. Answers come in the order of packets, packets
// that are good in the same order; an answer may come before its packet's bytes. Packets in UDP over IPv6 are stored whole once more
// before they go (espnic_udp_csum).
//
// The static part of an SA and its key are read from a memory of the caller's: sa_read_o with sa_index_o, and one clock
// later both are at sa_i and key_i, until the next sa_read_o. They must not change while a packet of the SA is inside.
//
//   key_i   | H^Lanes ... H^1 | key 256 | salt 32 |        salt in the lowest bits

`include "espnic_assert.svh"

module espnic_protect #(
  parameter int Lanes = 1,
  parameter int Sas = 16,
  parameter int BufBytes = 32768,    // of clear packets
  parameter int MaxFrame = 9728,     // bytes; a longer frame gets VerdictMtu
  localparam int SaW    = $clog2(Sas),
  localparam int DataW  = Lanes * 128,
  localparam int BeatB  = Lanes * 16,
  localparam int ByteW  = $clog2(BeatB + 1),
  localparam int KeyW   = 128 * Lanes + 256 + 32
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  // Clear packets, from the IP header on; the SA and what follows with the first beat
  input  logic             s_valid_i,
  output logic             s_ready_o,
  input  logic [DataW-1:0] s_data_i,
  input  logic [ByteW-1:0] s_count_i,    // bytes; all of the beat but for the last
  input  logic             s_last_i,
  input  logic [SaW-1:0]   s_sa_i,
  input  logic             s_use_seq_i,  // the packet brings its sequence number
  input  logic [63:0]      s_seq_i,
  input  logic             s_use_iv_i,   // and its explicit IV, as on the wire
  input  logic [63:0]      s_iv_i,
  // SA memory
  output logic             sa_read_o,
  output logic [SaW-1:0]   sa_index_o,
  input  espnic_records_pkg::sa_static_t sa_i,
  input  logic [KeyW-1:0]  key_i,
  // Hot part of the SAs: espnic_seq_alloc, all but OpPacket
  input  logic             cfg_valid_i,
  output logic             cfg_ready_o,
  input  logic [3:0]       cfg_op_i,
  input  logic [SaW-1:0]   cfg_sa_i,
  input  espnic_records_pkg::sa_out_t cfg_record_i,
  output logic             cfg_done_o,   // one clock; then cfg_record_o is the record as it was
  output espnic_records_pkg::sa_out_t cfg_record_o,
  // Answers
  output logic             r_valid_o,
  input  logic             r_ready_i,
  output logic [SaW-1:0]   r_sa_o,
  output logic [3:0]       r_verdict_o,  // espnic_rtl_pkg::verdict_e
  output logic             r_event_o,    // raised an event of its SA
  output logic [63:0]      r_seq_o,      // if good: the number used
  output logic [espnic_rtl_pkg::LenW-1:0] r_len_o,  // likewise: bytes of the protected packet
  // Protected packets
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
  output logic [15:0]      gcm_len_o,       // bytes of plain_*
  output logic             plain_valid_o,
  input  logic             plain_ready_i,
  output logic [DataW-1:0] plain_data_o,
  output logic [ByteW-1:0] plain_count_o,
  output logic             plain_last_o,
  input  logic             crypt_valid_i,
  output logic             crypt_ready_o,
  input  logic [DataW-1:0] crypt_data_i,
  input  logic [ByteW-1:0] crypt_count_i,
  input  logic             crypt_last_i,
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

  // ---------------------------------------------------------------- what came: read, and stored

  localparam int MetaW = SaW + 1 + 64 + 1 + 64;
  localparam int FactsW = IpW + BeatsW + 1;

  logic              in_valid, in_take;
  logic [MetaW-1:0] meta;
  logic [FactsW-1:0] facts;
  logic              cut_valid, cut_ready;
  logic [BeatsW-1:0] cut_beats, cut_want;
  logic              buf_valid, buf_take;
  logic [DataW-1:0]  buf_data;

  espnic_intake #(.Lanes(Lanes), .MetaW(MetaW), .BufBytes(BufBytes), .MaxFrame(MaxFrame)) u_intake (
    .clk_i, .rst_ni,
    .s_valid_i, .s_ready_o, .s_data_i, .s_count_i, .s_last_i,
    .s_meta_i   ({s_iv_i, s_use_iv_i, s_seq_i, s_use_seq_i, s_sa_i}),
    .valid_o    (in_valid),
    .ready_i    (in_take),
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

  // ---------------------------------------------------------------- SA and plan: three stages that move together

  logic              move, a_valid_q, b_valid_q, c_valid_q;
  logic [MetaW-1:0]  a_meta_q, b_meta_q, c_meta_q;
  logic [FactsW-1:0] a_facts_q, b_facts_q, c_facts_q;
  logic [StaticW-1:0] b_sa_q, c_sa_q;
  logic [KeyW-1:0]   b_key_q, c_key_q;

  assign sa_read_o  = move && in_valid;
  assign sa_index_o = meta[SaW-1:0];
  assign in_take    = sa_read_o;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      a_valid_q <= 1'b0;
      b_valid_q <= 1'b0;
      c_valid_q <= 1'b0;
    end else if (move) begin
      a_valid_q <= sa_read_o;
      b_valid_q <= a_valid_q;
      c_valid_q <= b_valid_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (move) begin
      a_meta_q  <= meta;
      a_facts_q <= facts;
      b_meta_q  <= a_meta_q;
      b_facts_q <= a_facts_q;
      b_sa_q    <= sa_i;
      b_key_q   <= key_i;
      c_meta_q  <= b_meta_q;
      c_facts_q <= b_facts_q;
      c_sa_q    <= b_sa_q;
      c_key_q   <= b_key_q;
    end
  end

  espnic_records_pkg::ip_t a_ip;
  logic [3:0]      c_verdict;
  logic [LenW-1:0] c_payload_off, c_payload_len, c_head_len, c_tfc_len, c_total;
  logic [1:0]      c_pad_len;
  logic            c_outer_v6, c_df;
  logic [7:0]      c_next;

  assign a_ip = a_facts_q[IpW-1:0];

  espnic_out_plan u_plan (
    .clk_i,
    .enable_i     (move),
    .sa_i,
    .ip_i         (a_ip),
    .oversize_i   (a_facts_q[FactsW-1]),
    .verdict_o    (c_verdict),
    .payload_off_o(c_payload_off),
    .payload_len_o(c_payload_len),
    .head_len_o   (c_head_len),
    .tfc_len_o    (c_tfc_len),
    .pad_len_o    (c_pad_len),
    .total_o      (c_total),
    .outer_v6_o   (c_outer_v6),
    .df_o         (c_df),
    .next_o       (c_next)
  );

  // ---------------------------------------------------------------- a number for what can be protected

  localparam int PlanW = 4 + 5 * LenW + 2 + 1 + 1 + 8;
  localparam int WaitW = PlanW + MetaW + FactsW + StaticW + KeyW;

  logic             wait_room, wait_valid, wait_take, c_good, ask_valid, seq_ready;
  logic [WaitW-1:0] waiting;
  logic             kind_room, kind_valid, kind_cfg;
  logic             rsp_valid, rsp_take, rsp_event;
  logic [3:0]       rsp_verdict;
  logic [63:0]      rsp_seq;
  logic [15:0]      rsp_ip_id;
  espnic_records_pkg::ip_t c_ip;
  espnic_records_pkg::sa_static_t c_sa;

  assign c_ip   = c_facts_q[IpW-1:0];
  assign c_sa   = c_sa_q;
  assign c_good = c_verdict == espnic_rtl_pkg::VerdictOk;
  // The host's requests go first: they are few.
  assign ask_valid   = c_valid_q && c_good && wait_room && kind_room && !cfg_valid_i;
  assign move        = !c_valid_q || (wait_room && (!c_good || (ask_valid && seq_ready)));
  assign cfg_ready_o = seq_ready && kind_room;

  espnic_seq_alloc #(.Sas(Sas)) u_seq (
    .clk_i, .rst_ni,
    .req_valid_i  ((cfg_valid_i && kind_room) || ask_valid),
    .req_ready_o  (seq_ready),
    .req_op_i     (cfg_valid_i ? cfg_op_i : espnic_rtl_pkg::OpPacket),
    .req_sa_i     (cfg_valid_i ? cfg_sa_i : c_meta_q[SaW-1:0]),
    .req_esn_i    (c_sa.esn),
    .req_use_seq_i(c_meta_q[SaW]),
    .req_seq_i    (c_meta_q[SaW+1+:64]),
    .req_bytes_i  (c_ip.len),
    .req_take_id_i(c_sa.tunnel && !c_outer_v6 && !c_df),
    .req_record_i (cfg_record_i),
    .rsp_valid_o  (rsp_valid),
    .rsp_ready_i  (rsp_take),
    .rsp_verdict_o(rsp_verdict),
    .rsp_seq_o    (rsp_seq),
    .rsp_ip_id_o  (rsp_ip_id),
    .rsp_event_o  (rsp_event),
    .rsp_record_o (cfg_record_o)
  );

  // Whose request each answer is to
  espnic_fifo #(.Width(1), .Depth(4)) u_kind (
    .clk_i, .rst_ni,
    .valid_i(seq_ready && ((cfg_valid_i && kind_room) || ask_valid)),
    .ready_o(kind_room),
    .data_i (cfg_valid_i),
    .valid_o(kind_valid),
    .ready_i(rsp_valid && rsp_take),
    .data_o (kind_cfg)
  );

  espnic_fifo #(.Width(WaitW), .Depth(4)) u_wait (
    .clk_i, .rst_ni,
    .valid_i(c_valid_q && move),
    .ready_o(wait_room),
    .data_i ({c_key_q, c_sa_q, c_facts_q, c_meta_q, c_next, c_df, c_outer_v6, c_pad_len, c_total, c_tfc_len, c_head_len,
              c_payload_len, c_payload_off, c_verdict}),
    .valid_o(wait_valid),
    .ready_i(wait_take),
    .data_o (waiting)
  );

  // ---------------------------------------------------------------- go: the answer, and jobs for those that make the packet

  logic [3:0]        g_plan_verdict, g_verdict;
  logic [LenW-1:0]   g_payload_off, g_payload_len, g_head_len, g_tfc_len, g_total;
  logic [1:0]        g_pad_len;
  logic              g_outer_v6, g_df, g_oversize;
  logic [7:0]        g_next;
  logic [MetaW-1:0]  g_meta;
  logic [BeatsW-1:0] g_beats;
  espnic_records_pkg::ip_t g_ip;
  espnic_records_pkg::sa_static_t g_sa;
  logic [KeyW-1:0]   g_key;
  logic              g_asked, g_ready, g_good, go, jobs_room;
  logic [63:0]       g_iv;

  assign {g_key, g_sa, g_oversize, g_beats, g_ip, g_meta, g_next, g_df, g_outer_v6, g_pad_len, g_total, g_tfc_len, g_head_len,
          g_payload_len, g_payload_off, g_plan_verdict} = waiting;

  assign g_asked    = g_plan_verdict == espnic_rtl_pkg::VerdictOk;
  assign g_ready    = wait_valid && (!g_asked || (rsp_valid && !kind_cfg));
  assign g_verdict  = g_asked ? rsp_verdict : g_plan_verdict;
  assign g_good     = g_verdict == espnic_rtl_pkg::VerdictOk;
  assign go         = g_ready && jobs_room;
  assign wait_take  = go;
  assign rsp_take   = kind_cfg || (go && g_asked);
  assign cfg_done_o = rsp_valid && kind_cfg;
  // The engine's own IV is the sequence number (its high half 0 without ESN, as the number's).
  assign g_iv       = g_meta[SaW+65] ? g_meta[SaW+66+:64] : espnic_rtl_pkg::be64(rsp_seq);

  // All of a packet's jobs are given out in one clock, or none.
  logic udp_room, answer_room, gcm_room, split_room, trailer_room, join_room, cut_room;

  assign jobs_room = answer_room && gcm_room && split_room && trailer_room && join_room && cut_room && udp_room;

  espnic_fifo #(.Width(SaW + 4 + 1 + 64 + LenW), .Depth(2)) u_answer (
    .clk_i, .rst_ni,
    .valid_i(go),
    .ready_o(answer_room),
    .data_i ({g_total, rsp_seq, g_asked && rsp_event, g_verdict, g_meta[SaW-1:0]}),
    .valid_o(r_valid_o),
    .ready_i(r_ready_i),
    .data_o ({r_len_o, r_seq_o, r_event_o, r_verdict_o, r_sa_o})
  );

  logic [BeatsW-1:0] g_want;

  assign g_want = BeatsW'((g_ip.len + LenW'(BeatB - 1)) / LenW'(BeatB));

  espnic_fifo #(.Width(2 * BeatsW), .Depth(2)) u_cut (
    .clk_i, .rst_ni,
    .valid_i(go),
    .ready_o(cut_room),
    .data_i ({g_beats, g_good ? g_want : BeatsW'(0)}),
    .valid_o(cut_valid),
    .ready_i(cut_ready),
    .data_o ({cut_beats, cut_want})
  );

  logic [511:0] g_head;
  logic [4:0]   g_head_words;
  logic [7:0]   g_proto;
  logic [15:0]  g_length, g_csum;

  espnic_out_head u_head (
    .sa_i      (g_sa),
    .tos_i     (g_ip.tos),
    .head_sum_i(g_ip.head_sum),
    .outer_v6_i(g_outer_v6),
    .df_i      (g_df),
    .ip_id_i   (rsp_ip_id),
    .head_len_i(g_head_len),
    .total_i   (g_total),
    .seq_i     (rsp_seq),
    .iv_i      (g_iv),
    .head_o    (g_head),
    .words_o   (g_head_words),
    .proto_o   (g_proto),
    .length_o  (g_length),
    .csum_o    (g_csum)
  );

  // AES-GMAC (RFC 4543 section 3.3): SPI, number, IV and payload are one string that is authenticated.
  logic [95:0]       g_aad;
  logic [2:0]        g_prefix_words;
  logic [159:0]      g_prefix;
  logic [LenW-1:0]   g_prefix_len, g_body_end, g_tfc_end, g_text_end;
  logic [WordsW-1:0] g_own_words;

  assign g_aad = g_sa.esn ? {espnic_rtl_pkg::be64(rsp_seq), espnic_rtl_pkg::be32(g_sa.spi)} :
                 {32'd0, espnic_rtl_pkg::be32(rsp_seq[31:0]), espnic_rtl_pkg::be32(g_sa.spi)};
  assign g_prefix       = g_sa.esn ? {g_iv, g_aad} : {32'd0, g_iv, g_aad[63:0]};
  assign g_prefix_words = !g_sa.gmac ? 3'd0 : g_sa.esn ? 3'd5 : 3'd4;
  assign g_prefix_len   = LenW'({g_prefix_words, 2'b00});
  assign g_body_end     = g_prefix_len + g_payload_len;
  assign g_tfc_end      = g_body_end + g_tfc_len;
  assign g_text_end     = g_tfc_end + LenW'(g_pad_len) + LenW'(espnic_rtl_pkg::EspTrailer);
  assign g_own_words    = g_sa.tunnel ? '0 : g_head_len[LenW-1:2];

  espnic_fifo #(.Width(128 * Lanes + 256 + 2 + 96 + 96 + 1 + 1 + 16), .Depth(2)) u_gcm (
    .clk_i, .rst_ni,
    .valid_i(go && g_good),
    .ready_o(gcm_room),
    .data_i ({g_key[288+:128*Lanes], g_key[32+:256], g_sa.key_size, g_iv, g_key[31:0], g_aad, g_sa.esn, g_sa.gmac,
              g_text_end[15:0]}),
    .valid_o(gcm_valid_o),
    .ready_i(gcm_ready_i),
    .data_o ({gcm_h_pow_o, gcm_key_o, gcm_key_size_o, gcm_nonce_o, gcm_aad_o, gcm_aad_long_o, gcm_gmac_o, gcm_len_o})
  );

  // ---------------------------------------------------------------- the way of the bytes

  localparam int SplitW = 2 * WordsW + 1 + LenW + 8 + 16 + 16 + 3 + 160;
  localparam int CountW = $clog2(4 * Lanes + 1);
  localparam int SkipW  = $clog2(4 * Lanes);

  logic [SplitW-1:0] split_job;
  logic              split_valid, split_take;
  logic [WordsW-1:0] g_words;

  assign g_words = WordsW'((g_ip.len + LenW'(3)) / LenW'(4));

  espnic_fifo #(.Width(SplitW), .Depth(2)) u_split_job (
    .clk_i, .rst_ni,
    .valid_i(go && g_good),
    .ready_o(split_room),
    .data_i ({g_prefix, g_prefix_words, g_csum, g_length, g_proto, g_ip.esp_next_off, g_ip.v6, g_words, g_own_words}),
    .valid_o(split_valid),
    .ready_i(split_take),
    .data_o (split_job)
  );

  logic              own_valid, own_ready, text_valid, text_ready, text_last;
  logic [DataW-1:0]  own_data, text_data;
  logic [CountW-1:0] own_count, text_count;
  logic [SkipW-1:0]  text_skip;
  logic [WordsW-1:0] split_own, split_words;
  logic              split_v6;
  logic [LenW-1:0]   split_next_off;
  logic [7:0]        split_proto;
  logic [15:0]       split_length, split_csum;
  logic [2:0]        split_prefix_words;
  logic [159:0]      split_prefix;

  assign {split_prefix, split_prefix_words, split_csum, split_length, split_proto, split_next_off, split_v6, split_words, split_own} =
      split_job;

  espnic_split #(.Lanes(Lanes)) u_split (
    .clk_i, .rst_ni,
    .job_valid_i       (split_valid),
    .job_ready_o       (split_take),
    .job_head_words_i  (split_own),
    .job_text_words_i  (split_own),
    .job_words_i       (split_words),
    .job_change_i      (1'b1),
    .job_v6_i          (split_v6),
    .job_next_off_i    (split_next_off),
    .job_proto_i       (split_proto),
    .job_length_i      (split_length),
    .job_csum_i        (split_csum),
    .job_prefix_words_i(split_prefix_words),
    .job_prefix_i      (split_prefix),
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

  logic             packed_valid, packed_ready, unused_last;
  logic [1:0]       unused_short;
  logic [DataW-1:0] packed_data;
  logic [CountW-1:0] unused_count;

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
    .m_count_o(unused_count),
    .m_last_o (unused_last),
    .m_short_o(unused_short)
  );

  localparam int TrailerW = 2 * LenW + 2 + 8;

  logic [TrailerW-1:0] trailer_job;
  logic                trailer_valid, trailer_take;

  espnic_fifo #(.Width(TrailerW), .Depth(4)) u_trailer_job (
    .clk_i, .rst_ni,
    .valid_i(go && g_good),
    .ready_o(trailer_room),
    .data_i ({g_next, g_pad_len, g_tfc_end, g_body_end}),
    .valid_o(trailer_valid),
    .ready_i(trailer_take),
    .data_o (trailer_job)
  );

  espnic_esp_trailer #(.Lanes(Lanes)) u_trailer (
    .clk_i, .rst_ni,
    .job_valid_i   (trailer_valid),
    .job_ready_o   (trailer_take),
    .job_body_end_i(trailer_job[0+:LenW]),
    .job_tfc_end_i (trailer_job[LenW+:LenW]),
    .job_pad_len_i (trailer_job[2*LenW+:2]),
    .job_next_i    (trailer_job[2*LenW+2+:8]),
    .s_valid_i     (packed_valid),
    .s_ready_o     (packed_ready),
    .s_data_i      (packed_data),
    .m_valid_o     (plain_valid_o),
    .m_ready_i     (plain_ready_i),
    .m_data_o      (plain_data_o),
    .m_count_o     (plain_count_o),
    .m_last_o      (plain_last_o)
  );

  // Headers wait here while the text of the packet in front is still in the core.
  logic              head_valid, head_take;
  logic [DataW-1:0]  head_data;
  logic [CountW-1:0] head_count;

  espnic_fifo #(.Width(DataW + CountW), .Depth(32)) u_own (
    .clk_i, .rst_ni,
    .valid_i(own_valid),
    .ready_o(own_ready),
    .data_i ({own_count, own_data}),
    .valid_o(head_valid),
    .ready_i(head_take),
    .data_o ({head_count, head_data})
  );

  localparam int JoinW = WordsW + 512 + 5 + 3 + 3;

  logic [JoinW-1:0] join_job;
  logic             join_valid, join_take, joined_valid, joined_ready, joined_last;
  logic [DataW-1:0] joined_data;
  logic [ByteW-1:0] joined_count;

  // As many as can be in the core at once
  espnic_fifo #(.Width(JoinW), .Depth(32)) u_join_job (
    .clk_i, .rst_ni,
    .valid_i(go && g_good),
    .ready_o(join_room),
    .data_i ({g_sa.icv_len[4:2], g_prefix_words, g_head_words, g_head, g_own_words}),
    .valid_o(join_valid),
    .ready_i(join_take),
    .data_o (join_job)
  );

  espnic_join #(.Lanes(Lanes)) u_join (
    .clk_i, .rst_ni,
    .job_valid_i     (join_valid),
    .job_ready_o     (join_take),
    .job_own_words_i (join_job[0+:WordsW]),
    .job_head_i      (join_job[WordsW+:512]),
    .job_head_words_i(join_job[WordsW+512+:5]),
    .job_drop_words_i(join_job[WordsW+517+:3]),
    .job_icv_words_i (join_job[WordsW+520+:3]),
    .head_valid_i    (head_valid),
    .head_ready_o    (head_take),
    .head_data_i     (head_data),
    .head_count_i    (head_count),
    .text_valid_i    (crypt_valid_i),
    .text_ready_o    (crypt_ready_o),
    .text_data_i     (crypt_data_i),
    .text_count_i    (crypt_count_i),
    .text_last_i     (crypt_last_i),
    .tag_valid_i, .tag_ready_o, .tag_i,
    .m_valid_o       (joined_valid),
    .m_ready_i       (joined_ready),
    .m_data_o        (joined_data),
    .m_count_o       (joined_count),
    .m_last_o        (joined_last)
  );

  localparam int UdpW = 1 + LenW + 16;

  logic [15:0]     g_udp_len;
  logic [UdpW-1:0] udp_job;
  logic            udp_valid, udp_take;

  assign g_udp_len = 16'(g_total - g_head_len);

  espnic_fifo #(.Width(UdpW), .Depth(32)) u_udp_job (
    .clk_i, .rst_ni,
    .valid_i(go && g_good),
    .ready_o(udp_room),
    .data_i ({g_udp_len, g_head_len, g_sa.udp_encap && g_outer_v6}),
    .valid_o(udp_valid),
    .ready_i(udp_take),
    .data_o (udp_job)
  );

  espnic_udp_csum #(.Lanes(Lanes), .BufBytes(BufBytes)) u_udp_csum (
    .clk_i, .rst_ni,
    .job_valid_i(udp_valid),
    .job_ready_o(udp_take),
    .job_csum_i (udp_job[0]),
    .job_off_i  (udp_job[1+:LenW]),
    .job_len_i  (udp_job[LenW+1+:16]),
    .s_valid_i  (joined_valid),
    .s_ready_o  (joined_ready),
    .s_data_i   (joined_data),
    .s_count_i  (joined_count),
    .s_last_i   (joined_last),
    .m_valid_o, .m_ready_i, .m_data_o, .m_count_o, .m_last_o
  );

  `ESPNIC_ASSERT(KindOfEachAnswer, !rsp_valid || kind_valid)

  logic unused;
  assign unused = ^{unused_last, unused_short, unused_count, c_ip, c_sa, kind_valid, g_payload_off, g_oversize, g_ip, g_sa, g_text_end[16]};

endmodule
