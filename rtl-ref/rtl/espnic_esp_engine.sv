// SPDX-License-Identifier: BSD-2-Clause
//
// The ESP engine whole: both directions, one table of SAs for the two, and the registers by which SAs are made and read
// (data/records.yaml). AXI-Stream at all four ends, as espnic_esp_out and espnic_esp_in have it.
//
//   o_* ────────────────────────────► espnic_esp_out ─► p_*, q_*      clear packets, by the SA's index
//                                        │      ▲
//   bus ◄─► espnic_sa_ctrl ─► hot parts  │      │ static, key
//                 │                      ▼      │
//                 └──────────► counters, espnic_sa_table
//                                        ▲      │
//                                        │      ▼
//   i_* ─► espnic_in_find ──────────► espnic_esp_in ──► c_*, d_*      ESP packets, which find their SA or name it
//
// An SA is made and deleted while packets flow. A packet looks at its SA once: what stood there then is what it is finished
// with, and one that finds no SA, or one of the other direction, is refused as VerdictNoSa. The end of a deletion is the
// word that no packet under way has anything to do with the SA any more, so that its index may be used again.
//
// A packet that finds no SA is answered as one of SA 0, which there is none at; its counters are those of all such packets.

`include "espnic_assert.svh"

module espnic_esp_engine #(
  parameter int Lanes = 1,
  parameter int Sas = 16,
  parameter int WindowWords = 512,     // of window memory, 64 numbers each; word 0 is for SAs without a window
  parameter int BufBytes = 16384,
  parameter int MaxFrame = 9728,       // bytes
  localparam int SaW    = $clog2(Sas),
  localparam int WordAW = $clog2(WindowWords),
  localparam int DataW  = Lanes * 128,
  localparam int BeatB  = Lanes * 16,
  localparam int KeyW   = 128 * Lanes + 256 + 32,
  localparam int LenW   = espnic_rtl_pkg::LenW
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  // Registers: a read is answered one clock later
  input  logic             bus_valid_i,
  input  logic             bus_write_i,
  input  logic [11:0]      bus_addr_i,
  input  logic [31:0]      bus_data_i,
  output logic             bus_valid_o,
  output logic [31:0]      bus_data_o,
  // Clear packets; SA and what follows with the first beat
  input  logic             o_valid_i,
  output logic             o_ready_o,
  input  logic [DataW-1:0] o_data_i,
  input  logic [BeatB-1:0] o_keep_i,
  input  logic             o_last_i,
  input  logic [SaW-1:0]   o_sa_i,
  input  logic             o_use_seq_i,
  input  logic [63:0]      o_seq_i,
  input  logic             o_use_iv_i,
  input  logic [63:0]      o_iv_i,
  // Their answers, and protected packets
  output logic             p_valid_o,
  input  logic             p_ready_i,
  output logic [SaW-1:0]   p_sa_o,
  output logic [3:0]       p_verdict_o,
  output logic             p_event_o,
  output logic [63:0]      p_seq_o,
  output logic [LenW-1:0]  p_len_o,
  output logic             q_valid_o,
  input  logic             q_ready_i,
  output logic [DataW-1:0] q_data_o,
  output logic [BeatB-1:0] q_keep_o,
  output logic             q_last_o,
  // ESP packets
  input  logic             i_valid_i,
  output logic             i_ready_o,
  input  logic [DataW-1:0] i_data_i,
  input  logic [BeatB-1:0] i_keep_i,
  input  logic             i_last_i,
  input  logic             i_named_i,   // with the first beat: i_sa_i is its SA
  input  logic [SaW-1:0]   i_sa_i,
  // Their answers, and clear packets
  output logic             c_valid_o,
  input  logic             c_ready_i,
  output logic [SaW-1:0]   c_sa_o,
  output logic [3:0]       c_verdict_o,
  output logic             c_event_o,
  output logic             c_dummy_o,
  output logic [63:0]      c_seq_o,
  output logic [LenW-1:0]  c_len_o,
  output logic             d_valid_o,
  input  logic             d_ready_i,
  output logic [DataW-1:0] d_data_o,
  output logic [BeatB-1:0] d_keep_o,
  output logic             d_last_o
);

  // ---------------------------------------------------------------- SAs

  logic            open;          // packets may come
  logic            tab_write, tab_live, tab_read, tab_was_live;
  logic [SaW-1:0]  ctl_sa;
  logic [KeyW-1:0] tab_key;
  espnic_records_pkg::sa_static_t tab_static, tab_was_static;
  espnic_records_pkg::sa_place_t  tab_place, tab_was_place;

  logic            out_read, in_read;
  logic [SaW-1:0]  out_sa, in_sa;
  logic [KeyW-1:0] out_key, in_key;
  espnic_records_pkg::sa_static_t out_static, in_static;

  logic [3:0]      hot_op;
  logic            out_cfg_valid, out_cfg_ready, out_cfg_done, in_cfg_valid, in_cfg_ready, in_cfg_done;
  espnic_records_pkg::sa_out_t out_record, out_was;
  espnic_records_pkg::sa_in_t  in_record, in_was;
  espnic_records_pkg::window_word_t in_word, in_word_was;
  logic [WordAW-1:0] in_word_addr;

  logic        count_valid, count_clear, out_count_ready, in_count_ready, out_count_done, in_count_done;
  logic [3:0]  count_verdict;
  logic [63:0] out_count, in_count;

  logic            wipe_valid, change_valid, change_ready, change_remove, change_done, change_full, change_twice;
  logic [SaW-2:0]  wipe;
  espnic_records_pkg::lookup_t change_key, ask_key;
  logic            ask_valid, found_valid, found;
  logic [SaW-1:0]  found_sa;
  logic            mark, out_settled, in_settled, out_any, in_any;

  espnic_sa_ctrl #(.Lanes(Lanes), .Sas(Sas), .WindowWords(WindowWords), .MaxFrame(MaxFrame)) u_ctrl (
    .clk_i, .rst_ni, .bus_valid_i, .bus_write_i, .bus_addr_i, .bus_data_i, .bus_valid_o, .bus_data_o,
    .ready_o        (open),
    .tab_write_o    (tab_write),
    .tab_sa_o       (ctl_sa),
    .tab_live_o     (tab_live),
    .tab_static_o   (tab_static),
    .tab_place_o    (tab_place),
    .tab_key_o      (tab_key),
    .tab_read_o     (tab_read),
    .tab_live_i     (tab_was_live),
    .tab_static_i   (tab_was_static),
    .tab_place_i    (tab_was_place),
    .hot_op_o       (hot_op),
    .out_valid_o    (out_cfg_valid),
    .out_ready_i    (out_cfg_ready),
    .out_record_o   (out_record),
    .out_done_i     (out_cfg_done),
    .out_record_i   (out_was),
    .in_valid_o     (in_cfg_valid),
    .in_ready_i     (in_cfg_ready),
    .in_word_addr_o (in_word_addr),
    .in_word_o      (in_word),
    .in_record_o    (in_record),
    .in_done_i      (in_cfg_done),
    .in_word_i      (in_word_was),
    .in_record_i    (in_was),
    .count_valid_o  (count_valid),
    .count_ready_i  (out_count_ready && in_count_ready),
    .count_clear_o  (count_clear),
    .count_verdict_o(count_verdict),
    .count_done_i   (out_count_done && in_count_done),
    .count_value_i  (out_count + in_count),
    .wipe_valid_o   (wipe_valid),
    .wipe_o         (wipe),
    .find_valid_o   (change_valid),
    .find_ready_i   (change_ready),
    .find_remove_o  (change_remove),
    .find_key_o     (change_key),
    .find_done_i    (change_done),
    .find_full_i    (change_full),
    .find_twice_i   (change_twice),
    .mark_o         (mark),
    .settled_i      (out_settled && in_settled)
  );

  espnic_sa_table #(.Lanes(Lanes), .Sas(Sas)) u_table (
    .clk_i,
    .write_i       (tab_write),
    .write_sa_i    (ctl_sa),
    .write_live_i  (tab_live),
    .write_static_i(tab_static),
    .write_place_i (tab_place),
    .write_key_i   (tab_key),
    .out_read_i    (out_read),
    .out_sa_i      (out_sa),
    .out_static_o  (out_static),
    .out_key_o     (out_key),
    .in_read_i     (in_read),
    .in_sa_i       (in_sa),
    .in_static_o   (in_static),
    .in_key_o      (in_key),
    .ctl_read_i    (tab_read),
    .ctl_sa_i      (ctl_sa),
    .ctl_live_o    (tab_was_live),
    .ctl_static_o  (tab_was_static),
    .ctl_place_o   (tab_was_place)
  );

  espnic_sa_find #(.Sas(Sas)) u_sa_find (
    .clk_i, .rst_ni,
    .ask_valid_i    (ask_valid),
    .ask_key_i      (ask_key),
    .found_valid_o  (found_valid),
    .found_o        (found),
    .found_sa_o     (found_sa),
    .wipe_valid_i   (wipe_valid),
    .wipe_i         (wipe),
    .change_valid_i (change_valid),
    .change_ready_o (change_ready),
    .change_remove_i(change_remove),
    .change_key_i   (change_key),
    .change_sa_i    (ctl_sa),
    .done_o         (change_done),
    .full_o         (change_full),
    .twice_o        (change_twice)
  );

  // ---------------------------------------------------------------- outbound

  logic o_valid, o_ready, o_first_q, p_fire;

  assign o_valid   = o_valid_i && open;
  assign o_ready_o = o_ready && open;
  assign p_fire    = p_valid_o && p_ready_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) o_first_q <= 1'b1;
    else if (o_valid && o_ready) o_first_q <= o_last_i;
  end

  espnic_esp_out #(.Lanes(Lanes), .Sas(Sas), .BufBytes(BufBytes), .MaxFrame(MaxFrame)) u_out (
    .clk_i, .rst_ni,
    .s_valid_i   (o_valid),
    .s_ready_o   (o_ready),
    .s_data_i    (o_data_i),
    .s_keep_i    (o_keep_i),
    .s_last_i    (o_last_i),
    .s_sa_i      (o_sa_i),
    .s_use_seq_i (o_use_seq_i),
    .s_seq_i     (o_seq_i),
    .s_use_iv_i  (o_use_iv_i),
    .s_iv_i      (o_iv_i),
    .sa_read_o   (out_read),
    .sa_index_o  (out_sa),
    .sa_i        (out_static),
    .key_i       (out_key),
    .cfg_valid_i (out_cfg_valid),
    .cfg_ready_o (out_cfg_ready),
    .cfg_op_i    (hot_op),
    .cfg_sa_i    (ctl_sa),
    .cfg_record_i(out_record),
    .cfg_done_o  (out_cfg_done),
    .cfg_record_o(out_was),
    .r_valid_o   (p_valid_o),
    .r_ready_i   (p_ready_i),
    .r_sa_o      (p_sa_o),
    .r_verdict_o (p_verdict_o),
    .r_event_o   (p_event_o),
    .r_seq_o     (p_seq_o),
    .r_len_o     (p_len_o),
    .m_valid_o   (q_valid_o),
    .m_ready_i   (q_ready_i),
    .m_data_o    (q_data_o),
    .m_keep_o    (q_keep_o),
    .m_last_o    (q_last_o)
  );

  espnic_verdict_count #(.Sas(Sas)) u_out_count (
    .clk_i, .rst_ni,
    .count_i      (p_fire),
    .sa_i         (p_sa_o),
    .verdict_i    (p_verdict_o),
    .ask_valid_i  (count_valid && in_count_ready),
    .ask_ready_o  (out_count_ready),
    .ask_clear_i  (count_clear),
    .ask_sa_i     (ctl_sa),
    .ask_verdict_i(count_verdict),
    .done_o       (out_count_done),
    .value_o      (out_count)
  );

  espnic_under_way u_out_under_way (
    .clk_i, .rst_ni,
    .come_i    (o_valid && o_ready && o_first_q),
    .answered_i(p_fire),
    .mark_i    (mark),
    .any_o     (out_any),
    .settled_o (out_settled)
  );

  espnic_watchdog u_out_watchdog (
    .clk_i, .rst_ni,
    .to_do_i((out_any && o_first_q) || o_valid),
    .free_i (p_ready_i && q_ready_i),
    .move_i ((o_valid && o_ready) || p_fire || q_valid_o)
  );

  // ---------------------------------------------------------------- inbound

  logic             i_valid, i_ready, i_first_q, c_fire;
  logic             f_valid, f_ready, f_last;
  logic [DataW-1:0] f_data;
  logic [BeatB-1:0] f_keep;
  logic [SaW-1:0]   f_sa;

  assign i_valid   = i_valid_i && open;
  assign i_ready_o = i_ready && open;
  assign c_fire    = c_valid_o && c_ready_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) i_first_q <= 1'b1;
    else if (i_valid && i_ready) i_first_q <= i_last_i;
  end

  espnic_in_find #(.Lanes(Lanes), .Sas(Sas), .BufBytes(BufBytes), .MaxFrame(MaxFrame)) u_in_find (
    .clk_i, .rst_ni,
    .s_valid_i    (i_valid),
    .s_ready_o    (i_ready),
    .s_data_i     (i_data_i),
    .s_keep_i     (i_keep_i),
    .s_last_i     (i_last_i),
    .s_named_i    (i_named_i),
    .s_sa_i       (i_sa_i),
    .m_valid_o    (f_valid),
    .m_ready_i    (f_ready),
    .m_data_o     (f_data),
    .m_keep_o     (f_keep),
    .m_last_o     (f_last),
    .m_sa_o       (f_sa),
    .ask_valid_o  (ask_valid),
    .ask_key_o    (ask_key),
    .found_valid_i(found_valid),
    .found_i      (found),
    .found_sa_i   (found_sa)
  );

  espnic_esp_in #(
    .Lanes(Lanes), .Sas(Sas), .WindowWords(WindowWords), .BufBytes(BufBytes), .MaxFrame(MaxFrame)
  ) u_in (
    .clk_i, .rst_ni,
    .s_valid_i      (f_valid),
    .s_ready_o      (f_ready),
    .s_data_i       (f_data),
    .s_keep_i       (f_keep),
    .s_last_i       (f_last),
    .s_sa_i         (f_sa),
    .sa_read_o      (in_read),
    .sa_index_o     (in_sa),
    .sa_i           (in_static),
    .key_i          (in_key),
    .cfg_valid_i    (in_cfg_valid),
    .cfg_ready_o    (in_cfg_ready),
    .cfg_op_i       (hot_op),
    .cfg_sa_i       (ctl_sa),
    .cfg_word_addr_i(in_word_addr),
    .cfg_word_i     (in_word),
    .cfg_record_i   (in_record),
    .cfg_done_o     (in_cfg_done),
    .cfg_word_o     (in_word_was),
    .cfg_record_o   (in_was),
    .r_valid_o      (c_valid_o),
    .r_ready_i      (c_ready_i),
    .r_sa_o         (c_sa_o),
    .r_verdict_o    (c_verdict_o),
    .r_event_o      (c_event_o),
    .r_dummy_o      (c_dummy_o),
    .r_seq_o        (c_seq_o),
    .r_len_o        (c_len_o),
    .m_valid_o      (d_valid_o),
    .m_ready_i      (d_ready_i),
    .m_data_o       (d_data_o),
    .m_keep_o       (d_keep_o),
    .m_last_o       (d_last_o)
  );

  espnic_verdict_count #(.Sas(Sas)) u_in_count (
    .clk_i, .rst_ni,
    .count_i      (c_fire),
    .sa_i         (c_sa_o),
    .verdict_i    (c_verdict_o),
    .ask_valid_i  (count_valid && out_count_ready),
    .ask_ready_o  (in_count_ready),
    .ask_clear_i  (count_clear),
    .ask_sa_i     (ctl_sa),
    .ask_verdict_i(count_verdict),
    .done_o       (in_count_done),
    .value_o      (in_count)
  );

  espnic_under_way u_in_under_way (
    .clk_i, .rst_ni,
    .come_i    (i_valid && i_ready && i_first_q),
    .answered_i(c_fire),
    .mark_i    (mark),
    .any_o     (in_any),
    .settled_o (in_settled)
  );

  espnic_watchdog u_in_watchdog (
    .clk_i, .rst_ni,
    .to_do_i((in_any && i_first_q) || i_valid),
    .free_i (c_ready_i && d_ready_i),
    .move_i ((i_valid && i_ready) || c_fire || d_valid_o)
  );

endmodule
