#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""XFRM messages that ip does not send (include/uapi/linux/xfrm.h).

usage: xfrm.py migrate DIR SELSRC SELDST MODE REQID OLDSRC OLDDST NEWSRC NEWDST OFFLOAD
       xfrm.py migrate-state SPI OLDDST NEWSRC NEWDST REQID
       xfrm.py getae SPI DST          prints seq, oseq, window (as 0x..., bit n: number seq - n was seen), bytes, packets,
                                      add_time, use_time as NAME=VALUE lines
       xfrm.py newae SPI DST PACKETS  has the state begin with that count of packets, never used
MODE: transport, tunnel. OFFLOAD: none, or crypto, packet with :IFACE:in or :IFACE:out behind it.
"""

import ipaddress
import os
import socket
import struct
import sys
import time

NETLINK_XFRM = 6
NLM_F_REQUEST, NLM_F_ACK, NLM_F_REPLACE = 1, 4, 0x100
NLMSG_ERROR = 2
XFRM_MSG_NEWAE, XFRM_MSG_GETAE, XFRM_MSG_MIGRATE, XFRM_MSG_MIGRATE_STATE = 0x1e, 0x1f, 0x21, 0x29
XFRMA_LTIME_VAL, XFRMA_REPLAY_VAL, XFRMA_MIGRATE, XFRMA_REPLAY_ESN_VAL, XFRMA_OFFLOAD_DEV = 9, 10, 17, 23, 28
XFRM_OFFLOAD_INBOUND, XFRM_OFFLOAD_PACKET = 2, 4
XFRM_AE_RVAL, XFRM_AE_LVAL = 2, 4
MODES = {"transport": 0, "tunnel": 1}
DIRS = {"in": 0, "out": 1, "fwd": 2}
ERROR_ATTR_MSG = 1  # text of an extended acknowledgement
NETLINK_CAP_ACK, NETLINK_EXT_ACK, SOL_NETLINK = 10, 11, 270


def family(text):
    return socket.AF_INET6 if ":" in text else socket.AF_INET


def address(text):
    return ipaddress.ip_address(text).packed.ljust(16, b"\0")


def selector(src, dst):
    s, d = ipaddress.ip_network(src), ipaddress.ip_network(dst)
    return struct.pack("=16s16sHHHHHBBB3xiI", d.network_address.packed.ljust(16, b"\0"),
                       s.network_address.packed.ljust(16, b"\0"), 0, 0, 0, 0, family(src), d.prefixlen, s.prefixlen,
                       0, 0, 0)


def sa_id(spi, dst):
    return struct.pack("=16s4sHBx", address(dst), struct.pack("!I", spi), family(dst), socket.IPPROTO_ESP)


def attribute(kind, data):
    return struct.pack("=HH", len(data) + 4, kind) + data + bytes(-len(data) % 4)


def attributes(data):
    while len(data) >= 4:
        size, kind = struct.unpack_from("=HH", data)
        if size < 4:
            return
        yield kind, data[4:size]
        data = data[(size + 3) & ~3:]


def offload(text):
    if text == "none":
        return b""
    kind, interface, direction = text.split(":")
    flags = (XFRM_OFFLOAD_PACKET if kind == "packet" else 0) | (XFRM_OFFLOAD_INBOUND if direction == "in" else 0)
    return attribute(XFRMA_OFFLOAD_DEV, struct.pack("=iB3x", socket.if_nametoindex(interface), flags))


def request(kind, body, ack=True, flags=0):
    """Sends a message; returns the body of what comes back. Exits with the kernel's words when it refuses."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_XFRM) as sock:
        sock.bind((0, 0))
        sock.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        sock.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
        flags |= NLM_F_REQUEST | (NLM_F_ACK if ack else 0)
        sock.send(struct.pack("=IHHII", len(body) + 16, kind, flags, 1, 0) + body)
        reply = sock.recv(65536)
    size, got = struct.unpack_from("=IH", reply)
    if got != NLMSG_ERROR:
        return reply[16:size]
    errno = -struct.unpack_from("=i", reply, 16)[0]
    if errno:
        words = [v.rstrip(b"\0").decode() for k, v in attributes(reply[16 + 4 + 16:size]) if k == ERROR_ATTR_MSG]
        sys.exit(f"{os.strerror(errno)}: {' '.join(words)}")
    return b""


def migrate(direction, selsrc, seldst, mode, reqid, oldsrc, olddst, newsrc, newdst, how):
    policy = selector(selsrc, seldst) + struct.pack("=IB3x", 0, DIRS[direction])
    move = address(olddst) + address(oldsrc) + address(newdst) + address(newsrc)
    move += struct.pack("=BBHIHH", socket.IPPROTO_ESP, MODES[mode], 0, int(reqid), family(olddst), family(newdst))
    request(XFRM_MSG_MIGRATE, policy + attribute(XFRMA_MIGRATE, move) + offload(how))


def migrate_state(spi, olddst, newsrc, newdst, reqid):
    any_selector = struct.pack("=16s16sHHHHHBBB3xiI", b"", b"", 0, 0, 0, 0, family(newdst), 0, 0, 0, 0, 0)
    body = sa_id(int(spi, 0), olddst) + address(newdst) + address(newsrc) + struct.pack("=II", 0, 0) + any_selector
    body += struct.pack("=IIHH", int(reqid), 0, family(newdst), 0)
    request(XFRM_MSG_MIGRATE_STATE, body)


def seen_of(top, window, bit):
    """The window as bits from the top down: bit n is number top - n. bit(i): what stands at place i of the bitmap."""
    return sum(bit((top - 1 - n) % window) << n for n in range(min(window, top)))


def getae(spi, dst):
    body = sa_id(int(spi, 0), dst) + bytes(16) + struct.pack("=II", XFRM_AE_RVAL | XFRM_AE_LVAL, 0)
    reply = request(XFRM_MSG_GETAE, body, ack=False)
    out = {}
    for kind, data in attributes(reply[len(body):]):
        if kind == XFRMA_REPLAY_VAL:
            oseq, seq, bitmap = struct.unpack("=III", data[:12])
            out.update(oseq=oseq, seq=seq, window=hex(bitmap))
        elif kind == XFRMA_REPLAY_ESN_VAL:
            words, oseq, seq, oseq_hi, seq_hi, window = struct.unpack("=IIIIII", data[:24])
            bmp = struct.unpack(f"={words}I", data[24:24 + 4 * words])
            top = seq_hi << 32 | seq
            out.update(oseq=oseq_hi << 32 | oseq, seq=top)
            if window:
                out["window"] = hex(seen_of(top, window, lambda i: bmp[i // 32] >> i % 32 & 1))
        elif kind == XFRMA_LTIME_VAL:
            out.update(zip(("bytes", "packets", "add_time", "use_time"), struct.unpack("=QQQQ", data[:32])))
    for name, value in out.items():
        print(f"{name}={value}")


def newae(spi, dst, packets):
    body = sa_id(int(spi, 0), dst) + bytes(16) + struct.pack("=II", XFRM_AE_LVAL, 0)
    life = struct.pack("=QQQQ", 0, int(packets), int(time.time()), 0)
    request(XFRM_MSG_NEWAE, body + attribute(XFRMA_LTIME_VAL, life), flags=NLM_F_REPLACE)


def main():
    args = sys.argv[1:]
    if len(args) == 11 and args[0] == "migrate":
        migrate(*args[1:])
    elif len(args) == 6 and args[0] == "migrate-state":
        migrate_state(*args[1:])
    elif len(args) == 3 and args[0] == "getae":
        getae(*args[1:])
    elif len(args) == 4 and args[0] == "newae":
        newae(*args[1:])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
