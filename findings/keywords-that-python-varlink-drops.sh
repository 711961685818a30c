#!/bin/bash
# What Python's varlink does with the arguments of a call that has some by position and some by name.
#
# Guess: what it does in Python everywhere: both reach the method, and a name that the method does not
#   have raises TypeError.
# Behaviour: after arguments by position, those by name are dropped, and the service is never told. So
#   is, without any by position, a name that the method does not have. Nothing is said of either.
# So: a call is to have all of its arguments by name, spelled as in the interface: one by position
#   more, or a typing error, turns "only try" into "do it".
# Seen with the version below:
#   Remove(name='a', dryRun=True) sends {'name': 'a', 'dryRun': True}
#   Remove('a', True) sends {'name': 'a', 'dryRun': True}
#   Remove('a', dryRun=True) sends {'name': 'a'}
#   Remove(name='a', dryrun=True) sends {'name': 'a'}
#
# Needs root, mmdebstrap and the host's Debian mirror. Nothing is installed on the host.
set -euo pipefail
((EUID == 0)) || { echo "needs root, for chroot" >&2; exit 2; }
expected="Remove(name='a', dryRun=True) sends {'name': 'a', 'dryRun': True}
Remove('a', True) sends {'name': 'a', 'dryRun': True}
Remove('a', dryRun=True) sends {'name': 'a'}
Remove(name='a', dryrun=True) sends {'name': 'a'}"

codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
# shellcheck disable=SC2016 # apt's variables
mirror=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
    sed -n "s/^$codename //p" | head -n1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck disable=SC2016 # mmdebstrap's variable
merge='cd "$1" && mkdir -p usr/bin usr/sbin usr/lib usr/lib64 && ln -s usr/* .'
mmdebstrap --variant=extract --mode=chrootless --include='python3-varlink=31.0.0-4,python3-minimal' \
    --setup-hook="$merge" --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
    trixie "$work/root" "$mirror" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }

cat >"$work/root/look.py" <<'PYTHON'
import json
import varlink


class Wire:
    """The service's end: answers everything, and keeps what it was sent."""

    def sendall(self, data):
        self.sent = json.loads(data[:-1])

    def recv(self, size):
        return b'{"parameters":{}}\0'


wire = Wire()
interface = varlink.Interface(
    "interface org.example.test\nmethod Remove(name: string, dryRun: ?bool) -> ()\n")
service = varlink.SimpleClientInterfaceHandler(interface, wire)
for call in ("Remove(name='a', dryRun=True)", "Remove('a', True)", "Remove('a', dryRun=True)",
             "Remove(name='a', dryrun=True)"):
    eval("service." + call)
    print(call, "sends", wire.sent["parameters"])
PYTHON
seen=$(chroot "$work/root" /usr/bin/python3 /look.py)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "this has changed" >&2; exit 1; }
