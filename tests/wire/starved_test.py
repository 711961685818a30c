#!/usr/bin/env python3
"""A daemon that runs out of descriptors: it answers, spins not, and goes on once there are some.

usage: starved_test.py DAEMON [unittest arguments]
"""

import os
import resource
import shutil
import sys
import tempfile
import time
import unittest

from machines import QEMU, Daemon, Qemu, region_directory
from root import lacks_root
from varlink_client import Account, Client, Connection, wait_until

HOTPLUG = "io.ivshmemd.Hotplug"
SKIPPED = 77
MIB = 1 << 20


class Starved(unittest.TestCase):
    program = None

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="ivshmemd-starved-")
        self.addCleanup(directory.cleanup)
        regions = region_directory()
        self.addCleanup(regions.cleanup)
        self.regions = regions.name
        self.machine = Qemu(directory.name, "web")
        self.addCleanup(self.machine.end)
        self.daemon = Daemon(self.program, directory.name, {"web": self.machine.monitor},
                             self.regions)
        self.addCleanup(self.daemon.end)
        with self.client() as client:
            self.attach(client, "first")  # makes what is made once
        self.settle()

    def client(self):
        return Client(self.daemon.socket, Account(self.daemon.socket))

    @staticmethod
    def attach(client, name):
        return client.call(f"{HOTPLUG}.Attach", {"vm": "web", "name": name, "size": MIB})

    def settle(self):
        """Waits until it has no more open than before, and remembers how much that is."""
        counts = []
        def steady():
            counts.append(self.daemon.descriptors())
            return len(counts) > 5 and len(set(counts[-5:])) == 1
        wait_until(steady, "descriptors that stay")
        self.open = counts[-1]

    def leave(self, spare):
        """Lets it open that many more, or, with None, as many as it likes."""
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        limit = hard if spare is None else self.open + spare
        resource.prlimit(self.daemon.process.pid, resource.RLIMIT_NOFILE, (limit, hard))

    def processor_time(self):
        with open(f"/proc/{self.daemon.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def test_a_call_without_descriptors_is_answered_and_leaves_nothing(self):
        with self.client() as client:
            for spare in (1, 2, 3):  # beside this client's own
                self.leave(spare)
                answer = self.attach(client, f"x{spare}")
                self.leave(None)
                if answer.error:
                    self.assertIn("Too many open files", answer.parameters["message"])
                    self.assertNotIn(f"ivshmemd.x{spare}", self.machine.devices())
                    self.assertFalse(os.path.exists(f"{self.regions}/x{spare}"))
                    self.assertFalse(self.attach(client, f"x{spare}").error)
        shown = self.machine.devices()
        self.assertEqual(shown, {"ivshmemd.first", "ivshmemd.x1", "ivshmemd.x2", "ivshmemd.x3"})

    def test_clients_wait_and_are_served_later(self):
        self.leave(2)
        clients = [Connection(self.daemon.socket) for _ in range(20)]
        for client in clients:
            client.send_object({"method": f"{HOTPLUG}.ListVms"})
        served = clients[0].receive()
        self.assertIn("vms", served.parameters)
        begin, used = time.monotonic(), self.processor_time()
        time.sleep(1)  # what it does with nobody to be served is measured
        used = self.processor_time() - used
        self.assertLess(used, (time.monotonic() - begin) / 2, "it spins")
        self.leave(None)
        for client in clients[1:]:
            self.assertIn("vms", client.receive().parameters)
        for client in clients:
            client.close()
        wait_until(lambda: self.daemon.descriptors() <= self.open, "descriptors to be closed")

    def test_machines_are_found_again(self):
        self.leave(0)
        self.daemon.process.send_signal(0)  # it is there
        self.machine.qmp("stop")
        self.machine.qmp("cont")
        self.leave(None)
        with self.client() as client:
            (vm,) = client.call(f"{HOTPLUG}.ListVms").parameters["vms"]
            self.assertEqual(vm["state"], "connected")
            self.assertFalse(self.attach(client, "second").error)


def main():
    Starved.program, *selected = sys.argv[1:]
    if lacks_root() or not shutil.which(QEMU):
        print("SKIPPED: only root can give a limit back; needs QEMU")
        return SKIPPED
    outcome = unittest.main(argv=[sys.argv[0], *selected], exit=False, verbosity=2).result
    return 0 if outcome.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
