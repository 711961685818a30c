#!/usr/bin/env python3
"""What an attach says when a real QEMU may not open the region: whose fault it is, and what to do.

usage: denied_test.py DAEMON [unittest arguments]
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from machines import QEMU, Daemon, Qemu, region_directory
from root import lacks_root
from varlink_client import Account, Client, wait_until

HOTPLUG = "io.ivshmemd.Hotplug"
SKIPPED = 77
MIB = 1 << 20
NOBODY = 65534


def given_to(user):
    """What has a QEMU that root started run as this user, once it listens on its monitors."""
    said = subprocess.run([QEMU, "--version"], capture_output=True, text=True, check=True).stdout
    major, minor = re.search(r"version (\d+)\.(\d+)", said).groups()
    who = f"{user}:{user}"
    return ("-runas", who) if (int(major), int(minor)) < (9, 1) else ("-run-with", f"user={who}")


class Denied(unittest.TestCase):
    program = None

    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        directory = tempfile.TemporaryDirectory(prefix="ivshmemd-denied-")
        self.directory = self.stack.enter_context(directory)
        self.regions = self.stack.enter_context(region_directory())
        os.chmod(self.regions, 0o711)
        self.machine = Qemu(self.directory, "web", *given_to(NOBODY))
        self.stack.callback(self.machine.end)

    def start_daemon(self, user):
        config = f"{self.directory}/ivshmemd.toml"
        with open(config, "w", encoding="utf-8") as file:
            file.write(f'[[vm]]\nname = "web"\nqmp = "{self.machine.monitor}"\n')
            if user is not None:
                file.write(f'user = "{user}"\n')
        daemon = Daemon(self.program, self.directory, {}, self.regions, "--config", config)
        self.stack.callback(daemon.end)
        self.client = self.stack.enter_context(Client(daemon.socket, Account(daemon.socket)))
        wait_until(lambda: self.ask("ListVms").parameters["vms"][0]["state"] == "connected",
                   "the machine to be connected")

    def ask(self, method, **parameters):
        return self.client.call(f"{HOTPLUG}.{method}", parameters)

    def refused(self):
        reply = self.ask("Attach", vm="web", name="shm0", size=MIB)
        self.assertEqual(reply.short_error(), "QemuError", reply)
        self.assertTrue(reply.parameters["description"].endswith("Permission denied"), reply)
        message = reply.parameters["message"]
        self.assertIn(reply.parameters["description"] + "; ", message)
        self.assertEqual(self.machine.devices(), set())
        self.assertFalse(os.path.exists(f"{self.regions}/shm0"))
        return message

    def test_of_another_user_than_the_socket_tells_names_the_setting_that_helps(self):
        self.start_daemon(None)
        self.assertIn(f"QEMU runs as user {NOBODY}, and regions let in user 0 for this VM: "
                      f"set user = {NOBODY}", self.refused())

    def test_with_that_setting_it_is_let_in(self):
        self.start_daemon(NOBODY)
        reply = self.ask("Attach", vm="web", name="shm0", size=MIB)
        self.assertEqual(reply.error, "", reply)

    def test_by_a_directory_points_there(self):
        os.chmod(self.regions, 0o700)
        self.start_daemon(NOBODY)
        message = self.refused()
        self.assertIn(f"(namei -l {self.regions}/shm0)", message)
        self.assertIn("neither AppArmor nor SELinux", message)


if __name__ == "__main__":
    if not shutil.which(QEMU) and "IVSHMEMD_REQUIRE_QEMU" not in os.environ:
        print("no QEMU: ./dev setup")
        sys.exit(SKIPPED)
    if lacks_root():
        print("only root can give a QEMU to another user")
        sys.exit(SKIPPED)
    Denied.program = sys.argv[1]
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
