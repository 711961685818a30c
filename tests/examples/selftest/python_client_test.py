#!/usr/bin/env python3
"""Runs the client in Python. usage: python_client_test.py DAEMON IVSHMEMCTL [unittest arguments]"""

import sys

from stage import ExampleTest, run_tests


class PythonClient(ExampleTest):
    def test_lists_the_machines(self):
        done = self.example("client.py")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"(?m)^web: connected, QEMU \d+\.\d+\.\d+, 0 device\(s\)$")
        self.assertRegex(done.stdout, r"(?m)^absent: (connecting|unreachable), QEMU unknown, 0")

    def test_plugs_watches_and_unplugs(self):
        done = self.example("client.py", "web", "from-python", "65536")
        self.assertEqual(done.returncode, 0)
        steps = ("attached: ivshmem_plain, peer, 65536 bytes, pci.0 slot ",
                 "event: attached from-python", "progress: ", "detach: removed",
                 "event: detached from-python")
        at = [done.stdout.find(step) for step in steps]
        self.assertNotIn(-1, at)
        self.assertEqual(at, sorted(at))
        self.assert_bare("web", "from-python")

    def test_tells_why_not(self):
        done = self.example("client.py", "web", "odd", "5000")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "^BadSize: .*5000")
        done = self.example("client.py", IVSHMEMD_SOCKET=f"{self.directory}/nobody.sock")
        self.assertEqual(done.returncode, 1)
        self.assertIn("nobody.sock", done.stderr)


if __name__ == "__main__":
    sys.exit(run_tests())
