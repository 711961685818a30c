#!/usr/bin/env python3
"""ivshmemd on a monitor of its own beside Proxmox' tools on theirs.

A script plays those: it sends what `qm` and `pvestatd` send, one connection for each command, to a
machine with Proxmox' bridges and slots.

usage: proxmox_test.py DAEMON [unittest arguments]
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

from machines import QEMU, Daemon, die_with_parent, region_directory
from varlink_client import Account, Client, wait_until

HOTPLUG = "io.ivshmemd.Hotplug"
SKIPPED = 77
MIB = 1 << 20
QM_PATIENCE = 5  # seconds that it waits for most answers
# Its own ivshmem device has no id, and each of its devices a certain slot.
BOARD = ("-device", "pci-bridge,id=pci.1,chassis_nr=1,bus=pci.0,addr=0x1e",
         "-device", "pci-bridge,id=pci.2,chassis_nr=2,bus=pci.0,addr=0x1f",
         "-device", "virtio-balloon-pci,id=balloon0,bus=pci.0,addr=0x3",
         "-device", "ivshmem-plain,memdev=ivshmem,bus=pci.2,addr=0xb")


class Qm:
    """Proxmox' tools: each command has a connection, and nothing is kept."""

    def __init__(self, path):
        self.path = path
        self.number = 0

    def connect(self):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(QM_PATIENCE)
        connection.connect(self.path)
        return connection

    def say(self, connection, lines, command, arguments):
        """Sends without waiting for a greeting; what is no answer to it is passed over."""
        self.number += 1
        number = f"{os.getpid()}:{self.number}"
        request = {"execute": command, "arguments": arguments, "id": number}
        connection.sendall(json.dumps(request).encode())
        while True:
            line = lines.readline()
            if not line:
                raise EOFError("the monitor hung up")
            message = json.loads(line)
            if message.get("id") == number:
                return message

    def command(self, command, **arguments):
        with self.connect() as connection, connection.makefile("r") as lines:
            self.say(connection, lines, "qmp_capabilities", {})
            return self.say(connection, lines, command, arguments)

    def ask(self, command, **arguments):
        answer = self.command(command, **arguments)
        if "error" in answer:
            raise RuntimeError(f"{command}: {answer['error']['desc']}")
        return answer["return"]

    def hmp(self, line):
        """As it plugs devices in and out; silence is success."""
        said = self.ask("human-monitor-command", **{"command-line": line})
        if said.strip():
            raise RuntimeError(said)

    def devices(self):
        """What it looks at after each hotplug: the ids on all buses."""
        found = set()
        for bus in self.ask("query-pci"):
            for device in bus["devices"]:
                behind = device.get("pci_bridge", {}).get("devices", [])
                found |= {each["qdev_id"] for each in (device, *behind)}
        self.ask("query-block")
        self.ask("query-mice")
        return found - {""}

    def look(self):
        """A round of pvestatd."""
        self.ask("query-version")
        self.ask("query-blockstats")
        self.ask("query-balloon")
        status = self.ask("query-status")["status"]
        assert self.command("query-proxmox-support")["error"]["class"] == "CommandNotFound"
        return status

    def plug_net(self, name, slot):
        self.ask("netdev_add", type="hubport", id=name, hubid=0)
        self.hmp(f"device_add driver=virtio-net-pci,id={name},bus=pci.0,addr={slot:#x},"
                 f"netdev={name}")

    def reset(self):
        self.ask("system_reset")


class Rounds(threading.Thread):
    """pvestatd, without a pause."""

    def __init__(self, qm):
        super().__init__()
        self.qm, self.over, self.seen, self.fault = qm, threading.Event(), [], None

    def run(self):
        try:
            while not self.over.is_set():
                self.seen.append(self.qm.look())
        except Exception as fault:  # pylint: disable=broad-except; told by the test
            self.fault = fault


class BesideProxmox(unittest.TestCase):
    program = None

    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        directory = tempfile.TemporaryDirectory(prefix="ivshmemd-pve-")
        self.directory = self.stack.enter_context(directory)
        self.regions = self.stack.enter_context(region_directory())
        self.qm = Qm(f"{self.directory}/100.qmp")
        self.start_machine()

    def start_machine(self):
        memory = f"{self.regions}/pve-shm-100"
        command = [QEMU, "-name", "vm", "-machine", "pc,accel=tcg", "-m", "64M", "-nodefaults",
                   "-display", "none", "-chardev",
                   f"socket,id=qmp,path={self.qm.path},server=on,wait=off", "-mon",
                   "chardev=qmp,mode=control", "-object",
                   f"memory-backend-file,id=ivshmem,share=on,mem-path={memory},size=1M", *BOARD,
                   # args:
                   "-qmp", f"unix:{self.directory}/web.qmp,server=on,wait=off"]
        process = subprocess.Popen(command, preexec_fn=die_with_parent)
        self.stack.callback(process.wait)
        self.stack.callback(process.kill)
        wait_until(lambda: os.path.exists(f"{self.directory}/web.qmp"), "the machine's monitors")

    def start_daemon(self, monitor):
        daemon = Daemon(self.program, self.directory, {"web": monitor}, self.regions)
        self.stack.callback(lambda: daemon.process.poll() is None and daemon.end())
        self.client = self.stack.enter_context(Client(daemon.socket, Account(daemon.socket)))
        return daemon

    def ask(self, method, **parameters):
        reply = self.client.call(f"{HOTPLUG}.{method}", parameters)
        self.assertEqual(reply.error, "", reply)
        return reply.parameters

    def state(self):
        return self.ask("ListVms")["vms"][0]["state"]

    def wait_state(self, state):
        wait_until(lambda: self.state() == state, f"the machine to be {state}")

    def devices(self):
        return {each["name"]: each for each in self.ask("ListDevices", vm="web")["devices"]}

    def detach(self, name):
        """With the reset that lets a device go where no guest does."""
        self.ask("Detach", vm="web", name=name, timeoutMs=0)
        self.qm.reset()
        wait_until(lambda: name not in self.devices(), f"{name} to leave")

    def test_both_change_the_machine_and_neither_what_is_the_others(self):
        self.start_daemon(f"{self.directory}/web.qmp")
        self.wait_state("connected")
        theirs = [each for each in self.devices().values() if each["origin"] == "foreign"]
        self.assertEqual([each["region"] for each in theirs], ["pve-shm-100"])
        rounds = Rounds(self.qm)
        rounds.start()
        try:
            self.change_both()
        finally:
            rounds.over.set()
            rounds.join()
        self.assertIsNone(rounds.fault)
        self.assertGreater(len(rounds.seen), 3)
        self.assertEqual(set(rounds.seen), {"running"})
        self.assertEqual([each["origin"] for each in self.devices().values()], ["foreign"])

    def change_both(self):
        for number in range(3):
            device = self.ask("Attach", vm="web", name=f"shm{number}", size=MIB)["device"]
            self.assertEqual(device["slot"], 29 - number, "below its bridges")
        self.qm.plug_net("net0", 0x12)
        self.assertLessEqual({"net0", "ivshmemd.shm0", "ivshmemd.shm1"}, self.qm.devices())
        self.detach("shm1")
        self.assertIn("net0", self.qm.devices())
        self.qm.hmp("device_del net0")
        self.qm.reset()
        wait_until(lambda: "net0" not in self.qm.devices(), "net0 to leave")
        self.qm.ask("netdev_del", id="net0")
        self.assertEqual(set(self.devices()) & {"shm0", "shm1", "shm2"}, {"shm0", "shm2"})
        for name in ("shm0", "shm2"):
            self.detach(name)

    def test_a_device_in_a_slot_of_theirs_makes_their_hotplug_fail_and_no_more(self):
        self.start_daemon(f"{self.directory}/web.qmp")
        self.wait_state("connected")
        self.ask("Attach", vm="web", name="shm0", size=MIB, bus="pci.0", slot=0x17)
        self.qm.ask("netdev_add", type="hubport", id="net5", hubid=0)
        line = "device_add driver=virtio-net-pci,id=net5,bus=pci.0,addr=0x17,netdev=net5"
        with self.assertRaisesRegex(RuntimeError, "in use by ivshmem-plain,id=ivshmemd.shm0"):
            self.qm.hmp(line)
        self.detach("shm0")
        self.qm.hmp(line)
        self.assertIn("net5", self.qm.devices())

    def test_on_their_monitor_the_daemon_waits_and_then_they_do(self):
        with self.qm.connect() as first:
            self.assertIn(b"QMP", first.recv(4096))
            daemon = self.start_daemon(self.qm.path)
            self.wait_state("busy")
            told = self.ask("ListVms")["vms"][0]["lastError"]
            self.assertIn("another client", told)
        self.wait_state("connected")
        self.ask("Attach", vm="web", name="shm0", size=MIB)
        with self.qm.connect() as waiting:
            waiting.settimeout(1)
            with self.assertRaises(TimeoutError):
                waiting.recv(1)
            daemon.end()
            waiting.settimeout(QM_PATIENCE)
            self.assertIn(b"QMP", waiting.recv(4096))
        self.assertIn("ivshmemd.shm0", self.qm.devices())


if __name__ == "__main__":
    if not shutil.which(QEMU) and "IVSHMEMD_REQUIRE_QEMU" not in os.environ:
        print("no QEMU: ./dev setup")
        sys.exit(SKIPPED)
    BesideProxmox.program = sys.argv[1]
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
