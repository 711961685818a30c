#!/usr/bin/env python3
"""ivshmemctl -H, between two hosts by the real ssh and sshd.

usage: hosts_test.py DAEMON CLIENT [unittest arguments]
"""

import contextlib
import json
import os
import sys
import tempfile
import unittest

from two_hosts import TwoHosts, what_is_missing

SKIPPED = 77
PROGRAMS = ()


class HostsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.addClassCleanup(cls.stack.close)
        cls.directory = cls.stack.enter_context(tempfile.TemporaryDirectory(prefix="ivshmemd-h-"))
        cls.world = TwoHosts(cls.directory, *PROGRAMS, cls.stack)

    def ctl(self, status, *arguments):
        done = self.world.ctl("--json=short", *arguments)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return json.loads(done.stdout), done.stderr


class Asking(HostsTest):
    def test_another_host_answers_as_this_one_does(self):
        for host in ("host2", "root@host2"):
            self.assertEqual(self.ctl(0, "-H", host, "vms")[0], {"vms": []})
        self.assertEqual(self.ctl(3, "-H", "host2", "probe", "web")[0]["error"], "NoSuchVm")
        versions = self.ctl(0, "version", "-H", "host2")[0]
        self.assertEqual(versions["daemon"]["product"], "ivshmemd")

    def test_ssh_that_gets_nowhere_is_told_of_in_its_own_words(self):
        for host, error, words in (("host2-closed", "HostUnreachable", "Connection refused"),
                                   ("host2-stranger", "HostUnreachable", "key verification"),
                                   ("host2-without-bridge", "BridgeMissing", "not found")):
            answer, text = self.ctl(5, "-H", host, "attach", "web", "shm0")
            self.assertEqual(answer["error"], error)
            self.assertIn(words, text)

    def test_a_host_without_a_daemon_is_told_from_one_that_is_away(self):
        elsewhere = self.world.host2.run("sh", "-c", "mv /run/ivshmemd /run/away")
        self.assertEqual(elsewhere.returncode, 0)
        self.addCleanup(self.world.host2.run, "sh", "-c", "mv /run/away /run/ivshmemd")
        answer, text = self.ctl(5, "-H", "host2", "vms")
        self.assertEqual(answer["error"], "DaemonUnreachable")
        self.assertIn("on host2: cannot reach the daemon at /run/ivshmemd/", text)


if __name__ == "__main__":
    PROGRAMS = tuple(os.path.abspath(path) for path in sys.argv[1:3])
    missing = what_is_missing()
    if missing:
        print(f"skipped: {missing}")
        sys.exit(SKIPPED)
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
