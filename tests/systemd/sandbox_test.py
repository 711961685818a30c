#!/usr/bin/env python3
"""The daemon as the unit runs it: its user, its group, its system calls, what it may see and write.

The machines belong to users of their own, and their monitors stand in the directory that tmpfiles.d
makes. A system call that the unit refuses kills the daemon here.
usage: sandbox_test.py SOURCE-DIRECTORY DAEMON [unittest arguments]
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from manager import Account, Client, NotifySocket, activate
from machines import QEMU, DoorbellServer, Qemu
from root import lacks_root
from test_root import run
from varlink_client import wait_until

HOTPLUG = "io.ivshmemd.Hotplug"
MIB = 1 << 20
SKIPPED = 77
DAEMON, MAKERS, WEB, DB = 64101, 64102, 64103, 64104  # the daemon's, kvm's and the machines' ids
TOOLS = (QEMU, "systemd-socket-activate", "systemd-tmpfiles", "systemd-analyze", "setpriv",
         "getfacl")


def as_user(user, *command):
    """A command of somebody who may run machines, and who opens what he makes to its group."""
    return ["setpriv", f"--reuid={user}", f"--regid={user}", f"--groups={MAKERS}",
            "--pdeathsig=KILL", "sh", "-c", 'umask 007 && exec "$0" "$@"', *command]


class Sandboxed(unittest.TestCase):
    source = program = None
    places = ""  # of regions, in the configuration
    drop_ins = ()

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="ivshmemd-sandbox-")
        self.addCleanup(directory.cleanup)
        self.root = directory.name
        os.chmod(self.root, 0o755)
        regions = tempfile.TemporaryDirectory(prefix="ivshmemd-sandbox-", dir="/dev/shm")
        self.addCleanup(regions.cleanup)
        self.regions = regions.name
        os.chmod(self.regions, 0o1777)  # as /dev/shm itself is
        self.make_directories()
        self.machines = {name: self.start_machine(name, user)
                         for name, user in (("web", WEB), ("db", DB))}
        self.notify = NotifySocket(f"{self.root}/notify")
        self.addCleanup(self.notify.close)
        self.service = self.start_daemon()
        self.client = Client(self.socket, Account(self.socket))
        self.addCleanup(self.client.close)

    def make_directories(self):
        os.makedirs(f"{self.root}/etc")
        for file, entry in (("passwd", "0::/:/bin/sh"), ("group", "")):
            with open(f"{self.root}/etc/{file}", "w", encoding="ascii") as lines:
                for name, number in (("root", 0), ("ivshmemd", DAEMON)):
                    lines.write(f"{name}:x:{number}:{entry}\n".replace(":0::", f":{number}::"))
        os.makedirs(f"{self.root}/usr/lib/tmpfiles.d")
        with open(f"{self.source}/systemd/tmpfiles.d/ivshmemd.conf", encoding="utf-8") as file:
            text = file.read().replace("group:kvm:", f"group:{MAKERS}:")
        with open(f"{self.root}/usr/lib/tmpfiles.d/ivshmemd.conf", "w", encoding="utf-8") as file:
            file.write(text)
        done = run("systemd-tmpfiles", f"--root={self.root}", "--create", "ivshmemd.conf")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        os.mkdir(f"{self.root}/state", 0o700)
        os.chown(f"{self.root}/state", DAEMON, DAEMON)

    def start_machine(self, name, user):
        machine = Qemu(f"{self.root}/run/vms", name, launcher=as_user(user))
        self.addCleanup(machine.end)
        return machine

    def start_daemon(self):
        # Its user need not reach ours.
        program = self.program_copy = shutil.copy(self.program, f"{self.root}/ivshmemd")
        self.socket = f"{self.root}/run/ivshmemd/ivshmemd.sock"
        self.config = f"{self.root}/etc/ivshmemd.toml"
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f'[daemon]\nvm_dir = "{self.root}/run/vms"\nstate_dir = "{self.root}/state"\n'
                       f'log_level = "warn"\n[region]\ndir = "{self.regions}"\n{self.places}')
        service = activate(self.socket, self.sandbox(program, "--config", self.config), self.notify,
                           f"-EASAN_OPTIONS={self.sanitizer_options()}")
        self.addCleanup(service.end)
        return service

    @staticmethod
    def sanitizer_options():
        # Looking for leaks takes a system call that no service needs.
        return os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"

    def sandbox(self, *program):
        """The command that runs a program as the unit says."""
        options = [f"--drop-in={path}" for path in self.drop_ins]
        options += [f"--write={self.root}/{name}" for name in ("state", "run/ivshmemd")]
        return [sys.executable, "-B", f"{os.path.dirname(os.path.abspath(__file__))}/sandbox.py",
                f"{self.source}/systemd/ivshmemd.service", str(DAEMON), str(DAEMON), "--kill",
                *options, "--", *program]

    def ask(self, method, **parameters):
        reply = self.client.call(f"{HOTPLUG}.{method}", parameters)
        self.assertEqual(reply.error, "", reply)
        return reply.parameters

    def wait_connected(self):
        wait_until(lambda: [each["state"] for each in self.ask("ListVms")["vms"]]
                   == ["connected"] * 2, "both machines to be connected")

    def devices(self, vm):
        return [each["name"] for each in self.ask("ListDevices", vm=vm)["devices"]]

    def detach(self, vm, name, **parameters):
        self.ask("Detach", vm=vm, name=name, timeoutMs=0, **parameters)

        def gone():
            self.machines[vm].reset()
            return name not in self.devices(vm)

        wait_until(gone, f"{name} to leave {vm}")


class Daemon(Sandboxed):
    def test_shares_regions_between_machines_of_different_users(self):
        self.wait_connected()
        self.ask("Probe", vm="web")
        made = self.ask("Attach", vm="web", name="shm0", size=MIB, role="master")["device"]
        self.assertEqual(made["size"], MIB)
        self.ask("Attach", vm="db", name="shm0", region="shm0", role="peer")
        region = f"{self.regions}/shm0"
        self.assertEqual(os.stat(region).st_uid, DAEMON)
        acl = run("getfacl", "-cpn", region).stdout
        for user in (WEB, DB):
            self.assertIn(f"user:{user}:rw-", acl)
        self.assertEqual(len(self.ask("ListRegions")["regions"]), 1)
        self.assertFalse(self.ask("CheckMigration", vm="db")["allowed"])
        self.detach("db", "shm0")
        self.detach("web", "shm0", removeRegion=True)
        wait_until(lambda: not os.path.exists(region), "the region to be removed")
        self.assertEqual(self.service.stop(), 0)

    def test_attaches_to_doorbell_servers(self):
        self.wait_connected()
        server = DoorbellServer(f"{self.root}/run/ivshmem-doorbell/bell.sock", MIB, 2)
        os.chmod(server.listener.getsockname(), 0o666)
        self.ask("Attach", vm="web", name="bell", server=server.listener.getsockname(), vectors=2)
        self.assertEqual(self.devices("web"), ["bell"])
        self.detach("web", "bell")
        self.assertEqual(self.service.stop(), 0)

    def test_reloads(self):
        self.wait_connected()
        with open(self.config, "a", encoding="utf-8") as file:
            file.write('[[vm]]\nname = "third"\nqmp = "/nowhere/third.qmp"\n')
        with open(f"/proc/{self.service.process.pid}/status", encoding="ascii") as status:
            self.assertIn("Seccomp:\t2\n", status.readlines())
        self.service.reload()
        self.assertIsNotNone(self.notify.wait("RELOADING="))
        self.assertIsNotNone(self.notify.wait("READY="))
        names = [each["name"] for each in self.ask("ListVms")["vms"]]
        self.assertEqual(names, ["db", "third", "web"])
        self.assertEqual(self.service.stop(), 0)

    def test_cannot_see_the_processes_of_machines(self):
        self.wait_connected()
        self.assertEqual([each.get("pid") for each in self.ask("ListVms")["vms"]], [None, None])

    def test_alone_reaches_the_monitors(self):
        connect = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"

        def reaches(user, name):
            command = as_user(user, "/usr/bin/python3", "-c", connect, self.machines[name].monitor)
            return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0

        self.assertTrue(reaches(WEB, "web"))
        self.assertFalse(reaches(WEB, "db"), "a machine must not command another one")
        self.wait_connected()


class Places(Sandboxed):
    """Where regions can be once the unit lets the daemon, and what it says until then."""

    def make_directories(self):
        super().make_directories()
        directory = tempfile.TemporaryDirectory(prefix="ivshmemd-sandbox-", dir="/dev")
        self.addCleanup(directory.cleanup)
        os.chmod(directory.name, 0o755)
        self.node = f"{directory.name}/kvmfr0"  # a file that stands for the node of a driver
        with open(self.node, "wb") as file:
            file.truncate(MIB)
        os.chmod(self.node, 0o666)
        self.big = f"{self.root}/big"
        os.mkdir(self.big)
        os.chmod(self.big, 0o1777)
        self.places = (f'[[region_dir]]\nname = "big"\npath = "{self.big}"\n'
                       f'[[region_device]]\nname = "kvmfr0"\npath = "{self.node}"\n')

    def findings(self):
        found = self.ask("Diagnose")["findings"]
        return [each["mend"] for each in found if each["kind"] == "placeUnusable"]

    def check(self):
        """What a reload has the program say about its configuration."""
        command = self.sandbox(self.program_copy, "--check-config", "--config", self.config)
        done = subprocess.run(command, capture_output=True, text=True, check=False,
                              env={**os.environ, "ASAN_OPTIONS": self.sanitizer_options()})
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def restart_with(self, *lines):
        self.client.close()
        self.assertEqual(self.service.stop(), 0)
        self.drop_ins = (f"{self.root}/10-regions.conf",)
        with open(self.drop_ins[0], "w", encoding="utf-8") as file:
            file.write("\n".join(("[Service]", *lines, "")))
        os.remove(self.socket)
        self.service = self.start_daemon()
        self.client = Client(self.socket, Account(self.socket))
        self.addCleanup(self.client.close)
        self.wait_connected()

    def test_are_usable_once_the_lines_are_there_that_are_missing(self):
        self.wait_connected()
        lines = (f"ReadWritePaths={self.big}", "PrivateDevices=no", f"DeviceAllow={self.node} rw")
        for text in (" ".join(self.findings()), self.check()):
            for line in lines:
                self.assertIn(line, text)
        for region, line in (("big:x", lines[0]), ("kvmfr0", lines[1])):
            refused = self.client.call(f"{HOTPLUG}.Attach",
                                       {"vm": "web", "name": "x", "region": region, "size": MIB})
            self.assertEqual(refused.error, f"{HOTPLUG}.RegionUnavailable")
            self.assertIn(line, refused.parameters["message"])
        self.restart_with(*lines)
        self.assertEqual((self.findings(), self.check()), ([], ""))
        self.ask("Attach", vm="web", name="x", region="big:x", size=MIB)
        self.ask("Attach", vm="web", name="y", region="kvmfr0", size=MIB)
        self.assertEqual(self.service.stop(), 0)


class Sandbox(unittest.TestCase):
    """That the imitation is one."""

    def run_inside(self, code, *options):
        directory = os.path.dirname(os.path.abspath(__file__))
        return subprocess.run([sys.executable, "-B", f"{directory}/sandbox.py",
                               f"{Sandboxed.source}/systemd/ivshmemd.service", str(DAEMON),
                               str(DAEMON), *options, "--", "/usr/bin/python3", "-c",
                               f"import mmap, os, socket\n{code}"],
                              capture_output=True, text=True, check=False)

    def test_refuses_what_the_unit_refuses(self):
        for code, why in (("socket.socket(socket.AF_INET)", "Errno 97"),
                          ("os.chown('/', 0, 0)", "Errno 1]"),
                          ("os.sched_setaffinity(0, {0})", "Errno 1]"),
                          ("mmap.mmap(-1, 4096, prot=7)", "Errno 1]"),
                          ("os.chmod('/dev/shm', 0o4755)", "Errno 1]"),
                          ("os.mkdir('/tmp/ivshmemd-sandbox')", "Errno 30]"),
                          ("os.kill(1, 0)", "Errno 1]"),
                          ("os.stat('/dev/kmsg')", "Errno 2]"),
                          ("os.listdir('/proc/1')", "Errno 2]")):
            with self.subTest(code=code):
                self.assertIn(why, self.run_inside(code).stderr)

    def test_lets_through_what_the_unit_lets_through(self):
        done = self.run_inside("socket.socket(socket.AF_UNIX)\nos.memfd_create('x')\n"
                               "os.close(os.open('/dev/shm', os.O_TMPFILE | os.O_RDWR))")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_kills_for_a_refused_call_where_asked(self):
        self.assertEqual(self.run_inside("os.chown('/', 0, 0)", "--kill").returncode, -31)
        excepted = self.run_inside("os.chown('/', 0, 0)", "--kill", "--allow=chown")
        self.assertIn("Errno 1]", excepted.stderr)


def main():
    Sandboxed.source, Sandboxed.program, *selected = sys.argv[1:]
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing and "IVSHMEMD_REQUIRE_QEMU" not in os.environ:
        print(f"these tools are missing: {' '.join(missing)}; ./dev setup installs them")
        return SKIPPED
    if lacks_root():
        print("only root can make namespaces and run programs as other users")
        return SKIPPED
    outcome = unittest.main(argv=[sys.argv[0], *selected], exit=False, verbosity=2).result
    return 0 if outcome.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
