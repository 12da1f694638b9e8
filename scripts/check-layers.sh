#!/bin/bash
# Includes run one way: a file may include headers of its own folder and of those named before it.
# Nothing includes tests/ but tests/.
# usage: scripts/check-layers.sh FOLDER...    (lowest first)
set -eu

failed=0
below=
for layer in "$@"; do
    below="$below $layer"
    while IFS=: read -r file line include; do
        folder=${include#*\"}
        folder=${folder%%/*}
        case " $below " in
        *" $folder "*) ;;
        *)
            echo "$file:$line: $layer/ must not include $folder/"
            failed=1
            ;;
        esac
    done < <(grep -n '^#include "' "$layer"/*.[ch])
done
exit $failed
