"""The service manager's part: sockets, notifications, a clean end."""

import array
import os
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "wire"))

from machines import die_with_parent  # noqa: E402
from varlink_client import Client, Account, Connection, wait_until  # noqa: E402, F401: for tests

PATIENCE = 30  # seconds


class NotifySocket:
    """What NOTIFY_SOCKET names. Keeps every message, as lines."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        os.chmod(path, 0o777)  # as systemd's own is
        self.messages = []

    def close(self):
        self.socket.close()

    def read_message(self, timeout):
        """False when none came in time."""
        self.socket.settimeout(timeout)
        try:
            data, ancillary, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(4 * 64))
        except (TimeoutError, BlockingIOError):
            return False
        for _, _, passed in ancillary:
            descriptors = array.array("i")
            descriptors.frombytes(passed)
            for descriptor in descriptors:
                os.close(descriptor)
        self.messages.append(data.decode().splitlines())
        return True

    def wait(self, prefix, timeout=PATIENCE):
        """Takes messages up to the first with a line that begins so; that line, None in vain."""
        end = time.monotonic() + timeout
        while True:
            while self.messages:
                for line in self.messages.pop(0):
                    if line.startswith(prefix):
                        return line
            if not self.read_message(max(0, end - time.monotonic())):
                return None

    def drain(self):
        """All that is there by now, as lines; forgets it."""
        while self.read_message(0):
            pass
        lines = [line for message in self.messages for line in message]
        self.messages.clear()
        return lines


class Service:
    """A program under the eyes of the manager."""

    def __init__(self, command, notify, environment=None, log=None):
        self.notify = notify
        variables = {**os.environ, "NOTIFY_SOCKET": notify.path, **(environment or {})}
        variables = {name: value for name, value in variables.items() if value is not None}
        self.process = subprocess.Popen(command, env=variables, stderr=log,
                                        preexec_fn=die_with_parent)

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def stop(self):
        """SIGTERM; the exit code. Takes what it says meanwhile."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait_for_end()

    def wait_for_end(self):
        """The exit code of a program that was told to end; another signal would end it at once."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < end:
            self.notify.read_message(0.05)
        return self.process.returncode

    def end(self):
        self.process.kill()
        self.process.wait()


def sockets_of(pid):
    """The inodes of those that the process has."""
    found = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{name}")
        except FileNotFoundError:  # closed meanwhile
            continue
        if target.startswith("socket:["):
            found.add(target[len("socket:["):-1])
    return found


def listens(path, pid):
    """Whether this process listens there; to connect would tell too, but start what waits for it.

    The table has everybody of this network namespace, and another root has the same paths.
    """
    accepts_connections = 0x10000
    with open("/proc/net/unix", encoding="utf-8") as file:
        lines = [line.split() for line in file.read().splitlines()[1:]]
    listening = {each[6] for each in lines
                 if each[-1] == path and int(each[3], 16) & accepts_connections}
    return bool(listening & sockets_of(pid))


def activate(path, command, notify, *options):
    """Runs the command as soon as somebody connects, and gives it the socket.

    A later systemd-socket-activate tells the manager itself that it is ready: it is not to know one.
    """
    passed = [f"-E{name}" for name in ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS") if name in os.environ]
    passed.append(f"-ENOTIFY_SOCKET={notify.path}")
    service = Service(["systemd-socket-activate", "-l", path, *passed, *options, *command], notify,
                      {"NOTIFY_SOCKET": None})
    wait_until(lambda: listens(path, service.process.pid), "the socket")
    return service
