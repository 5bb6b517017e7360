// SPDX-License-Identifier: BSD-2-Clause
//
// The part of SAs that packets do not change, with their keys: one entry each, read by either direction for each of its packets,
// and written by espnic_sa_ctrl alone. What is read stands from the next clock until the next read.
//
//   entry   | live | place | key: H^Lanes ... H^1, key 256, salt 32 | static |
//
// An entry without an SA is one of the other direction for whoever reads it: both directions refuse its packets as
// VerdictNoSa before they look at anything else. Of an entry that is read in the clock it is written in, the
// old one is seen. The key has no way to the control port.

module espnic_sa_table #(
  parameter int Lanes = 1,
  parameter int Sas = 16,
  localparam int SaW  = $clog2(Sas),
  localparam int KeyW = 128 * Lanes + 256 + 32
) (
  input  logic            clk_i,
  // A whole entry
  input  logic            write_i,
  input  logic [SaW-1:0]  write_sa_i,
  input  logic            write_live_i,
  input  espnic_records_pkg::sa_static_t write_static_i,
  input  espnic_records_pkg::sa_place_t  write_place_i,
  input  logic [KeyW-1:0] write_key_i,
  // Outbound
  input  logic            out_read_i,
  input  logic [SaW-1:0]  out_sa_i,
  output espnic_records_pkg::sa_static_t out_static_o,
  output logic [KeyW-1:0] out_key_o,
  // Inbound
  input  logic            in_read_i,
  input  logic [SaW-1:0]  in_sa_i,
  output espnic_records_pkg::sa_static_t in_static_o,
  output logic [KeyW-1:0] in_key_o,
  // Control
  input  logic            ctl_read_i,
  input  logic [SaW-1:0]  ctl_sa_i,
  output logic            ctl_live_o,
  output espnic_records_pkg::sa_static_t ctl_static_o,
  output espnic_records_pkg::sa_place_t  ctl_place_o
);

  localparam int StaticW = espnic_records_pkg::SaStaticW;
  localparam int PlaceW  = espnic_records_pkg::SaPlaceW;

  logic [StaticW-1:0] statics [Sas];
  logic [KeyW-1:0]    keys [Sas];
  logic [PlaceW-1:0]  places [Sas];
  logic               lives [Sas];

  logic [StaticW-1:0] out_static_q, in_static_q, ctl_static_q;
  logic [KeyW-1:0]    out_key_q, in_key_q;
  logic [PlaceW-1:0]  ctl_place_q;
  logic               out_live_q, in_live_q, ctl_live_q;

  always_ff @(posedge clk_i) begin
    if (write_i) begin
      statics[write_sa_i] <= write_static_i;
      keys[write_sa_i]    <= write_key_i;
      places[write_sa_i]  <= write_place_i;
      lives[write_sa_i]   <= write_live_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (out_read_i) begin
      out_static_q <= statics[out_sa_i];
      out_key_q    <= keys[out_sa_i];
      out_live_q   <= lives[out_sa_i];
    end
    if (in_read_i) begin
      in_static_q <= statics[in_sa_i];
      in_key_q    <= keys[in_sa_i];
      in_live_q   <= lives[in_sa_i];
    end
    if (ctl_read_i) begin
      ctl_static_q <= statics[ctl_sa_i];
      ctl_place_q  <= places[ctl_sa_i];
      ctl_live_q   <= lives[ctl_sa_i];
    end
  end

  always_comb begin
    out_static_o = out_static_q;
    in_static_o  = in_static_q;
    if (!out_live_q) out_static_o.inbound = 1'b1;
    if (!in_live_q) in_static_o.inbound = 1'b0;
  end
  assign out_key_o    = out_key_q;
  assign in_key_o     = in_key_q;
  assign ctl_live_o   = ctl_live_q;
  assign ctl_static_o = ctl_static_q;
  assign ctl_place_o  = ctl_place_q;

endmodule
