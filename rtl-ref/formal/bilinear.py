# SPDX-License-Identifier: BSD-2-Clause
"""Multipliers over GF(2), compared by what they compute and not by search.

A product is bilinear: each output bit is a sum of terms a[i] b[j]. A netlist of XOR and AND alone is walked once from its inputs,
each wire getting its sum of terms, exactly: a set of bits of a, or a set of bits of b, or a set of pairs. Sums
are canonical, so two netlists are equal if and only if their outputs' sums are. Anything that is not such a sum (an AND of two sums of a, a
gate of another kind) is refused, so nothing is proved by not looking.
"""

import json
import sys

BITS = 128


class Refused(Exception):
    """The netlist is no multiplier of the wanted kind; the text says where."""


# A wire's sum: (kind, bits). Kind 'a' and 'b': bit i for a[i] or b[i]; 'ab': bit BITS * i + j for a[i] b[j].
ZERO = ("0", 0)


def xor(left, right):
    if left[1] == 0:
        return right
    if right[1] == 0:
        return left
    if left[0] != right[0]:
        raise Refused(f"a sum of {left[0]} and {right[0]}")
    bits = left[1] ^ right[1]
    return (left[0], bits) if bits else ZERO


def product(left, right):
    if not left[1] or not right[1]:
        return ZERO
    if left[0] == "b":
        left, right = right, left
    if (left[0], right[0]) != ("a", "b"):
        raise Refused(f"a product of {left[0]} and {right[0]}")
    bits, rest = 0, left[1]
    while rest:
        low = rest & -rest
        bits |= right[1] << (BITS * (low.bit_length() - 1))
        rest ^= low
    return ("ab", bits)


GATES = {"$_XOR_": xor, "$_AND_": product}


def outputs(netlist, module):
    """The sums of the bits of product_o, from a netlist of yosys' write_json."""
    with open(netlist, encoding="utf-8") as text:
        design = json.load(text)["modules"][module]
    wires = {"0": ZERO}
    for name, kind in ("a_i", "a"), ("b_i", "b"):
        for index, wire in enumerate(design["ports"][name]["bits"]):
            wires[wire] = (kind, 1 << index)
    driver = {}
    for cell in design["cells"].values():
        if cell["type"] == "$scopeinfo":
            continue  # where a flattened instance was: no gate
        if cell["type"] not in GATES:
            raise Refused(f"a gate of type {cell['type']}")
        pins = cell["connections"]
        driver[pins["Y"][0]] = (GATES[cell["type"]], pins["A"][0], pins["B"][0])
    result = []
    for out in design["ports"]["product_o"]["bits"]:
        stack = [out]
        while stack:
            wire = stack[-1]
            if wire in wires:
                stack.pop()
                continue
            if wire not in driver:
                raise Refused(f"wire {wire} has no driver")
            gate, left, right = driver[wire]
            missing = [w for w in (left, right) if w not in wires]
            if missing:
                stack += missing
                continue
            wires[wire] = gate(wires[left], wires[right])
            stack.pop()
        result.append(wires[out])
    return result


def position(power):
    """The bit of a block that is the coefficient of x^power (SP 800-38D 6.3)."""
    return 8 * (power // 8) + 7 - power % 8


def gf128_by_definition():
    """The sums of the product's bits, from the field alone: x^i x^j = x^(i+j), and x^128 = x^7 + x^2 + x + 1."""
    powers = [1 << i for i in range(BITS)]
    for _ in range(BITS - 1):
        above = powers[-1] << 1
        powers.append(above ^ ((1 << BITS) | 0x87) if above >> BITS else above)
    sums = [0] * BITS
    for i in range(BITS):
        for j in range(BITS):
            term = 1 << (BITS * position(i) + position(j))
            bits = powers[i + j]
            for k in range(BITS):
                if bits >> k & 1:
                    sums[position(k)] ^= term
    return [("ab", bits) for bits in sums]


def check_gf128(netlist, module):
    """Returns if the netlist is the field's product, raises Refused if it is not."""
    for bit, (is_, should) in enumerate(zip(outputs(netlist, module), gf128_by_definition(), strict=True)):
        if is_ != should:
            raise Refused(f"bit {bit} of the product is another sum")


if __name__ == "__main__":
    check_gf128(sys.argv[1], sys.argv[2])
