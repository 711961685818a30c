#!/bin/bash
# Gives a running VM the shared memory that Looking Glass shows its screen through.
#
# usage: looking-glass.sh [--hdr] WIDTHxHEIGHT [VM [USER]]
#
# Without a VM, it prints the size in bytes and changes nothing. USER is who runs looking-glass-client;
# by default whoever calls this, also by sudo. That user gets at the memory through a group, which
# ivshmemd.toml names once and for all:
#   [region]
#   group = "kvm"
#
# The VM needs no <shmem> or -device of its own. On q35 it needs a free root port with room:
#   -device pcie-root-port,id=shm1,chassis=101,slot=101,pref64-reserve=256M
# Exit status: that of ivshmemctl; 4 also when USER could not open the memory.
set -euo pipefail

name=looking-glass # also the file in /dev/shm that the client opens if not told otherwise
bytes_per_pixel=4
[[ ${1-} != --hdr ]] || { bytes_per_pixel=8; shift; }
if ! [[ ${1-} =~ ^([1-9][0-9]{0,4})x([1-9][0-9]{0,4})$ ]] || (($# > 3)); then
    sed -n 's/^# usage:/usage:/p' "$0" >&2
    exit 2
fi

# Two frames, and 10 MiB for the pointer, the clipboard and the like; QEMU takes powers of two only.
needed=$((BASH_REMATCH[1] * BASH_REMATCH[2] * bytes_per_pixel * 2 + 10 * 1024 * 1024))
size=1
while ((size < needed)); do ((size *= 2)); done
if (($# == 1)); then
    echo "$size"
    exit
fi
vm=$2 user=${3:-${SUDO_USER:-$(id -un)}}

# A device of this size that is there already is as good as a new one.
status=0
ivshmemctl attach "$vm" "$name" --region "$name" --size "$size" --model ivshmem-plain || status=$?
if ((status == 6)); then
    printf 'For another size, take out what is there: ivshmemctl detach %s %s --remove-region\n' \
        "$vm" "$name" >&2
fi
((status == 0)) || exit "$status"

file=$(ivshmemctl --json regions |
    jq -r --arg name "$name" '.regions[] | select(.name == $name).path')
as_user=()
[[ $user == "$(id -un)" ]] || as_user=(runuser -u "$user" --)
if ! "${as_user[@]}" test -r "$file" -a -w "$file"; then
    printf '%s may not open %s: does [region] in ivshmemd.toml have a group that %s is in?\n' \
        "$user" "$file" "$user" >&2
    printf 'A region keeps the group it was made with: after a change, detach --remove-region.\n' >&2
    exit 4
fi
printf 'Now %s can run: looking-glass-client -f %s\n' "$user" "$file"
