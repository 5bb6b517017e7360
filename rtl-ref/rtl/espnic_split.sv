// SPDX-License-Identifier: BSD-2-Clause
//
// Takes a packet apart: the words of its header go to one side (in transport mode; outbound changed as the mode wants it),
// what the AES-GCM core is to have goes to the other. Both are whole words, and a beat may hold of both. What lies between them
// goes nowhere.
//
//   s_*   | IP header ...... | UDP, ESP, IV | text ............... |
//         0                  head_words     text_words             words
//           └──► head_*                       └──► text_*
//
// Outbound text_words is head_words. In tunnel mode head_words is 0. For AES-GMAC text_* begins with what is authenticated in
// front of the text: job_prefix_i.

`include "espnic_assert.svh"

module espnic_split #(
  parameter int Lanes = 1,
  localparam int DataW  = Lanes * 128,
  localparam int Words  = Lanes * 4,
  localparam int CountW = $clog2(Words + 1),
  localparam int SkipW  = $clog2(Words),
  localparam int WordsW = espnic_rtl_pkg::LenW - 2
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              job_valid_i,      // one for each packet
  output logic              job_ready_o,
  input  logic [WordsW-1:0] job_head_words_i,
  input  logic [WordsW-1:0] job_text_words_i, // in front of the text
  input  logic [WordsW-1:0] job_words_i,      // to the end of the text, the last maybe in part
  input  logic              job_change_i,     // the header, by what follows
  input  logic              job_v6_i,
  input  logic [espnic_rtl_pkg::LenW-1:0] job_next_off_i,  // byte that gets job_proto_i
  input  logic [7:0]        job_proto_i,
  input  logic [15:0]       job_length_i,     // as on the wire
  input  logic [15:0]       job_csum_i,       // IPv4; as on the wire
  input  logic [2:0]        job_prefix_words_i,
  input  logic [159:0]      job_prefix_i,
  input  logic              s_valid_i,
  output logic              s_ready_o,
  input  logic [DataW-1:0]  s_data_i,
  output logic              head_valid_o,
  input  logic              head_ready_i,
  output logic [DataW-1:0]  head_data_o,
  output logic [CountW-1:0] head_count_o,     // words
  output logic              text_valid_o,
  input  logic              text_ready_i,
  output logic [DataW-1:0]  text_data_o,
  output logic [SkipW-1:0]  text_skip_o,
  output logic [CountW-1:0] text_count_o,     // words
  output logic              text_last_o
);

  localparam int LenW = espnic_rtl_pkg::LenW;
  // Beats of the prefix: 5 words at most
  localparam int PrefixBeats = (5 + Words - 1) / Words;

  function automatic logic [CountW-1:0] in_front(input logic [WordsW-1:0] mark, input logic [WordsW-1:0] pos);
    if (mark <= pos) in_front = '0;
    else if (mark - pos >= WordsW'(Words)) in_front = CountW'(Words);
    else in_front = CountW'(mark - pos);
  endfunction

  logic [WordsW-1:0] pos_q;         // words of the packet in front of this beat
  logic [2:0]        prefix_q;      // words of the prefix that are out
  logic              prefixing;
  logic [CountW-1:0] head, skip, text, all;
  logic              has_head, has_text, fire, last;

  // ---------------------------------------------------------------- the prefix goes first

  logic [CountW-1:0] prefix_count;
  logic [PrefixBeats*DataW-1:0] prefix;
  logic [2:0]        prefix_left;

  assign prefixing    = job_valid_i && prefix_q != job_prefix_words_i;
  assign prefix_left  = job_prefix_words_i - prefix_q;
  assign prefix_count = 32'(prefix_left) > Words ? CountW'(Words) : CountW'(prefix_left);
  assign prefix       = (PrefixBeats*DataW)'(job_prefix_i) >> {prefix_q, 5'd0};

  // ---------------------------------------------------------------- a beat of the packet

  assign head     = in_front(job_head_words_i, pos_q);
  assign all      = in_front(job_words_i, pos_q);
  assign skip     = in_front(job_text_words_i, pos_q);
  assign text     = all - skip;
  assign has_head = head != '0;
  assign has_text = text != '0;
  assign last     = job_words_i - pos_q <= WordsW'(Words);

  assign fire         = job_valid_i && !prefixing && s_valid_i && (!has_head || head_ready_i) &&
                        (!has_text || text_ready_i);
  assign s_ready_o    = fire;
  assign job_ready_o  = fire && last;
  assign head_valid_o = job_valid_i && !prefixing && s_valid_i && has_head && (!has_text || text_ready_i);
  assign head_count_o = head;

  assign text_valid_o = prefixing || (job_valid_i && s_valid_i && has_text && (!has_head || head_ready_i));
  assign text_data_o  = prefixing ? prefix[DataW-1:0] : s_data_i;
  assign text_skip_o  = prefixing ? '0 : SkipW'(skip);
  assign text_count_o = prefixing ? prefix_count : text;
  // A packet may have no text behind its headers at all.
  assign text_last_o  = prefixing ? 32'(prefix_left) <= Words && job_words_i == job_text_words_i : last;

  always_comb begin
    head_data_o = s_data_i;
    // Length, protocol and checksum of the IP header stand in the first 16 bytes.
    if (job_change_i && pos_q == '0) begin
      if (job_v6_i) begin
        head_data_o[4*8+:16] = job_length_i;
      end else begin
        head_data_o[2*8+:16]  = job_length_i;
        head_data_o[10*8+:16] = job_csum_i;
      end
    end
    for (int b = 0; b < 4 * Words; b++) begin
      if (job_change_i && job_next_off_i == {pos_q, 2'b00} + LenW'(b)) head_data_o[b*8+:8] = job_proto_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      pos_q    <= '0;
      prefix_q <= '0;
    end else if (prefixing) begin
      if (text_ready_i) prefix_q <= prefix_q + 3'(prefix_count);
    end else if (fire) begin
      pos_q    <= last ? '0 : pos_q + WordsW'(Words);
      if (last) prefix_q <= '0;
    end
  end

  logic unused;
  assign unused = ^prefix;

  `ESPNIC_ASSUME(HeadWithinPacket, !job_valid_i || (job_head_words_i <= job_text_words_i &&
                 job_text_words_i <= job_words_i && job_words_i != '0))
  `ESPNIC_COVER(BeatOfBoth, fire && has_head && has_text)
  `ESPNIC_COVER(NoPayload, fire && last && job_text_words_i == job_words_i)

endmodule
