// SPDX-License-Identifier: BSD-2-Clause
//
// The bytes in front of the ciphertext that do not come from the packet, without a clock: outer header of tunnel mode
// (RFC 4301 section 5.1.2, RFC 6040 section 4.1, RFC 6864 section 4.1), UDP header (RFC 3948), ESP header, explicit IV.
//
//   tunnel      | IPv4 20 or IPv6 40 | UDP 8 | SPI 4 | number 4 | IV 8 |   up to 64 bytes, from bits 7:0 on
//   transport                        | UDP 8 | SPI 4 | number 4 | IV 8 |
//
// and what changes in the packet's own header in transport mode: its length and, of IPv4, its checksum.

module espnic_out_head (
  input  espnic_records_pkg::sa_static_t sa_i,
  input  logic [7:0]   tos_i,        // of the clear packet
  input  logic [15:0]  head_sum_i,   // its IPv4 header's sum: espnic_ip_parse
  input  logic         outer_v6_i,
  input  logic         df_i,
  input  logic [15:0]  ip_id_i,
  input  logic [espnic_rtl_pkg::LenW-1:0] head_len_i,
  input  logic [espnic_rtl_pkg::LenW-1:0] total_i,
  input  logic [63:0]  seq_i,
  input  logic [63:0]  iv_i,         // as on the wire
  output logic [511:0] head_o,
  output logic [4:0]   words_o,      // of head_o, 4 bytes each
  output logic [7:0]   proto_o,      // what stands behind the IP header
  output logic [15:0]  length_o,     // transport: the new length field, as on the wire
  output logic [15:0]  csum_o        // transport, IPv4: the new checksum, as on the wire
);

  localparam logic [7:0] Ipv4Version = 8'h45;
  localparam logic [3:0] Ipv6Version = 4'd6;

  function automatic logic [15:0] fold(input logic [20:0] x);
    logic [16:0] once;
    once = 17'(x[15:0]) + 17'(x[20:16]);
    fold = ~(once[15:0] + 16'(once[16]));
  endfunction

  logic [7:0]  dscp, tos;
  logic [15:0] length, src_hi, src_lo, dst_hi, dst_lo, flags;

  assign proto_o = sa_i.udp_encap ? espnic_rtl_pkg::ProtoUdp : espnic_rtl_pkg::ProtoEsp;
  assign dscp    = sa_i.dscp_copy ? tos_i : {sa_i.dscp, 2'b00};
  assign tos     = {dscp[7:2], sa_i.ecn ? tos_i[1:0] : 2'b00};
  assign flags   = {1'b0, df_i, 14'd0};
  // The length field of IPv6 leaves out its header.
  assign length  = outer_v6_i ? 16'(total_i - espnic_rtl_pkg::LenW'(espnic_rtl_pkg::Ipv6Hlen)) : total_i[15:0];

  assign length_o = espnic_rtl_pkg::be16(length);

  // ---------------------------------------------------------------- IPv4 checksums (RFC 1071)

  assign src_hi = espnic_rtl_pkg::be16(sa_i.outer_src[15:0]);
  assign src_lo = espnic_rtl_pkg::be16(sa_i.outer_src[31:16]);
  assign dst_hi = espnic_rtl_pkg::be16(sa_i.outer_dst[15:0]);
  assign dst_lo = espnic_rtl_pkg::be16(sa_i.outer_dst[31:16]);

  logic [20:0] tunnel_sum, own_sum;
  logic [15:0] tunnel_csum;

  assign tunnel_sum  = 21'({Ipv4Version, tos}) + 21'(length) + 21'(ip_id_i) + 21'(flags) +
                       21'({sa_i.ttl, proto_o}) + 21'(src_hi) + 21'(src_lo) + 21'(dst_hi) + 21'(dst_lo);
  assign tunnel_csum = fold(tunnel_sum);
  assign own_sum     = 21'(head_sum_i) + 21'(length) + 21'(proto_o);
  assign csum_o      = espnic_rtl_pkg::be16(fold(own_sum));

  // ---------------------------------------------------------------- the pieces

  logic [159:0] ipv4;
  logic [319:0] ipv6;
  logic [63:0]  udp;
  logic [127:0] esp;
  logic [191:0] inner;
  logic [4:0]   inner_words;

  assign ipv4 = {sa_i.outer_dst[31:0], sa_i.outer_src[31:0],
                 espnic_rtl_pkg::be16(tunnel_csum), proto_o, sa_i.ttl,
                 espnic_rtl_pkg::be16(flags), espnic_rtl_pkg::be16(ip_id_i),
                 espnic_rtl_pkg::be16(length), tos, Ipv4Version};
  assign ipv6 = {sa_i.outer_dst, sa_i.outer_src, sa_i.ttl, proto_o, espnic_rtl_pkg::be16(length),
                 espnic_rtl_pkg::be32({Ipv6Version, tos, 20'd0})};
  // Over IPv4 the checksum is 0, which is none (RFC 768); over IPv6 espnic_udp_csum sets it.
  assign udp  = {16'd0, espnic_rtl_pkg::be16(16'(total_i - head_len_i)),
                 espnic_rtl_pkg::be16(sa_i.udp_dport), espnic_rtl_pkg::be16(sa_i.udp_sport)};
  assign esp  = {iv_i, espnic_rtl_pkg::be32(seq_i[31:0]), espnic_rtl_pkg::be32(sa_i.spi)};

  assign inner       = sa_i.udp_encap ? {esp, udp} : {64'd0, esp};
  assign inner_words = sa_i.udp_encap ? 5'd6 : 5'd4;

  always_comb begin
    if (!sa_i.tunnel) begin
      head_o  = 512'(inner);
      words_o = inner_words;
    end else if (outer_v6_i) begin
      head_o  = {inner, ipv6};
      words_o = inner_words + 5'd10;
    end else begin
      head_o  = {160'd0, inner, ipv4};
      words_o = inner_words + 5'd5;
    end
  end

  logic unused;
  assign unused = ^{sa_i, seq_i[63:32], dscp[1:0]};

endmodule
