#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""espnic-ike through what befalls a key exchange in service, against another IKE daemon: the same program in both guests, the left of espnic-ike.

usage: events.py WORK VICI KEYS START SLICE

As matrix.py, whose cells these are with something that happens to them; SLICE: events, or events,WORD...: those whose names have one of the words. `START daemon` becomes this side's daemon. After each
event the child is up in both, offloaded as asked for, with traffic by the device; a killed daemon's states are gone from its kernel, and those it had at the peer, too.
"""

import os
import signal
import subprocess
import sys
import time

import matrix
import vici
from matrix import INNER, LEFT, SLOW, Failure, counts, eventually, kernel_states, run

LOSS = ("loss", "25%", "seed")
SEED = "7383"
FRAGMENT_BYTES = "400"
POOL = "10.77.0.0"
SILENCE_S = 120 * SLOW  # until a peer that says nothing is given up, and more
BASE = {"role": "initiator", "auth": "psk", "mode": "tunnel", "family": 4, "ke": "x25519", "offload": "packet"}
PROTOCOLS = "tcp", "udp", "icmp"


now = ""  # the event's name


def barrier(word, seconds=matrix.WAIT_S * 8):
    """Of the event that is on: a word serves once a run."""
    matrix.barrier(f"{now}-{word}".replace(" ", "-"), seconds)


class Process:
    """This side's daemon, which can be stopped and killed with all its processes."""

    def __init__(self, start, path, keys):
        self.start, self.path, self.keys = start, path, keys
        self.daemon = None
        self.up()

    def up(self):
        self.process = subprocess.Popen([self.start, "daemon"], start_new_session=True)  # pylint: disable=consider-using-with
        self.daemon = eventually(self.connected)
        if not self.daemon:
            raise Failure("the daemon does not start")

    def connected(self):
        try:
            return matrix.Daemon(self.path, self.keys)
        except (OSError, vici.Refused):
            return None

    def signal(self, number):
        os.killpg(self.process.pid, number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait()


# ---- what the left looks at ----

def expect(what, text, seconds=matrix.WAIT_S):
    got = eventually(what, seconds)
    if not got:
        raise Failure(text)
    return got


def with_other_keys(process, old, seconds=matrix.WAIT_S):
    """The child is up with another SPI than @old, and nothing else is in the kernel."""
    child = expect(lambda: (c := process.daemon.child()) and c["spi-in"] != old["spi-in"] and c, "no other child came up", seconds)
    expect(lambda: len(kernel_states()) == 2, f"the kernel has {kernel_states()}")
    matrix.traffic(BASE, matrix.offloaded(BASE, child))
    return child


def initiated(process, cell):
    process.daemon.initiate()
    child = expect(process.daemon.child, "the child is not up here")
    matrix.traffic(cell, matrix.offloaded(cell, child))
    return child


def lose(what):
    run("tc", "qdisc", what, "dev", "eth0", "root", *(("netem", *LOSS, SEED) if what == "add" else ()))


# ---- the events: of the left and of the right ----

def fragments_left(process, cell):
    lose("add")
    try:
        process.daemon.initiate()
    finally:
        lose("del")
        barrier("initiated")
    matrix.held(cell, process.daemon)


def fragments_right(_process, _cell):
    lose("add")
    barrier("initiated", 2 * SILENCE_S)
    lose("del")


def children_left(process, cell):
    for name in PROTOCOLS:
        process.daemon.client.ask("initiate", {"child": name, "ike": "cell", "timeout": str(matrix.WAIT_S * 1000)})
    expect(lambda: len(kernel_states()) == 2 * len(PROTOCOLS), f"the kernel has {kernel_states()}")
    if set(kernel_states().values()) != {cell["offload"]}:
        raise Failure(f"the kernel has {kernel_states()}")
    peer = INNER[4][1]
    traffic = os.path.join(os.path.dirname(os.path.abspath(__file__)), "traffic.py")
    for name, *command in ("tcp", traffic, "tcp", peer, "20000"), ("udp", traffic, "udp", peer, "100", "1000"), ("icmp", "ping", "-n", "-c", "2", peer):
        before = counts()["tx_protected"]
        run(*command)
        if counts()["tx_protected"] == before:
            raise Failure(f"{name} is not the device's work")
    [sa] = process.daemon.sas()
    expect(lambda: all(int(c["packets-out"]) > 0 for [s] in [process.daemon.sas()] for c in s["child-sas"].values()),
           "a child has no packets")
    process.daemon.client.ask("terminate", {"child": "udp", "timeout": str(matrix.WAIT_S * 1000)})
    expect(lambda: len(kernel_states()) == 2 * len(PROTOCOLS) - 2, "the child that was ended stands in the kernel")
    matrix.echoed(peer)
    if process.daemon.sas()[0]["uniqueid"] != sa["uniqueid"]:
        raise Failure("another IKE SA")


def rekeyed(process, child, act):
    """The IKE SA has other SPIs after @act, the child is the one it was."""
    [old] = process.daemon.sas()
    act()
    expect(lambda: (s := process.daemon.sas()) and len(s) == 1 and s[0]["initiator-spi"] != old["initiator-spi"], "the IKE SA is as it was")
    if process.daemon.child()["spi-in"] != child["spi-in"]:
        raise Failure("another child")
    matrix.traffic(BASE, "packet")


def rekey_left(process, cell):
    child = initiated(process, cell)
    rekeyed(process, child, lambda: process.daemon.client.ask("rekey", {"ike": "cell"}))
    barrier("rekey")
    rekeyed(process, child, lambda: barrier("rekeyed"))


def rekey_right(process, _cell):
    barrier("rekey", 2 * matrix.WAIT_S)
    process.daemon.client.ask("rekey", {"ike": "cell"})
    barrier("rekeyed")


def silent_left(process, cell):
    child = initiated(process, cell)
    barrier("up")
    barrier("silent")
    expect(lambda: not process.daemon.child(), "a peer that says nothing is never given up", SILENCE_S)
    barrier("noticed")
    with_other_keys(process, child, SILENCE_S)


def silent_right(process, _cell):
    barrier("up", 2 * matrix.WAIT_S)
    process.signal(signal.SIGSTOP)
    barrier("silent")
    barrier("noticed", 2 * SILENCE_S)
    process.signal(signal.SIGCONT)


def peer_dies_left(process, cell):
    child = initiated(process, cell)
    barrier("up")
    barrier("again", 2 * matrix.WAIT_S)
    with_other_keys(process, child)


def peer_dies_right(process, cell):
    barrier("up", 2 * matrix.WAIT_S)
    process.kill()
    forget()
    process.up()
    process.daemon.load(cell)
    process.daemon.initiate()
    barrier("again")


def forget():
    """As after a boot: strongSwan leaves in the kernel what it had there when it was killed."""
    run("ip", "xfrm", "state", "flush")
    run("ip", "xfrm", "policy", "flush")


def dies_left(process, cell):
    child = initiated(process, cell)
    process.kill()
    # what stands in the kernel goes on to protect
    matrix.traffic(cell, "packet")
    process.up()
    process.daemon.load(cell)
    process.daemon.initiate()
    with_other_keys(process, child)


def virtual_left(process, cell):
    initiated(process, cell)
    mine = run("ip", "-4", "route", "get", INNER[4][1])
    if f"src {POOL[:-1]}" not in mine:
        raise Failure(f"another source: {mine}")
    process.daemon.client.ask("rekey", {"child": "net"})
    expect(lambda: len(kernel_states()) == 2, f"the kernel has {kernel_states()}")
    matrix.traffic(cell, "packet")
    process.daemon.client.ask("terminate", {"ike": "cell", "timeout": str(matrix.WAIT_S * 1000)})
    left = run("ip", "route", "show", "table", "220", check=False) + run("ip", "rule", "show", "pref", "220")
    if left or f"src {POOL[:-1]}" in run("ip", "-4", "route", "get", INNER[4][1]):
        raise Failure(f"routes are left: {left}")


def nothing(_process, _cell):
    pass


CHILDREN = {name: {"mode": "tunnel", "esp_proposals": ["aes128gcm16"], "rekey_time": "0",
                   "local_ts": [f"{INNER[4][0 if LEFT else 1]}/32[{name}]"], "remote_ts": [f"{INNER[4][1 if LEFT else 0]}/32[{name}]"],
                   **({"hw_offload": "packet", "interface": "eth0"} if LEFT else {})} for name in PROTOCOLS}
if LEFT:
    VIRTUAL = {"conn": {"vips": ["0.0.0.0"]}, "child": {"local_ts": ["dynamic"]}}
else:
    VIRTUAL = {"conn": {"pools": ["pool"]}, "child": {"remote_ts": ["dynamic"]}}
LIVENESS = {"dpd_delay": "2s"} if LEFT else {}
EVENTS = [
    ("fragments are lost", dict(BASE, auth="rsa", conn={"fragmentation": "yes"}), fragments_left, fragments_right),
    ("several children", dict(BASE, conn={"children": CHILDREN}), children_left, nothing),
    ("an address of the peer's pool", dict(BASE, **VIRTUAL), virtual_left, nothing),
    ("rekeying of the IKE SA, by either side", BASE, rekey_left, rekey_right),
    ("the peer falls silent, and comes again", dict(BASE, conn=LIVENESS, child={"dpd_action": "restart"} if LEFT else {}), silent_left, silent_right),
    ("the peer dies, and comes again", BASE, peer_dies_left, peer_dies_right),
    ("espnic-ike dies, and comes again", BASE, dies_left, nothing),
]


def happen(event, process):
    """Both sides' part of one; why it failed, on the left."""
    global now  # pylint: disable=global-statement
    now, cell, left, right = event
    why = None
    process.daemon.load(cell)
    barrier("loaded")
    try:
        (left if LEFT else right)(process, cell)
    except (Failure, vici.Refused, OSError) as e:
        why = str(e) or type(e).__name__
    barrier("over", 3 * SILENCE_S)
    process.daemon.clear()
    barrier("cleared")
    if not LEFT:
        forget()
    elif not why and not eventually(lambda: not kernel_states(), 5 * SLOW):
        why = f"left behind: {kernel_states()}"
    return why


def main():
    work, path, keys, start, slice_ = sys.argv[1:]
    words = slice_.split(",")[1:]
    matrix.prepare(work)
    process = Process(start, path, keys)
    if not LEFT:
        process.daemon.client.ask("load-pool", {"pool": {"addrs": f"{POOL}/24"}})
        run("ip", "route", "replace", f"{POOL}/24", "dev", "eth0")
    failed = 0
    chosen = [e for e in EVENTS if not words or any(w in e[0] for w in words)]
    for number, event in enumerate(chosen, 1):
        began = time.monotonic()
        why = happen(event, process)
        failed += why is not None
        if LEFT:
            with open(f"{work}/tap", "a", encoding="utf-8") as f:
                f.write(f"{'not ok' if why else 'ok'} {number} - {event[0]}{': ' + why if why else ''}\n")
        print(f"{event[0]}: {time.monotonic() - began:.0f} s{': ' + why if why else ''}", flush=True)
    process.signal(signal.SIGTERM)
    return process.process.wait(matrix.WAIT_S) if LEFT and not failed else failed


if __name__ == "__main__":
    sys.exit(main())
