#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""espnic-engine list, selftest and bench; and docs/transforms.md, which must say what list says."""

import json
import pathlib
import subprocess
import sys

TREE = pathlib.Path(__file__).resolve().parents[3]
PROGRAM = str(TREE / "build/libexec/espnic-engine")
ICVS = {"aes-gcm": [8, 12, 16], "aes-ccm": [8, 12, 16], "aes-gmac": [16], "chacha20-poly1305": [16]}
IP4 = "4500001c00010000401166b50a0000010a00000204d2162e00080000"
RESULTS = []


def check(name, good, what=""):
    RESULTS.append(bool(good))
    print(f"{'ok' if good else 'not ok'} {name}" + (f": {what}" if not good else ""))


def output(*args):
    done = subprocess.run([PROGRAM, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    return done.returncode, done.stdout.decode()


def lists():
    code, text = output("list", "--json")
    transforms = [json.loads(line) for line in text.splitlines()]
    check("list --json", code == 0 and len(transforms) == 16)
    code, text = output("list")
    check("list", code == 0 and all(t["name"] in text for t in transforms))
    check("names are unique", len({t["name"] for t in transforms}) == len(transforms))
    for t in transforms:
        if t["kind"] == "aead":
            check(f"ICVs of {t['name']}", t["icv_len"] == ICVS[t["word"]])
        check(f"{t['name']} in ref", t["word"] == "null" or "ref" in t["bare"])
        check(f"{t['name']} is whole before it is in ESP or AH", t["word"] == "null" or
              set(t["esp"] + t["ah"]) <= {"fast"} | set(t["bare"]))
    check("what is legacy", {t["name"] for t in transforms if t["legacy"]} == {"ENCR_3DES", "AUTH_HMAC_MD5_96"})
    return transforms


def takes_what_it_lists(transforms):
    """Every key and ICV length listed for ESP is taken by `run`, and no other."""
    for t in transforms:
        if "ref" not in t["esp"]:
            continue
        enc = t["kind"] != "integrity"
        sa = {"spi": 256, "salt": "00" * t["salt_len"], "enc": t["word"] if enc else "null"}
        if t["kind"] == "cipher":
            sa.update(auth="hmac-sha256-128", auth_key="11" * 32)
        requests = []
        for n in range(0, 65):
            sa_n = {**sa, ("enc_key" if enc else "auth_key"): bytes(range(n)).hex()}
            if not enc:
                sa_n["auth"] = t["word"]
            requests.append({"id": n, "op": "protect", "sa": sa_n, "packet": IP4})
        text = "".join(json.dumps(r) + "\n" for r in requests)
        done = subprocess.run([PROGRAM, "run", "--engine", "ref"], input=text.encode(), stdout=subprocess.PIPE,
                              check=True)
        took = [n * 8 for n, line in enumerate(done.stdout.decode().splitlines()) if json.loads(line)["ok"]]
        check(f"key lengths of {t['name']}", took == (t["key_bits"] or [0]), took)


def selftest():
    code, text = output("selftest")
    check("selftest", code == 0 and "WRONG" not in text, text)
    check("selftest asks ref for everything", sum(line.startswith("ref ") and line.endswith(": good")
                                                   for line in text.splitlines()) == 14)
    for args in ["selftest", "x"], ["list", "--yaml"]:
        check(f"usage {args}", output(*args)[0] == 2)


def bench(transforms):
    """What it says, not how fast it is."""
    code, text = output("bench", "--engine", "ref", "--size", "64", "--ms", "1", "--json")
    rows = [json.loads(line) for line in text.splitlines()]
    check("bench --json", code == 0 and all(row["engine"] == "ref" and row["size"] == 64 and row["protect_pps"] > 0 and
                                            row["unprotect_pps"] > 0 for row in rows), text)
    check("bench times what list has in ESP", [row["transform"] for row in rows] ==
          [t["word"] for t in transforms if "ref" in t["esp"]], text)
    code, text = output("bench", "--ms", "1", "--transform", "aes-gmac")
    check("bench of one transform, all sizes", code == 0 and [line.split()[1:3] for line in text.splitlines()[1:]] ==
          [["aes-gmac", n] for n in ("64", "256", "1420", "9000")], text)
    check("bench of the largest", output("bench", "--ms", "1", "--transform", "null", "--size", "9000")[0] == 0)
    check("bench of what there is not", output("bench", "--ms", "1", "--transform", "rot13") == (1, ""))
    for args in ["x"], ["--size"], ["--size", "27"], ["--size", "9001"], ["--size", "64k"], ["--size", "-64"], \
            ["--size", "18446744073709551680"], ["--ms", "0"], ["--ms", "60001"], ["--engine"], ["--engine", "none"]:
        check(f"usage bench {args}", output("bench", *args) == (2, ""))


def docs():
    fast = subprocess.run([PROGRAM, "run", "--engine", "fast"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          check=False)
    if fast.returncode != 0:
        print("ok docs/transforms.md # skip this machine lacks the body fast")
        return 1
    done = subprocess.run([str(TREE / "device-model/engine/cli/transforms.py"), "--check", PROGRAM,
                           str(TREE / "docs/transforms.md")], stderr=subprocess.PIPE, check=False)
    check("docs/transforms.md is current", done.returncode == 0, done.stderr.decode())
    return 0


def main():
    transforms = lists()
    takes_what_it_lists(transforms)
    selftest()
    bench(transforms)
    skipped = docs()
    print(f"{sum(RESULTS)} passed, {len(RESULTS) - sum(RESULTS)} failed, {skipped} skipped")
    return 0 if all(RESULTS) else 1


if __name__ == "__main__":
    sys.exit(main())
