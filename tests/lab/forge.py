#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""ESP packets that a peer with the key, or anybody on the wire, could send; past the stack, by a packet socket.

usage: forge.py IFACE MAC SRC DST SPI KEY SEQ WHAT...      IPv4, transport mode, AES-GCM with a 16-byte ICV, no ESN
WHAT, a packet each, numbers from SEQ on:
  good       an ICMP echo reply nobody asked for
  replay     the last good one again
  old        number 1
  icv        a flipped bit in its ICV
  cipher     a flipped bit in its payload
  short      nothing behind the IV
  stump      nothing behind the SPI and the number
  padding    a pad length longer than the payload, under a good ICV
  pattern    pad bytes other than 1, 2, 3, ..., under a good ICV
  dummy      next header 59
  spi        an SPI that nobody has
  clear      the inner packet as it is
"""

import socket
import struct
import sys
import time

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ESP, ICMP, DUMMY = 50, 1, 59
ICMP_REPLY = struct.pack("!BBHHH", 0, 0, 0xFFFF - 0x1234 - 1, 0x1234, 1)  # type, code, sum, id, sequence


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF & ~(total + (total >> 16))


def ipv4(src, dst, proto, payload):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0x4000, 64, proto, 0,
                       socket.inet_aton(src), socket.inet_aton(dst))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


class Sender:
    def __init__(self, interface, mac, src, dst, spi, key, seq):
        self.src, self.dst, self.spi, self.seq = src, dst, int(spi, 0), int(seq, 0)
        key = bytes.fromhex(key.removeprefix("0x"))
        self.aead, self.salt, self.last = AESGCM(key[:-4]), key[-4:], b""
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.sock.bind((interface, 0))
        self.l2 = bytes.fromhex(mac.replace(":", "")) + self.sock.getsockname()[4] + struct.pack("!H", 0x0800)

    def esp(self, seq, payload=ICMP_REPLY, pad=b"\x01\x02", pad_len=None, proto=ICMP, spi=None):
        head = struct.pack("!II", self.spi if spi is None else spi, seq)
        iv = struct.pack("!Q", seq)
        clear = payload + pad + bytes([len(pad) if pad_len is None else pad_len, proto])
        return head + iv + self.aead.encrypt(self.salt + iv, clear, head)

    def make(self, what):
        seq = self.seq
        self.seq += 1
        if what == "good":
            self.last = self.esp(seq)
            return self.last
        good = self.esp(seq)
        if what in ("replay", "old", "clear", "spi"):
            self.seq = seq  # takes none of its own
        return {
            "replay": lambda: self.last,
            "old": lambda: self.esp(1),
            "icv": lambda: good[:-1] + bytes([good[-1] ^ 1]),
            "cipher": lambda: good[:20] + bytes([good[20] ^ 1]) + good[21:],
            "short": lambda: good[:16],
            "stump": lambda: good[:8],
            "padding": lambda: self.esp(seq, pad_len=200),
            "pattern": lambda: self.esp(seq, pad=b"\x07\x07"),
            "dummy": lambda: self.esp(seq, proto=DUMMY),
            "spi": lambda: self.esp(seq, spi=0xDEAD0000 + seq),
        }[what]()

    def send(self, what):
        if what == "clear":
            packet = ipv4(self.src, self.dst, ICMP, ICMP_REPLY)
        else:
            packet = ipv4(self.src, self.dst, ESP, self.make(what))
        self.sock.send((self.l2 + packet).ljust(60, b"\0"))


def main():
    if len(sys.argv) < 9:
        sys.exit(__doc__)
    sender = Sender(*sys.argv[1:8])
    for what in sys.argv[8:]:
        sender.send(what)
        time.sleep(0.02)  # each its own burst


if __name__ == "__main__":
    main()
