#!/bin/bash
# What becomes of descriptors that a QMP client handed to QEMU when the client goes.
#
# Guess: those of getfd and of add-fd fare alike; both stay, or both go with the connection.
# Behaviour: one of getfd always stays. One of add-fd stays on 10.0. On 7.2 it goes when the last
#   client leaves, but only while the VM runs: left by the client of a paused VM it stays.
# So: what has to stay for as long as QEMU does is to be handed over by getfd; and whoever counts on
#   QEMU to clean up an fd set after a crash is let down by 10.0.
# Seen with the versions below:
#   7.2 running: fd set gone, named descriptor there
#   7.2 paused: fd set there, named descriptor there
#   10.0 running: fd set there, named descriptor there
#   10.0 paused: fd set there, named descriptor there
#
# Needs root, mmdebstrap, python3 and the host's Debian mirror. Nothing is installed on the host.
set -euo pipefail
((EUID == 0)) || { echo "needs root, for chroot" >&2; exit 2; }
expected='7.2 running: fd set gone, named descriptor there
7.2 paused: fd set there, named descriptor there
10.0 running: fd set there, named descriptor there
10.0 paused: fd set there, named descriptor there'

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

# look FOLDER [-S]: hands over one descriptor each way, leaves, and comes back to look.
look() {
    python3 - "$work/$1" "${@:2}" <<'PYTHON'
import array, json, os, socket, subprocess, sys, time

root, options = sys.argv[1], sys.argv[2:]
path = root + "/qmp"
if os.path.exists(path):
    os.unlink(path)
qemu = subprocess.Popen(["chroot", root, "/usr/bin/qemu-system-x86_64", "-machine", "none,accel=tcg",
                         "-nodefaults", "-display", "none",
                         "-qmp", "unix:/qmp,server=on,wait=off", *options])


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
    client.ask("add-fd", [fd], **{"fdset-id": 7})
    client.ask("getfd", [fd], fdname="named")
    client.socket.close()
    time.sleep(0.5)
    client = Client()
    fd_set = "there" if client.ask("query-fdsets")["return"] else "gone"
    named = "there" if "return" in client.ask("closefd", fdname="named") else "gone"
    print(f"fd set {fd_set}, named descriptor {named}")
finally:
    qemu.kill()
    qemu.wait()
PYTHON
}

fetch bookworm '1:7.2+dfsg-7+deb12u18+b3' 7.2
fetch trixie '1:10.0.13+ds-0+deb13u1' 10.0
seen=$(for version in 7.2 10.0; do
    echo "$version running: $(look "$version")"
    echo "$version paused: $(look "$version" -S)"
done)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "this has changed" >&2; exit 1; }
