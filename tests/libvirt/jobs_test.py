#!/usr/bin/env python3
"""What libvirt's own jobs do to a domain with devices that it does not know of: a migration, a
snapshot, a hotplug.

usage: jobs_test.py DAEMON CLIENT DOORBELL BRIDGE [unittest arguments]
"""

import contextlib
import os
import subprocess
import sys
import tempfile

from libvirt_test import BOOT, SHMEM, LibvirtTest, World, main, wait_until, write
from private_libvirtd import Libvirtd

PEER = "Migration is disabled when using feature 'peer mode' in device 'ivshmem'"
MASTER = "Unknown ramblock"  # of the QEMU that has no such device
OTHER_HOST = "8bd57e60-0000-4000-8000-000000000002"


def log_of(libvirtd):
    """What QEMU said; of its end virsh of libvirt 9 tells that, and of libvirt 11 does not."""
    with open(f"{libvirtd.directory}/log/libvirt/qemu/web.log", encoding="utf-8",
              errors="replace") as text:
        return text.read()


class JobTest(LibvirtTest):
    def virsh(self, status, *arguments):
        done = self.libvirtd.virsh(*arguments, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def without_peers(self, *arguments):
        """virsh while all devices are out."""
        done = subprocess.run(
            self.client("without-peers", "web", "--masters", "--timeout", str(BOOT), "--", "virsh",
                        "-q", "-c", self.libvirtd.uri, *arguments),
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=600)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def attach(self, name, role):
        self.ctl(0, "attach", "web", name, "--size", "1M", "--role", role)

    def assert_unharmed(self, *names):
        self.assertEqual(self.virsh(0, "domstate", "web").strip(), "running")
        self.wait_connected("web")
        self.assertEqual({name: each["state"] for name, each in self.devices("web").items()},
                         {name: "attached" for name in names})


class Migration(JobTest):
    @classmethod
    def setUpClass(cls):
        stack = contextlib.ExitStack()
        cls.addClassCleanup(stack.close)
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="ivshmemd-l-"))
        cls.there = Libvirtd(directory, stack, OTHER_HOST)

    def migrate(self):
        return ("migrate", "--live", "web", self.there.uri, "tcp:127.0.0.1")

    def assert_not_there(self):
        self.assertEqual(self.there.virsh("list", "--all", "--name").stdout.strip(), "")

    def test_is_refused_with_a_peer_and_fails_with_a_master(self):
        self.start("web", guest=False)
        self.wait_connected("web")
        self.attach("m", "master")
        with open(f"{World.regions}/m", "r+b") as region:
            region.write(b"kept")
        self.attach("p", "peer")
        self.assertIn(PEER, self.virsh(1, *self.migrate()))
        self.assert_unharmed("m", "p")
        self.assert_not_there()

        self.ctl(7, "detach", "web", "p", "--no-wait")
        self.virsh(0, "reset", "web")
        wait_until(lambda: set(self.devices("web")) == {"m"}, "p to leave", BOOT)
        # Which of the two comes to its end first is chance.
        self.assertRegex(self.virsh(1, *self.migrate()), f"job 'migration out'|{MASTER}")
        self.assert_unharmed("m")
        self.assert_not_there()
        with open(f"{World.regions}/m", "rb") as region:
            self.assertEqual(region.read(4), b"kept")
        self.assertIn(MASTER, log_of(self.there))

    def test_inside_without_peers_arrives_and_keeps_what_is_out(self):
        console = self.start_guest("web", "pc")
        self.addCleanup(self.there.virsh, "destroy", "web", check=False)
        self.attach("m", "master")
        self.attach("p", "peer")
        self.without_peers(*self.migrate())
        console.socket.close()
        self.assertEqual(self.there.virsh("domstate", "web").stdout.strip(), "running")
        self.assertEqual(self.there_has("web"), set())
        wait_until(lambda: "web" not in self.vms(), "the domain to have left", BOOT)

    def there_has(self, vm):
        """The ivshmem devices of the QEMU at the destination."""
        listed = self.there.qmp(vm, "qom-list", path="/machine/peripheral")["return"]
        return {each["name"] for each in listed if "ivshmem" in each["type"]}

    def test_takes_a_master_along_that_libvirt_xml_made_permanent(self):
        self.start("web", guest=False)
        self.addCleanup(self.there.virsh, "destroy", "web", check=False)
        self.wait_connected("web")
        self.attach("m", "master")
        xml = subprocess.run(self.client("libvirt-xml", "web"), capture_output=True, text=True,
                             check=True).stdout
        for command in ("destroy", "undefine"):
            self.virsh(0, command, "web")
        wait_until(lambda: "web" not in self.vms(), "the domain to go", BOOT)
        self.start("web", guest=False, more=xml)
        self.wait_connected("web")
        self.ctl(0, "can-migrate", "web")
        self.virsh(0, *self.migrate())
        self.assertEqual(self.there.virsh("domstate", "web").stdout.strip(), "running")
        self.assertEqual(self.there_has("web"), {"ivshmemd.m"})


class Snapshot(JobTest):
    def take(self, name):
        return ("snapshot-create-as", "web", name, "--no-metadata", "--memspec",
                f"file={World.directory}/{name}.mem,snapshot=external")

    def test_with_memory_needs_the_devices_out(self):
        self.start_guest("web", "pc")
        self.attach("m", "master")
        self.virsh(0, *self.take("master"))
        self.assert_unharmed("m")
        self.attach("p", "peer")
        self.assertIn(PEER, self.virsh(1, *self.take("peer")))
        self.assert_unharmed("m", "p")
        self.without_peers(*self.take("none"))
        self.assert_unharmed("m", "p")

        self.virsh(0, "destroy", "web")
        wait_until(lambda: "web" not in self.vms(), "the domain to go", BOOT)
        said_before = len(log_of(self.libvirtd))
        self.virsh(1, "restore", f"{World.directory}/master.mem")
        self.assertIn(MASTER, log_of(self.libvirtd)[said_before:])
        self.assertEqual(self.virsh(0, "domstate", "web").strip(), "shut off")
        self.virsh(0, "restore", f"{World.directory}/none.mem")
        self.wait_connected("web")
        self.assertEqual(self.devices("web"), {})


class Slot(JobTest):
    def live(self, status, name, address=""):
        path = f"{World.directory}/shmem.xml"
        write(path, SHMEM.format(name=name).replace("</shmem>", address + "</shmem>"))
        self.addCleanup(self.remove_memory, f"/dev/shm/{name}")
        return self.virsh(status, "attach-device", "web", path, "--live")

    @staticmethod
    def remove_memory(path):
        """Which libvirt leaves."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)

    def test_of_ours_that_libvirt_would_take_next_is_told_and_free_later(self):
        self.start("web", guest=False)
        self.wait_connected("web")
        self.ctl(0, "attach", "web", "ours", "--size", "1M", "--slot", "2")
        self.assertIn("slot 2 function 0 not available for ivshmem-plain, in use by "
                      "ivshmem-plain,id=ivshmemd.ours", self.live(1, "lv-slot"))
        self.assertEqual(self.qemu_devices("web"), {"ivshmemd.ours"})
        self.live(0, "lv-slot-9", "<address type='pci' domain='0' bus='0' slot='9' function='0'/>")
        self.ctl(7, "detach", "web", "ours", "--no-wait")
        self.virsh(0, "reset", "web")
        wait_until(lambda: "ours" not in self.devices("web"), "ours to leave", BOOT)
        self.live(0, "lv-slot")
        slots = {each["slot"] for each in self.devices("web").values()}
        self.assertEqual(slots, {2, 9})


if __name__ == "__main__":
    sys.exit(main())
