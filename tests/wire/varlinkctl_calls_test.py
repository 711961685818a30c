#!/usr/bin/env python3
"""systemd's own client calls the whole interface.

usage: varlinkctl_calls_test.py DAEMON SOURCE_DIRECTORY [unittest arguments]
"""

import contextlib
import json
import shlex
import shutil
import subprocess
import sys
import unittest

from manual import SOCKET, commands
from varlink_client import PATIENCE
from whole_interface import HOTPLUG, SKIPPED, Refused, Stage, WholeInterface, finish

# What systemd 262 says in place of some names.
STANDARD = {"Invalid argument": "org.varlink.service.InvalidParameter",
            "called without 'more' flag, but flag needs to be set.":
                "org.varlink.service.ExpectedMore"}


class Varlinkctl(WholeInterface, unittest.TestCase):
    @staticmethod
    def command(method, parameters, *options):
        return ["varlinkctl", "--json=short", *options, "call", Stage.daemon.socket,
                f"{HOTPLUG}.{method}", json.dumps(parameters)]

    def test_calls_as_the_manual_shows(self):
        lists, watches = [each.replace(SOCKET, Stage.daemon.socket)
                          for each in commands(sys.argv[2], "varlinkctl ")]
        answer = subprocess.run(shlex.split(lists), capture_output=True, text=True,
                                timeout=PATIENCE, check=False)
        self.assertEqual(len(json.loads(answer.stdout)["vms"]), 4, answer.stderr)
        with contextlib.closing(self.lines(shlex.split(watches))) as events:
            self.assertEqual(next(events), {"ready": True})

    def replies(self, method, parameters, *options):
        result = subprocess.run(self.command(method, parameters, *options), capture_output=True,
                                text=True, timeout=PATIENCE, check=False)
        answers = [self.read(line) for line in result.stdout.split("\n")[:-1]]
        if result.returncode != 0:
            # The error's parameters are where a reply would be.
            raise Refused(self.error(result.stderr), answers[-1] if answers else {})
        return answers

    @staticmethod
    def read(line):
        return json.loads(line.lstrip("\x1e"))  # which is before each of several (RFC 7464)

    @staticmethod
    def error(complaint):
        words = complaint.strip().rpartition(" failed: ")[2]
        return STANDARD.get(words, words)

    def client_call(self, method, parameters):
        (answer,) = self.replies(method, parameters)
        return answer

    def client_stream(self, method, parameters):
        return self.replies(method, parameters, "--more")

    def client_watch(self, method, parameters):
        return self.lines(self.command(method, parameters, "--more", "--timeout=infinity"))

    def lines(self, command):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                for line in process.stdout:
                    yield self.read(line)
            finally:
                process.terminate()


if __name__ == "__main__":
    if shutil.which("varlinkctl") is None:
        print("skipped: there is no varlinkctl here; systemd has one since version 255")
        sys.exit(SKIPPED)
    sys.exit(finish(sys.argv[1], sys.argv[2], sys.argv[3:]))
