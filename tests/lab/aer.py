#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""aer.py ADDRESS fatal|nonfatal: has Linux see an uncorrectable PCIe error of the port at ADDRESS (0000:00:05.0), by its aer_inject."""

import re
import struct
import sys

# Bits of the uncorrectable error status (PCI Express 7.8.4.2): data link protocol, completion timeout
KINDS = {"fatal": 1 << 4, "nonfatal": 1 << 14}
INJECT = "/dev/aer_inject"


def main():
    domain, bus, slot, function = (int(word, 16) for word in re.fullmatch(r"(\w+):(\w+):(\w+)\.(\w)", sys.argv[1]).groups())
    # struct aer_error_inj: bus, device, function, uncorrectable and correctable status, 4 words of header, domain
    with open(INJECT, "wb", buffering=0) as file:
        file.write(struct.pack("<3Bx7I", bus, slot, function, KINDS[sys.argv[2]], 0, 0, 0, 0, 0, domain))


if __name__ == "__main__":
    main()
