"""The daemon and the machines that the tests of its methods share, and these tests' base."""

import contextlib
import os
import tempfile
import threading
import unittest

from machines import Daemon, Qemu, region_directory
from varlink_client import Account, Client, wait_until

HOTPLUG = "io.ivshmemd.Hotplug"
MIB = 1 << 20
MACHINES = (("front", "pc", "-S"), ("full", "q35"), ("hidden", "pc"), ("other", "pc"),
            ("source", "pc"), ("target", "pc", "-incoming", "defer"), ("third", "pc"))


class World:
    machines = {}
    source = directory = regions = daemon = account = None

    @classmethod
    def build(cls, program, stack):
        """One daemon and its machines, connected, until the stack is closed."""
        cls.directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="ivshmemd-wire-"))
        cls.regions = stack.enter_context(region_directory())
        for name, machine, *arguments in MACHINES:
            cls.machines[name] = Qemu(cls.directory, name, *arguments, machine=machine)
            stack.callback(cls.machines[name].end)
        monitors = {name: each.monitor for name, each in cls.machines.items()}
        monitors["gone"] = f"{cls.directory}/nobody.qmp"
        # Its command line does not tell this name, so the daemon does not know its process.
        monitors["hidden"] = f"{cls.directory}/by-another-name.qmp"
        os.symlink(cls.machines["hidden"].monitor, monitors["hidden"])
        monitors["odd"] = f"{cls.directory}/\udcff\udcfe.qmp"  # a path need not be UTF-8
        cls.daemon = Daemon(program, cls.directory, monitors, cls.regions,
                            "--config", cls.declare("full", monitors.pop("full")))
        stack.callback(cls.daemon.end)
        cls.account = Account(cls.daemon.socket)
        wait_until(lambda: all(each["state"] == "connected" for each in list_vms()
                               if each["name"] in cls.machines), "all machines to be connected")


    @classmethod
    def declare(cls, name, monitor):
        """A configuration that declares a device of this machine, which has no room for it."""
        path = f"{cls.directory}/ivshmemd.toml"
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'[[vm]]\nname = "{name}"\nqmp = "{monitor}"\n'
                       '[[vm.device]]\nname = "declared"\nsize = "1M"\n')
        return path


def list_vms():
    with Client(World.daemon.socket, World.account) as client:
        return client.call(f"{HOTPLUG}.ListVms").parameters["vms"]


class WireTest(unittest.TestCase):
    def setUp(self):
        self.client = Client(World.daemon.socket, World.account)
        self.addCleanup(self.client.close)

    def ask(self, method, **parameters):
        """The parameters of a successful reply."""
        reply = self.client.call(f"{HOTPLUG}.{method}", parameters)
        self.assertEqual(reply.error, "", reply)
        return reply.parameters

    def refuse(self, error, method, **parameters):
        """The parameters of this error."""
        reply = self.client.call(f"{HOTPLUG}.{method}", parameters)
        self.assertEqual(reply.short_error(), error, reply)
        return reply.parameters

    @staticmethod
    def readonly():
        """For an Attach, where QEMU has such memory."""
        return {"readonly": True} if World.machines["other"].version >= (6, 0) else {}

    def attach(self, vm, name, **parameters):
        parameters.setdefault("size", MIB)
        return self.ask("Attach", vm=vm, name=name, **parameters)["device"]

    def device(self, vm, name):
        found = [each for each in self.ask("ListDevices", vm=vm)["devices"]
                 if each["name"] == name]
        return found[0] if found else None

    @contextlib.contextmanager
    def resetting(self, vm):
        """Resets the machine again and again while it has devices: that lets them go."""
        done = threading.Event()

        def reset():
            while World.machines[vm].devices() and not done.wait(0.1):
                World.machines[vm].reset()

        thread = threading.Thread(target=reset)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
