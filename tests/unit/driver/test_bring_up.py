#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every name in docs/bring-up.md exists: registers and their fields, commands, events, structures, counters, faults, files.

What stands in backquotes there is a name, unless it has a space in it: then it is a command line, of which the paths and the
options of espnic-device are looked at. Each fault of the device stands in the page's table, once.
"""

import os
import re
import sys

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
PAGE = "docs/bring-up.md"
FAULT_ITEM = re.compile(r'F\(\w+, "([\w-]+)",')
OPTION = re.compile(r"--[a-z-]+")
PATH = re.compile(r"^(?:build|device-model|docs|driver|fw|lab|regs|tests)/[\w./-]*$")
# Of other programs and of files that the reader makes: nothing here to hold them against.
FOREIGN = {"espnic.ko", "ip", "devlink", "stats", "health", "ref", "espnic-engine"}
BUILT = ("build/", "docs/registers.md")


def text(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def interface():
    """All names of regs/espnic.yaml, fields as REGISTER.FIELD, too, capabilities also without the register."""
    spec = yaml.safe_load(text("regs/espnic.yaml"))
    names = {one["name"] for one in spec["constants"]}
    for one in spec["registers"]:
        names.add(one["name"])
        fields = [field["name"] for field in one.get("fields", ())]
        names.update(f"{one['name']}.{field}" for field in fields)
        if one["name"].startswith("CAP_"):
            names.update(fields)  # as espnic-device --hide-caps has them
    for one in spec["enums"]:
        names.add(one["name"])
        names.update(value["name"] for value in one["values"])
    for one in spec["structs"]:
        names.add(one["name"])
        for field in one["fields"]:
            names.add(field["name"])
            names.update(bit["name"] for bit in field.get("bits", ()))
    return names


def driver_counters():
    names = re.findall(r'X\((\w+), "', text("driver/espnic.h") + text("driver/cmd.h"))
    return set(names) | {"cmd_" + name for name in names}


def shell_functions():
    return set(re.findall(r"^(\w+)\(\) \{", text("tests/lab/lib.sh"), re.M)) | set(os.listdir(os.path.join(ROOT, "lab/guest")))


def make_goals():
    return {f"make {goal}" for goal in re.findall(r"^make ([\w-]+)", text("Makefile"), re.M)}


def missing_file(path):
    return not path.startswith(BUILT) and not os.path.exists(os.path.join(ROOT, path))


def wrong_command(command, options):
    """What is wrong with a command line, or None."""
    if command.startswith("make "):
        goals = make_goals()
        return None if command in goals or command == "make test-device" else "no such goal"
    for word in command.split():
        if PATH.match(word) and missing_file(word):
            return f"no file {word}"
        if OPTION.fullmatch(word) and "espnic-device" in command and word not in options:
            return f"no option {word}"
    return None


def main():
    page = re.sub(r"```.*?```", "", text(PAGE), flags=re.S)
    faults = FAULT_ITEM.findall(text("device-model/fault.h"))
    options = set(OPTION.findall(text("device-model/main.c")))
    known = interface() | driver_counters() | shell_functions() | set(faults) | FOREIGN
    wrong, names = [], re.findall(r"`([^`]+)`", page)
    for name in names:
        first = name.split(":")[0].split("=")[0]
        if " " in name:
            why = wrong_command(name, options)
        elif PATH.match(name):
            why = "no such file" if missing_file(name) else None
        elif OPTION.match(name):
            why = None if first.split()[0] in options else "no such option"
        else:
            why = None if name in known else "nobody knows it"
        if why:
            wrong.append(f"`{name}`: {why}")
    table = page[page.index("| fault | a good driver |"):page.index("## Another device")]
    rows = re.findall(r"`([\w-]+)`", table)
    said = [f"fault {name}: {rows.count(name)} times in the table" for name in faults if rows.count(name) != 1]
    said += [f"fault {name}: the device has none" for name in rows if name not in faults]
    for number, (what, complaints) in enumerate(((f"{len(names)} names of {PAGE} exist", wrong),
                                                 (f"{len(faults)} faults, each in the table once", said)), 1):
        print("\n".join("# " + complaint for complaint in complaints) + "\n" if complaints else "", end="")
        print(f"{'not ok' if complaints else 'ok'} {number} - {what}")
    return 1 if wrong or said else 0


if __name__ == "__main__":
    sys.exit(main())
