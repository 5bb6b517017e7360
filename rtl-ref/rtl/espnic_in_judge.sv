// SPDX-License-Identifier: BSD-2-Clause
//
// What is to be said of a packet whose ICV was good, from its trailer and what stands in front of it (RFC 4303 section 3.4.4.1,
// RFC 4301 section 5.2, RFC 6040 section 4.2), without a clock: decapsulate() of the C engine.
//
// inner_i is what espnic_ip_parse found in the text (tunnel mode), or in the packet's own header with the text behind it
// (transport mode), where the header still tells of ESP. walk_* is what espnic_ext_walk found behind the extension headers that the text then begins
// with, if next_i says that it does.

module espnic_in_judge (
  input  espnic_records_pkg::sa_static_t sa_i,
  input  espnic_records_pkg::ip_t inner_i,
  input  logic        walk_good_i,
  input  logic        walk_nonfirst_i,
  input  logic [7:0]  walk_proto_i,
  input  logic [espnic_rtl_pkg::LenW-1:0] walk_off_i,
  input  logic [31:0] walk_upper_i,
  input  logic [7:0]  outer_tos_i,
  input  logic [espnic_rtl_pkg::LenW-1:0] head_len_i,  // transport: of the packet's own header; else 0
  input  logic [espnic_rtl_pkg::LenW-1:0] text_len_i,
  input  logic [7:0]  pad_len_i,
  input  logic [7:0]  next_i,
  input  logic        pad_good_i,
  output logic [3:0]  verdict_o,      // espnic_rtl_pkg::verdict_e
  output logic        dummy_o,        // next header 59: good, and nothing to give out
  output logic [espnic_rtl_pkg::LenW-1:0] clear_len_o,
  output logic [1:0]  ecn_o           // tunnel: of the clear packet
);

  localparam int LenW = espnic_rtl_pkg::LenW;

  localparam logic [1:0] NotEct = 2'b00;
  localparam logic [1:0] Ect1   = 2'b01;
  localparam logic [1:0] Ect0   = 2'b10;
  localparam logic [1:0] Ce     = 2'b11;

  logic [LenW-1:0] body, payload;
  logic            too_long, ecn_drop, inner_formed, ext_next, hop_astray, fits;
  logic [1:0]      outer, inner;
  espnic_records_pkg::ip_t clear;

  assign body     = text_len_i - LenW'(espnic_rtl_pkg::EspTrailer);
  assign too_long = LenW'(pad_len_i) > body;
  assign payload  = body - LenW'(pad_len_i);
  assign dummy_o  = next_i == espnic_rtl_pkg::ProtoNone;

  // RFC 6040 figure 4
  assign outer    = outer_tos_i[1:0];
  assign inner    = inner_i.tos[1:0];
  assign ecn_drop = sa_i.ecn && inner == NotEct && outer == Ce;
  always_comb begin
    ecn_o = inner;
    if (sa_i.ecn && inner != NotEct) begin
      if (outer == Ce) ecn_o = Ce;
      else if (inner == Ect0 && outer == Ect1) ecn_o = Ect1;
    end
  end

  // TFC padding may stand behind the inner packet, but the packet not behind the payload.
  assign inner_formed = inner_i.base_good && inner_i.len <= payload &&
                        next_i == (inner_i.v6 ? espnic_rtl_pkg::ProtoIpv6 : espnic_rtl_pkg::ProtoIpip);
  assign clear_len_o  = dummy_o ? '0 : sa_i.tunnel ? inner_i.len : head_len_i + payload;

  // The clear packet as a selector sees it
  always_comb begin
    clear     = inner_i;
    clear.len = clear_len_o;
    if (!sa_i.tunnel) begin
      clear.good     = 1'b1;
      clear.fragment = 1'b0;
      clear.nonfirst = 1'b0;
      clear.proto    = next_i;
      if (ext_next) begin
        clear.good        = walk_good_i && walk_off_i <= clear_len_o && !hop_astray;
        clear.nonfirst    = walk_nonfirst_i;
        clear.proto       = walk_proto_i;
        clear.upper_off   = walk_off_i;
        clear.upper[31:0] = walk_upper_i;
      end
    end
  end

  assign ext_next = !sa_i.tunnel && inner_i.v6 &&
                    (next_i == espnic_rtl_pkg::ProtoHopOpts || next_i == espnic_rtl_pkg::ProtoRouting ||
                     next_i == espnic_rtl_pkg::ProtoFragment || next_i == espnic_rtl_pkg::ProtoDstOpts);

  // Hop-by-hop options stand right behind the IPv6 header.
  assign hop_astray = next_i == espnic_rtl_pkg::ProtoHopOpts && inner_i.upper_off != LenW'(espnic_rtl_pkg::Ipv6Hlen);

  espnic_selector u_selector (
    .family_i    (sa_i.sel_family),
    .proto_i     (sa_i.sel_proto),
    .src_prefix_i(sa_i.sel_src_prefix),
    .dst_prefix_i(sa_i.sel_dst_prefix),
    .src_i       (sa_i.sel_src),
    .dst_i       (sa_i.sel_dst),
    .sport_min_i (sa_i.sel_sport_min),
    .sport_max_i (sa_i.sel_sport_max),
    .dport_min_i (sa_i.sel_dport_min),
    .dport_max_i (sa_i.sel_dport_max),
    .ip_i        (clear),
    .match_o     (fits)
  );

  always_comb begin
    if (too_long)                                  verdict_o = espnic_rtl_pkg::VerdictMalformed;
    else if (!pad_good_i)                          verdict_o = espnic_rtl_pkg::VerdictPadding;
    else if (dummy_o)                              verdict_o = espnic_rtl_pkg::VerdictOk;
    else if (sa_i.tunnel && !inner_formed)         verdict_o = espnic_rtl_pkg::VerdictMalformed;
    else if (sa_i.tunnel && ecn_drop)              verdict_o = espnic_rtl_pkg::VerdictEcn;
    else if (sa_i.has_sel && !clear.good)          verdict_o = espnic_rtl_pkg::VerdictMalformed;
    else if (sa_i.has_sel && !fits)                verdict_o = espnic_rtl_pkg::VerdictSelector;
    else                                           verdict_o = espnic_rtl_pkg::VerdictOk;
  end

  logic unused;
  assign unused = ^{sa_i, inner_i, outer_tos_i[7:2]};

endmodule
