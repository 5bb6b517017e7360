// SPDX-License-Identifier: BSD-2-Clause
//
// Whether a clear packet surely fits its SA's selector (RFC 4301 section 4.4.1.1), without a clock: the rules of
// espnic_selector_match() of the C engine. A field that the packet does not show fits ANY and OPAQUE alone.

module espnic_selector (
  input  logic [2:0]   family_i,       // of the selector: 0 any, 4, 6
  input  logic [7:0]   proto_i,
  input  logic [7:0]   src_prefix_i,
  input  logic [7:0]   dst_prefix_i,
  input  logic [127:0] src_i,
  input  logic [127:0] dst_i,
  input  logic [15:0]  sport_min_i,
  input  logic [15:0]  sport_max_i,
  input  logic [15:0]  dport_min_i,
  input  logic [15:0]  dport_max_i,
  input  espnic_records_pkg::ip_t ip_i,  // the packet, good
  output logic         match_o
);

  localparam logic [7:0] ProtoAny    = 8'd0;
  localparam logic [7:0] ProtoOpaque = 8'd255;

  // A byte string as a number, so that a prefix is its upper bits.
  function automatic logic [127:0] number(input logic [127:0] x);
    for (int i = 0; i < 16; i++) number[i*8+:8] = x[(15-i)*8+:8];
  endfunction

  logic [127:0] src_diff, dst_diff;
  logic         addresses;

  assign src_diff  = number(src_i ^ ip_i.src) >> (8'd128 - src_prefix_i);
  assign dst_diff  = number(dst_i ^ ip_i.dst) >> (8'd128 - dst_prefix_i);
  assign addresses = family_i == 3'd0 ||
                     (family_i == (ip_i.v6 ? 3'd6 : 3'd4) && src_diff == '0 && dst_diff == '0);

  // What the packet shows. In a non-first fragment of IPv6 the chain of extension headers may go on elsewhere.
  logic                            ext_left, proto_hidden, ports, type_code, shown;
  logic [espnic_rtl_pkg::LenW-1:0] room;
  logic [15:0]                     sport, dport;

  assign ext_left = ip_i.proto == espnic_rtl_pkg::ProtoHopOpts ||
                    ip_i.proto == espnic_rtl_pkg::ProtoRouting ||
                    ip_i.proto == espnic_rtl_pkg::ProtoFragment ||
                    ip_i.proto == espnic_rtl_pkg::ProtoDstOpts;
  assign proto_hidden = ip_i.v6 && ip_i.nonfirst && ext_left;
  assign ports = ip_i.proto == espnic_rtl_pkg::ProtoTcp || ip_i.proto == espnic_rtl_pkg::ProtoUdp ||
                 ip_i.proto == espnic_rtl_pkg::ProtoUdpLite || ip_i.proto == espnic_rtl_pkg::ProtoSctp ||
                 ip_i.proto == espnic_rtl_pkg::ProtoDccp;
  assign type_code = ip_i.proto == espnic_rtl_pkg::ProtoIcmp || ip_i.proto == espnic_rtl_pkg::ProtoIcmpv6;
  assign room  = ip_i.len - ip_i.upper_off;
  assign shown = !ip_i.nonfirst && ((ports && room >= espnic_rtl_pkg::LenW'(4)) ||
                                    (type_code && room >= espnic_rtl_pkg::LenW'(2)));
  assign sport = type_code ? {8'd0, ip_i.upper[7:0]} : {ip_i.upper[7:0], ip_i.upper[15:8]};
  assign dport = type_code ? {8'd0, ip_i.upper[15:8]} : {ip_i.upper[23:16], ip_i.upper[31:24]};

  function automatic logic fits(input logic [15:0] min, input logic [15:0] max, input logic [15:0] port,
                                input logic is_shown);
    if (min == '0 && max == '1) fits = 1'b1;
    else if (min == '1 && max == '0) fits = !is_shown;  // OPAQUE
    else fits = is_shown && port >= min && port <= max;
  endfunction

  logic proto;

  assign proto = proto_i == ProtoOpaque ? proto_hidden : proto_i == ProtoAny || proto_i == ip_i.proto;

  assign match_o = addresses && proto && fits(sport_min_i, sport_max_i, sport, shown) &&
                   fits(dport_min_i, dport_max_i, dport, shown);

  logic unused;
  assign unused = ^ip_i;

endmodule
