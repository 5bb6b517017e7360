// SPDX-License-Identifier: BSD-2-Clause
//
// Names and numbers that the modules of the RTL engine share. Records of an SA are in espnic_records_pkg
// (generated from data/records.yaml).
//
// Byte order. A data stream carries byte 0 of its packet in bits 7:0 of the first beat, byte 1 in 15:8, and so on; all
// byte strings (addresses, keys, nonces, tags) stand likewise. Numbers (lengths, sequence numbers, SPI, ports)
// are plain vectors; be16(), be32() and be64() turn one into the byte string of it that goes on the wire.
//
//   tdata   | byte N-1 |   ...    | byte 1 | byte 0 |      N = 16 * LANES
//            MSB                                LSB
//
// tkeep is all ones but on the last beat, and there contiguous from byte 0; between modules a beat has a count of
// bytes or of 4-byte words instead.

package espnic_rtl_pkg;

  // enum espnic_verdict of device-model/engine/engine.h
  typedef enum logic [3:0] {
    VerdictOk           = 4'd0,
    VerdictMalformed    = 4'd3,
    VerdictNoSa         = 4'd4,
    VerdictIntegrity    = 4'd5,
    VerdictReplay       = 4'd6,
    VerdictTooOld       = 4'd7,
    VerdictSeqExhausted = 4'd8,
    VerdictLifetime     = 4'd9,
    VerdictSelector     = 4'd10,
    VerdictMtu          = 4'd11,
    VerdictPadding      = 4'd12,
    VerdictEcn          = 4'd13,
    VerdictLease        = 4'd14
  } verdict_e;

  // enum espnic_sa_event: bits of life_t.events and .raised
  localparam int unsigned EventSoftPackets  = 0;
  localparam int unsigned EventSoftBytes    = 1;
  localparam int unsigned EventHardPackets  = 2;
  localparam int unsigned EventHardBytes    = 3;
  localparam int unsigned EventSeqExhausted = 4;
  localparam int unsigned EventLeaseLow     = 5;

  // What can be done to the hot part of an SA.
  typedef enum logic [3:0] {
    OpPacket    = 4'd0,  // outbound: a number for a packet; inbound: look, before the ICV
    OpSettle    = 4'd1,  // inbound: the same packet, after the ICV
    OpInit      = 4'd2,  // write all of it
    OpQuery     = 4'd3,  // read all of it, and take the events
    OpSeq       = 4'd4,  // raise the sequence number
    OpLife      = 4'd5,  // replace the four limits
    OpLease     = 4'd6,  // outbound: replace the lease
    OpWordRead  = 4'd7,  // inbound: read one word of window memory
    OpWordWrite = 4'd8   // inbound: write one
  } sa_op_e;

  // IP protocol numbers
  localparam logic [7:0] ProtoHopOpts  = 8'd0;
  localparam logic [7:0] ProtoIcmp     = 8'd1;
  localparam logic [7:0] ProtoIpip     = 8'd4;
  localparam logic [7:0] ProtoTcp      = 8'd6;
  localparam logic [7:0] ProtoUdp      = 8'd17;
  localparam logic [7:0] ProtoDccp     = 8'd33;
  localparam logic [7:0] ProtoIpv6     = 8'd41;
  localparam logic [7:0] ProtoRouting  = 8'd43;
  localparam logic [7:0] ProtoFragment = 8'd44;
  localparam logic [7:0] ProtoEsp      = 8'd50;
  localparam logic [7:0] ProtoIcmpv6   = 8'd58;
  localparam logic [7:0] ProtoNone     = 8'd59;
  localparam logic [7:0] ProtoDstOpts  = 8'd60;
  localparam logic [7:0] ProtoSctp     = 8'd132;
  localparam logic [7:0] ProtoUdpLite  = 8'd136;

  // Bytes of headers and trailers
  localparam int unsigned Ipv4Hlen    = 20;
  localparam int unsigned Ipv6Hlen    = 40;
  localparam int unsigned UdpHlen     = 8;
  localparam int unsigned EspHlen     = 8;   // SPI and sequence number
  localparam int unsigned EspIvLen    = 8;   // RFC 4106 section 3.1
  localparam int unsigned EspTrailer  = 2;   // pad length and next header
  localparam int unsigned IpLenMax    = 65535;

  localparam int unsigned LenW = 17;  // bits of a packet's length in bytes: 65535 and an IPv6 header

  function automatic logic [15:0] be16(input logic [15:0] x);
    be16 = {x[7:0], x[15:8]};
  endfunction

  function automatic logic [31:0] be32(input logic [31:0] x);
    be32 = {x[7:0], x[15:8], x[23:16], x[31:24]};
  endfunction

  function automatic logic [63:0] be64(input logic [63:0] x);
    be64 = {x[7:0], x[15:8], x[23:16], x[31:24], x[39:32], x[47:40], x[55:48], x[63:56]};
  endfunction

endpackage
