#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""espnic-engine on the command line, by CONTRACTS.md: requests good, wrong and broken.

Usage: test_cli.py [PROGRAM]   (default: build/libexec/espnic-engine of this tree)
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

TREE = pathlib.Path(__file__).resolve().parents[3]
PROGRAM = sys.argv[1] if len(sys.argv) > 1 else str(TREE / "build/libexec/espnic-engine")
LINE_MAX = 1 << 20

SA = {"spi": 0x1234, "mode": "tunnel", "enc": "aes-gcm", "enc_key": "00" * 16, "salt": "01020304",
      "tunnel": {"src": "192.0.2.1", "dst": "192.0.2.2"}}
HMAC = {"spi": 1, "enc": "aes-cbc", "enc_key": "00" * 16, "auth": "hmac-sha256-128",
        "auth_key": "00" * 32}
IP4 = "4500001c00010000401166ce0a0000010a00000204d2162e00080000"
IP6 = "6000000000081140" + "fd" + "00" * 14 + "01" + "fd" + "00" * 14 + "02" + "04d2162e00080000"


def without(obj, *names):
    return {k: v for k, v in obj.items() if k not in names}


def ask(command, lines, engine="ref", program=PROGRAM):
    """The replies to @lines (objects, or text or bytes as they are), parsed."""
    raw = b"".join((x if isinstance(x, bytes) else
                    (x if isinstance(x, str) else json.dumps(x)).encode()) + b"\n" for x in lines)
    done = subprocess.run([program, command, "--engine", engine], input=raw, check=True,
                          stdout=subprocess.PIPE)
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def protect(packet=IP4, **more):
    return {"id": "x", "op": "protect", "packet": packet, **more}


def unprotect(packet, **more):
    return {"id": "x", "op": "unprotect", "packet": packet, **more}


def word(reply):
    return "ok" if reply["ok"] else reply["error"]


# ---------------------------------------------------------------- single requests to `run`

ONE = [
    ("sound", protect(sa=SA), "ok"),
    ("IPv6 inside", protect(IP6, sa=SA), "ok"),
    ("transport", protect(sa=without(SA, "mode", "tunnel")), "ok"),
    ("unknown fields are ignored", protect(sa={**SA, "colour": "red"}, taste=[1]), "ok"),
    ("null is no object", protect(sa=None), "bad-request"),
    ("no sa", protect(), "bad-request"),
    ("no packet", protect(sa=SA, packet=""), "bad-request"),
    ("odd hex", protect("4", sa=SA), "bad-request"),
    ("no hex", protect("zz", sa=SA), "bad-request"),
    ("hex with 0x", protect("0x45", sa=SA), "bad-request"),
    ("packet is a number", {**protect(sa=SA), "packet": 45}, "bad-request"),
    ("no op", {"id": "x", "sa": SA, "packet": IP4}, "bad-request"),
    ("unknown op", {"id": "x", "op": "encrypt", "sa": SA, "packet": IP4}, "bad-request"),
    ("unknown sa_ref", {"id": "x", "op": "protect", "sa_ref": "none", "packet": IP4}, "no-sa"),
    ("sa_ref of another type", {"id": "x", "op": "protect", "sa_ref": 7, "packet": IP4}, "no-sa"),
    ("iv", protect(sa=SA, iv="0011223344556677"), "ok"),
    ("empty iv", protect(sa=SA, iv=""), "ok"),
    ("iv of 7 bytes", protect(sa=SA, iv="00112233445566"), "bad-request"),
    ("iv of 16 bytes", protect(sa=SA, iv="00" * 16), "bad-request"),
    ("iv of 17 bytes", protect(sa=SA, iv="00" * 17), "bad-request"),
    ("seq", protect(sa=SA, seq=7), "ok"),
    ("last seq", protect(sa=SA, seq=2**32 - 1), "ok"),
    ("seq over 32 bits", protect(sa=SA, seq=2**32), "seq-exhausted"),
    ("last seq of ESN", protect(sa={**SA, "esn": True}, seq=2**64 - 1), "ok"),
    ("seq over 64 bits", protect(sa={**SA, "esn": True}, seq=2**64), "bad-request"),
    ("seq below 0", protect(sa=SA, seq=-1), "bad-request"),
    ("seq with a point", protect(sa=SA, seq=1.5), "bad-request"),
    ("seq as text", protect(sa=SA, seq="1"), "bad-request"),
    ("seq used up", protect(sa={**SA, "seq": 2**32 - 1}), "seq-exhausted"),
    ("seq of the SA over 32 bits", protect(sa={**SA, "seq": 2**32}), "bad-sa"),
    ("spi 0", protect(sa={**SA, "spi": 0}), "bad-sa"),
    ("spi missing", protect(sa=without(SA, "spi")), "bad-sa"),
    ("spi of 33 bits", protect(sa={**SA, "spi": 2**32}), "bad-sa"),
    ("no key", protect(sa=without(SA, "enc_key")), "bad-sa"),
    ("key of 15 bytes", protect(sa={**SA, "enc_key": "00" * 15}), "bad-sa"),
    ("key with the salt in it", protect(sa={**SA, "enc_key": "00" * 20}), "bad-sa"),
    ("key of 200 bytes", protect(sa={**SA, "enc_key": "00" * 200}), "bad-sa"),
    ("key no hex", protect(sa={**SA, "enc_key": "0g" * 16}), "bad-request"),
    ("no salt", protect(sa=without(SA, "salt")), "bad-sa"),
    ("salt of 5 bytes", protect(sa={**SA, "salt": "00" * 5}), "bad-sa"),
    ("icv_len 8", protect(sa={**SA, "icv_len": 8}), "ok"),
    ("icv_len 10", protect(sa={**SA, "icv_len": 10}), "bad-sa"),
    ("icv_len 0", protect(sa={**SA, "icv_len": 0}), "bad-sa"),
    ("icv_len 272", protect(sa={**SA, "icv_len": 272}), "bad-sa"),
    ("no enc", protect(sa=without(SA, "enc", "enc_key", "salt")), "bad-sa"),
    ("unknown enc", protect(sa={**SA, "enc": "rot13"}), "bad-request"),
    ("CBC and HMAC", protect(sa=HMAC), "ok"),
    ("CBC alone", protect(sa=without(HMAC, "auth", "auth_key")), "bad-sa"),
    ("AH", protect(sa={**without(HMAC, "enc", "enc_key"), "proto": "ah"}), "ok"),
    ("AH, enc none", protect(sa={**without(HMAC, "enc_key"), "enc": "none", "proto": "ah"}),
     "ok"),
    ("AH without auth", protect(sa={"spi": 1, "proto": "ah"}), "bad-sa"),
    ("AEAD with auth", protect(sa={**SA, "auth": "hmac-sha1-96", "auth_key": "00" * 20}), "bad-sa"),
    ("auth none is said", protect(sa={**SA, "auth": "none"}), "ok"),
    ("tunnel missing", protect(sa=without(SA, "tunnel")), "bad-sa"),
    ("tunnel dst missing", protect(sa={**SA, "tunnel": {"src": "192.0.2.1"}}), "bad-sa"),
    ("tunnel of two families", protect(sa={**SA, "tunnel": {"src": "192.0.2.1", "dst": "::1"}}),
     "bad-sa"),
    ("tunnel address", protect(sa={**SA, "tunnel": {"src": "192.0.2", "dst": "192.0.2.2"}}),
     "bad-request"),
    ("ttl 256", protect(sa={**SA, "tunnel": {**SA["tunnel"], "ttl": 256}}), "bad-sa"),
    ("dscp copy", protect(sa={**SA, "tunnel": {**SA["tunnel"], "dscp": "copy"}}), "ok"),
    ("dscp 63", protect(sa={**SA, "tunnel": {**SA["tunnel"], "dscp": 63}}), "ok"),
    ("dscp 64", protect(sa={**SA, "tunnel": {**SA["tunnel"], "dscp": 64}}), "bad-sa"),
    ("dscp 255", protect(sa={**SA, "tunnel": {**SA["tunnel"], "dscp": 255}}), "bad-sa"),
    ("dscp EF", protect(sa={**SA, "tunnel": {**SA["tunnel"], "dscp": "ef"}}), "bad-request"),
    ("df", protect(sa={**SA, "tunnel": {**SA["tunnel"], "df": "maybe"}}), "bad-request"),
    ("mtu", protect(sa={**SA, "mtu": 83}), "mtu"),
    ("mtu that fits", protect(sa={**SA, "mtu": 84}), "ok"),
    ("window of 4096", protect(sa={**SA, "replay_window": 4096}), "ok"),
    ("window of 4097", protect(sa={**SA, "replay_window": 4097}), "unsupported"),
    ("selector", protect(sa={**SA, "sel": {"src": "10.0.0.0/8", "proto": 17, "dport": "5678"}}), "ok"),
    ("selector, port range",
     protect(sa={**SA, "sel": {"dst": "10.0.0.2", "proto": 17, "sport": "1-1234"}}), "ok"),
    ("selector, other port", protect(sa={**SA, "sel": {"proto": 17, "dport": "5679"}}), "selector"),
    ("selector, other prefix", protect(sa={**SA, "sel": {"src": "11.0.0.0/8"}}), "selector"),
    ("selector, other family", protect(IP6, sa={**SA, "sel": {"src": "0.0.0.0/0"}}), "selector"),
    ("selector, ports backwards", protect(sa={**SA, "sel": {"dport": "2-1"}}), "bad-sa"),
    ("selector, port 65536", protect(sa={**SA, "sel": {"dport": "65536"}}), "bad-request"),
    ("selector, no port", protect(sa={**SA, "sel": {"dport": "x"}}), "bad-request"),
    ("selector, prefix of 33", protect(sa={**SA, "sel": {"src": "10.0.0.0/33"}}), "bad-request"),
    ("hard bytes", protect(sa={**SA, "life": {"hard_bytes": 27}}), "lifetime"),
    ("hard bytes to the byte", protect(sa={**SA, "life": {"hard_bytes": 28}}), "ok"),
    ("IP too short", protect("4500", sa=SA), "malformed"),
    ("unprotect of clear", unprotect(IP4, sa=SA), "no-sa"),
]

AEADS = [  # enc, key bytes, salt bytes, ICVs
    ("aes-gcm", (16, 24, 32), 4, (8, 12, 16)), ("aes-gmac", (16, 24, 32), 4, (16,)),
    ("aes-ccm", (16, 24, 32), 3, (8, 12, 16)), ("chacha20-poly1305", (32,), 4, (16,)),
]
CIPHERS = [  # enc, key bytes, salt bytes, IV bytes
    ("aes-cbc", (16, 24, 32), 0, 16), ("aes-ctr", (16, 24, 32), 4, 8), ("3des-cbc", (24,), 0, 8),
    ("null", (0,), 0, 0),
]
AUTHS = [  # auth, key bytes, ICV
    ("hmac-md5-96", 16, 12), ("hmac-sha1-96", 20, 12), ("hmac-sha256-128", 32, 16),
    ("hmac-sha384-192", 48, 24), ("hmac-sha512-256", 64, 32), ("aes-xcbc-96", 16, 12),
    ("aes-cmac-96", 16, 12),
]


def suites():
    """All that an SA can name: (SA, bytes of IV)."""
    for enc, keys, salt, icvs in AEADS:
        for key in keys:
            yield {"enc": enc, "enc_key": "a5" * key, "salt": "5a" * salt}, 8
        for icv in icvs:
            yield {"enc": enc, "enc_key": "a5" * keys[0], "salt": "5a" * salt, "icv_len": icv}, 8
    for auth, auth_key, icv in AUTHS:
        part = {"auth": auth, "auth_key": "c3" * auth_key}
        for enc, keys, salt, iv in CIPHERS:
            for key in keys:
                yield {**part, "enc": enc, "enc_key": "a5" * key, "salt": "5a" * salt}, iv
        yield {**part, "proto": "ah"}, 0
        yield {**part, "proto": "ah", "enc": "none", "icv_len": icv}, 0
    for key in 16, 24, 32:
        yield {"proto": "ah", "auth": "aes-gmac", "auth_key": "c3" * key, "salt": "5a5a5a5a"}, 8


def every_suite(engine):
    """Each through both modes, there and back; its lengths off by one; what it must not be with."""
    tunnel = {"mode": "tunnel", "tunnel": SA["tunnel"]}
    requests, wants = [], []

    def want(request, what):
        requests.append({**request, "id": len(requests)})
        wants.append(what)

    for suite, iv in suites():
        for sa in {"spi": 256, **suite}, {"spi": 256, **suite, **tunnel, "esn": True, "seq": 2**40}:
            want(protect(sa=sa), "ok")
            want(protect(sa=sa, iv="77" * iv), "ok")
            want(protect(sa=sa, iv="77" * (iv + 1)), "bad-request")
        for name in "enc_key", "salt", "auth_key":
            value = suite.get(name, "")
            want(protect(sa={"spi": 256, **suite, name: value + "00"}), "bad-sa")
            if value:
                want(protect(sa={"spi": 256, **suite, name: value[2:]}), "bad-sa")
                want(protect(sa={"spi": 256, **without(suite, name)}), "bad-sa")
        want(protect(sa={"spi": 256, **suite, "icv_len": 10}), "bad-sa")
        want(protect(sa={"spi": 256, **suite, "mode": "tunnel"}), "bad-sa")
        if "auth" not in suite:
            want(protect(sa={"spi": 256, **suite, "auth": "hmac-sha1-96", "auth_key": "00" * 20}),
                 "bad-sa")
        else:
            want(protect(sa={"spi": 256, **without(suite, "auth", "auth_key")}), "bad-sa")
    replies = ask("run", requests, engine)
    back = []
    for request, reply, what in zip(requests, replies, wants):
        check(f"{engine}: {request['sa']}", word(reply) == what, f"want {what}, got {reply}")
        if reply["ok"]:
            sa = {**request["sa"], "replay_window": 32}
            back.append((unprotect(reply["packet"], sa=sa), reply["seq"]))
            broken = reply["packet"][:-2] + f"{int(reply['packet'][-2:], 16) ^ 1:02x}"
            back.append((unprotect(broken, sa=sa), None))
    for (request, seq), reply in zip(back, ask("run", [r for r, _ in back], engine)):
        good = word(reply) == "integrity" if seq is None else \
            word(reply) == "ok" and reply["packet"] == IP4 and reply["seq"] == seq
        check(f"{engine}: back: {request['sa']}", good, reply)


BROKEN = [  # lines as they are, the id to expect in the bad-request
    ('{"id":"a","op":', "a"), ("", None), ("{}", None), ("[]", None), ("null", None), ("7", None),
    ('{"id":7,"op":"x"} trailing', 7), ('{"id":"q"', "q"), ("\x00", None), ('{id:1}', None),
    ('{"id":{"a":[1]},"op":3}', {"a": [1]}), ('{"id":"\u00e9","op":3}', "\u00e9"),
    ('{"id":"b","seq":18446744073709551616}', "b"), (b'{"id":"\xff"}', None),
    ('{"id":"deep","x":' + "[" * 500 + "]" * 500 + "}", "deep"),
    ('{"id":"long","packet":"' + "0" * LINE_MAX + '"}', "long"),
]


def check(name, good, detail=""):
    RESULTS.append(bool(good))
    if not good:
        print(f"not ok {name} {detail}")


def single_requests(engine):
    replies = ask("run", [request for _, request, _ in ONE], engine)
    check("one reply a request", len(replies) == len(ONE))
    for (name, _, want), reply in zip(ONE, replies):
        check(f"{engine}: {name}", word(reply) == want, f"want {want}, got {reply}")
        check(f"{engine}: {name}: nothing beside an error", reply["ok"] or "packet" not in reply)


def broken_lines():
    lines = [line for line, _ in BROKEN]
    replies = ask("run", lines + [protect(sa=SA)])
    for (line, want), reply in zip(BROKEN, replies):
        check(f"broken {line[:40]!r}", word(reply) == "bad-request" and reply["id"] == want, reply)
    check("the run goes on", len(replies) == len(lines) + 1 and replies[-1]["ok"])


def sequences():
    a, b = ask("run", [dict(protect(sa=SA), id="a"), dict(protect(sa_ref="a"), id="b")])
    check("seq goes on", (a["seq"], b["seq"]) == (1, 2))
    sealed = a["packet"]
    window = {**SA, "replay_window": 32}
    requests = [
        (dict(unprotect(sealed[:-2] + "00", sa=window), id="w"), "integrity"),
        (unprotect(sealed, sa_ref="w"), "ok"),
        (unprotect(sealed, sa_ref="w"), "replay"),
        (unprotect(b["packet"] + "ff" * 7, sa_ref="w"), "ok"),
        (dict(unprotect(sealed, sa={**window, "seq": 1}), id="w"), "replay"),
        (dict(unprotect(sealed, sa={**window, "seq": 33}), id="w"), "too-old"),
        (dict(unprotect(sealed, sa={**window, "seq": 33, "esn": True}), id="w"), "integrity"),
        (dict(unprotect(sealed, sa={**SA, "seq": 33}), id="w"), "ok"),
        (unprotect(sealed, sa_ref="w"), "ok"),
        (dict(unprotect(sealed, sa={**SA, "spi": 5}), id="v"), "no-sa"),
        (dict(protect(sa={**SA, "life": {"hard_packets": 2}}), id="l"), "ok"),
        (protect(sa_ref="l"), "ok"),
        (protect(sa_ref="l"), "lifetime"),
        (dict(protect(sa={**SA, "spi": 0}), id="bad"), "bad-sa"),
        (protect(sa_ref="bad"), "no-sa"),
    ]
    replies = ask("run", [request for request, _ in requests])
    for n, ((_, want), reply) in enumerate(zip(requests, replies)):
        check(f"sequence step {n}", word(reply) == want, reply)
    check("clear packet", replies[1]["packet"] == IP4 and replies[1]["seq"] == 1)


def many_sas(engine):
    count = 20000
    lines = [dict(protect(sa={**SA, "spi": 256 + n, "replay_window": 64}), id=n)
             for n in range(count)]
    lines += [protect(sa_ref=n) for n in range(0, count, 7)]
    replies = ask("run", lines, engine)
    check(f"{engine}: {count} SAs", all(r["ok"] for r in replies) and len(replies) == len(lines))
    check(f"{engine}: each keeps its state", all(r["seq"] == 2 for r in replies[count:]))


def longest_line():
    packet = IP4 + "00" * ((LINE_MAX - 400) // 2 - len(IP4) // 2)
    line = json.dumps(protect(packet, sa=SA))
    line += " " * (LINE_MAX - len(line))
    replies = ask("run", [line, line + " "])
    check("a line of 1 MiB", replies[0]["ok"])
    check("a line of 1 MiB and a byte", word(replies[1]) == "bad-request")


def interactive():
    """A reply comes before the next request is written, and input may end without a newline."""
    with subprocess.Popen([PROGRAM, "run", "--engine", "ref"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as p:
        for _ in range(3):
            p.stdin.write(json.dumps(protect(sa=SA)).encode() + b"\n")
            p.stdin.flush()
            check("a reply at once", json.loads(p.stdout.readline())["ok"])
        p.stdin.write(json.dumps(protect(sa=SA)).encode())
        p.stdin.close()
        check("the last line", json.loads(p.stdout.readline())["ok"])
    check("exit status", p.returncode == 0)


def from_file():
    with tempfile.TemporaryFile() as f:
        f.write(b"".join(json.dumps(protect(sa=SA)).encode() + b"\n" for _ in range(100)))
        f.seek(0)
        done = subprocess.run([PROGRAM, "run"], stdin=f, stdout=subprocess.PIPE, check=False)
    check("from a file", done.returncode == 0 and done.stdout.count(b"\n") == 100)


CRYPTO = [
    ("seal", {"alg": "aes-gcm", "op": "seal", "key": "00" * 16, "iv": "00" * 12}, "ok"),
    ("key of 20 bytes", {"alg": "aes-gcm", "op": "seal", "key": "00" * 20, "iv": "00" * 12},
     "bad-request"),
    ("no iv", {"alg": "aes-gcm", "op": "seal", "key": "00" * 16}, "bad-request"),
    ("tag of 12 bytes", {"alg": "aes-gcm", "op": "seal", "key": "00" * 16, "iv": "00" * 12,
                         "tag_len": 12}, "ok"),
    ("tag of 17 bytes", {"alg": "aes-gcm", "op": "seal", "key": "00" * 16, "iv": "00" * 12,
                         "tag_len": 17}, "bad-request"),
    ("open without tag", {"alg": "aes-gcm", "op": "open", "key": "00" * 16, "iv": "00" * 12},
     "bad-request"),
    ("open", {"alg": "aes-gcm", "op": "open", "key": "00" * 16, "iv": "00" * 12,
              "tag": "58e2fccefa7e3061367f1d57a4e7455a"}, "ok"),
    ("open, cut tag", {"alg": "aes-gcm", "op": "open", "key": "00" * 16, "iv": "00" * 12,
                       "tag": "58e2fccefa7e3061367f1d57"}, "ok"),
    ("open, wrong tag", {"alg": "aes-gcm", "op": "open", "key": "00" * 16, "iv": "00" * 12,
                         "tag": "59e2fccefa7e3061367f1d57a4e7455a"}, "integrity"),
    ("GMAC", {"alg": "aes-gmac", "op": "seal", "key": "00" * 16, "iv": "00" * 12, "msg": "01"}, "ok"),
    ("GMAC with aad", {"alg": "aes-gmac", "op": "seal", "key": "00" * 16, "iv": "00" * 12, "aad": "01"},
     "bad-request"),
    ("unknown", {"alg": "rot13", "op": "seal"}, "bad-request"),
    ("op of a MAC", {"alg": "aes-gcm", "op": "mac", "key": "00" * 16, "iv": "00" * 12}, "bad-request"),
    ("unknown op", {"alg": "aes-gcm", "op": "guess", "key": "00" * 16, "iv": "00" * 12}, "bad-request"),
]

CBC = {"alg": "aes-cbc", "op": "encrypt", "key": "00" * 16, "iv": "00" * 16, "msg": "00" * 32}
CTR = {"alg": "aes-ctr", "op": "encrypt", "key": "00" * 16, "iv": "00" * 12, "msg": "00" * 5}
CCM = {"alg": "aes-ccm", "op": "seal", "key": "00" * 16, "iv": "00" * 13, "msg": "00" * 5}
CHACHA = {"alg": "chacha20-poly1305", "op": "seal", "key": "00" * 32, "iv": "00" * 12}
DES3 = {"alg": "3des-cbc", "op": "encrypt", "key": "00" * 24, "iv": "00" * 8, "msg": "00" * 8}
MAC = {"alg": "hmac-sha256", "op": "mac", "key": "00" * 16, "msg": "00" * 5}
CRYPTO_MORE = [
    ("CBC", CBC, "ok"),
    ("CBC of nothing", without(CBC, "msg"), "ok"),
    ("CBC, half a block", {**CBC, "msg": "00" * 24}, "bad-request"),
    ("CBC, short iv", {**CBC, "iv": "00" * 15}, "bad-request"),
    ("CBC, no iv", without(CBC, "iv"), "bad-request"),
    ("CBC, no key", without(CBC, "key"), "bad-request"),
    ("CBC, op of an AEAD", {**CBC, "op": "seal"}, "bad-request"),
    ("CTR, RFC 3686", CTR, "ok"),
    ("CTR, first block", {**CTR, "iv": "00" * 16}, "ok"),
    ("CTR, iv of 13 bytes", {**CTR, "iv": "00" * 13}, "bad-request"),
    ("CCM", CCM, "ok"),
    ("CCM, nonce of 6 bytes", {**CCM, "iv": "00" * 6}, "bad-request"),
    ("CCM, nonce of 14 bytes", {**CCM, "iv": "00" * 14}, "bad-request"),
    ("CCM, nonce of 7 bytes", {**CCM, "iv": "00" * 7}, "ok"),
    ("CCM, tag of 5 bytes", {**CCM, "tag_len": 5}, "bad-request"),
    ("CCM, 65,535 bytes", {**CCM, "msg": "00" * 65535}, "ok"),
    ("CCM, 65,536 bytes", {**CCM, "msg": "00" * 65536}, "bad-request"),
    ("CCM, 65,536 bytes, nonce of 12", {**CCM, "iv": "00" * 12, "msg": "00" * 65536}, "ok"),
    ("CCM, wrong tag", {**CCM, "op": "open", "ct": "00", "tag": "00" * 16}, "integrity"),
    ("ChaCha", CHACHA, "ok"),
    ("ChaCha, key of 16 bytes", {**CHACHA, "key": "00" * 16}, "bad-request"),
    ("ChaCha, nonce of 8 bytes", {**CHACHA, "iv": "00" * 8}, "bad-request"),
    ("ChaCha, tag of 12 bytes", {**CHACHA, "tag_len": 12}, "bad-request"),
    ("ChaCha, wrong tag", {**CHACHA, "op": "open", "tag": "00" * 16}, "integrity"),
    ("3DES", DES3, "ok"),
    ("3DES, key of 16 bytes", {**DES3, "key": "00" * 16}, "bad-request"),
    ("3DES, iv of 16 bytes", {**DES3, "iv": "00" * 16}, "bad-request"),
    ("HMAC", MAC, "ok"),
    ("HMAC without a key", without(MAC, "key"), "ok"),
    ("HMAC, key of 1,000 bytes", {**MAC, "key": "00" * 1000}, "ok"),
    ("HMAC, tag of 1 byte", {**MAC, "tag_len": 1}, "ok"),
    ("HMAC, tag of no byte", {**MAC, "tag_len": 0}, "bad-request"),
    ("HMAC, tag of 33 bytes", {**MAC, "tag_len": 33}, "bad-request"),
    ("HMAC, tag of 2^32 + 16 bytes", {**MAC, "tag_len": (1 << 32) + 16}, "bad-request"),
    ("HMAC-SHA-512, tag of 64 bytes", {**MAC, "alg": "hmac-sha512", "tag_len": 64}, "ok"),
    ("HMAC-SHA-512, tag of 65 bytes", {**MAC, "alg": "hmac-sha512", "tag_len": 65}, "bad-request"),
    ("HMAC, op of an AEAD", {**MAC, "op": "open"}, "bad-request"),
    ("XCBC, key of 24 bytes", {**MAC, "alg": "aes-xcbc", "key": "00" * 24}, "bad-request"),
    ("CMAC, key of 24 bytes", {**MAC, "alg": "aes-cmac", "key": "00" * 24}, "ok"),
]


def crypto(engine):
    table = CRYPTO + CRYPTO_MORE
    replies = ask("crypto", [{"id": n, **request} for n, (_, request, _) in enumerate(table)], engine)
    for n, ((name, _, want), reply) in enumerate(zip(table, replies)):
        check(f"{engine}: crypto {name}", word(reply) == want and reply["id"] == n, reply)
        check(f"{engine}: crypto {name}: nothing beside an error",
              reply["ok"] or not {"msg", "ct"} & set(reply))


def usage():
    for args in [], ["walk"], ["run", "--engine"], ["run", "--engine", "none"], ["run", "x"], \
            ["run", "--engine", "rtl"]:
        done = subprocess.run([PROGRAM, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False, env={**os.environ, "ESPNIC_RTL_LIB": "/nonexistent"})
        check(f"usage {args}", done.returncode == 2 and not done.stdout and done.stderr)
    check("rtl: its target is named", b"make rtl-engine" in done.stderr, done.stderr)


def main():
    engines = ["ref"]
    fast = subprocess.run([PROGRAM, "run", "--engine", "fast"], stdin=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False)
    if fast.returncode == 0:
        engines.append("fast")
    for engine in engines:
        single_requests(engine)
        every_suite(engine)
        many_sas(engine)
        crypto(engine)
    broken_lines()
    sequences()
    longest_line()
    interactive()
    from_file()
    usage()
    print(f"{sum(RESULTS)} passed, {len(RESULTS) - sum(RESULTS)} failed, {2 - len(engines)} skipped")
    return 0 if all(RESULTS) else 1


RESULTS = []

if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    sys.exit(main())
