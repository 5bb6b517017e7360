# SPDX-License-Identifier: BSD-2-Clause
"""What a guest's kernel said that no good run may contain."""

import re

# Each pattern is one way a Linux kernel reports its own (or a driver's) bug.
KERNEL_COMPLAINTS = re.compile(
    "|".join(
        (
            r"\bWARNING:",
            r"\bBUG:",
            r"\bBUG \S+ \(",  # slab corruption or objects left in a destroyed cache
            r"\bOops\b",
            r"Call Trace:",
            r"Kernel panic",
            r"kernel BUG at",
            r"general protection fault",
            r"KASAN:|KCSAN:|KFENCE:|UBSAN:",
            r"INFO: (task|rcu|possible|suspicious|trying)",
            r"unregister_netdevice: waiting",
            r"possible (circular|recursive) locking|inconsistent lock state",
            r"unreferenced object 0x",  # kmemleak
            r"refcount_t:",
            r"stalled pool shutdown",  # page_pool pages that never came back
            r"DMA-API: (?!preallocated \d+ debug entries|debugging enabled by|cacheline tracking ENOMEM)",
            r"NETDEV WATCHDOG",
            r"swiotlb buffer is full",
            r"blocked for more than \d+ seconds",
            r"soft lockup|hard LOCKUP",
            r"irq \d+: nobody cared",
            r"lab: rmmod espnic failed",
        )
    )
)

# What a failed allocation prints between these two is no complaint: rounds of tests have them fail on purpose.
ALLOCATION_FAILED = re.compile(r"page allocation failure: order:|vmalloc error: size ")
ALLOCATION_TOLD = "Mem-Info:"

# The console's own control sequences, and the time stamps that make equal lines differ
CONTROL = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\r")


def complaints(*paths):
    """Lines of the given console and dmesg files in which a kernel complained, each once."""
    found = {}
    for path in paths:
        try:
            with open(path, "rb") as file:
                text = CONTROL.sub(b"", file.read()).decode(errors="replace")
        except FileNotFoundError:
            continue
        told = True
        for line in text.splitlines():
            told = (told or ALLOCATION_TOLD in line) and not ALLOCATION_FAILED.search(line)
            if KERNEL_COMPLAINTS.search(line) and (told or "Call Trace:" not in line):
                found.setdefault(line.strip(), None)
    return list(found)
