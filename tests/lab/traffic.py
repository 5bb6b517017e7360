#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Traffic between the guests with every byte compared.

usage: traffic.py serve
       traffic.py tcp ADDRESS BYTES      send BYTES, get them echoed, compare
       traffic.py udp ADDRESS SIZE...    one datagram of each size, echoed, compared
       traffic.py all ADDRESS...         a little TCP and UDP with each at once, as above
       traffic.py pump ADDRESS...        the same over and over until SIGTERM; what breaks begins anew, and only wrong bytes
                                         are an error
       traffic.py raw IFACE SRC DST PROTO   one IPv4 packet past the stack, by a packet socket; TCP and UDP go to TCP_PORT
"""

import hashlib
import os
import re
import signal
import socket
import struct
import sys
import threading
import time

TCP_PORT = 5001
UDP_PORT = 5002
SLOW = int(os.environ.get("LAB_SLOW", "1"))
TIMEOUT_S = 60 * SLOW  # of a whole transfer: guests are emulated
UDP_TIMEOUT_S = 3 * SLOW
CHUNK = 65536
ALL_BYTES, ALL_SIZES = 40000, (1, 100, 1000)
PUMP_BYTES = 100000 // SLOW  # or a guest whose kernel is checked does nothing else
PUMP_PAUSE_S = 0.1 * SLOW  # between connections: guests are emulated
PUMP_SIZES = (1, 17, 64, 500, 1200)
CUT = re.compile(r" (\d+) of \d+ bytes came back, first difference at \1$")  # cut off, but right up to there
# Not 10: Linux complains of an interface that goes while a socket keeps its policies that long.
PUMP_TIMEOUT_S = min(3 * SLOW, 8)  # of one connection or datagram, when what is between may be broken


def pattern(seed, size):
    """Bytes that no other stream of this run has."""
    out = bytearray()
    block = hashlib.sha256(seed.encode()).digest()
    while len(out) < size:
        block = hashlib.sha256(block).digest()
        out += block * 32
    return bytes(out[:size])


def echo_tcp(conn):
    with conn:
        conn.settimeout(TIMEOUT_S)
        try:
            while True:
                data = conn.recv(CHUNK)
                if not data:
                    return
                conn.sendall(data)
        except OSError as err:
            print(f"traffic: connection ended: {err}", flush=True)


def serve():
    tcp = socket.create_server(("::", TCP_PORT), family=socket.AF_INET6, dualstack_ipv6=True, backlog=16)
    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    udp.bind(("::", UDP_PORT))

    def echo_udp():
        while True:
            data, peer = udp.recvfrom(65535)
            udp.sendto(data, peer)

    threading.Thread(target=echo_udp, daemon=True).start()
    print("traffic: serving", flush=True)
    while True:
        conn, _ = tcp.accept()
        threading.Thread(target=echo_tcp, args=(conn,), daemon=True).start()


def tcp_client(address, size, timeout=TIMEOUT_S):
    sent = pattern(f"tcp {address} {size}", size)
    got = bytearray()
    with socket.create_connection((address, TCP_PORT), timeout=timeout) as conn:
        def send():
            try:
                conn.sendall(sent)
                conn.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # the receiver finds out, and says it

        sender = threading.Thread(target=send)
        sender.start()
        while len(got) < size:
            data = conn.recv(CHUNK)
            if not data:
                break
            got += data
        sender.join()
    if bytes(got) != sent:
        where = next((i for i, (a, b) in enumerate(zip(got, sent)) if a != b), min(len(got), size))
        return f"tcp {address}: {len(got)} of {size} bytes came back, first difference at {where}"
    return None


def udp_client(address, sizes):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(UDP_TIMEOUT_S)
        sock.connect((address, UDP_PORT))
        for size in sizes:
            sent = pattern(f"udp {address} {size}", size)
            sock.send(sent)
            try:
                got = sock.recv(65535)
            except TimeoutError:
                return f"udp {address}: no echo of {size} bytes"
            if got != sent:
                return f"udp {address}: echo of {size} bytes differs"
    return None


class Pump:
    """Traffic that goes on whatever happens to it, until told to stop."""

    def __init__(self, addresses):
        self.addresses, self.stop, self.lock = addresses, threading.Event(), threading.Lock()
        self.done, self.broken, self.wrong = 0, 0, []

    def count(self, wrong, broken):
        with self.lock:
            self.done += not broken
            self.broken += broken
            if wrong:
                self.wrong.append(wrong)

    def tcp(self, address):
        while not self.stop.is_set():
            try:
                wrong = tcp_client(address, PUMP_BYTES, PUMP_TIMEOUT_S)
                cut = bool(wrong) and CUT.search(wrong)
                self.count(None if cut else wrong, bool(cut))
                time.sleep(PUMP_PAUSE_S)
            except OSError:
                self.count(None, True)
                time.sleep(0.1)

    def udp(self, address):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        number = 0
        while not self.stop.is_set():
            try:
                with socket.socket(family, socket.SOCK_DGRAM) as sock:
                    sock.settimeout(PUMP_TIMEOUT_S)
                    sock.connect((address, UDP_PORT))
                    while not self.stop.is_set():
                        number += 1
                        self.datagram(sock, number, PUMP_SIZES[number % len(PUMP_SIZES)])
                        time.sleep(PUMP_PAUSE_S)
            except OSError:
                self.count(None, True)
                time.sleep(0.1)

    def datagram(self, sock, number, size):
        """Sends one; takes what comes, be it a late echo of an earlier one."""
        sock.send(struct.pack("!I", number) + pattern(f"udp {number}", size))
        got = sock.recv(65535)
        of = struct.unpack("!I", got[:4])[0] if len(got) >= 4 else 0
        good = 0 < of <= number and got[4:] == pattern(f"udp {of}", PUMP_SIZES[of % len(PUMP_SIZES)])
        self.count(None if good else f"udp: echo {of} of {number} differs", False)

    def run(self):
        # Waited for, not handled: a handler that sets the event while wait() below it holds the event's lock never returns.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        threads = [threading.Thread(target=kind, args=(address,), daemon=True)
                   for address in self.addresses for kind in (self.tcp, self.udp)]
        for thread in threads:
            thread.start()
        print("pump: running", flush=True)
        while not signal.sigtimedwait([signal.SIGTERM], 0.2) and not self.wrong:
            pass
        self.stop.set()
        for thread in threads:
            thread.join(2 * PUMP_TIMEOUT_S)
        print(f"pump: {self.done} done, {self.broken} broken off, {len(self.wrong)} wrong", flush=True)
        return self.wrong[0] if self.wrong else None


def everything(addresses):
    """TCP and UDP with each address at once; what is wrong, or None."""
    wrong = []

    def one(kind, *args):
        try:
            wrong.append(kind(*args))
        except OSError as error:
            wrong.append(f"{args[0]}: {error}")

    threads = [threading.Thread(target=one, args=args) for address in addresses
               for args in ((tcp_client, address, ALL_BYTES, 10 * SLOW), (udp_client, address, ALL_SIZES))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return "; ".join(w for w in wrong if w) or None


def raw(interface, src, dst, proto):
    """Ethernet to the broadcast address: who receives it does not matter, what the NIC makes of it does."""
    payload = struct.pack("!HH", TCP_PORT, TCP_PORT) + bytes(28)
    if proto == socket.IPPROTO_ICMP:
        payload = struct.pack("!BB", 8, 0) + bytes(30)
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, proto, 0,
                         socket.inet_aton(src), socket.inet_aton(dst))
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xffff) + (total >> 16)
    header = header[:10] + struct.pack("!H", 0xffff & ~(total + (total >> 16))) + header[12:]
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((interface, 0))
        sock.send(b"\xff" * 6 + sock.getsockname()[4] + struct.pack("!H", 0x0800) + header + payload)
    time.sleep(0.2)


def main():
    args = sys.argv[1:]
    wrong = None
    if args == ["serve"]:
        serve()
    if len(args) == 3 and args[0] == "tcp":
        wrong = tcp_client(args[1], int(args[2]))
    elif len(args) >= 3 and args[0] == "udp":
        wrong = udp_client(args[1], [int(a) for a in args[2:]])
    elif len(args) >= 2 and args[0] == "all":
        wrong = everything(args[1:])
    elif len(args) >= 2 and args[0] == "pump":
        wrong = Pump(args[1:]).run()
    elif len(args) == 5 and args[0] == "raw":
        raw(args[1], args[2], args[3], int(args[4]))
    else:
        sys.exit(__doc__)
    if wrong:
        sys.exit(wrong)


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(f"traffic: {error}")
