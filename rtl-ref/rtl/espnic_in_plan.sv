// SPDX-License-Identifier: BSD-2-Clause
//
// Where in a packet its ESP header and ciphertext are, and whether it is one of its SA (RFC 4303 sections 3.4.1 and 3.4.2, RFC 3948
// section 3.2), without a clock: find_esp() of the C engine.
//
//   | IP header, extensions | UDP | SPI number | IV | text ........ | ICV |
//   0                       upper_off                 text_off

module espnic_in_plan (
  input  espnic_records_pkg::sa_static_t sa_i,
  input  espnic_records_pkg::ip_t ip_i,
  input  logic        oversize_i,     // frame too long for the engine's memory
  output logic [3:0]  verdict_o,      // espnic_rtl_pkg::verdict_e
  output logic [31:0] seq_low_o,
  output logic [63:0] iv_o,           // as on the wire
  output logic [espnic_rtl_pkg::LenW-1:0] text_off_o,
  output logic [espnic_rtl_pkg::LenW-1:0] text_len_o  // bytes, the ICV not among them
);

  localparam int LenW = espnic_rtl_pkg::LenW;
  localparam logic [LenW-1:0] UdpHlen = LenW'(espnic_rtl_pkg::UdpHlen);
  localparam logic [LenW-1:0] EspHlen = LenW'(espnic_rtl_pkg::EspHlen);
  localparam logic [LenW-1:0] EspHead = LenW'(espnic_rtl_pkg::EspHlen + espnic_rtl_pkg::EspIvLen);

  logic [LenW-1:0] room, udp_len, len, overhead;
  logic            udp_good;
  logic [127:0]    esp;  // header and IV

  assign room     = ip_i.len - ip_i.upper_off;
  assign udp_len  = LenW'({ip_i.upper[4*8+:8], ip_i.upper[5*8+:8]});
  assign udp_good = room >= UdpHlen && udp_len >= UdpHlen && udp_len <= room;
  assign len      = sa_i.udp_encap ? udp_len - UdpHlen : room;
  assign esp      = sa_i.udp_encap ? ip_i.upper[191:64] : ip_i.upper[127:0];
  assign overhead = EspHead + LenW'(sa_i.icv_len);

  assign seq_low_o  = espnic_rtl_pkg::be32(esp[63:32]);
  assign iv_o       = esp[127:64];
  assign text_off_o = ip_i.upper_off + EspHead + (sa_i.udp_encap ? UdpHlen : '0);
  assign text_len_o = len - overhead;

  always_comb begin
    if (!sa_i.inbound) begin
      verdict_o = espnic_rtl_pkg::VerdictNoSa;
    end else if (oversize_i || !ip_i.good || ip_i.fragment) begin
      verdict_o = espnic_rtl_pkg::VerdictMalformed;
    end else if (ip_i.proto != (sa_i.udp_encap ? espnic_rtl_pkg::ProtoUdp : espnic_rtl_pkg::ProtoEsp)) begin
      verdict_o = espnic_rtl_pkg::VerdictNoSa;
    end else if ((sa_i.udp_encap && !udp_good) || len < EspHlen) begin
      verdict_o = espnic_rtl_pkg::VerdictMalformed;
    end else if (espnic_rtl_pkg::be32(esp[31:0]) != sa_i.spi) begin
      verdict_o = espnic_rtl_pkg::VerdictNoSa;
    end else if (len < overhead + LenW'(espnic_rtl_pkg::EspTrailer)) begin
      verdict_o = espnic_rtl_pkg::VerdictMalformed;
    end else begin
      verdict_o = espnic_rtl_pkg::VerdictOk;
    end
  end

  logic unused;
  assign unused = ^{sa_i, ip_i};

endmodule
