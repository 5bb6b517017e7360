// SPDX-License-Identifier: BSD-2-Clause
//
// The forward cipher of FIPS 197 unrolled: LANES blocks under one key enter each clock and leave espnic_gcm_pkg::AesClocks later,
// whatever the key's size (shorter keys pass the last stages unchanged, so order holds). The key walks down beside the data and
// each stage makes the next round key, so a new key each clock costs nothing and no key schedule is stored.
//
//   stage 0        1 ... 9      10         11    12         13    14
//   + round key 0  rounds       128: last  -     192: last  -     256: last
//
// Never stalls: who feeds it has a place for what comes out. Registers move only for valid data.

`include "espnic_assert.svh"

module espnic_aes_pipe #(
  parameter int Lanes = 1,
  parameter bit Tower = 1'b0
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  input  logic                      valid_i,
  input  logic [255:0]              key_i,
  input  espnic_gcm_pkg::key_size_e key_size_i,
  input  logic [128*Lanes-1:0]      data_i,
  output logic                      valid_o,
  output logic [128*Lanes-1:0]      data_o
);

  localparam int Rounds = espnic_gcm_pkg::RoundsMax;

  // What leaves stage r: the state after round r and the window whose low half is round key r.
  logic [Rounds:0]           valid_q;
  logic [128*Lanes-1:0]      state_q[Rounds+1];
  logic [255:0]              window_q[Rounds];
  espnic_gcm_pkg::key_size_e size_q[Rounds];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[Rounds-1:0], valid_i};
  end

  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      state_q[0]  <= data_i ^ {Lanes{key_i[127:0]}};
      window_q[0] <= key_i;
      size_q[0]   <= key_size_i;
    end
  end

  for (genvar r = 1; r <= Rounds; r++) begin : gen_round
    localparam logic [3:0] Index = 4'(r - 1);
    logic [255:0]         window;
    logic [128*Lanes-1:0] state;
    logic                 last, done;

    espnic_aes_key_step #(.Tower(Tower)) u_key (
      .window_i(window_q[r-1]),
      .key_size_i(size_q[r-1]),
      .round_i(Index),
      .window_o(window)
    );

    espnic_aes_round #(.Lanes(Lanes), .Tower(Tower)) u_round (
      .state_i(state_q[r-1]),
      .key_i(window[127:0]),
      .last_i(last),
      .state_o(state)
    );

    assign last = r == Rounds ||
        (r == espnic_gcm_pkg::Rounds128 && size_q[r-1] == espnic_gcm_pkg::KeySize128) ||
        (r == espnic_gcm_pkg::Rounds192 && size_q[r-1] == espnic_gcm_pkg::KeySize192);
    assign done = (r > espnic_gcm_pkg::Rounds128 && size_q[r-1] == espnic_gcm_pkg::KeySize128) ||
        (r > espnic_gcm_pkg::Rounds192 && size_q[r-1] == espnic_gcm_pkg::KeySize192);

    always_ff @(posedge clk_i) begin
      if (valid_q[r-1]) state_q[r] <= done ? state_q[r-1] : state;
    end
    if (r < Rounds) begin : gen_key
      always_ff @(posedge clk_i) begin
        if (valid_q[r-1]) begin
          window_q[r] <= window;
          size_q[r]   <= size_q[r-1];
        end
      end
    end else begin : gen_no_key
      logic unused;
      assign unused = ^window[255:128];
    end
  end

  assign valid_o = valid_q[Rounds];
  assign data_o  = state_q[Rounds];

  `ESPNIC_ASSUME(KeySizeKnown, !valid_i || key_size_i <= espnic_gcm_pkg::KeySize256)
  `ESPNIC_COVER(Aes128, valid_i && key_size_i == espnic_gcm_pkg::KeySize128)
  `ESPNIC_COVER(Aes192, valid_i && key_size_i == espnic_gcm_pkg::KeySize192)
  `ESPNIC_COVER(Aes256, valid_i && key_size_i == espnic_gcm_pkg::KeySize256)

endmodule
