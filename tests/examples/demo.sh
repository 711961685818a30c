#!/bin/bash
# The main job on screen: boots a VM, attaches a region while it runs, lets host and guest read each
# other's words through it, and takes it out again. Everything shown is real output.
set -euo pipefail

bin=${IVSHMEMD_BIN_DIR:-build/bin}
guest=${IVSHMEMD_GUEST_DIR:?set by ./dev}
qemu=${QEMU_SYSTEM_X86_64:-qemu-system-x86_64}
region=ivshmemd-demo

if [[ -e /dev/shm/$region ]]; then
    printf '/dev/shm/%s is in the way; is another demo running?\n' "$region" >&2
    exit 1
fi
dir=$(mktemp -d /tmp/ivshmemd-demo.XXXXXX)
children=()
finish() {
    local status=$?
    kill "${children[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    ((status == 0)) || cat "$dir"/*.log >&2 || true
    rm -rf "$dir" "/dev/shm/$region"
    exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM

note() { printf '\n\033[1m# %s\033[0m\n' "$*"; }

# Shows a command as one would type it, then runs it.
show() {
    printf '$ %s\n' "$*"
    "$@"
}

ivshmemctl() { command "$bin/ivshmemctl" --socket "$dir/ivshmemd.sock" "$@"; }

# Waits until a line of the guest's console matches; it is left in $line.
await_console() {
    while IFS= read -r -t 120 -u "$console_out" line; do
        line=${line%$'\r'}
        # shellcheck disable=SC2254 # the argument is a pattern
        case $line in $1) return ;; esac
        console_text+=$line$'\n'
    done
    printf 'the guest never said %s\n' "$1" >&2
    return 1
}

# Runs a command in the guest; prints its output and leaves it in $answer.
commands=0
in_guest() {
    printf 'guest# %s\n' "$*"
    commands=$((commands + 1))
    console_text=
    printf '%d %s\n' "$commands" "$*" >&"$console_in"
    await_console "END $commands *"
    # The guest ends its output with a line of its own.
    answer=${console_text%$'\n'}
    answer=${answer%$'\n'}
    printf '%s\n' "$answer"
    [[ $line == "END $commands 0" ]]
}

note "A VM with a QMP socket boots (no KVM needed), and the daemon looks after it"
mkfifo "$dir/serial.in" "$dir/serial.out"
"$qemu" -machine pc,accel=tcg -m 192 -nodefaults -display none -no-user-config \
    -kernel "$guest/vmlinuz" -initrd "$guest/initramfs.cpio" \
    -append "console=ttyS0 quiet no_timer_check tsc=unstable panic=-1" \
    -chardev "pipe,id=serial,path=$dir/serial" -serial chardev:serial \
    -qmp "unix:$dir/demo.qmp,server,nowait" >"$dir/qemu.log" 2>&1 &
children+=($!)
exec {console_in}<>"$dir/serial.in" {console_out}<>"$dir/serial.out"
console_text=
await_console GUEST-READY

"$bin/ivshmemd" --socket "$dir/ivshmemd.sock" --vm "demo=$dir/demo.qmp" --state-dir "$dir/state" \
    >"$dir/ivshmemd.log" 2>&1 &
children+=($!)
until ivshmemctl --json=short vms 2>/dev/null | grep -q '"state":"connected"'; do
    kill -0 "${children[1]}" # ends the demo if the daemon is gone
    read -r -t 0.1 -u "$console_out" _ || true
done
show ivshmemctl vms
show ivshmemctl probe demo

note "A region appears in the running VM"
show ivshmemctl attach demo "$region" --size 1M --role master
show ivshmemctl list demo
until in_guest "sleep 0.2; shm list" && [[ $answer == *" 1048576" ]]; do :; done

note "The host writes a message, the guest reads it from BAR 2; and back"
message="hello from the host"
printf '$ printf %%s "%s" | dd of=/dev/shm/%s conv=notrunc\n' "$message" "$region"
printf %s "$message" | dd of="/dev/shm/$region" conv=notrunc status=none
in_guest shm read 0 ${#message}
[[ $answer == "$message" ]]
in_guest "shm write 64 'hello from the guest'"
show dd if="/dev/shm/$region" bs=1 skip=64 count=20 status=none
printf '\n'
[[ $(dd if="/dev/shm/$region" bs=1 skip=64 count=20 status=none) == "hello from the guest" ]]

note "It leaves again; the VM goes on"
show ivshmemctl detach demo "$region" --remove-region
show ivshmemctl list demo
[[ ! -e /dev/shm/$region ]]
in_guest shm list
note "done"
