#!/bin/bash
# Every exported symbol begins with the name of its module (the file it is in), of the module that
# the file is a part of (catalog_seeds.c of catalog.h), or of a struct or enum of the file's header;
# anything else ought to be static.
# usage: scripts/check-prefixes.sh BUILD-FOLDER FILE.c...
set -eu

build=$1
shift
failed=0

# The prefixes that the file $1 may use, one a line.
prefixes()
{
    local module=${1%.c}

    basename "$module"
    if [ -e "$module.h" ]; then
        sed -nE 's/^(struct|enum) ([a-z_]+).*/\2/p' "$module.h"
    fi
    while [[ $(basename "$module") == *_* ]]; do
        module=${module%_*}
        if [ -e "$module.h" ]; then
            basename "$module"
        fi
    done
}

for file in "$@"; do
    allowed=$(prefixes "$file" | sort -u | paste -sd '|')
    while read -r _ _ symbol; do
        if ! [[ $symbol =~ ^($allowed)(_|$) ]]; then
            echo "$file:1: exports $symbol, which begins with none of: ${allowed//|/, }"
            failed=1
        fi
    done < <(nm -g --defined-only "$build/${file%.c}.o")
done
exit $failed
