#!/usr/bin/env python3
"""Pastes what README has to be pasted, and holds what comes of it against what README says.

usage: readme_test.py DAEMON IVSHMEMCTL [unittest arguments]
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "tests", "wire"))

from machines import QEMU  # noqa: E402
from varlink_client import wait_until  # noqa: E402

SKIPPED = 77  # to ctest
PATIENCE = 60  # seconds
DAEMON, CLIENT = (os.path.abspath(path) for path in sys.argv[1:3])
PLACE = "/tmp/try"  # as README has it
ENDS_BY_CTRL_C = "until Ctrl-C"


def blocks(heading):
    """The texts between fences below the heading, up to the next one."""
    with open(f"{ROOT}/README.md", encoding="utf-8") as file:
        text = file.read().split(f"\n{heading}\n", 1)[1]
    text = re.split(r"\n##", text, maxsplit=1)[0]
    return re.findall(r"```\n(.*?)```", text, re.S)


def expected_status(line):
    told = re.search(r"# exit (\d+)", line)
    return int(told[1]) if told else 0


class Shell:
    """A bash in which lines are typed one after the other."""

    def __init__(self, directory):
        programs = f"{directory}/programs"
        os.mkdir(programs)
        os.mkdir(f"{directory}/regions")
        for name, more in (("ivshmemd", f"--region-dir {directory}/regions"), ("ivshmemctl", ""),
                           ("ivshmem-doorbell", "")):
            built = os.path.join(os.path.dirname(DAEMON), name)
            self.script(f"{programs}/{name}", f'exec {built} {more} "$@"')
        self.script(f"{programs}/qemu-system-x86_64", f'exec {shutil.which(QEMU)} "$@" -m 64M -accel tcg')
        environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"}
        self.directory = directory
        self.log = open(f"{directory}/log", "w+", encoding="utf-8")
        self.bash = subprocess.Popen(["bash"], stdin=subprocess.PIPE, stdout=self.log,
                                     stderr=self.log, text=True, env=environment)
        self.typed = 0

    @staticmethod
    def script(path, line):
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\n{line}\n")
        os.chmod(path, 0o755)

    def type(self, text):
        """Its exit status."""
        self.typed += 1
        told = f"{self.directory}/status{self.typed}"
        text = text.replace(PLACE, f"{self.directory}/try")
        text = text.replace("/dev/shm/", f"{self.directory}/regions/")
        self.bash.stdin.write(f"{text}\necho $? >{told}.new; mv {told}.new {told}\n")
        self.bash.stdin.flush()
        wait_until(lambda: os.path.exists(told), f"the end of {text!r}", PATIENCE)
        with open(told, encoding="utf-8") as file:
            return int(file.read())

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def end(self):
        self.type("kill $(jobs -p); wait")
        self.bash.stdin.close()
        self.bash.wait(PATIENCE)
        self.log.close()


class Readme(unittest.TestCase):
    def setUp(self):
        self.directory = self.enterContext(tempfile.TemporaryDirectory(prefix="ivshmemd-readme-"))
        self.place = f"{self.directory}/try"
        self.shell = Shell(self.directory)
        self.addCleanup(self.shell.end)

    def connected(self, count):
        vms = subprocess.run([CLIENT, "--socket", f"{self.place}/api.sock", "--json", "vms"],
                             capture_output=True, text=True, check=False)
        return vms.returncode == 0 and [vm["state"] for vm in json.loads(vms.stdout)["vms"]] == [
            "connected"] * count

    def paste(self, block):
        for line in block.splitlines():
            if ENDS_BY_CTRL_C in line:
                line = f"timeout --signal=INT 0.1 {line}"
                self.assertIn(self.shell.type(line), (0, 124, 130), self.shell.said())
                continue
            self.assertEqual(self.shell.type(line), expected_status(line),
                             f"{line}\n{self.shell.said()}")

    def test_what_is_to_be_used_can_be_pasted(self):
        machines, uses = blocks("## Use")
        self.assertEqual(self.shell.type(machines), 0)
        wait_until(lambda: self.connected(2), "two VMs", PATIENCE)
        self.paste(uses)
        bells, end = blocks("### Doorbells")
        server, rest = bells.split("\n", 1)
        self.assertEqual(self.shell.type(server), 0)
        wait_until(lambda: os.path.exists(f"{self.place}/bell.sock"), "the server", PATIENCE)
        self.paste(rest)
        self.assertIn("web/shm0  peer    ivshmem-plain", self.shell.said())
        self.assertEqual(self.shell.type(end), 0)
        self.assertFalse(os.path.exists(f"{self.place}"))


if __name__ == "__main__":
    if subprocess.run([QEMU, "--version"], capture_output=True, check=False).returncode != 0:
        print(f"there is no {QEMU}")
        sys.exit(SKIPPED)
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
