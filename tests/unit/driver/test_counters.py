#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""docs/counters.md names every counter of the code with its meaning, and none that is not there.

usage: test_counters.py [--write]   --write puts the tables into the page anew

What counts are the X-lists of the driver's headers, `enum counter` and `enum queue_counter` of
regs/espnic.yaml, and the table of XfrmStat names in driver/ipsec_mib.c.
"""

import os
import re
import sys

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
PAGE = os.path.join(ROOT, "docs/counters.md")
X_ITEM = re.compile(r'X\((\w+),\s*"((?:[^"\\]|\\.)*)"\)')
XFRM_WORDS = ("In", "Out", "Fwd", "Acquire", "Error", "Buffer", "Hdr", "No", "State", "States", "Mode", "Proto", "Seq", "Expired",
              "Mismatch", "Invalid", "Tmpl", "Pol", "Pols", "Block", "Dead", "Bundle", "Gen", "Check", "Dir")
MIB_ITEM = re.compile(r"\{\s*ESPNIC_COUNTER_(\w+),\s*LINUX_MIB_XFRM(\w+)\s*\}")
DROP_ITEM = re.compile(r"\[ESPNIC_IPSEC_(\w+)\]\s*=\s*LINUX_MIB_XFRM(\w+)")


def text(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def x_list(path, name):
    """The items of `#define NAME(X) X(a, "...") ...`, as (name, meaning)."""
    body = re.search(rf"#define {name}\(X\)\s*\\\n((?:.*\\\n)*.*\n)", text(path))
    if not body:
        raise LookupError(f"{path}: no list {name}")
    items = X_ITEM.findall(body.group(1))
    if not items or len(items) != body.group(1).count("X("):
        raise LookupError(f"{path}: {name} has items that are not X(name, \"meaning\")")
    return items


def enum(name):
    for one in yaml.safe_load(text("regs/espnic.yaml"))["enums"]:
        if one["name"] == name:
            return [(value["name"], value["doc"]) for value in one["values"]]
    raise LookupError(f"regs/espnic.yaml: no enum {name}")


def prefixed(prefix, items):
    return [(prefix + name, meaning) for name, meaning in items]


def mib():
    """(counter of the device or of the driver's IPsec, name in /proc/net/xfrm_stat)."""
    names = {}
    for counter, xfrm in MIB_ITEM.findall(text("driver/ipsec_mib.c")):
        names[counter.lower()] = xfrm_name(xfrm)
    drops = [name for name, _ in x_list("driver/ipsec.h", "ESPNIC_IPSEC_STATS") if "_drop_" in name]
    own = dict(DROP_ITEM.findall(text("driver/ipsec_mib.c")))
    if sorted(own) != sorted(drops):
        raise LookupError(f"driver/ipsec_mib.c: espnic_drop_mib[] has {sorted(own)}, ESPNIC_IPSEC_STATS {sorted(drops)}")
    return (sorted(names.items(), key=lambda item: [name for name, _ in enum("counter")].index(item[0])) +
            [("ipsec_" + name, xfrm_name(own[name])) for name in drops])


def xfrm_words(rest):
    """The words that @rest is made of, without spaces and in capitals; None if it is not."""
    if not rest:
        return ""
    for word in XFRM_WORDS:
        if rest.startswith(word.upper()):
            more = xfrm_words(rest[len(word):])
            if more is not None:
                return word + more
    return None


def xfrm_name(macro):
    """What is left of LINUX_MIB_XFRMINSTATEPROTOERROR, as /proc/net/xfrm_stat spells it."""
    words = xfrm_words(macro)
    if words is None:
        raise LookupError(f"driver/ipsec_mib.c: {macro} is not made of the words of XfrmStat names")
    return "Xfrm" + words


def tables():
    header, commands, ipsec = "driver/espnic.h", "driver/cmd.h", "driver/ipsec.h"
    return {
        "tx queue": prefixed("txqN_", x_list(header, "ESPNIC_TX_SEND_STATS") + x_list(header, "ESPNIC_TX_DONE_STATS")),
        "rx queue": prefixed("rxqN_", x_list(header, "ESPNIC_RX_STATS")),
        "commands": prefixed("cmd_", x_list(commands, "ESPNIC_CMD_STATS") + x_list(header, "ESPNIC_DEV_STATS")),
        "ipsec": prefixed("ipsec_", x_list(ipsec, "ESPNIC_IPSEC_STATS")),
        "device": enum("counter"),
        "device queue": enum("queue_counter"),
        "xfrm": mib(),
    }


def rendered(rows):
    return "".join(f"| `{name}` | {meaning} |\n" for name, meaning in rows)


def section(page, name):
    """Where the rows of a table stand in the page."""
    mark = f"<!-- table: {name} -->\n"
    start = page.index(mark) + len(mark)
    start = page.index("|---|---|\n", start) + len("|---|---|\n")
    end = start
    while page.startswith("|", end):
        end = page.index("\n", end) + 1
    return start, end


def main():
    page = text("docs/counters.md")
    wanted = tables()
    if sys.argv[1:] == ["--write"]:
        for name, rows in wanted.items():
            start, end = section(page, name)
            page = page[:start] + rendered(rows) + page[end:]
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(page)
        return 0
    print(f"1..{len(wanted) + 1}")
    wrong = 0
    for number, (name, rows) in enumerate(wanted.items(), 1):
        start, end = section(page, name)
        have = dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", page[start:end], re.M))
        want = dict(rows)
        said = [f"{counter} is missing" for counter in want if counter not in have]
        said += [f"{counter} is not in the code" for counter in have if counter not in want]
        said += [f"{counter}: '{have[counter]}' instead of '{want[counter]}'"
                 for counter in want if counter in have and have[counter] != want[counter]]
        print(f"{'not ok' if said else 'ok'} {number} - {name}: {len(rows)} counters")
        for line in said:
            print(f"# {line}")
        wrong += bool(said)
    marks = re.findall(r"<!-- table: (.+) -->", page)
    stray = sorted(marks) != sorted(wanted)
    print(f"{'not ok' if stray else 'ok'} {len(wanted) + 1} - the page has these tables, each once")
    return 1 if wrong or stray else 0


if __name__ == "__main__":
    sys.exit(main())
