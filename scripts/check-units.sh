#!/bin/bash
# check-units.sh FILE...: systemd reads the units and timers without a complaint. Where there is no
# systemd-analyze nothing is checked, and that is said.
set -euo pipefail

if ! command -v systemd-analyze >/dev/null; then
    echo "check-units.sh: skipped: there is no systemd-analyze" >&2
    exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for unit in "$@"; do
    name=${unit##*/}
    # The program has to be there, which it is after `make install` only.
    sed 's|/usr/local/bin/pgtide|/bin/true|' "$unit" >"$dir/$name"
done
for unit in "$@"; do
    name=${unit##*/}
    output=$(systemd-analyze verify --man=no "$dir/${name/@./@fleet.}" 2>&1) || {
        printf '%s\n' "$output" >&2
        exit 1
    }
    if [ -n "$output" ]; then
        printf '%s\n' "$output" >&2
        exit 1
    fi
done
