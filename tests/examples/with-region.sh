#!/bin/bash
# Runs a command while a region is plugged into a VM, and takes it out again afterwards. Shows how a
# script lives with ivshmemctl: exit statuses to decide by, --json and jq for values.
#
# usage: with-region.sh VM NAME SIZE COMMAND [ARGUMENT...]
#
# The command finds the region's file in $REGION, and the device's address in the guest, once there
# is one, in $GUEST_ADDRESS. The exit status is the command's, or that of the ivshmemctl that failed.
# A VM that is not available is waited for, as long as $PATIENCE says (in seconds, 10 by default).
set -euo pipefail

(($# >= 4)) || { sed -n 's/^# usage:/usage:/p' "$0" >&2; exit 2; }
vm=$1 name=$2 size=$3
shift 3
patience=${PATIENCE:-10}

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# The error in a reply, as "DeviceExists: ...": its name is for programs, the rest for people.
error_of() {
    jq -r '"\(.error | split(".") | last): \(.parameters | .message // tostring)"' <<<"$1"
}

# A failing command is expected here: "|| status=$?" keeps "set -e" from ending the script.
attach() {
    local status reply
    while :; do
        status=0
        reply=$(ivshmemctl --json attach "$vm" "$name" --size "$size" 2>/dev/null) || status=$?
        case $status in
            0) break ;;
            5) # the daemon does not run or the VM is not connected: either may come
                ((SECONDS < patience)) || { say "$(error_of "$reply")"; exit 5; }
                say "waiting for $vm"
                sleep 0.5
                ;;
            *) # 2 to 4: it would fail again; 6: something is in the way; 7 to 9: see ivshmem(7)
                say "$(error_of "$reply")"
                exit "$status"
                ;;
        esac
    done
    # An equal device may have been there before, which is not ours to take out.
    jq -e .changed <<<"$reply" >/dev/null || { say "$vm has $name already"; exit 6; }
}

# The reply to an attach does not wait for the guest.
wait_for_guest() {
    local end=$((SECONDS + patience))
    until device=$(ivshmemctl --json show "$vm" "$name") &&
        jq -e '.devices[0].guestMapped' <<<"$device"; do
        ((SECONDS < end)) || { say "the guest of $vm has not taken $name up yet"; break; }
        sleep 0.2
    done >/dev/null
}

detach() {
    local status=0
    ivshmemctl --json detach "$vm" "$name" --timeout 30 --remove-region >/dev/null || status=$?
    case $status in
        0) ;;
        3) say "$name is gone already" ;;
        7) say "$vm has not let go of $name; it leaves as soon as the guest lets it" ;;
        *) exit "$status" ;;
    esac
}

attach
trap detach EXIT
wait_for_guest
REGION=$(ivshmemctl --json regions |
    jq -r --arg name "$name" '.regions[] | select(.name == $name).path')
GUEST_ADDRESS=$(jq -r '.devices[0].guestAddress // ""' <<<"$device")
export REGION GUEST_ADDRESS
"$@"
