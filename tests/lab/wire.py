# SPDX-License-Identifier: BSD-2-Clause
"""The recorded wire of a lab run, and what must never be on it.

judge(): tshark, an independent witness, decrypts and authenticates every ESP packet with the keys of the demo's
phases (the same derivation as tests/lab/lib.sh); what it reports is held against the times in which policies protected.

search(): every frame that the NIC sent, by its own small parser, for runs too long for tshark: no (SPI, IV) twice, and no
clear packet between two prefixes while a policy covers them. A guest says so by making OUT/cover.NAME.start
and .end (tests/lab/lib.sh, covered), with the two prefixes in the first.
"""

import dataclasses
import glob
import hashlib
import ipaddress
import os
import re
import struct
import subprocess
import sys

LEFT = {"4": "192.0.2.1", "6": "2001:db8::1"}
RIGHT = {"4": "192.0.2.2", "6": "2001:db8::2"}
LEFT_IN = {"4": "198.51.100.1", "6": "2001:db8:a::1"}
RIGHT_IN = {"4": "203.0.113.1", "6": "2001:db8:b::1"}
SPI_TO_RIGHT = 0x1000
SPI_TO_LEFT = 0x2000
SALT_BYTES = 4
NDP_TYPES = {"133", "134", "135", "136", "137"}  # bypassed, or no address is ever resolved
ICV_NAME = {128: "AES-GCM with 16 octet ICV [RFC4106]", 96: "AES-GCM with 12 octet ICV [RFC4106]",
            64: "AES-GCM with 8 octet ICV [RFC4106]"}
ESP = "50"
FIELDS = ["frame.number", "frame.time_epoch", "ip.proto", "ipv6.nxt", "ipv6.fraghdr.nxt", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "icmpv6.type",
          "esp.spi", "esp.sequence", "esp.icv_good", "esp.icv_bad", "esp.pad.bogus", "esp.iv"]


@dataclasses.dataclass
class Phase:
    """A line of tests/demo/phases."""
    id: int
    offload: str
    mode: str
    family: str
    keybytes: int
    esn: bool
    icv_bits: int = 128

    def title(self):
        name = {"clear": "clear", "none": "software ESP", "crypto": "crypto offload", "packet": "packet offload"}
        if self.offload == "clear":
            return "clear"
        return f"{name[self.offload]}, {self.mode}, IPv{self.family}"

    def endpoints(self):
        """Addresses of the selector, left and right."""
        inner = self.family[0]
        if self.mode == "tunnel":
            return LEFT_IN[inner], RIGHT_IN[inner]
        return LEFT[inner], RIGHT[inner]

    def outer(self):
        family = self.family[-1]
        return LEFT[family], RIGHT[family], family


def key(spi, size):
    return "0x" + hashlib.sha512(f"espnic test key {spi}".encode()).hexdigest()[:2 * size]


def esp_sas(plan):
    """Preferences that give tshark every key of the run."""
    for p in plan:
        if p.offload == "clear":
            continue
        left, right, family = p.outer()
        for spi, src, dst in ((SPI_TO_RIGHT + p.id, left, right), (SPI_TO_LEFT + p.id, right, left)):
            row = [f"IPv{family}", src, dst, f"0x{spi:08x}", ICV_NAME[p.icv_bits], key(spi, p.keybytes + SALT_BYTES),
                   "NULL", "", "64-bit" if p.esn else "32-bit", "0"]
            yield "uat:esp_sa:" + ",".join(f'"{c}"' for c in row)


def read(pcap, plan):
    """One dict a wire frame, first occurrence of each field."""
    command = ["tshark", "-n", "-r", pcap, "-T", "fields", "-E", "separator=/t", "-E", "occurrence=f",
               "-o", "esp.enable_encryption_decode:TRUE", "-o", "esp.enable_authentication_check:TRUE",
               "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE"]
    if pcap.endswith(".pcapng"):
        command += ["-Y", "frame.interface_id == 0"]
    for field in FIELDS:
        command += ["-e", field]
    for preference in esp_sas(plan):
        command += ["-o", preference]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"tshark: {done.stderr.strip().splitlines()[-1:]}")
    for line in done.stdout.splitlines():
        yield dict(zip(FIELDS, line.split("\t")))


def version():
    done = subprocess.run(["tshark", "--version"], capture_output=True, text=True, check=True)
    return "tshark " + re.search(r"\d+\.\d+\.\d+", done.stdout).group()


def windows(plan, folder):
    """When the policies of each phase stood on both sides, by the files the guests made."""
    for p in plan:
        try:
            yield p, os.stat(os.path.join(folder, f"phase.{p.id}.start")).st_mtime, \
                os.stat(os.path.join(folder, f"phase.{p.id}.end")).st_mtime
        except FileNotFoundError:
            continue


def judge(pcap, plan, folder):
    """Counts and checks of a run: {"esp", "clear", "decoded_by", "phases": {id: …}, "checks": […]}."""
    out = {"esp": 0, "clear": 0, "decoded_by": version(), "phases": {}, "checks": []}
    times = list(windows(plan, folder))
    stats = {p.id: {"esp": 0, "clear": 0, "bad": 0, "other": 0, "bogus": 0} for p in plan}
    by_spi = {spi + p.id: p for p in plan if p.offload != "clear" for spi in (SPI_TO_LEFT, SPI_TO_RIGHT)}
    nonces, twice, strangers = set(), 0, 0
    try:
        frames = list(read(pcap, plan))
    except RuntimeError as err:
        out["checks"].append({"phase": -1, "name": "tshark reads the wire", "ok": False, "detail": str(err)})
        return out
    for f in frames:
        if f["esp.spi"]:
            out["esp"] += 1
            spi = int(f["esp.spi"], 0)
            phase = by_spi.get(spi)
            if phase is None:
                strangers += 1
                continue
            s = stats[phase.id]
            s["esp"] += 1
            s["bad"] += f["esp.icv_good"] not in ("1", "True")
            s["bogus"] += bool(f["esp.pad.bogus"])
            nonce = (spi, f["esp.iv"] or f["esp.sequence"])
            twice += nonce in nonces
            nonces.add(nonce)
            continue
        ends = {f["ip.src"] or f["ipv6.src"], f["ip.dst"] or f["ipv6.dst"]}
        if f["icmpv6.type"] in NDP_TYPES or ESP in (f["ip.proto"], f["ipv6.nxt"], f["ipv6.fraghdr.nxt"]):
            continue
        for p, start, end in times:
            if start <= float(f["frame.time_epoch"]) <= end and ends == set(p.endpoints()):
                stats[p.id]["clear"] += 1
                out["clear"] += 1
    for p in plan:
        if p.offload == "clear":
            continue
        s = stats[p.id]
        protected = any(w[0].id == p.id for w in times)
        out["checks"] += [
            {"phase": p.id, "name": "no clear packet on the wire", "ok": protected and s["clear"] == 0,
             "detail": f"{s['clear']} clear" if protected else "the phase's times are missing"},
            {"phase": p.id, "name": "every ICV good, by tshark", "ok": s["esp"] > 0 and s["bad"] == 0,
             "detail": f"{s['esp']} ESP packets, {s['bad']} not good"},
            {"phase": p.id, "name": "padding as RFC 4303 says", "ok": s["bogus"] == 0, "detail": f"{s['bogus']} bogus"},
        ]
    out["checks"].append({"phase": -1, "name": "no (SPI, IV) twice on the wire", "ok": twice == 0 and bool(nonces),
                          "detail": f"{len(nonces)} nonces, {twice} twice"})
    out["checks"].append({"phase": -1, "name": "no ESP of an unknown SPI", "ok": strangers == 0,
                          "detail": f"{strangers} strangers"})
    out["phases"] = stats
    return out


# ---- the search ----

PCAPNG_SECTION, PCAPNG_INTERFACE, PCAPNG_PACKET = 0x0A0D0D0A, 1, 6
PCAPNG_OPT_FLAGS, PCAPNG_OPT_TSRESOL = 2, 9
WIRE_INTERFACE = 0  # device-model/nic/pcap.h
DIRECTION, DIRECTION_OUT = 3, 2
ETH_TYPES = {0x0800: 4, 0x86DD: 6}
ETH_VLAN = (0x8100, 0x88A8)
PROTO_UDP, PROTO_ESP, PROTO_ICMPV6 = 17, 50, 58
IPV6_EXTENSIONS = (0, 43, 44, 60)
IKE_PORT, NATT_PORT = 500, 4500


def pcapng(path):
    """(seconds, direction, bytes) of each frame on the wire; a cut last block ends it."""
    with open(path, "rb") as file:
        data = file.read()
    at, resolution = 0, {}
    while at + 12 <= len(data):
        kind, size = struct.unpack_from("<II", data, at)
        if size < 12 or at + size > len(data):
            return
        if kind == PCAPNG_INTERFACE:
            options = dict(pcapng_options(data, at + 16, at + size - 4))
            exponent = options.get(PCAPNG_OPT_TSRESOL, b"\x06")[0]
            resolution[len(resolution)] = 10.0 ** -exponent
        elif kind == PCAPNG_PACKET:
            interface, high, low, length = struct.unpack_from("<IIII", data, at + 8)
            if interface == WIRE_INTERFACE:
                end = at + 28 + (length + 3 & ~3)
                flags = dict(pcapng_options(data, end, at + size - 4)).get(PCAPNG_OPT_FLAGS, bytes(4))
                yield ((high << 32 | low) * resolution[interface], flags[0] & DIRECTION,
                       data[at + 28:at + 28 + length])
        at += size


def pcapng_options(data, at, end):
    while at + 4 <= end:
        code, length = struct.unpack_from("<HH", data, at)
        if not code:
            return
        yield code, data[at + 4:at + 4 + length]
        at += 4 + (length + 3 & ~3)


@dataclasses.dataclass
class Packet:
    """What the search wants to know of an IP packet."""
    src: bytes
    dst: bytes
    proto: int
    payload: bytes  # of the packet itself, behind its headers; empty in later fragments


def parse(frame):
    """A Packet, or None for what is no IP."""
    at = 12
    while frame[at:at + 2] and struct.unpack_from("!H", frame, at)[0] in ETH_VLAN:
        at += 4
    family = ETH_TYPES.get(struct.unpack_from("!H", frame, at)[0]) if len(frame) >= at + 2 else None
    ip = frame[at + 2:]
    if family == 4 and len(ip) >= 20:
        later = struct.unpack_from("!H", ip, 6)[0] & 0x1FFF
        return Packet(ip[12:16], ip[16:20], ip[9], b"" if later else ip[(ip[0] & 15) * 4:])
    if family == 6 and len(ip) >= 40:
        proto, at, later = ip[6], 40, False
        while proto in IPV6_EXTENSIONS and len(ip) >= at + 8:
            if proto == 44:
                later |= bool(struct.unpack_from("!H", ip, at + 2)[0] & 0xFFF8)
            proto, at = ip[at], at + (8 if proto == 44 else 8 * (1 + ip[at + 1]))
        return Packet(ip[8:24], ip[24:40], proto, b"" if later else ip[at:])
    return None


def esp_of(packet):
    """The ESP packet it is or carries (RFC 3948: a SPI of 0 is none), else None."""
    if packet.proto == PROTO_ESP:
        return packet.payload
    if packet.proto == PROTO_UDP and len(packet.payload) >= 8 + 16:
        ports = struct.unpack_from("!HH", packet.payload)
        if NATT_PORT in ports and packet.payload[8:12] != bytes(4):
            return packet.payload[8:]
    return None


@dataclasses.dataclass
class Cover:
    """While a policy protects what goes from one prefix to the other."""
    name: str
    src: ipaddress.IPv4Network | ipaddress.IPv6Network
    dst: ipaddress.IPv4Network | ipaddress.IPv6Network
    start: float
    end: float

    def holds(self, when, packet):
        if not self.start <= when <= self.end or len(packet.src) != self.src.max_prefixlen // 8:
            return False
        return ipaddress.ip_address(packet.src) in self.src and ipaddress.ip_address(packet.dst) in self.dst


def covers(folder):
    """All that guests said; one without an end held to the end of the run."""
    for path in sorted(glob.glob(os.path.join(folder, "cover.*.start"))):
        end = path[:-len("start")] + "end"
        with open(path, encoding="ascii") as file:
            src, dst = file.read().split()
        yield Cover(os.path.basename(path).split(".")[1], ipaddress.ip_network(src), ipaddress.ip_network(dst),
                    os.stat(path).st_mtime, os.stat(end).st_mtime if os.path.exists(end) else float("inf"))


def search(pcap, folder):
    """Checks of what the NIC sent, [{"name", "ok", "detail"}]."""
    policies = list(covers(folder))
    nonces, twice, clear, esp = {}, [], [], 0
    for number, (when, direction, frame) in enumerate(pcapng(pcap), 1):
        packet = parse(frame) if direction == DIRECTION_OUT else None
        if not packet:
            continue
        body = esp_of(packet)
        if body is not None:
            nonce = body[:4] + body[8:16]
            if len(nonce) < 12:
                continue
            esp += 1
            if nonce in nonces:
                twice.append(f"SPI 0x{nonce[:4].hex()} IV {nonce[4:].hex()} in frames {nonces[nonce]} and {number}")
            nonces.setdefault(nonce, number)
        elif packet.proto == PROTO_ICMPV6 and packet.payload[:1] and str(packet.payload[0]) in NDP_TYPES:
            continue
        elif packet.proto == PROTO_UDP and {IKE_PORT, NATT_PORT} & set(struct.unpack_from(">HH", packet.payload.ljust(4, b"\0"))):
            continue  # what makes the SAs can't wait for them
        elif packet.proto != PROTO_ESP:
            clear += [f"frame {number}, protocol {packet.proto}, policy {c.name}" for c in policies if c.holds(when, packet)]
    return [
        {"name": "wire: no (SPI, IV) twice", "ok": bool(nonces) and not twice,
         "detail": f"{len(nonces)} nonces, {len(twice)} twice; " + "; ".join(twice[:3])},
        {"name": "wire: no clear packet that a policy covers", "ok": bool(policies) and not clear,
         "detail": f"{esp} ESP packets, {len(policies)} covers, {len(clear)} clear; " + "; ".join(clear[:3])},
    ]


def main():
    """wire.py PCAP FOLDER FIRST: the search as TAP, numbered from FIRST."""
    pcap, folder, first = sys.argv[1:]
    checks = search(pcap, folder)
    for number, check in enumerate(checks, int(first)):
        print(f"{'ok' if check['ok'] else 'not ok'} {number} - {check['name']}: {check['detail']}")
    sys.exit(not all(c["ok"] for c in checks))


if __name__ == "__main__":
    main()
