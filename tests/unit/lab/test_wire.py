#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The search of a recorded wire finds what must not be there, and nothing else."""

import os
import socket
import struct
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tests/lab"))
import wire  # noqa: E402  pylint: disable=wrong-import-position

LEFT, RIGHT = "192.0.2.1", "192.0.2.2"
LEFT6, RIGHT6 = "2001:db8::1", "2001:db8::2"
NS = 10 ** 9
OUT, IN = 2, 1
BEFORE, WITHIN, AFTER = 99, 101, 103  # seconds; the policies stand from 100 to 102


def ether(kind, ip, vlan=b""):
    return bytes(12) + vlan + struct.pack("!H", kind) + ip


def v4(proto, payload, fragment=0, src=LEFT, dst=RIGHT, vlan=b""):
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, fragment, 64, proto, 0,
                         socket.inet_aton(src), socket.inet_aton(dst))
    return ether(0x0800, header + payload, vlan)


def v6(proto, payload, extension=b""):
    header = struct.pack("!IHBB", 6 << 28, len(extension + payload), 60 if extension else proto, 64)
    return ether(0x86DD, header + socket.inet_pton(socket.AF_INET6, LEFT6) + socket.inet_pton(socket.AF_INET6, RIGHT6) +
                 extension + payload)


def esp(spi, iv):
    return struct.pack("!IIQ", spi, iv & 0xFFFFFFFF, iv) + bytes(32)


def natt(payload):
    return struct.pack("!HHHH", 4500, 4500, 8 + len(payload), 0) + payload


def block(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))


def recording(frames):
    """pcapng of (seconds, direction, frame), with an interface that is not the wire."""
    resolution = struct.pack("<HHB3xHH", 9, 1, 9, 0, 0)
    out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    out += 2 * block(1, struct.pack("<HHI", 1, 0, 0) + resolution)
    for when, direction, frame in frames:
        for interface in (1, 0):
            time = int(when * NS)
            packet = struct.pack("<IIIII", interface, time >> 32, time & 0xFFFFFFFF, len(frame), len(frame))
            out += block(6, packet + frame + bytes(-len(frame) % 4) + struct.pack("<HHIHH", 2, 4, direction, 0, 0))
    return out


GOOD = [
    (BEFORE, OUT, v4(1, bytes(8))),  # before the policy stood
    (AFTER, OUT, v4(1, bytes(8))),
    (WITHIN, IN, v4(1, bytes(8))),  # not sent by the NIC
    (WITHIN, OUT, v4(50, esp(0x1001, 1))),
    (WITHIN, IN, v4(50, esp(0x1001, 1))),
    (WITHIN, OUT, v4(50, esp(0x1002, 1))),
    (WITHIN, OUT, v4(17, natt(esp(0x1001, 2)))),
    (WITHIN, OUT, v4(1, bytes(8), dst="192.0.2.77")),
    (WITHIN, OUT, v6(58, b"\x87" + bytes(23))),  # neighbour solicitation
    (WITHIN, OUT, v6(50, esp(0x1003, 1))),
    (WITHIN, OUT, v4(50, bytes(64), fragment=100)),
    (WITHIN, OUT, ether(0x0806, bytes(28))),
]
TWICE, CLEAR = "no (SPI, IV) twice", "no clear packet that a policy covers"
BAD = [
    ("an IV twice", TWICE, v4(50, esp(0x1001, 1))),
    ("an IV twice, IPv6", TWICE, v6(50, esp(0x1003, 1))),
    ("an IV twice, in UDP", TWICE, v4(17, natt(esp(0x1001, 1)))),
    ("an IV twice, behind a VLAN tag", TWICE, v4(50, esp(0x1001, 1), vlan=b"\x81\0\0\7")),
    ("clear IPv4", CLEAR, v4(1, bytes(8))),
    ("clear UDP of another port", CLEAR, v4(17, bytes(24))),
    ("clear IPv4 behind a VLAN tag", CLEAR, v4(6, bytes(20), vlan=b"\x81\0\0\7")),
    ("a clear later fragment", CLEAR, v4(17, bytes(64), fragment=100)),
    ("clear IPv6", CLEAR, v6(17, bytes(24))),
    ("clear IPv6 with an extension header", CLEAR, v6(17, bytes(24), extension=b"\x11" + bytes(7))),
]


def cover(folder, name, src, dst):
    for suffix, text, when in (("start", f"{src} {dst}\n", 100), ("end", "", 102)):
        path = os.path.join(folder, f"cover.{name}.{suffix}")
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        os.utime(path, (when, when))


def found(frames, cut=0):
    """Names of the checks that fail."""
    with tempfile.TemporaryDirectory() as folder:
        cover(folder, "four", f"{LEFT}/32", f"{RIGHT}/32")
        cover(folder, "six", "2001:db8::/64", "2001:db8::/64")
        path = os.path.join(folder, "wire.pcapng")
        data = recording(frames)
        with open(path, "wb") as file:
            file.write(data[:len(data) - cut])
        return [c["name"].split(": ")[1] for c in wire.search(path, folder) if not c["ok"]]


def main():
    cases = [("a good wire", [], GOOD, 0), ("a cut last block", [], GOOD, 6), ("an empty wire", [TWICE], [], 0)]
    cases += [(name, [which], GOOD + [(WITHIN, OUT, frame)], 0) for name, which, frame in BAD]
    failed = 0
    for number, (name, wanted, frames, cut) in enumerate(cases, 1):
        got = found(frames, cut)
        failed += got != wanted
        print(f"{'ok' if got == wanted else 'not ok'} {number} - {name}" + (f": {got}" if got != wanted else ""))
    print(f"1..{len(cases)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
