#!/bin/bash
# No file over 600 lines, no function over 80. Needs universal-ctags. There is no allow-list.
# usage: scripts/check-sizes.sh FILE.c...
set -eu

max_file=600
max_function=80
failed=0

for file in "$@"; do
    lines=$(wc -l <"$file")
    if [ "$lines" -gt $max_file ]; then
        echo "$file:$max_file: the file has $lines lines, $max_file are allowed"
        failed=1
    fi
done
while read -r file line end name; do
    if [ $((end - line + 1)) -gt $max_function ]; then
        echo "$file:$line: $name() has $((end - line + 1)) lines, $max_function are allowed"
        failed=1
    fi
done < <(ctags -x --languages=C --kinds-C=f --fields=+e --_xformat='%F %n %{end} %N' "$@")
exit $failed
