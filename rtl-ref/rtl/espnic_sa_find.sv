// SPDX-License-Identifier: BSD-2-Clause
//
// Which SA an inbound packet is of, by destination, SPI and whether it is in UDP (RFC 4301 section 4.4.2.1: SPI, protocol,
// destination). Two tables of buckets, each with a hash of its own; an SA stands in the bucket of either, where more room is
// (d-left hashing), so that with twice as many places as SAs a bucket is hardly ever full. The whole key is compared.
//
//   ask_key_i ─┬─ crc32 ──► left bucket   | place | place |
//              └─ crc32c ─► right bucket  | place | place |      place: | SA | key | used |
//
// An answer comes one clock after its question, which is never refused. Changes wait for clocks without a question: one is taken
// when change_valid_i and change_ready_o are up, and is done one clock later, when done_o is up.

`include "espnic_assert.svh"

module espnic_sa_find #(
  parameter int Sas = 16,
  localparam int SaW = $clog2(Sas)
) (
  input  logic           clk_i,
  input  logic           rst_ni,
  input  logic           ask_valid_i,
  input  espnic_records_pkg::lookup_t ask_key_i,
  output logic           found_valid_o,   // the answer to the question of the clock before
  output logic           found_o,
  output logic [SaW-1:0] found_sa_o,
  // Empties bucket wipe_i of both tables
  input  logic           wipe_valid_i,
  input  logic [SaW-2:0] wipe_i,
  // Puts in, or takes out
  input  logic           change_valid_i,
  output logic           change_ready_o,
  input  logic           change_remove_i,
  input  espnic_records_pkg::lookup_t change_key_i,
  input  logic [SaW-1:0] change_sa_i,
  output logic           done_o,
  output logic           full_o,          // with done_o: no place, and nothing was changed
  output logic           twice_o          // the same: the key is there already
);

  localparam int Buckets = Sas / 2;       // of each table
  localparam int BucketW = SaW - 1;
  localparam int Ways    = 2;
  localparam int LookupW = espnic_records_pkg::LookupW;
  localparam int PlaceW  = SaW + LookupW + 1;
  localparam int WordW   = Ways * PlaceW;

  localparam logic [31:0] Crc32  = 32'hedb88320;  // IEEE 802.3, bits reversed
  localparam logic [31:0] Crc32c = 32'h82f63b78;  // Castagnoli

  function automatic logic [BucketW-1:0] hash(input logic [LookupW-1:0] key, input logic [31:0] poly);
    logic [31:0] crc;
    crc = '1;
    for (int i = 0; i < LookupW; i++) crc = (crc >> 1) ^ (poly & {32{crc[0] ^ key[i]}});
    hash = crc[BucketW-1:0];
  endfunction

  // ---------------------------------------------------------------- clock 0: both buckets are read

  logic               change;
  logic [LookupW-1:0] key;
  logic [BucketW-1:0] left_at, right_at;
  logic [WordW-1:0]   left [Buckets];
  logic [WordW-1:0]   right [Buckets];

  assign change         = change_valid_i && change_ready_o;
  assign change_ready_o = !ask_valid_i && !wipe_valid_i && !done_o;
  assign key            = ask_valid_i ? ask_key_i : change_key_i;
  assign left_at        = hash(key, Crc32);
  assign right_at       = hash(key, Crc32c);

  // ---------------------------------------------------------------- clock 1: compared, changed

  logic               asked_q, changed_q, remove_q;
  logic [LookupW-1:0] key_q;
  logic [BucketW-1:0] left_at_q, right_at_q;
  logic [WordW-1:0]   left_q, right_q;
  logic [SaW-1:0]     sa_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      asked_q   <= 1'b0;
      changed_q <= 1'b0;
    end else begin
      asked_q   <= ask_valid_i;
      changed_q <= change;
    end
  end

  always_ff @(posedge clk_i) begin
    key_q      <= key;
    left_at_q  <= left_at;
    right_at_q <= right_at;
    remove_q   <= change_remove_i;
    sa_q       <= change_sa_i;
    left_q     <= left[left_at];
    right_q    <= right[right_at];
  end

  // Ways 0 and 1 are the left bucket's, 2 and 3 the right one's.
  logic [2*WordW-1:0] places, next;
  logic [2*Ways-1:0]  used, match;

  assign places = {right_q, left_q};
  always_comb begin
    found_sa_o = '0;
    for (int w = 0; w < 2 * Ways; w++) begin
      used[w]  = places[w*PlaceW];
      match[w] = used[w] && places[w*PlaceW+1+:LookupW] == key_q;
      if (match[w]) found_sa_o = found_sa_o | places[w*PlaceW+1+LookupW+:SaW];
    end
  end

  assign found_valid_o = asked_q;
  assign found_o       = |match;

  logic [1:0] put_at;
  logic       put;

  // To the emptier bucket; the left one if both are alike.
  always_comb begin
    if (used[1:0] == 2'b00)      put_at = 2'd0;
    else if (used[3:2] == 2'b00) put_at = 2'd2;
    else if (!used[0])           put_at = 2'd0;
    else if (!used[1])           put_at = 2'd1;
    else if (!used[2])           put_at = 2'd2;
    else                         put_at = 2'd3;
  end

  assign done_o  = changed_q;
  assign twice_o = changed_q && !remove_q && |match;
  assign full_o  = changed_q && !remove_q && !(|match) && &used;
  assign put     = changed_q && !remove_q && !(|match) && !(&used);

  always_comb begin
    next = places;
    for (int w = 0; w < 2 * Ways; w++) begin
      if (put && put_at == 2'(w)) next[w*PlaceW+:PlaceW] = {sa_q, key_q, 1'b1};
      if (remove_q && match[w] && places[w*PlaceW+1+LookupW+:SaW] == sa_q) next[w*PlaceW+:PlaceW] = '0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (wipe_valid_i) begin
      left[wipe_i]  <= '0;
      right[wipe_i] <= '0;
    end else if (changed_q) begin
      left[left_at_q]   <= next[WordW-1:0];
      right[right_at_q] <= next[2*WordW-1:WordW];
    end
  end

  `ESPNIC_ASSERT(OneMatch, !(asked_q || changed_q) || (match & (match - (2*Ways)'(1))) == '0)
  `ESPNIC_ASSUME(NoChangeWhileWiping, !(wipe_valid_i && changed_q))
  `ESPNIC_COVER(FullSeen, full_o)
  `ESPNIC_COVER(Remove, changed_q && remove_q && found_o)

endmodule
