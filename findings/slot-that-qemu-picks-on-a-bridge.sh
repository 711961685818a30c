#!/bin/bash
# Which slot device_add takes on a pci-bridge whose slots its own controller (SHPC) manages.
#
# Guess: left to itself, QEMU takes a free slot that the bus can use, as it does elsewhere.
# Behaviour: it takes slot 0, which such a controller does not have, and fails, while all 31 slots
#   that can be used are free. It does so every time. With a slot from 1 to 31 it succeeds. The same
#   bridge under ACPI's control, the default of a pc, takes slot 0.
# So: a client that lets QEMU choose cannot plug anything into such a bridge; the slot has to be
#   named, and 0 is none.
# Seen with the versions below (and alike with 5.2 and 11.1):
#   7.2 acpi: no slot: slot 0; slot 1: taken
#   7.2 shpc: no slot: Unsupported PCI slot 0 for standard hotplug controller. Valid slots are between 1 and 31.; slot 1: taken
#   10.0 acpi: no slot: slot 0; slot 1: taken
#   10.0 shpc: no slot: Unsupported PCI slot 0 for standard hotplug controller. Valid slots are between 1 and 31.; slot 1: taken
#
# Needs root, mmdebstrap, python3 and the host's Debian mirror. Nothing is installed on the host.
set -euo pipefail
((EUID == 0)) || { echo "needs root, for chroot" >&2; exit 2; }
refusal='Unsupported PCI slot 0 for standard hotplug controller. Valid slots are between 1 and 31.'
expected="7.2 acpi: no slot: slot 0; slot 1: taken
7.2 shpc: no slot: $refusal; slot 1: taken
10.0 acpi: no slot: slot 0; slot 1: taken
10.0 shpc: no slot: $refusal; slot 1: taken"

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

# look FOLDER [OPTION...]: plugs a network card in, once without a slot and once into slot 1.
look() {
    python3 - "$work/$1" "${@:2}" <<'PYTHON'
import json, subprocess, sys

root, options = sys.argv[1], sys.argv[2:]
qemu = subprocess.Popen(["chroot", root, "/usr/bin/qemu-system-x86_64", "-machine", "pc,accel=tcg",
                         "-nodefaults", "-display", "none", "-S", "-qmp", "stdio",
                         "-device", "pci-bridge,id=bridge,chassis_nr=1", *options],
                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ask(command, **arguments):
    print(json.dumps({"execute": command, "arguments": arguments}), file=qemu.stdin, flush=True)
    for line in qemu.stdout:
        reply = json.loads(line)
        if "return" in reply or "error" in reply:
            return reply
    raise EOFError(command)


try:
    ask("qmp_capabilities")
    card = {"driver": "e1000", "bus": "bridge", "romfile": ""}
    free = ask("device_add", id="free", **card)
    if "return" in free:
        place = ask("qom-get", path="/machine/peripheral/free", property="addr")["return"]
        # A number of slot and function up to 7.2, "01.0" from 10.0 on.
        slot = place // 8 if isinstance(place, int) else int(place.split(".")[0], 16)
        free = f"slot {slot}"
    else:
        free = free["error"]["desc"]
    named = ask("device_add", id="named", addr="1", **card)
    print(f"no slot: {free}; slot 1: {'taken' if 'return' in named else named['error']['desc']}")
finally:
    qemu.kill()
    qemu.wait()
PYTHON
}

fetch bookworm '1:7.2+dfsg-7+deb12u18+b3' 7.2
fetch trixie '1:10.0.13+ds-0+deb13u1' 10.0
seen=$(for version in 7.2 10.0; do
    echo "$version acpi: $(look "$version")"
    echo "$version shpc: $(look "$version" \
        -global PIIX4_PM.acpi-pci-hotplug-with-bridge-support=off -global pci-bridge.shpc=on)"
done)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "this has changed" >&2; exit 1; }
