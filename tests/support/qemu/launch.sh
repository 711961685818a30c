#!/bin/bash
# Runs the QEMU of this folder on its own interpreter, libraries, modules and firmware: in a mount
# namespace that is the host but for /usr, so that every path outside of /usr means the same file in
# there. The process stays the same one: QEMU has the pid that whoever started this knows.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")

if [[ ${1:-} != --inside ]]; then
    user=()
    # Others than root may mount in a user namespace. bubblewrap would make one too, but not keep
    # the pid.
    ((EUID == 0)) || user=(--user --map-current-user --keep-caps)
    exec unshare "${user[@]}" --mount --propagation slave "$BASH" "$0" --inside "$@"
fi
shift

root=$here/root
mount --rbind / "$root"
mount --bind "$here/usr" "$root/usr"
# These would lead the interpreter to libraries of the host.
unset LD_LIBRARY_PATH LD_PRELOAD
for file in /etc/ld.so.cache /etc/ld.so.preload; do
    [[ ! -e $file ]] || mount --bind /dev/null "$root$file"
done
# With a chroot, /proc/PID/maps would not name QEMU's files as the host does. The host's root stays
# mounted at $root.
/usr/sbin/pivot_root "$root" "$root$root"
cd "$PWD" 2>/dev/null || cd /
exec -a "$here/qemu-system-x86_64" /usr/bin/qemu-system-x86_64 "$@"
