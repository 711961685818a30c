#!/usr/bin/env python3
"""The programs started by their sockets, as systemd does.

usage: activation_test.py SOURCE-DIRECTORY DAEMON DOORBELL [unittest arguments]
"""

import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

from manager import PATIENCE, Account, Client, Connection, NotifySocket, activate, listens
from machines import die_with_parent
from unit_file import UnitFile

HOTPLUG = "io.ivshmemd.Hotplug"
SKIPPED = 77


class Activated(unittest.TestCase):
    source = daemon = doorbell = None

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="ivshmemd-activation-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.socket = f"{self.directory}/by-systemd.sock"
        self.notify = NotifySocket(f"{self.directory}/notify")
        self.addCleanup(self.notify.close)

    def unit(self, name):
        return UnitFile(f"{self.source}/systemd/{name}")

    def activate(self, command, *options):
        service = activate(self.socket, command, self.notify, *options)
        self.addCleanup(service.end)
        return service

    def activate_daemon(self, *arguments):
        name = self.unit("ivshmemd.socket").one("FileDescriptorName")
        command = [self.daemon, "--config", "/dev/null", "--log-level", "warn",
                   "--socket", f"{self.directory}/own.sock",
                   "--state-dir", f"{self.directory}/state", *arguments]
        return self.activate(command, f"--fdname={name}")

    def test_the_daemon_answers_the_client_who_started_it(self):
        service = self.activate_daemon("--vm", f"web={self.directory}/web.qmp")
        self.assertEqual(self.notify.drain(), [], "started before anybody came")
        with Client(self.socket, Account(self.socket)) as client:
            (vm,) = client.call(f"{HOTPLUG}.ListVms").parameters["vms"]
        self.assertEqual((vm["name"], vm["qmpSocket"]), ("web", f"{self.directory}/web.qmp"))
        self.assertFalse(os.path.exists(f"{self.directory}/own.sock"), "it made another socket")
        self.assertEqual(service.stop(), 0)

    def test_nobody_else_is_taken_for_who_listens(self):
        """Another root of this network namespace has sockets with the same paths."""
        with socket.socket(socket.AF_UNIX) as foreign:
            foreign.bind(self.socket)
            foreign.listen()
            os.remove(self.socket)  # as it cannot be seen from here
            service = self.activate_daemon("--vm", f"web={self.directory}/web.qmp")
            self.assertTrue(listens(self.socket, os.getpid()))
            self.assertTrue(listens(self.socket, service.process.pid))
            with Client(self.socket, Account(self.socket)) as client:
                self.assertEqual(len(client.call(f"{HOTPLUG}.ListVms").parameters["vms"]), 1)
            self.assertFalse(listens(self.socket, self.start_bystander()))
        self.assertFalse(listens(self.socket, os.getpid()))

    def start_bystander(self):
        """The process id of somebody who has no socket."""
        bystander = subprocess.Popen(["sleep", "infinity"], preexec_fn=die_with_parent)
        self.addCleanup(bystander.wait)
        self.addCleanup(bystander.kill)
        return bystander.pid

    def test_a_second_socket_of_that_name_only_reads(self):
        second = f"{self.directory}/read.sock"
        name = self.unit("examples/ivshmemd-read.socket").one("FileDescriptorName")
        first = self.unit("ivshmemd.socket").one("FileDescriptorName")
        command = [self.daemon, "--config", "/dev/null", "--log-level", "warn",
                   "--state-dir", f"{self.directory}/state",
                   "--vm", f"web={self.directory}/web.qmp"]
        service = self.activate(command, "-l", second, f"--fdname={first}:{name}")
        attach = {"vm": "web", "name": "shm0", "size": 1 << 20}
        with Client(second, Account(second)) as client:
            self.assertEqual(len(client.call(f"{HOTPLUG}.ListVms").parameters["vms"]), 1)
            refused = client.call(f"{HOTPLUG}.Attach", attach)
        self.assertEqual(refused.error, "org.varlink.service.PermissionDenied")
        with Client(self.socket, Account(self.socket)) as client:
            self.assertEqual(client.call(f"{HOTPLUG}.Attach", attach).error,
                             f"{HOTPLUG}.VmUnavailable")
        self.assertEqual(service.stop(), 0)

    def test_the_daemon_tells_systemd_how_it_is(self):
        service = self.activate_daemon("--vm", f"web={self.directory}/web.qmp")
        with Connection(self.socket):
            self.assertEqual(self.notify.wait("READY="), "READY=1")
            self.assertEqual(self.notify.wait("STATUS="), "STATUS=0 of 1 VMs connected, 0 devices")
            self.assertEqual(service.stop(), 0)
        self.assertEqual(self.notify.wait("STOPPING="), "STOPPING=1")

    def test_the_socket_outlives_the_daemon(self):
        service = self.activate_daemon()
        with Connection(self.socket):
            self.notify.wait("READY=")
        self.assertEqual(service.stop(), 0)
        self.assertTrue(os.path.exists(self.socket), "it is the socket unit's")

    def test_a_doorbell_server_serves_what_its_unit_says(self):
        unit = self.unit("ivshmem-doorbell@.service")
        variables = {**unit.environment(), "VECTORS": "3", "OPTIONS": "--peers 5 --log-level warn"}
        command = unit.command("ExecStart", variables)
        self.assertIn("--size", command)
        service = self.activate([self.doorbell, *command[1:]])
        with Connection(self.socket, PATIENCE) as peer:
            with peer.socket.makefile("rb") as stream:
                numbers = struct.unpack("<qqq", stream.read(24))
            self.assertEqual(numbers, (0, 0, -1))  # version, our id, the memory
            self.assertEqual(self.notify.wait("READY="), "READY=1")
            self.assertEqual(service.stop(), 0)
        self.assertEqual(self.notify.wait("STOPPING="), "STOPPING=1")


def main():
    Activated.source, Activated.daemon, Activated.doorbell, *selected = sys.argv[1:]
    if not shutil.which("systemd-socket-activate") and "IVSHMEMD_REQUIRE_QEMU" not in os.environ:
        print("no systemd-socket-activate; ./dev setup installs it")
        return SKIPPED
    outcome = unittest.main(argv=[sys.argv[0], *selected], exit=False, verbosity=2).result
    return 0 if outcome.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
