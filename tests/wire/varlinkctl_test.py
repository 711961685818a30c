#!/usr/bin/env python3
"""systemd's own client on the daemon: it reads the interface, lists it, calls and is refused.

usage: varlinkctl_test.py DAEMON SOURCE_DIRECTORY [unittest arguments]
"""

import json
import shutil
import subprocess
import sys
import tempfile
import unittest

from later_service import NEW_ERROR, NEW_FIELD, NEW_VALUE, LaterService
from machines import Daemon, region_directory
from varlink_client import PATIENCE

HOTPLUG = "io.ivshmemd.Hotplug"
SKIPPED = 77


def run_client(*arguments):
    return subprocess.run(["varlinkctl", *arguments], capture_output=True, text=True,
                          timeout=PATIENCE, check=False)


class Varlinkctl(unittest.TestCase):
    program = source = None

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="ivshmemd-varlinkctl-")
        self.addCleanup(directory.cleanup)
        regions = region_directory()
        self.addCleanup(regions.cleanup)
        self.daemon = Daemon(self.program, directory.name,
                             {"gone": f"{directory.name}/nobody.qmp"}, regions.name)
        self.addCleanup(self.daemon.end)

    def test_finds_the_interface_well_formed(self):
        result = run_client("validate-idl", f"{self.source}/proto/{HOTPLUG}.varlink")
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_is_told_who_serves(self):
        result = run_client("info", self.daemon.socket)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("ivshmemd", result.stdout)
        self.assertIn(HOTPLUG, result.stdout)

    def test_reads_the_interface(self):
        result = run_client("introspect", self.daemon.socket, HOTPLUG)
        self.assertEqual(result.returncode, 0, result.stderr)
        for method in ("ListVms", "Attach", "Subscribe"):
            self.assertIn(f"method {method}", result.stdout)

    def test_calls(self):
        result = run_client("--json=short", "call", self.daemon.socket, f"{HOTPLUG}.ListVms",
                                 "{}")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual([vm["name"] for vm in json.loads(result.stdout)["vms"]], ["gone"])

    def test_is_told_of_an_error_by_its_name(self):
        result = run_client("--json=short", "call", self.daemon.socket, f"{HOTPLUG}.Probe",
                                 '{"vm": "other"}')
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(f"{HOTPLUG}.NoSuchVm", result.stdout + result.stderr)


class Later(unittest.TestCase):
    """What is new to the client it shows as it came."""

    def call(self, method, vm=None):
        directory = tempfile.TemporaryDirectory(prefix="ivshmemd-varlinkctl-")
        self.addCleanup(directory.cleanup)
        service = LaterService(f"{directory.name}/later.sock", f"interface {HOTPLUG}\n", vm)
        self.addCleanup(service.end)
        return run_client("--json=short", "call", f"{directory.name}/later.sock",
                          f"{HOTPLUG}.{method}", "{}")

    def test_shows_a_field_and_a_value(self):
        for vm in (NEW_FIELD, NEW_VALUE):
            self.assertEqual(json.loads(self.call("ListVms", vm).stdout), {"vms": [vm]})

    def test_shows_an_error(self):
        result = self.call("Probe")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(NEW_ERROR[0], result.stderr)
        self.assertEqual(json.loads(result.stdout), NEW_ERROR[1])


if __name__ == "__main__":
    if shutil.which("varlinkctl") is None:
        print("skipped: there is no varlinkctl here; systemd has one since version 255")
        sys.exit(SKIPPED)
    Varlinkctl.program, Varlinkctl.source = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
