// SPDX-License-Identifier: BSD-2-Clause
//
// Packets in the order they came, until it is known what becomes of each: a ring of beats. For each packet, in order, the
// reader says how many of its beats it wants, from the first on, and how many there were; the rest is skipped.
//
//   s_* ──► memory ──► m_*        cmd_beats_i: of the packet, as it came
//                                 cmd_want_i: of them, to be given out; 0: none
//
// A command must not come before all beats of its packet. A beat's room is free again as soon as its packet is done with. A packet of
// more beats than the memory has would never end: the writer sees to that.

`include "espnic_assert.svh"

module espnic_pkt_buf #(
  parameter int DataW = 128,
  parameter int Beats = 1024,                 // a power of two
  localparam int AddrW = $clog2(Beats)
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             s_valid_i,
  output logic             s_ready_o,
  input  logic [DataW-1:0] s_data_i,
  input  logic             cmd_valid_i,
  output logic             cmd_ready_o,
  input  logic [AddrW:0]   cmd_beats_i,
  input  logic [AddrW:0]   cmd_want_i,
  output logic             m_valid_o,
  input  logic             m_ready_i,
  output logic [DataW-1:0] m_data_o
);

  logic [DataW-1:0] mem [Beats];
  // One bit more than an address: equal means empty, different in that bit alone means full.
  logic [AddrW:0]   wr_q, free_q, left_q;
  logic [AddrW-1:0] rd_q, rd;
  logic             busy_q;  // left_q more beats of a packet to be read
  logic             read, room, take;

  assign s_ready_o = (wr_q ^ free_q) != {1'b1, {AddrW{1'b0}}};

  // A packet's first read is in the clock that takes its command, so that short packets follow one another
  // without a gap.
  assign take        = cmd_valid_i && cmd_ready_o;
  assign cmd_ready_o = !busy_q && (room || cmd_want_i == '0);
  assign rd          = busy_q ? rd_q : free_q[AddrW-1:0];
  assign read        = room && (busy_q || (cmd_valid_i && cmd_want_i != '0));

  logic [AddrW:0] end_q;  // behind the packet that is being read

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wr_q   <= '0;
      free_q <= '0;
      busy_q <= 1'b0;
    end else begin
      if (s_valid_i && s_ready_o) wr_q <= wr_q + 1'b1;
      if (take) begin
        if (cmd_want_i > (AddrW + 1)'(1)) busy_q <= 1'b1;
        else free_q <= free_q + cmd_beats_i;
      end else if (busy_q && read && left_q == (AddrW + 1)'(1)) begin
        busy_q <= 1'b0;
        free_q <= end_q;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (s_valid_i && s_ready_o) mem[wr_q[AddrW-1:0]] <= s_data_i;
    if (take) begin
      end_q  <= free_q + cmd_beats_i;
      left_q <= cmd_want_i - 1'b1;
      rd_q   <= free_q[AddrW-1:0] + 1'b1;
    end else if (read) begin
      left_q <= left_q - 1'b1;
      rd_q   <= rd_q + 1'b1;
    end
  end

  // The memory answers a clock later; what it gives waits in a skid buffer, read only if there is room for it.
  logic             data_valid_q;
  logic [DataW-1:0] data_q;
  logic             skid_ready;

  assign room = !data_valid_q || skid_ready;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) data_valid_q <= 1'b0;
    else if (room) data_valid_q <= read;
  end

  always_ff @(posedge clk_i) begin
    if (read) data_q <= mem[rd];
  end

  espnic_skid #(.Width(DataW)) u_skid (
    .clk_i, .rst_ni,
    .valid_i(data_valid_q), .ready_o(skid_ready), .data_i(data_q),
    .valid_o(m_valid_o), .ready_i(m_ready_i), .data_o(m_data_o)
  );

  logic [AddrW:0] held;
  assign held = wr_q - free_q;
  `ESPNIC_ASSUME(WholePacket, !cmd_valid_i || busy_q || (cmd_beats_i <= held && cmd_beats_i != '0))
  `ESPNIC_ASSUME(WantsWhatIsThere, !cmd_valid_i || cmd_want_i <= cmd_beats_i)
  `ESPNIC_COVER(Full, !s_ready_o)

endmodule
