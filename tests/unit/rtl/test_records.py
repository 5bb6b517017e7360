#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The generator of the RTL's records refuses what contradicts itself, and both of its outputs say the same."""

import copy
import os
import re
import subprocess
import sys
import tempfile

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
RECORDS = os.path.join(ROOT, "rtl-ref/records.py")
SPEC = os.path.join(ROOT, "rtl-ref/data/records.yaml")


def find(items, name):
    return next(i for i in items if i["name"] == name)


def record_twice(s):
    s["records"].append(copy.deepcopy(s["records"][0]))


def field_twice(s):
    fields = find(s["records"], "sa_out")["fields"]
    fields.append(copy.deepcopy(fields[1]))


def no_width(s):
    del find(find(s["records"], "ip")["fields"], "len")["width"]


def width_and_type(s):
    find(find(s["records"], "sa_in")["fields"], "life")["width"] = 4


def zero_width(s):
    find(find(s["records"], "ip")["fields"], "len")["width"] = 0


def used_before(s):
    s["records"].reverse()


def no_doc(s):
    del find(find(s["records"], "ip")["fields"], "tos")["doc"]


def bad_name(s):
    find(find(s["records"], "ip")["fields"], "tos")["name"] = "a;b"


REFUSED = [
    (record_twice, "life stands twice"),
    (field_twice, "sa_out.seq stands twice"),
    (no_width, "ip.len: a type or a width"),
    (width_and_type, "sa_in.life: a type or a width"),
    (zero_width, "ip.len: width 0"),
    (used_before, "sa_in.life: no record life in front of it"),
    (no_doc, "ip.tos: no doc"),
    (bad_name, "ip.a;b: not a name"),
]


def run(spec, *outputs):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
        yaml.safe_dump(spec, f)
        f.flush()
        return subprocess.run([RECORDS, f.name, *outputs], capture_output=True, text=True, check=False)


def struct_fields(package, name):
    """[(field, bits)] of a packed struct, from its lowest bits on."""
    body = re.search(r"typedef struct packed \{((?:(?!typedef).)*?)\} " + name + "_t;", package, re.S)[1]
    widths = dict(re.findall(r"localparam int unsigned (\w+)W = (\d+);", package))
    out = []
    for kind, field in re.findall(r"^\s+(\S+(?: \[\d+:0\])?) (\w+);", body, re.M):
        if kind.startswith("logic"):
            bits = int(re.search(r"\[(\d+):0\]", kind)[1]) + 1 if "[" in kind else 1
        else:
            bits = int(widths["".join(p.capitalize() for p in kind[:-2].split("_"))])
        out.append((field, bits))
    return out[::-1]


def main():
    with open(SPEC, encoding="utf-8") as f:
        spec = yaml.safe_load(f)
    results = []
    for change, text in REFUSED:
        bad = copy.deepcopy(spec)
        change(bad)
        done = run(bad)
        results.append((done.returncode == 1 and text in done.stderr, f"refused: {text} ({done.stderr.strip()})"))
    with tempfile.TemporaryDirectory() as out:
        package, header = os.path.join(out, "p.sv"), os.path.join(out, "h.h")
        done = run(spec, "--package", package, "--header", header)
        results.append((done.returncode == 0, f"the records are sound {done.stderr}"))
        with open(package, encoding="utf-8") as f:
            package = f.read()
        with open(header, encoding="utf-8") as f:
            header = f.read()
    values = {k: int(v) for k, v in re.findall(r"^\t(ESPNIC_RTL_\w+) = (\d+),", header, re.M)}
    for rec in spec["records"]:
        stem, offset, same = "ESPNIC_RTL_" + rec["name"].upper(), 0, True
        for field, bits in struct_fields(package, rec["name"]):
            same = same and values[f"{stem}_{field.upper()}"] == offset and values[f"{stem}_{field.upper()}_WIDTH"] == bits
            offset += bits
        results.append((same and values[stem + "_BITS"] == offset, f"{rec['name']} in C is where it is in SystemVerilog"))
    for i, (good, text) in enumerate(results, 1):
        print(f"{'ok' if good else 'not ok'} {i} - {text}")
    print(f"1..{len(results)}")
    return 0 if all(good for good, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main())
