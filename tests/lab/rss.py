#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Does what the device decrypts come by the queue that its inner header hashes to?

usage: rss.py IFACE ADDRESS

Sends datagrams from some ports to `traffic.py serve` at an IPv4 ADDRESS, under an SA of packet offload. Of their echoes each
queue is to have had (rxqN_ipsec) just those whose Toeplitz hash leads to it, by key and table of `ethtool -x`.
"""

import ipaddress
import json
import re
import socket
import subprocess
import sys

from traffic import UDP_PORT, UDP_TIMEOUT_S

PORTS = range(40000, 40024)
COUNTER = re.compile(r"rxq(\d+)_ipsec: (\d+)")


def toeplitz(key, data):
    """The hash of Microsoft's RSS: of each bit set in data, from the first, the 32 bits of the key that begin there."""
    bits = len(key) * 8
    number = int.from_bytes(key, "big")
    value = 0
    for i in range(len(data) * 8):
        if data[i // 8] & 0x80 >> i % 8:
            value ^= number >> (bits - 32 - i) & 0xffffffff
    return value


def of_queues(iface):
    said = subprocess.run(["ethtool", "-S", iface], check=True, capture_output=True, text=True).stdout
    return {int(queue): int(packets) for queue, packets in COUNTER.findall(said)}


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    iface, address = sys.argv[1:]
    rss = json.loads(subprocess.run(["ethtool", "--json", "-x", iface], check=True, capture_output=True).stdout)[0]
    key, table = bytes(rss["rss-hash-key"]), rss["rss-indirection-table"]
    expected = dict.fromkeys(of_queues(iface), 0)
    before = of_queues(iface)
    for port in PORTS:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(UDP_TIMEOUT_S)
            sock.bind(("", port))
            sock.connect((address, UDP_PORT))
            sock.send(b"which queue?")
            sock.recv(100)
            me = sock.getsockname()[0]
        flow = (ipaddress.ip_address(address).packed + ipaddress.ip_address(me).packed +
                UDP_PORT.to_bytes(2, "big") + port.to_bytes(2, "big"))
        expected[table[toeplitz(key, flow) % len(table)]] += 1
    after = of_queues(iface)
    grown = {queue: after[queue] - before[queue] for queue in after}
    print(f"by queue: {grown}, expected {expected}")
    if sum(count > 0 for count in expected.values()) < 2:
        sys.exit("rss.py: all of one queue: this says nothing")
    sys.exit(grown != expected)


if __name__ == "__main__":
    main()
