#!/usr/bin/env python3
"""ivshmemctl -H and migrate --to, between two hosts by the real ssh and sshd.

usage: hosts_test.py DAEMON CLIENT [unittest arguments]
"""

import contextlib
import json
import os
import socket
import sys
import tempfile
import unittest

from two_hosts import TwoHosts, wait_until, what_is_missing

from machines import QEMU, Qemu  # noqa: E402: beside two_hosts' path

SKIPPED = 77
GUEST = os.environ.get("IVSHMEMD_GUEST_DIR", os.path.expanduser("~/.cache/ivshmemd/guest"))
KERNEL = ("console=ttyS0 no_timer_check tsc=unstable quiet panic=-1 rdinit=/init "
          "cryptomgr.notests ipv6.disable=1 audit=0 apparmor=0")
MIB = 1 << 20
BOOT = 180  # seconds; a busy host has other things to do
PROGRAMS = ()


class Console:
    """The guest's serial line: what runs there is in tests/support/guest/init."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(BOOT)
        wait_until(lambda: self.socket.connect_ex(path) == 0, "the serial line")
        self.text, self.number = "", 0

    def read_until(self, mark):
        while mark not in self.text:
            received = self.socket.recv(4096)
            if not received:
                raise RuntimeError(f"the guest said no '{mark}': {self.text}")
            self.text += received.decode(errors="replace").replace("\r", "")
        before, _, self.text = self.text.partition(mark)
        return before

    def run(self, command):
        """The output of a command that has to succeed."""
        self.number += 1
        self.socket.sendall(f"{self.number} {command}\n".encode())
        output = self.read_until(f"\nEND {self.number} ")
        status = self.read_until("\n")
        if status != "0":
            raise RuntimeError(f"{command}: {status}: {output}")
        return output.strip("\n")


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


class Moving(HostsTest):
    URI = "tcp:10.89.0.2:4444"

    def start_machine(self, host, *arguments):
        machine = Qemu(host.directory, "web", "-S", "-m", "192M", "-kernel", f"{GUEST}/vmlinuz",
                       "-initrd", f"{GUEST}/initramfs.cpio", "-append", KERNEL, "-serial",
                       f"unix:{host.directory}/web.serial,server=on,wait=off", *arguments,
                       launcher=host.inside)
        self.addCleanup(machine.end)
        console = Console(f"{host.directory}/web.serial")
        self.addCleanup(console.socket.close)
        return machine, console

    def wait_connected(self, *at):
        wait_until(lambda: [each["state"] for each in self.ctl(0, *at, "vms")[0]["vms"]] ==
                   ["connected"], "the VM to be connected", BOOT)

    def devices(self, *at):
        return {each["name"]: each for each in self.ctl(0, *at, "list", "web")[0]["devices"]}

    def address(self, name, *at):
        wait_until(lambda: self.devices(*at)[name]["guestMapped"], f"{name} in the guest", BOOT)
        return self.devices(*at)[name]["guestAddress"]

    def refuse_to_move(self, *reasons):
        before = self.devices()
        answer, text = self.ctl(1, "migrate", "web", self.URI, "--detach-peers", "--to", "host2")
        self.assertEqual(answer["error"], "MigrationBlocked")
        self.assertEqual(len(answer["parameters"]["reasons"]), len(reasons), text)
        for reason in reasons:
            self.assertIn(reason, text)
        self.assertEqual(self.devices(), before)

    def test_takes_one_command_for_a_guest_with_a_master_and_two_peers(self):
        host2 = self.world.host2
        source, console = self.start_machine(self.world.host1)
        source.qmp("cont")
        self.wait_connected()
        console.read_until("GUEST-READY\n")
        for name, role in (("m", "master"), ("p1", "peer"), ("p2", "peer")):
            self.ctl(0, "attach", "web", name, "--size", "1M", "--role", role)
        console.run(f"shm -d {self.address('m')} write 64 carried")
        console.run(f"shm -d {self.address('p1')} write 0 of-one")

        self.refuse_to_move("the daemon on host2 looks after no VM web")
        with open(host2.path("/dev/shm/p1"), "wb") as region:
            region.truncate(2 * MIB)
        target, _ = self.start_machine(host2)
        self.wait_connected("-H", "host2")
        self.refuse_to_move("waits for no migration", "has no such device in")
        target.end()
        os.unlink(f"{host2.directory}/web.qmp")

        with open(host2.path("/dev/shm/p1"), "wb") as region:
            region.write(b"of-two")
            region.truncate(MIB)
        arguments = self.ctl(0, "qemu-args", "web")[0]["arguments"]
        target, there = self.start_machine(host2, "-incoming", self.URI, *arguments)
        target.qmp("cont")  # once it has come
        self.wait_connected("-H", "host2")
        answer, _ = self.ctl(0, "migrate", "web", self.URI, "--detach-peers", "--to", "root@host2",
                             *(("--force",) if source.version >= (9, 0) else ()))
        self.assertEqual(answer["status"], "completed")
        self.assertEqual({each["name"] for each in answer["devices"]}, {"p1", "p2"})

        at = ("-H", "host2")
        self.assertEqual(set(self.devices(*at)), {"m", "p1", "p2"})
        self.assertEqual(there.run(f"shm -d {self.address('m', *at)} read 64 7"), "carried")
        p1 = self.address("p1", *at)
        self.assertEqual(there.run(f"shm -d {p1} read 0 6"), "of-two")
        there.run(f"shm -d {p1} write 6 -again")
        with open(host2.path("/dev/shm/p1"), "rb") as region:
            self.assertEqual(region.read(12), b"of-two-again")
        with open(self.world.host1.path("/dev/shm/p1"), "rb") as region:
            self.assertEqual(region.read(6), b"of-one")


if __name__ == "__main__":
    PROGRAMS = tuple(os.path.abspath(path) for path in sys.argv[1:3])
    missing = what_is_missing()
    if not missing and not os.path.exists(f"{GUEST}/vmlinuz"):
        missing = f"there is no guest in {GUEST}"
    if missing:
        print(f"skipped: {missing}")
        sys.exit(SKIPPED)
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
