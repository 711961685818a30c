#!/bin/bash
# Packs the test guest's initramfs: busybox, init, our programs and the VFIO modules; with "arm64" one
# for that architecture. Built again only when one of its inputs changed; --check only says whether
# it is up to date.
set -euo pipefail
shopt -s nullglob
check=no
[[ ${1:-} != --check ]] || { check=yes; shift; }
arch=${1:-amd64}
here=$(dirname "$(readlink -f "$0")")
guest_dir=${IVSHMEMD_GUEST_DIR:?}
if [[ $arch == amd64 ]]; then
    busybox=$(command -v busybox || true)
    programs=("$here"/*.c)
else
    guest_dir+=/$arch
    busybox=$guest_dir/busybox
    programs=("$here/shm.sh")
fi
image=$guest_dir/initramfs.cpio

fingerprint() {
    cat "$here/init" "${programs[@]}" "$here/build-initramfs.sh" "$busybox" \
        "$guest_dir/vmlinuz" "$guest_dir"/modules/*.ko 2>/dev/null | sha256sum
}

up_to_date() {
    [[ -n $busybox && -s $guest_dir/vmlinuz && -s $image ]] || return 1
    [[ $(cat "$image.inputs" 2>/dev/null) == "$(fingerprint)" ]]
}

if up_to_date; then exit 0; fi
[[ $check == no ]] || exit 1

work=$(mktemp -d "$guest_dir/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{bin,dev,proc,sys,tmp,modules}
cp "$busybox" "$work/bin/busybox"
for module in "$guest_dir"/modules/*.ko; do cp "$module" "$work/modules/"; done
install -m 755 "$here/init" "$work/init"
for program in "${programs[@]}"; do
    name=$(basename "${program%.*}")
    case $program in
        *.c) gcc -static -Os -Wall -Wextra -Werror -s -o "$work/bin/$name" "$program" ;;
        *) install -m 755 "$program" "$work/bin/$name" ;;
    esac
done

(cd "$work" && find . | LC_ALL=C sort | cpio --quiet -o -H newc --owner 0:0) >"$work.cpio"
mv "$work.cpio" "$image"
fingerprint >"$image.inputs"
