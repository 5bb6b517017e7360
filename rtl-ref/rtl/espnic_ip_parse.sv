// SPDX-License-Identifier: BSD-2-Clause
//
// Reads the IP header of each packet of a stream, and IPv6 extension headers, while the stream passes through. With the last beat
// of a packet comes what was found in it. A chain of extension headers is followed one header a clock, with the beat
// that holds it waiting; packets without one pass at a beat a clock.
//
//   s_* ──► beat_q ──► m_* (one clock later)
//              │
//              └─► header bytes, walk, captures ──► ip_o with the last beat
//
// The rules are those of espnic_ip_parse() of the C engine: what the header says of the length must be there, hop-by-hop
// options stand right behind the IPv6 header, and a fragment header with an offset ends the walk. ip_o.upper holds
// whatever follows the headers, also past the packet's end: who uses it looks at the length first.

`include "espnic_assert.svh"

module espnic_ip_parse #(
  parameter int Lanes = 1,
  localparam int DataW  = Lanes * 128,
  localparam int BeatB  = Lanes * 16,       // bytes
  localparam int CountW = $clog2(BeatB + 1)
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              s_valid_i,
  output logic              s_ready_o,
  input  logic [DataW-1:0]  s_data_i,
  input  logic [CountW-1:0] s_count_i,  // bytes; all of the beat but for the last
  input  logic              s_last_i,
  output logic              m_valid_o,
  input  logic              m_ready_i,
  output logic [DataW-1:0]  m_data_o,
  output logic [CountW-1:0] m_count_o,
  output logic              m_last_o,
  output logic [espnic_rtl_pkg::LenW-1:0] m_len_o,  // with the last beat: bytes of the frame
  output espnic_records_pkg::ip_t ip_o                  // with the last beat
);

  localparam int HeadB  = espnic_rtl_pkg::Ipv6Hlen;  // the longest fixed header
  localparam int Words  = BeatB / 4;
  localparam int UpperW = 6;                         // words captured behind the headers
  localparam int LenW   = espnic_rtl_pkg::LenW;
  localparam int ExtUnit = 8;                        // bytes: RFC 8200 section 4.2

  // ---------------------------------------------------------------- one beat, and the header up to it

  logic              valid_q, last_q;
  logic [DataW-1:0]  data_q;
  logic [CountW-1:0] count_q;
  logic [LenW-1:0]   base_q, next_base_q;  // offset of this beat, of the next one
  logic [HeadB*8-1:0] head_q;
  logic              take, fire;

  assign s_ready_o = !valid_q || fire;
  assign take      = s_valid_i && s_ready_o;
  assign m_data_o  = data_q;
  assign m_count_o = count_q;
  assign m_last_o  = last_q;
  assign m_len_o   = base_q + LenW'(count_q);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q     <= 1'b0;
      next_base_q <= '0;
    end else begin
      if (s_ready_o) valid_q <= s_valid_i;
      if (take) next_base_q <= s_last_i ? '0 : next_base_q + LenW'(BeatB);
    end
  end

  always_ff @(posedge clk_i) begin
    if (take) begin
      data_q  <= s_data_i;
      count_q <= s_count_i;
      last_q  <= s_last_i;
      base_q  <= next_base_q;
      for (int b = 0; b < HeadB; b++) begin
        if (next_base_q == LenW'(b / BeatB * BeatB)) head_q[b*8+:8] <= s_data_i[(b%BeatB)*8+:8];
      end
    end
  end

  // ---------------------------------------------------------------- the fixed header

  logic            v4, v6, base_good;
  logic [LenW-1:0] hlen, ip_len, frame_len;
  logic [15:0]     frag;

  assign v4        = head_q[7:4] == 4'd4;
  assign v6        = head_q[7:4] == 4'd6;
  assign hlen      = LenW'({head_q[3:0], 2'b00});
  assign frag      = {head_q[6*8+:8], head_q[7*8+:8]};
  assign ip_len    = v4 ? LenW'({head_q[2*8+:8], head_q[3*8+:8]}) :
                     LenW'({head_q[4*8+:8], head_q[5*8+:8]}) + LenW'(espnic_rtl_pkg::Ipv6Hlen);
  assign frame_len = m_len_o;

  always_comb begin
    if (v4) begin
      base_good = frame_len >= LenW'(espnic_rtl_pkg::Ipv4Hlen) &&
                  hlen >= LenW'(espnic_rtl_pkg::Ipv4Hlen) && ip_len >= hlen && ip_len <= frame_len;
    end else begin
      base_good = v6 && frame_len >= LenW'(espnic_rtl_pkg::Ipv6Hlen) && ip_len <= frame_len;
    end
  end

  // ---------------------------------------------------------------- the walk along extension headers

  // Where it stands, or starts: proto is what stands at off, and next_off the byte that said so.
  logic            walking_q, ended_q, bad_q, fragment_q, nonfirst_q;
  logic [7:0]      proto_q, esp_next_q, proto, esp_next;
  logic [LenW-1:0] off_q, next_off_q, esp_off_q, esp_next_off_q;
  logic [LenW-1:0] off, next_off, esp_off, esp_next_off;

  always_comb begin
    if (walking_q) begin
      proto        = proto_q;
      off          = off_q;
      next_off     = next_off_q;
      esp_next     = esp_next_q;
      esp_off      = esp_off_q;
      esp_next_off = esp_next_off_q;
    end else begin
      proto        = v4 ? head_q[9*8+:8] : head_q[6*8+:8];
      off          = v4 ? hlen : LenW'(espnic_rtl_pkg::Ipv6Hlen);
      next_off     = v4 ? LenW'(9) : LenW'(6);
      esp_next     = proto;
      esp_off      = off;
      esp_next_off = next_off;
    end
  end

  // The header is whole once the beat of its last byte is there; that of a frame cut short never is, and is not good.
  logic            is_ext, in_beat, step, short_ext, hop_astray, is_frag;
  logic [31:0]     ext;
  logic [LenW-1:0] room, ext_len;

  assign is_ext = proto == espnic_rtl_pkg::ProtoHopOpts || proto == espnic_rtl_pkg::ProtoRouting ||
                  proto == espnic_rtl_pkg::ProtoFragment || proto == espnic_rtl_pkg::ProtoDstOpts;
  assign in_beat = off >= base_q && off < base_q + LenW'(BeatB);
  assign step    = valid_q && v6 && is_ext && in_beat && !ended_q && !bad_q;

  // Extension headers stand on multiples of 8 bytes: the first 8 bytes of one are never in two beats.
  // Four of them matter: next header, length or reserved, fragment offset and flags.
  always_comb begin
    ext = '0;
    for (int u = 0; u < BeatB / ExtUnit; u++) begin
      if (off[$clog2(BeatB)-1:3] == ($clog2(BeatB)-3)'(u)) ext = data_q[u*64+:32];
    end
  end

  logic [12:0] frag6_off;
  logic        unused;

  assign frag6_off  = {ext[23:16], ext[31:27]};  // in units of 8 bytes; then two reserved bits and M
  assign unused     = ^{ext[26:25], frag[15]};
  assign is_frag    = proto == espnic_rtl_pkg::ProtoFragment;
  assign room       = ip_len - off;
  assign ext_len    = LenW'(ExtUnit) + (is_frag ? '0 : LenW'({ext[15:8], 3'b000}));
  assign short_ext  = room < LenW'(ExtUnit) || room < ext_len;
  assign hop_astray = proto == espnic_rtl_pkg::ProtoHopOpts && off != LenW'(espnic_rtl_pkg::Ipv6Hlen);

  always_ff @(posedge clk_i) begin
    if (!rst_ni || (fire && last_q)) begin
      walking_q  <= 1'b0;
      ended_q    <= 1'b0;
      bad_q      <= 1'b0;
      fragment_q <= 1'b0;
      nonfirst_q <= 1'b0;
    end else if (step) begin
      walking_q <= 1'b1;
      if (short_ext || hop_astray) bad_q <= 1'b1;
      if (is_frag && !short_ext) begin
        nonfirst_q <= frag6_off != '0;
        ended_q    <= frag6_off != '0;
        if (frag6_off != '0 || ext[24]) fragment_q <= 1'b1;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (step) begin
      proto_q        <= ext[7:0];
      next_off_q     <= off;
      off_q          <= off + ext_len;
      esp_next_q     <= esp_next;
      esp_off_q      <= esp_off;
      esp_next_off_q <= esp_next_off;
      if (proto != espnic_rtl_pkg::ProtoDstOpts) begin
        esp_next_q     <= ext[7:0];
        esp_off_q      <= off + ext_len;
        esp_next_off_q <= off;
      end
    end
  end

  // ---------------------------------------------------------------- what stands behind the headers; the header's sum

  logic [UpperW*32-1:0] upper_q, upper;
  logic [31:0]          sum_q, sum;
  logic [15:0]          sum_folded;

  always_comb begin
    upper = upper_q;
    for (int i = 0; i < UpperW; i++) begin
      for (int w = 0; w < Words; w++) begin
        if (off + LenW'(4 * i) == base_q + LenW'(4 * w)) upper[i*32+:32] = data_q[w*32+:32];
      end
    end
  end

  // Of the 16-bit words of an IPv4 header, without length and checksum, and without the protocol's half of word 4
  always_comb begin
    sum = sum_q;
    for (int h = 0; h < BeatB / 2; h++) begin
      if (base_q + LenW'(2 * h) < hlen && base_q + LenW'(2 * h) != LenW'(2) &&
          base_q + LenW'(2 * h) != LenW'(10)) begin
        if (base_q + LenW'(2 * h) == LenW'(8)) sum = sum + 32'({data_q[h*16+:8], 8'd0});
        else sum = sum + 32'({data_q[h*16+:8], data_q[h*16+8+:8]});
      end
    end
  end

  logic [16:0] sum_once;

  assign sum_once   = 17'(sum[15:0]) + 17'(sum[31:16]);
  assign sum_folded = sum_once[15:0] + 16'(sum_once[16]);

  always_ff @(posedge clk_i) begin
    if (fire) upper_q <= upper;
    if (!rst_ni) sum_q <= '0;
    else if (fire) sum_q <= last_q ? '0 : sum;
  end

  // ---------------------------------------------------------------- out

  assign m_valid_o = valid_q && !step;
  assign fire      = m_valid_o && m_ready_i;

  always_comb begin
    ip_o              = '0;
    ip_o.base_good    = base_good;
    // Whatever extension header is left would begin behind the packet.
    ip_o.good         = base_good && (v4 || (!bad_q && (!is_ext || ended_q)));
    ip_o.v6           = v6;
    ip_o.tos          = v4 ? head_q[15:8] : {head_q[3:0], head_q[15:12]};
    ip_o.df           = v6 || frag[14];
    ip_o.fragment     = v4 ? frag[13:0] != '0 : fragment_q;
    ip_o.nonfirst     = v4 ? frag[12:0] != '0 : nonfirst_q;
    ip_o.len          = ip_len;
    ip_o.proto        = proto;
    ip_o.upper_off    = off;
    ip_o.next_off     = next_off;
    ip_o.esp_next     = esp_next;
    ip_o.esp_off      = esp_off;
    ip_o.esp_next_off = esp_next_off;
    ip_o.src          = v4 ? {96'd0, head_q[12*8+:32]} : head_q[8*8+:128];
    ip_o.dst          = v4 ? {96'd0, head_q[16*8+:32]} : head_q[24*8+:128];
    ip_o.upper        = upper;
    ip_o.head_sum     = sum_folded;
  end

  `ESPNIC_COVER(ExtensionHeader, step)
  `ESPNIC_COVER(TwoInOneBeat, step && walking_q && next_off_q >= base_q)
  espnic_stream_check #(.Width(DataW + 1)) u_check_m (
    .clk_i, .rst_ni, .valid_i(m_valid_o), .ready_i(m_ready_i), .payload_i({m_last_o, m_data_o})
  );

endmodule
