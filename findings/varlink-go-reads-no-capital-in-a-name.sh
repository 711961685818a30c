#!/bin/bash
# What varlink-go's generator does with an interface whose name has a capital letter.
#
# Guess: it makes a client of it. The specification has capitals in such names, and others, such as
#   io.systemd.Hostname, have them too.
# Behaviour: it takes the name to end before the capital, finds no keyword in what follows, and fails.
#   With the same name in small letters it makes the client.
# So: it is given the name in small letters, and in what it makes every such name is put right, for it
#   is what goes to the service:
#     sed 's/^interface io.systemd.Hostname/interface io.systemd.hostname/' FILE >io.systemd.hostname.varlink
#     varlink-go-interface-generator io.systemd.hostname.varlink
#     sed -i 's/io\.systemd\.hostname/io.systemd.Hostname/g' iosystemdhostname.go
# Seen with the version below:
#   org.example.Ping: Error parsing file 'ping.varlink': unknown keyword ''
#   org.example.ping: made
#
# Needs mmdebstrap and the host's Debian mirror. Nothing is installed on the host.
set -euo pipefail
expected="org.example.Ping: Error parsing file 'ping.varlink': unknown keyword ''
org.example.ping: made"

codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
# shellcheck disable=SC2016 # apt's variables
mirror=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
    sed -n "s/^$codename //p" | head -n1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck disable=SC2016 # mmdebstrap's variable
merge='cd "$1" && mkdir -p usr/bin usr/sbin usr/lib usr/lib64 && ln -s usr/* .'
mmdebstrap --variant=extract --mode=chrootless --include='varlink-go=0.4.0-2+b4' \
    --setup-hook="$merge" --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
    bookworm "$work/root" "$mirror" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }

# look NAME: has a client made of an interface of that name, and says how that ended.
look() {
    local said
    printf 'interface %s\n\nmethod Ping(text: string) -> (text: string)\n' "$1" >ping.varlink
    if said=$("$work/root/usr/bin/varlink-go-interface-generator" ping.varlink 2>&1); then
        said=made
    fi
    echo "$1: $said"
}

cd "$work"
seen=$(look org.example.Ping && look org.example.ping)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "this has changed" >&2; exit 1; }
