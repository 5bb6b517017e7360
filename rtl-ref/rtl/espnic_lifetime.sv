// SPDX-License-Identifier: BSD-2-Clause
//
// Lifetimes of an SA (RFC 4301 section 4.4.2.1), without a clock: what one packet does to its counts, limits and
// events. A hard limit of N lets N packets pass, and of bytes not one more; the packet that reaches a limit raises
// its event, once, until limits are set anew.

module espnic_lifetime (
  input  espnic_records_pkg::life_t life_i,
  input  logic [espnic_rtl_pkg::LenW-1:0] bytes_i,  // of the clear packet
  output logic expired_o,                           // a hard limit is reached, whatever comes
  output logic refused_o,                           // this packet does not pass
  output logic event_o,                             // it is news to the owner
  output espnic_records_pkg::life_t life_o          // counted, or refused
);

  logic [63:0] packets, bytes;
  logic        packets_out, bytes_out;
  logic [5:0]  due, fresh;

  assign packets = life_i.packets + 64'd1;
  assign bytes   = life_i.bytes + 64'(bytes_i);

  assign packets_out = life_i.hard_packets != '0 && life_i.packets >= life_i.hard_packets;
  assign bytes_out   = life_i.hard_bytes != '0 && (life_i.bytes >= life_i.hard_bytes ||
                                                   64'(bytes_i) > life_i.hard_bytes - life_i.bytes);
  assign expired_o   = packets_out || (life_i.hard_bytes != '0 && life_i.bytes >= life_i.hard_bytes);
  assign refused_o   = packets_out || bytes_out;

  always_comb begin
    due = '0;
    if (packets_out) begin
      due[espnic_rtl_pkg::EventHardPackets] = 1'b1;
    end else if (bytes_out) begin
      due[espnic_rtl_pkg::EventHardBytes] = 1'b1;
    end else begin
      due[espnic_rtl_pkg::EventSoftPackets] =
          life_i.soft_packets != '0 && packets >= life_i.soft_packets;
      due[espnic_rtl_pkg::EventSoftBytes]   = life_i.soft_bytes != '0 && bytes >= life_i.soft_bytes;
      due[espnic_rtl_pkg::EventHardPackets] =
          life_i.hard_packets != '0 && packets >= life_i.hard_packets;
      due[espnic_rtl_pkg::EventHardBytes]   = life_i.hard_bytes != '0 && bytes >= life_i.hard_bytes;
    end
  end

  assign fresh   = due & ~life_i.raised;
  assign event_o = |fresh;

  always_comb begin
    life_o        = life_i;
    life_o.raised = life_i.raised | fresh;
    life_o.events = life_i.events | fresh;
    if (!refused_o) begin
      life_o.packets = packets;
      life_o.bytes   = bytes;
    end
  end

endmodule
