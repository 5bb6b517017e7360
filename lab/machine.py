# SPDX-License-Identifier: BSD-2-Clause
"""One guest: its kernel, its initramfs and the command that boots it."""

import os
import re
import shutil
import stat
import subprocess

HERE = os.path.dirname(os.path.realpath(__file__))
TREE = os.path.dirname(HERE)
KERNELS = os.path.join(TREE, ".platform", "kernels")
DEBUG = os.path.join(TREE, ".platform", "debug")
QEMU = "qemu-system-x86_64"
VIRTIOFSD = "/usr/libexec/virtiofsd"
BUSYBOX = "/usr/bin/busybox"

ADDRESSES = {
    "left": ("192.0.2.1", "2001:db8::1", "52:54:00:00:02:01"),
    "right": ("192.0.2.2", "2001:db8::2", "52:54:00:00:02:02"),
}

# What the guests' tools read of the platform's /etc; nothing that could hold a secret of the host.
ETC = (
    "alternatives bash.bashrc ethertypes gai.conf group host.conf iproute2 ld.so.cache ld.so.conf"
    " ld.so.conf.d localtime nsswitch.conf passwd profile protocols rpc services ssl/openssl.cnf"
).split()


class LabError(Exception):
    """A reason the lab can't run, for the user to read."""


class Kernel:
    """A guest kernel: its image, the folder of its modules, and what it needs.

    From the platform's unpacked packages, or the debug kernel that platform/debug-kernel makes: its
    checkers take memory, and several times as long for everything (slow, by which waits are multiplied).
    """

    def __init__(self, name):
        self.name = name
        if name == "debug":
            self.modules = os.path.join(DEBUG, "lib", "modules")
            self.image = os.path.join(DEBUG, "build", "arch", "x86", "boot", "bzImage")
            self.memory, self.slow = 1024, 4
            if not os.path.exists(os.path.join(DEBUG, "stamp")):
                raise LabError("--kernel debug: it is not built (run make debug-kernel)")
        else:
            self.modules = os.path.join(KERNELS, "usr", "lib", "modules")
            self.image = self.packaged_image()
            self.memory, self.slow = 512, 1

    def packaged_image(self):
        releases = [
            release
            for release in (os.listdir(self.modules) if os.path.isdir(self.modules) else [])
            if release.startswith(self.name + ".")
        ]
        if not releases:
            raise LabError(f"--kernel {self.name}: no such kernel in {KERNELS}")
        release = max(releases, key=lambda r: [int(n) for n in re.findall(r"\d+", r)])
        for image in (
            os.path.join(self.modules, release, "vmlinuz"),
            os.path.join(KERNELS, "boot", "vmlinuz-" + release),
        ):
            if os.path.exists(image):
                return image
        raise LabError(f"--kernel {self.name}: {release} has no image in {KERNELS}")

    def driver(self):
        """Where this kernel's espnic.ko is built."""
        name = "coverage" if os.environ.get("LAB_COVERAGE") else self.name
        return os.path.join(TREE, "build", "driver", name, "espnic.ko")


class Cpio:
    """Writes a newc archive, the format of an initramfs (kernel: early-userspace/buffer-format)."""

    def __init__(self, path):
        self.file = open(path, "wb")
        self.inode = 0
        self.names = set()

    def entry(self, name, mode, data=b""):
        if name in self.names:
            return
        parent = os.path.dirname(name)
        if parent:
            self.folder(parent)
        self.names.add(name)
        self.inode += 1
        encoded = name.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0)
        header = b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
        self.file.write(header + b"\0" * (-len(header) % 4) + data + b"\0" * (-len(data) % 4))

    def folder(self, name):
        self.entry(name, stat.S_IFDIR | 0o755)

    def link(self, name, target):
        self.entry(name, stat.S_IFLNK | 0o777, target.encode())

    def text(self, name, text, mode=0o644):
        self.entry(name, stat.S_IFREG | mode, text.encode())

    def copy(self, name, path):
        """Adds the file, link or folder at path, with what is in it, as name."""
        info = os.lstat(path)
        if stat.S_ISDIR(info.st_mode):
            self.folder(name)
            for child in sorted(os.listdir(path)):
                self.copy(f"{name}/{child}", os.path.join(path, child))
        elif stat.S_ISLNK(info.st_mode):
            self.link(name, os.readlink(path))
        elif stat.S_ISREG(info.st_mode):
            with open(path, "rb") as file:
                self.entry(name, info.st_mode, file.read())

    def close(self):
        self.entry("TRAILER!!!", 0)
        self.file.close()


def make_initramfs(path):
    """The same small archive for every kernel: busybox, init, and the /etc that /usr can't bring."""
    cpio = Cpio(path)
    for name in "dev proc sys run tmp usr shared out root var/tmp etc/modprobe.d".split():
        cpio.folder(name)
    for name in "bin sbin lib lib64".split():
        cpio.link(name, "usr/" + name)
    cpio.link("var/run", "/run")
    cpio.copy("lab/busybox", BUSYBOX)
    cpio.copy("init", os.path.join(HERE, "guest", "init"))
    for name in ("session", "lab-barrier", "lab-kill-device", "lab-fault", "lab-cpu"):
        cpio.copy("lab/" + name, os.path.join(HERE, "guest", name))
    hosts = "127.0.0.1 localhost\n::1 localhost\n"
    for side, (address4, address6, _) in ADDRESSES.items():
        hosts += f"{address4} {side}\n{address6} {side}\n"
    cpio.text("etc/hosts", hosts)
    for name in ETC:
        if os.path.lexists("/etc/" + name):
            cpio.copy("etc/" + name, "/etc/" + name)
    cpio.close()


def require_vfio_user():
    """espnic needs a QEMU that has vfio-user-pci."""
    devices = subprocess.run([QEMU, "-device", "help"], capture_output=True, text=True, check=False)
    if '"vfio-user-pci"' not in devices.stdout:
        raise LabError(f"{QEMU} has no vfio-user-pci device: QEMU 10.1 or newer is needed")


def require_tools():
    for tool in (QEMU, VIRTIOFSD, BUSYBOX, "mount", "setpriv"):
        if not shutil.which(tool):
            raise LabError(f"{tool} is missing from the platform")


def accelerator():
    """TCG unless the user asks for KVM: a /dev/kvm that exists may still not boot a guest.

    Without la57 the guest uses four levels of page tables, which TCG walks a good deal faster. Without erms and fsrm, by
    which a CPU says that string instructions are quick, it copies eight bytes at a time: TCG does those a byte at a time.
    """
    wanted = os.environ.get("ACCEL", "tcg")
    if wanted == "tcg":
        return ["-accel", "tcg,thread=multi", "-cpu", "max,la57=off,erms=off,fsrm=off"]
    if wanted == "kvm":
        return ["-accel", "kvm", "-cpu", "host"]
    raise LabError(f"ACCEL={wanted}: tcg or kvm")


def virtiofsd_command(folder, socket, read_only):
    """The host's files never change under a guest, so it may cache them; /out and /run/lab are how
    the two guests and the host talk, so nobody may."""
    policy = ["--cache=always", "--readonly"] if read_only else ["--cache=never", "--allow-mmap"]
    return [
        VIRTIOFSD,
        f"--shared-dir={folder}",
        f"--socket-path={socket}",
        "--sandbox=none",
        "--log-level=error",
        *policy,
    ]


def qemu_command(side, options, kernel, run, nic_arguments, log_fd):
    """The QEMU command line of one guest. run is the folder of this run's sockets."""
    console = f"{options.out}/{side}.console"
    if options.interactive:
        serial = f"socket,id=console,path={run}/{side}.console,server=on,wait=off,logfile={console}"
    else:
        serial = f"file,id=console,path={console}"
    append = (
        f"console=ttyS0 lab.side={side} net.ifnames=0 loglevel=5 oops=panic panic=-1"
        " no_timer_check iomem=relaxed random.trust_cpu=on tsc=reliable mitigations=off cryptomgr.notests"
    )
    return [
        QEMU,
        "-name", f"espnic-{side}",
        "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
        "-M", "q35,memory-backend=memory,usb=off,smbus=off,hpet=off",
        "-object", f"memory-backend-memfd,id=memory,size={options.memory or kernel.memory}M,share=on",
        "-smp", str(options.vcpus),
        *accelerator(),
        "-kernel", kernel.image,
        "-initrd", f"{run}/initramfs",
        "-append", append,
        "-chardev", serial, "-serial", "chardev:console",
        "-device", "virtio-rng-pci",
        "-device", "virtio-serial-pci",
        "-chardev", f"file,id=log,path=/dev/fd/{log_fd}",
        "-device", "virtserialport,chardev=log,name=lab.log",
        "-chardev", f"socket,id=host,path={run}/{side}.host",
        "-device", "vhost-user-fs-pci,chardev=host,tag=host",
        "-chardev", f"socket,id=rw,path={run}/{side}.rw",
        "-device", "vhost-user-fs-pci,chardev=rw,tag=rw",
        *nic_arguments,
    ]  # fmt: skip
