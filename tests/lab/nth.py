#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""One operation, again and again, with its first, second, third ... allocation failing.

usage: nth.py LIMIT ip WORDS...              a line of `ip -batch`
       nth.py LIMIT rings IFACE SIZE SIZE    ethtool's ioctls: to the one and to the other in turn
       nth.py LIMIT channels IFACE COUNT COUNT
       nth.py LIMIT stats IFACE
       nth.py LIMIT write FILE TEXT          as of sysfs
       nth.py LIMIT insmod FILE

Linux's fail-nth (Documentation/fault-injection): what is told to a task counts its own allocations alone. Stops after LIMIT,
or when the operation had fewer. Whether it fails is up to the kernel (an allocation may have another way);
it must come back, and once no allocation fails it must pass. Prints how many did, how often the operation then failed, and its
errors. UNDO in the environment: a command after each time the operation passed; REDO: before each.
"""

import collections
import ctypes
import errno
import fcntl
import os
import socket
import struct
import subprocess
import sys
import termios
import time

SIOCETHTOOL = 0x8946
ETHTOOL_SRINGPARAM, ETHTOOL_SCHANNELS, ETHTOOL_GSTATS = 0x11, 0x3D, 0x1D
SYS_FINIT_MODULE = 313
KNOBS = {  # not only what cannot wait, and single pages too
    "/sys/kernel/debug/failslab/ignore-gfp-wait": "N",
    "/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait": "N",
    "/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem": "N",
    "/sys/kernel/debug/fail_page_alloc/min-order": "0",
    "/sys/kernel/debug/failslab/verbose": "0",
    "/sys/kernel/debug/fail_page_alloc/verbose": "0",
}
LIBC = ctypes.CDLL(None, use_errno=True)


class Own:
    """What this task does itself, between setting and reading its fail-nth."""

    def __init__(self):
        self.nth = os.open(f"/proc/{os.getpid()}/task/{os.getpid()}/fail-nth", os.O_RDWR)

    def once(self, n):
        """(error or None, whether an allocation failed)"""
        self.prepare()
        if n:
            os.pwrite(self.nth, str(n).encode(), 0)
        error = None
        try:
            self.do()
        except OSError as reason:
            error = errno.errorcode.get(reason.errno, str(reason.errno))
        left = int(os.pread(self.nth, 16, 0)) if n else 0
        os.pwrite(self.nth, b"0", 0)
        return error, bool(n) and not left

    def prepare(self):
        pass


class Ioctl(Own):
    """struct ifreq with a pointer to an ethtool command: one, and once that has passed the other, in turn."""

    def __init__(self, interface, words, others):
        super().__init__()
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.interface, self.words, self.others = interface.encode(), words, others

    def prepare(self):
        self.buffer = ctypes.create_string_buffer(struct.pack(f"{len(self.words)}I", *self.words), 65536)
        self.request = struct.pack("16sP16x", self.interface, ctypes.addressof(self.buffer))

    def do(self):
        fcntl.ioctl(self.sock, SIOCETHTOOL, self.request)
        self.words, self.others = self.others, self.words


class Write(Own):
    def __init__(self, path, text):
        super().__init__()
        self.path, self.text = path, text.encode()

    def prepare(self):
        self.fd = os.open(self.path, os.O_WRONLY)

    def do(self):
        try:
            os.write(self.fd, self.text)
        finally:
            os.close(self.fd)


class Insmod(Own):
    def __init__(self, path):
        super().__init__()
        self.path = path

    def prepare(self):
        self.fd = os.open(self.path, os.O_RDONLY)

    def do(self):
        status = LIBC.syscall(SYS_FINIT_MODULE, self.fd, b"", 0)
        reason = ctypes.get_errno()
        os.close(self.fd)
        if status:
            raise OSError(reason, os.strerror(reason))


class Ip:
    """`ip` that waits for its line already; what it says is the error."""

    def __init__(self, *words):
        self.line = " ".join(words) + "\n"

    def once(self, n):
        with subprocess.Popen(["ip", "-force", "-batch", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True) as child:
            nth = f"/proc/{child.pid}/fail-nth"
            self.wait_reading(child)
            if n:
                with open(nth, "w", encoding="ascii") as file:
                    file.write(str(n))
            child.stdin.write(self.line + "\n")
            child.stdin.flush()
            # It has done the line when it waits for the next one; of a state or policy that is refused it ends at once.
            left = self.left(nth) if self.wait_reading(child) else 0
            child.stdin.close()
            said = child.stderr.read().strip().splitlines()
            child.wait()
        said = [line for line in said if not line.startswith("Command failed")]
        failed = child.returncode != 0
        return (said[-1] if said else "failed") if failed else None, bool(n) and not left

    @staticmethod
    def wait_reading(child):
        """Until it waits for input and has taken all there is; False: it has ended."""
        while child.poll() is None:
            unread = fcntl.ioctl(child.stdin, termios.FIONREAD, bytes(4))
            with open(f"/proc/{child.pid}/wchan", encoding="ascii") as file:
                if "pipe_read" in file.read() and not any(unread):
                    return True
            time.sleep(0.005)
        return False

    @staticmethod
    def left(path):
        knob = os.open(path, os.O_RDWR)
        left = int(os.pread(knob, 16, 0))
        os.pwrite(knob, b"0", 0)
        os.close(knob)
        return left


def operation(args):
    kind, rest = args[0], args[1:]
    if kind == "ip":
        return Ip(*rest)
    if kind == "rings":
        # cmd, 4 maxima, rx, mini, jumbo, tx
        return Ioctl(rest[0], *((ETHTOOL_SRINGPARAM, 0, 0, 0, 0, int(n), 0, 0, int(n)) for n in rest[1:]))
    if kind == "channels":
        # cmd, 4 maxima, rx, tx, other, combined
        return Ioctl(rest[0], *((ETHTOOL_SCHANNELS, 0, 0, 0, 0, 0, 0, 0, int(n)) for n in rest[1:]))
    if kind == "stats":
        return Ioctl(rest[0], (ETHTOOL_GSTATS, 0), (ETHTOOL_GSTATS, 0))
    if kind == "write":
        return Write(*rest)
    if kind == "insmod":
        return Insmod(*rest)
    sys.exit(__doc__)


def shell(name):
    if os.environ.get(name):
        subprocess.run(os.environ[name], shell=True, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    for path, text in KNOBS.items():
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
    limit, what = int(sys.argv[1]), operation(sys.argv[2:])
    errors, n, failed = collections.Counter(), 0, 0
    for n in range(1, limit + 1):
        shell("REDO")
        error, hit = what.once(n)
        if not error:
            shell("UNDO")
        if not hit:
            break
        failed += bool(error)
        if error:
            errors[error] += 1
    else:
        n += 1
    shell("REDO")
    error, _ = what.once(0)
    print(f"{n - 1} allocations, {failed} times refused: " + ", ".join(f"{k} x{v}" for k, v in errors.most_common(5)))
    if error:
        sys.exit(f"nth: without a failed allocation: {error}")
    if n == 1:
        sys.exit("nth: no allocation was made to fail")


if __name__ == "__main__":
    main()
