"""A machine with the arguments of one of libvirt's, which libvirt does not know."""

import json
import os
import re
import socket
import subprocess

from machines import die_with_parent  # beside private_libvirtd's path
from varlink_client import wait_until


def arguments_of(pid):
    with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
        return file.read().split("\0")[:-1]


def equal_arguments(arguments, sockets):
    """Without libvirt's secret; a chardev whose socket libvirt passed gets the path that `sockets`
    has for its id."""
    equal = []
    for option, value in zip(arguments, arguments[1:] + [""]):
        secret = '"qom-type":"secret"'
        if secret in option or (option == "-object" and secret in value):
            continue
        passed = re.match(r"socket,id=(\w+),fd=\d+(,.*)", option)
        if passed:
            option = f"socket,id={passed[1]},path={sockets[passed[1]]}{passed[2]}"
        equal.append(option)
    return equal


class EqualMachine:
    def __init__(self, directory, pid):
        self.monitor = f"{directory}/equal.qmp"
        self.serial, self.spy = f"{directory}/equal.serial", f"{directory}/equal.spy"
        arguments = equal_arguments(
            arguments_of(pid), {"charmonitor": self.monitor, "charserial0": self.serial})
        self.process = subprocess.Popen(
            [*arguments, "-qmp", f"unix:{self.spy},server=on,wait=off"],
            stdin=subprocess.DEVNULL, preexec_fn=die_with_parent)

    def start_guest(self, console):
        """It waits, as libvirt's do, until somebody listens to its guest."""
        wait_until(lambda: os.path.exists(self.spy), "the equal machine")
        line = console(self.serial)
        with socket.socket(socket.AF_UNIX) as spy:
            spy.connect(self.spy)
            lines = spy.makefile("r")
            for command in ("qmp_capabilities", "cont"):
                spy.sendall(json.dumps({"execute": command}).encode())
                while "return" not in json.loads(lines.readline()):
                    pass
        line.read_until("GUEST-READY\n")
        return line

    def end(self):
        self.process.kill()
        self.process.wait()
