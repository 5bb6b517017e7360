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
//
// With CacheSets the SAs are in external memory (mem_*, espnic_sa_cache), and those in use in CacheSets * CacheWays slots of the chip; all
// but espnic_sa_find knows of slots alone. Without it every SA has its entry on the chip, and mem_* is not used.
//
//   o_*, espnic_in_find ─► espnic_sa_admit ─► espnic_esp_out, espnic_esp_in      a packet waits here until its SA has a slot
//                               │   ▲
//                               ▼   │
//                        espnic_sa_cache ◄─► espnic_sa_slots ─► table, hot parts, counters

`include "espnic_assert.svh"

module espnic_esp_engine #(
  parameter int Lanes = 1,
  parameter int Sas = 16,
  parameter int WindowWords = 512,     // of window memory, 64 numbers each; word 0 is for SAs without a window
  parameter int BufBytes = 32768,
  parameter int MaxFrame = 9728,       // bytes
  parameter int CacheSets = 0,         // 0: all SAs are on the chip, and what follows is of no meaning
  parameter int CacheWays = 4,
  parameter int SlotWords = 128,       // of window memory for each slot, instead of WindowWords for all
  localparam bit Cached = CacheSets != 0,
  localparam int Slots  = Cached ? CacheSets * CacheWays : Sas,
  localparam int Words  = Cached ? Slots * SlotWords : WindowWords,
  localparam int SaW    = $clog2(Sas),
  localparam int SlotW  = $clog2(Slots),
  localparam int WordAW = $clog2(Words),
  localparam int DataW  = Lanes * 128,
  localparam int BeatB  = Lanes * 16,
  localparam int KeyW   = 128 * Lanes + 256 + 32,
  localparam int LenW   = espnic_rtl_pkg::LenW,
  // A record of espnic_sa_slots
  localparam int MemW      = 512,
  localparam int HeadBeats = (KeyW + espnic_records_pkg::SaPlaceW + espnic_records_pkg::SaStaticW + 9 + MemW - 1) / MemW,
  localparam int RecW      = $clog2(HeadBeats + 4 + SlotWords / 4),
  localparam int MemAddrW  = SaW + RecW
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
  output logic             d_last_o,
  // Memory of SAs, in beats: espnic_sa_cache
  output logic             mem_rd_valid_o,
  input  logic             mem_rd_ready_i,
  output logic [MemAddrW-1:0] mem_rd_addr_o,
  input  logic             mem_data_valid_i,
  output logic             mem_data_ready_o,
  input  logic [MemW-1:0]  mem_data_i,
  output logic             mem_wr_valid_o,
  input  logic             mem_wr_ready_i,
  output logic [MemAddrW-1:0] mem_wr_addr_o,
  output logic [MemW-1:0]  mem_wr_data_o,
  input  logic             mem_wr_done_i
);

  // ---------------------------------------------------------------- control, and what it makes of SAs

  logic             open;          // packets may come
  logic             want, held, emptied;
  logic [SaW-1:0]   ctl_sa;
  logic [SlotW-1:0] ctl_slot, ctl_at;
  logic             ctl_write, ctl_write_ready, ctl_live, tab_read, tab_was_live;
  logic [KeyW-1:0]  ctl_key;
  espnic_records_pkg::sa_static_t ctl_static, tab_was_static;
  espnic_records_pkg::sa_place_t  ctl_place, tab_was_place;
  logic [3:0]        ctl_op;
  logic              ctl_out_valid, ctl_out_ready, ctl_out_done, ctl_in_valid, ctl_in_ready, ctl_in_done;
  espnic_records_pkg::sa_out_t ctl_out_record;
  espnic_records_pkg::sa_in_t  ctl_in_record;
  espnic_records_pkg::window_word_t ctl_word;
  logic [WordAW-1:0] ctl_word_addr;
  logic              ctl_count_valid, ctl_count_ready, ctl_count_clear, ctl_count_done;
  logic [3:0]        ctl_verdict;

  // What comes of it on the chip, or of a slot's being filled
  logic             tab_write, tab_live;
  logic [SlotW-1:0] tab_slot;
  logic [KeyW-1:0]  tab_key;
  espnic_records_pkg::sa_static_t tab_static;
  espnic_records_pkg::sa_place_t  tab_place;

  logic             out_read, in_read;
  logic [SlotW-1:0] out_slot, in_slot;
  logic [KeyW-1:0]  out_key, in_key;
  espnic_records_pkg::sa_static_t out_static, in_static;

  logic [SlotW-1:0] hot_slot;
  logic [3:0]       hot_op;
  logic             out_cfg_valid, out_cfg_ready, out_cfg_done, in_cfg_valid, in_cfg_ready, in_cfg_done;
  espnic_records_pkg::sa_out_t out_record, out_was;
  espnic_records_pkg::sa_in_t  in_record, in_was;
  espnic_records_pkg::window_word_t in_word, in_word_was;
  logic [WordAW-1:0] in_word_addr;

  logic             count_valid, count_ready, count_write, out_count_ready, in_count_ready, out_count_done, in_count_done;
  logic [SlotW-1:0] count_slot;
  logic [3:0]       count_verdict;
  logic [63:0]      count_value, out_count, in_count;

  logic            wipe_valid, change_valid, change_ready, change_remove, change_done, change_full, change_twice;
  logic [SaW-2:0]  wipe;
  espnic_records_pkg::lookup_t change_key, ask_key;
  logic            ask_valid, found_valid, found;
  logic [SaW-1:0]  found_sa;
  logic            mark, out_settled, in_settled, out_any, in_any;

  espnic_sa_ctrl #(
    .Lanes(Lanes), .Sas(Sas), .Slots(Slots), .WindowWords(Words), .SlotWords(Cached ? SlotWords : 0), .MaxFrame(MaxFrame)
  ) u_ctrl (
    .clk_i, .rst_ni, .bus_valid_i, .bus_write_i, .bus_addr_i, .bus_data_i, .bus_valid_o, .bus_data_o,
    .ready_o        (open),
    .want_o         (want),
    .sa_o           (ctl_sa),
    .held_i         (held),
    .slot_i         (ctl_at),
    .emptied_i      (emptied),
    .tab_write_o    (ctl_write),
    .tab_ready_i    (ctl_write_ready),
    .tab_slot_o     (ctl_slot),
    .tab_live_o     (ctl_live),
    .tab_static_o   (ctl_static),
    .tab_place_o    (ctl_place),
    .tab_key_o      (ctl_key),
    .tab_read_o     (tab_read),
    .tab_live_i     (tab_was_live),
    .tab_static_i   (tab_was_static),
    .tab_place_i    (tab_was_place),
    .hot_op_o       (ctl_op),
    .out_valid_o    (ctl_out_valid),
    .out_ready_i    (ctl_out_ready),
    .out_record_o   (ctl_out_record),
    .out_done_i     (ctl_out_done),
    .out_record_i   (out_was),
    .in_valid_o     (ctl_in_valid),
    .in_ready_i     (ctl_in_ready),
    .in_word_addr_o (ctl_word_addr),
    .in_word_o      (ctl_word),
    .in_record_o    (ctl_in_record),
    .in_done_i      (ctl_in_done),
    .in_word_i      (in_word_was),
    .in_record_i    (in_was),
    .count_valid_o  (ctl_count_valid),
    .count_ready_i  (ctl_count_ready),
    .count_clear_o  (ctl_count_clear),
    .count_verdict_o(ctl_verdict),
    .count_done_i   (ctl_count_done),
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

  assign count_ready = out_count_ready && in_count_ready;

  espnic_sa_table #(.Lanes(Lanes), .Sas(Slots)) u_table (
    .clk_i,
    .write_i       (tab_write),
    .write_sa_i    (tab_slot),
    .write_live_i  (tab_live),
    .write_static_i(tab_static),
    .write_place_i (tab_place),
    .write_key_i   (tab_key),
    .out_read_i    (out_read),
    .out_sa_i      (out_slot),
    .out_static_o  (out_static),
    .out_key_o     (out_key),
    .in_read_i     (in_read),
    .in_sa_i       (in_slot),
    .in_static_o   (in_static),
    .in_key_o      (in_key),
    .ctl_read_i    (tab_read),
    .ctl_sa_i      (ctl_slot),
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

  // ---------------------------------------------------------------- where SAs are: packets on their way in, and their answers

  localparam int MetaW = 1 + 64 + 1 + 64;

  logic             o_valid, o_ready, i_valid, i_ready, p_fire, c_fire;
  logic             f_valid, f_ready, f_last;               // espnic_in_find
  logic [DataW-1:0] f_data;
  logic [BeatB-1:0] f_keep;
  logic [SaW-1:0]   f_sa;
  logic             x_valid, x_ready, x_last, y_valid, y_ready, y_last;   // with a slot: outbound, inbound
  logic [DataW-1:0] x_data, y_data;
  logic [BeatB-1:0] x_keep, y_keep;
  logic [SlotW-1:0] x_slot, y_slot, p_slot, c_slot;
  logic [MetaW-1:0] x_meta;

  if (Cached) begin : gen_cached
    logic [1:0]         want_slot, want_ready, got_valid, got_ready;
    logic [2*SaW-1:0]   want_sa;
    logic [2*SlotW-1:0] got_slot;
    logic               put_valid, put_ready, spill, spill_valid, spill_ready, spill_last, fill, fill_valid, fill_ready, fill_done;
    logic [RecW-1:0]    put_beat;
    logic [RecW:0]      fill_beats;
    logic [SlotW-1:0]   slot;
    logic [MemW-1:0]    put_data, spill_data, fill_data;
    logic               unused_meta;

    espnic_sa_admit #(.Width(DataW + BeatB), .MetaW(MetaW), .SaW(SaW), .SlotW(SlotW)) u_out_admit (
      .clk_i, .rst_ni,
      .s_valid_i  (o_valid),
      .s_ready_o  (o_ready),
      .s_data_i   ({o_keep_i, o_data_i}),
      .s_last_i   (o_last_i),
      .s_meta_i   ({o_iv_i, o_use_iv_i, o_seq_i, o_use_seq_i}),
      .s_sa_i     (o_sa_i),
      .m_valid_o  (x_valid),
      .m_ready_i  (x_ready),
      .m_data_o   ({x_keep, x_data}),
      .m_last_o   (x_last),
      .m_meta_o   (x_meta),
      .m_slot_o   (x_slot),
      .ask_valid_o(want_slot[0]),
      .ask_ready_i(want_ready[0]),
      .ask_sa_o   (want_sa[0+:SaW]),
      .got_valid_i(got_valid[0]),
      .got_ready_o(got_ready[0]),
      .got_slot_i (got_slot[0+:SlotW]),
      .name_o     (p_sa_o),
      .answered_i (p_fire)
    );

    espnic_sa_admit #(.Width(DataW + BeatB), .MetaW(1), .SaW(SaW), .SlotW(SlotW)) u_in_admit (
      .clk_i, .rst_ni,
      .s_valid_i  (f_valid),
      .s_ready_o  (f_ready),
      .s_data_i   ({f_keep, f_data}),
      .s_last_i   (f_last),
      .s_meta_i   (1'b0),
      .s_sa_i     (f_sa),
      .m_valid_o  (y_valid),
      .m_ready_i  (y_ready),
      .m_data_o   ({y_keep, y_data}),
      .m_last_o   (y_last),
      .m_meta_o   (unused_meta),
      .m_slot_o   (y_slot),
      .ask_valid_o(want_slot[1]),
      .ask_ready_i(want_ready[1]),
      .ask_sa_o   (want_sa[SaW+:SaW]),
      .got_valid_i(got_valid[1]),
      .got_ready_o(got_ready[1]),
      .got_slot_i (got_slot[SlotW+:SlotW]),
      .name_o     (c_sa_o),
      .answered_i (c_fire)
    );

    espnic_sa_cache #(
      .Sas(Sas), .Sets(CacheSets), .Ways(CacheWays), .BeatW(MemW), .RecBeats(1 << RecW), .HeadBeats(HeadBeats),
      .BaseBeats(HeadBeats + 5)
    ) u_cache (
      .clk_i, .rst_ni,
      .ready_o        (emptied),
      .ask_valid_i    (want_slot),
      .ask_ready_o    (want_ready),
      .ask_sa_i       (want_sa),
      .got_valid_o    (got_valid),
      .got_ready_i    (got_ready),
      .got_slot_o     (got_slot),
      .done_i         ({c_fire, p_fire}),
      .ctl_valid_i    (want),
      .ctl_sa_i       (ctl_sa),
      .ctl_held_o     (held),
      .ctl_slot_o     (ctl_at),
      .put_valid_i    (put_valid),
      .put_ready_o    (put_ready),
      .put_beat_i     (put_beat),
      .put_data_i     (put_data),
      .slot_o         (slot),
      .spill_o        (spill),
      .spill_valid_i  (spill_valid),
      .spill_ready_o  (spill_ready),
      .spill_data_i   (spill_data),
      .spill_last_i   (spill_last),
      .fill_o         (fill),
      .fill_valid_o   (fill_valid),
      .fill_ready_i   (fill_ready),
      .fill_data_o    (fill_data),
      .fill_beats_i   (fill_beats),
      .fill_done_i    (fill_done),
      .rd_valid_o     (mem_rd_valid_o),
      .rd_ready_i     (mem_rd_ready_i),
      .rd_addr_o      (mem_rd_addr_o),
      .rd_data_valid_i(mem_data_valid_i),
      .rd_data_ready_o(mem_data_ready_o),
      .rd_data_i      (mem_data_i),
      .wr_valid_o     (mem_wr_valid_o),
      .wr_ready_i     (mem_wr_ready_i),
      .wr_addr_o      (mem_wr_addr_o),
      .wr_data_o      (mem_wr_data_o),
      .wr_done_i      (mem_wr_done_i)
    );

    espnic_sa_slots #(
      .Lanes(Lanes), .Slots(Slots), .SlotWords(SlotWords), .RecW(RecW), .HeadBeats(HeadBeats)
    ) u_slots (
      .clk_i, .rst_ni,
      .ctl_slot_i       (ctl_slot),
      .ctl_wipe_i       (!open),
      .ctl_write_i      (ctl_write),
      .ctl_ready_o      (ctl_write_ready),
      .ctl_live_i       (ctl_live),
      .ctl_static_i     (ctl_static),
      .ctl_place_i      (ctl_place),
      .ctl_key_i        (ctl_key),
      .ctl_op_i         (ctl_op),
      .ctl_out_valid_i  (ctl_out_valid),
      .ctl_out_ready_o  (ctl_out_ready),
      .ctl_out_record_i (ctl_out_record),
      .ctl_out_done_o   (ctl_out_done),
      .ctl_in_valid_i   (ctl_in_valid),
      .ctl_in_ready_o   (ctl_in_ready),
      .ctl_word_addr_i  (ctl_word_addr),
      .ctl_word_i       (ctl_word),
      .ctl_in_record_i  (ctl_in_record),
      .ctl_in_done_o    (ctl_in_done),
      .ctl_count_valid_i(ctl_count_valid),
      .ctl_count_ready_o(ctl_count_ready),
      .ctl_count_clear_i(ctl_count_clear),
      .ctl_verdict_i    (ctl_verdict),
      .ctl_count_done_o (ctl_count_done),
      .put_valid_o      (put_valid),
      .put_ready_i      (put_ready),
      .put_beat_o       (put_beat),
      .put_data_o       (put_data),
      .slot_i           (slot),
      .spill_i          (spill),
      .spill_valid_o    (spill_valid),
      .spill_ready_i    (spill_ready),
      .spill_data_o     (spill_data),
      .spill_last_o     (spill_last),
      .fill_i           (fill),
      .fill_valid_i     (fill_valid),
      .fill_ready_o     (fill_ready),
      .fill_data_i      (fill_data),
      .fill_beats_o     (fill_beats),
      .fill_done_o      (fill_done),
      .tab_write_o      (tab_write),
      .tab_slot_o       (tab_slot),
      .tab_live_o       (tab_live),
      .tab_static_o     (tab_static),
      .tab_place_o      (tab_place),
      .tab_key_o        (tab_key),
      .hot_slot_o       (hot_slot),
      .hot_op_o         (hot_op),
      .out_valid_o      (out_cfg_valid),
      .out_ready_i      (out_cfg_ready),
      .out_record_o     (out_record),
      .out_done_i       (out_cfg_done),
      .out_record_i     (out_was),
      .in_valid_o       (in_cfg_valid),
      .in_ready_i       (in_cfg_ready),
      .in_word_addr_o   (in_word_addr),
      .in_word_o        (in_word),
      .in_record_o      (in_record),
      .in_done_i        (in_cfg_done),
      .in_word_i        (in_word_was),
      .in_record_i      (in_was),
      .count_valid_o    (count_valid),
      .count_ready_i    (count_ready),
      .count_write_o    (count_write),
      .count_value_o    (count_value),
      .count_slot_o     (count_slot),
      .count_verdict_o  (count_verdict),
      .count_done_i     (out_count_done && in_count_done),
      .count_value_i    (out_count + in_count)
    );

    logic unused;
    assign unused = ^{unused_meta, p_slot, c_slot};
  end else begin : gen_on_chip
    assign held    = 1'b1;
    assign ctl_at  = ctl_sa;
    assign emptied = 1'b1;
    assign {o_ready, x_valid, x_data, x_keep, x_last, x_slot} = {x_ready, o_valid, o_data_i, o_keep_i, o_last_i, o_sa_i};
    assign x_meta  = {o_iv_i, o_use_iv_i, o_seq_i, o_use_seq_i};
    assign {f_ready, y_valid, y_data, y_keep, y_last, y_slot} = {y_ready, f_valid, f_data, f_keep, f_last, f_sa};
    assign p_sa_o  = p_slot;
    assign c_sa_o  = c_slot;

    assign ctl_write_ready = 1'b1;
    assign {tab_write, tab_slot, tab_live, tab_static, tab_place, tab_key} =
        {ctl_write, ctl_slot, ctl_live, ctl_static, ctl_place, ctl_key};
    assign {hot_slot, hot_op} = {ctl_slot, ctl_op};
    assign {out_cfg_valid, ctl_out_ready, ctl_out_done, out_record} = {ctl_out_valid, out_cfg_ready, out_cfg_done, ctl_out_record};
    assign {in_cfg_valid, ctl_in_ready, ctl_in_done, in_record} = {ctl_in_valid, in_cfg_ready, in_cfg_done, ctl_in_record};
    assign {in_word_addr, in_word} = {ctl_word_addr, ctl_word};
    assign {count_valid, ctl_count_ready, ctl_count_done} = {ctl_count_valid, count_ready, out_count_done && in_count_done};
    assign {count_write, count_value, count_slot, count_verdict} = {ctl_count_clear, 64'd0, ctl_slot, ctl_verdict};

    assign {mem_rd_valid_o, mem_rd_addr_o, mem_data_ready_o, mem_wr_valid_o, mem_wr_addr_o, mem_wr_data_o} = '0;

    logic unused;
    assign unused = ^{want, mem_rd_ready_i, mem_data_valid_i, mem_data_i, mem_wr_ready_i, mem_wr_done_i};
  end

  // ---------------------------------------------------------------- outbound

  logic o_first_q;

  assign o_valid   = o_valid_i && open;
  assign o_ready_o = o_ready && open;
  assign p_fire    = p_valid_o && p_ready_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) o_first_q <= 1'b1;
    else if (o_valid && o_ready) o_first_q <= o_last_i;
  end

  espnic_esp_out #(.Lanes(Lanes), .Sas(Slots), .BufBytes(BufBytes), .MaxFrame(MaxFrame)) u_out (
    .clk_i, .rst_ni,
    .s_valid_i   (x_valid),
    .s_ready_o   (x_ready),
    .s_data_i    (x_data),
    .s_keep_i    (x_keep),
    .s_last_i    (x_last),
    .s_sa_i      (x_slot),
    .s_use_seq_i (x_meta[0]),
    .s_seq_i     (x_meta[1+:64]),
    .s_use_iv_i  (x_meta[65]),
    .s_iv_i      (x_meta[66+:64]),
    .sa_read_o   (out_read),
    .sa_index_o  (out_slot),
    .sa_i        (out_static),
    .key_i       (out_key),
    .cfg_valid_i (out_cfg_valid),
    .cfg_ready_o (out_cfg_ready),
    .cfg_op_i    (hot_op),
    .cfg_sa_i    (hot_slot),
    .cfg_record_i(out_record),
    .cfg_done_o  (out_cfg_done),
    .cfg_record_o(out_was),
    .r_valid_o   (p_valid_o),
    .r_ready_i   (p_ready_i),
    .r_sa_o      (p_slot),
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

  espnic_verdict_count #(.Sas(Slots)) u_out_count (
    .clk_i, .rst_ni,
    .count_i      (p_fire),
    .sa_i         (p_slot),
    .verdict_i    (p_verdict_o),
    .ask_valid_i  (count_valid && in_count_ready),
    .ask_ready_o  (out_count_ready),
    .ask_write_i  (count_write),
    .ask_value_i  (count_value),
    .ask_sa_i     (count_slot),
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

  logic i_first_q;

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
    .Lanes(Lanes), .Sas(Slots), .WindowWords(Words), .BufBytes(BufBytes), .MaxFrame(MaxFrame)
  ) u_in (
    .clk_i, .rst_ni,
    .s_valid_i      (y_valid),
    .s_ready_o      (y_ready),
    .s_data_i       (y_data),
    .s_keep_i       (y_keep),
    .s_last_i       (y_last),
    .s_sa_i         (y_slot),
    .sa_read_o      (in_read),
    .sa_index_o     (in_slot),
    .sa_i           (in_static),
    .key_i          (in_key),
    .cfg_valid_i    (in_cfg_valid),
    .cfg_ready_o    (in_cfg_ready),
    .cfg_op_i       (hot_op),
    .cfg_sa_i       (hot_slot),
    .cfg_word_addr_i(in_word_addr),
    .cfg_word_i     (in_word),
    .cfg_record_i   (in_record),
    .cfg_done_o     (in_cfg_done),
    .cfg_word_o     (in_word_was),
    .cfg_record_o   (in_was),
    .r_valid_o      (c_valid_o),
    .r_ready_i      (c_ready_i),
    .r_sa_o         (c_slot),
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

  espnic_verdict_count #(.Sas(Slots)) u_in_count (
    .clk_i, .rst_ni,
    .count_i      (c_fire),
    .sa_i         (c_slot),
    .verdict_i    (c_verdict_o),
    .ask_valid_i  (count_valid && out_count_ready),
    .ask_ready_o  (in_count_ready),
    .ask_write_i  (count_write),
    .ask_value_i  ('0),
    .ask_sa_i     (count_slot),
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
