#!/bin/bash
# Prints where this host's own packages come from.
set -euo pipefail
codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
# The suites that have no release yet call themselves by another name than their mirror does.
# shellcheck disable=SC2016 # apt's variables
apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' |
    awk -v wanted="$codename" '$1 == wanted {print $2; found = 1; exit} {last = $2}
        END {if (!found && last != "") print last}'
