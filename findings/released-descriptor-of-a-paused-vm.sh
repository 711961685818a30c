#!/bin/bash
# When a descriptor that a QMP client takes back from QEMU has left QEMU.
#
# Guess: remove-fd closes the descriptor; its number is the next one to be given out.
# Behaviour: on 7.2 only while the VM runs. One that is paused, or was not started yet, answers
#   remove-fd with success and keeps the descriptor open; it goes with a later remove-fd of the same
#   set once the VM runs. 10.0 closes it at once.
# So: a number that was given back is not known to be free, and one that is in use may become free
#   by itself later.
# Seen with the versions below, numbers that add-fd gave, with a remove-fd after each:
#   7.2 paused: 0 +1 +2, then running: +3 0 0
#   10.0 paused: 0 0 0, then running: 0 0 0
#
# Needs root, mmdebstrap, python3 and the host's Debian mirror. Nothing is installed on the host.
set -euo pipefail
((EUID == 0)) || { echo "needs root, for chroot" >&2; exit 2; }
expected='7.2 paused: 0 +1 +2, then running: +3 0 0
10.0 paused: 0 0 0, then running: 0 0 0'

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

# look FOLDER: numbers as add-fd gives them, each taken back again, from the first.
look() {
    python3 - "$work/$1" <<'PYTHON'
import array, json, os, socket, subprocess, sys, time

root = sys.argv[1]
path = root + "/qmp"
qemu = subprocess.Popen(["chroot", root, "/usr/bin/qemu-system-x86_64", "-machine", "none,accel=tcg",
                         "-nodefaults", "-display", "none", "-S",
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


try:
    deadline = time.monotonic() + 20
    while not os.path.exists(path) and time.monotonic() < deadline:
        time.sleep(0.05)
    client = Client()
    fd = os.memfd_create("handed-over")

    def number():
        given = client.ask("add-fd", [fd], **{"fdset-id": 7})["return"]["fd"]
        client.ask("remove-fd", **{"fdset-id": 7})
        return given

    first = None
    lines = []
    for state in ("paused", "then running"):
        numbers = [number() for _ in range(3)]
        first = numbers[0] if first is None else first
        lines.append(f"{state}: " + " ".join(f"+{n - first}" if n != first else "0" for n in numbers))
        client.ask("cont")
    print(", ".join(lines))
finally:
    qemu.kill()
    qemu.wait()
PYTHON
}

fetch bookworm '1:7.2+dfsg-7+deb12u18+b3' 7.2
fetch trixie '1:10.0.13+ds-0+deb13u1' 10.0
seen=$(for version in 7.2 10.0; do echo "$version $(look "$version")"; done)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "this has changed" >&2; exit 1; }
