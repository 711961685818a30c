#!/bin/bash
# The Debian source package of this tree: systemd/package is its directory debian, and the version tells
# the commit. Of a git tree the last commit is packed, and not what was changed since.
#
# usage: source-package.sh version           NUMBER+gitTIME.COUNT.COMMIT-1, by the commit's time (UTC) and
#                                            how many led to it; without git the one of debian/changelog,
#                                            and where there is none of that either, NUMBER-1
#        source-package.sh debian DIRECTORY [VERSION]   makes DIRECTORY/debian, of the tree as it is
#        source-package.sh build DIRECTORY   makes the .dsc in DIRECTORY, and what belongs to it
#
# SOURCE_DATE_EPOCH is the date of the package, if it is set, instead of the commit's.
set -euo pipefail
export LC_ALL=C TZ=UTC
[[ -z ${2:-} ]] || directory=$(realpath -m "$2")
cd "$(dirname "$(readlink -f "$0")")/.."

# Whoever runs this script trusts the tree it is in, whoever owns it.
git() { command git -c safe.directory='*' "$@"; }

of_commit() { git log -1 --format="$1" --date=format-local:%Y%m%d%H%M; }

version() {
    local number
    number=$(sed -n 's/^project(ivshmemd VERSION \([0-9.]*\) .*/\1/p' CMakeLists.txt)
    if [[ -e .git ]]; then
        echo "$number+git$(of_commit %cd).$(git rev-list --count HEAD).$(of_commit %H | head -c 8)-1"
    elif [[ -e debian/changelog ]]; then
        dpkg-parsechangelog --show-field Version
    else
        echo "$number-1"
    fi
}

# An archive of git's gives every file the time of the commit.
epoch() {
    if [[ -n ${SOURCE_DATE_EPOCH:-} ]]; then
        echo "$SOURCE_DATE_EPOCH"
    elif [[ -e .git ]]; then
        of_commit %ct
    elif [[ -e debian/changelog ]]; then
        dpkg-parsechangelog --show-field Timestamp
    else
        stat -c %Y CMakeLists.txt
    fi
}

# debian TREE DIRECTORY VERSION
debian() {
    local made=$2/debian maintainer date
    date=$(date -R -d "@$(epoch)")
    maintainer=$(sed -n 's/^Maintainer: //p' "$1/systemd/package/control")
    rm -rf "$made"
    mkdir -p "$2"
    cp -r "$1/systemd/package" "$made"
    sed -i "s/@VERSION@/$3/; s/@MAINTAINER@/$maintainer/; s/@DATE@/$date/" "$made/changelog"
}

# archive NAME: the tree as a tar, with all in a directory of that name.
archive() {
    if [[ -e .git ]]; then
        git -c tar.umask=0022 archive --format=tar --prefix="$1/" HEAD
    else
        tar -c --sort=name --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw \
            --mtime="@$(epoch)" --exclude='./build*' --exclude=./debian --exclude=./.pc \
            --transform="s,^\.,$1," .
    fi
}

build() {
    local version upstream tree
    version=$(version)
    upstream=${version%-*}
    tree=$1/ivshmemd-$upstream
    mkdir -p "$1"
    archive "ivshmemd-$upstream" | xz -T1 >"$1/ivshmemd_$upstream.orig.tar.xz"
    tar -xf "$1/ivshmemd_$upstream.orig.tar.xz" -C "$1"
    debian "$tree" "$tree" "$version"
    (cd "$1" && dpkg-source --build "${tree##*/}")
    rm -r "$tree"
}

case ${1:-} in
    version) version ;;
    debian) debian . "${directory:?}" "${3:-$(version)}" ;;
    build) build "${directory:?}" ;;
    *) sed -n '2,12s/^# \?//p' "$0" >&2 && exit 2 ;;
esac
