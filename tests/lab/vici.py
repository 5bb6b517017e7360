# SPDX-License-Identifier: BSD-2-Clause
"""VICI as a client (strongSwan, src/libcharon/plugins/vici/README.md), by itself: for tests that ask more often than swanctl could be started.

Messages are dicts: sections are dicts, lists lists, values str or bytes. What comes back has str where it is UTF-8.
"""

import socket
import struct

CMD_REQUEST, CMD_RESPONSE, CMD_UNKNOWN, EVENT_REGISTER, EVENT_UNREGISTER, EVENT_CONFIRM, EVENT_UNKNOWN, EVENT = range(8)
SECTION_START, SECTION_END, KEY_VALUE, LIST_START, LIST_ITEM, LIST_END = range(1, 7)
TIMEOUT_S = 120


class Refused(Exception):
    """The daemon's words."""


def name(text):
    raw = text.encode()
    return struct.pack("!B", len(raw)) + raw


def value(data):
    raw = data if isinstance(data, bytes) else str(data).encode()
    return struct.pack("!H", len(raw)) + raw


def encode(message):
    out = b""
    for key, what in message.items():
        if isinstance(what, dict):
            out += bytes([SECTION_START]) + name(key) + encode(what) + bytes([SECTION_END])
        elif isinstance(what, (list, tuple)):
            items = b"".join(bytes([LIST_ITEM]) + value(item) for item in what)
            out += bytes([LIST_START]) + name(key) + items + bytes([LIST_END])
        else:
            out += bytes([KEY_VALUE]) + name(key) + value(what)
    return out


class Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, count):
        self.at += count
        return self.data[self.at - count:self.at]

    def name(self):
        return self.take(self.take(1)[0]).decode()

    def value(self):
        raw = self.take(struct.unpack("!H", self.take(2))[0])
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return raw

    def message(self):
        out = {}
        while self.at < len(self.data):
            kind = self.take(1)[0]
            if kind == SECTION_END:
                return out
            key = self.name()
            if kind == SECTION_START:
                out[key] = self.message()
            elif kind == KEY_VALUE:
                out[key] = self.value()
            else:
                out[key] = []
                while self.take(1)[0] == LIST_ITEM:
                    out[key].append(self.value())
        return out


class Client:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(path)

    def send(self, kind, what, message=b""):
        packet = bytes([kind]) + name(what) + message
        self.sock.sendall(struct.pack("!I", len(packet)) + packet)

    def exactly(self, count):
        out = b""
        while len(out) < count:
            more = self.sock.recv(count - len(out))
            if not more:
                raise Refused("the daemon has hung up")
            out += more
        return out

    def receive(self):
        packet = self.exactly(struct.unpack("!I", self.exactly(4))[0])
        return packet[0], packet[1:]

    def register(self, event, kind=EVENT_REGISTER):
        self.send(kind, event)
        if self.receive()[0] != EVENT_CONFIRM:
            raise Refused(f"no event {event}")

    def ask(self, command, message=None):
        """The reply; Refused with its errmsg if it is a failure."""
        self.send(CMD_REQUEST, command, encode(message or {}))
        kind, body = self.receive()
        if kind != CMD_RESPONSE:
            raise Refused(f"no command {command}")
        reply = Reader(body).message()
        if reply.get("success") == "no":
            raise Refused(reply.get("errmsg", ""))
        return reply

    def event(self):
        """The next one that was registered for: its name and what is in it."""
        _, body = self.receive()
        reader = Reader(body)
        return reader.name(), reader.message()

    def stream(self, command, event, message=None):
        """The events that come before the reply."""
        self.register(event)
        self.send(CMD_REQUEST, command, encode(message or {}))
        out = []
        while True:
            kind, body = self.receive()
            if kind != EVENT:
                break
            reader = Reader(body)
            reader.name()
            out.append(reader.message())
        self.register(event, EVENT_UNREGISTER)
        return out
