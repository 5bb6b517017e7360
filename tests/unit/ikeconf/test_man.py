#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""espnic-ike-manual(5) names every key that the file may have, and no other."""

import os
import re
import sys

IKE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../userspace/espnic-ike")
FONT = re.compile(r'^\.(?:B|BR|BI)\s+(.*)$', re.M)


def code_keys():
    with open(os.path.join(IKE, "manual/read.c"), encoding="utf-8") as f:
        return set(re.findall(r'KEY\(raw_\w+, "(\w+)"', f.read())) | {"template"}


def man_keys(text):
    """The bold words of each paragraph's tag: lines behind .TP (and those of a template's own)."""
    tags = re.findall(r'^\.TP\n(\..*)$', text, re.M)
    words = set()
    for tag in tags:
        line = FONT.match(tag).group(1)
        # what stands behind a key in the same font is its values, in quotes with a blank in front
        line = re.sub(r'" [^"]*\|[^"]*?(?:, )?"', " ", line)
        words |= set(re.findall(r'\b[a-z][a-z_]+\b', line))
    return words


def main():
    with open(os.path.join(IKE, "man/espnic-ike-manual.5"), encoding="utf-8") as f:
        text = f.read()
    in_code = code_keys()
    in_man = man_keys(text) | {w for w in ("level",) if re.search(rf'^\.BR {w} ', text, re.M)}
    missing, unknown = in_code - in_man, in_man - in_code
    print("1..1")
    print(f"{'not ok' if missing or unknown else 'ok'} 1 - keys: not in the page {sorted(missing)}, in the page alone {sorted(unknown)}")
    return bool(missing or unknown)


if __name__ == "__main__":
    sys.exit(main())
