#!/bin/bash
# Fetches Debian's cloud kernel for the test guest: the image and the modules VFIO needs, taken out
# of the package without installing it. Done once per machine; --check only says whether it is done.
set -euo pipefail
guest_dir=${IVSHMEMD_GUEST_DIR:?}
modules=('*/irqbypass.ko' '*/vfio_virqfd.ko' '*/vfio.ko' '*/vfio_iommu_type1.ko'
    '*/vfio-pci-core.ko' '*/vfio-pci.ko')

[[ ! -s $guest_dir/vmlinuz ]] || exit 0
[[ ${1:-} != --check ]] || exit 1

mkdir -p "$guest_dir"
work=$(mktemp -d "$guest_dir/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

# The meta package always depends on the current kernel's real package.
package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: //p' | head -n1)
[[ -n $package ]] || { echo "no package provides linux-image-cloud-amd64" >&2; exit 1; }
# apt's own user may not write here; downloading as ourselves needs no such user.
apt-get -o APT::Sandbox::User="$(id -un)" download "$package"

mkdir tree modules
dpkg-deb --fsys-tarfile "$(echo ./*.deb)" |
    tar -x -C tree --wildcards './boot/vmlinuz*' "${modules[@]}"
find tree -name '*.ko' -exec mv {} modules/ \;
chmod 644 tree/boot/vmlinuz* modules/*

rm -rf "$guest_dir/modules"
mv modules "$guest_dir/modules"
# Last, because it is what says that all is there.
mv tree/boot/vmlinuz* "$guest_dir/vmlinuz"
