#!/bin/bash
# Which descriptors of an ivshmem-doorbell QEMU looks at after the device has gone.
#
# Guess: none: unplugging closes the eventfds, and with them goes their place in the event loop. Or,
#   where they are left there, those of all peers, for QEMU was given all of them alike.
# Behaviour: without KVM, exactly those of the device's own vectors. The descriptors are closed, but
#   their numbers are polled as long as QEMU runs: 5.2, 7.2, 10.0. Those of peers, whether they were
#   there at the attach or came later, and the memory's, are not polled at any time.
# So: the numbers of a detached doorbell's own vectors are not to be given to anything that may become
#   readable; those of its peers need no care.
# Seen with the versions below. Nothing is opened after the device has gone but by strace's hold:
#   5.2: with it 2 of its own polled, 0 of others; after it 2 and 0
#   7.2: with it 2 of its own polled, 0 of others; after it 2 and 0
#   10.0: with it 2 of its own polled, 0 of others; after it 2 and 0
#
# Needs root, strace, mmdebstrap, python3 and the host's Debian mirror. Nothing is installed on the
# host.
set -euo pipefail
((EUID == 0)) || { echo "needs root, for chroot" >&2; exit 2; }
expected='5.2: with it 2 of its own polled, 0 of others; after it 2 and 0
7.2: with it 2 of its own polled, 0 of others; after it 2 and 0
10.0: with it 2 of its own polled, 0 of others; after it 2 and 0'

codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
# shellcheck disable=SC2016 # apt's variables
mirror=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
    sed -n "s/^$codename //p" | head -n1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# fetch SUITE VERSION FOLDER
fetch() {
    # shellcheck disable=SC2016 # mmdebstrap's variable
    local merge='cd "$1" && mkdir -p usr/bin usr/sbin usr/lib usr/lib64 && ln -s usr/* .'
    mmdebstrap --variant=extract --mode=chrootless --include="qemu-system-x86=$2" \
        --setup-hook="$merge" --aptopt='Acquire::Check-Valid-Until "false"' \
        --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
        "$1" "$work/$3" "$mirror" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
}

# look FOLDER: plays the server to one device with two vectors, of whose peers one is there before it
# and one comes later.
look() {
    python3 - "$work/$1" <<'PYTHON'
import array, json, os, re, socket, struct, subprocess, sys, time

root = sys.argv[1]
path = root + "/qmp"
qemu = subprocess.Popen(["chroot", root, "/usr/bin/qemu-system-x86_64", "-machine", "pc,accel=tcg",
                         "-nodefaults", "-display", "none",
                         "-qmp", "unix:/qmp,server=on,wait=off"])


class Client:
    def __init__(self):
        self.socket, self.rest = socket.socket(socket.AF_UNIX), b""
        self.socket.connect(path)
        self.next()
        self.ask("qmp_capabilities")

    def next(self):
        while b"\n" not in self.rest:
            self.rest += self.socket.recv(65536)
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)

    def ask(self, command, fds=(), **arguments):
        text = json.dumps({"execute": command, "arguments": arguments}).encode()
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.socket.sendmsg([text], rights)
        while True:
            reply = self.next()
            if "event" not in reply:
                return reply


def numbers():
    return {int(name) for name in os.listdir(f"/proc/{qemu.pid}/fd")}


def polled():
    trace = subprocess.run(["timeout", "2", "strace", "-f", "-qq", "-e", "trace=ppoll,poll",
                            "-p", str(qemu.pid)], capture_output=True, text=True, check=False)
    return {int(number) for number in re.findall(r"fd=(\d+)", trace.stderr)}


def tell(number, fd=None):
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))] if fd else []
    server.sendmsg([struct.pack("<q", number)], rights)


def announce(peer):
    before = numbers()
    for _ in range(2):
        tell(peer, os.eventfd(0))
    while len(numbers() - before) < 2:
        time.sleep(0.05)
    return numbers() - before


try:
    deadline = time.monotonic() + 20
    while not os.path.exists(path) and time.monotonic() < deadline:
        time.sleep(0.05)
    client = Client()
    server, end = socket.socketpair()
    memory = os.memfd_create("memory")
    os.ftruncate(memory, 1 << 20)
    tell(0)
    tell(0)
    tell(-1, memory)
    client.ask("getfd", [end.fileno()], fdname="end")
    client.ask("chardev-add", id="c", backend={"type": "socket", "data": {
        "addr": {"type": "fd", "data": {"str": "end"}}, "server": False}})
    before = numbers()
    client.ask("device_add", driver="ivshmem-doorbell", id="d", chardev="c", vectors=2, addr="1e")
    others = numbers() - before
    others |= announce(7)
    own = announce(0)
    others |= announce(8)
    with_it = polled()
    client.ask("device_del", id="d")
    client.ask("system_reset")
    while own & numbers():
        time.sleep(0.05)
    after = polled()
    print(f"with it {len(with_it & own)} of its own polled, {len(with_it & others)} of others; "
          f"after it {len(after & own)} and {len(after & others)}")
finally:
    qemu.kill()
    qemu.wait()
PYTHON
}

fetch bullseye '1:5.2+dfsg-11+deb11u3' 5.2
fetch bookworm '1:7.2+dfsg-7+deb12u18+b3' 7.2
fetch trixie '1:10.0.13+ds-0+deb13u1' 10.0
seen=$(for version in 5.2 7.2 10.0; do echo "$version: $(look "$version")"; done)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "this has changed" >&2; exit 1; }
