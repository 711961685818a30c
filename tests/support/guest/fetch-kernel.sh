#!/bin/bash
# Fetches Debian's cloud kernel for the test guest out of its package, without installing it: the
# image and the modules VFIO needs. With "arm64" that architecture's image and busybox, which the
# host cannot have installed. Done once per machine; --check only says whether it is done.
set -euo pipefail
shopt -s nullglob
check=no
[[ ${1:-} != --check ]] || { check=yes; shift; }
arch=${1:-amd64}
guest_dir=${IVSHMEMD_GUEST_DIR:?}
[[ $arch == amd64 ]] || guest_dir+=/$arch
modules=('*/irqbypass.ko' '*/vfio_virqfd.ko' '*/vfio.ko' '*/vfio_iommu_type1.ko'
    '*/vfio-pci-core.ko' '*/vfio-pci.ko')

[[ ! -s $guest_dir/vmlinuz ]] || exit 0
[[ $check == no ]] || exit 1

mkdir -p "$guest_dir"
work=$(mktemp -d "$guest_dir/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

# apt's own user may not write here; downloading as ourselves needs no such user.
options=(-o "APT::Sandbox::User=$(id -un)")
if [[ $arch != amd64 ]]; then
    modules=()
    # The host's package sources with lists of our own: the host learns of no other architecture.
    mkdir -p apt/lists/partial apt/cache/archives/partial
    touch apt/status
    options+=(-o "APT::Architecture=$arch" -o "APT::Architectures=$arch" -o "Dir::State=$work/apt"
        -o "Dir::State::lists=$work/apt/lists" -o "Dir::State::status=$work/apt/status"
        -o "Dir::Cache=$work/apt/cache" -o Acquire::Languages=none)
    apt-get "${options[@]}" update
    apt-get "${options[@]}" download busybox-static
    dpkg-deb --fsys-tarfile busybox-static*.deb | tar -x ./bin/busybox
    mv bin/busybox "$guest_dir/busybox"
fi

# The meta package always depends on the current kernel's real package.
meta=linux-image-cloud-$arch
package=$(apt-cache "${options[@]}" depends "$meta" | sed -n 's/^ *Depends: //p' | head -n1)
[[ -n $package ]] || { echo "no package provides $meta" >&2; exit 1; }
apt-get "${options[@]}" download "$package"

mkdir tree modules
dpkg-deb --fsys-tarfile "$(echo ./linux-image*.deb)" |
    tar -x -C tree --wildcards './boot/vmlinuz*' "${modules[@]}"
find tree -name '*.ko' -exec mv {} modules/ \;
chmod 644 tree/boot/vmlinuz* modules/*

rm -rf "$guest_dir/modules"
mv modules "$guest_dir/modules"
# Last, because it is what says that all is there.
mv tree/boot/vmlinuz* "$guest_dir/vmlinuz"
