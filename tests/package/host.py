"""The host that a package is installed on: its administrator, its service manager, its machine."""

import contextlib
import ctypes
import grp
import json
import mmap
import os
import pwd
import sys

from clean_root import run
from manager import Account, Client, NotifySocket, activate
from machines import Qemu
from unit_file import UnitFile
from varlink_client import wait_until

SANDBOX = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../systemd/sandbox.py")
SYSTEM_UNITS = "/usr/lib/systemd/system"
CONFIG = "/etc/ivshmemd/ivshmemd.toml"
PROGRAMS = "/tmp/bin"  # before those of the system
SYSTEMCTL_LOG = "/tmp/systemctl.log"
# Notes what it is asked for, and takes every unit for an enabled one.
SYSTEMCTL = f"""#!/bin/sh
echo "$*" >>{SYSTEMCTL_LOG}
case "$*" in *is-enabled*) echo enabled ;; esac
"""


def as_user(name, *command):
    """A command of somebody who opens what he makes to its group."""
    return ["setpriv", f"--reuid={name}", f"--regid={name}", "--init-groups", "--pdeathsig=KILL",
            "sh", "-c", 'umask 007 && exec "$0" "$@"', *command]


@contextlib.contextmanager
def mapped(path):
    """The file's first page, without an open descriptor of it; Python's own mmap keeps one."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    with open(path, "rb") as file:
        address = libc.mmap(None, mmap.PAGESIZE, mmap.PROT_READ, mmap.MAP_SHARED, file.fileno(),
                            ctypes.c_long(0))
    assert address != ctypes.c_void_p(-1).value, os.strerror(ctypes.get_errno())
    yield
    libc.munmap(ctypes.c_void_p(address), mmap.PAGESIZE)


class Host:
    def __init__(self):
        self.machine = self.service = self.operator = self.socket = self.daemon_group = None
        self.notify = NotifySocket("/tmp/notify")

    def end(self):
        self.notify.close()
        for each in (self.service, self.machine):
            if each is not None:
                each.end()

    # The administrator's part.

    def read_accounts(self):
        """KeyError unless the package's users and groups are there."""
        pwd.getpwnam("ivshmemd")
        self.daemon_group = grp.getgrnam("ivshmemd").gr_gid
        pwd.getpwnam("ivshmem-doorbell")
        grp.getgrnam("ivshmem")

    @staticmethod
    def add_user(name, group):
        done = run("useradd", "--system", "--no-create-home", "--user-group", "--groups", group,
                   name)
        assert done.returncode == 0, done.stderr

    def add_machine_user(self, name):
        self.add_user(name, "kvm")

    def add_operator(self, name):
        self.add_user(name, "ivshmem")
        self.operator = name

    @staticmethod
    def configure(text):
        with open(CONFIG, "w", encoding="utf-8") as file:
            file.write(text)

    def ctl_as(self, user, *arguments):
        return run(*as_user(user, "ivshmemctl", *arguments))

    def ctl(self, *arguments):
        """What it prints, once it has succeeded."""
        done = self.ctl_as(self.operator, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def detach(self, vm, name):
        """The machine has no guest: a reset is what lets a device go."""
        assert self.ctl_as(self.operator, "detach", vm, name, "--no-wait").returncode == 7

        def gone():
            self.machine.reset()
            return name not in self.devices(vm)

        wait_until(gone, f"{name} to leave {vm}")

    # The service manager's part.

    def start_daemon(self):
        """As its units say, once there is a client."""
        path = f"{SYSTEM_UNITS}/ivshmemd.service"
        unit = UnitFile(path)
        socket = UnitFile(f"{SYSTEM_UNITS}/ivshmemd.socket")
        state = f"/var/lib/{unit.one('StateDirectory')}"
        if not os.path.isdir(state):
            os.mkdir(state, int(unit.one("StateDirectoryMode"), 8))
        user, group = pwd.getpwnam(unit.one("User")).pw_uid, grp.getgrnam(unit.one("Group")).gr_gid
        os.chown(state, user, group)
        self.socket = socket.one("ListenStream")
        sandbox = [sys.executable, "-B", SANDBOX, path, str(user), str(group), f"--write={state}",
                   f"--write=/run/{unit.one('RuntimeDirectory')}", "--",
                   *unit.command("ExecStart", {})]
        # Looking for leaks takes a system call that no service needs.
        options = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        self.service = activate(self.socket, sandbox, self.notify,
                                f"--fdname={socket.one('FileDescriptorName')}",
                                f"-EASAN_OPTIONS={options}")
        os.chown(self.socket, 0, grp.getgrnam(socket.one("SocketGroup")).gr_gid)
        os.chmod(self.socket, int(socket.one("SocketMode"), 8))

    def stop_daemon(self):
        assert self.service.stop() == 0
        os.remove(self.socket)

    def restart_daemon(self):
        self.stop_daemon()
        self.start_daemon()

    @staticmethod
    def pretend_systemd():
        """From now on the host is one that systemd runs."""
        os.makedirs("/run/systemd/system")
        os.mkdir(PROGRAMS)
        with open(f"{PROGRAMS}/systemctl", "w", encoding="ascii") as file:
            file.write(SYSTEMCTL)
        os.chmod(f"{PROGRAMS}/systemctl", 0o755)
        os.environ["PATH"] = f"{PROGRAMS}:{os.environ['PATH']}"

    @staticmethod
    def asked_of_systemd():
        """What was asked for since the last time, without options."""
        with open(SYSTEMCTL_LOG, encoding="ascii") as file:
            lines = file.read().splitlines()
        os.remove(SYSTEMCTL_LOG)
        return [" ".join(word for word in line.split() if not word.startswith("--"))
                for line in lines]

    # The machine's part.

    def start_machine(self, name, user):
        self.machine = Qemu("/run/vms", name, launcher=as_user(user))

    def devices(self, vm):
        """State by name, as a bare client hears it."""
        with Client(self.socket, Account(self.socket)) as client:
            reply = client.call("io.ivshmemd.Hotplug.ListDevices", {"vm": vm})
        assert not reply.error, reply
        return {each["name"]: each["state"] for each in reply.parameters["devices"]}

    def wait_connected(self, vm):
        def connected():
            vms = json.loads(self.ctl("--json", "vms"))["vms"]
            return [each["state"] for each in vms if each["name"] == vm] == ["connected"]

        wait_until(connected, f"{vm} to be connected")
