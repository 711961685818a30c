#!/bin/bash
# Whether a std::string can be compared with a value of nlohmann's json, the string on the left.
#
# Guess: text == value says what value == text says, and whoever may write the one may write the
#   other, with every compiler that knows the language version.
# Behaviour: C++20 first let a compiler turn the operands of == round, and g++ 12 does so. A later
#   correction of C++20 (P2468) takes that back where the operator has a != beside it, as json's have:
#   with g++ 14 no operator is found any more. In C++17 nothing is turned round, json's own templates
#   take the string, and both compile with both.
# So: the json value stands on the left, or the string is made one: value == text, json(text) == value.
# Seen with the versions below:
#   bookworm g++ 12.2.0-14+deb12u1, json 3.11.2-2: all compile
#   trixie g++ 14.2.0-19, json 3.11.3-2.1: c++20 text == value: no match for operator==
#
# Needs root, mmdebstrap and the host's Debian mirror. Nothing is installed on the host.
set -euo pipefail
expected='bookworm g++ 12.2.0-14+deb12u1, json 3.11.2-2
  c++17 text == value: compiles
  c++20 text == value: compiles
  c++20 value == text: compiles
trixie g++ 14.2.0-19, json 3.11.3-2.1
  c++17 text == value: compiles
  c++20 text == value: no match for operator==
  c++20 value == text: compiles'

codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
# shellcheck disable=SC2016 # apt's variables
mirror=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
    sed -n "s/^$codename //p" | head -n1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# fetch SUITE: a root with a compiler and the library is $work/SUITE.
fetch() {
    mmdebstrap --variant=minbase --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
        --include=g++,nlohmann-json3-dev "$1" "$work/$1" "$mirror" >"$work/log" 2>&1 ||
        { cat "$work/log" >&2; exit 1; }
    cat >"$work/$1/look.cpp" <<'CPP'
#include <nlohmann/json.hpp>
#include <string>

int main() {
    const nlohmann::json value = "a";
    const std::string text = "a";
    return COMPARISON ? 0 : 1;
}
CPP
}

# look SUITE LANGUAGE COMPARISON
look() {
    local said
    printf '  %s %s: ' "$2" "$3"
    if said=$(chroot "$work/$1" g++ -std="$2" -fsyntax-only -DCOMPARISON="$3" /look.cpp 2>&1); then
        echo compiles
    else
        grep -o -m1 'no match for .operator==' <<<"$said" | tr -d "'‘"
    fi
}

# version SUITE PACKAGE
# shellcheck disable=SC2016 # dpkg's variable
version() { chroot "$work/$1" dpkg-query -W -f '${Version}' "$2"; }

seen=$(
    for pair in bookworm:g++-12 trixie:g++-14; do
        suite=${pair%:*}
        fetch "$suite"
        echo "$suite g++ $(version "$suite" "${pair#*:}"), json $(version "$suite" nlohmann-json3-dev)"
        look "$suite" c++17 'text == value'
        look "$suite" c++20 'text == value'
        look "$suite" c++20 'value == text'
    done
)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "this has changed" >&2; exit 1; }
