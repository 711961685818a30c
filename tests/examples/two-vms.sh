#!/bin/bash
# Two running VMs get a region in common and exchange messages through it, while the host looks on.
#
# usage: two-vms.sh ASKING-VM ANSWERING-VM
#
# The program mailbox has to be in the PATH of both guests, and of the host to see what went through:
#   gcc -O2 -static -o mailbox mailbox.c
# A command is run in a guest by "ssh VM COMMAND", or what IN_GUEST says in place of ssh; root has to
# run it there, to whom the memory of PCI devices belongs.
set -euo pipefail

(($# == 2)) || { sed -n 's/^# usage:/usage:/p' "$0" >&2; exit 2; }
asking=$1 answering=$2
name=mailbox
read -ra in_guest <<<"${IN_GUEST:-ssh}"

note() { printf '\n# %s\n' "$*"; }

# Whatever happens, nothing stays behind. The region goes with its last device.
finish() {
    local vm
    [[ -z $answerer ]] || kill "$answerer" 2>/dev/null || true
    for vm in "$answering" "$asking"; do
        [[ -z ${attached[$vm]-} ]] || ivshmemctl detach "$vm" "$name" --remove-region || true
    done
}
answerer=
declare -A attached=()
trap finish EXIT

# attach VM ARGUMENTS...
attach() {
    ivshmemctl attach "$1" "$name" "${@:2}"
    attached[$1]=yes
}

# Waits until the guest has mapped the memory, and prints the file that it is in the guest.
memory_of() {
    local device deadline=$((SECONDS + 30))
    while ((SECONDS < deadline)); do
        device=$(ivshmemctl --json show "$1" "$name" | jq '.devices[0]')
        if jq -e .guestMapped <<<"$device" >/dev/null; then
            jq -r '"/sys/bus/pci/devices/\(.guestAddress)/resource2"' <<<"$device"
            return
        fi
        sleep 0.2
    done
    printf 'the guest of %s has not taken the device up\n' "$1" >&2
    return 1
}

note "One region, two VMs: its content moves with the master's VM, should that migrate"
attach "$asking" --size 64K --role master
attach "$answering" --role peer
ivshmemctl topology
asking_memory=$(memory_of "$asking")
answering_memory=$(memory_of "$answering")

note "$answering waits for three questions, $asking asks them"
"${in_guest[@]}" "$answering" "mailbox $answering_memory answer 3" &
answerer=$!
"${in_guest[@]}" "$asking" "mailbox $asking_memory ask hello 'how are you' bye"
wait "$answerer"
answerer=

note "The same as the host sees it"
region=$(ivshmemctl --json regions |
    jq -r --arg name "$name" '.regions[] | select(.name == $name).path')
mailbox "$region" show

note "Both let go of it again"
