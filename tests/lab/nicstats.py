#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""nicstats.py: do `ip -s link`, `ethtool -S` and the queue statistics of netdev netlink tell the same?

Counts go on while they are read, so each is bracketed: read before and after the others.
"""

import glob
import json
import re
import struct
import socket
import subprocess
import sys

NETLINK_GENERIC = 16
CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 3, 1, 2
NLM_F_REQUEST, NLM_F_DUMP, NLMSG_ERROR, NLMSG_DONE = 1, 0x300, 2, 3
GENL_ID_CTRL = 16
# linux/netdev.h
CMD_QSTATS_GET = 12
A_QSTATS_IFINDEX, A_QSTATS_SCOPE, SCOPE_QUEUE = 1, 4, 1
A_QSTATS_QUEUE_TYPE = 2
QSTATS = {8: "rx_packets", 9: "rx_bytes", 10: "tx_packets", 11: "tx_bytes", 12: "rx_alloc_fail"}
# ethtool -S
QUEUE_COUNTERS = {("rxq", "packets"): "rx_packets", ("rxq", "bytes"): "rx_bytes",
                  ("txq", "sent"): "tx_packets", ("txq", "sent_bytes"): "tx_bytes"}


def attribute(kind, data):
    return struct.pack("HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def attributes(data):
    while len(data) >= 4:
        length, kind = struct.unpack_from("HH", data)
        yield kind & 0x3FFF, data[4:length]
        data = data[(length + 3) & ~3:]


def request(sock, family, command, flags, body):
    payload = struct.pack("BBH", command, 1, 0) + body
    sock.send(struct.pack("IHHII", 16 + len(payload), family, NLM_F_REQUEST | flags, 1, 0) + payload)
    while True:
        data = sock.recv(1 << 16)
        while data:
            length, kind = struct.unpack_from("IH", data)
            if kind == NLMSG_ERROR:
                code = -struct.unpack_from("i", data, 16)[0]
                if code:
                    raise OSError(code, "netlink")
                return
            if kind == NLMSG_DONE:
                return
            yield dict(attributes(data[20:length]))
            data = data[(length + 3) & ~3:]
        if not flags & NLM_F_DUMP:
            return


def number(data):
    return int.from_bytes(data, "little")


def queue_stats(index, per_queue):
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC) as sock:
        name = attribute(CTRL_ATTR_FAMILY_NAME, b"netdev\0")
        family = number(next(request(sock, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0, name))[CTRL_ATTR_FAMILY_ID])
        body = attribute(A_QSTATS_IFINDEX, struct.pack("I", index))
        if per_queue:
            body += attribute(A_QSTATS_SCOPE, struct.pack("I", SCOPE_QUEUE))
        total = dict.fromkeys(QSTATS.values(), 0)
        for answer in request(sock, family, CMD_QSTATS_GET, NLM_F_DUMP, body):
            for kind, name in QSTATS.items():
                total[name] += number(answer.get(kind, b""))
        return total


def link_stats():
    said = json.loads(subprocess.check_output(["ip", "-j", "-s", "link", "show", "eth0"]))[0]
    stats = said["stats64"]
    return said["ifindex"], {f"{d}_{u}": stats[d][u] for d in ("rx", "tx") for u in ("packets", "bytes")}


def ethtool_stats():
    text = subprocess.check_output(["ethtool", "-S", "eth0"], text=True)
    total = {}
    for kind, counter, value in re.findall(r"^\s+([rt]xq)\d+_(\w+): (\d+)$", text, re.M):
        name = QUEUE_COUNTERS.get((kind, counter))
        if name:
            total[name] = total.get(name, 0) + int(value)
    return total


def main():
    index, before = link_stats()
    told = {"ethtool -S": ethtool_stats(), "qstats": queue_stats(index, False)}
    by_queue = queue_stats(index, True)
    _, after = link_stats()
    wrong = 0
    for who, stats in told.items():
        for name, low in before.items():
            if not low <= stats.get(name, -1) <= after[name]:
                print(f"{who}: {name} is {stats.get(name)}, ip -s link says {low} to {after[name]}")
                wrong += 1
    for name, value in by_queue.items():
        if value > after.get(name, value):
            print(f"qstats by queue: {name} is {value}, more than the interface's {after[name]}")
            wrong += 1
    queues = len(glob.glob("/sys/class/net/eth0/queues/rx-*"))
    print(f"{queues} queues, {after}, queues alone {by_queue}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
