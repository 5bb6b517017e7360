# SPDX-License-Identifier: BSD-2-Clause
"""The wire as tshark sees it: an independent witness of what a lab run sent.

tshark decrypts and authenticates every ESP packet with the keys of the phases (the same derivation as
tests/lab/lib.sh); what it reports is held against the times in which policies protected.
"""

import dataclasses
import hashlib
import os
import re
import subprocess

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
