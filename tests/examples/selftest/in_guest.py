#!/usr/bin/env python3
"""Runs a command in a test guest, over its serial line; this stands in for ssh.

usage: in_guest.py DIRECTORY VM COMMAND
"""

import os
import re
import socket
import sys

PATIENCE = 60  # seconds


def run(directory, vm, command):
    """The exit status and the output of the command."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(PATIENCE)
        line.connect(f"{directory}/{vm}.serial")  # QEMU serves one after the other
        number = f"{os.getpid()}{os.urandom(2).hex()}"
        line.sendall(f"{number} {command}\n".encode())
        output = b""
        while not (end := re.search(rf"(?:^|\n)END {number} (\d+)\r?\n".encode(), output)):
            data = line.recv(4096)
            if not data:
                raise ConnectionError(f"{vm} is gone; it said {output}")
            output += data
        return int(end[1]), output[: end.start()].decode()


if __name__ == "__main__":
    status, text = run(*sys.argv[1:])
    print(text, end="")
    sys.exit(status)
