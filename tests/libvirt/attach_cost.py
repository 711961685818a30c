#!/usr/bin/env python3
"""What an attach through libvirt costs beside libvirt's own, both as calls on an open connection.

usage: attach_cost.py DAEMON CLIENT DOORBELL BRIDGE [ROUNDS]; needs the package python3-libvirt
"""

import contextlib
import os
import statistics
import sys
import time

import libvirt_test
from private_libvirtd import wait_until

sys.path.append("/usr/lib/python3/dist-packages")
import libvirt  # noqa: E402: Debian's

from varlink_client import Account, Client  # noqa: E402: beside private_libvirtd's path

ATTACH = "io.ivshmemd.Hotplug.Attach"


def timed(action):
    begun = time.perf_counter()
    action()
    return (time.perf_counter() - begun) * 1000


class Cost:
    def __init__(self, world):
        self.world, self.libvirtd = world, world.libvirtd
        self.domain = libvirt.open(self.libvirtd.uri).lookupByName("web")
        self.client = Client(world.daemon.socket, Account(world.daemon.socket))

    def ours(self):
        reply = self.client.call(ATTACH, {"vm": "web", "name": "ours", "size": 1 << 20})
        if reply.error:
            raise RuntimeError(reply)

    def theirs(self):
        self.domain.attachDeviceFlags(libvirt_test.SHMEM.format(name="lv-cost"),
                                      libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def take_out(self):
        """With a reset: there is no guest to ask."""
        for name in self.listed():
            self.libvirtd.qmp("web", "device_del", id=name)
        self.domain.reset()
        wait_until(lambda: not self.listed(), "both devices to go")

        def is_settled():
            reply = self.client.call("io.ivshmemd.Hotplug.ListDevices", {"vm": "web"})
            return not reply.error and not reply.parameters["devices"]

        wait_until(is_settled, "the daemon to know")

    def listed(self):
        devices = self.libvirtd.qmp("web", "qom-list", path="/machine/peripheral")["return"]
        return [each["name"] for each in devices if "ivshmem" in each["type"]]


def main():
    libvirt_test.World.programs = tuple(os.path.abspath(path) for path in sys.argv[1:5])
    rounds = int(sys.argv[5]) if len(sys.argv) > 5 else 40
    with contextlib.ExitStack() as stack:
        world = libvirt_test.World
        world.build(stack)
        world.libvirtd.start_domain("web", guest=False)
        wait_until(lambda: world.bridge.serves("web"), "the bridge", 60)
        time.sleep(2)  # a quiet start
        cost = Cost(world)
        ours, theirs = [], []
        for _ in range(rounds):
            theirs.append(timed(cost.theirs))
            ours.append(timed(cost.ours))
            cost.take_out()
        for name, times in (("ivshmemd", ours), ("virDomainAttachDeviceFlags", theirs)):
            print(f"{name}: median {statistics.median(times):.1f} ms, "
                  f"of {rounds}, least {min(times):.1f}, most {max(times):.1f}")
        print(f"ratio {statistics.median(ours) / statistics.median(theirs):.2f}")
        world.libvirtd.virsh("destroy", "web")
        os.unlink("/dev/shm/lv-cost")  # libvirt leaves it


if __name__ == "__main__":
    main()
