#!/usr/bin/env python3
"""ivshmemctl -H, migrate --to and without-peers --to, between two hosts by the real ssh and sshd.

usage: hosts_test.py DAEMON CLIENT [unittest arguments]
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import unittest

from two_hosts import TwoHosts, wait_until, what_is_missing

from guest_console import BOOT, GUEST, KERNEL, Console  # noqa: E402: beside two_hosts' path
from machines import QEMU, Qemu, die_with_parent  # noqa: E402

SKIPPED = 77
MIB = 1 << 20
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


class Moving(HostsTest):
    URI = "tcp:10.89.0.2:4444"

    def start_machine(self, host, *arguments):
        machine = Qemu(host.directory, "web", "-S", "-m", "192M", "-kernel", f"{GUEST}/vmlinuz",
                       "-initrd", f"{GUEST}/initramfs.cpio", "-append", KERNEL, "-serial",
                       f"unix:{host.directory}/web.serial,server=on,wait=off", *arguments,
                       launcher=host.inside)
        self.addCleanup(self.end_machine, machine)
        console = Console(f"{host.directory}/web.serial")
        self.addCleanup(console.socket.close)
        return machine, console

    def end_machine(self, machine):
        """Neither host has the machine of another test."""
        machine.end()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(machine.monitor)
        for at in ((), ("-H", "host2")):
            wait_until(lambda at=at: machine.monitor not in [
                each["qmpSocket"] for each in self.ctl(0, *at, "vms")[0]["vms"]],
                "the machine to be forgotten", BOOT)

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
        # Of every QEMU 9 or later without KVM, which these are.
        told = [each for each in answer["parameters"]["reasons"]
                if "QEMU 9 and later without KVM" not in each["text"]]
        self.assertEqual(len(told), len(reasons), text)
        for reason in reasons:
            self.assertIn(reason, text)
        self.assertEqual(self.devices(), before)

    def start_source(self):
        """A guest on the first host with a master and two peers."""
        self.addCleanup(self.clear_regions)
        source, console = self.start_machine(self.world.host1)
        source.qmp("cont")
        self.wait_connected()
        console.read_until("GUEST-READY\n")
        for name, role in (("m", "master"), ("p1", "peer"), ("p2", "peer")):
            self.ctl(0, "attach", "web", name, "--size", "1M", "--role", role)
        console.run(f"shm -d {self.address('m')} write 64 carried")
        return source, console

    def start_target(self):
        """A QEMU on the second host that waits for it."""
        arguments = self.ctl(0, "qemu-args", "web")[0]["arguments"]
        target, there = self.start_machine(self.world.host2, "-incoming", self.URI, *arguments)
        target.qmp("cont")  # once it has come
        self.wait_connected("-H", "host2")
        return target, there

    def clear_regions(self):
        for host in (self.world.host1, self.world.host2):
            for name in ("m", "p1", "p2"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(host.path(f"/dev/shm/{name}"))

    def write_region(self, size, content=b""):
        """p1 of the second host, as programs there have it."""
        with open(self.world.host2.path("/dev/shm/p1"), "wb") as region:
            region.write(content)
            region.truncate(size)

    def test_takes_one_command_for_a_guest_with_a_master_and_two_peers(self):
        host2 = self.world.host2
        source, console = self.start_source()
        console.run(f"shm -d {self.address('p1')} write 0 of-one")

        self.refuse_to_move("the daemon on host2 looks after no VM web")
        self.write_region(2 * MIB)
        target, _ = self.start_machine(host2)
        self.wait_connected("-H", "host2")
        self.refuse_to_move("waits for no migration", "has no such device in")
        self.end_machine(target)

        self.write_region(MIB, b"of-two")
        target, there = self.start_target()
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

    def run_held(self, meanwhile):
        """without-peers --to on the first host, whose command lasts as long as `meanwhile`."""
        fifo = f"{self.directory}/fifo"
        if not os.path.exists(fifo):
            os.mkfifo(fifo)
        world = self.world
        held = subprocess.Popen(
            [*world.host1.inside, world.client, "without-peers", "web", "--to", "host2", "--", "sh",
             "-c", 'echo it runs; read code < "$0"; exit $code', fifo],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=die_with_parent)
        if held.stdout.readline() == "it runs\n":
            meanwhile()
            with open(fifo, "w", encoding="ascii") as file:
                file.write("0\n")
        _, text = held.communicate(timeout=BOOT)
        return held.returncode, text

    def end_migration(self, source):
        """By another program, as far as the daemon knows."""
        source.qmp("migrate", uri=self.URI)
        wait_until(lambda: source.qmp("query-migrate").get("status") == "completed",
                   "the migration", BOOT)

    def test_may_be_done_by_another_program(self):
        at = ("-H", "host2")
        source, _ = self.start_source()
        before = self.devices()
        other, _ = self.start_machine(self.world.host2)
        self.wait_connected(*at)
        code, text = self.run_held(lambda: None)
        self.assertEqual(code, 1)
        self.assertIn("waits for no migration", text)
        self.assertEqual(self.devices(), before)
        self.end_machine(other)

        self.write_region(MIB, b"of-two")
        _, there = self.start_target()

        def move_and_spoil():
            self.end_migration(source)
            self.write_region(2 * MIB)

        code, text = self.run_held(move_and_spoil)
        self.assertEqual(code, 6, text)  # of the replug: the command's was 0
        self.assertIn("VM web has left, and p1, p2 could not all be plugged in on host2", text)
        holds = self.ctl(0, "list")[0]["holds"]
        self.assertEqual([each["phase"] for each in holds], ["out"])
        finishing = text.rsplit("\n  ", 1)[1].strip()
        self.write_region(MIB, b"of-two")
        finished = self.world.host1.run(
            "env", f"PATH={os.path.dirname(self.world.client)}:/usr/bin:/bin", "sh", "-c", finishing)
        self.assertEqual(finished.returncode, 0, finished.stderr)
        self.assertEqual(set(self.devices(*at)), {"m", "p1", "p2"})
        self.assertEqual(there.run(f"shm -d {self.address('p1', *at)} read 0 6"), "of-two")
        self.assertEqual({each["name"] for each in
                          self.ctl(0, "replug", "web", "--forget")[0]["forgotten"]}, {"p1", "p2"})
        self.assertNotIn("holds", self.ctl(0, "list")[0])

    def test_by_another_program_ends_with_the_peers_there(self):
        at = ("-H", "host2")
        source, _ = self.start_source()
        _, there = self.start_target()
        code, text = self.run_held(lambda: self.end_migration(source))
        self.assertEqual(code, 0, text)
        self.assertEqual(text.splitlines()[-1], "ivshmemctl: plugged in again on host2: p1, p2")
        self.assertEqual(set(self.devices(*at)), {"m", "p1", "p2"})
        self.assertEqual(there.run(f"shm -d {self.address('m', *at)} read 64 7"), "carried")
        self.assertNotIn("holds", self.ctl(0, "list")[0])


if __name__ == "__main__":
    PROGRAMS = tuple(os.path.abspath(path) for path in sys.argv[1:3])
    missing = what_is_missing()
    if not missing and not os.path.exists(f"{GUEST}/vmlinuz"):
        missing = f"there is no guest in {GUEST}"
    if missing:
        print(f"skipped: {missing}")
        sys.exit(SKIPPED)
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
