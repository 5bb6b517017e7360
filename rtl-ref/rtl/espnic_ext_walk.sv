// SPDX-License-Identifier: BSD-2-Clause
//
// Follows the extension headers that stand in the text of an IPv6 packet in transport mode, while it passes. What the first of them is the
// trailer says at the packet's end alone; but all that matter have one form, a fragment header apart, so there is one of these for
// either, and one of the two is right. A beat with a header in it waits a clock for each (step_o).
//
//   | IPv6, own extension headers | next, length ... | next, length ... | upper layer
//                                  off_i              off_q
//
// The rules are those of espnic_ip_parse; where the packet ends is not known yet: off_o must not lie behind it.

`include "espnic_assert.svh"

module espnic_ext_walk #(
  parameter int Lanes = 1,
  parameter logic [7:0] First = 8'd60,      // the first header: 44, a fragment's, or any of the others
  localparam int DataW = Lanes * 128,
  localparam int BeatB = Lanes * 16,
  localparam int LenW  = espnic_rtl_pkg::LenW
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             enable_i,        // the packet is one to be looked at
  input  logic             valid_i,         // a beat is there
  input  logic             fire_i,          // and passes
  input  logic             last_i,
  input  logic [DataW-1:0] data_i,
  input  logic [LenW-1:0]  base_i,          // its offset from the IP header, bytes
  input  logic [LenW-1:0]  off_i,           // of the first header, a multiple of 8, at the latest with its beat
  output logic             step_o,          // the beat must not pass yet
  // With the last beat
  output logic             good_o,          // headers of the form they must have
  output logic             nonfirst_o,      // a fragment that does not begin the packet
  output logic [7:0]       proto_o,
  output logic [LenW-1:0]  off_o,           // of what proto says
  output logic [31:0]      upper_o          // its first 4 bytes
);

  localparam int ExtUnit = 8;
  localparam int UnitW   = $clog2(BeatB / ExtUnit);

  logic            walking_q, ended_q, bad_q, is_ext, is_frag, in_beat;
  logic [7:0]      proto_q;
  logic [LenW-1:0] off_q;
  logic [31:0]     ext, upper_q;

  assign off_o   = walking_q ? off_q : off_i;
  assign proto_o = walking_q ? proto_q : First;
  assign is_frag = proto_o == espnic_rtl_pkg::ProtoFragment;
  assign is_ext  = proto_o == espnic_rtl_pkg::ProtoHopOpts || proto_o == espnic_rtl_pkg::ProtoRouting || is_frag ||
                   proto_o == espnic_rtl_pkg::ProtoDstOpts;
  assign in_beat = off_o >= base_i && off_o < base_i + LenW'(BeatB);
  assign step_o  = enable_i && valid_i && in_beat && is_ext && !ended_q && !bad_q;

  // Headers stand on multiples of 8 bytes: the first 8 bytes of one are never in two beats.
  always_comb begin
    ext = '0;
    for (int u = 0; u < BeatB / ExtUnit; u++) begin
      if (off_o[3+:UnitW] == UnitW'(u)) ext = data_i[u*64+:32];
    end
  end

  logic [12:0]     frag_off;
  logic [LenW-1:0] ext_len;

  assign frag_off = {ext[23:16], ext[31:27]};
  assign ext_len  = LenW'(ExtUnit) + (is_frag ? '0 : LenW'({ext[15:8], 3'b000}));

  always_ff @(posedge clk_i) begin
    if (!rst_ni || (fire_i && last_i)) begin
      walking_q <= 1'b0;
      ended_q   <= 1'b0;
      bad_q     <= 1'b0;
    end else if (step_o) begin
      walking_q <= 1'b1;
      // Hop-by-hop options stand right behind the IPv6 header. The first one's place is looked at by who knows what it is.
      if (walking_q && proto_q == espnic_rtl_pkg::ProtoHopOpts) bad_q <= 1'b1;
      if (is_frag && frag_off != '0) ended_q <= 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (step_o) begin
      proto_q <= ext[7:0];
      off_q   <= off_o + ext_len;
    end
    if (fire_i && in_beat) upper_q <= ext;
  end

  assign upper_o    = in_beat ? ext : upper_q;
  assign good_o     = !bad_q && (!is_ext || ended_q);
  assign nonfirst_o = ended_q;

  `ESPNIC_COVER(SecondHeader, step_o && walking_q)
  `ESPNIC_COVER(OtherBeat, step_o && walking_q && off_q[LenW-1:$clog2(BeatB)] != off_i[LenW-1:$clog2(BeatB)])

  logic unused;
  assign unused = ^ext[26:24];

endmodule
