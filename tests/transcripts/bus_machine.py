"""A QEMU that is asked and never runs its guest."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import tempfile
import time

PR_SET_PDEATHSIG = 1
SECONDS = 30  # until QEMU counts as hung
NEUTRAL = "/run/qemu"  # stands for the directory of the monitor in what is recorded


class Refused(Exception):
    """QEMU did not start; its text says why."""


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Machine:
    """Use as a context: it is gone afterwards."""

    def __init__(self, binary, arguments):
        self.binary = os.path.abspath(binary)
        self.arguments = arguments

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="record-buses-")
        self.errors = tempfile.TemporaryFile("w+")
        path = f"{self.directory.name}/qmp"
        self.process = subprocess.Popen(
            [self.binary, "-S", "-no-user-config", "-display", "none", "-accel", "tcg",
             "-qmp", f"unix:{path},server=on,wait=off", *self.arguments],
            stdin=subprocess.DEVNULL, stdout=self.errors, stderr=self.errors,
            preexec_fn=die_with_parent)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(SECONDS)
        try:
            self.connect(path)
        except (OSError, EOFError) as error:  # the monitor may be there before the devices are
            raise Refused(self.last_words()) from error
        return self

    def __exit__(self, *_):
        self.end()

    def connect(self, path):
        deadline = time.monotonic() + SECONDS
        while self.socket.connect_ex(path) != 0:
            if self.process.poll() is not None:
                raise EOFError(f"QEMU ended: {self.arguments}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"no monitor of {self.arguments}")
            time.sleep(0.02)
        self.lines = self.socket.makefile("r")
        self.lines.readline()  # the greeting
        self.ask("qmp_capabilities")

    def last_words(self):
        self.process.wait(SECONDS)
        self.errors.seek(0)
        text = self.sanitised(self.errors.read().strip())
        self.end()
        return text

    def end(self):
        self.process.kill()
        self.process.wait()
        self.socket.close()
        self.errors.close()
        self.directory.cleanup()

    def sanitised(self, text):
        """The text without what only this host has."""
        return text.replace(self.directory.name, NEUTRAL).replace(
            os.path.dirname(self.binary) + "/", "")

    def ask(self, command, **arguments):
        """The whole reply: its "return" or its "error"."""
        self.socket.sendall((json.dumps(request(command, **arguments)) + "\n").encode())
        while True:
            line = self.lines.readline()
            if not line:
                raise EOFError(f"QEMU died of {command} {arguments}")
            reply = json.loads(self.sanitised(line))
            if "event" not in reply:
                return reply

    def get(self, path, name):
        """The value of a property; None when there is none."""
        return self.ask("qom-get", path=path, property=name).get("return")

    def list(self, path):
        return self.ask("qom-list", path=path).get("return", [])


def request(command, **arguments):
    """As it is sent; underscores in the names of arguments stand for dashes."""
    if not arguments:
        return {"execute": command}
    return {"execute": command,
            "arguments": {name.replace("_", "-"): value for name, value in arguments.items()}}
