#!/bin/bash
# A client with nothing but bash, socat and jq, for where ivshmemctl is not: a call is a JSON object
# and a zero byte, and so is its reply.
#
# usage: client.sh vms
#        client.sh list VM
#        client.sh attach VM NAME BYTES
#        client.sh detach VM NAME
#
# A detach waits for the guest for TIMEOUT_MS milliseconds, 30000 by default.
# Exit status: 0 done, 1 the daemon said no, 2 usage, 5 no daemon, 7 the guest has not let go yet.
set -euo pipefail

socket=${IVSHMEMD_SOCKET:-/run/ivshmemd/ivshmemd.sock}

die() {
    printf '%s\n' "$2" >&2
    exit "$1"
}

usage() { die 2 "usage: ${0##*/} vms | list VM | attach VM NAME BYTES | detach VM NAME"; }

# The connection stays open until the reply is there: a client that hangs up, even by half, as socat
# does at the end of its input, has stopped waiting.
connect() {
    socat -u OPEN:/dev/null "UNIX-CONNECT:$socket" 2>/dev/null || die 5 "no ivshmemd on $socket"
    coproc daemon { exec socat - "UNIX-CONNECT:$socket"; }
    # shellcheck disable=SC2154 # coproc sets it
    trap 'kill "$daemon_PID" 2>/dev/null' EXIT
}

# exchange REQUEST: the reply's text in $reply.
exchange() {
    printf '%s\0' "$1" >&"${daemon[1]-}"
    IFS= read -r -d '' reply <&"${daemon[0]-}"
}

# call METHOD [JQ-ARGUMENT...]: parameters by jq's --arg and --argjson, which see to the quoting; those
# of the reply are left in $reply.
call() {
    local request error
    request=$(jq -cn "${@:2}" '{method: $ARGS.positional[0], parameters: $ARGS.named}' \
        --args "io.ivshmemd.Hotplug.$1")
    exchange "$request" || die 5 "the connection to ivshmemd broke off"
    error=$(jq -r '.error // empty' <<<"$reply")
    reply=$(jq -c '.parameters // {}' <<<"$reply")
    [[ -z $error ]] || die 1 "${error##*.}: $(jq -r '.message // tostring' <<<"$reply")"
}

case ${1-} in
    vms) (($# == 1)) || usage ;;
    list) (($# == 2)) || usage ;;
    attach) (($# == 4)) || usage ;;
    detach) (($# == 3)) || usage ;;
    *) usage ;;
esac

connect
case $1 in
    vms)
        call ListVms
        jq -r '.vms[] | [.name, .state, .runState // "-", .deviceCount] | @tsv' <<<"$reply"
        ;;
    list)
        call ListDevices --arg vm "$2"
        jq -r '.devices[] | [.name, .model, .role, .size, .region // .server, .state] | @tsv' \
            <<<"$reply"
        ;;
    attach)
        [[ $4 =~ ^[0-9]+$ ]] || usage
        call Attach --arg vm "$2" --arg name "$3" --argjson size "$4"
        jq -r 'if .changed then "attached" else "was there already" end' <<<"$reply"
        ;;
    detach)
        call Detach --arg vm "$2" --arg name "$3" --argjson removeRegion true \
            --argjson timeoutMs "${TIMEOUT_MS:-30000}"
        jq -r .result <<<"$reply"
        [[ $(jq -r .result <<<"$reply") == removed ]] || exit 7
        ;;
esac
