"""The daemon that hostile clients meet, and what each of them has to leave behind."""

import os
import resource
import tempfile
import unittest

from machines import Daemon, region_directory
from observer import Observer
from varlink_client import Closed, Connection, wait_until

HOTPLUG = "io.ivshmemd.Hotplug"
LIST_VMS = b'{"method":"io.ivshmemd.Hotplug.ListVms"}'


class World:
    daemon = observer = None
    descriptors = 0

    @classmethod
    def build(cls, program, stack):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="ivshmemd-wire-"))
        regions = stack.enter_context(region_directory())
        cls.daemon = Daemon(program, directory, {"gone": f"{directory}/nobody.qmp"}, regions)
        stack.callback(cls.daemon.end)
        os.chmod(directory, 0o711)
        os.chmod(cls.daemon.socket, 0o666)
        cls.observer = Observer(cls.daemon.socket)
        stack.callback(cls.observer.end)
        cls.observer.watch_undisturbed()
        cls.descriptors = cls.daemon.descriptors()


def call_text(method, parameters):
    """A call whose parameters are given as text, right or wrong."""
    return f'{{"method":"{HOTPLUG}.{method}","parameters":{parameters}}}'.encode()


def probe(vm):
    return call_text("Probe", f'{{"vm":{vm}}}')


def attach(member):
    return call_text("Attach", f'{{"vm":"gone","name":"x",{member}}}')


def nested(depth):
    return "[" * depth + "]" * depth


class HostileTest(unittest.TestCase):
    def tearDown(self):
        # Everything is given back, and whoever behaves is served.
        wait_until(lambda: World.daemon.descriptors() <= World.descriptors,
                   "descriptors to be closed")
        with self.connect() as connection:
            connection.send_bytes(LIST_VMS + b"\0")
            self.assertIn("vms", connection.receive().parameters)

    def connect(self):
        return Connection(World.daemon.socket)

    def fate(self, data):
        """What becomes of a client that sends this: "closed", or its first reply's error."""
        with self.connect() as connection:
            try:
                connection.send_bytes(data)
                return connection.receive().short_error()
            except (Closed, BrokenPipeError, ConnectionResetError):
                return "closed"

    def expect(self, fate, *messages):
        for message in messages:
            with self.subTest(message=message[:120]):
                self.assertEqual(self.fate(message + b"\0"), fate)

    def expect_refusal(self, parameter, *messages):
        """InvalidParameter that names the parameter; the connection goes on."""
        for message in messages:
            with self.subTest(message=message[:120]), self.connect() as connection:
                connection.send_bytes(message + b"\0" + LIST_VMS + b"\0")
                reply = connection.receive()
                self.assertEqual(reply.error, "org.varlink.service.InvalidParameter", reply)
                self.assertEqual(reply.parameters["parameter"], parameter)
                self.assertIn("vms", connection.receive().parameters)
