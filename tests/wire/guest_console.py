"""The serial line of a test guest: what runs there is in tests/support/guest/init."""

import os
import socket

from varlink_client import wait_until

GUEST = os.environ.get("IVSHMEMD_GUEST_DIR", os.path.expanduser("~/.cache/ivshmemd/guest"))
KERNEL = ("console=ttyS0 no_timer_check tsc=unstable quiet panic=-1 rdinit=/init "
          "cryptomgr.notests ipv6.disable=1 audit=0 apparmor=0")
BOOT = 180  # seconds; a busy host has other things to do


class Console:
    """Runs commands there."""

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
