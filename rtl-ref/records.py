#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write the SystemVerilog package and the C header of the RTL engine's records.

usage: records.py SPEC --package FILE | --header FILE
"""

import argparse
import re
import sys

import yaml

SPDX = "SPDX-License-Identifier: BSD-2-Clause"
NAME = re.compile(r"^[a-z][a-z0-9_]*$")
BUS_BYTES = 4096  # of the bus's address space
CODES = 16        # commands and errors have four bits


class SpecError(Exception):
    """The specification contradicts itself; the text says where."""


def need(cond, text):
    if not cond:
        raise SpecError(text)


def lay_out(spec):
    """[(record, bits, [(field, offset, bits)])] in the order of the specification, checked."""
    done = {}
    for rec in spec["records"]:
        need(NAME.match(rec["name"]), f"{rec['name']}: not a name")
        need(rec["name"] not in done, f"{rec['name']} stands twice")
        need(rec.get("doc"), f"{rec['name']}: no doc")
        offset, fields, seen = 0, [], set()
        for field in rec["fields"]:
            where = f"{rec['name']}.{field['name']}"
            need(NAME.match(field["name"]), f"{where}: not a name")
            need(field["name"] not in seen, f"{where} stands twice")
            need(field.get("doc"), f"{where}: no doc")
            need(("type" in field) != ("width" in field), f"{where}: a type or a width")
            if "type" in field:
                need(field["type"] in done, f"{where}: no record {field['type']} in front of it")
                width = done[field["type"]][1]
            else:
                width = field["width"]
            need(isinstance(width, int) and width > 0, f"{where}: width {width}")
            seen.add(field["name"])
            fields.append((field, offset, width))
            offset += width
        done[rec["name"]] = (rec, offset, fields)
    return list(done.values())


def lay_out_bus(spec, records):
    """[(register, words)], commands and errors, checked against the records."""
    words = {rec["name"]: (bits + 31) // 32 for rec, bits, _ in records}
    registers, taken = [], {}
    for reg in spec.get("registers", []):
        where = f"register {reg['name']}"
        need(NAME.match(reg["name"]) and reg.get("doc"), f"{where}: no name or no doc")
        need(reg["access"] in ("ro", "wo", "rw"), f"{where}: access {reg['access']}")
        need(reg["offset"] % 4 == 0 and reg["offset"] < BUS_BYTES, f"{where}: offset {reg['offset']:#x}")
        need("record" not in reg or reg["record"] in words, f"{where}: no record {reg.get('record')}")
        count = words[reg["record"]] if "record" in reg else 1
        for word in range(reg["offset"] // 4, reg["offset"] // 4 + count):
            need(word not in taken, f"{where} lies on {taken.get(word)}")
            taken[word] = reg["name"]
        registers.append((reg, count))
    for kind in "commands", "errors":
        values = [entry["value"] for entry in spec.get(kind, [])]
        need(len(set(values)) == len(values) and all(0 <= v < CODES for v in values), f"{kind}: values")
        need(all(NAME.match(entry["name"]) and entry.get("doc") for entry in spec.get(kind, [])), f"{kind}: names")
    return registers, spec.get("commands", []), spec.get("errors", [])


def write_bus_package(bus):
    registers, commands, errors = bus
    out = ["", "  // The bus: offsets in bytes, and words of those that hold a record"]
    for reg, count in registers:
        out.append(f"  localparam logic [11:0] Reg{camel(reg['name'])} = 12'h{reg['offset']:03x};  // {reg['doc']}")
        if "record" in reg:
            out.append(f"  localparam int Words{camel(reg['name'])} = {count};")
    for kind, entries in ("Cmd", commands), ("Err", errors):
        out.append("")
        out += [f"  localparam logic [3:0] {kind}{camel(e['name'])} = 4'd{e['value']};  // {e['doc']}" for e in entries]
    return out


def write_bus_header(bus):
    registers, commands, errors = bus
    out = ["/* The bus: offsets in bytes, and words of those that hold a record. */", "enum espnic_rtl_bus {"]
    for reg, count in registers:
        stem = f"ESPNIC_RTL_REG_{reg['name'].upper()}"
        out.append(f"\t{stem} = {reg['offset']:#05x},\t/* {reg['access']}: {reg['doc']} */")
        if "record" in reg:
            out.append(f"\tESPNIC_RTL_WORDS_{reg['name'].upper()} = {count},")
    for kind, entries in ("CMD", commands), ("ERR", errors):
        out += ["};", "", f"enum espnic_rtl_{kind.lower()} {{"]
        out += [f"\tESPNIC_RTL_{kind}_{e['name'].upper()} = {e['value']},\t/* {e['doc']} */" for e in entries]
    return out + ["};", ""]


def write_package(records, bus):
    out = [f"// {SPDX}", "// Written by rtl-ref/records.py from rtl-ref/data/records.yaml: do not edit.",
           "package espnic_records_pkg;"]
    for rec, bits, fields in records:
        out += ["", f"  // {rec['doc']}", "  typedef struct packed {"]
        # The first field of a packed struct has its highest bits.
        for field, _, width in reversed(fields):
            kind = field["type"] + "_t" if "type" in field else \
                "logic" if width == 1 else f"logic [{width - 1}:0]"
            out.append(f"    {kind} {field['name']};  // {field['doc']}")
        out += [f"  }} {rec['name']}_t;",
                f"  localparam int unsigned {camel(rec['name'])}W = {bits};"]
    return "\n".join(out + write_bus_package(bus) + ["", "endpackage", ""])


def camel(name):
    return "".join(part.capitalize() for part in name.split("_"))


def write_header(records, bus):
    out = [f"/* {SPDX} */", "/* Written by rtl-ref/records.py from rtl-ref/data/records.yaml: do not edit. */",
           "#ifndef ESPNIC_RTL_RECORDS_H", "#define ESPNIC_RTL_RECORDS_H", "",
           "/* For each record its bits, for each field its lowest bit and its width. */",
           "enum espnic_rtl_records {"]
    for rec, bits, fields in records:
        stem = f"ESPNIC_RTL_{rec['name'].upper()}"
        out.append(f"\t{stem}_BITS = {bits},\t/* {rec['doc']} */")
        for field, offset, width in fields:
            out.append(f"\t{stem}_{field['name'].upper()} = {offset},")
            out.append(f"\t{stem}_{field['name'].upper()}_WIDTH = {width},")
    return "\n".join(out + ["};", ""] + write_bus_header(bus) + ["#endif", ""])


def main():
    ap = argparse.ArgumentParser(usage=__doc__)
    ap.add_argument("spec")
    ap.add_argument("--package")
    ap.add_argument("--header")
    args = ap.parse_args()
    with open(args.spec, encoding="utf-8") as f:
        spec = yaml.safe_load(f)
    try:
        records = lay_out(spec)
        bus = lay_out_bus(spec, records)
    except SpecError as e:
        print(f"{args.spec}: {e}", file=sys.stderr)
        return 1
    for path, write in ((args.package, write_package), (args.header, write_header)):
        if path:
            with open(path, "w", encoding="utf-8") as f:
                f.write(write(records, bus))
    return 0


if __name__ == "__main__":
    sys.exit(main())
