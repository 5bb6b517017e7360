#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""poke.py OFFSET VALUE: writes a register of eth0's device behind its driver's back (the lab's kernels allow it: iomem=relaxed)."""

import mmap
import struct
import sys

BAR0 = "/sys/class/net/eth0/device/resource0"


def main():
    offset, value = (int(word, 0) for word in sys.argv[1:])
    with open(BAR0, "r+b") as file:
        with mmap.mmap(file.fileno(), mmap.PAGESIZE, offset=offset & -mmap.PAGESIZE) as window:
            struct.pack_into("<I", window, offset % mmap.PAGESIZE, value)


if __name__ == "__main__":
    main()
