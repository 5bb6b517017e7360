// SPDX-License-Identifier: BSD-2-Clause
//
// How one packet is protected, and whether it can be: all that is decided before it takes a sequence number, in
// the order of the C engine (out.c: plan()). Two clocks; the second half waits with the first when stall_i.
//
//   clock 0   layout: what is encrypted, where ESP goes; selector
//   clock 1   TFC padding, padding, total length, MTU
//
// Lengths in bytes, offsets from the IP header of the clear packet.

module espnic_out_plan (
  input  logic clk_i,
  input  logic enable_i,                     // both stages advance
  input  espnic_records_pkg::sa_static_t sa_i,
  input  espnic_records_pkg::ip_t ip_i,
  input  logic oversize_i,                   // frame too long for the engine's memory
  // Two enabled clocks later
  output logic [3:0]  verdict_o,             // espnic_rtl_pkg::verdict_e
  output logic [espnic_rtl_pkg::LenW-1:0] payload_off_o,  // from here to the packet's end is encrypted
  output logic [espnic_rtl_pkg::LenW-1:0] payload_len_o,
  output logic [espnic_rtl_pkg::LenW-1:0] head_len_o,     // IP header, and what is left of ESP
  output logic [espnic_rtl_pkg::LenW-1:0] tfc_len_o,
  output logic [1:0]  pad_len_o,
  output logic [espnic_rtl_pkg::LenW-1:0] total_o,        // the protected packet
  output logic        outer_v6_o,
  output logic        df_o,                  // of an outer IPv4 header
  output logic [7:0]  next_o
);

  localparam int LenW = espnic_rtl_pkg::LenW;
  localparam int WideW = LenW + 1;  // sums of lengths
  localparam logic [WideW-1:0] Trailer = WideW'(espnic_rtl_pkg::EspTrailer);

  // ---------------------------------------------------------------- layout and selector

  logic            formed, fits;
  logic [3:0]      layout_verdict;
  logic [LenW-1:0] payload_off, head_len;
  logic            outer_v6, df;
  logic [7:0]      next;

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
    .ip_i,
    .match_o     (fits)
  );

  always_comb begin
    if (sa_i.tunnel) begin
      formed      = ip_i.base_good;
      outer_v6    = sa_i.outer_v6;
      payload_off = '0;
      head_len    = sa_i.outer_v6 ? LenW'(espnic_rtl_pkg::Ipv6Hlen) : LenW'(espnic_rtl_pkg::Ipv4Hlen);
      next        = ip_i.v6 ? espnic_rtl_pkg::ProtoIpv6 : espnic_rtl_pkg::ProtoIpip;
      df          = sa_i.df_set || (sa_i.df_copy && ip_i.df);
    end else begin
      // Transport mode is not for fragments: RFC 4301 section 4.1.
      formed      = ip_i.good && !ip_i.fragment;
      outer_v6    = ip_i.v6;
      payload_off = ip_i.esp_off;
      head_len    = ip_i.esp_off;
      next        = ip_i.esp_next;
      df          = 1'b0;
    end
  end

  // An inbound SA shares its key with the peer's outbound one: never encrypt with it.
  always_comb begin
    if (sa_i.inbound)                      layout_verdict = espnic_rtl_pkg::VerdictNoSa;
    else if (oversize_i)                   layout_verdict = espnic_rtl_pkg::VerdictMtu;
    else if (!formed)                      layout_verdict = espnic_rtl_pkg::VerdictMalformed;
    else if (sa_i.has_sel && !ip_i.good)   layout_verdict = espnic_rtl_pkg::VerdictMalformed;
    else if (sa_i.has_sel && !fits)        layout_verdict = espnic_rtl_pkg::VerdictSelector;
    else                                   layout_verdict = espnic_rtl_pkg::VerdictOk;
  end

  logic [3:0]      verdict_q;
  logic [LenW-1:0] payload_off_q, payload_len_q, head_len_q, mtu_q, tfc_q;
  logic            outer_v6_q, df_q;
  logic [7:0]      next_q;
  logic [WideW-1:0] fixed_q;

  always_ff @(posedge clk_i) begin
    if (enable_i) begin
      verdict_q     <= layout_verdict;
      payload_off_q <= payload_off;
      payload_len_q <= ip_i.len - payload_off;
      head_len_q    <= head_len;
      outer_v6_q    <= outer_v6;
      df_q          <= df;
      next_q        <= next;
      mtu_q         <= sa_i.mtu;
      tfc_q         <= sa_i.tfc_len;
      // All but what is encrypted
      fixed_q       <= WideW'(head_len) + WideW'(sa_i.icv_len) +
                       WideW'(espnic_rtl_pkg::EspHlen + espnic_rtl_pkg::EspIvLen) +
                       (sa_i.udp_encap ? WideW'(espnic_rtl_pkg::UdpHlen) : '0);
    end
  end

  // ---------------------------------------------------------------- padding and size (RFC 4303 sections 2.4 and 2.7)

  logic [WideW-1:0] limit, most, room, body, tfc, wish, left, total;
  logic [1:0]       pad;

  // The length field of IPv6 leaves out its header.
  assign most  = WideW'(espnic_rtl_pkg::IpLenMax) +
                 (outer_v6_q ? WideW'(espnic_rtl_pkg::Ipv6Hlen) : '0);
  assign limit = mtu_q != '0 && WideW'(mtu_q) < most ? WideW'(mtu_q) : most;

  // TFC padding only fills room that is there: it makes no packet undeliverable.
  always_comb begin
    room = limit > fixed_q ? limit - fixed_q : '0;
    room[1:0] = '0;
  end
  assign body = WideW'(payload_len_q) + Trailer;
  assign left = room - body;
  assign wish = WideW'(tfc_q) - WideW'(payload_len_q);
  always_comb begin
    tfc = '0;
    if (tfc_q > payload_len_q && room > body) tfc = wish > left ? left : wish;
  end
  assign pad   = 2'd0 - (payload_len_q[1:0] + tfc[1:0] + Trailer[1:0]);
  assign total = fixed_q + body + tfc + WideW'(pad);

  always_ff @(posedge clk_i) begin
    if (enable_i) begin
      verdict_o     <= verdict_q == espnic_rtl_pkg::VerdictOk && total > limit ?
                       espnic_rtl_pkg::VerdictMtu : verdict_q;
      payload_off_o <= payload_off_q;
      payload_len_o <= payload_len_q;
      head_len_o    <= head_len_q;
      tfc_len_o     <= LenW'(tfc);
      pad_len_o     <= pad;
      total_o       <= LenW'(total);
      outer_v6_o    <= outer_v6_q;
      df_o          <= df_q;
      next_o        <= next_q;
    end
  end

  logic unused;
  assign unused = ^{sa_i, ip_i};

endmodule
