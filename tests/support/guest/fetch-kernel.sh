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
needed=(irqbypass vfio vfio_iommu_type1 vfio-pci-core vfio-pci)
optional=(vfio_virqfd) # a part of vfio since Linux 6.2

[[ ! -s $guest_dir/vmlinuz ]] || exit 0
[[ $check == no ]] || exit 1

mkdir -p "$guest_dir"
work=$(mktemp -d "$guest_dir/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

# apt's own user may not write here; downloading as ourselves needs no such user.
options=(-o "APT::Sandbox::User=$(id -un)")
if [[ $arch != amd64 ]]; then
    needed=() optional=()
    # The host's package sources with lists of our own: the host learns of no other architecture.
    mkdir -p apt/lists/partial apt/cache/archives/partial
    touch apt/status
    options+=(-o "APT::Architecture=$arch" -o "APT::Architectures=$arch" -o "Dir::State=$work/apt"
        -o "Dir::State::lists=$work/apt/lists" -o "Dir::State::status=$work/apt/status"
        -o "Dir::Cache=$work/apt/cache" -o Acquire::Languages=none)
    apt-get "${options[@]}" update
    apt-get "${options[@]}" download busybox-static
    dpkg-deb --extract busybox-static*.deb busybox
    cp -L busybox/bin/busybox "$guest_dir/busybox" 2>/dev/null ||
        mv busybox/usr/bin/busybox "$guest_dir/busybox"
fi

# The meta package always depends on the current kernel's real package.
meta=linux-image-cloud-$arch
depends() { apt-cache "${options[@]}" depends "$1" | sed -n 's/^ *Depends: \(linux-.*\)/\1/p'; }
package=$(depends "$meta" | grep -m1 '^linux-image-' || true)
[[ -n $package ]] || { echo "no package provides $meta" >&2; exit 1; }
# Newer suites have image and modules in packages that it depends on.
mapfile -t packages < <(depends "$package" | grep -E '^linux-(binary|modules|image)-' || true)
apt-get "${options[@]}" download "$package" "${packages[@]}"

mkdir tree modules
for file in ./linux-*.deb; do
    dpkg-deb --fsys-tarfile "$file" | tar -x -C tree --wildcards --no-anchored \
        'vmlinuz*' '*/irqbypass.ko*' '*/vfio*.ko*' 2>/dev/null || true # what this one has of it
done
for module in "${needed[@]}" "${optional[@]}"; do
    file=$(find tree -name "$module.ko*" | head -n1)
    case $file in
        *.ko) mv "$file" modules/ ;;
        *.ko.xz) xz -dc "$file" >"modules/$module.ko" ;;
        *.ko.zst) zstd -qdc "$file" >"modules/$module.ko" ;;
        *) [[ " ${optional[*]} " == *" $module "* ]] || { echo "$package has no $module.ko" >&2; exit 1; } ;;
    esac
done
image=$(find tree -name 'vmlinuz*' -type f | head -n1)
[[ -n $image ]] || { echo "$package has no image" >&2; exit 1; }
chmod 644 "$image" modules/*

rm -rf "$guest_dir/modules"
mv modules "$guest_dir/modules"
# Last, because it is what says that all is there.
mv "$image" "$guest_dir/vmlinuz"
