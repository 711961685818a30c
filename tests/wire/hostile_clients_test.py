#!/usr/bin/env python3
"""Clients that break every rule, against the real daemon.

Each gets an error or is cut off and gives back all it made the daemon take; meanwhile somebody
else's ListVms is answered as quickly as before.
usage: hostile_clients_test.py DAEMON [unittest arguments]
"""

import contextlib
import json
import os
import select
import socket
import sys
import time
import unittest

from hostile_world import HOTPLUG, LIST_VMS, HostileTest, World, probe
from malformed_messages import *  # noqa: F403: the tests
from root import lacks_root
from varlink_client import Closed, wait_until

MESSAGE_DEADLINE = 10  # seconds
PER_USER = 128
NOBODY = 65534


class Greedy(HostileTest):
    def test_half_closed(self):
        with self.connect() as connection:
            connection.send_bytes(LIST_VMS + b"\0" + LIST_VMS + b"\0" + LIST_VMS)
            connection.socket.shutdown(socket.SHUT_WR)
            for _ in range(2):
                self.assertIn("vms", connection.receive().parameters)
            self.assertRaises(Closed, connection.receive)

    def test_attached_descriptors(self):
        ends = [os.open("/dev/null", os.O_RDONLY) for _ in range(253)]  # the kernel's limit
        try:
            with self.connect() as connection:
                for _ in range(20):
                    socket.send_fds(connection.socket, [LIST_VMS + b"\0"], ends)
                    self.assertIn("vms", connection.receive().parameters)
                    socket.send_fds(connection.socket, [LIST_VMS[:9]], ends)
                    connection.send_bytes(LIST_VMS[9:] + b"\0")
                    self.assertIn("vms", connection.receive().parameters)
                self.assertLessEqual(World.daemon.descriptors(), World.descriptors + 1)
        finally:
            for end in ends:
                os.close(end)

    def test_pipelining_without_end(self):
        calls, answered = 3000, 0
        with self.connect() as connection:
            connection.socket.setblocking(False)
            waiting = (LIST_VMS + b"\0") * calls
            while answered < calls:
                with contextlib.suppress(BlockingIOError):
                    waiting = waiting[connection.socket.send(waiting):] if waiting else waiting
                with contextlib.suppress(BlockingIOError):
                    answered += connection.socket.recv(1 << 16).count(b"\0")

    def test_long_calls_from_many(self):
        """Each costs the daemon some time; a short call waits for a few of them, not for all."""
        message = probe("[" + "1," * 31000 + "1]") + b"\0"
        alone = self.cost(message)
        World.observer.allow(4 * alone)
        with contextlib.ExitStack() as stack:
            others = [stack.enter_context(self.connect()) for _ in range(20)]
            served = stack.enter_context(self.connect())
            for other in others:
                other.send_bytes(message)
            waits = [self.time_of(served, LIST_VMS + b"\0") for _ in range(20)]
            for other in others:
                self.assertEqual(other.receive().short_error(), "InvalidParameter")
        self.assertLess(max(waits), max(0.05, 8 * alone), f"alone {alone:.3f} s")

    def cost(self, message):
        with self.connect() as connection:
            return min(self.time_of(connection, message) for _ in range(3))

    @staticmethod
    def time_of(connection, message):
        start = time.monotonic()
        connection.send_bytes(message)
        connection.receive()
        return time.monotonic() - start

    def test_a_thousand_connections(self):
        connections = [self.connect() for _ in range(1000)]
        try:
            self.assertLessEqual(World.daemon.descriptors(), World.descriptors + PER_USER)
            served = 0
            for connection in connections:
                with contextlib.suppress(Closed, OSError):
                    connection.send_bytes(LIST_VMS + b"\0")
                    served += "vms" in connection.receive().parameters
            # One is the observer's.
            self.assertEqual(served, PER_USER - 1)
            self.assertTrue(self.as_nobody(self.is_served), "another user is held up")
        finally:
            for connection in connections:
                connection.close()

    def is_served(self):
        with self.connect() as connection:
            connection.send_bytes(LIST_VMS + b"\0")
            return "vms" in connection.receive().parameters

    @staticmethod
    def as_nobody(question):
        """Asks it as another user, which takes root."""
        if lacks_root():
            return True
        child = os.fork()
        if child == 0:
            try:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
                os._exit(0 if question() else 1)
            finally:
                os._exit(1)
        return os.waitpid(child, 0)[1] == 0


class Slow(HostileTest):
    """All of them wait for the same ten seconds."""

    def test_readers_writers_and_the_silent(self):
        memory = World.daemon.memory()
        start = time.monotonic()
        with contextlib.ExitStack() as stack:
            silent, dripping, deaf, idle = [stack.enter_context(self.connect()) for _ in range(4)]
            silent.send_bytes(LIST_VMS)
            fed = self.feed_without_reading(deaf)
            self.drip(dripping, start + 3 * MESSAGE_DEADLINE)
            took = time.monotonic() - start
            self.assertGreater(took, MESSAGE_DEADLINE / 2)
            self.assertRaises(Closed, silent.receive)
            wait_until(lambda: self.is_hung_up(deaf), "the deaf to be cut off")
            self.assertLess(self.read_to_the_end(deaf), fed)
            self.assertLess(World.daemon.memory() - memory, 64 << 20)
            idle.send_bytes(LIST_VMS + b"\0")
            self.assertIn("vms", idle.receive().parameters)

    @staticmethod
    def feed_without_reading(connection):
        """Sends calls with long replies until nothing more is taken; how many."""
        call = json.dumps({"method": "org.varlink.service.GetInterfaceDescription",
                           "parameters": {"interface": HOTPLUG}}).encode() + b"\0"
        connection.socket.settimeout(0.5)
        count = 0
        with contextlib.suppress(TimeoutError):
            while True:
                connection.send_bytes(call)
                count += 1
        connection.socket.settimeout(30)
        return count

    def drip(self, connection, end):
        """A byte at a time, always in good time for the next, until it is cut off."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while time.monotonic() < end:
                connection.send_bytes(b" ")
                time.sleep(0.1)
            self.fail("a client may take for ever to say something")

    @staticmethod
    def is_hung_up(connection):
        """Without reading, which would save it."""
        watch = select.poll()
        watch.register(connection.socket, select.POLLRDHUP)
        return bool(watch.poll(0))

    @staticmethod
    def read_to_the_end(connection):
        count = 0
        while True:
            try:
                connection.receive()
                count += 1
            except Exception:  # closed, perhaps in the middle of a reply
                return count


def main():
    program, *selected = sys.argv[1:]
    with contextlib.ExitStack() as stack:
        World.build(program, stack)
        outcome = unittest.main(argv=[sys.argv[0], *selected], exit=False, verbosity=2).result
    print(World.observer.figures(), World.observer.complaint(), sep="\n", file=sys.stderr)
    return 1 if World.observer.complaint() or not outcome.wasSuccessful() else 0


if __name__ == "__main__":
    sys.exit(main())
