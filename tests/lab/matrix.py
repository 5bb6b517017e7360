#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""espnic-ike against another IKE daemon, cell by cell, in one run of the lab: the same program in both guests, the left of espnic-ike.

usage: matrix.py WORK VICI KEYS SLICE

WORK: where results go (/out); VICI: this side's socket, or libreswan's folder if $LAB_PEER is libreswan; KEYS: the folder of tests/ike/keys.py.
SLICE: all; fast (every pair of values at least once); more (what is beside the matrix); lesser (a device without packet offload); or words that a cell's name must have, with commas between.

A cell is up when both say so, the left has the offload that was asked for, TCP comes back byte for byte, and the device's counts have grown
where they should; it passes when nothing of it is left after its end, too. The left writes matrix.json and a line of TAP a cell.
"""

import contextlib
import itertools
import json
import os
import random
import re
import socket
import subprocess
import sys
import time

import pluto
import vici

SIDE = os.environ["LAB_SIDE"]
SLOW = int(os.environ.get("LAB_SLOW", "1"))
PEER = os.environ.get("LAB_PEER", "strongswan")
LEFT = SIDE == "left"
WAIT_S = 30 * SLOW  # for an exchange
TRAFFIC_BYTES = 20000
TCP_PORT = 5001  # of traffic.py serve
BYPASSES = 18  # policies in the device: four of UDP and five of ICMPv6, each way (kernel/bypass.h)
PSK = "espnic test secret"
ADDRESSES = {4: ("192.0.2.1", "192.0.2.2"), 6: ("2001:db8::1", "2001:db8::2")}
INNER = {4: ("198.51.100.1", "203.0.113.1"), 6: ("2001:db8:a::1", "2001:db8:b::1")}
MOVED = "192.0.2.11"
ROLES, AUTHS, MODES = ("initiator", "responder"), ("psk", "P-256", "ed25519", "rsa"), ("tunnel", "transport")
FAMILIES, OFFLOADS = (4, 6), ("no", "crypto", "packet")
KES = ("x25519", "ecp384", "modp3072", "x25519-ke1_mlkem768")
AXES = {"role": ROLES, "auth": AUTHS, "mode": MODES, "family": FAMILIES, "ke": KES, "offload": OFFLOADS}
# What a peer's list of algorithms calls what our names mean; others have it all
NEEDS = {"x25519-ke1_mlkem768": "ML_KEM_768"}


class Failure(Exception):
    pass


# ---- cells ----

def title(cell):
    extra = "".join(f" {k}={v}" for k, v in cell.items() if k not in AXES)
    return f"{cell['role']} {cell['auth']} {cell['mode']} IPv{cell['family']} {cell['ke']} offload={cell['offload']}{extra}"


def every():
    return [dict(zip(AXES, values)) for values in itertools.product(*AXES.values())]


def pairs_of(cell):
    return {frozenset(pair) for pair in itertools.combinations(cell.items(), 2)}


def lacking(cell, lacks):
    """The value of a cell that the peer lacks; None."""
    return next((cell[axis] for axis in AXES if cell[axis] in lacks), None)


def fast(lacks):
    """
    Cells that have each pair of values of two axes, always the same ones: of some at random, the one with most that is new. Of what the peer lacks
    (value: what that is), one each.
    """
    draw = random.Random(9370)
    cells = [c for c in every() if not lacking(c, lacks)]
    left = set().union(*(pairs_of(c) for c in cells))
    out = []
    while left:
        best = max((draw.choice(cells) for _ in range(200)), key=lambda c: len(pairs_of(c) & left))
        if pairs_of(best) & left:
            out.append(best)
            left -= pairs_of(best)
    return out + [next(c for c in every() if value in c.values()) for value in lacks]


def whole(lacks):
    """All cells, those of the fast slice first."""
    first = fast(lacks)
    return first + [c for c in every() if c not in first]


def more():
    """What is beside the matrix: NAT-T, auto, and a change of address."""
    base = {"role": "initiator", "auth": "psk", "mode": "tunnel", "family": 4, "ke": "x25519", "offload": "packet"}
    for family, mode in itertools.product(FAMILIES, MODES):
        yield dict(base, family=family, mode=mode, encap="yes")
    yield dict(base, offload="crypto", encap="yes")
    yield dict(base, offload="crypto", family=6, encap="yes", refused="over IPv6, UDP encapsulation can be offloaded in packet mode only")
    for family, mode in itertools.product(FAMILIES, MODES):
        yield dict(base, offload="auto", family=family, mode=mode, gets="packet")
    # a device that has no offload at all, and one that is not there
    yield dict(base, offload="auto", interface="lo", gets="no", note="not offloaded")
    yield dict(base, offload="auto", interface="nowhere", gets="no", note="no device of that address can offload")
    yield dict(base, offload="packet", interface="nowhere", refused="no device to offload to")
    yield dict(base, offload="auto", role="responder", gets="packet")
    yield dict(base, offload="no", moves="with its keys and numbers")
    yield dict(base, offload="packet", moves="Type doesn't support offload")
    yield dict(base, offload="crypto", moves="Type doesn't support offload")


def lesser():
    """On a device without packet offload (lab/run --hide-caps PACKET)."""
    base = {"role": "initiator", "auth": "psk", "mode": "tunnel", "family": 4, "ke": "x25519", "offload": "auto"}
    for role, family, mode in itertools.product(ROLES, FAMILIES, MODES):
        yield dict(base, role=role, family=family, mode=mode, gets="crypto", note="the device lacks this type of offload")
    # what crypto offload has not either is software, for the last reason
    yield dict(base, family=6, encap="yes", gets="no", note="over IPv6, UDP encapsulation can be offloaded in packet mode only")
    yield dict(base, offload="packet", refused="Policy offload is not supported")


def chosen(words, lacks):
    if words in ("all", "fast", "more", "lesser"):
        return {"all": lambda: whole(lacks), "fast": lambda: fast(lacks), "more": more, "lesser": lesser}[words]()
    return [c for c in itertools.chain(every(), more()) if all(w in title(c).split() for w in words.split(","))]


# ---- the guest ----

def run(*args, check=True):
    done = subprocess.run(args, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise Failure(f"{' '.join(args)}: {done.stderr.strip()}")
    return done.stdout


def barrier(word, seconds=240):
    run("lab-barrier", word, str(seconds))


def eventually(what, seconds=WAIT_S):
    until = time.monotonic() + seconds
    while True:
        got = what()
        if got or time.monotonic() > until:
            return got
        time.sleep(0.05)


def counts():
    return {k: int(v) for k, v in re.findall(r"^\s+(\w+): (\d+)$", run("ethtool", "-S", "eth0"), re.M)}


def kernel_states():
    """SPI -> type of offload, of every state that is not larval."""
    out = {}
    for text in re.split(r"^(?=src )", run("ip", "xfrm", "state", "list"), flags=re.M)[1:]:
        mode = re.search(r"offload parameters:.*mode (\w+)", text)
        out[re.search(r"spi (0x\w+)", text)[1]] = mode[1] if mode else "no"
    return out


def policies():
    return [line for line in run("ip", "xfrm", "policy", "list").splitlines() if line.startswith("src ")]


def prepare(work):
    """Inner addresses; and neighbours that are known for good: software policies of a host pair cover its neighbour discovery as well."""
    mine, theirs = (0, 1) if LEFT else (1, 0)
    with open("/sys/class/net/eth0/address", encoding="ascii") as f:
        mac = f.read().strip()
    with open(f"{work}/{SIDE}.mac", "w", encoding="ascii") as f:
        f.write(mac)
    barrier("macs")
    with open(f"{work}/{'right' if LEFT else 'left'}.mac", encoding="ascii") as f:
        mac = f.read().strip()
    for family, option, bits in (4, "-4", 32), (6, "-6", 128):
        run("ip", option, "address", "add", f"{INNER[family][mine]}/{bits}", "dev", "eth0", *(["nodad"] if family == 6 else []))
        run("ip", option, "route", "replace", f"{INNER[family][theirs]}/{bits}", "dev", "eth0", "src", INNER[family][mine])
        for address in ADDRESSES[family][theirs], INNER[family][theirs], *([MOVED] if family == 4 and not LEFT else []):
            run("ip", option, "neighbour", "replace", address, "lladdr", mac, "dev", "eth0", "nud", "permanent")


def echoed(address):
    """Bytes there and back by TCP."""
    data = random.Random(address).randbytes(TRAFFIC_BYTES)
    with socket.create_connection((address, TCP_PORT), timeout=WAIT_S) as conn:
        conn.sendall(data)
        conn.shutdown(socket.SHUT_WR)
        got = b""
        while len(got) < len(data) and (more_of_it := conn.recv(65536)):
            got += more_of_it
    if got != data:
        raise Failure(f"{len(got)} bytes came back of {len(data)}, or others")


# ---- one side's daemon ----

class Daemon:
    def __init__(self, path, keys):
        self.path = path
        self.keys = keys
        self.client = vici.Client(path)
        for kind in AUTHS[1:]:
            self.client.ask("load-key", {"type": "any", "data": self.file(f"{SIDE}-{kind}.key")})
        self.client.ask("load-shared", {"id": "both", "type": "IKE", "data": PSK, "owners": ["left.example", "right.example"]})
        self.load_cas()

    def file(self, name):
        with open(f"{self.keys}/{name}", "rb") as f:
            return f.read()

    def load_cas(self):
        for name in "root", "middle":
            self.client.ask("load-cert", {"type": "X509", "flag": "CA", "data": self.file(f"{name}.pem")})

    def auth(self, cell, mine):
        side = {"id": f"{SIDE if mine else 'right' if LEFT else 'left'}.example"}
        if cell["auth"] == "psk":
            side["auth"] = "psk"
        else:
            side["auth"] = "pubkey"
            if mine:
                side["certs"] = [self.file(f"{SIDE}-{cell['auth']}.pem")]
        return side

    def load(self, cell):
        mine, theirs = (0, 1) if LEFT else (1, 0)
        child = {"mode": cell["mode"], "esp_proposals": ["aes128gcm16"], "rekey_time": "0"}
        if cell["mode"] == "tunnel":
            bits = 32 if cell["family"] == 4 else 128
            child["local_ts"] = [f"{INNER[cell['family']][mine]}/{bits}"]
            child["remote_ts"] = [f"{INNER[cell['family']][theirs]}/{bits}"]
        else:
            child["local_ts"] = child["remote_ts"] = ["dynamic[tcp]"]
        if LEFT:
            child["hw_offload"] = cell["offload"]
            if cell["offload"] != "no":
                child["interface"] = cell.get("interface", "eth0")
        conn = {"version": "2", "local_addrs": [ADDRESSES[cell["family"]][mine]], "remote_addrs": [ADDRESSES[cell["family"]][theirs]],
                "proposals": [f"aes128gcm16-prfsha256-{cell['ke']}"], "mobike": "yes" if "moves" in cell else "no",
                "encap": cell.get("encap", "no"), "local-1": self.auth(cell, True), "remote-1": self.auth(cell, False),
                "children": {"net": child}}
        if "moves" in cell:
            conn["local_addrs" if LEFT else "remote_addrs"] = ["%any"]
        child.update(cell.get("child", {}))
        conn.update(cell.get("conn", {}))
        self.client.ask("load-conn", {"cell": conn})

    def about(self):
        """Its name, and what it lacks, as it says itself."""
        have = json.dumps(self.client.ask("get-algorithms"))
        version = self.client.ask("version")
        return f"{version['daemon']} {version['version']}", {ke: needed for ke, needed in NEEDS.items() if needed not in have}

    def sas(self):
        return [sa for event in self.client.stream("list-sas", "list-sa") for sa in event.values()]

    def child(self):
        """The child that is up; None."""
        for sa in self.sas():
            for child in sa.get("child-sas", {}).values():
                if sa["state"] == "ESTABLISHED" and child["state"] == "INSTALLED":
                    return child
        return None

    def initiate(self):
        self.client.ask("initiate", {"child": "net", "ike": "cell", "timeout": str(WAIT_S * 1000), "init-limits": "no"} if not LEFT else
                        {"child": "net", "ike": "cell", "timeout": str(WAIT_S * 1000)})

    def clear(self):
        if self.sas():
            with contextlib.suppress(vici.Refused):  # the other side has been quicker
                self.client.ask("terminate", {"ike": "cell", "force": "yes", "timeout": "-1"})
        self.client.ask("unload-conn", {"name": "cell"})


class Libreswan(pluto.Pluto):
    """The right side's, in @path; of a cell it takes what it can have."""

    def __init__(self, path):
        super().__init__(path, "right")

    def load(self, cell, **more):
        bits = 32 if cell["family"] == 4 else 128
        self.connect(cell, ADDRESSES[cell["family"]][::-1], [f"{a}/{bits}" for a in INNER[cell["family"]][::-1]], **more)


# ---- what is looked at, on the left ----

def offloaded(cell, child):
    want = cell.get("gets", cell["offload"])
    if child["hw-offload"] != want:
        raise Failure(f"offload {child['hw-offload']} instead of {want}: {child.get('hw-note', 'no reason')}")
    if cell["offload"] == "auto" and want != "packet" and cell["note"] not in child.get("hw-note", ""):
        raise Failure(f"the reason is '{child.get('hw-note', '')}'")
    states = eventually(lambda: (s := kernel_states()) and set(s.values()) == {want} and s)
    if not states or len(states) != 2:
        raise Failure(f"the kernel has {kernel_states()}")
    if child.get("encap", "no") != cell.get("encap", "no"):
        raise Failure("UDP encapsulation is not as it was asked for")
    return want


def traffic(cell, want):
    before = counts()
    echoed((INNER if cell["mode"] == "tunnel" else ADDRESSES)[cell["family"]][1])
    after = counts()
    for name, of in ("tx_protected", "packet"), ("tx_crypto", "crypto"):
        grown = after[name] - before[name]
        if (grown > 0) != (of == want):
            raise Failure(f"offload {want}, and {name} grew by {grown}")


def move(cell, daemon, want):
    """Another address, with MOBIKE: the states go along, or others come; traffic goes on."""
    old = daemon.child()
    run("ip", "address", "del", f"{ADDRESSES[4][0]}/24", "dev", "eth0")
    run("ip", "address", "add", f"{MOVED}/24", "dev", "eth0")
    try:
        child = eventually(lambda: (c := daemon.child()) and c.get("moved") and c["moved"].startswith("with its keys") == (want == "no") and
                           (want == "no" or c["spi-in"] != old["spi-in"]) and c)
        if not child:
            raise Failure(f"not moved: {daemon.child()}")
        if cell["moves"] not in child["moved"]:
            raise Failure(f"moved: {child['moved']}")
        if (child["spi-in"] == old["spi-in"]) != (want == "no"):
            raise Failure("another SA, or the same one")
        eventually(lambda: len(kernel_states()) == 2)
        offloaded(cell, child)
        traffic(cell, want)
    finally:
        run("ip", "address", "del", f"{MOVED}/24", "dev", "eth0")
        run("ip", "address", "add", f"{ADDRESSES[4][0]}/24", "dev", "eth0")


def held(cell, daemon):
    child = eventually(daemon.child)
    if not child:
        raise Failure("the child is not up here")
    if child["mode"].lower() != cell["mode"]:
        raise Failure(f"mode {child['mode']}")
    want = offloaded(cell, child)
    traffic(cell, want)
    if "moves" in cell:
        move(cell, daemon, want)


def ended(daemon, standing):
    daemon.client.ask("terminate", {"ike": "cell", "timeout": str(WAIT_S * 1000)})
    if not eventually(lambda: not kernel_states() and len(policies()) <= standing, 5 * SLOW):
        raise Failure(f"left behind: {kernel_states()}, {len(policies())} policies")


def try_cell(cell, daemon, standing):
    """Raises Failure; the IKE SA is down afterwards, or it is a failure too."""
    if cell["role"] == "initiator":
        try:
            daemon.initiate()
        except vici.Refused as refused:
            if "refused" in cell and cell["refused"] in str(refused):
                return
            raise Failure(f"initiate: {refused}") from refused
    if "refused" in cell:
        raise Failure("it was not refused")
    held(cell, daemon)
    ended(daemon, standing)


# ---- both sides ----

def who(daemon, work):
    """The peer's name, and what it lacks; the right writes it down."""
    path = f"{work}/peer.json"
    if not LEFT:
        with open(path, "w", encoding="ascii") as f:
            json.dump(daemon.about(), f)
    barrier("peer")
    with open(path, encoding="ascii") as f:
        return json.load(f)


def left_cell(cell, daemon, standing):
    try:
        try_cell(cell, daemon, standing)
        return None
    except (Failure, vici.Refused, OSError) as e:
        return str(e) or type(e).__name__


def right_cell(cell, daemon):
    if cell["role"] == "responder":
        try:
            daemon.initiate()
        except vici.Refused as refused:
            print(f"{title(cell)}: initiate: {refused}", flush=True)


def note(work, peer, words, results):
    """What is known so far: a run that breaks off has what came before."""
    with open(f"{work}/matrix.json", "w", encoding="utf-8") as f:
        json.dump({"peer": peer, "slice": words, "cells": results}, f, indent=1)
    last = results[-1]
    if last["result"] != "lacking":
        number = sum(r["result"] != "lacking" for r in results)
        with open(f"{work}/tap", "a", encoding="utf-8") as f:
            f.write(f"{'ok' if last['result'] == 'passed' else 'not ok'} {number} - {peer}: {last['name']}{': ' + last['why'] if 'why' in last else ''}\n")


def both(words, daemon, work):
    peer, lacks = who(daemon, work)
    results = []
    # what IKE needs of the device comes with the first offloaded child and stays
    standing = len(policies()) + BYPASSES if LEFT else 0
    for number, cell in enumerate(chosen(words, lacks)):
        result = dict(cell, name=title(cell), peer=peer)
        missing = lacking(cell, lacks)
        if missing:
            results.append(dict(result, result="lacking", why=f"{peer} lacks {lacks[missing]}"))
        else:
            daemon.load(cell)
            barrier(f"loaded-{number}")
            why = left_cell(cell, daemon, standing) if LEFT else right_cell(cell, daemon)
            barrier(f"looked-at-{number}")
            daemon.clear()
            results.append(dict(result, result="failed" if why else "passed", **({"why": why} if why else {})))
        if LEFT:
            note(work, peer, words, results)
    return results


def main():
    work, path, keys, words = sys.argv[1:]
    prepare(work)
    results = both(words, Daemon(path, keys) if LEFT or PEER == "strongswan" else Libreswan(path), work)
    if not LEFT:
        return 0
    got = [r["result"] for r in results]
    return 0 if "passed" in got and "failed" not in got else 1


if __name__ == "__main__":
    sys.exit(main())
