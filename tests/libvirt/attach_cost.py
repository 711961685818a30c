#!/usr/bin/env python3
"""What an attach costs beside libvirt's own, all as calls on an open connection, in turns.

usage: attach_cost.py DAEMON CLIENT DOORBELL BRIDGE [--rounds N] [--json FILE]
Needs the package python3-libvirt, and what the test libvirt needs. The rows in FILE are for
tests/bench/table.py.
"""

import argparse
import contextlib
import json
import os
import socket
import sys
import tempfile
import time

import libvirt_test
from equal_machine import EqualMachine
from private_libvirtd import wait_until, what_is_missing

sys.path.append("/usr/lib/python3/dist-packages")
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "bench"))
import libvirt  # noqa: E402: Debian's
import table  # noqa: E402: beside the bench

from guest_console import Console  # noqa: E402: beside private_libvirtd's path
from machines import Daemon  # noqa: E402

API = "io.ivshmemd.Hotplug."
SETTLE = 2  # seconds; a quiet start
PAUSE = 0.05  # seconds, for the guests
GOAL = 3.6  # times as fast as libvirt
BRIDGED_GOAL = 2.0  # of what libvirt takes


class Plain:
    """A client that does no more than it must, as libvirt's does."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)

    def call(self, method, **parameters):
        message = {"method": API + method, "parameters": parameters}
        self.socket.sendall(json.dumps(message).encode() + b"\0")
        reply = b""
        while not reply.endswith(b"\0"):
            received = self.socket.recv(65536)
            if not received:
                raise EOFError("the daemon hung up")
            reply += received
        reply = json.loads(reply[:-1])
        if "error" in reply:
            raise RuntimeError(reply)


def cpu_of(pid):
    """CPU time of all threads of a process, in ms."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e6


class Way:
    """One way to attach, and what it takes: its time, and the CPU time of those that serve it."""

    def __init__(self, attach, detach, *servers):
        self.attach, self.detach, self.servers = attach, detach, servers
        self.prepare = lambda: None
        self.times, self.cpu = [], []

    def run(self):
        self.prepare()
        used = sum(map(cpu_of, self.servers))
        begun = time.perf_counter()
        self.attach()
        self.times.append((time.perf_counter() - begun) * 1000)
        self.cpu.append(sum(map(cpu_of, self.servers)) - used)
        self.detach()

    def side(self):
        return {**table.summed_up(self.times), "cpu": table.summed_up(self.cpu)["p50"]}


def by_daemon(daemon, vm, name, *servers):
    client = Plain(daemon.socket)
    way = Way(lambda: client.call("Attach", vm=vm, name=name, size=1 << 20),
              lambda: client.call("Detach", vm=vm, name=name),
              daemon.process.pid, *servers)
    # What others have changed meanwhile is read before an attach: that is not what this is about.
    way.prepare = lambda: client.call("ListDevices", vm=vm)
    return way


def by_libvirt(libvirtd):
    domain = libvirt.open(libvirtd.uri).lookupByName("web")
    xml = libvirt_test.SHMEM.format(name="lv-cost")
    return Way(lambda: domain.attachDeviceFlags(xml, libvirt.VIR_DOMAIN_AFFECT_LIVE),
               lambda: domain.detachDeviceFlags(xml, libvirt.VIR_DOMAIN_AFFECT_LIVE),
               libvirtd.process.pid)


def rows_of(own, bridged, theirs):
    ratio = theirs.side()["p50"] / own.side()["p50"]
    yield {"part": "libvirt", "name": "attach over the API, times as fast as libvirt's",
           "unit": "ms", "ours": own.side(),
           "reference": {**theirs.side(), "name": "libvirt's API on an equal VM"}, "ratio": ratio,
           "goal": {"of": "ratio", "least": GOAL, "met": ratio >= GOAL}}
    ratio = bridged.side()["p50"] / theirs.side()["p50"]
    yield {"part": "libvirt", "name": "attach by ivshmemd-libvirt into libvirt's own VM",
           "unit": "ms", "ours": bridged.side(),
           "reference": {**theirs.side(), "name": "libvirt's API on the same VM"}, "ratio": ratio,
           "goal": {"of": "ratio", "most": BRIDGED_GOAL, "met": ratio <= BRIDGED_GOAL}}


def measure(stack, rounds):
    world = libvirt_test.World
    world.build(stack)
    world.libvirtd.start_domain("web")
    console = world.libvirtd.console()
    console.read_until("GUEST-READY\n")
    directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="ivshmemd-e-"))
    equal = EqualMachine(directory, world.libvirtd.qemus()[0])
    stack.callback(equal.end)
    equal.start_guest(Console)
    daemon = Daemon(libvirt_test.World.programs[0], directory, {"equal": equal.monitor}, world.regions)
    stack.callback(daemon.end)
    wait_until(lambda: world.bridge.serves("web"), "the bridge", 60)
    time.sleep(SETTLE)
    ways = (by_daemon(daemon, "equal", "own"),
            by_daemon(world.daemon, "web", "bridged", world.bridge.process.pid),
            by_libvirt(world.libvirtd))
    for number in range(rounds):
        for position in range(len(ways)):
            time.sleep(PAUSE)
            ways[(number + position) % len(ways)].run()
    world.libvirtd.virsh("destroy", "web")
    with contextlib.suppress(FileNotFoundError):
        os.unlink("/dev/shm/lv-cost")  # libvirt leaves it
    return list(rows_of(*ways))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs", nargs=4)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--json")
    options = parser.parse_args()
    if what_is_missing():
        sys.exit(what_is_missing())
    libvirt_test.World.programs = tuple(map(os.path.abspath, options.programs))
    with contextlib.ExitStack() as stack:
        rows = measure(stack, options.rounds)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"rows": rows}, file, indent=2)
    else:
        print("\n".join(table.text_lines({"rows": rows})))


if __name__ == "__main__":
    main()
