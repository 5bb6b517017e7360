# SPDX-License-Identifier: BSD-2-Clause
"""lab/run: boots two guests with one wire between them and runs a script in each.

Started by the shim lab/run, inside the platform and in a mount namespace of its own.
Exit status: 0 when all held; 1 when a script failed, a kernel complained or a part of the lab died;
2 for a bad option or something missing; 124 on timeout; 130 when interrupted.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import console
from machine import (
    ADDRESSES,
    TREE,
    Kernel,
    LabError,
    make_initramfs,
    qemu_command,
    require_tools,
    require_vfio_user,
    virtiofsd_command,
)

SIDES = ("left", "right")
POLL_S = 0.05
SOCKET_WAIT_S = 10  # for a process on this machine to open its socket
BOOT_WAIT_S = 120  # for a guest to reach its script, on a machine busy with other work
SETTLE_S = 0.3  # for the others to end, when one child's end brings theirs
STOP_WAIT_S = 40  # for a guest to take its NIC down and power off; rmmod alone may take 20

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_TIMEOUT = 124
EXIT_INTERRUPTED = 130


class Failure(Exception):
    """The run failed; the text says why."""


class TimedOut(Failure):
    """--timeout passed."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message):
        print(f"lab/run: {message} (lab/run --help)", file=sys.stderr)
        sys.exit(EXIT_USAGE)


def parse(argv):
    parser = Parser(
        prog="lab/run",
        description="Boots two guests joined by one wire; runs a script as root in each.",
        epilog="In a guest: eth0 is 192.0.2.1/24 2001:db8::1/64 (left) or .2 and ::2 (right); "
        "/shared is --share, read only; /out is --out; lab-barrier NAME meets the peer's script. "
        "A side without a script just answers its peer. ACCEL=kvm uses KVM; LAB_SLOW=N gives "
        "everything N times as long (default: 1; 4 with --kernel debug).",
        allow_abbrev=False,
    )
    nics = ("espnic", "virtio")
    add = parser.add_argument
    add("--left-nic", choices=nics, default="espnic", help="default: espnic")
    add("--right-nic", choices=nics, default="virtio", help="default: virtio")
    add("--engine", choices=("ref", "fast", "rtl"), help="espnic's ESP engine (default: its own)")
    add("--kernel", choices=("7.2", "6.12", "debug"), default="7.2", help="default: 7.2")
    add("--right-kernel", choices=("7.2", "6.12", "debug"), help="default: that of --kernel")
    add("--left", metavar="SCRIPT", help="run in the left guest")
    add("--right", metavar="SCRIPT", help="run in the right guest")
    add("--timeout", metavar="S", type=positive, default=300, help="for all of it; default: 300")
    add("--out", metavar="DIR", help="where results go (default: a new folder in build/lab)")
    add("--share", metavar="DIR", default=TREE, help="seen as /shared (default: the tree)")
    add("--env", metavar="NAME=VALUE", action="append", default=[], help="given to both scripts")
    add("--vcpus", metavar="N", type=positive, default=1, help="of each guest; default: 1")
    add("--memory", metavar="MIB", type=positive, help="of each guest (default: 512; debug 1024)")
    add("--queues", metavar="N", type=positive, help="queue pairs of espnic (default: its own)")
    add("--hide-caps", metavar="NAMES", help="capabilities that espnic-device is to lack, on both sides")
    add("--loop", action="store_true", help="gives the left guest two more espnic, wired to each other")
    add("--root-port", action="store_true",
        help="plugs the left espnic behind a PCIe root port, which tells of errors (AER)")
    add("--pcap", metavar="FILE", help="records the wire at the left NIC")
    add("--control", metavar="PATH", help="admin socket of the left espnic-device")
    add("--mortal-device", action="store_true",
        help="lab-kill-device in a guest kills its espnic-device, and that is no failure")
    add("--faults", action="store_true", help="lab-fault in a guest breaks its espnic-device on demand")
    options = parser.parse_args(argv)
    options.interactive = not options.left and not options.right
    return options


def positive(text):
    value = int(text)
    if value <= 0:
        raise ValueError(text)
    return value


def check(options):
    """Refuses, with one line each, what would fail later with many."""
    for side in SIDES:
        script = getattr(options, side)
        if script and not os.path.isfile(script):
            raise LabError(f"--{side} {script}: no such file")
    if not os.path.isdir(options.share):
        raise LabError(f"--share {options.share}: no such folder")
    for text in options.env:
        if not text.split("=", 1)[0].isidentifier() or "=" not in text:
            raise LabError(f"--env {text}: NAME=VALUE expected")
    if options.interactive and not sys.stdin.isatty():
        raise LabError("no script given, and no terminal to open consoles on")
    if options.control and options.left_nic != "espnic":
        raise LabError("--control needs --left-nic espnic")
    require_tools()
    kernels = {"left": Kernel(options.kernel), "right": Kernel(options.right_kernel or options.kernel)}
    kernel = kernels["left"]
    if options.right_nic == "espnic" and kernels["right"].name != kernel.name:
        raise LabError("--right-kernel needs --right-nic virtio: there is one espnic.ko a run")
    if os.environ.get("LAB_COVERAGE") and options.kernel != "debug":
        raise LabError("LAB_COVERAGE needs --kernel debug")
    options.slow = max(slowness(kernel) for kernel in kernels.values())
    options.timeout *= options.slow
    for option in ("loop", "root_port"):
        if getattr(options, option) and options.left_nic != "espnic":
            raise LabError(f"--{option.replace('_', '-')} needs --left-nic espnic")
    if "espnic" in (options.left_nic, options.right_nic):
        require_vfio_user()
        if not os.path.isfile(kernel.driver()):
            goal = "driver" if options.kernel != "debug" else "driver-" + kernel.driver().split(os.sep)[-2]
            raise LabError(f"{kernel.driver()} is not built (make {goal})")
        if not os.access(device_binary(), os.X_OK):
            raise LabError(f"{device_binary()} is not built (make device)")
    return kernels


def slowness(kernel):
    """By how much every wait for a guest is multiplied."""
    text = os.environ.get("LAB_SLOW", str(kernel.slow))
    try:
        return positive(text)
    except ValueError as reason:
        raise LabError(f"LAB_SLOW={text}: a positive number expected") from reason


def device_binary():
    return os.path.join(TREE, "build", "bin", "espnic-device")


def cpu_ns(pid):
    """CPU time of a process, all its threads together; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0
    ticks = int(fields[11]) + int(fields[12])  # utime and stime, of which the name and all before it was cut off
    return ticks * 1000000000 // os.sysconf("SC_CLK_TCK")


def anonymous_bytes(pid):
    """Memory of a process that is its own: of the guest's, which the device maps, nothing counts; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            kib = next((line.split()[1] for line in file if line.startswith("RssAnon:")), 0)
    except FileNotFoundError:
        return 0
    return int(kib) * 1024


class Lab:
    """One run: its processes, its folder of sockets, its results."""

    def __init__(self, options, kernels):
        self.options = options
        self.kernels = kernels  # by side
        self.children = []  # (name, Popen), in the order they were started
        self.threads = []
        self.started = time.monotonic()
        self.run = tempfile.mkdtemp(prefix="espnic-lab-")
        self.view = os.path.join(self.run, "view")  # a tmpfs: see share_files
        self.lab = os.path.join(self.view, "rw", "lab")

    def nic(self, side):
        return getattr(self.options, side + "_nic")

    # Processes

    def start(self, name, command, **how):
        """Starts a child that ends with this process; its words go to OUT/NAME.log."""
        with open(os.path.join(self.options.out, name + ".log"), "wb") as words:
            child = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command],
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **how,
            )
        self.children.append((name, child))
        return child

    def kill_on_request(self):
        """What lab-kill-device asks for: the device of that side dies, and is missed no more."""
        for side in SIDES:
            if not self.said(side + ".kill") or self.said(side + ".killed"):
                continue
            device = dict(self.children).get(side + ".device")
            if not self.options.mortal_device or not device:
                raise Failure(f"{side} guest: lab-kill-device, without --mortal-device or a device")
            device.kill()
            device.wait()
            self.children.remove((side + ".device", device))
            with open(os.path.join(self.lab, side + ".killed"), "w", encoding="ascii"):
                pass

    def control(self, side):
        """The admin socket of that side's device; None: it has none."""
        if side == "left" and self.options.control:
            return self.options.control
        return os.path.join(self.run, side + ".control") if self.options.faults else None

    def relay_faults(self):
        """What lab-fault asks for, to the device of that side; its answer back, whole at once."""
        for side in SIDES:
            request = os.path.join(self.lab, side + ".fault")
            try:
                with open(request, encoding="ascii") as file:
                    words = file.read().strip()
            except FileNotFoundError:
                continue
            os.unlink(request)
            answer = os.path.join(self.lab, side + ".fault.answer")
            with open(answer + ".part", "wb") as file:
                file.write(self.ask_device(side, f"fault {words}"))
            os.rename(answer + ".part", answer)

    def tell_cpu(self):
        """What lab-cpu asks for: CPU time and memory of every process of the lab, whole at once."""
        for side in SIDES:
            request = os.path.join(self.lab, side + ".cpu")
            if not os.path.exists(request):
                continue
            os.unlink(request)
            used = {name: cpu_ns(child.pid) for name, child in self.children}
            used |= {name + ".bytes": anonymous_bytes(child.pid) for name, child in self.children}
            with open(request + ".part", "w", encoding="ascii") as file:
                json.dump(used, file)
                file.write("\n")
            os.rename(request + ".part", request + ".answer")

    def ask_device(self, side, line):
        """The device's line of JSON, or one of our own when it gives none."""
        if not self.options.faults or self.nic(side) != "espnic":
            return b'{"error":"lab/run was started without --faults, or this side has no espnic"}\n'
        try:
            with socket.socket(socket.AF_UNIX) as device:
                device.settimeout(SOCKET_WAIT_S)
                device.connect(self.control(side))
                device.sendall(line.encode() + b"\n")
                reply = b""
                while not reply.endswith(b"\n"):
                    part = device.recv(65536)
                    if not part:
                        break
                    reply += part
                return reply
        except OSError as reason:
            return f'{{"error":"no answer of the device: {reason}"}}\n'.encode()

    def last_words(self, name):
        with open(os.path.join(self.options.out, name + ".log"), errors="replace") as words:
            lines = words.read().strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def check_children(self):
        """Fails when any child has ended; a dead guest is named before what died with it."""
        if all(child.poll() is None for _, child in self.children):
            return
        time.sleep(SETTLE_S)
        dead = [(name, child.poll()) for name, child in self.children if child.poll() is not None]
        guests = [name.split(".")[0] for name, _ in dead if name.endswith(".qemu")]
        devices = [(name, status) for name, status in dead if status != 0]
        if guests and not devices:
            raise Failure(f"the {guests[0]} guest powered off or rebooted before its time")
        name, status = (devices or dead)[0]
        raise Failure(f"{name} ended with {status}: {self.last_words(name)}")

    def wait_listening(self, path):
        """Until a process accepts connections at the unix socket path."""
        deadline = time.monotonic() + SOCKET_WAIT_S
        accepting = "00010000"  # __SO_ACCEPTCON in the flags column of /proc/net/unix
        while time.monotonic() < deadline:
            self.check_children()
            with open("/proc/net/unix", encoding="ascii", errors="replace") as table:
                for line in table:
                    fields = line.split()
                    if fields[-1] == path and fields[3] == accepting:
                        return
            time.sleep(0.01)
        raise Failure(f"nobody listens at {path} after {SOCKET_WAIT_S} s")

    # Starting

    def bind(self, source, target, read_only=False):
        os.makedirs(target, exist_ok=True)
        subprocess.run(["mount", "--bind", source, target], check=True)
        if read_only:
            subprocess.run(["mount", "-o", "remount,bind,ro", target], check=True)

    def share_files(self):
        """The two trees that the guests mount: the host's (read only) and the run's own.

        They stand on a tmpfs of our mount namespace, so that they go by unmounting it and nothing
        ever has to be deleted through a mount.
        """
        options = self.options
        host = os.path.join(self.view, "host")
        os.mkdir(self.view)
        subprocess.run(["mount", "-t", "tmpfs", "espnic-lab", self.view], check=True)
        self.bind("/usr", os.path.join(host, "usr"), read_only=True)
        modules = os.path.join(host, "usr/lib/modules")
        subprocess.run(["mount", "-t", "tmpfs", "modules", modules], check=True)
        for kernel in self.kernels.values():
            for release in os.listdir(kernel.modules):
                if not os.path.exists(os.path.join(modules, release)):
                    self.bind(os.path.join(kernel.modules, release), os.path.join(modules, release), read_only=True)
        self.bind(options.share, os.path.join(host, "shared"), read_only=True)
        self.bind(options.out, os.path.join(self.view, "rw", "out"))
        os.makedirs(self.lab)
        if "espnic" in (options.left_nic, options.right_nic):
            shutil.copy(self.kernels["left"].driver(), os.path.join(self.lab, "espnic.ko"))
        for side in SIDES:
            self.write_environment(side)

    def write_environment(self, side):
        options = self.options
        script = getattr(options, side)
        peer = SIDES[1 - SIDES.index(side)]
        variables = {
            "LAB_RUN": "console" if options.interactive else "script" if script else "idle",
            "LAB_NIC": self.nic(side),
            "LAB_PEER_NIC": self.nic(peer),
            "LAB_KERNEL": self.kernels[side].name,
            "LAB_SLOW": str(options.slow),
            "LAB_ADDRESS4": ADDRESSES[side][0],
            "LAB_ADDRESS6": ADDRESSES[side][1],
            "LAB_PEER4": ADDRESSES[peer][0],
            "LAB_PEER6": ADDRESSES[peer][1],
        }
        if script:
            inside = os.path.relpath(os.path.realpath(script), os.path.realpath(options.share))
            if inside.startswith("../"):
                inside = f"{side}-script"
                shutil.copy(script, os.path.join(self.lab, inside))
                variables["LAB_SCRIPT"] = f"/run/lab/{inside}"
            else:
                variables["LAB_SCRIPT"] = f"/shared/{inside}"
        variables.update(text.split("=", 1) for text in options.env)
        with open(os.path.join(self.lab, side + ".env"), "w", encoding="utf-8") as file:
            for name, value in variables.items():
                quoted = value.replace("'", "'\\''")
                file.write(f"{name}='{quoted}'\n")

    def device_command(self, path, role, wire):
        options = self.options
        command = [device_binary(), "--socket", path, "--wire", f"stream:{role}:{wire}"]
        if options.engine:
            command += ["--engine", options.engine]
        if options.queues:
            command += ["--queues", str(options.queues)]
        if options.hide_caps:
            command += ["--hide-caps", options.hide_caps]
        return command

    def plug(self, path, bus="pcie.0"):
        """The QEMU arguments for a device that listens at path."""
        self.wait_listening(path)
        return ["-device", '{"driver":"vfio-user-pci","bus":"%s","socket":{"path":"%s","type":"unix"}}' % (bus, path)]

    def start_loop(self):
        """The two devices of --loop, eth1 and eth2."""
        wire = os.path.join(self.run, "loop")
        arguments = []
        for name, role in (("left.device1", "listen"), ("left.device2", "connect")):
            path = os.path.join(self.run, name + ".vfio-user")
            self.start(name, self.device_command(path, role, wire))
            arguments += self.plug(path)
            self.wait_listening(wire)
        return arguments

    def start_device(self, side, role, wire):
        """espnic-device for one side; returns the QEMU arguments that plug it in."""
        options = self.options
        path = os.path.join(self.run, side + ".vfio-user")
        command = self.device_command(path, role, wire)
        if side == "left" and options.pcap:
            command += ["--pcap", options.pcap]
        if self.control(side):
            command += ["--control", self.control(side)]
        if options.faults:
            command += ["--faults"]
        self.start(side + ".device", command)
        if side == "left" and options.root_port:
            # Above 5 GT/s Linux waits after a reset for the port to say that its link is up: QEMU's never does.
            return ["-device", "pcie-root-port,id=above,chassis=1,x-speed=5", *self.plug(path, "above")]
        return self.plug(path)

    def virtio_arguments(self, side, role, wire):
        server = "on" if role == "listen" else "off"
        arguments = [
            "-netdev",
            f"stream,id=wire,server={server},addr.type=unix,addr.path={wire}",
            "-device",
            f"virtio-net-pci,netdev=wire,mac={ADDRESSES[side][2]},romfile=",
        ]
        if side == "left" and self.options.pcap:
            arguments += ["-object", f"filter-dump,id=pcap,netdev=wire,file={self.options.pcap}"]
        return arguments

    def start_guest(self, side, role, wire):
        for name, read_only in (("host", True), ("rw", False)):
            path = os.path.join(self.run, f"{side}.{name}")
            folder = os.path.join(self.view, name)
            self.start(f"{side}.virtiofsd-{name}", virtiofsd_command(folder, path, read_only))
            self.wait_listening(path)
        if self.nic(side) == "espnic":
            nic_arguments = self.start_device(side, role, wire)
        else:
            nic_arguments = self.virtio_arguments(side, role, wire)
        if side == "left" and self.options.loop:
            nic_arguments += self.start_loop()
        log, log_writer = os.pipe()
        command = qemu_command(side, self.options, self.kernels[side], self.run, nic_arguments, log_writer)
        self.start(side + ".qemu", command, pass_fds=(log_writer,))
        os.close(log_writer)
        thread = threading.Thread(target=self.copy_log, args=(side, log), daemon=True)
        thread.start()
        self.threads.append(thread)

    def copy_log(self, side, source):
        """A script's output goes to OUT/SIDE.log and, line by line, to our own."""
        path = os.path.join(self.options.out, side + ".log")
        with os.fdopen(source, "rb") as lines, open(path, "wb", buffering=0) as log:
            for line in lines:
                log.write(line)
                sys.stdout.write(f"{side}: {line.decode(errors='replace').rstrip()}\n")
                sys.stdout.flush()

    def boot(self):
        """QEMU's stream netdev connects once and never again, so the right end listens first."""
        for name in os.listdir(self.options.out):
            if name.split(".")[0] in SIDES and name.split(".")[-1] in ("log", "console", "dmesg"):
                os.unlink(os.path.join(self.options.out, name))
        self.share_files()
        make_initramfs(os.path.join(self.run, "initramfs"))
        wire = os.path.join(self.run, "wire")
        self.start_guest("right", "listen", wire)
        self.wait_listening(wire)
        self.start_guest("left", "connect", wire)

    # Running

    def said(self, name):
        return os.path.exists(os.path.join(self.lab, name))

    def status(self, side):
        """The script's exit status, None while it runs."""
        try:
            with open(os.path.join(self.lab, side + ".rc"), encoding="ascii") as file:
                return int(file.read())
        except FileNotFoundError:
            return None

    def wait_for(self, what, suffix, seconds):
        """Until both guests have written their file with that suffix."""
        deadline = time.monotonic() + seconds
        end = self.started + self.options.timeout
        while True:
            missing = [side for side in SIDES if not self.said(f"{side}.{suffix}")]
            if not missing:
                return
            for side in SIDES:
                if self.said(side + ".broken"):
                    with open(os.path.join(self.lab, side + ".broken"), encoding="utf-8") as file:
                        raise Failure(f"{side} guest: {file.read().strip()}")
            self.kill_on_request()
            self.relay_faults()
            self.tell_cpu()
            self.check_children()
            now = time.monotonic()
            if now >= end:
                raise TimedOut(f"timeout after {self.options.timeout} s: {what} ({', '.join(missing)})")
            if now >= deadline:
                raise Failure(f"after {seconds} s: {what} ({', '.join(missing)})")
            time.sleep(POLL_S)

    def tell_stop(self):
        with open(os.path.join(self.lab, "stop"), "w", encoding="ascii"):
            pass

    def run_scripts(self):
        """Boots, runs both scripts, powers the guests off; returns what went wrong, as lines."""
        self.boot()
        self.wait_for("a guest did not boot", "up", BOOT_WAIT_S * self.options.slow)
        say(f"both guests are up after {time.monotonic() - self.started:.1f} s")
        if self.options.interactive:
            self.open_consoles()
        else:
            self.wait_for("a script still runs", "rc", self.options.timeout)
        self.tell_stop()
        wrong = [
            f"{side} script ended with {self.status(side)}" for side in SIDES if self.status(side)
        ]
        wrong += self.wait_power_off()
        return wrong

    def wait_power_off(self):
        """Until both QEMUs have ended; then the devices must end well when asked to."""
        stop_wait = STOP_WAIT_S * self.options.slow
        deadline = time.monotonic() + stop_wait
        wrong = []
        children = dict(self.children)
        for side in SIDES:
            try:
                children[side + ".qemu"].wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                wrong.append(f"{side} guest did not power off in {stop_wait} s")
            if not self.said(side + ".done"):
                wrong.append(f"{side} guest did not take its NIC down")
        for name in ("left.device", "left.device1", "left.device2", "right.device"):
            device = children.get(name)
            if not device:
                continue
            device.terminate()
            try:
                device.wait(SOCKET_WAIT_S)
            except subprocess.TimeoutExpired:
                wrong.append(f"{name} did not end in {SOCKET_WAIT_S} s")
                continue
            if device.returncode not in (0, -signal.SIGTERM):
                wrong.append(
                    f"{name} ended with {device.returncode}: {self.last_words(name)}"
                )
        return wrong

    def open_consoles(self):
        """tmux with one pane a guest; returns when the user leaves it or a guest's shell exits."""
        tmux = ["tmux", "-L", os.path.basename(self.run), "-f", "/dev/null"]
        attach = "socat -,raw,echo=0,escape=0x1d UNIX-CONNECT:{}/{}.console"
        subprocess.run(
            [*tmux, "new-session", "-d", attach.format(self.run, "left"), ";",
             "set", "remain-on-exit", "off", ";", "set", "mouse", "on", ";",
             "split-window", "-h", attach.format(self.run, "right"), ";",
             "select-pane", "-L"],
            check=True,
        )  # fmt: skip
        attached = subprocess.Popen([*tmux, "attach"])
        while attached.poll() is None and not any(self.said(side + ".rc") for side in SIDES):
            time.sleep(POLL_S)
        subprocess.run([*tmux, "kill-server"], check=False, stderr=subprocess.DEVNULL)
        attached.wait()

    def kernel_complaints(self):
        found = []
        for side in SIDES:
            base = os.path.join(self.options.out, side)
            for line in console.complaints(base + ".console", base + ".dmesg"):
                found.append(f"{side} kernel: {line}")
        return found

    def clean_up(self):
        for _, child in reversed(self.children):
            if child.poll() is None:
                child.kill()
            child.wait()
        for thread in self.threads:
            thread.join(1)
        if os.path.isdir(self.view):
            subprocess.run(["umount", "-l", self.view], check=False, stderr=subprocess.DEVNULL)
            os.rmdir(self.view)  # refuses, with everything left in place, should it still be mounted
        for name in os.listdir(self.run):
            os.unlink(os.path.join(self.run, name))
        os.rmdir(self.run)


def say(text):
    print(f"lab: {text}", flush=True)


def interrupted(number, frame):
    raise KeyboardInterrupt


def show_wrong(wrong):
    for line in wrong[:20]:
        say(line)
    if len(wrong) > 20:
        say(f"... and {len(wrong) - 20} lines more")


def run(options, kernels):
    lab = Lab(options, kernels)
    status = 0
    try:
        wrong = lab.run_scripts()
    except TimedOut as reason:
        wrong, status = [str(reason)], EXIT_TIMEOUT
    except Failure as reason:
        wrong = [str(reason)]
    except KeyboardInterrupt:
        wrong, status = ["interrupted"], EXIT_INTERRUPTED
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        lab.clean_up()
    wrong += lab.kernel_complaints()
    show_wrong(wrong)
    verdict = "failed" if wrong else "passed"
    say(f"{verdict} in {time.monotonic() - lab.started:.1f} s, results in {options.out}")
    return status or (EXIT_FAILED if wrong else 0)


def main(argv):
    options = parse(argv)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    try:
        kernels = check(options)
        if not options.out:
            os.makedirs(os.path.join(TREE, "build", "lab"), exist_ok=True)
            stamp = time.strftime("%Y%m%d-%H%M%S-")
            options.out = tempfile.mkdtemp(prefix=stamp, dir=os.path.join(TREE, "build", "lab"))
        return run(options, kernels)
    except LabError as reason:
        print(f"lab/run: {reason}", file=sys.stderr)
        return EXIT_USAGE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
