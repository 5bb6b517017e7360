#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Write the C header, the SystemVerilog package and the register manual from espnic.yaml.

usage: generate.py SPEC --header FILE | --package FILE | --manual FILE | --check
"""

import argparse
import os
import re
import sys

import yaml

SPDX = "SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause"
SCALARS = {"u8": 1, "le16": 2, "le32": 4, "le64": 8}
ACCESS = {"ro", "rw", "wo"}
# Field names that SystemVerilog keeps for itself get an underscore there.
SV_RESERVED = {"type", "priority", "table", "event", "packed", "string", "unique", "ref", "local", "enum", "wire", "reg", "tri"}


class SpecError(Exception):
    """The specification contradicts itself; the text says where."""


def need(cond, text):
    if not cond:
        raise SpecError(text)


# ---------------------------------------------------------------- the model

def mask(bits):
    msb, lsb = bits
    return ((1 << (msb - lsb + 1)) - 1) << lsb


def check_bits(where, bits, width):
    used = 0
    for item in bits:
        msb, lsb = item["bits"]
        need(0 <= lsb <= msb < width, f"{where}.{item['name']}: bits {msb}:{lsb} do not fit {width}")
        need(not used & mask(item["bits"]), f"{where}.{item['name']}: bits overlap another field")
        used |= mask(item["bits"])


def check_unique(where, items):
    seen = set()
    for item in items:
        need(item["name"] not in seen, f"{where}: {item['name']} stands twice")
        seen.add(item["name"])
        need(item.get("doc"), f"{where}.{item['name']}: no doc")


def check_registers(spec):
    taken = {}
    size = next(c["value"] for c in spec["constants"] if c["name"] == "BAR0_SIZE")
    enums = {e["name"] for e in spec["enums"]}
    check_unique("registers", spec["registers"])
    for reg in spec["registers"]:
        name = reg["name"]
        need(reg["access"] in ACCESS, f"{name}: access {reg['access']} is none of {sorted(ACCESS)}")
        need(reg.get("enum") is None or reg["enum"] in enums, f"{name}: unknown enum {reg.get('enum')}")
        array = reg.get("array", {"count": 1, "stride": 4})
        for n in range(array["count"]):
            offset = reg["offset"] + n * array["stride"]
            need(offset % 4 == 0, f"{name}: offset {offset:#x} is not aligned")
            need(offset + 4 <= size, f"{name}: offset {offset:#x} is outside of BAR0")
            need(offset not in taken, f"{name}: offset {offset:#x} is {taken.get(offset)}'s")
            taken[offset] = name
        check_bits(name, reg.get("fields", []), 32)


def layout(spec):
    """Give each structure field its offset; natural alignment must leave no hole."""
    sizes, aligns = dict(SCALARS), dict(SCALARS)
    sizes["bytes"] = aligns["bytes"] = 1
    check_unique("structs", spec["structs"])
    for struct in spec["structs"]:
        name, offset, align = struct["name"], 0, 1
        check_unique(name, struct["fields"])
        for field in struct["fields"]:
            kind = field["type"]
            need(kind in sizes, f"{name}.{field['name']}: unknown type {kind}")
            need(kind == "bytes" or "count" not in field, f"{name}.{field['name']}: count is for bytes alone")
            need(offset % aligns[kind] == 0, f"{name}.{field['name']}: offset {offset} is not aligned")
            field["offset"] = offset
            field["size"] = sizes[kind] * field.get("count", 1)
            offset += field["size"]
            align = max(align, aligns[kind])
            check_bits(f"{name}.{field['name']}", field.get("bits", []), field["size"] * 8)
        need(offset == struct["size"], f"{name}: fields take {offset} bytes, size says {struct['size']}")
        need(offset % align == 0, f"{name}: size is not a multiple of its alignment")
        sizes[name], aligns[name] = offset, align


def check_enums(spec):
    check_unique("enums", spec["enums"])
    for enum in spec["enums"]:
        check_unique(enum["name"], enum["values"])
        values = [v["value"] for v in enum["values"]]
        need(len(set(values)) == len(values), f"{enum['name']}: a value stands twice")
        if enum.get("counters"):
            need(values == list(range(len(values))), f"{enum['name']}: counters must run from 0 without holes")


def load(path):
    with open(path, encoding="utf-8") as stream:
        spec = yaml.safe_load(stream)
    check_unique("constants", spec["constants"])
    check_enums(spec)
    check_registers(spec)
    layout(spec)
    version = next(r for r in spec["registers"] if r["name"] == "VERSION")["reset"]
    want = spec["interface"]["major"] << 16 | spec["interface"]["minor"]
    need(version == want, f"VERSION resets to {version:#x}, interface says {want:#x}")
    return spec


# ---------------------------------------------------------------- C header

def c_define(name, value, doc=None):
    text = f"#define {name:<44} {value}"
    return f"{text} /* {doc} */" if doc else text


def c_bits(prefix, bits):
    for item in bits:
        msb, lsb = item["bits"]
        suffix = "ull" if msb > 31 else "u"
        yield c_define(f"{prefix}_{item['name']}", f"0x{mask(item['bits']):x}{suffix}", item["doc"])
        if msb != lsb:
            yield c_define(f"{prefix}_{item['name']}_SHIFT", str(lsb))


def c_flags(reg):
    """The list of a register that is all flags, one bit each."""
    fields = reg.get("fields", [])
    if len(fields) < 2 or any(msb != lsb for msb, lsb in (f["bits"] for f in fields)):
        return
    prefix = f"ESPNIC_{reg['name']}"
    yield ""
    yield f"/* X(NAME, mask, doc) for each flag of {reg['name']} */"
    yield f"#define {prefix}_LIST(X) \\"
    yield " \\\n".join(f"\tX({f['name']}, {prefix}_{f['name']}, \"{f['doc']}\")" for f in fields)


def c_enum(enum):
    name = enum["name"]
    upper = name.upper()
    yield f"/* {enum['doc']} */"
    yield f"enum espnic_{name} {{"
    for v in enum["values"]:
        yield f"\tESPNIC_{upper}_{v['name'].upper()} = {v['value']}, /* {v['doc']} */"
    if enum.get("counters"):
        yield f"\tESPNIC_{upper}_COUNT = {len(enum['values'])}"
    yield "};"
    yield ""
    yield f"/* X(NAME, name, doc) for each espnic_{name} */"
    yield f"#define ESPNIC_{upper}_LIST(X) \\"
    rows = [f"\tX(ESPNIC_{upper}_{v['name'].upper()}, {v['name'].lower()}, \"{v['doc']}\")" for v in enum["values"]]
    yield " \\\n".join(rows)
    yield ""


C_TYPES = {"u8": "espnic_u8", "le16": "espnic_le16", "le32": "espnic_le32", "le64": "espnic_le64"}


def c_struct(struct):
    name = struct["name"]
    yield f"/* {struct['doc']} */"
    yield f"struct espnic_{name} {{"
    for f in struct["fields"]:
        kind = C_TYPES.get(f["type"]) or ("espnic_u8" if f["type"] == "bytes" else f"struct espnic_{f['type']}")
        count = f"[{f['count']}]" if "count" in f else ""
        yield f"\t{kind} {f['name']}{count}; /* {f['doc']} */"
    yield "};"
    yield ""
    yield f"ESPNIC_ASSERT(sizeof(struct espnic_{name}) == {struct['size']}, \"size of {name}\");"
    for f in struct["fields"]:
        yield (f"ESPNIC_ASSERT(__builtin_offsetof(struct espnic_{name}, {f['name']}) == {f['offset']}, "
               f"\"offset of {name}.{f['name']}\");")
    for f in struct["fields"]:
        yield from c_bits(f"ESPNIC_{name.upper()}_{f['name'].upper()}" if f["name"] != "flags"
                          else f"ESPNIC_{name.upper()}", f.get("bits", []))
    yield ""


def header(spec, source):
    i = spec["interface"]
    out = [f"/* {SPDX} */",
           f"/* Written by regs/generate.py from {source}: do not edit. */",
           "#ifndef ESPNIC_REGS_H", "#define ESPNIC_REGS_H", "",
           "/* Little-endian types: the kernel's own, so that sparse checks them; plain integers elsewhere. */",
           "#ifdef __KERNEL__", "#include <linux/types.h>",
           "typedef u8 espnic_u8;", "typedef __le16 espnic_le16;", "typedef __le32 espnic_le32;",
           "typedef __le64 espnic_le64;", "#else", "#include <stdint.h>",
           "typedef uint8_t espnic_u8;", "typedef uint16_t espnic_le16;", "typedef uint32_t espnic_le32;",
           "typedef uint64_t espnic_le64;", "#endif", "",
           "#define ESPNIC_ASSERT(cond, text) _Static_assert(cond, text)", "",
           c_define("ESPNIC_VERSION_MAJOR_VALUE", i["major"]),
           c_define("ESPNIC_VERSION_MINOR_VALUE", i["minor"]),
           c_define("ESPNIC_PCI_VENDOR", f"0x{i['pci_vendor']:04x}"),
           c_define("ESPNIC_PCI_DEVICE", f"0x{i['pci_device']:04x}"),
           c_define("ESPNIC_PCI_CLASS", f"0x{i['pci_class']:06x}"), ""]
    for c in spec["constants"]:
        out.append(c_define(f"ESPNIC_{c['name']}", f"0x{c['value']:x}u", c["doc"]))
    out += ["", "/* Registers: byte offsets in BAR0 */"]
    for r in spec["registers"]:
        out.append(c_define(f"ESPNIC_REG_{r['name']}", f"0x{r['offset']:04x}", r["doc"]))
        if "array" in r:
            out.append(c_define(f"ESPNIC_REG_{r['name']}_STRIDE", r["array"]["stride"]))
        out += c_bits(f"ESPNIC_{r['name']}", r.get("fields", []))
    out += ["", "/* X(name, offset, access, reset, count, stride, doc) for each register */",
            "#define ESPNIC_REG_LIST(X) \\"]
    rows = []
    for r in spec["registers"]:
        a = r.get("array", {"count": 1, "stride": 4})
        rows.append(f"\tX({r['name']}, 0x{r['offset']:04x}, {r['access']}, 0x{r['reset']:x}u, {a['count']}, "
                    f"{a['stride']}, \"{r['doc']}\")")
    out.append(" \\\n".join(rows))
    for r in spec["registers"]:
        out += c_flags(r)
    out.append("")
    for e in spec["enums"]:
        out += c_enum(e)
    for s in spec["structs"]:
        out += c_struct(s)
    out += ["#endif /* ESPNIC_REGS_H */", ""]
    return "\n".join(out)


# ---------------------------------------------------------------- SystemVerilog package

def sv_struct(struct, sizes):
    """A packed struct lists its highest bits first, so a little-endian layout is written backwards."""
    yield f"  // {struct['doc']}"
    yield "  typedef struct packed {"
    for f in reversed(struct["fields"]):
        name = f["name"] + ("_" if f["name"] in SV_RESERVED else "")
        if f["type"] in sizes:
            yield f"    {f['type']}_t {name};"
        else:
            yield f"    logic [{f['size'] * 8 - 1}:0] {name};"
    yield f"  }} {struct['name']}_t;"
    upper = struct["name"].upper()
    yield f"  localparam int unsigned {upper}_BITS = {struct['size'] * 8};"
    for f in struct["fields"]:
        yield f"  localparam int unsigned {upper}_{f['name'].upper()}_OFFSET = {f['offset']};"
        for b in f.get("bits", []):
            yield f"  localparam int unsigned {upper}_{f['name'].upper()}_{b['name']}_LSB = {b['bits'][1]};"
    yield ""


def package(spec, source):
    i = spec["interface"]
    out = [f"// {SPDX}", f"// Written by regs/generate.py from {source}: do not edit.",
           "package espnic_regs_pkg;", "",
           f"  localparam int unsigned VERSION_MAJOR_VALUE = {i['major']};",
           f"  localparam int unsigned VERSION_MINOR_VALUE = {i['minor']};"]
    for c in spec["constants"]:
        out.append(f"  localparam logic [31:0] {c['name']} = 32'h{c['value']:x}; // {c['doc']}")
    out.append("")
    for r in spec["registers"]:
        out.append(f"  localparam logic [31:0] REG_{r['name']} = 32'h{r['offset']:04x}; // {r['doc']}")
        if "array" in r:
            out.append(f"  localparam int unsigned REG_{r['name']}_STRIDE = {r['array']['stride']};")
        for f in r.get("fields", []):
            out.append(f"  localparam int unsigned {r['name']}_{f['name']}_LSB = {f['bits'][1]};")
            out.append(f"  localparam int unsigned {r['name']}_{f['name']}_WIDTH = {f['bits'][0] - f['bits'][1] + 1};")
    out.append("")
    for e in spec["enums"]:
        upper = e["name"].upper()
        out += [f"  // {e['doc']}", "  typedef enum logic [15:0] {"]
        out.append(",\n".join(f"    {upper}_{v['name'].upper()} = 16'd{v['value']}" for v in e["values"]))
        out += [f"  }} {e['name']}_e;", ""]
    sizes = {}
    for s in spec["structs"]:
        out += sv_struct(s, sizes)
        sizes[s["name"]] = s["size"]
    checks = " && ".join(f"$bits({s['name']}_t) == {s['name'].upper()}_BITS" for s in spec["structs"])
    out += ["  // Every structure has the size the C header asserts; users check it at elaboration. (yosys 0.52 takes no $bits of a type.)",
            "`ifndef YOSYS",
            f"  localparam bit LAYOUT_OK = {checks};",
            "`endif", "",
            "endpackage : espnic_regs_pkg", ""]
    return "\n".join(out)


# ---------------------------------------------------------------- manual

def md_table(head, rows):
    yield "| " + " | ".join(head) + " |"
    yield "|" + "|".join(" --- " for _ in head) + "|"
    for row in rows:
        yield "| " + " | ".join(str(c).replace("|", "\\|") for c in row) + " |"
    yield ""


def bit_range(bits):
    return str(bits[0]) if bits[0] == bits[1] else f"{bits[0]}:{bits[1]}"


def manual(spec, source):
    i = spec["interface"]
    out = [f"<!-- {SPDX} -->", f"<!-- Written by regs/generate.py from {source}: do not edit. -->",
           "# espnic: registers, descriptors, commands", "",
           f"Interface version {i['major']}.{i['minor']}. PCI vendor {i['pci_vendor']:#06x}, device {i['pci_device']:#06x}, "
           f"class {i['pci_class']:#08x}.", "", spec["intro"].rstrip(), "", "## Constants", ""]
    out += md_table(["name", "value", "meaning"],
                    [(f"`{c['name']}`", f"{c['value']} ({c['value']:#x})", c["doc"]) for c in spec["constants"]])
    out += ["## Registers (BAR0)", ""]
    rows = []
    for r in spec["registers"]:
        a = r.get("array")
        off = f"{r['offset']:#05x}" + (f" + {a['stride']}n, n < {a['count']}" if a else "")
        rows.append((off, f"`{r['name']}`", r["access"], f"{r['reset']:#x}", r["doc"]))
        rows += [("", f"[{bit_range(f['bits'])}] `{f['name']}`", "", "", f["doc"]) for f in r.get("fields", [])]
    out += md_table(["offset", "register", "access", "reset", "meaning"], rows)
    out += ["## Codes", ""]
    for e in spec["enums"]:
        out += [f"### `{e['name']}`", "", e["doc"], ""]
        out += md_table(["value", "name", "meaning"],
                        [(f"{v['value']:#x}" if e["name"] == "opcode" else v["value"], f"`{v['name']}`", v["doc"])
                         for v in e["values"]])
    out += ["## Structures in host memory", ""]
    for s in spec["structs"]:
        out += [f"### `struct {s['name']}` ({s['size']} bytes)", "", s["doc"], ""]
        rows = []
        for f in s["fields"]:
            kind = f"{f['type']}[{f['count']}]" if "count" in f else f["type"]
            rows.append((f["offset"], f"`{f['name']}`", kind, f["doc"]))
            rows += [("", f"[{bit_range(b['bits'])}] `{b['name']}`", "", b["doc"]) for b in f.get("bits", [])]
        out += md_table(["offset", "field", "type", "meaning"], rows)
    return "\n".join(out)


WRITERS = {"header": header, "package": package, "manual": manual}


def write(path, text):
    """Replace FILE only when its text changes, so that nothing is built anew for nothing."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    try:
        with open(path, encoding="utf-8") as stream:
            if stream.read() == text:
                os.utime(path)
                return
    except FileNotFoundError:
        pass
    temp = f"{path}.{os.getpid()}.tmp"
    with open(temp, "w", encoding="utf-8") as stream:
        stream.write(text)
    os.replace(temp, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("spec")
    for kind in WRITERS:
        parser.add_argument(f"--{kind}", metavar="FILE")
    parser.add_argument("--check", action="store_true", help="only check the specification")
    args = parser.parse_args()
    try:
        spec = load(args.spec)
    except (OSError, yaml.YAMLError, SpecError, KeyError, TypeError) as err:
        sys.exit(f"{args.spec}: {re.sub(chr(10), ' ', str(err))}")
    for kind, writer in WRITERS.items():
        if getattr(args, kind):
            write(getattr(args, kind), writer(spec, "regs/" + os.path.basename(args.spec)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
