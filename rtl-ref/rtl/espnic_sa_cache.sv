// SPDX-License-Identifier: BSD-2-Clause
//
// Which SAs of a table in external memory stand in the slots of the chip, and how they come and go. A cache of Sets sets by the lowest bits of
// an SA's index, with Ways slots each; what is in a slot is nobody's business here but that of who fills and spills it
// (espnic_sa_slots). Both directions ask for the slot of each packet's SA, control for that of its command's.
//
//   ask_* ─► tags, a clock ─► hit ───────────────────────────────► got_*      a packet a clock and direction
//                              └ miss ─► pick a slot ─► spill ─► fill ─┘
//                                                         │        ▲
//                                          memory ◄───────┴────────┘
//
// A slot that was given to a packet stays its SA's until the packet is done (done_i, in the order of a direction's packets), one that was
// given to control until that lets go. So an SA is in one place at a time, and who has a slot never waits.
//
// A miss stalls its own direction: 3 clocks to pick, the spill of what stood in the slot, the fill, 2 clocks. The first beats of the fill are read while
// the spill goes on. One miss at a time: that of the other direction waits for it. Hits of the other direction go on but for 3 clocks of each miss.
// If all slots of a set have packets under way the miss waits for the first of them to be done, so what both directions give must be taken,
// none in return for the other's. Control holds one slot at most: hence two ways at least, or it would wait for packets that wait for it.
//
// Memory, in beats of BeatW bits; a record is RecBeats of them, of which those in use come first:
//
//   address   | SA | beat |      beats   | head, HeadBeats | hot ... |
//
// The head never changes in a slot: control writes it through (put_*), and it is not spilled. Reads are answered in
// order. Writes of an SA are done in order, each with a wr_done_i; a read that was made before may or may not see it, so none is made of
// an SA that has writes under way, and writes of one SA at a time are. After a reset BaseBeats of each record are written with zeros, one
// a clock, and ready_o stays down until then: no key outlives it.

`include "espnic_assert.svh"

module espnic_sa_cache #(
  parameter int Sas = 64,            // of the table in memory
  parameter int Sets = 4,
  parameter int Ways = 2,
  parameter int BeatW = 512,
  parameter int RecBeats = 16,       // all but BeatW are powers of two
  parameter int HeadBeats = 3,
  parameter int BaseBeats = 8,       // read in any case; the others when the filler has seen how many there are
  localparam int SaW     = $clog2(Sas),
  localparam int SetW    = $clog2(Sets),
  localparam int WayW    = $clog2(Ways),
  localparam int SlotW   = SetW + WayW,
  localparam int RecW    = $clog2(RecBeats),
  localparam int AddrW   = SaW + RecW
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  output logic               ready_o,
  // Packets: bit or part 0 is outbound, 1 inbound
  input  logic [1:0]         ask_valid_i,
  output logic [1:0]         ask_ready_o,
  input  logic [2*SaW-1:0]   ask_sa_i,
  output logic [1:0]         got_valid_o,
  input  logic [1:0]         got_ready_i,
  output logic [2*SlotW-1:0] got_slot_o,
  input  logic [1:0]         done_i,
  // Control: wants the SA, and has its slot as long as both are up
  input  logic               ctl_valid_i,
  input  logic [SaW-1:0]     ctl_sa_i,
  output logic               ctl_held_o,
  output logic [SlotW-1:0]   ctl_slot_o,
  input  logic               put_valid_i,   // a beat of its SA's head
  output logic               put_ready_o,
  input  logic [RecW-1:0]    put_beat_i,
  input  logic [BeatW-1:0]   put_data_i,
  // The slot that is spilled, then filled
  output logic [SlotW-1:0]   slot_o,
  output logic               spill_o,       // until its last beat is taken
  input  logic               spill_valid_i,
  output logic               spill_ready_o,
  input  logic [BeatW-1:0]   spill_data_i,  // from the head's end on
  input  logic               spill_last_i,
  output logic               fill_o,        // until fill_done_i
  output logic               fill_valid_o,
  input  logic               fill_ready_i,
  output logic [BeatW-1:0]   fill_data_o,
  input  logic [RecW:0]      fill_beats_i,  // of the record, when the first has been taken; no more are given
  input  logic               fill_done_i,   // one clock, with the last beat or after it
  // Memory
  output logic               rd_valid_o,
  input  logic               rd_ready_i,
  output logic [AddrW-1:0]   rd_addr_o,
  input  logic               rd_data_valid_i,
  output logic               rd_data_ready_o,
  input  logic [BeatW-1:0]   rd_data_i,
  output logic               wr_valid_o,
  input  logic               wr_ready_i,
  output logic [AddrW-1:0]   wr_addr_o,
  output logic [BeatW-1:0]   wr_data_o,
  input  logic               wr_done_i
);

  localparam int Slots  = Sets * Ways;
  localparam int Askers = 3;                // the two directions, and control
  localparam int Ctl    = 2;
  localparam int TagW   = SaW - SetW;
  localparam int StampW = 64;               // packets of a direction: never comes round
  localparam int OutW   = RecW + 3;         // writes under way

  typedef enum logic [2:0] {
    StWipe,   // after a reset
    StIdle,
    StHold,   // no slot is given, what was given shows
    StPick,
    StSpill,
    StFill,
    StTag
  } state_e;

  logic [2:0]       state_q, next;
  logic [1:0]       asker_q, asker;         // whose miss it is
  logic [SaW-1:0]   new_sa_q, old_sa_q;
  logic [SlotW-1:0] slot_q;

  // ---------------------------------------------------------------- looking

  logic [Askers-1:0]      seek_q, hit, miss, give, wait_q;
  logic [Askers*SaW-1:0]  look_sa, sa_q;
  logic [Askers*Ways-1:0] match;
  logic [Askers*WayW-1:0] way;
  logic                   hold, hold_q;
  logic                   tag_write, tag_used;
  logic [SetW-1:0]        tag_set;
  logic [WayW-1:0]        tag_way;

  // A tag that is written shows two clocks later: until then none is believed.
  assign hold = state_q == StHold || state_q == StPick || hold_q || state_q == StWipe;

  always_comb begin
    for (int a = 0; a < 2; a++) begin
      got_slot_o[a*SlotW+:SlotW] = {sa_q[a*SaW+:SetW], way[a*WayW+:WayW]};
      look_sa[a*SaW+:SaW]        = ask_ready_o[a] ? ask_sa_i[a*SaW+:SaW] : sa_q[a*SaW+:SaW];
    end
    look_sa[Ctl*SaW+:SaW] = ctl_valid_i && !seek_q[Ctl] ? ctl_sa_i : sa_q[Ctl*SaW+:SaW];
  end
  assign give        = seek_q & hit & {Askers{!hold}} & {1'b1, got_ready_i};
  assign got_valid_o = seek_q[1:0] & hit[1:0] & {2{!hold}};
  assign ask_ready_o = ~seek_q[1:0] | give[1:0];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      seek_q     <= '0;
      ctl_held_o <= 1'b0;
      hold_q     <= 1'b0;
    end else begin
      for (int a = 0; a < 2; a++) begin
        if (ask_ready_o[a]) seek_q[a] <= ask_valid_i[a];
      end
      seek_q[Ctl] <= ctl_valid_i && !ctl_held_o && !give[Ctl];
      ctl_held_o  <= ctl_valid_i && (ctl_held_o || give[Ctl]);
      hold_q      <= state_q == StPick;
    end
  end

  always_ff @(posedge clk_i) begin
    sa_q <= look_sa;
    if (give[Ctl]) ctl_slot_o <= {sa_q[Ctl*SaW+:SetW], way[Ctl*WayW+:WayW]};
  end

  assign miss = seek_q & ~hit;

  // ---------------------------------------------------------------- who has a slot under way

  // Of each direction, packets that have got a slot and those that are done; a slot is stamped with the number of the last packet it was
  // given to, and free when that is done.
  logic [2*StampW-1:0] come_q, done_q, come_next;

  always_comb begin
    for (int d = 0; d < 2; d++) come_next[d*StampW+:StampW] = come_q[d*StampW+:StampW] + StampW'(1);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      come_q <= '0;
      done_q <= '0;
    end else begin
      for (int d = 0; d < 2; d++) begin
        if (give[d]) come_q[d*StampW+:StampW] <= come_next[d*StampW+:StampW];
        if (done_i[d]) done_q[d*StampW+:StampW] <= done_q[d*StampW+:StampW] + StampW'(1);
      end
    end
  end

  // ---------------------------------------------------------------- tags and stamps, a memory of each for each way

  logic [SetW-1:0]         wipe_set, pick_set;
  logic [Ways*TagW-1:0]    tags_of_miss;
  logic [Ways-1:0]         used_of_miss, free;
  logic [1:0]              stamp_write;   // a slot is given, or will be
  logic [2*SlotW-1:0]      stamp_slot;

  assign pick_set = new_sa_q[SetW-1:0];

  // The slot of a miss is stamped for the packet that waits for it, lest another miss picks it before.
  always_comb begin
    for (int d = 0; d < 2; d++) begin
      stamp_write[d] = give[d] || (state_q == StTag && asker_q == 2'(d));
      stamp_slot[d*SlotW+:SlotW] = give[d] ? got_slot_o[d*SlotW+:SlotW] : slot_q;
    end
  end

`ifdef FORMAL
  logic [Sets*Ways*(TagW+1)-1:0] f_tags;
  logic [Askers*Ways-1:0]   f_so;
  logic [Ways-1:0]          f_picks, f_stamped, f_nowhere, f_nobodys;
`endif

  for (genvar w = 0; w < Ways; w++) begin : gen_way
    logic [TagW:0]     tags [Sets];
    logic [StampW-1:0] stamps0 [Sets];
    logic [StampW-1:0] stamps1 [Sets];
    logic [TagW:0]     tag0_q, tag1_q, tag2_q;
    logic [StampW-1:0] stamp0_q, stamp1_q;

    always_ff @(posedge clk_i) begin
      tag0_q   <= tags[look_sa[0+:SetW]];
      tag1_q   <= tags[look_sa[SaW+:SetW]];
      tag2_q   <= tags[look_sa[2*SaW+:SetW]];
      stamp0_q <= stamps0[pick_set];
      stamp1_q <= stamps1[pick_set];
      if (tag_write && (tag_way == WayW'(w) || state_q == StWipe)) tags[tag_set] <= {new_sa_q[SaW-1:SetW], tag_used};
      if (state_q == StWipe) stamps0[wipe_set] <= '0;
      else if (stamp_write[0] && stamp_slot[0+:WayW] == WayW'(w)) begin
        stamps0[stamp_slot[WayW+:SetW]] <= come_next[0+:StampW];
      end
      if (state_q == StWipe) stamps1[wipe_set] <= '0;
      else if (stamp_write[1] && stamp_slot[SlotW+:WayW] == WayW'(w)) begin
        stamps1[stamp_slot[SlotW+WayW+:SetW]] <= come_next[StampW+:StampW];
      end
    end

`ifdef FORMAL
    logic [TagW:0] f_slot_tag, f_new_tag;
    assign f_slot_tag = tags[slot_q[SlotW-1:WayW]];
    assign f_new_tag  = tags[new_sa_q[SetW-1:0]];
    for (genvar s = 0; s < Sets; s++) begin : gen_set
      assign f_tags[(s*Ways+w)*(TagW+1)+:TagW+1] = tags[s];
    end
    assign f_so[0*Ways+w] = tags[sa_q[0+:SetW]] == tag0_q;
    assign f_so[1*Ways+w] = tags[sa_q[SaW+:SetW]] == tag1_q;
    assign f_so[2*Ways+w] = tags[sa_q[2*SaW+:SetW]] == tag2_q;
    assign f_picks[w]     = f_new_tag == (asker_q == 2'd0 ? tag0_q : asker_q == 2'd1 ? tag1_q : tag2_q);
    assign f_stamped[w]   = stamp0_q == stamps0[pick_set] && stamp1_q == stamps1[pick_set];
    assign f_nowhere[w]   = f_new_tag != {new_sa_q[SaW-1:SetW], 1'b1};
    assign f_nobodys[w]   = slot_q[WayW-1:0] != WayW'(w) ||
                            (!f_slot_tag[0] && stamps0[slot_q[SlotW-1:WayW]] <= done_q[0+:StampW] &&
                             stamps1[slot_q[SlotW-1:WayW]] <= done_q[StampW+:StampW]);
`endif

    assign match[0*Ways+w] = tag0_q == {sa_q[SetW+:TagW], 1'b1};
    assign match[1*Ways+w] = tag1_q == {sa_q[SaW+SetW+:TagW], 1'b1};
    assign match[2*Ways+w] = tag2_q == {sa_q[2*SaW+SetW+:TagW], 1'b1};
    assign used_of_miss[w] = asker_q == 2'd0 ? tag0_q[0] : asker_q == 2'd1 ? tag1_q[0] : tag2_q[0];
    assign tags_of_miss[w*TagW+:TagW] = asker_q == 2'd0 ? tag0_q[TagW:1] : asker_q == 2'd1 ? tag1_q[TagW:1] : tag2_q[TagW:1];
    assign free[w] = stamp0_q <= done_q[0+:StampW] && stamp1_q <= done_q[StampW+:StampW] &&
                     !(ctl_held_o && ctl_slot_o == {pick_set, WayW'(w)});
  end

  always_comb begin
    for (int a = 0; a < Askers; a++) begin
      hit[a] = |match[a*Ways+:Ways];
      way[a*WayW+:WayW] = '0;
      for (int w = 0; w < Ways; w++) begin
        if (match[a*Ways+w]) way[a*WayW+:WayW] = WayW'(w);
      end
    end
  end

  // ---------------------------------------------------------------- which slot goes: empty, else free and not used lately, else free

  logic [Slots-1:0] recent_q;
  logic [WayW-1:0]  turn_q, pick, at;
  logic [Ways-1:0]  recent, good;
  logic             can_pick, all_recent, picked;

  always_comb begin
    for (int w = 0; w < Ways; w++) recent[w] = recent_q[{pick_set, WayW'(w)}];
    all_recent = (free & ~recent) == '0;
    good       = (~used_of_miss) & free;
    if (good == '0) good = all_recent ? free : free & ~recent;
    can_pick   = good != '0;
    pick       = '0;
    at         = '0;
    for (int i = Ways - 1; i >= 0; i--) begin
      at = turn_q + WayW'(i);
      if (good[at]) pick = at;
    end
  end

  // In the meantime the other direction's miss may have brought it.
  assign picked = state_q == StPick && !hit[asker_q] && can_pick;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) turn_q <= '0;
    else if (picked) turn_q <= turn_q + WayW'(1);
    if (!rst_ni) begin
      recent_q <= '0;
    end else begin
      if (picked && all_recent) begin
        for (int w = 0; w < Ways; w++) recent_q[{pick_set, WayW'(w)}] <= 1'b0;
      end
      for (int d = 0; d < 2; d++) begin
        if (give[d]) recent_q[got_slot_o[d*SlotW+:SlotW]] <= 1'b1;
      end
      if (give[Ctl]) recent_q[{sa_q[Ctl*SaW+:SetW], way[Ctl*WayW+:WayW]}] <= 1'b1;
    end
  end

  // ---------------------------------------------------------------- whose miss is next

  // One that found no slot is not tried again before something was done.
  logic [Askers-1:0] want;
  logic [1:0]        next_asker;
  logic              freed;

  assign want  = miss & ~wait_q;
  assign freed = |done_i || (ctl_held_o && !ctl_valid_i);

  always_comb begin
    case (asker_q)
      2'd0:    next_asker = want[1] ? 2'd1 : want[2] ? 2'd2 : 2'd0;
      2'd1:    next_asker = want[2] ? 2'd2 : want[0] ? 2'd0 : 2'd1;
      default: next_asker = want[0] ? 2'd0 : want[1] ? 2'd1 : 2'd2;
    endcase
    asker = state_q == StIdle && want != '0 ? next_asker : asker_q;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wait_q  <= '0;
      asker_q <= '0;
    end else begin
      asker_q <= asker;
      if (freed) wait_q <= '0;
      else if (state_q == StPick && !hit[asker_q] && !can_pick) wait_q[asker_q] <= 1'b1;
    end
  end

  // ---------------------------------------------------------------- memory: writes

  logic [AddrW-1:0] wipe_q;
  logic [RecW-1:0]  spill_beat_q;
  logic [SaW-1:0]   wr_sa, wr_sa_q;
  logic [OutW-1:0]  wr_out_q;
  logic             wiping, wipe_all_q, wr_go, may_write, may_read, spilling, by_spill, put_stuck_q;

  assign wiping    = state_q == StWipe;
  assign spilling  = state_q == StSpill;
  // What memory was offered it is offered until it takes it.
  assign by_spill  = spilling && !put_stuck_q;
  assign wipe_set  = wipe_q[RecW+:SetW];
  assign wr_sa     = by_spill ? old_sa_q : ctl_sa_i;
  assign may_write = (wr_out_q == '0 || wr_sa == wr_sa_q) && !(&wr_out_q);
  assign may_read  = wr_out_q == '0 || new_sa_q != wr_sa_q;

  always_comb begin
    wr_valid_o = may_write && (by_spill ? spill_valid_i : put_valid_i);
    wr_addr_o  = by_spill ? {old_sa_q, spill_beat_q} : {ctl_sa_i, put_beat_i};
    wr_data_o  = by_spill ? spill_data_i : put_data_i;
    if (wiping) begin
      wr_valid_o = !(&wr_out_q) && !wipe_all_q;
      wr_addr_o  = wipe_q;
      wr_data_o  = '0;
    end
  end

  assign wr_go         = wr_valid_o && wr_ready_i;
  assign spill_ready_o = by_spill && may_write && wr_ready_i;
  assign put_ready_o   = !by_spill && !wiping && may_write && wr_ready_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wr_out_q    <= '0;
      wipe_q      <= '0;
      wipe_all_q  <= 1'b0;
      put_stuck_q <= 1'b0;
    end else begin
      put_stuck_q <= wr_valid_o && !wr_ready_i && !by_spill && !wiping;
      wr_out_q <= wr_out_q + OutW'(wr_go) - OutW'(wr_done_i);
      if (wiping && wr_go) begin
        if (wipe_q[RecW-1:0] == RecW'(BaseBeats - 1)) begin
          wipe_q     <= {wipe_q[RecW+:SaW] + SaW'(1), RecW'(0)};
          wipe_all_q <= &wipe_q[RecW+:SaW];
        end else begin
          wipe_q <= wipe_q + AddrW'(1);
        end
      end
    end
    if (wr_go) wr_sa_q <= wr_sa;
    if (picked) spill_beat_q <= RecW'(HeadBeats);
    else if (by_spill && wr_go) spill_beat_q <= spill_beat_q + RecW'(1);
  end

  assign ready_o = !wiping;

  // ---------------------------------------------------------------- memory: reads

  logic [RecW:0] asked_q, taken_q;      // beats
  logic [RecW:0] need;
  logic          rd_take, surplus, filled_q, all_read;

  assign need            = taken_q != '0 && fill_beats_i > (RecW + 1)'(BaseBeats) ? fill_beats_i : (RecW + 1)'(BaseBeats);
  assign rd_valid_o      = (spilling || state_q == StFill) && asked_q < need && may_read;
  assign rd_addr_o       = {new_sa_q, asked_q[RecW-1:0]};
  assign surplus         = taken_q != '0 && taken_q >= fill_beats_i;
  assign fill_o          = state_q == StFill && !filled_q;
  assign fill_valid_o    = state_q == StFill && rd_data_valid_i && !surplus;
  assign fill_data_o     = rd_data_i;
  assign rd_data_ready_o = state_q == StFill && (surplus || fill_ready_i);
  assign rd_take         = rd_data_valid_i && rd_data_ready_o;
  assign all_read        = asked_q == need && taken_q == need;

  always_ff @(posedge clk_i) begin
    if (picked) begin
      asked_q  <= '0;
      taken_q  <= '0;
      filled_q <= 1'b0;
    end else begin
      if (rd_valid_o && rd_ready_i) asked_q <= asked_q + (RecW + 1)'(1);
      if (rd_take) taken_q <= taken_q + (RecW + 1)'(1);
      if (fill_done_i) filled_q <= 1'b1;
    end
  end

  // ---------------------------------------------------------------- one miss after the other

  assign spill_o = spilling;
  assign slot_o  = slot_q;

  always_comb begin
    next = state_q;
    case (state_q)
      StWipe:  if (wipe_all_q && wr_out_q == '0) next = StIdle;
      StIdle:  if (want != '0) next = StHold;
      StHold:  next = StPick;
      StPick:  next = !picked ? StIdle : used_of_miss[pick] ? StSpill : StFill;
      StSpill: if (by_spill && wr_go && spill_last_i) next = StFill;
      StFill:  if (filled_q && all_read) next = StTag;
      default: next = StIdle;
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) state_q <= StWipe;
    else state_q <= next;
  end

  always_ff @(posedge clk_i) begin
    if (state_q == StIdle) new_sa_q <= sa_q[asker*SaW+:SaW];
    if (picked) begin
      slot_q   <= {pick_set, pick};
      old_sa_q <= {tags_of_miss[pick*TagW+:TagW], pick_set};
    end
  end

  assign tag_write = wiping || picked || state_q == StTag;
  assign tag_used  = state_q == StTag;
  assign tag_set   = wiping ? wipe_set : pick_set;
  assign tag_way   = state_q == StTag ? slot_q[WayW-1:0] : pick;

  // ---------------------------------------------------------------- what must hold

`ifdef FORMAL
  logic f_moving, f_twice, f_left;

  assign f_moving = spilling || state_q == StFill || state_q == StTag;
  always_comb begin
    f_twice = 1'b0;
    f_left  = 1'b0;    // behind the wipe
    for (int s = 0; s < Sets; s++) begin
      for (int v = 0; v < Ways; v++) begin
        if ((wipe_all_q || wipe_q[RecW+:SaW] > SaW'(s)) && f_tags[(s*Ways+v)*(TagW+1)]) f_left = 1'b1;
        for (int w = v + 1; w < Ways; w++) begin
          if (f_tags[(s*Ways+v)*(TagW+1)] &&
              f_tags[(s*Ways+v)*(TagW+1)+:TagW+1] == f_tags[(s*Ways+w)*(TagW+1)+:TagW+1]) f_twice = 1'b1;
        end
      end
    end
  end
  `ESPNIC_ASSERT(Wiped, !wiping || !f_left)
  // No SA is in two slots. While a slot goes and comes it is nobody's, no packet that was given it is under way, and its next SA is in no other.
  `ESPNIC_ASSERT(Once, wiping || !f_twice)
  `ESPNIC_ASSERT(Nobodys, !f_moving || &f_nobodys)
  `ESPNIC_ASSERT(NowhereElse, !f_moving || &f_nowhere)
  // What was read is what stands there, where something follows from it: nothing is given or picked by a tag or stamp of yesterday.
  `ESPNIC_ASSERT(MatchIsSo0, hold || !seek_q[0] || (match[0+:Ways] & ~f_so[0+:Ways]) == '0)
  `ESPNIC_ASSERT(MatchIsSo1, hold || !seek_q[1] || (match[Ways+:Ways] & ~f_so[Ways+:Ways]) == '0)
  `ESPNIC_ASSERT(MatchIsSo2, hold || !seek_q[2] || (match[2*Ways+:Ways] & ~f_so[2*Ways+:Ways]) == '0)
  `ESPNIC_ASSERT(PicksByWhatIs, state_q != StPick || (&f_picks && &f_stamped))
  // What induction wants to know besides
  `ESPNIC_ASSERT(StateIsOne, state_q <= StTag)
  `ESPNIC_ASSERT(HeldIsNotSought, !(ctl_held_o && seek_q[Ctl]))
  `ESPNIC_ASSERT(AskerIsOne, asker_q <= 2'(Ctl))
  `ESPNIC_ASSERT(AskerWaits, !(state_q == StHold || state_q == StPick) || (seek_q[asker_q] && new_sa_q == sa_q[asker_q*SaW+:SaW]))
  `ESPNIC_ASSERT(SlotOfItsSet, !f_moving || slot_q[SlotW-1:WayW] == new_sa_q[SetW-1:0])
  `ESPNIC_ASSUME(NeverComesRound, !(&come_q[0+:StampW]) && !(&come_q[StampW+:StampW]))
`endif
  `ESPNIC_ASSERT(TwoWays, Ways >= 2)
  `ESPNIC_ASSERT(OneWay0, (match[0+:Ways] & (match[0+:Ways] - Ways'(1))) == '0 || !seek_q[0] || hold)
  `ESPNIC_ASSERT(OneWay1, (match[Ways+:Ways] & (match[Ways+:Ways] - Ways'(1))) == '0 || !seek_q[1] || hold)
  `ESPNIC_ASSUME(DoneCame0, !done_i[0] || done_q[0+:StampW] < come_q[0+:StampW])
  `ESPNIC_ASSUME(DoneCame1, !done_i[1] || done_q[StampW+:StampW] < come_q[StampW+:StampW])
  `ESPNIC_ASSUME(WriteWasMade, !wr_done_i || wr_out_q != '0)
  `ESPNIC_ASSERT(NoneGivenWhileItGoes0, !(give[0] && (spilling || state_q == StFill)) || got_slot_o[0+:SlotW] != slot_q)
  `ESPNIC_ASSERT(NoneGivenWhileItGoes1, !(give[1] && (spilling || state_q == StFill)) || got_slot_o[SlotW+:SlotW] != slot_q)
  `ESPNIC_ASSERT(NoneHeldWhileItGoes, !(ctl_held_o && (spilling || state_q == StFill)) || ctl_slot_o != slot_q)
  `ESPNIC_ASSUME(CtlWaits, !seek_q[Ctl] || (ctl_valid_i && ctl_sa_i == sa_q[Ctl*SaW+:SaW]))
  `ESPNIC_ASSUME(CtlSaStays, !(ctl_held_o && ctl_valid_i) || ctl_sa_i == sa_q[Ctl*SaW+:SaW])
  `ESPNIC_COVER(HitAtOnce, give[0] && seek_q[0] && ask_valid_i[0])
  `ESPNIC_COVER(HitMeanwhile, (spilling || state_q == StFill) && give != '0)
  `ESPNIC_COVER(BroughtByTheOther, state_q == StPick && hit[asker_q])
  `ESPNIC_COVER(AllUnderWay, state_q == StPick && !can_pick)
  `ESPNIC_COVER(ReadAfterWrite, (spilling || state_q == StFill) && asked_q == '0 && !may_read)
  `ESPNIC_COVER(PutDuringFill, state_q == StFill && put_valid_i && put_ready_o)

endmodule
