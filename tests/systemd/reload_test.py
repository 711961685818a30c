#!/usr/bin/env python3
"""What the running daemon does at SIGHUP, and how it feeds the watchdog.

usage: reload_test.py SOURCE-DIRECTORY DAEMON [unittest arguments]
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from manager import PATIENCE, Account, Client, NotifySocket, Service

HOTPLUG = "io.ivshmemd.Hotplug"


class Running(unittest.TestCase):
    source = daemon = None

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="ivshmemd-reload-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.socket = f"{self.directory}/api.sock"
        self.config = f"{self.directory}/ivshmemd.toml"
        self.notify = NotifySocket(f"{self.directory}/notify")
        self.addCleanup(self.notify.close)

    def command(self):
        return [self.daemon, "--config", self.config, "--socket", self.socket,
                "--state-dir", f"{self.directory}/state"]

    def start(self, **environment):
        with open(f"{self.directory}/log", "w", encoding="utf-8") as log:
            service = Service(self.command(), self.notify, environment, log)
        self.addCleanup(service.end)
        self.assertIsNotNone(self.notify.wait("READY="), self.log())
        return service

    def log(self):
        with open(f"{self.directory}/log", encoding="utf-8") as file:
            return file.read()

    def configure(self, *vms, text=""):
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(text)
            for name in vms:
                file.write(f'\n[[vm]]\nname = "{name}"\nqmp = "{self.directory}/{name}.qmp"\n')

    def vms(self):
        with Client(self.socket, Account(self.socket)) as client:
            return [each["name"] for each in client.call(f"{HOTPLUG}.ListVms").parameters["vms"]]


class Signals(Running):
    def test_survives_the_signal_of_a_broken_lease(self):
        self.configure("a")
        service = self.start()
        with open(f"/proc/{service.process.pid}/status", encoding="utf-8") as status:
            ignored = re.search(r"^SigIgn:\s*([0-9a-f]+)$", status.read(), re.MULTILINE).group(1)
        self.assertTrue(int(ignored, 16) >> (signal.SIGIO - 1) & 1)


class Reload(Running):
    def test_tells_systemd_when_it_begins_and_ends(self):
        self.configure("a")
        service = self.start()
        self.notify.drain()
        before = time.monotonic_ns() // 1000
        service.reload()
        self.assertEqual(self.notify.wait("RELOADING="), "RELOADING=1")
        self.assertIsNotNone(self.notify.wait("READY=1"))
        service.reload()
        stamp = self.notify.wait("MONOTONIC_USEC=")
        self.assertGreaterEqual(int(stamp.partition("=")[2]), before)
        self.assertLessEqual(int(stamp.partition("=")[2]), time.monotonic_ns() // 1000)

    def reload(self, service):
        service.reload()
        self.assertIsNotNone(self.notify.wait("RELOADING="))
        self.assertIsNotNone(self.notify.wait("READY=1"))

    def test_follows_the_file(self):
        self.configure("a", "b")
        service = self.start()
        self.configure("b", "c", "d")
        self.assertEqual(self.vms(), ["a", "b"])
        self.reload(service)
        self.assertEqual(self.vms(), ["b", "c", "d"])
        self.configure()
        self.reload(service)
        self.assertEqual(self.vms(), [])
        self.assertEqual(service.stop(), 0)

    def test_changes_nothing_for_an_invalid_file(self):
        self.configure("a")
        service = self.start()
        self.configure("b", text="[daemon]\nbogus = 1\n")
        service.reload()
        self.assertIsNotNone(self.notify.wait("RELOADING="))
        status = self.notify.wait("STATUS=not reloaded")
        self.assertIn("stays as it was", status)
        self.assertIn("daemon.bogus: unknown key", status)
        self.assertIn(status.partition("=")[2], self.log())
        self.assertEqual(self.vms(), ["a"])
        self.configure("b")
        self.reload(service)
        self.assertEqual(self.vms(), ["b"])

    def test_does_not_hold_up_the_end(self):
        self.configure("a")
        service = self.start()
        os.unlink(self.config)
        os.mkfifo(self.config)  # a file that is slow to read
        service.reload()
        self.assertIsNotNone(self.notify.wait("RELOADING="))
        service.process.send_signal(signal.SIGTERM)
        self.assertIsNotNone(self.notify.wait("STOPPING="))
        self.configure("b")
        self.assertEqual(service.wait_for_end(), 0)

    def test_names_what_needs_a_restart(self):
        self.configure("a")
        service = self.start()
        self.configure("b", text='[region]\ndir = "/dev/shm/elsewhere"\ngroup = "0"\n')
        self.reload(service)
        self.assertEqual(self.vms(), ["b"])
        self.assertRegex(self.log(), "need a restart: region.dir, region.group\n")

    def test_changes_the_log_level(self):
        self.configure("a", text='[daemon]\nlog_level = "err"\n')
        service = self.start()
        self.reload(service)
        self.assertEqual(self.log(), "")
        self.configure("a", text='[daemon]\nlog_level = "info"\n')
        self.reload(service)
        self.assertRegex(self.log(), "info: configuration reloaded")

    def test_of_the_unit_checks_the_file_first(self):
        with open(f"{self.source}/systemd/ivshmemd.service", encoding="utf-8") as file:
            first, *_ = re.findall(r"^ExecReload=(.*)$", file.read(), re.MULTILINE)
        self.configure(text="[daemon]\nbogus = 1\n")
        check = [*self.command(), *first.split()[1:]]
        done = subprocess.run(check, capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("daemon.bogus", done.stderr)


class Watchdog(Running):
    def test_is_fed_while_the_daemon_runs(self):
        self.configure("a")
        service = self.start(WATCHDOG_USEC="200000")
        for _ in range(3):
            self.assertEqual(self.notify.wait("WATCHDOG="), "WATCHDOG=1")
        service.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, service.process.pid, os.WSTOPPED)
        self.notify.drain()
        self.assertIsNone(self.notify.wait("WATCHDOG=", timeout=0.5))
        service.process.send_signal(signal.SIGCONT)
        self.assertEqual(self.notify.wait("WATCHDOG="), "WATCHDOG=1")
        self.assertEqual(service.stop(), 0)
        lines = self.notify.drain()
        self.assertNotIn("WATCHDOG=1", lines[lines.index("STOPPING=1"):])

    def test_is_left_alone_where_nobody_asks(self):
        self.configure()
        self.start()
        self.assertIsNone(self.notify.wait("WATCHDOG=", timeout=0.5))

    def test_is_what_the_unit_asks_for(self):
        with open(f"{self.source}/systemd/ivshmemd.service", encoding="utf-8") as file:
            self.assertIn("\nWatchdogSec=30\n", file.read())


def main():
    Running.source, Running.daemon, *selected = sys.argv[1:]
    outcome = unittest.main(argv=[sys.argv[0], *selected], exit=False, verbosity=2).result
    return 0 if outcome.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
