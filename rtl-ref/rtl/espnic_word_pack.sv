// SPDX-License-Identifier: BSD-2-Clause
//
// Puts pieces of a packet together without gaps. Each beat taken holds some 4-byte words, from any one on; the beats
// given are full, all but the last of a packet. Headers, ciphertext and ICV of ESP are all whole words, so no finer
// grain is needed.
//
//   in    | . . w1 w0 |  | w5 w4 w3 w2 |  | . . . w6 |      count 2, skip 0; 4, 0; 1, 0 (or any skip)
//   out   | w3 w2 w1 w0 |  | . w6 w5 w4 |
//
// A beat in gives at most one out, but for the last of a packet that overflows: what is too much of it comes a clock later, while the next packet's
// first words are taken already, unless they fill a beat. Takes a beat a clock.

`include "espnic_assert.svh"

module espnic_word_pack #(
  parameter int Lanes = 1,
  localparam int DataW  = Lanes * 128,
  localparam int Words  = Lanes * 4,
  localparam int CountW = $clog2(Words + 1),
  localparam int SkipW  = $clog2(Words)
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              s_valid_i,
  output logic              s_ready_o,
  input  logic [DataW-1:0]  s_data_i,
  input  logic [SkipW-1:0]  s_skip_i,   // words in front that are not meant
  input  logic [CountW-1:0] s_count_i,  // words from there on, skip + count at most all; 0: none
  input  logic              s_last_i,   // the packet ends; it must have had a word
  input  logic [1:0]        s_short_i,  // with it: bytes that are missing from its last word
  output logic              m_valid_o,
  input  logic              m_ready_i,
  output logic [DataW-1:0]  m_data_o,   // zeros behind the last word
  output logic [CountW-1:0] m_count_o,  // words
  output logic              m_last_o,
  output logic [1:0]        m_short_o   // with m_last_o: s_short_i of the packet
);

  logic [DataW-1:0]   rest_q, given, masked;
  logic [CountW-1:0]  fill_q;   // words in rest_q, never all
  logic               flush_q;  // they are the packet's last
  logic [2*DataW-1:0] both;
  logic [CountW:0]    total;
  logic [CountW-1:0]  fill;
  logic [1:0]         short_q;  // of the packet in rest_q
  logic               free, take;

  assign free      = !m_valid_o || m_ready_i;
  assign s_ready_o = free && (!flush_q || s_count_i < CountW'(Words));
  assign take      = s_valid_i && s_ready_o;

  assign given = s_data_i >> {s_skip_i, 5'd0};
  always_comb begin
    for (int w = 0; w < Words; w++) begin
      masked[w*32+:32] = CountW'(w) < s_count_i ? given[w*32+:32] : 32'd0;
    end
  end
  assign fill  = flush_q ? '0 : fill_q;
  assign both  = {{DataW{1'b0}}, flush_q ? '0 : rest_q} | {{DataW{1'b0}}, masked} << {fill, 5'd0};
  assign total = (CountW + 1)'(fill) + (CountW + 1)'(s_count_i);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      m_valid_o <= 1'b0;
      fill_q    <= '0;
      flush_q   <= 1'b0;
      rest_q    <= '0;
    end else if (free) begin
      m_valid_o <= 1'b0;
      if (flush_q) begin
        m_valid_o <= 1'b1;
        fill_q    <= take ? CountW'(total) : '0;
        flush_q   <= take && s_last_i;
        rest_q    <= take ? both[DataW-1:0] : '0;
      end else if (take) begin
        if (total >= (CountW + 1)'(Words)) begin
          m_valid_o <= 1'b1;
          rest_q    <= both[DataW+:DataW];
          fill_q    <= CountW'(total - (CountW + 1)'(Words));
          flush_q   <= s_last_i && total != (CountW + 1)'(Words);
        end else if (s_last_i) begin
          m_valid_o <= 1'b1;
          rest_q    <= '0;
          fill_q    <= '0;
        end else begin
          rest_q <= both[DataW-1:0];
          fill_q <= CountW'(total);
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (take) short_q <= s_short_i;
    if (free) begin
      m_short_o <= flush_q ? short_q : s_short_i;
      if (flush_q) begin
        m_data_o  <= rest_q;
        m_count_o <= fill_q;
        m_last_o  <= 1'b1;
      end else begin
        m_data_o  <= both[DataW-1:0];
        m_count_o <= total >= (CountW + 1)'(Words) ? CountW'(Words) : CountW'(total);
        m_last_o  <= s_last_i && total <= (CountW + 1)'(Words);
      end
    end
  end

  `ESPNIC_ASSUME(CountFits, !s_valid_i || (CountW + 1)'(s_skip_i) + (CountW + 1)'(s_count_i) <= (CountW + 1)'(Words))
  `ESPNIC_ASSUME(NoEmptyPacket, !(s_valid_i && s_last_i) || total != '0)
  `ESPNIC_ASSERT(FillFits, fill_q < CountW'(Words))
  `ESPNIC_ASSERT(FlushHasWords, !flush_q || fill_q != '0)
`ifdef FORMAL
  // No word is lost or made, counted modulo 256.
  logic [7:0] f_in_q, f_out_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      f_in_q  <= '0;
      f_out_q <= '0;
    end else begin
      if (take) f_in_q <= f_in_q + 8'(s_count_i);
      if (m_valid_o && m_ready_i) f_out_q <= f_out_q + 8'(m_count_o);
    end
  end
  `ESPNIC_ASSERT(WordsKept, 8'(f_in_q - f_out_q) == 8'(fill_q) + (m_valid_o ? 8'(m_count_o) : 8'd0))
  `ESPNIC_ASSERT(GivesAtMostABeat, !m_valid_o || (m_count_o != '0 && m_count_o <= CountW'(Words)))
  `ESPNIC_ASSERT(FullButForTheLast, !m_valid_o || m_last_o || m_count_o == CountW'(Words))
`endif
  `ESPNIC_COVER(Overflow, flush_q)
  `ESPNIC_COVER(NextMeanwhile, flush_q && take)
  espnic_stream_check #(.Width(DataW + CountW + 3)) u_check_m (
    .clk_i, .rst_ni, .valid_i(m_valid_o), .ready_i(m_ready_i), .payload_i({m_last_o, m_short_o, m_count_o, m_data_o})
  );

endmodule
