// SPDX-License-Identifier: BSD-2-Clause
//
// Puts a packet together from what comes on different ways: its own header (transport mode), the bytes of
// espnic_out_head, text, ICV. Each but the text may be missing. All are whole words, but for the end of an inbound text.
//
//   m_*   | own header | made header | text ...................... | ICV |
//           head_*       job_head_i    text_*                        tag_*
//
// For AES-GMAC the first job_drop_words_i of text_* were only there to be authenticated. Each part takes clocks of its own, but what fits behind the
// last beat of the part in front goes with that: the made header with the own one (where a beat has room for the least of both: 4 lanes), and
// the ICV with the text. As the ICV comes some clocks after the text, the text of the packets behind waits meanwhile in a FIFO.

`include "espnic_assert.svh"

module espnic_join #(
  parameter int Lanes = 1,
  parameter int TextDepth = 16,      // beats of text that wait; 0 where no ICV follows
  localparam int DataW  = Lanes * 128,
  localparam int BeatB  = Lanes * 16,
  localparam int Words  = Lanes * 4,
  localparam int CountW = $clog2(Words + 1),
  localparam int SkipW  = $clog2(Words),
  localparam int ByteW  = $clog2(BeatB + 1),
  localparam int WordsW = espnic_rtl_pkg::LenW - 2
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              job_valid_i,        // one for each packet
  output logic              job_ready_o,
  input  logic [WordsW-1:0] job_own_words_i,
  input  logic [511:0]      job_head_i,
  input  logic [4:0]        job_head_words_i,
  input  logic [2:0]        job_drop_words_i,
  input  logic [2:0]        job_icv_words_i,
  input  logic              head_valid_i,
  output logic              head_ready_o,
  input  logic [DataW-1:0]  head_data_i,
  input  logic [CountW-1:0] head_count_i,
  input  logic              text_valid_i,
  output logic              text_ready_o,
  input  logic [DataW-1:0]  text_data_i,
  input  logic [ByteW-1:0]  text_count_i,       // bytes, zeros behind them; of whole words if an ICV follows
  input  logic              text_last_i,
  input  logic              tag_valid_i,
  output logic              tag_ready_o,
  input  logic [127:0]      tag_i,
  output logic              m_valid_o,
  input  logic              m_ready_i,
  output logic [DataW-1:0]  m_data_o,
  output logic [ByteW-1:0]  m_count_o,          // bytes
  output logic              m_last_o
);

  typedef enum logic [1:0] {
    Own,
    Made,
    Text,
    Icv
  } part_e;

  localparam int MadeW = 512 > DataW ? 512 : DataW;
  // IPv4 and ESP with its IV: 9 words at least
  localparam bit MadeWithOwn = Words >= 9;

  // ---------------------------------------------------------------- text that waits

  logic             text_valid, text_take, text_last;
  logic [DataW-1:0] text_data;
  logic [ByteW-1:0] text_count;

  if (TextDepth > 0) begin : gen_wait
    espnic_fifo #(.Width(DataW + ByteW + 1), .Depth(TextDepth)) u_text (
      .clk_i, .rst_ni,
      .valid_i(text_valid_i),
      .ready_o(text_ready_o),
      .data_i ({text_last_i, text_count_i, text_data_i}),
      .valid_o(text_valid),
      .ready_i(text_take),
      .data_o ({text_last, text_count, text_data})
    );
  end else begin : gen_through
    assign text_valid   = text_valid_i;
    assign text_ready_o = text_take;
    assign text_data    = text_data_i;
    assign text_count   = text_count_i;
    assign text_last    = text_last_i;
  end

  // ---------------------------------------------------------------- one part after the other

  logic [1:0]        part_q, part;
  logic [WordsW-1:0] own_q;     // words of its own header that are out
  logic [4:0]        made_q;    // of the made one
  logic [2:0]        dropped_q;

  logic              valid, ready, fire, last, ends;
  logic [DataW-1:0]  data;
  logic [SkipW-1:0]  skip;
  logic [CountW-1:0] count, pack_count;

  // What the packet does not have is passed over.
  always_comb begin
    part = part_q;
    if (part == Own && job_own_words_i == '0) part = Made;
    if (part == Made && job_head_words_i == '0) part = Text;
  end

  logic [MadeW-1:0] made;
  logic [4:0]       made_left;
  logic [2:0]       drop_left;
  logic [CountW-1:0] text_words, text_drop;
  logic              with_icv;   // the ICV follows in the text's last beat
  logic              with_made;  // the made header in its own one's
  logic              own_last;
  logic [DataW-1:0]  own, behind;

  assign made       = MadeW'(job_head_i) >> {made_q, 5'd0};
  assign made_left  = job_head_words_i - made_q;
  assign drop_left  = job_drop_words_i - dropped_q;
  assign text_words = CountW'((ByteW + 1)'({1'b0, text_count} + (ByteW + 1)'(3)) >> 2);
  assign text_drop  = 32'(drop_left) > 32'(text_words) ? text_words : CountW'(drop_left);
  assign with_icv   = part == Text && text_last && job_icv_words_i != '0 && 32'(text_words) + 32'(job_icv_words_i) <= Words;

  assign own_last   = own_q + WordsW'(head_count_i) == job_own_words_i;
  assign with_made  = MadeWithOwn && part == Own && own_last && job_head_words_i != '0 &&
                      32'(head_count_i) + 32'(job_head_words_i) <= Words;

  always_comb begin
    for (int w = 0; w < Words; w++) own[w*32+:32] = CountW'(w) < head_count_i ? head_data_i[w*32+:32] : 32'd0;
  end

  // What follows in the same beat: there is one of both at a time.
  assign behind = MadeWithOwn && part == Own ? made[DataW-1:0] << {head_count_i, 5'd0} : DataW'(tag_i) << {text_words, 5'd0};

  always_comb begin
    valid = 1'b0;
    data  = '0;
    skip  = '0;
    count = '0;
    last  = 1'b0;  // of this part
    case (part)
      Own: begin
        valid = head_valid_i;
        data  = own | (with_made ? behind : '0);
        count = head_count_i + (with_made ? CountW'(job_head_words_i) : '0);
        last  = own_last;
      end
      Made: begin
        valid = 1'b1;
        data  = made[DataW-1:0];
        count = 32'(made_left) > Words ? CountW'(Words) : CountW'(made_left);
        last  = 32'(made_left) <= Words;
      end
      Text: begin
        valid = text_valid && (!with_icv || tag_valid_i);
        data  = text_data | (with_icv ? behind : '0);
        skip  = SkipW'(text_drop);
        count = text_words - text_drop + (with_icv ? CountW'(job_icv_words_i) : '0);
        last  = text_last;
      end
      default: begin
        valid = tag_valid_i;
        data  = DataW'(tag_i);
        count = CountW'(job_icv_words_i);
        last  = 1'b1;
      end
    endcase
  end

  assign fire         = job_valid_i && valid && ready;
  assign head_ready_o = job_valid_i && part == Own && ready;
  assign text_take    = fire && part == Text;
  assign tag_ready_o  = fire && (part == Icv || with_icv);
  assign job_ready_o  = fire && ends;
  assign ends         = part == Icv || (part == Text && last && (job_icv_words_i == '0 || with_icv));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      part_q    <= Own;
      own_q     <= '0;
      made_q    <= '0;
      dropped_q <= '0;
    end else if (fire) begin
      part_q <= ends ? Own : with_made ? Text : last ? part + 2'd1 : part;
      if (ends) begin
        own_q     <= '0;
        made_q    <= '0;
        dropped_q <= '0;
      end else begin
        case (part)
          Own:     own_q <= own_q + WordsW'(head_count_i);
          Made:    made_q <= made_q + 5'(count);
          default: dropped_q <= dropped_q + 3'(text_drop);
        endcase
      end
    end
  end

  logic [1:0] short_last;

  espnic_word_pack #(.Lanes(Lanes)) u_pack (
    .clk_i, .rst_ni,
    .s_valid_i(job_valid_i && valid),
    .s_ready_o(ready),
    .s_data_i (data),
    .s_skip_i (skip),
    .s_count_i(count),
    .s_last_i (ends),
    .s_short_i(part == Text ? 2'd0 - text_count[1:0] : 2'd0),
    .m_valid_o, .m_ready_i, .m_data_o,
    .m_count_o(pack_count),
    .m_last_o,
    .m_short_o(short_last)
  );

  assign m_count_o = {pack_count, 2'b00} - (m_last_o ? ByteW'(short_last) : '0);

  `ESPNIC_ASSUME(WholeWords, !(job_valid_i && text_valid) || job_icv_words_i == '0 || text_count[1:0] == '0)
  `ESPNIC_COVER(IcvWithText, fire && with_icv)
  `ESPNIC_COVER(MadeWithOwnHeader, fire && with_made)
  `ESPNIC_COVER(IcvAlone, fire && part == Icv)
  `ESPNIC_COVER(TextWaitsForIcv, job_valid_i && text_valid && with_icv && !tag_valid_i)
  `ESPNIC_ASSERT(OwnHeaderFits, !(fire && part == Own) || own_q + WordsW'(head_count_i) <= job_own_words_i)

  logic unused;
  assign unused = ^made;

endmodule
