// SPDX-License-Identifier: BSD-2-Clause
//
// What an SA stores of its key besides the key: H = E(K, 0) (SP 800-38D 7.1) and its powers up to H^LANES. Small and slow, for SAs
// are installed seldom: one round a clock, then one bit of a product a clock.
//
//   start ──► rounds (10, 12 or 14 clocks) ──► H ──► H^2 ... H^LANES, 128 clocks each ──► done
//
//   h_pow_o: H^(k+1) in bits [128k+127:128k] while done_valid_o is up, zero at all other times
//
// Bytes as in espnic_gcm_pkg. Key, schedule and powers are cleared when the result is taken.

`include "espnic_assert.svh"

module espnic_gcm_keysetup #(
  parameter int Lanes = 1,
  parameter bit Tower = 1'b0
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  input  logic                      start_valid_i,
  output logic                      start_ready_o,
  input  logic [255:0]              key_i,
  input  espnic_gcm_pkg::key_size_e key_size_i,
  output logic                      done_valid_o,
  input  logic                      done_ready_i,
  output logic [128*Lanes-1:0]      h_pow_o
);

  typedef enum logic [1:0] {
    StIdle,
    StCipher,
    StMultiply,
    StDone
  } state_e;

  state_e                    state_q;
  espnic_gcm_pkg::key_size_e size_q;
  logic [3:0]                round_q;     // rounds done
  logic [255:0]              window_q;    // round key round_q in its low half
  logic [127:0]              block_q;     // the cipher's state, then the factor, highest power of x first
  logic [127:0]              product_q;   // as a polynomial: bit i is x^i
  logic [6:0]                bit_q;
  logic [128*Lanes-1:0]      powers_q;    // the newest on top, so the first ends up lowest
  logic [2:0]                count_q;     // powers there are

  // ---------------------------------------------------------------- the cipher, one round a clock

  logic [255:0] window;
  logic [127:0] block;
  logic [3:0]   rounds;
  logic         last_round;

  assign rounds = size_q == espnic_gcm_pkg::KeySize128 ? 4'(espnic_gcm_pkg::Rounds128) :
      size_q == espnic_gcm_pkg::KeySize192 ? 4'(espnic_gcm_pkg::Rounds192) : 4'(espnic_gcm_pkg::Rounds256);
  assign last_round = round_q + 4'd1 == rounds;

  espnic_aes_key_step #(.Tower(Tower)) u_key (
    .window_i(window_q), .key_size_i(size_q), .round_i(round_q), .window_o(window)
  );
  espnic_aes_round #(.Lanes(1), .Tower(Tower)) u_round (
    .state_i(block_q), .key_i(window[127:0]), .last_i(last_round), .state_o(block)
  );

  // ---------------------------------------------------------------- products, one bit a clock

  // Horner: the factor H's bits from x^127 down, times the newest power.
  logic [127:0] newest, product;
  logic         last_bit, last_power;

  assign newest     = espnic_gcm_pkg::turn128(powers_q[128*(Lanes-1)+:128]);
  assign product    = {product_q[126:0], 1'b0} ^ (128'h87 & {128{product_q[127]}}) ^ (newest & {128{block_q[127]}});
  assign last_bit   = bit_q == 7'd127;
  assign last_power = int'(count_q) == Lanes - 1;

  // ---------------------------------------------------------------- control

  assign start_ready_o = state_q == StIdle;
  assign done_valid_o  = state_q == StDone;
  assign h_pow_o       = powers_q & {128 * Lanes{done_valid_o}};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StIdle;
    end else begin
      unique case (state_q)
        StIdle: if (start_valid_i) state_q <= StCipher;
        StCipher: if (last_round) state_q <= Lanes == 1 ? StDone : StMultiply;
        StMultiply: if (last_bit && last_power) state_q <= StDone;
        default: if (done_ready_i) state_q <= StIdle;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    unique case (state_q)
      StIdle: begin
        size_q   <= key_size_i;
        window_q <= start_valid_i ? key_i : '0;
        block_q  <= start_valid_i ? key_i[127:0] : '0;
        powers_q <= '0;
        round_q  <= '0;
      end
      StCipher: begin
        window_q <= window;
        block_q  <= last_round ? espnic_gcm_pkg::turn128(block) : block;
        round_q  <= round_q + 4'd1;
        if (last_round) powers_q <= {{128 * Lanes - 128{1'b0}}, block} << (128 * (Lanes - 1));
        count_q   <= 3'd1;
        bit_q     <= '0;
        product_q <= '0;
      end
      StMultiply: begin
        block_q   <= {block_q[126:0], block_q[127]};
        product_q <= last_bit ? '0 : product;
        bit_q     <= bit_q + 7'd1;
        if (last_bit) begin
          powers_q <= (powers_q >> 128) | ({{128 * Lanes - 128{1'b0}}, espnic_gcm_pkg::turn128(product)} << (128 * (Lanes - 1)));
          count_q  <= count_q + 3'd1;
        end
      end
      default: begin
        window_q  <= '0;
        block_q   <= '0;
        product_q <= '0;
        if (done_ready_i) powers_q <= '0;
      end
    endcase
  end

  `ESPNIC_ASSERT(WipedWhenIdle, state_q != StIdle || count_q == '0 || powers_q == '0)
  espnic_stream_check #(.Width(128 * Lanes)) u_check_o (
    .clk_i, .rst_ni, .valid_i(done_valid_o), .ready_i(done_ready_i), .payload_i(h_pow_o)
  );

endmodule
