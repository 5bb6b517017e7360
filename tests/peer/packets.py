# SPDX-License-Identifier: BSD-2-Clause
"""Random clear IP packets, as bytes: both families, options, extension headers, every size."""

import ipaddress
import struct

TCP, UDP, ICMP, GRE, ICMPV6, SCTP, OPAQUE = 6, 17, 1, 47, 58, 132, 253
HOPOPTS, ROUTING, DSTOPTS, NO_NEXT = 0, 43, 60, 59
LONG = 8000  # bytes of payload; once in a while


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def upper(rng, version):
    """(protocol, bytes) of an upper layer that parsers of packets find nothing wrong with."""
    size = rng.choice((0, 1, 2, 3, rng.randrange(64), rng.randrange(1400), rng.randrange(1400)))
    if rng.randrange(50) == 0:
        size = rng.randrange(LONG)
    proto = rng.choice((TCP, UDP, ICMP if version == 4 else ICMPV6, OPAQUE))
    if proto == OPAQUE and version == 6:
        size = max(size, 4)  # scapy takes less, behind an extension header, for a header cut short
    data = rng.randbytes(size)
    sport, dport = rng.randrange(20000, 30000), rng.randrange(20000, 30000)
    if proto == UDP:
        return proto, struct.pack("!HHHH", sport, dport, 8 + size, rng.randrange(1, 65536)) + data
    if proto == TCP:
        return proto, struct.pack("!HHIIHHHH", sport, dport, rng.getrandbits(32), rng.getrandbits(32), 0x5018,
                                  rng.randrange(65536), rng.randrange(65536), 0) + data
    if proto in (ICMP, ICMPV6):
        kind = 8 if proto == ICMP else 128
        return proto, struct.pack("!BBHHH", kind, 0, rng.randrange(65536), rng.randrange(65536), 1) + data
    return proto, data


def ipv4(rng, options=True):
    proto, data = upper(rng, 4)
    opts = b""
    if options and rng.randrange(4) == 0:
        # No operation, router alert (RFC 2113), end of list; what AH treats as immutable, and a timestamp, which it does not
        opts = rng.choice((b"\x01\x01\x01\x01", b"\x94\x04\x00\x00", b"\x44\x08\x05\x00\0\0\0\0"))
    head = struct.pack("!BBHHHBBH4s4s", 0x45 + len(opts) // 4, rng.choice((0, 0xb8, 0x28)), 20 + len(opts) + len(data),
                       rng.randrange(65536), rng.choice((0, 0x4000)), rng.randrange(1, 256), proto, 0,
                       b"\x0a" + rng.randbytes(3), b"\x0a" + rng.randbytes(3)) + opts
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + data


def ipv6(rng, extensions=True):
    proto, data = upper(rng, 6)
    chain = []
    if extensions and rng.randrange(4) == 0:
        # A hop-by-hop option that may change on its way (bit 0x20), or padding
        chain.append((HOPOPTS, rng.choice((b"\x01\x04\0\0\0\0", b"\x3e\x04" + rng.randbytes(4)))))
    if extensions and rng.randrange(4) == 0:
        chain.append((DSTOPTS, b"\x01\x04\0\0\0\0"))
    first = chain[0][0] if chain else proto
    body = b""
    for i, (_, options) in enumerate(chain):
        body += bytes((chain[i + 1][0] if i + 1 < len(chain) else proto, 0)) + options
    body += data
    return struct.pack("!IHBB", 6 << 28 | rng.choice((0, 0xb8)) << 20 | rng.getrandbits(20), len(body), first,
                       rng.randrange(1, 256)) + \
        b"\xfd" + rng.randbytes(15) + b"\xfd" + rng.randbytes(15) + body


def clear(rng, version, plain=False):
    """@plain: without options and extension headers."""
    return ipv4(rng, not plain) if version == 4 else ipv6(rng, not plain)


def address(rng, version):
    if version == 4:
        return str(ipaddress.IPv4Address(0xc0000200 + rng.randrange(1, 255)))
    return str(ipaddress.IPv6Address((0x20010db8 << 96) + rng.randrange(1, 1 << 32)))
