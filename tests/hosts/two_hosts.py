"""Two hosts on one machine: each a mount and a network namespace with a daemon, and the second with an
sshd that knows one key, on the wire between them."""

import os
import pwd
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "wire"))

from machines import answers, die_with_parent  # noqa: E402
from root import lacks_root  # noqa: E402
from varlink_client import wait_until  # noqa: E402

ADDRESSES = {"host1": "10.89.0.1", "host2": "10.89.0.2"}
PORT, PORT_WITHOUT_BRIDGE, CLOSED_PORT = 2222, 2223, 2224
SSHD = "/usr/sbin/sshd"


def what_is_missing():
    """Why these tests cannot run here; empty when they can."""
    if lacks_root():
        return "only root can make hosts out of namespaces"
    for program in (SSHD, "ssh", "ssh-keygen", "ip", "nsenter", "unshare"):
        if not shutil.which(program):
            return f"{program} is not installed"
    try:
        pwd.getpwnam("sshd")
    except KeyError:
        return "openssh-server is not installed: there is no user sshd"
    tried = subprocess.run(["unshare", "--net", "ip", "link", "add", "type", "veth"],
                           capture_output=True, text=True)
    return "" if tried.returncode == 0 else f"there is no veth here: {tried.stderr.strip()}"


def write(path, *lines):
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


class Host:
    """Its own /run, /dev/shm and network. Files of the test are seen by all."""

    def __init__(self, name, directory, stack):
        self.name, self.address = name, ADDRESSES[name]
        self.directory = f"{directory}/{name}"
        os.mkdir(self.directory)
        # ssh reads no other file for the whole host; what the user has at home is of no port here.
        script = ("mount -t tmpfs run /run && mkdir /run/sshd /run/ivshmemd && "
                  "mount -t tmpfs shm /dev/shm && mount --bind \"$0\" /etc/ssh/ssh_config && "
                  "ip link set lo up && echo ready && exec cat")
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "--net", "sh", "-c", script,
             f"{directory}/ssh_config"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
        stack.callback(self.end_holder)
        if self.holder.stdout.readline() != "ready\n":
            raise RuntimeError(f"{name} cannot be made")
        # Its root too: that of a namespace is not the chroot that the test may run in.
        self.inside = ("nsenter", "-t", str(self.holder.pid), "-m", "-n", "-r", "--")
        self.processes = []
        stack.callback(self.end)

    def end_holder(self):
        self.holder.kill()
        self.holder.communicate()

    def end(self):
        for process in reversed(self.processes):
            process.terminate()
            process.wait(30)

    def start(self, *command):
        process = subprocess.Popen([*self.inside, *command], preexec_fn=die_with_parent)
        self.processes.append(process)
        return process

    def run(self, *command, timeout=120):
        return subprocess.run([*self.inside, *command], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=timeout)

    def path(self, path):
        """Where the test finds a file that this host sees there."""
        return f"/proc/{self.holder.pid}/root{path}"

    def start_daemon(self, program):
        os.mkdir(f"{self.directory}/state")
        self.start(program, "--socket", "/run/ivshmemd/ivshmemd.sock", "--log-level", "error",
                   "--state-dir", f"{self.directory}/state", "--vm-dir", self.directory)
        socket = self.path("/run/ivshmemd/ivshmemd.sock")
        wait_until(lambda: answers(socket), f"the daemon of {self.name}")


class TwoHosts:
    def __init__(self, directory, daemon, client, stack):
        self.directory, self.client = directory, client
        for key in ("host_key", "user_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                            f"{directory}/{key}"], check=True)
        self.write_ssh_config()
        self.host1, self.host2 = (Host(name, directory, stack) for name in ADDRESSES)
        self.connect()
        self.start_sshd(PORT, f"{os.path.dirname(client)}:/usr/bin:/bin")
        self.start_sshd(PORT_WITHOUT_BRIDGE, "/usr/bin:/bin")
        for host in (self.host1, self.host2):
            host.start_daemon(daemon)

    def write_ssh_config(self):
        with open(f"{self.directory}/host_key.pub", encoding="ascii") as file:
            key = " ".join(file.read().split()[:2])
        names = ["host2", "host2-without-bridge", "host2-closed", "host2-stranger"]
        ports = [PORT, PORT_WITHOUT_BRIDGE, CLOSED_PORT, PORT]
        lines = []
        for name, port in zip(names, ports, strict=True):
            lines += [f"Host {name}", f"  HostName {ADDRESSES['host2']}", f"  Port {port}",
                      f"  HostKeyAlias {name}"]
        write(f"{self.directory}/ssh_config", *lines, "Host *", "  StrictHostKeyChecking yes",
              f"  UserKnownHostsFile {self.directory}/known_hosts",
              f"  IdentityFile {self.directory}/user_key", "  IdentitiesOnly yes",
              "  IdentityAgent none")
        write(f"{self.directory}/known_hosts", *(f"{name} {key}" for name in names[:3]))

    def connect(self):
        one, two = self.host1, self.host2
        subprocess.run(["ip", "link", "add", "wire1", "netns", str(one.holder.pid), "type", "veth",
                        "peer", "name", "wire2", "netns", str(two.holder.pid)], check=True)
        for host, wire in ((one, "wire1"), (two, "wire2")):
            for words in (("addr", "add", f"{host.address}/24", "dev", wire),
                          ("link", "set", wire, "up")):
                if host.run("ip", *words).returncode != 0:
                    raise RuntimeError(f"no wire for {host.name}")

    def start_sshd(self, port, path):
        """Of Debian, as root, who lets in the one key."""
        config = f"{self.directory}/sshd_config.{port}"
        write(config, f"ListenAddress {self.host2.address}:{port}", "UsePAM no",
              f"HostKey {self.directory}/host_key", "PidFile none", "StrictModes no",
              f"AuthorizedKeysFile {self.directory}/user_key.pub", "PasswordAuthentication no",
              "PermitRootLogin prohibit-password", "PrintMotd no", f"SetEnv PATH={path}")
        self.host2.start(SSHD, "-D", "-e", "-q", "-f", config)
        wait_until(lambda: self.listens(port), "sshd")

    def listens(self, port):
        with open(f"/proc/{self.host2.holder.pid}/net/tcp", encoding="ascii") as file:
            return f":{port:04X} 00000000:0000 0A " in file.read()

    def ctl(self, *arguments, timeout=300):
        """ivshmemctl on the first host."""
        return self.host1.run(self.client, *arguments, timeout=timeout)

