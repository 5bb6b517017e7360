# SPDX-License-Identifier: BSD-2-Clause
"""What the readers of other people's vectors share: cases, and espnic-engine crypto to judge them.

A case is a request and what must come back: the reply's members, or REFUSED, which is any answer
that is not ok and gives out nothing. A body without an alg skips its cases, by name.
"""

import collections
import json
import os
import pathlib
import subprocess
import sys

TREE = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = os.environ.get("ESPNIC_ENGINE", str(TREE / "build/bin/espnic-engine"))
UNAVAILABLE = 2  # exit status of espnic-engine for an engine it cannot run
SHOWN = 5  # failures printed a file
REFUSED = object()

Case = collections.namedtuple("Case", "name request want")


class Tally:
    def __init__(self, engines):
        self.engines = engines
        self.passed = self.failed = self.skipped = 0
        self.skips = collections.Counter()

    def skip(self, why, count=1):
        self.skips[why] += count
        self.skipped += count

    def run(self, name, cases):
        """Judges the cases of one file with each engine."""
        for engine in list(self.engines):
            replies = ask(engine, [case.request for case in cases])
            if replies is None:
                self.engines.remove(engine)
                self.skips[f"{engine}: not to be had on this machine"] += 1
                continue
            bad = lacking = 0
            for case, reply in zip(cases, replies):
                if reply.get("error") == "unsupported" and engine != "ref":
                    self.skip(f"{engine}: lacks {case.request['alg']}")
                    lacking += 1
                elif not good(case.want, reply):
                    bad += 1
                    if bad <= SHOWN:
                        print(f"  {name} {engine} {case.name}: {json.dumps(case.request)}\n"
                              f"    want {'refused' if case.want is REFUSED else case.want}\n    got  {reply}")
            bad += len(cases) - len(replies)
            self.passed += len(cases) - bad - lacking
            self.failed += bad
            print(f"{'not ok' if bad else 'ok'} {name} {engine}: {len(cases) - bad - lacking} of {len(cases)}")

    def close(self):
        for why, count in sorted(self.skips.items()):
            print(f"SKIP {why}: {count} cases")
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        sys.exit(1 if self.failed or not self.passed else 0)


def good(want, reply):
    if want is REFUSED:
        return not reply["ok"] and not {"msg", "ct", "tag"} & set(reply)
    return reply["ok"] and all(reply.get(k) == v for k, v in want.items())


def ask(engine, requests):
    text = "".join(json.dumps(dict(request, id=n)) + "\n" for n, request in enumerate(requests))
    done = subprocess.run([PROGRAM, "crypto", "--engine", engine],
                          input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode == UNAVAILABLE and engine != "ref":
        return None
    if done.returncode != 0:
        sys.exit(f"espnic-engine crypto --engine {engine}: exit status {done.returncode}\n{done.stderr.decode()}")
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


# ---------------------------------------------------------------- cases of each kind

def aead(name, alg, key, iv, aad, msg, ct, tag, valid):
    """Open, and seal if the vector is good: a bad one says nothing about what seal must make."""
    base = {"alg": alg, "key": key, "iv": iv, "aad": aad}
    yield Case(name + " open", {**base, "op": "open", "ct": ct, "tag": tag}, {"msg": msg} if valid else REFUSED)
    if valid:
        yield Case(name + " seal", {**base, "op": "seal", "msg": msg, "tag_len": len(tag) // 2},
                   {"ct": ct, "tag": tag})


def cipher(name, alg, key, iv, msg, ct):
    base = {"alg": alg, "key": key, "iv": iv}
    yield Case(name + " encrypt", {**base, "op": "encrypt", "msg": msg}, {"ct": ct})
    yield Case(name + " decrypt", {**base, "op": "decrypt", "msg": ct}, {"msg": msg})


def mac(name, alg, key, msg, tag):
    yield Case(name, {"alg": alg, "op": "mac", "key": key, "msg": msg, "tag_len": len(tag) // 2}, {"tag": tag})
