#!/usr/bin/env python3
"""The fields of what the daemon writes to the journal, and its plain lines without one.

The journal is this test's own, in a mount namespace of its own, so only root can run it.
usage: journal_test.py SOURCE-DIRECTORY DAEMON [unittest arguments]
"""

import os
import re
import shutil
import socket
import struct
import sys
import tempfile
import time
import unittest

from manager import PATIENCE, Account, Client, NotifySocket, Service
from machines import QEMU, Qemu, region_directory
from root import lacks_root
from sandbox import CLONE_NEWNS, MS_REC, MS_SLAVE, checked, libc, mount

HOTPLUG = "io.ivshmemd.Hotplug"
MIB = 1 << 20
SKIPPED = 77
WARNING, INFO, DEBUG = "4", "6", "7"


def parse(entry):
    """The fields of an entry in the journal's native protocol."""
    fields = {}
    while entry:
        line, _, entry = entry.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:  # the value is binary: its length comes first
            (length,) = struct.unpack_from("<Q", entry)
            value, entry = entry[8:8 + length], entry[8 + length + 1:]
        fields[name.decode()] = value.decode()
    return fields


class Journal:
    """What stands at the journal's socket. Keeps every entry."""

    def __init__(self):
        os.makedirs("/run/systemd", exist_ok=True)
        mount("tmpfs", "/run/systemd", "tmpfs", 0)
        os.mkdir("/run/systemd/journal")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("/run/systemd/journal/socket")
        self.entries = []

    def take_all(self):
        """What is there by now."""
        taken = []
        self.socket.settimeout(0)
        try:
            while True:
                taken.append(parse(self.socket.recv(1 << 18)))
        except BlockingIOError:
            return taken

    def wait(self, **wanted):
        """The first entry with these fields, taken or still to come; None in vain."""
        end = time.monotonic() + PATIENCE
        looked_at = 0
        while True:
            for entry in self.entries[looked_at:]:
                looked_at += 1
                if wanted.items() <= entry.items():
                    return entry
            self.socket.settimeout(max(0.001, end - time.monotonic()))
            try:
                self.entries.append(parse(self.socket.recv(1 << 18)))
            except TimeoutError:
                return None


class Logging(unittest.TestCase):
    source = program = journal = None

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="ivshmemd-journal-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.journal.entries.clear()
        self.notify = NotifySocket(f"{self.directory}/notify")
        self.addCleanup(self.notify.close)
        regions = region_directory()
        self.addCleanup(regions.cleanup)
        self.regions = regions.name

    def start(self, stream=None, to=None):
        """`stream` is what systemd says of standard error; the truth by default."""
        with open(to or f"{self.directory}/log", "w", encoding="utf-8") as log:
            file = os.fstat(log.fileno())
            service = Service([self.program, "--config", "/dev/null",
                               "--socket", f"{self.directory}/api.sock",
                               "--state-dir", f"{self.directory}/state",
                               "--region-dir", self.regions, "--log-level", "debug",
                               "--vm", f"web={self.directory}/web.qmp"], self.notify,
                              {"JOURNAL_STREAM": stream or f"{file.st_dev}:{file.st_ino}"}, log)
        self.addCleanup(service.end)
        self.assertIsNotNone(self.notify.wait("READY="))
        return service

    def refuse(self, times):
        """Has it log so many refusals, each of which is answered."""
        with Client(f"{self.directory}/api.sock", Account(f"{self.directory}/api.sock")) as client:
            for _ in range(times):
                refused = client.call(f"{HOTPLUG}.Attach", {"vm": "nobody", "name": "x", "size": 5})
                self.assertEqual(refused.error, f"{HOTPLUG}.NoSuchVm")

    def log(self):
        with open(f"{self.directory}/log", encoding="utf-8") as file:
            return file.read()

    def expect(self, message, **wanted):
        entry = self.journal.wait(MESSAGE=message, **wanted)
        self.assertIsNotNone(entry, f"no {message!r} with {wanted}: {self.journal.entries}")
        self.assertEqual(entry["SYSLOG_IDENTIFIER"], os.path.basename(self.program))
        return entry

    def test_events_have_ids_and_name_vm_device_and_region(self):
        machine = Qemu(self.directory, "web")
        self.addCleanup(machine.end)
        self.start()
        connected = self.expect("web: state connected", VM="web", PRIORITY=INFO)
        with Client(f"{self.directory}/api.sock", Account(f"{self.directory}/api.sock")) as client:
            client.call(f"{HOTPLUG}.Attach",
                        {"vm": "web", "name": "shm0", "size": MIB, "region": "cache"})
        ids = {connected["MESSAGE_ID"]}
        for message in ("web: attaching shm0", "web: attached shm0: ivshmem-plain"):
            ids.add(self.expect(message, VM="web", DEVICE="shm0", REGION="cache",
                                PRIORITY=INFO)["MESSAGE_ID"])
        with Client(f"{self.directory}/api.sock", Account(f"{self.directory}/api.sock")) as client:
            client.call(f"{HOTPLUG}.Detach", {"vm": "web", "name": "shm0", "timeoutMs": 0})
            machine.reset()  # a machine without a system lets go of it now
        for message in ("web: detaching shm0", "web: detached shm0"):
            ids.add(self.expect(message, VM="web", DEVICE="shm0", REGION="cache")["MESSAGE_ID"])
        self.assertEqual(len(ids), 5)
        for each in ids:
            self.assertRegex(each, "^[0-9a-f]{32}$")
        self.assertEqual(self.log(), "", "said twice")

    def test_commands_and_refusals_name_the_command(self):
        machine = Qemu(self.directory, "web")
        self.addCleanup(machine.end)
        self.start()
        self.expect("web: state connected")
        with Client(f"{self.directory}/api.sock", Account(f"{self.directory}/api.sock")) as client:
            client.call(f"{HOTPLUG}.Attach", {"vm": "web", "name": "shm0", "size": MIB})
            refused = client.call(f"{HOTPLUG}.Attach", {"vm": "web", "name": "shm1", "size": 5})
        self.assertEqual(refused.error, f"{HOTPLUG}.BadSize")
        for command in ("object-add", "device_add"):
            entry = self.journal.wait(QMP_COMMAND=command, VM="web")
            self.assertIsNotNone(entry, command)
            self.assertEqual(entry["PRIORITY"], DEBUG)
        refusal = self.journal.wait(VM="web", DEVICE="shm1", PRIORITY=INFO)
        self.assertIsNotNone(refusal, self.journal.entries)
        self.assertIn("BadSize", refusal["MESSAGE"])

    def test_a_journal_that_stands_still_stops_nothing(self):
        service = self.start()
        self.refuse(2000)
        self.journal.take_all()
        self.refuse(1)
        lost = [entry["MESSAGE"] for entry in self.journal.take_all()]
        self.assertRegex(lost[0], "^[0-9]+ lines of this log are lost", lost)
        self.assertIn("NoSuchVm", lost[-1])
        self.refuse(2000)
        self.assertEqual(service.stop(), 0)

    def test_a_pipe_that_nobody_reads_stops_nothing(self):
        os.mkfifo(f"{self.directory}/pipe")
        reader = os.open(f"{self.directory}/pipe", os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        service = self.start(stream="1:1", to=f"{self.directory}/pipe")
        self.refuse(2000)
        while len(os.read(reader, 1 << 16)) == 1 << 16:
            pass
        self.refuse(1)
        lines = os.read(reader, 1 << 16).decode().splitlines()
        self.assertTrue(any("lines of this log are lost" in line for line in lines), lines)
        self.refuse(2000)
        self.assertEqual(service.stop(), 0)

    def test_a_pipe_whose_reader_has_ended_stops_nothing(self):
        os.mkfifo(f"{self.directory}/pipe")
        reader = os.open(f"{self.directory}/pipe", os.O_RDONLY | os.O_NONBLOCK)
        service = self.start(stream="1:1", to=f"{self.directory}/pipe")
        os.close(reader)
        self.refuse(10)
        self.assertEqual(service.stop(), 0)

    def test_a_redirected_log_is_plain_lines(self):
        self.start(stream="1:1")
        self.assertIsNotNone(self.notify.wait("STATUS="))
        lines = self.log().splitlines()
        self.assertTrue(lines)
        for line in lines:
            self.assertRegex(line, r"^\d{4}-\d\d-\d\dT[\d:.]{12} [a-z]+: ")
        self.assertEqual(self.journal.entries, [])


def main():
    Logging.source, Logging.program = sys.argv.pop(1), sys.argv.pop(1)
    if lacks_root() or not shutil.which(QEMU):
        print("SKIPPED: only root can put a journal in the place of the host's; needs QEMU")
        sys.exit(SKIPPED)
    checked(libc.unshare(CLONE_NEWNS), "unshare")
    mount("none", "/", "", MS_REC | MS_SLAVE)
    Logging.journal = Journal()
    unittest.main(verbosity=2)


if __name__ == "__main__":
    main()
