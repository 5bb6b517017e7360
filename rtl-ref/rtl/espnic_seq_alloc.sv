// SPDX-License-Identifier: BSD-2-Clause
//
// Outbound: sequence number (RFC 4303 section 3.3.3: never cycles), lease, lifetime and IPv4 identification of one
// packet a clock, also of one SA in a row. A refused packet takes no number. Requests are answered in order, two
// clocks later at the earliest.
//
//   req_op_i         takes                                does
//   OpPacket         esn, seq (use_seq), bytes, take_id   allocates; state changes as the verdict says
//   OpInit           record                               writes all
//   OpQuery          -                                    answers the record, takes its events
//   OpSeq            record.seq                           raises seq, never lowers it
//   OpLife           record.life limits                   replaces the limits; their events may be raised again
//   OpLease          record.lease_*                       replaces the lease; its event may be raised again
//
// rsp_record_o is the record as the request found it.

`include "espnic_assert.svh"

module espnic_seq_alloc #(
  parameter int Sas = 16,
  localparam int SaW = $clog2(Sas)
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        req_valid_i,
  output logic        req_ready_o,
  input  logic [3:0]  req_op_i,       // espnic_rtl_pkg::sa_op_e
  input  logic [SaW-1:0] req_sa_i,
  input  logic        req_esn_i,
  input  logic        req_use_seq_i,  // the packet brings its number
  input  logic [63:0] req_seq_i,
  input  logic [espnic_rtl_pkg::LenW-1:0] req_bytes_i,  // of the clear packet
  input  logic        req_take_id_i,  // the outer header wants an identification
  input  espnic_records_pkg::sa_out_t req_record_i,
  output logic        rsp_valid_o,
  input  logic        rsp_ready_i,
  output logic [3:0]  rsp_verdict_o,  // espnic_rtl_pkg::verdict_e
  output logic [63:0] rsp_seq_o,
  output logic [15:0] rsp_ip_id_o,
  output logic        rsp_event_o,    // raised an event of its SA
  output espnic_records_pkg::sa_out_t rsp_record_o
);

  // The request, beside its record
  logic [3:0]  op_q;
  logic        esn_q, use_seq_q, take_id_q;
  logic [63:0] seq_q;
  logic [espnic_rtl_pkg::LenW-1:0] bytes_q;
  espnic_records_pkg::sa_out_t record_q;

  logic        exec_valid, exec_ready, packet;
  espnic_records_pkg::sa_out_t cur, next;

  assign exec_ready = !rsp_valid_o || rsp_ready_i;
  assign packet     = op_q == espnic_rtl_pkg::OpPacket;

  espnic_sa_rmw #(
    .Width(espnic_records_pkg::SaOutW),
    .Depth(Sas)
  ) u_rmw (
    .clk_i, .rst_ni,
    .req_valid_i, .req_ready_o,
    .req_addr_i  (req_sa_i),
    .exec_valid_o(exec_valid),
    .exec_ready_i(exec_ready),
    .exec_state_o(cur),
    .exec_write_i(1'b1),
    .exec_state_i(next)
  );

  always_ff @(posedge clk_i) begin
    if (req_ready_o) begin
      op_q      <= req_op_i;
      esn_q     <= req_esn_i;
      use_seq_q <= req_use_seq_i;
      take_id_q <= req_take_id_i;
      seq_q     <= req_seq_i;
      bytes_q   <= req_bytes_i;
      record_q  <= req_record_i;
    end
  end

  // The order of refusals is that of the C engine: number, lease, lifetime.
  logic        exhausted, over_lease, refused, life_event, lease_low, tell_exhausted;
  logic [63:0] number, last;
  logic [3:0]  verdict;
  espnic_records_pkg::life_t life;
  logic        unused_expired;

  espnic_lifetime u_life (
    .life_i   (cur.life),
    .bytes_i  (bytes_q),
    .expired_o(unused_expired),
    .refused_o(refused),
    .event_o  (life_event),
    .life_o   (life)
  );

  assign last       = esn_q ? {64{1'b1}} : {32'd0, {32{1'b1}}};
  assign number     = use_seq_q ? seq_q : cur.seq + 64'd1;
  assign exhausted  = use_seq_q ? seq_q > last : cur.seq >= last;
  assign over_lease = cur.lease_end != '0 && number > cur.lease_end;
  assign lease_low  = cur.lease_end != '0 && number >= cur.lease_mark &&
                      !cur.life.raised[espnic_rtl_pkg::EventLeaseLow];
  assign tell_exhausted = !cur.life.raised[espnic_rtl_pkg::EventSeqExhausted];

  always_comb begin
    if (exhausted)       verdict = espnic_rtl_pkg::VerdictSeqExhausted;
    else if (over_lease) verdict = espnic_rtl_pkg::VerdictLease;
    else if (refused)    verdict = espnic_rtl_pkg::VerdictLifetime;
    else                 verdict = espnic_rtl_pkg::VerdictOk;
  end

  logic event_d;

  always_comb begin
    next    = cur;
    event_d = 1'b0;
    case (op_q)
      espnic_rtl_pkg::OpPacket: begin
        if (exhausted) begin
          next.life.raised[espnic_rtl_pkg::EventSeqExhausted] = 1'b1;
          if (tell_exhausted) next.life.events[espnic_rtl_pkg::EventSeqExhausted] = 1'b1;
          event_d = tell_exhausted;
        end else if (!over_lease) begin
          next.life = life;
          event_d   = life_event;
          if (!refused) begin
            next.seq = number;
            if (take_id_q) next.ip_id = cur.ip_id + 16'd1;
            if (lease_low) begin
              next.life.raised[espnic_rtl_pkg::EventLeaseLow] = 1'b1;
              next.life.events[espnic_rtl_pkg::EventLeaseLow] = 1'b1;
              event_d = 1'b1;
            end
          end
        end
      end
      espnic_rtl_pkg::OpInit: next = record_q;
      espnic_rtl_pkg::OpQuery: next.life.events = '0;
      espnic_rtl_pkg::OpSeq: if (record_q.seq > cur.seq) next.seq = record_q.seq;
      espnic_rtl_pkg::OpLife: begin
        next.life.soft_packets = record_q.life.soft_packets;
        next.life.hard_packets = record_q.life.hard_packets;
        next.life.soft_bytes   = record_q.life.soft_bytes;
        next.life.hard_bytes   = record_q.life.hard_bytes;
        next.life.raised[espnic_rtl_pkg::EventHardBytes:espnic_rtl_pkg::EventSoftPackets] = '0;
      end
      espnic_rtl_pkg::OpLease: begin
        next.lease_mark = record_q.lease_mark;
        next.lease_end  = record_q.lease_end;
        next.life.raised[espnic_rtl_pkg::EventLeaseLow] = 1'b0;
      end
      default: ;
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) rsp_valid_o <= 1'b0;
    else if (exec_ready) rsp_valid_o <= exec_valid;
  end

  always_ff @(posedge clk_i) begin
    if (exec_ready) begin
      rsp_verdict_o <= packet ? verdict : espnic_rtl_pkg::VerdictOk;
      rsp_seq_o     <= number;
      rsp_ip_id_o   <= take_id_q ? cur.ip_id : '0;
      rsp_event_o   <= event_d;
      rsp_record_o  <= cur;
    end
  end

  `ESPNIC_ASSUME(KnownOp, !req_valid_i || (req_op_i <= espnic_rtl_pkg::OpLease && req_op_i != espnic_rtl_pkg::OpSettle))
  `ESPNIC_COVER(BackToBack, req_valid_i && req_ready_o && exec_valid && packet)

endmodule
