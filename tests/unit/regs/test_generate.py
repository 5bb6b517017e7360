#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The generator refuses specifications that contradict themselves, and writes what it read."""

import copy
import os
import subprocess
import sys
import tempfile

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
GENERATE = os.path.join(ROOT, "regs/generate.py")
SPEC = os.path.join(ROOT, "regs/espnic.yaml")


def find(items, name):
    return next(i for i in items if i["name"] == name)


def overlap(s):
    find(s["registers"], "SCRATCH")["offset"] = 0x4


def outside(s):
    find(s["registers"], "SCRATCH")["offset"] = 0x10000


def odd_register(s):
    find(s["registers"], "SCRATCH")["offset"] = 0x1e


def array_overlap(s):
    find(s["registers"], "TX_DOORBELL")["array"]["stride"] = 4


def bad_access(s):
    find(s["registers"], "SCRATCH")["access"] = "w1c"


def bits_overlap(s):
    find(s["registers"], "VERSION")["fields"][1]["bits"] = [16, 0]


def bits_too_high(s):
    find(s["registers"], "VERSION")["fields"][0]["bits"] = [32, 16]


def hole(s):
    find(s["structs"], "tx_desc")["fields"].insert(0, {"name": "pad", "type": "u8", "doc": "x"})


def wrong_size(s):
    find(s["structs"], "tx_desc")["size"] = 31


def unknown_type(s):
    find(s["structs"], "tx_desc")["fields"][0]["type"] = "be64"


def twice(s):
    s["enums"][0]["values"].append(dict(s["enums"][0]["values"][0]))


def same_value(s):
    s["enums"][0]["values"][1]["value"] = s["enums"][0]["values"][0]["value"]


def counter_hole(s):
    find(s["enums"], "counter")["values"][-1]["value"] += 1


def no_doc(s):
    del find(s["registers"], "SCRATCH")["doc"]


def version_differs(s):
    s["interface"]["minor"] += 1


REFUSED = [
    (overlap, "offset 0x4 is"), (outside, "outside of BAR0"), (odd_register, "not aligned"),
    (array_overlap, "TX_DOORBELL's"), (bad_access, "access w1c"), (bits_overlap, "overlap"),
    (bits_too_high, "do not fit 32"), (hole, "not aligned"), (wrong_size, "size says 31"),
    (unknown_type, "unknown type be64"), (twice, "stands twice"), (same_value, "a value stands twice"),
    (counter_hole, "without holes"), (no_doc, "no doc"), (version_differs, "interface says"),
]


def generate(path, *options):
    return subprocess.run([sys.executable, GENERATE, path, *options], capture_output=True, text=True, check=False)


def refused_cases(spec, folder):
    for change, want in REFUSED:
        broken = copy.deepcopy(spec)
        change(broken)
        path = os.path.join(folder, "spec.yaml")
        with open(path, "w", encoding="utf-8") as out:
            yaml.safe_dump(broken, out)
        done = generate(path, "--check")
        yield f"refuses {change.__name__}", done.returncode == 1 and want in done.stderr and \
            done.stderr.count("\n") == 1, done.stderr


def compile_header(folder, compiler, flags):
    header = os.path.join(folder, "espnic_regs.h")
    done = generate(SPEC, "--header", header)
    if done.returncode == 0:
        done = subprocess.run([*compiler, "-Wall", "-Wextra", "-Werror", "-x", "c", *flags, "-c", header,
                               "-o", os.path.join(folder, "x.o")], capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stderr


def main():
    with open(SPEC, encoding="utf-8") as stream:
        spec = yaml.safe_load(stream)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        results += refused_cases(spec, folder)
        results.append(("header compiles, host", *compile_header(folder, ["gcc", "-std=c11"], [])))
        results.append(("header compiles, RV32", *compile_header(
            folder, ["riscv64-unknown-elf-gcc", "-std=c11"], ["-march=rv32imc", "-mabi=ilp32", "-ffreestanding"])))
        manual = os.path.join(folder, "registers.md")
        done = generate(SPEC, "--manual", manual)
        with open(manual, encoding="utf-8") as stream:
            text = stream.read()
        for kind in ("registers", "enums", "structs", "constants"):
            missing = [i["name"] for i in spec[kind] if i["name"] not in text]
            results.append((f"manual names all {kind}", not missing, str(missing)))
        done = generate(os.path.join(folder, "none.yaml"), "--check")
        results.append(("missing file is one line", done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr))
    failed = 0
    for name, good, detail in results:
        print(f"{'ok' if good else 'FAIL'} {name}" + ("" if good else f": {detail.strip()}"))
        failed += not good
    print(f"{len(results) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
