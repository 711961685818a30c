"""The programs the tests need: the real daemon, real QEMUs without a guest, a doorbell server."""

import ctypes
import json
import os
import signal
import socket
import struct
import subprocess
import tempfile
import threading

from varlink_client import Connection, wait_until

QEMU = os.environ.get("QEMU_SYSTEM_X86_64", "qemu-system-x86_64")
PR_SET_PDEATHSIG = 1


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def answers(path):
    """Whether a Varlink service answers there."""
    try:
        connection = Connection(path)
    except OSError:
        return False
    with connection:
        connection.send_object({"method": "org.varlink.service.GetInfo"})
        return not connection.receive().error


class Qemu:
    """A machine with a monitor for the daemon and one for the test."""

    def __init__(self, directory, name, *arguments, machine="pc", launcher=()):
        self.name, self.monitor = name, f"{directory}/{name}.qmp"
        spy = f"{directory}/{name}.spy"
        command = [QEMU, "-name", name, "-machine", f"{machine},accel=tcg", "-m", "64M",
                   "-nodefaults",
                   "-no-user-config", "-display", "none"]
        for path in (self.monitor, spy):
            command += ["-qmp", f"unix:{path},server=on,wait=off"]
        self.process = subprocess.Popen([*launcher, *command, *arguments],
                                        preexec_fn=die_with_parent)
        self.spy = socket.socket(socket.AF_UNIX)
        wait_until(lambda: self.spy.connect_ex(spy) == 0, f"the monitor of {name}")
        self.lines = self.spy.makefile("r")
        greeting = json.loads(self.lines.readline())["QMP"]["version"]["qemu"]
        self.version = (greeting["major"], greeting["minor"])
        self.qmp("qmp_capabilities")

    def qmp(self, command, **arguments):
        request = {"execute": command, "arguments": arguments}
        self.spy.sendall(json.dumps(request).encode())
        while True:
            answer = json.loads(self.lines.readline())
            if "error" in answer:
                raise RuntimeError(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def reset(self):
        """Returns once it has happened: a late one would let go what is asked for later."""
        self.spy.sendall(json.dumps({"execute": "system_reset"}).encode())
        answered = happened = False
        while not (answered and happened):
            message = json.loads(self.lines.readline())
            answered = answered or "return" in message
            happened = happened or message.get("event") == "RESET"

    def plug_file(self, name, path, size):
        """A device of somebody else's on the beginning of a file."""
        self.qmp("object-add", **{"qom-type": "memory-backend-file", "id": f"{name}-memory",
                                  "mem-path": path, "size": size, "share": True})
        self.qmp("device_add", driver="ivshmem-plain", id=name, memdev=f"{name}-memory")

    def devices(self):
        """The ids of its ivshmem devices."""
        return {each["name"] for each in self.qmp("qom-list", path="/machine/peripheral")
                if each["type"].startswith("child<ivshmem")}

    def end(self):
        self.process.kill()
        self.process.wait()
        self.lines.close()
        self.spy.close()


class Daemon:
    """The real daemon on directories of its own."""

    def __init__(self, program, directory, machines, region_dir, *options):
        self.socket = f"{directory}/api.sock"
        state = f"{directory}/state"
        os.makedirs(state, exist_ok=True)
        command = [program, "--socket", self.socket, "--state-dir", state, "--region-dir",
                   region_dir, "--log-level", "warn", *options]
        for name, monitor in machines.items():
            command += ["--vm", f"{name}={monitor}"]
        # What the sanitizer keeps of freed memory must not look like the daemon's.
        options = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"
        self.process = subprocess.Popen(command, preexec_fn=die_with_parent,
                                        env={**os.environ, "ASAN_OPTIONS": options})
        wait_until(lambda: self.process.poll() is not None or answers(self.socket), "the daemon")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def memory(self):
        """Resident bytes."""
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def end(self):
        """Stops it; it must have lived until now and leave in peace."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        if code != 0:
            raise RuntimeError(f"the daemon ended with {code}")


class DoorbellServer(threading.Thread):
    """An ivshmem server for one peer: version, id, memory, and the peer's own vectors."""

    def __init__(self, path, size, vectors):
        super().__init__(daemon=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.memory = os.memfd_create("doorbell")
        os.ftruncate(self.memory, size)
        self.vectors = [os.eventfd(0) for _ in range(vectors)]
        self.peers = []
        self.start()

    def run(self):
        while True:
            peer, _ = self.listener.accept()
            self.peers.append(peer)
            number = len(self.peers) - 1
            peer.sendall(struct.pack("<qq", 0, number))
            socket.send_fds(peer, [struct.pack("<q", -1)], [self.memory])
            for vector in self.vectors:
                socket.send_fds(peer, [struct.pack("<q", number)], [vector])


def region_directory():
    return tempfile.TemporaryDirectory(prefix="ivshmemd-wire-", dir="/dev/shm")
