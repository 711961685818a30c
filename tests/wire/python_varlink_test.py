#!/usr/bin/env python3
"""Debian's python3-varlink on the daemon: its module calls the whole interface, its tool a part.

usage: python_varlink_test.py DAEMON SOURCE_DIRECTORY [unittest arguments]
"""

import contextlib
import io
import json
import shlex
import subprocess
import sys
import tempfile
import unittest

from later_service import NEW_ERROR, NEW_FIELD, NEW_VALUE, VM, LaterService
from manual import SOCKET, commands, examples
from varlink_client import PATIENCE
from whole_interface import HOTPLUG, SKIPPED, Refused, Stage, WholeInterface, finish

try:
    import varlink
except ImportError:
    varlink = None


class Module(WholeInterface, unittest.TestCase):
    @contextlib.contextmanager
    def connection(self):
        try:
            with varlink.Client.new_with_address(f"unix:{Stage.daemon.socket}") as client, \
                    client.open(HOTPLUG) as connection:
                yield connection
        except varlink.VarlinkError as error:
            raise Refused(error.error(), error.parameters()) from error

    def client_call(self, method, parameters):
        with self.connection() as connection:
            return getattr(connection, method)(**parameters)

    def test_attaches_as_the_manual_shows(self):
        (program,) = [each for each in examples(sys.argv[2]) if "import varlink\n" in each]
        program = program.replace(SOCKET, Stage.daemon.socket).replace('"web"', '"one"')
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(program, {})
        self.assertEqual(printed.getvalue(), "ivshmem_plain\n")
        self.assertIn("shm0", self.names("one"))

    def client_stream(self, method, parameters):
        return list(self.client_watch(method, parameters))

    def client_watch(self, method, parameters):
        with self.connection() as connection:
            yield from getattr(connection, method)(**parameters, _more=True)


class Later(unittest.TestCase):
    """What is new to the module."""

    def open(self, vm, state=""):
        """A connection to a service that answers with this machine and knows this state too."""
        with open(f"{sys.argv[2]}/proto/{HOTPLUG}.varlink", encoding="utf-8") as file:
            text = file.read().replace("type VmState (", f"type VmState ({state}")
        directory = tempfile.TemporaryDirectory(prefix="ivshmemd-wire-")
        self.addCleanup(directory.cleanup)
        service = LaterService(f"{directory.name}/later.sock", text, vm)
        self.addCleanup(service.end)
        client = varlink.Client.new_with_address(f"unix:{directory.name}/later.sock")
        connection = client.open(HOTPLUG)
        self.addCleanup(connection.close)
        return connection

    def test_field_is_left_out(self):
        self.assertEqual(self.open(NEW_FIELD).ListVms(), {"vms": [VM]})

    def test_value_is_read_by_who_has_asked_for_the_interface_again(self):
        self.assertEqual(self.open(NEW_VALUE, "dreaming, ").ListVms(), {"vms": [NEW_VALUE]})

    def test_error_has_its_name_and_its_parameters(self):
        with self.assertRaises(varlink.VarlinkError) as caught:
            self.open(VM).Probe(vm="demo")
        self.assertEqual((caught.exception.error(), caught.exception.parameters()), NEW_ERROR)


class Tool(unittest.TestCase):
    """python3 -m varlink.cli"""

    @staticmethod
    def run_client(*arguments):
        return subprocess.run([sys.executable, "-m", "varlink.cli", *arguments],
                              capture_output=True, text=True, timeout=PATIENCE, check=False)

    def call(self, method, *arguments):
        return self.run_client("call", f"unix:{Stage.daemon.socket}/{HOTPLUG}.{method}",
                               *arguments)

    def test_is_told_who_serves_what(self):
        told = self.run_client("info", f"unix:{Stage.daemon.socket}")
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertIn(HOTPLUG, told.stdout)
        told = self.run_client("help", f"unix:{Stage.daemon.socket}/{HOTPLUG}")
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertIn(f"interface {HOTPLUG}\n", told.stdout)

    def test_calls_as_the_manual_shows(self):
        (command,) = commands(sys.argv[2], "python3 ")
        command = shlex.split(command.replace(SOCKET, Stage.daemon.socket))
        self.assertEqual(command[:3], ["python3", "-m", "varlink.cli"])
        answer = self.run_client(*command[3:])
        self.assertEqual(len(json.loads(answer.stdout)["vms"]), 4, answer.stderr)

    def test_calls_and_is_refused(self):
        answer = self.call("ListVms")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertEqual(len(json.loads(answer.stdout)["vms"]), 4)
        refused = self.call("Probe", '{"vm": "nobody"}')  # whose exit status it does not say
        self.assertEqual(refused.stdout, "")
        self.assertIn(f"{HOTPLUG}.NoSuchVm", refused.stderr)


if __name__ == "__main__":
    if varlink is None:
        print("skipped: there is no python3-varlink here; Debian has it since version 13")
        sys.exit(SKIPPED)
    sys.exit(finish(sys.argv[1], sys.argv[2], sys.argv[3:]))
