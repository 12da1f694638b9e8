#!/bin/bash
# What no compiler checks: every file opens with a comment on what it is for; a .c includes its own
# header first; only main.c and signals.c end the process; only orchestrator/ prints; no leftovers.
# usage: scripts/check-style.sh FILE...
set -eu

failed=0

complain()
{
    echo "$1"
    failed=1
}

# Lines of the file $1 that match the pattern $2 are wrong, for the reason $3.
forbid()
{
    local line

    while IFS=: read -r line _; do
        complain "$1:$line: $3"
    done < <(grep -nE "$2" "$1")
}

check_source()
{
    local file=$1 own first

    own=${file%.c}.h
    first=$(grep -m 1 -n '^#include' "$file" || true)
    if [ -e "$own" ] && [ "${first#*:}" != "#include \"$own\"" ]; then
        complain "$file:${first%%:*}: the first include must be \"$own\""
    fi
}

check_layer_rules()
{
    case "$1" in
    tests/* | orchestrator/main.c) return ;;
    orchestrator/signals.c) ;;
    *) forbid "$1" '(^|[^a-z_])_?exit\(' 'only main.c and signals.c end the process' ;;
    esac
    case "$1" in
    orchestrator/* | common/mem.c | common/sha256.c) return ;; # the latter two: last words
    esac
    forbid "$1" '(^|[^a-z_])(printf|puts|perror)\(|[(,] ?(stdout|stderr)[,)]' \
        'only orchestrator/ talks to people'
}

for file in "$@"; do
    if [ "$(head -n 1 "$file")" != '/*' ]; then
        complain "$file:1: must open with a block comment that says what the file is for"
    fi
    forbid "$file" '(^|[^:"])//' 'comments are /* like this */'
    forbid "$file" '\b(TODO|FIXME|XXX)\b' 'finish it, or open an issue'
    forbid "$file" '[[:space:]]$' 'white space at the end of the line'
    check_layer_rules "$file"
    case "$file" in
    *.c) check_source "$file" ;;
    esac
done
exit $failed
