#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes what `espnic-engine list` says into the tables of docs/transforms.md, between its markers.

Usage: transforms.py PROGRAM FILE           rewrite FILE
       transforms.py --check PROGRAM FILE   only say whether it is current (exit status 1: no)
"""

import json
import re
import subprocess
import sys


def numbers(values):
    return ", ".join(map(str, values)) or "-"


def row(t):
    cells = [t["name"] + (" (legacy)" if t["legacy"] else ""), f"`{t['word']}`", t["rfc"], numbers(t["key_bits"]),
             t["salt_len"] or "-", t["iv_len"] or "-", numbers(t["icv_len"]), t["rfc8221"]]
    cells += [numbers(t[k]) for k in ("esp", "ah", "bare")]
    return "| " + " | ".join(map(str, cells)) + " |"


def table(transforms):
    heads = ["transform", "word", "RFC", "key bits", "salt", "IV", "ICV", "RFC 8221", "ESP", "AH", "bare"]
    return "\n".join(["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)] + [row(t) for t in transforms])


def main():
    args = sys.argv[1:]
    check = args[:1] == ["--check"]
    program, path = args[1:] if check else args
    done = subprocess.run([program, "list", "--json"], stdout=subprocess.PIPE, check=True)
    transforms = [json.loads(line) for line in done.stdout.decode().splitlines()]
    with open(path, encoding="utf-8") as f:
        old = f.read()
    new = re.sub(r"(<!-- list -->\n).*?(<!-- end -->)", lambda m: f"{m[1]}{table(transforms)}\n{m[2]}", old, flags=re.S)
    if "<!-- list -->" not in old:
        sys.exit(f"{path}: no <!-- list --> in it")
    if not check:
        with open(path, "w", encoding="utf-8") as f:
            f.write(new)
    elif new != old:
        sys.exit(f"{path} is not what `espnic-engine list` says: make docs/transforms.md writes it")


if __name__ == "__main__":
    main()
