#!/bin/bash
# What becomes of "return value;" in a function that returns std::optional<nlohmann::json>.
#
# Guess: a std::optional<T> is made from a T by its own constructor, always.
# Behaviour: nlohmann's json converts itself into nearly anything, a std::optional<json> among it, by
#   an implicit conversion operator. With g++ 14 the constructor is chosen; with g++ 16 the same line is
#   ambiguous for a value that is const, and still compiles for one that is not.
# So: no std::optional<json>; a null value says "none", or the optional is made explicitly:
#     return std::make_optional(value);
# Seen with the versions below:
#   trixie g++ 14.2.0-19, json 3.11.3-2.1: compiles, const or not
#   sid g++ 16.2.0-4, json 3.12.0.really.3.12.0.really.3.11.3-3: const is ambiguous, else it compiles
#
# Needs root, mmdebstrap and the host's Debian mirror. Nothing is installed on the host.
set -euo pipefail
expected='trixie g++ 14.2.0-19, json 3.11.3-2.1
  const json: compiles
  json: compiles
  const json, made explicitly: compiles
sid g++ 16.2.0-4, json 3.12.0.really.3.12.0.really.3.11.3-3
  const json: is ambiguous
  json: compiles
  const json, made explicitly: compiles'

codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
# shellcheck disable=SC2016 # apt's variables
mirror=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
    sed -n "s/^$codename //p" | head -n1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# fetch SUITE: a root with a compiler and the library is $work/SUITE.
fetch() {
    mmdebstrap --variant=minbase --aptopt='Acquire::Check-Valid-Until "false"' \
        --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
        --include=g++,nlohmann-json3-dev "$1" "$work/$1" "$mirror" >"$work/log" 2>&1 ||
        { cat "$work/log" >&2; exit 1; }
    cat >"$work/$1/look.cpp" <<'CPP'
#include <nlohmann/json.hpp>
#include <optional>

std::optional<nlohmann::json> only() {
    VALUE = 7;
    return RETURNED;
}

int main() {
    return only() ? 0 : 1;
}
CPP
}

# look SUITE VALUE RETURNED
look() {
    local said
    if said=$(chroot "$work/$1" g++ -std=c++20 -fsyntax-only -DVALUE="$2" -DRETURNED="$3" /look.cpp 2>&1); then
        echo compiles
    else
        grep -o -m1 'is ambiguous' <<<"$said"
    fi
}

# version SUITE PACKAGE
# shellcheck disable=SC2016 # dpkg's variable
version() { chroot "$work/$1" dpkg-query -W -f '${Version}' "$2"; }

seen=$(
    for pair in trixie:g++-14 sid:g++-16; do
        suite=${pair%:*}
        fetch "$suite"
        echo "$suite g++ $(version "$suite" "${pair#*:}"), json $(version "$suite" nlohmann-json3-dev)"
        echo "  const json: $(look "$suite" 'const nlohmann::json value' value)"
        echo "  json: $(look "$suite" 'nlohmann::json value' value)"
        echo "  const json, made explicitly: $(look "$suite" 'const nlohmann::json value' 'std::make_optional(value)')"
    done
)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "this has changed" >&2; exit 1; }
