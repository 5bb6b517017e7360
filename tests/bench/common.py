# SPDX-License-Identifier: BSD-2-Clause
"""What the benches in the lab share."""

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OUT = os.path.join(ROOT, "build/bench")
PROCESSES = ("left.qemu", "left.device", "right.qemu", "right.device")
NS_PER_US = 1000


def machine():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as lines:
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
    return f"{model}, {os.cpu_count()} cores, {platform.machine()}, TCG"


def lab(name, script, nic, args, **env):
    """Both sides run `script` (of this folder) on `nic`; yields what they wrote to /out/bench, an object a line."""
    out = os.path.join(OUT, name)
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    path = os.path.join(HERE, script)
    command = [os.path.join(ROOT, "lab/run"), "--left-nic", nic, "--right-nic", nic, "--kernel", args.kernel,
               "--left", path, "--right", path, "--out", out, "--timeout", "900"]
    for key, value in env.items():
        command += ["--env", f"{key}={value}"]
    if args.engine:
        command += ["--engine", args.engine]
    code = subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode
    if code:
        sys.exit(f"bench: lab/run of {script} with {nic} ended with {code}; see {out}")
    with open(os.path.join(out, "bench"), encoding="ascii") as lines:
        for line in lines:
            yield json.loads(line)


def arguments(parser):
    """Options that all of them have."""
    parser.add_argument("--kernel", choices=("7.2", "6.12"), default="7.2")
    parser.add_argument("--engine", choices=("ref", "fast"))
    parser.add_argument("--rounds", type=int, default=2, help="within a run of the lab")
    parser.add_argument("--seconds", type=int, default=4, help="of each measurement")


def cpu_us(sample):
    """CPU time of each process for a packet that arrived, microseconds."""
    return {name: (sample["after"][name] - sample["before"][name]) / sample["received"] / NS_PER_US
            for name in PROCESSES if name in sample["after"]}


def median(samples, of):
    return statistics.median(of(sample) for sample in samples)


def write(name, report):
    """build/bench/NAME.json"""
    with open(os.path.join(OUT, name + ".json"), "w", encoding="utf-8") as out:
        json.dump(report, out, indent=1)
        out.write("\n")
    print(f"\n  build/bench/{name}.json has every sample\n")
