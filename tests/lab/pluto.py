# SPDX-License-Identifier: BSD-2-Clause
"""libreswan's pluto as espnic-ike's peer: its configuration of a cell of matrix.py, its database of keys, and its commands."""

import os
import subprocess
import sys
import time

import vici

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
UNPACKED = os.path.join(ROOT, ".platform/unpacked")
EXEC = f"{UNPACKED}/usr/libexec/ipsec"
LIBRARIES = f"{UNPACKED}/usr/lib/x86_64-linux-gnu"
NAME = "libreswan 5.2"
# What Debian 13's has not: no multiple key exchanges (RFC 9370), no Ed25519 (RFC 8420), whose key its database would not even take
LACKS = {"x25519-ke1_mlkem768": "RFC 9370 and ML-KEM", "ed25519": "RFC 8420"}
KES = {"x25519": "dh31", "ecp384": "dh20", "modp3072": "dh15"}
AUTHBY = {"psk": "secret", "P-256": "ecdsa-sha2_256", "P-384": "ecdsa-sha2_384", "P-521": "ecdsa-sha2_512", "rsa": "rsa-sha2"}
SETUP = """config setup
\tlogfile={work}/pluto.log
\tnssdir={work}/nss
\tipsecdir={work}
\tnhelpers=1
\tuniqueids=no

conn %default
\tkeyexchange=ikev2
\tleftid=@{side}.example
\trightid=@{other}.example
\tleftupdown=%disabled
\tleftsendcert=always
\tretransmit-timeout=20s
\trekey=no
"""


class Refused(vici.Refused):
    """A command that failed, with what it said."""


def tool(*args):
    env = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
    env["LD_LIBRARY_PATH"] = LIBRARIES
    done = subprocess.run(args, capture_output=True, text=True, env=env, timeout=120, check=False)
    if done.returncode:
        raise Refused(f"{os.path.basename(args[0])}: {(done.stdout + done.stderr).strip()[-400:]}")
    return done.stdout


def write(work, name, text):
    with open(f"{work}/{name}", "w", encoding="ascii") as f:
        f.write(text)


def setup(work, side):
    return SETUP.format(work=work, side=side, other="left" if side == "right" else "right")


def prepare(work, keys, side, psk):
    """Its configuration, its secret, and its database: keys and certificates, each under its file's name, and the CAs."""
    nss = f"sql:{work}/nss"
    os.makedirs(f"{work}/nss")
    write(work, "ipsec.conf", setup(work, side))
    write(work, "ipsec.secrets", f'@left.example @right.example : PSK "{psk}"\n')
    tool(f"{UNPACKED}/usr/bin/certutil", "-N", "-d", nss, "--empty-password")
    for ca in "root", "middle":
        tool(f"{UNPACKED}/usr/bin/certutil", "-A", "-d", nss, "-n", ca, "-t", "CT,,", "-i", f"{keys}/{ca}.pem")
    for name in (f"{side}-{kind}" for kind in AUTHBY if kind != "psk"):
        tool("openssl", "pkcs12", "-export", "-inkey", f"{keys}/{name}.key", "-in", f"{keys}/{name}.pem", "-name", name,
             "-passout", "pass:of a file", "-out", f"{work}/p12")
        tool(f"{UNPACKED}/usr/bin/pk12util", "-d", nss, "-i", f"{work}/p12", "-W", "of a file", "-K", "")
    os.remove(f"{work}/p12")


def command(work):
    """What starts it, in the foreground; LIBRARIES are where it finds its libraries. It looks for its own programs in /usr/libexec."""
    lay = f'mount -t overlay overlay -o lowerdir={UNPACKED}/usr/libexec:/usr/libexec /usr/libexec && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", lay, "sh", f"{EXEC}/pluto", "--nofork", "--config", f"{work}/ipsec.conf", "--rundir", work,
            "--secretsfile", f"{work}/ipsec.secrets"]


class Pluto:
    """The pluto that runs in folder @work: its one connection is that of side @side to the other."""

    def __init__(self, work, side):
        self.work, self.side = work, side
        self.control = f"{work}/pluto.ctl"

    def about(self):
        return NAME, LACKS

    def ready(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                self.whack("--listen")
                return
            except Refused:
                time.sleep(0.1)
        raise Refused(f"pluto does not start: {self.log()[-600:]}")

    def log(self):
        try:
            with open(f"{self.work}/pluto.log", encoding="utf-8", errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def whack(self, *args):
        return tool(f"{EXEC}/whack", "--ctlsocket", self.control, *args)

    def connect(self, cell, ends, inner, **more):
        """The connection `cell' between two addresses, ours first (and, in tunnel mode, two inner prefixes), with what else ipsec.conf(5) has."""
        lines = {"left": ends[0], "right": "%any" if "moves" in cell else ends[1], "authby": AUTHBY[cell["auth"]], "type": cell["mode"],
                 "ike": f"aes_gcm128-sha2_256-{KES[cell['ke']]}", "esp": "aes_gcm128", "pfs": "no", "mobike": "yes" if "moves" in cell else "no",
                 "encapsulation": "yes" if cell.get("encap") == "yes" else "auto"}
        if cell["mode"] == "tunnel":
            lines.update(leftsubnet=inner[0], rightsubnet=inner[1])
        else:
            lines.update(leftprotoport="tcp", rightprotoport="tcp")
        if cell["auth"] != "psk":
            lines.update(leftcert=f"{self.side}-{cell['auth']}", rightca="\"O=espnic, CN=middle\"")  # without the name it asks for no certificate
        lines.update(more)
        write(self.work, "ipsec.conf", setup(self.work, self.side) + "\nconn cell\n" + "".join(f"\t{k}={v}\n" for k, v in lines.items()))
        self.whack("--impair", "revival")  # what the other side takes down is to stay down
        tool(f"{EXEC}/addconn", "--config", f"{self.work}/ipsec.conf", "--ctlsocket", self.control, "cell")

    def initiate(self):
        self.whack("--initiate", "--name", "cell")

    def clear(self):
        self.whack("--delete", "--name", "cell")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit("usage: pluto.py WORK KEYS SIDE PSK: makes the folder WORK, and becomes pluto there")
    prepare(*sys.argv[1:])
    os.execvpe("unshare", command(sys.argv[1]), dict(os.environ, LD_LIBRARY_PATH=LIBRARIES))
