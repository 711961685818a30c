#!/bin/bash
# Fetches a QEMU out of a Debian suite, so that the tests can run with others than the host's: /usr
# with its package and those it depends on, and launch.sh, which runs it on them. Nothing is
# installed, and root is not needed. Done once per version; --check only says whether it is done.
set -euo pipefail
check=no
[[ ${1:-} != --check ]] || { check=yes; shift; }
version=${1:-}
case $version in
    5.2) suite=bullseye ;;
    7.2) suite=bookworm ;;
    10.0) suite=trixie ;;
    11) suite=sid ;;
    *) echo "no QEMU '$version' to fetch; there are 5.2, 7.2, 10.0 and 11" >&2; exit 2 ;;
esac
here=$(dirname "$(readlink -f "$0")")
qemu_dir=${IVSHMEMD_QEMU_DIR:?}
folder=$qemu_dir/$version

# The folder gets its name when all is in it.
if cmp -s "$here/launch.sh" "$folder/qemu-system-x86_64"; then exit 0; fi
[[ $check == no ]] || exit 1

fail() { printf 'fetching QEMU %s from Debian %s: %s\n' "$version" "$suite" "$*" >&2; exit 1; }

install_launcher() {
    install -m 755 "$here/launch.sh" "$1/launcher"
    mv "$1/launcher" "$1/qemu-system-x86_64"
}

mkdir -p "$qemu_dir"
exec {lock}>"$qemu_dir/lock"
flock "$lock"
rm -rf "$folder".?????? # left by one that was killed
if [[ -d $folder ]]; then
    install_launcher "$folder"
    exit 0
fi

mirror=$("$here/../mirror.sh")
[[ -n $mirror ]] || fail "apt has no mirror of this host's own suite"
work=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work" # other users run it too
# The host's /lib is a link into /usr, so theirs must be one, whether their suite does so or not.
# shellcheck disable=SC2016 # mmdebstrap's variable
merge='cd "$1" && mkdir -p usr/bin usr/sbin usr/lib usr/lib64 && ln -s usr/* .'
# A mirror may stand still for longer than its sid is valid.
mmdebstrap --variant=extract --mode=chrootless --include=qemu-system-x86 --setup-hook="$merge" \
    --aptopt='Acquire::Check-Valid-Until "false"' \
    --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
    "$suite" "$work/tree" "$mirror" || fail "mmdebstrap failed, see above"
mv "$work/tree/usr" "$work/usr"
rm -rf "$work/tree"
mkdir "$work/root"
install_launcher "$work"
found=$("$work/qemu-system-x86_64" --version | head -n1)
[[ $found == "QEMU emulator version $version."* ]] || fail "the suite has another: $found"
mv -T "$work" "$folder"
