// SPDX-License-Identifier: BSD-2-Clause
//
// In front of a direction whose SAs are cached: holds a packet's first beat until its SA has a slot, and gives answers, which tell of slots,
// their SA back.
//
//   s_* (SA) ─┬► beats ───────────────────► m_* (slot)
//             └► ask (espnic_sa_cache) ─► slot ─┘
//                └► names, in the order of packets ─► name_o of the next answer
//
// Three clocks; then a beat a clock, packets of one beat too, as long as all hit.

`include "espnic_assert.svh"

module espnic_sa_admit #(
  parameter int Width = 8,           // of a beat
  parameter int MetaW = 1,           // of what comes with the first beat
  parameter int SaW = 6,
  parameter int SlotW = 3,
  parameter int Most = 128           // packets between their first beat and their answer, a power of two
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             s_valid_i,
  output logic             s_ready_o,
  input  logic [Width-1:0] s_data_i,
  input  logic             s_last_i,
  input  logic [MetaW-1:0] s_meta_i,     // with the first beat, as the SA
  input  logic [SaW-1:0]   s_sa_i,
  output logic             m_valid_o,
  input  logic             m_ready_i,
  output logic [Width-1:0] m_data_o,
  output logic             m_last_o,
  output logic [MetaW-1:0] m_meta_o,
  output logic [SlotW-1:0] m_slot_o,
  // espnic_sa_cache
  output logic             ask_valid_o,
  input  logic             ask_ready_i,
  output logic [SaW-1:0]   ask_sa_o,
  input  logic             got_valid_i,
  output logic             got_ready_o,
  input  logic [SlotW-1:0] got_slot_i,
  // The SA of the next packet that is to be answered
  output logic [SaW-1:0]   name_o,
  input  logic             answered_i
);

  logic s_first_q, s_fire, m_first_q, m_fire, first_room, beat_room, name_room, beat_valid, slot_valid, meta_valid, name_valid;

  assign first_room  = beat_room && name_room;
  assign s_ready_o   = s_first_q ? first_room && ask_ready_i : beat_room;
  assign s_fire      = s_valid_i && s_ready_o;
  assign ask_valid_o = s_valid_i && s_first_q && first_room;
  assign ask_sa_o    = s_sa_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) s_first_q <= 1'b1;
    else if (s_fire) s_first_q <= s_last_i;
    if (!rst_ni) m_first_q <= 1'b1;
    else if (m_fire) m_first_q <= m_last_o;
  end

  // As many first beats as asks can be under way, and as many slots.
  logic meta_room;

  espnic_fifo #(.Width(Width + 1), .Depth(4)) u_beat (
    .clk_i, .rst_ni,
    .valid_i(s_fire),
    .ready_o(beat_room),
    .data_i ({s_last_i, s_data_i}),
    .valid_o(beat_valid),
    .ready_i(m_fire),
    .data_o ({m_last_o, m_data_o})
  );

  espnic_fifo #(.Width(MetaW), .Depth(4)) u_meta (
    .clk_i, .rst_ni,
    .valid_i(s_fire && s_first_q),
    .ready_o(meta_room),
    .data_i (s_meta_i),
    .valid_o(meta_valid),
    .ready_i(m_fire && m_first_q),
    .data_o (m_meta_o)
  );

  espnic_fifo #(.Width(SlotW), .Depth(4)) u_slot (
    .clk_i, .rst_ni,
    .valid_i(got_valid_i),
    .ready_o(got_ready_o),
    .data_i (got_slot_i),
    .valid_o(slot_valid),
    .ready_i(m_fire && m_first_q),
    .data_o (m_slot_o)
  );

  assign m_valid_o = beat_valid && (!m_first_q || slot_valid);
  assign m_fire    = m_valid_o && m_ready_i;

  espnic_fifo #(.Width(SaW), .Depth(Most)) u_name (
    .clk_i, .rst_ni,
    .valid_i(s_fire && s_first_q),
    .ready_o(name_room),
    .data_i (s_sa_i),
    .valid_o(name_valid),
    .ready_i(answered_i),
    .data_o (name_o)
  );

  `ESPNIC_ASSERT(MetaWithBeat, meta_room || !beat_room)
  `ESPNIC_ASSERT(MetaThere, !(m_valid_o && m_first_q) || meta_valid)
  `ESPNIC_ASSERT(AnswersItsOwn, !answered_i || name_valid)
  `ESPNIC_COVER(WaitsForSlot, beat_valid && m_first_q && !slot_valid)

endmodule
