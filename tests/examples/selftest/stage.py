"""The daemon and the guests that an example is run against, and the base of the examples' tests."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLES = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(os.path.dirname(EXAMPLES), "wire"))

import in_guest  # noqa: E402
from machines import QEMU, Daemon, Qemu, region_directory  # noqa: E402
from varlink_client import Connection, wait_until  # noqa: E402

PATIENCE = 120  # seconds for an example, and for a guest to boot
SKIPPED = 77  # to ctest
CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.environ.get("HOME", "/root"), ".cache")
GUEST_FILES = os.environ.get("IVSHMEMD_GUEST_DIR") or f"{CACHE}/ivshmemd/guest"
KERNEL_ARGUMENTS = "console=ttyS0 quiet no_timer_check tsc=unstable panic=-1 rdinit=/init"


class Guest(Qemu):
    """A machine in which Linux runs."""

    def __init__(self, directory, name, initramfs):
        self.directory = directory
        self.log = f"{directory}/{name}.log"
        super().__init__(directory, name, "-m", "192M", "-kernel", f"{GUEST_FILES}/vmlinuz",
                         "-initrd", initramfs, "-append", KERNEL_ARGUMENTS, "-chardev",
                         f"socket,id=serial,path={directory}/{name}.serial,server=on,wait=off,"
                         f"logfile={self.log}", "-serial", "chardev:serial")

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def await_boot(self):
        wait_until(lambda: "GUEST-READY" in self.said(), f"{self.name} to boot", PATIENCE)

    def run(self, command):
        """What the command prints; it must succeed."""
        status, output = in_guest.run(self.directory, self.name, command)
        if status != 0:
            raise RuntimeError(f"{command} in {self.name}: {output}")
        return output


class ExampleTest(unittest.TestCase):
    """The tests of a class share a daemon, and a guest for each name in vms."""

    daemon_program = ctl_program = None
    vms = ("web",)
    other_vms = ("absent",)  # which the daemon is told of, and which are not there

    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix="ivshmemd-example-")
        cls.directory = cls.enterClassContext(directory)
        cls.regions = cls.enterClassContext(region_directory())
        cls.guests = {}
        for name in cls.vms:
            cls.start_guest(name)
        monitors = {name: f"{cls.directory}/{name}.qmp" for name in (*cls.vms, *cls.other_vms)}
        cls.daemon = Daemon(cls.daemon_program, cls.directory, monitors, cls.regions,
                            *cls.daemon_options())
        cls.addClassCleanup(cls.daemon.end)

    @classmethod
    def start_guest(cls, name):
        cls.guests[name] = Guest(cls.directory, name, cls.initramfs())
        cls.addClassCleanup(cls.guests[name].end)

    @classmethod
    def initramfs(cls):
        return f"{GUEST_FILES}/initramfs.cpio"

    @classmethod
    def daemon_options(cls):
        return ()

    @classmethod
    def environment(cls):
        """As a user has it: the client in the PATH, the daemon's socket named."""
        path = f"{os.path.dirname(cls.ctl_program)}:{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "IVSHMEMD_SOCKET": cls.daemon.socket}

    def setUp(self):
        for guest in self.guests.values():
            guest.await_boot()
        wait_until(lambda: self.guests.keys() <= self.connected(), "the daemon to be connected")

    def connected(self):
        """The names of the machines that the daemon is connected to."""
        with Connection(self.daemon.socket) as connection:
            connection.send_object({"method": "io.ivshmemd.Hotplug.ListVms"})
            machines = connection.receive().parameters["vms"]
        return {each["name"] for each in machines if each["state"] == "connected"}

    def example(self, name, *arguments, **variables):
        """Runs an example to its end."""
        variables = {**self.environment(), **variables}
        done = subprocess.run([f"{EXAMPLES}/{name}", *arguments], capture_output=True, text=True,
                              env=variables, timeout=PATIENCE, check=False)
        print(f"$ {name} {' '.join(arguments)}\n{done.stdout}{done.stderr}[{done.returncode}]",
              flush=True)
        return done

    def region(self, name):
        return f"{self.regions}/{name}"

    def assert_bare(self, vm, *regions):
        """The machine lives, has no device, and these regions are gone."""
        self.assertEqual(self.guests[vm].devices(), set())
        self.assertEqual(self.guests[vm].run("shm list"), "")
        for each in regions:
            self.assertFalse(os.path.exists(self.region(each)), each)


def run_tests(*tools):
    """Called by each test program: DAEMON IVSHMEMCTL [unittest arguments]."""
    missing = [tool for tool in (QEMU, *tools) if not shutil.which(tool)]
    missing += [] if os.path.exists(ExampleTest.initramfs()) else [ExampleTest.initramfs()]
    if missing and "IVSHMEMD_REQUIRE_QEMU" not in os.environ:
        print(f"missing: {' '.join(missing)}; ./dev setup gets it")
        return SKIPPED
    ExampleTest.daemon_program, ExampleTest.ctl_program, *selected = sys.argv[1:]
    outcome = unittest.main(argv=[sys.argv[0], *selected], exit=False, verbosity=2).result
    return 0 if outcome.wasSuccessful() else 1
