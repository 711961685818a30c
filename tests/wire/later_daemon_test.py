#!/usr/bin/env python3
"""ivshmemctl shows what a later daemon answers that is new to it.

usage: later_daemon_test.py IVSHMEMCTL [unittest arguments]
"""

import json
import subprocess
import sys
import tempfile
import unittest

from later_service import NEW_ERROR, NEW_FIELD, NEW_VALUE, LaterService
from varlink_client import PATIENCE


class Later(unittest.TestCase):
    program = None

    def ask(self, vm, *arguments):
        directory = tempfile.TemporaryDirectory(prefix="ivshmemd-wire-")
        self.addCleanup(directory.cleanup)
        service = LaterService(f"{directory.name}/later.sock", "", vm)
        self.addCleanup(service.end)
        return subprocess.run([self.program, "--socket", f"{directory.name}/later.sock",
                               *arguments], capture_output=True, text=True, timeout=PATIENCE,
                              check=False)

    def test_field_is_for_programs_alone(self):
        shown = self.ask(NEW_FIELD, "vms")
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertIn("demo", shown.stdout)
        self.assertNotIn("calm", shown.stdout)
        self.assertEqual(json.loads(self.ask(NEW_FIELD, "--json", "vms").stdout),
                         {"vms": [NEW_FIELD]})

    def test_value_is_shown_as_it_is(self):
        shown = self.ask(NEW_VALUE, "vms")
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertIn("dreaming", shown.stdout)

    def test_error_has_its_message(self):
        refused = self.ask(None, "probe", "demo")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("tomorrow", refused.stderr)
        name, parameters = NEW_ERROR
        self.assertEqual(json.loads(self.ask(None, "--json", "probe", "demo").stdout),
                         {"error": name.rpartition(".")[2], "parameters": parameters})


if __name__ == "__main__":
    Later.program = sys.argv[1]
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], verbosity=2)
