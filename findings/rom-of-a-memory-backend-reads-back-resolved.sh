#!/bin/bash
# What QEMU says of a memory backend's `rom` that was left to its default, `auto`.
#
# Guess: `auto` is read back until somebody sets something else, so that what differs from `auto` was
#   asked for.
# Behaviour: as soon as the memory is there QEMU has made `on` or `off` of it, by `readonly`, and
#   tells that. Nothing shows what was asked for.
# So: whoever writes a command line from a running QEMU, for the destination of a migration, must not
#   print `rom` because it is not `auto`: it follows from `readonly`, and before 8.2 a QEMU with such
#   an option does not start.
# Seen with 1:10.0.13+ds-0+deb13u1 (and alike with 11.1):
#   readonly=off: rom off
#   readonly=on: rom on
#   readonly=on, rom=off: rom off
#
# Needs root, mmdebstrap, python3 and the host's Debian mirror. Nothing is installed on the host.
set -euo pipefail
((EUID == 0)) || { echo "needs root, for chroot" >&2; exit 2; }
expected='readonly=off: rom off
readonly=on: rom on
readonly=on, rom=off: rom off'

codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
# shellcheck disable=SC2016 # apt's variables
mirror=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
    sed -n "s/^$codename //p" | head -n1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck disable=SC2016 # mmdebstrap's variable
mmdebstrap --variant=extract --mode=chrootless \
    --include='qemu-system-x86=1:10.0.13+ds-0+deb13u1' \
    --setup-hook='cd "$1" && mkdir -p usr/bin usr/sbin usr/lib usr/lib64 && ln -s usr/* .' \
    --aptopt='Acquire::Check-Valid-Until "false"' \
    --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
    trixie "$work/root" "$mirror" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
truncate -s 1M "$work/root/memory"

seen=$(
    python3 - "$work/root" <<'PYTHON'
import json, subprocess, sys

qemu = subprocess.Popen(["chroot", sys.argv[1], "/usr/bin/qemu-system-x86_64", "-machine",
                         "pc,accel=tcg", "-nodefaults", "-display", "none", "-S", "-qmp", "stdio"],
                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ask(command, **arguments):
    print(json.dumps({"execute": command, "arguments": arguments}), file=qemu.stdin, flush=True)
    for line in qemu.stdout:
        reply = json.loads(line)
        if "return" in reply:
            return reply["return"]
        if "error" in reply:
            raise RuntimeError(reply["error"]["desc"])
    raise EOFError(command)


def add(number, **options):
    ask("object-add", **{"qom-type": "memory-backend-file", "id": f"m{number}", "size": 1 << 20,
                         "mem-path": "/memory", "share": True, **options})
    return ask("qom-get", path=f"/objects/m{number}", property="rom")


try:
    ask("qmp_capabilities")
    print("readonly=off: rom", add(0))
    print("readonly=on: rom", add(1, readonly=True))
    print("readonly=on, rom=off: rom", add(2, readonly=True, rom="off", share=False))
finally:
    qemu.kill()
    qemu.wait()
PYTHON
)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "this has changed" >&2; exit 1; }
