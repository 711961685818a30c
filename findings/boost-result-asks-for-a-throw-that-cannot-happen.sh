#!/bin/bash
# What Boost.System's result wants to know of an error type of one's own before a value is taken out.
#
# Guess: whoever asks "has it a value?" first, and then writes *answer, needs nothing more: the two have
#   undefined behaviour without a value, like those of std::optional, and throw nothing. Only value(),
#   which throws, needs a function throw_exception_from_error(Error const&, source_location const&).
# Behaviour: so it is in 1.83. In 1.92 they are value() by another name, which throws where there is no
#   value, and do not compile where that function is missing, however surely there is one.
# So: it is declared beside the error type, found by argument-dependent lookup:
#     [[noreturn]] void throw_exception_from_error(Error const&, boost::source_location const&);
# Seen with the versions below (compiled by this host's g++):
#   1.83.0-4.2: compiles
#   1.92.0-4+b1: no matching function for call to throw_exception_from_error
#   1.92.0-4+b1 with the function: compiles
#
# Needs mmdebstrap, g++ and the host's Debian mirror. Nothing is installed on the host.
set -euo pipefail
old=1.83.0-4.2 new=1.92.0-4+b1
expected="$old: compiles
$new: no matching function for call to throw_exception_from_error
$new with the function: compiles"

codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
# shellcheck disable=SC2016 # apt's variables
mirror=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
    sed -n "s/^$codename //p" | head -n1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# fetch SUITE PACKAGE VERSION: its headers are in $work/VERSION.
fetch() {
    mmdebstrap --variant=extract --mode=chrootless --aptopt='Acquire::Check-Valid-Until "false"' \
        --keyring=/usr/share/keyrings/debian-archive-keyring.gpg --include="$2=$3" \
        "$1" "$work/root" "$mirror" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
    mkdir "$work/$3"
    mv "$work/root/usr/include/boost" "$work/$3/boost" # and no other header of that suite
    rm -rf "$work/root"
}

# look VERSION WORDS...: compiles with that Boost, and says how it went.
look() {
    local version=$1 said
    shift
    if said=$(g++ -std=c++20 -fsyntax-only -I"$work/$version" "$@" "$work/look.cpp" 2>&1); then
        echo compiles
    else
        grep -o -m1 'no matching function for call to .throw_exception_from_error' <<<"$said" | tr -d "'‘"
    fi
}

cat >"$work/look.cpp" <<'CPP'
#include <boost/system/result.hpp>

struct Error {};

#ifdef WITH_FUNCTION
[[noreturn]] void throw_exception_from_error(Error const&, boost::source_location const&);
#endif

int main() {
    boost::system::result<int, Error> answer(42);
    return answer ? *answer : 0;
}
CPP
fetch trixie libboost1.83-dev "$old"
fetch sid libboost1.92-dev "$new"
seen="$old: $(look "$old")
$new: $(look "$new")
$new with the function: $(look "$new" -DWITH_FUNCTION)"
echo "$seen"
[[ $seen == "$expected" ]] || { echo "this has changed" >&2; exit 1; }
