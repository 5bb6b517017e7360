#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The algorithms of the kernel's net/ipsec.c, each offered to offload: taken where docs/offload-matrix.md says so, else refused
with a text that stands there.

KTAP on stdout. Runs in a guest; the algorithms come from ipsec.c itself, staged by `run`.
"""

import hashlib
import itertools
import os
import re
import subprocess
import sys

STAGE = os.environ.get("KSFT_STAGE", "/shared")
DEVICE = os.environ.get("NETIF", "eth1")
SOURCE = "tools/testing/selftests/net/ipsec.c"
SRC, DST = "198.18.1.1", "198.18.1.2"
# A slice of it, where there is little time
SLICE = bool(os.environ.get("KSFT_SLICE"))
MODES = ("transport",) if SLICE else ("transport", "tunnel")
DIRECTIONS = ("out",) if SLICE else ("in", "out")
SLICE_AUTH = ["hmac(sha256)"]
FIRST_SPI = 0x1000
PROGRESS = 50  # cases between two signs of life
LEAST_TEXT = 12  # letters: what is shorter is no refusal's text
# ip's words for what crypto_find does not have; the kernel decides what it is built with
ABSENT = re.compile(r"not found|Function not implemented|No such file", re.I)


def read(path):
    with open(os.path.join(STAGE, path), encoding="utf-8") as file:
        return file.read()


def c_list(source, name):
    return re.findall(r'"([^"]+)"', re.search(rf"\b{name}\[\] = \{{(.*?)\}};", source, re.S).group(1))


def key_bits(source):
    table = re.search(r"xfrm_key_entries\[\] = \{(.*?)\};", source, re.S).group(1)
    return {name: int(bits) for name, bits in re.findall(r'\{"([^"]+)",\s*(\d+)\}', table)}


def aead_keys(name):
    """Bits of keys with their salt (RFC 4106, 4309, 4543, 7539)."""
    if "poly1305" in name:
        return (256 + 32,)
    return tuple(length + (24 if "ccm" in name else 32) for length in (128, 192, 256))


def key(bits):
    return "0x" + (bytes(range(1, 256)) * 2)[: bits // 8].hex() if bits else ""


def algorithms(source):
    """(kind, name, words of `ip xfrm state add`)."""
    bits = key_bits(source)
    auth, comp = c_list(source, "ah_list"), c_list(source, "comp_list")
    enc, aead = c_list(source, "e_list"), c_list(source, "ae_list")
    for name in auth:
        yield "ah", name, ["proto", "ah", "auth", name, key(bits.get(name, 128 if "aes" in name else 0))]
    for name in comp:
        yield "comp", name, ["proto", "comp", "comp", name]
    for cipher, digest in itertools.product(enc, SLICE_AUTH if SLICE else auth):
        yield "enc+auth", f"{cipher} {digest}", ["proto", "esp", "enc", cipher, key(bits.get(cipher, 160)),
                                                 "auth", digest, key(bits.get(digest, 128))]
    for name in aead:
        for length, icv in itertools.product(aead_keys(name), (64, 96, 128)):
            yield "aead", f"{name} {length} {icv}", ["proto", "esp", "aead", name, key(length), str(icv)]


def names(text):
    return set(re.findall(r"`([a-z0-9]+\([^`]+\))`", text))


def offloaded(page):
    """What the matrix of the page has as offloaded: AEADs; ciphers, and the authenticators with them, in packet mode alone."""
    table = page[page.index("## The matrix"):page.index("## States")]
    rows = [line.split("|")[1:-1] for line in table.splitlines() if line.startswith("| ")]
    with_auth = table[table.index("\n⁴"):]
    with_auth = re.split(r"(?=`[a-z]+\()", with_auth[:with_auth.index("; keys")])
    return (set().union(*(names(row[0]) for row in rows if "yes" in row[1] and "yes" in row[3])),
            set().union(*(names(row[0]) for row in rows if "software" in row[1] and "yes" in row[3])),
            # ip's `auth` takes the kernel's own length of the ICV
            set().union(*(names(part) for part in with_auth if "auth-trunc" not in part)))


def wanted(takes, kind, name, offload):
    aeads, ciphers, authenticators = takes
    if kind == "aead":
        return name.split()[0] in aeads
    cipher, _, auth = name.partition(" ")
    return kind == "enc+auth" and offload == "packet" and cipher in ciphers and auth in authenticators


def texts(page):
    """Texts of refusals that the page knows, the driver's and Linux's own, as two patterns."""
    said = set()
    for line in page[page.index("## States"):page.index("## What Linux refuses itself")].splitlines():
        if line.startswith("| ") and line.count("|") >= 4:
            for text in line.split("|")[-2].split(" / "):
                said.add(re.sub(r"\bN\b", r"\\d+", re.escape(text.strip()).replace(r"\.\.\.", ".*").replace("NAME", ".*")))
    own = page[page.index("## What Linux refuses itself"):]
    own = own[:own.index("\n\n", own.index("Before the driver"))]
    linux = {re.escape(" ".join(text.split())) for text in re.findall(r"`([A-Z][^`]+)`", own)}
    return tuple(re.compile("|".join(sorted(some, key=len, reverse=True))) for some in ({text for text in said if len(text) >= LEAST_TEXT}, linux))


def own_keys(words, number):
    """The words with keys of their own: two live SAs of one key and salt are twins to the device."""
    return ["0x" + hashlib.shake_128(f"{number} {word}".encode()).hexdigest((len(word) - 2) // 2)
            if word.startswith("0x") else word for word in words]


def add(words, number, mode, offload, direction):
    """Whether the state was taken, and what `ip` said."""
    flags = ["flag", "af-unspec"] if mode == "tunnel" and "esp" in words else []
    command = ["ip", "xfrm", "state", "add", "src", SRC, "dst", DST, *words[:2], "spi", hex(FIRST_SPI + number), "reqid", "7",
               "mode", mode, *flags, *own_keys(words[2:], number), "offload", offload, "dev", DEVICE, "dir", direction]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode == 0, (done.stdout + done.stderr).strip().replace("\n", " ")


def offloaded_spis():
    """Of all states now, those that the device has."""
    shown = subprocess.run(["ip", "xfrm", "state"], capture_output=True, text=True, check=True).stdout
    return {int(re.search(r"spi (0x[0-9a-f]+)", state).group(1), 16)
            for state in re.split(r"^(?=src )", shown, flags=re.M) if "crypto offload parameters" in state}


def judge(taken, in_device, said, offer, offload, known):
    """None when it is as the page has it, else what is wrong."""
    driver, linux = known
    if offer:
        return None if taken and in_device else f"not offloaded: {said}"
    if in_device:
        return "offloaded, and the page does not say so"
    if taken and offload == "packet":
        return "taken in software"
    if not taken and linux.search(said):
        return None
    if not taken and offload == "crypto":
        return f"refused, where software is to take it: {said}"
    if not driver.search(said):
        return f"a text the page does not have: '{said}'"
    return None


def main():
    source, page = read(SOURCE), read("docs/offload-matrix.md")
    takes, known = offloaded(page), texts(page)
    cases = list(itertools.product(algorithms(source), MODES, ("crypto", "packet"), DIRECTIONS))
    print(f"KTAP version 1\n1..{len(cases)}", flush=True)
    answers = []
    for number, case in enumerate(cases):
        answers.append(add(case[0][2], number, *case[1:]))
        if number % PROGRESS == 0:
            print(f"# {number} of {len(cases)} added", flush=True)
    in_device = offloaded_spis()
    failed = 0
    for number, (((kind, name, _), mode, offload, direction), (taken, said)) in enumerate(zip(cases, answers)):
        title = f"{kind} {name} {mode} {offload} {direction}"
        wrong = judge(taken, FIRST_SPI + number in in_device, said, wanted(takes, kind, name, offload), offload, known)
        if wrong and not taken and ABSENT.search(said):
            print(f"ok {number + 1} {title} # SKIP this kernel: {said}")
            continue
        failed += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number + 1} {title}")
        print(f"# {wrong or said or 'offloaded'}")
    return 1 if failed or not all(takes) else 0


if __name__ == "__main__":
    sys.exit(main())
