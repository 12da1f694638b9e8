#!/bin/bash
# Every header compiles alone.
# usage: scripts/check-headers.sh 'COMPILER FLAGS' FILE.h...
set -eu

read -ra compile <<<"${1//\'/}"
shift
failed=0
for header in "$@"; do
    if ! printf '#include "%s"\n' "$header" |
        "${compile[@]}" -MF /dev/null -Wno-unused -fsyntax-only -x c -; then
        echo "$header:1: does not compile alone"
        failed=1
    fi
done
exit $failed
