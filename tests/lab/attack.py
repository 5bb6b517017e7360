#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""An attacker on the wire, and who must hear nothing of it.

usage: attack.py listen FILE                 writes every datagram that comes to PORT to FILE, until SIGTERM
       attack.py attack IFACE SEED TIMES SOURCE>TARGET...
                                             sends genuine datagrams over each flow (this kernel protects them), takes down
                                             their ESP packets as they go out, and then sends TIMES of each kind of attack
       attack.py pad IFACE SPI KEY SOURCE TARGET
                                             ESP by someone who has the key, with wrong trailers; the last packet is right
       attack.py judge FILE NAME...          every line of FILE came once and is genuine, and each NAME was heard

The last line of `attack` and `pad` is JSON: how many packets of each kind were sent.
"""

import collections
import ipaddress
import json
import os
import random
import signal
import socket
import struct
import sys
import time

PORT = 5999
GENUINE = 12  # datagrams a flow
ETH_LEN = 14
ETH_TYPE = {4: 0x0800, 6: 0x86DD}
UDP, ICMP, ESP, ICMPV6 = 17, 1, 50, 58
IV_LEN, ICV_LEN, ESP_HEADER = 8, 16, 8
OUTGOING = 4  # PACKET_OUTGOING


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF & ~total


class Frame:
    """Ethernet and IP headers without options, and what they carry."""

    def __init__(self, data):
        self.ethernet = data[:ETH_LEN]
        self.family = data[ETH_LEN] >> 4
        self.header = data[ETH_LEN:ETH_LEN + (20 if self.family == 4 else 40)]
        self.payload = data[ETH_LEN + len(self.header):]

    def build(self, payload=None, proto=None, fragment=0):
        """The frame with another payload or protocol, lengths and checksum right."""
        payload = self.payload if payload is None else payload
        header = bytearray(self.header)
        if self.family == 4:
            struct.pack_into("!H", header, 2, 20 + len(payload))
            struct.pack_into("!H", header, 6, fragment)
            header[9] = proto or header[9]
            header[10:12] = bytes(2)
            struct.pack_into("!H", header, 10, checksum(bytes(header)))
        else:
            struct.pack_into("!H", header, 4, len(payload))
            header[6] = proto or header[6]
        return self.ethernet + bytes(header) + payload


def ip_frame(ethernet, source, target, proto, payload):
    src, dst = ipaddress.ip_address(source), ipaddress.ip_address(target)
    if src.version == 4:
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, random.getrandbits(16), 0, 64, proto, 0, src.packed, dst.packed)
    else:
        header = struct.pack("!IHBB16s16s", 6 << 28, 0, proto, 64, src.packed, dst.packed)
    return Frame(ethernet[:12] + struct.pack("!H", ETH_TYPE[src.version]) + header + payload).build()


def udp_payload(source, target, text):
    src, dst = ipaddress.ip_address(source).packed, ipaddress.ip_address(target).packed
    length = 8 + len(text)
    pseudo = src + dst + (struct.pack("!II", length, UDP) if len(src) == 16 else struct.pack("!HH", UDP, length))
    head = struct.pack("!HHHH", PORT, PORT, length, 0)
    return struct.pack("!HHHH", PORT, PORT, length, checksum(pseudo + head + text) or 0xFFFF) + text


def echo_request(source, target, text):
    src, dst = ipaddress.ip_address(source).packed, ipaddress.ip_address(target).packed
    body = struct.pack("!BBHHH", 8 if len(src) == 4 else 128, 0, 0, 1, 1) + text
    pseudo = src + dst + struct.pack("!II", len(body), ICMPV6) if len(src) == 16 else b""
    return body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]


# ---- genuine traffic ----

def genuine(raw, flows):
    """{flow: [Frame of an ESP packet]}, by what leaves this host for each datagram sent."""
    taken = collections.defaultdict(list)
    raw.settimeout(2)
    for number in range(GENUINE):
        for flow in flows:
            source, target = flow.split(">")
            family = socket.AF_INET6 if ":" in target else socket.AF_INET
            with socket.socket(family, socket.SOCK_DGRAM) as sock:
                sock.bind((source, 0))
                sock.sendto(f"genuine {flow} {number}".encode().ljust(100 + 16 * number, b"."), (target, PORT))
            end = time.monotonic() + 2
            while time.monotonic() < end:
                data, address = raw.recvfrom(65535)
                if address[2] != OUTGOING or len(data) < ETH_LEN + 20:
                    continue
                if struct.unpack_from("!H", data, 12)[0] not in ETH_TYPE.values():
                    continue
                frame = Frame(data)
                proto = frame.header[9] if frame.family == 4 else frame.header[6]
                if proto == ESP and len(frame.payload) > 100:
                    taken[flow].append(frame)
                    break
    return taken


# ---- attacks: each gives one frame to send ----

def replayed(frame, _flow):
    return frame.build()


def truncated(frame, _flow):
    return frame.build(frame.payload[:random.randrange(len(frame.payload))])


def flipped(frame, _flow):
    payload = bytearray(frame.payload)
    bit = random.randrange(8 * 4, 8 * len(payload))  # behind the SPI: that is wrong_spi
    payload[bit // 8] ^= 1 << bit % 8
    return frame.build(bytes(payload))


def wrong_spi(frame, _flow):
    return frame.build(struct.pack("!I", random.randrange(0x7000000, 0x7FFFFFF)) + frame.payload[4:])


def fragment(frame, _flow):
    """ESP must not come in fragments that were never put together: first one, or later one."""
    if frame.family == 4:
        half = len(frame.payload) // 16 * 8
        if random.getrandbits(1):
            return frame.build(frame.payload[:half], fragment=0x2000)
        return frame.build(frame.payload[half:], fragment=half // 8)
    offset, more = (0, 1) if random.getrandbits(1) else (random.randrange(1, 100), 0)
    extension = struct.pack("!BBHI", ESP, 0, offset << 3 | more, random.getrandbits(32))
    return frame.build(extension + frame.payload[:len(frame.payload) // 8 * 8], proto=44)


def clear_udp(frame, flow):
    source, target = flow.split(">")
    return ip_frame(frame.ethernet, source, target, UDP, udp_payload(source, target, b"spoofed in clear"))


def clear_ping(frame, flow):
    source, target = flow.split(">")
    proto = ICMPV6 if ":" in target else ICMP
    return ip_frame(frame.ethernet, source, target, proto, echo_request(source, target, b"spoofed in clear"))


ATTACKS = (replayed, truncated, flipped, wrong_spi, fragment, clear_udp, clear_ping)


def attack(interface, seed, times, flows):
    random.seed(int(seed))
    sent = collections.Counter()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3)) as raw:
        raw.bind((interface, 0))
        taken = genuine(raw, flows)
        missing = [flow for flow in flows if len(taken[flow]) < GENUINE]
        if missing:
            return f"no genuine ESP packets of {missing}"
        for _ in range(int(times)):
            for flow in flows:
                for kind in ATTACKS:
                    raw.send(kind(random.choice(taken[flow]), flow))
                    sent[kind.__name__] += 1
            time.sleep(0.02)  # no flood: nothing may be lost for want of buffers
    print(json.dumps(sent))
    return None


# ---- someone with the key ----

def pad(interface, spi, key, source, target):
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # pylint: disable=import-outside-toplevel
    secret = bytes.fromhex(key.removeprefix("0x"))
    cipher, salt, sequence = AESGCM(secret[:-4]), secret[-4:], 0

    def seal(plain):
        nonlocal sequence
        sequence += 1
        head, iv = struct.pack("!II", int(spi, 0), sequence), struct.pack("!Q", sequence)
        return head + iv + cipher.encrypt(salt + iv, plain, head)

    inner = udp_payload(source, target, b"wrong padding..........")  # 31 bytes: with 7 of padding, 40 in all
    good = udp_payload(source, target, b"genuine padding" + b"." * 8)
    kinds = {
        "padding": [inner + bytes(p) + bytes([7, UDP]) for p in ([1, 2, 3, 4, 5, 6, 8], [0] * 7, [7] * 7, [2, 3, 4, 5, 6, 7, 8])],
        "length": [inner + bytes(range(1, 8)) + bytes([255, UDP]), inner + bytes(range(1, 8)) + bytes([200, UDP])],
        "dummy": [inner + bytes(range(1, 8)) + bytes([7, 59])],
    }
    sent = collections.Counter()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((interface, 0))
        ethernet = b"\xff" * 6 + raw.getsockname()[4]
        for kind, plains in kinds.items():
            for plain in plains:
                raw.send(ip_frame(ethernet, source, target, ESP, seal(plain)))
                sent[kind] += 1
        raw.send(ip_frame(ethernet, source, target, ESP, seal(good + bytes(range(1, 8)) + bytes([7, UDP]))))
    print(json.dumps(sent))
    return None


# ---- the victim ----

def listen(path):
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    sock.bind(("::", PORT))
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    with open(path, "w", encoding="utf-8", buffering=1) as file:
        while True:
            data, peer = sock.recvfrom(65535)
            file.write(f"{data.decode(errors='replace').rstrip('.')}\n")


def judge(path, names):
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    twice = [line for line, n in collections.Counter(lines).items() if n > 1]
    strange = [line for line in lines if not line.startswith("genuine ")]
    missing = [name for name in names if not any(name in line for line in lines)]
    if twice or strange or missing:
        return f"twice {twice[:3]}, strange {strange[:3]}, not heard {missing}"
    print(f"{len(lines)} datagrams, all genuine, each once")
    return None


def main():
    args = sys.argv[1:]
    wrong = None
    if len(args) == 2 and args[0] == "listen":
        listen(args[1])
    elif len(args) >= 5 and args[0] == "attack":
        wrong = attack(args[1], args[2], args[3], args[4:])
    elif len(args) == 6 and args[0] == "pad":
        wrong = pad(*args[1:])
    elif len(args) >= 2 and args[0] == "judge":
        wrong = judge(args[1], args[2:])
    else:
        sys.exit(__doc__)
    if wrong:
        sys.exit(f"attack: {wrong}")


if __name__ == "__main__":
    main()
