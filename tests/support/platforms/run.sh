#!/bin/bash
# Builds and tests the last commit in a fresh minimal root of a Debian suite, with the commands that
# a developer there would type, and writes what came of each and how long it took.
#
# usage: run.sh SUITE COMPILER FLAGS RECORD LOG   (as root)
#
# COMPILER is g++ or clang++, FLAGS go to it beside those of the build. In RECORD comes a line for
# each command: its name, "ok" or "FAILED", seconds. IVSHMEMD_PLATFORM_DIR holds the root while it is
# used, and the packages that were fetched, for the next time; with IVSHMEMD_PLATFORM_CCACHE set also
# what was compiled, so that a second run tells what the tests take.
set -euo pipefail
(($# == 5)) || { sed -n '2,10s/^# \?//p' "$0" >&2; exit 2; }
suite=$1 compiler=$2 flags=$3 record=$(realpath -m "$4") log=$(realpath -m "$5")
here=$(dirname "$(readlink -f "$0")")
source_dir=$(cd "$here/../../.." && pwd)
directory=${IVSHMEMD_PLATFORM_DIR:?}
archives=$directory/archives-$suite
ccache=$directory/ccache-$suite
mkdir -p "$archives" "$ccache"
root=$(mktemp -d "$directory/root-$suite.XXXXXX")
trap 'rm -rf --one-file-system "$root"' EXIT
: >"$record"

# A mirror may stand still for longer than its sid is valid.
mmdebstrap --variant=minbase --aptopt='Acquire::Check-Valid-Until "false"' \
    --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
    "$suite" "$root" "$("$here/../mirror.sh")" &>"$log"
chmod 755 "$root"
mkdir -p "$root/root/.cache/ccache"
git clone --quiet "$source_dir" "$root/src" &>>"$log"

# in_root COMMAND...: its mounts and processes are its own.
in_root() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --mount --pid --fork --kill-child --propagation private bash -c '
        set -e
        root=$1 archives=$2 ccache=$3
        shift 3
        mount --bind "$root" "$root"
        mount --bind "$archives" "$root/var/cache/apt/archives"
        [[ -z ${IVSHMEMD_PLATFORM_CCACHE:-} ]] || mount --bind "$ccache" "$root/root/.cache/ccache"
        mount -t proc proc "$root/proc"
        mount --rbind /sys "$root/sys"
        mount --rbind /dev "$root/dev"
        mount -t tmpfs shm "$root/dev/shm"
        [[ ! -e /etc/resolv.conf ]] || cat /etc/resolv.conf >"$root/etc/resolv.conf"
        exec chroot "$root" env -i PATH="$PATH" HOME=/root CXX="$COMPILER" CXXFLAGS="$FLAGS" \
            sh -c "cd /src && exec \"\$@\"" sh "$@"' \
        in_root "$root" "$archives" "$ccache" "$@"
}
export COMPILER=$compiler FLAGS=$flags

# try NAME COMMAND...
try() {
    local name=$1 start=$SECONDS outcome=ok
    shift
    printf '\n==> %s\n' "$name" >>"$log"
    in_root "$@" &>>"$log" </dev/null || outcome=FAILED
    printf '%s %s %s\n' "$name" "$outcome" $((SECONDS - start)) >>"$record"
    [[ $outcome == ok ]]
}

status=0
if [[ $compiler == clang++ ]]; then
    in_root apt-get update &>>"$log"
    in_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends clang \
        &>>"$log"
fi
try demo ./dev demo || status=1
try unit ./dev test -L unit || status=1
try e2e ./dev test -L qemu || status=1
try package ./dev package || status=1
exit $status
