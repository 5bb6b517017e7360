#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Keys and certificates for tests of espnic-ike against others.

usage: keys.py FOLDER

A root and a CA under it (root, middle; both: cas.pem); left's and right's key of each kind with a certificate (SIDE-KIND.key, .pem) and as it is (.pub).
"""

import os
import subprocess
import sys

KEYS = [
    *((name, ("-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{name}")) for name in ("P-256", "P-384", "P-521")),
    ("ed25519", ("-algorithm", "ed25519")),
    ("rsa", ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072")),
]
AUTHORITY = "basicConstraints = critical, CA:true\nkeyUsage = critical, keyCertSign, cRLSign\n"


def openssl(work, *args):
    subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=work)


def certificate(work, name, issuer, extensions):
    with open(f"{work}/extensions", "w", encoding="ascii") as f:
        f.write("subjectKeyIdentifier = hash\n" + extensions)
    openssl(work, "req", "-new", "-key", f"{name}.key", "-subj", f"/O=espnic/CN={name}", "-out", "request")
    sign = ["-signkey", f"{name}.key"] if issuer is None else ["-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key", "-CAcreateserial"]
    openssl(work, "x509", "-req", "-in", "request", "-days", "2", "-extfile", "extensions", "-out", f"{name}.pem", *sign)


def make(work):
    for name, issuer in ("root", None), ("middle", "root"):
        openssl(work, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", f"{name}.key")
        certificate(work, name, issuer, AUTHORITY + ("authorityKeyIdentifier = keyid\n" if issuer else ""))
    with open(f"{work}/cas.pem", "wb") as f:
        for name in "root", "middle":
            with open(f"{work}/{name}.pem", "rb") as ca:
                f.write(ca.read())
    for kind, args in KEYS:
        for side in "left", "right":
            name = f"{side}-{kind}"
            openssl(work, "genpkey", *args, "-out", f"{name}.key")
            openssl(work, "pkey", "-in", f"{name}.key", "-pubout", "-out", f"{name}.pub")
            certificate(work, name, "middle", f"authorityKeyIdentifier = keyid\nsubjectAltName = DNS:{side}.example\n")
    for name in "extensions", "request":
        os.remove(f"{work}/{name}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    os.makedirs(sys.argv[1], exist_ok=True)
    make(sys.argv[1])
