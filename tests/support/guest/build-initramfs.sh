#!/bin/bash
# Packs the test guest's initramfs: busybox, init, our programs and the VFIO modules. Built again
# only when one of its inputs changed; --check only says whether it is up to date.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
guest_dir=${IVSHMEMD_GUEST_DIR:?}
busybox=$(command -v busybox || true)
image=$guest_dir/initramfs.cpio

fingerprint() {
    cat "$here/init" "$here"/*.c "$here/build-initramfs.sh" "$busybox" \
        "$guest_dir/vmlinuz" "$guest_dir"/modules/*.ko 2>/dev/null | sha256sum
}

up_to_date() {
    [[ -n $busybox && -s $guest_dir/vmlinuz && -s $image ]] || return 1
    [[ $(cat "$image.inputs" 2>/dev/null) == "$(fingerprint)" ]]
}

if up_to_date; then exit 0; fi
[[ ${1:-} != --check ]] || exit 1

work=$(mktemp -d "$guest_dir/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{bin,dev,proc,sys,tmp,modules}
cp "$busybox" "$work/bin/busybox"
cp "$guest_dir"/modules/*.ko "$work/modules/"
install -m 755 "$here/init" "$work/init"
for program in shm interrupts; do
    gcc -static -Os -Wall -Wextra -Werror -s -o "$work/bin/$program" "$here/$program.c"
done

(cd "$work" && find . | LC_ALL=C sort | cpio --quiet -o -H newc --owner 0:0) >"$work.cpio"
mv "$work.cpio" "$image"
fingerprint >"$image.inputs"
