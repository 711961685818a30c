"""Debian's libvirtd on directories of its own: a mount namespace in which it finds its configuration,
its state and the user whom its machines run as. Nothing of the host's libvirt is seen or touched."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "wire"))

from guest_console import BOOT, GUEST, KERNEL, Console  # noqa: E402
from machines import QEMU, die_with_parent  # noqa: E402
from root import lacks_root  # noqa: E402
from varlink_client import wait_until  # noqa: E402

USER = 64055  # libvirt-qemu's, as Debian has it
LIBVIRTD = "/usr/sbin/libvirtd"
FIRST_START = 400  # seconds; libvirtd asks each QEMU it finds what it can do
QEMU_CONF = f"""security_driver = "none"
user = "libvirt-qemu"
group = "libvirt-qemu"
cgroup_controllers = []
remember_owner = 0
stdio_handler = "file"
"""
DOMAIN = """<domain type='qemu'>
  <name>{name}</name><uuid>{uuid}</uuid>
  <memory unit='MiB'>{memory}</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='{machine}'>hvm</type>{boot}</os>
  <features><acpi/></features>
  <devices>
    <emulator>{emulator}</emulator>
    <controller type='usb' model='none'/><memballoon model='none'/>
    {devices}
  </devices>
  {more}
</domain>
"""
# What virt-install gives such a machine for hotplug.
PORTS = {"pc": "", "q35": "<controller type='pci' model='pcie-root'/>" +
         "<controller type='pci' model='pcie-root-port'/>" * 4 +
         "<controller type='pci' model='pcie-to-pci-bridge'/>"}


def what_is_missing():
    """Why these tests cannot run here; empty when they can."""
    if lacks_root():
        return "only root can give a libvirtd directories of its own"
    for program in (LIBVIRTD, "virsh", "nsenter", "unshare", QEMU):
        if not shutil.which(program):
            return f"{program} is not installed"
    if not os.path.isdir("/etc/libvirt"):
        return "libvirt is not installed: there is no /etc/libvirt"
    return "" if os.path.exists(f"{GUEST}/vmlinuz") else f"there is no guest in {GUEST}"


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o644)


class Libvirtd:
    def __init__(self, directory, stack, host=None):
        self.directory, self.host = directory, host  # the UUID of the host that it is on
        os.chmod(directory, 0o711)  # its machines have to get through
        self.socket = f"{directory}/socket/libvirt-sock"
        self.uri = f"qemu:///system?socket={self.socket}"
        self.process, self.uuids = None, []
        self.prepare()
        self.holder = self.make_namespace()
        stack.callback(self.end_holder)
        stack.callback(self.end)
        self.start()

    def prepare(self):
        for name in ("etc", "run", "lib", "cache", "log", "socket"):
            os.mkdir(f"{self.directory}/{name}", 0o755)
        shutil.copytree("/etc/libvirt", f"{self.directory}/etc", dirs_exist_ok=True)
        write(f"{self.directory}/etc/qemu.conf", QEMU_CONF)
        write(f"{self.directory}/etc/libvirtd.conf",
              f'unix_sock_dir = "{self.directory}/socket"\nauth_unix_ro = "none"\n'
              f'auth_unix_rw = "none"\nlog_outputs = "3:file:{self.directory}/libvirtd.log"\n' +
              (f'host_uuid = "{self.host}"\n' if self.host else ""))
        for name, line in (("passwd", f"libvirt-qemu:x:{USER}:{USER}::/nonexistent:/bin/false"),
                           ("group", f"libvirt-qemu:x:{USER}:")):
            with open(f"/etc/{name}", encoding="utf-8") as file:
                others = [each for each in file if not each.startswith("libvirt-qemu:")]
            write(f"{self.directory}/{name}", "".join(others) + line + "\n")
        for name in ("vmlinuz", "initramfs.cpio"):
            shutil.copy(f"{GUEST}/{name}", f"{self.directory}/{name}")

    def make_namespace(self):
        # Without /dev/kvm: of one that only root may use libvirt thinks each time that it has just
        # gone, and asks QEMU anew what it can do.
        script = ('cd "$0" && mkdir dev && mount -t tmpfs -o mode=755 dev dev && '
                  "for each in null zero full random urandom tty ptmx; do "
                  "cp -a /dev/$each dev/ || exit; done && mkdir dev/shm dev/pts && "
                  "mount --bind /dev/shm dev/shm && mount --bind /dev/pts dev/pts && "
                  "ln -s /proc/self/fd dev/fd && umount -l -R /dev && mount --move dev /dev && "
                  "mount --bind etc /etc/libvirt && mount --bind passwd /etc/passwd && "
                  "mount --bind group /etc/group && mount --bind run /run && "
                  "mount --bind lib /var/lib && mount --bind cache /var/cache && "
                  "mount --bind log /var/log && echo ready && exec cat")
        holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, self.directory],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
        if holder.stdout.readline() != "ready\n":
            raise RuntimeError("libvirtd gets no directories of its own")
        return holder

    def end_holder(self):
        self.holder.kill()
        self.holder.communicate()

    def start(self):
        self.process = subprocess.Popen(
            # With its root: that of a namespace is not the chroot that the test may run in.
            ["nsenter", "-t", str(self.holder.pid), "-m", "-r", "--", LIBVIRTD, "-f",
             "/etc/libvirt/libvirtd.conf", "-p", f"{self.directory}/pid"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
        wait_until(self.answers, "libvirtd", FIRST_START)

    def answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"libvirtd ended with status {self.process.returncode}")
        return (os.path.exists(self.socket) and
                self.virsh("list", check=False).returncode == 0)

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(60)

    def restart(self, how=signal.SIGTERM):
        self.stop(how)
        self.start()

    def virsh(self, *arguments, check=True, timeout=FIRST_START):
        done = subprocess.run(["virsh", "-q", "-c", self.uri, *arguments], capture_output=True,
                              text=True, timeout=timeout, stdin=subprocess.DEVNULL)
        if check and done.returncode != 0:
            raise RuntimeError(f"virsh {' '.join(arguments)}: {done.stderr.strip()}")
        return done

    def xml_of(self, name, machine="pc", guest=True, devices="", more=""):
        number = len(self.uuids) + 1
        uuid = f"1c5d0000-0000-4000-8000-{os.getpid():08x}{number:04x}"
        self.uuids.append(uuid)
        boot = (f"<kernel>{self.directory}/vmlinuz</kernel>"
                f"<initrd>{self.directory}/initramfs.cpio</initrd><cmdline>{KERNEL}</cmdline>")
        serial = (f"<serial type='unix'><source mode='bind' path='{self.directory}/{number}.serial'"
                  "/></serial>")
        return DOMAIN.format(name=name, uuid=uuid, machine=machine, memory=192 if guest else 16,
                             boot=boot if guest else "", emulator=shutil.which(QEMU),
                             devices=PORTS[machine] + (serial if guest else "") + devices,
                             more=more)

    def define(self, name, *arguments, **keywords):
        path = f"{self.directory}/domain.xml"
        write(path, self.xml_of(name, *arguments, **keywords))
        self.virsh("define", path)

    def start_domain(self, name, *arguments, **keywords):
        """An unchanged domain that runs."""
        self.define(name, *arguments, **keywords)
        self.virsh("start", name)

    def console(self):
        """Of the guest that was made last."""
        return Console(f"{self.directory}/{len(self.uuids)}.serial")

    def qmp(self, name, command, **arguments):
        text = json.dumps({"execute": command, "arguments": arguments})
        return json.loads(self.virsh("qemu-monitor-command", name, text).stdout)

    def qemus(self):
        """The processes of all its machines."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
                    words = file.read().split("\0")
            except OSError:
                continue
            if any(each in words for each in self.uuids):
                found.append(int(pid))
        return found

    def end(self):
        if self.process.poll() is None:
            self.stop(signal.SIGKILL)
        for pid in self.qemus():
            os.kill(pid, signal.SIGKILL)


class Bridge:
    """ivshmemd-libvirt."""

    def __init__(self, program, libvirtd, directory, uri=None, launcher=()):
        self.libvirtd, self.directory = libvirtd, directory
        self.command = [*launcher, program, "--connect", uri or libvirtd.uri, "--directory",
                        directory, "--log-level", "debug"]
        self.log = f"{directory}.log"
        self.process = None
        self.start()

    def start(self):
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(self.command, stderr=log, preexec_fn=die_with_parent)

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(30)

    def restart(self, how=signal.SIGTERM):
        self.stop(how)
        self.start()

    def note(self, name):
        """What it says beside the socket; empty when it says nothing."""
        try:
            with open(f"{self.directory}/{name}.json", encoding="utf-8") as file:
                return json.load(file)
        except FileNotFoundError:
            return {}

    def serves(self, name):
        return self.note(name).get("held", "" if self.note(name) else "nothing") == ""

    def logged(self):
        with open(self.log, encoding="utf-8") as file:
            return file.read()

    def end(self):
        if self.process.poll() is None and self.stop() != 0:
            raise RuntimeError(f"the bridge failed: {self.logged()}")


class Monitor:
    """A client of one of its sockets."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(BOOT)
        self.socket.connect(path)
        self.lines = self.socket.makefile("r")
        self.greeting = json.loads(self.lines.readline())

    def ask(self, command, arguments=None, number=None):
        request = {"execute": command}
        if arguments is not None:
            request["arguments"] = arguments
        if number is not None:
            request["id"] = number
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        return self.answer()

    def answer(self):
        while True:
            line = self.lines.readline()
            if not line:
                raise EOFError("the monitor hung up")
            message = json.loads(line)
            if "event" not in message:
                return message

    def close(self):
        self.lines.close()
        self.socket.close()
