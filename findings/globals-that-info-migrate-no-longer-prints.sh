#!/bin/bash
# Where a running QEMU tells that it was started with -only-migratable.
#
# Guess: some query of QMP says so; and if none does, "info migrate" of the human monitor, which
#   prints it as one of its globals, says it in every version.
# Behaviour: no property of /machine and no answer to query-migrate-parameters or
#   query-migrate-capabilities has it. "info migrate" prints it up to 10.0, and no longer on
#   11.1, where only "info migrate -a" does; 10.0 does not know that option and prints nothing but a
#   complaint.
# So: a client that cannot read the command line has to ask each by its own words, and must not take
#   a missing line for "off".
# Seen with the versions below ("info migrate" alike with 5.2 and 7.2):
#   10.0: asked by QMP: nothing; info migrate: on; info migrate -a: nothing
#   11.1: asked by QMP: nothing; info migrate: nothing; info migrate -a: on
#
# Needs root, mmdebstrap, python3 and the host's Debian mirror. Nothing is installed on the host.
set -euo pipefail
((EUID == 0)) || { echo "needs root, for chroot" >&2; exit 2; }
expected='10.0: asked by QMP: nothing; info migrate: on; info migrate -a: nothing
11.1: asked by QMP: nothing; info migrate: nothing; info migrate -a: on'

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

# look FOLDER: asks one that was started with -only-migratable.
look() {
    python3 - "$work/$1" <<'PYTHON'
import json, subprocess, sys

qemu = subprocess.Popen(["chroot", sys.argv[1], "/usr/bin/qemu-system-x86_64", "-only-migratable",
                         "-machine", "pc,accel=tcg", "-nodefaults", "-display", "none", "-S",
                         "-qmp", "stdio"],
                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ask(command, **arguments):
    print(json.dumps({"execute": command, "arguments": arguments}), file=qemu.stdin, flush=True)
    for line in qemu.stdout:
        reply = json.loads(line)
        if "return" in reply or "error" in reply:
            return reply
    raise EOFError(command)


def printed(command):
    text = ask("human-monitor-command", **{"command-line": command}).get("return", "")
    words = [line.split() for line in text.splitlines()]
    return next((each[1] for each in words if each[:1] == ["only-migratable:"]), "nothing")


try:
    ask("qmp_capabilities")
    answers = [ask("query-migrate-parameters"), ask("query-migrate-capabilities"),
               ask("qom-list", path="/machine")]
    told = any("only-migratable" in json.dumps(each) for each in answers)
    print(f"asked by QMP: {'told' if told else 'nothing'}", end="")
    for command in ("info migrate", "info migrate -a"):
        print(f"; {command}: {printed(command)}", end="")
    print()
finally:
    qemu.kill()
    qemu.wait()
PYTHON
}

fetch trixie '1:10.0.13+ds-0+deb13u1' 10.0
fetch sid '1:11.1.3+ds-1' 11.1
seen=$(for version in 10.0 11.1; do echo "$version: $(look "$version")"; done)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "this has changed" >&2; exit 1; }
