# shellcheck shell=bash
# throwaway.sh: PostgreSQL servers for an hour. Sourced by demo.sh and tests/bench/bench.sh.
#
#     source scripts/throwaway.sh
#     throwaway_begin demo            # makes $THROWAWAY, the folder of everything
#     throwaway_start eu1 -c fsync=off
#     echo "${THROWAWAY_PORT[eu1]}"   # it listens on 127.0.0.1 there
#     ...                             # stopped and removed when the script ends, however it ends
#
# PostgreSQL refuses to run as root, so root runs the servers as "postgres" (or "nobody"). The
# superuser is "postgres" with a random password in $PGPASSWORD: the machine may have other users.

declare -A THROWAWAY_PORT=()
THROWAWAY_PIDS=() # other processes to end with it; the caller adds them
THROWAWAY_AUTH=${THROWAWAY_AUTH:-scram-sha-256}
THROWAWAY=
THROWAWAY_BIN=
THROWAWAY_AS=()

throwaway_fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# The folder of initdb and pg_ctl: Debian keeps it out of PATH. The newest version wins.
throwaway_find_bin() {
    local dir
    for dir in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -t/ -k5,5Vr) \
        "$(pg_config --bindir 2>/dev/null)"; do
        if [ -x "$dir/initdb" ] && [ -x "$dir/pg_ctl" ]; then
            THROWAWAY_BIN=$dir
            return
        fi
    done
    throwaway_fail "no PostgreSQL server programs found (Debian: apt-get install postgresql)"
}

# Root becomes somebody else for the servers; others stay who they are.
throwaway_find_user() {
    local user
    [ "$(id -u)" = 0 ] || return 0
    for user in postgres nobody; do
        if id "$user" >/dev/null 2>&1; then
            THROWAWAY_AS=(setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups --)
            chown "$user" "$THROWAWAY"
            return
        fi
    done
    throwaway_fail "running as root, and there is no user \"postgres\" or \"nobody\" for the servers"
}

throwaway_begin() {
    throwaway_find_bin
    PATH=$THROWAWAY_BIN:$PATH # Debian's own /usr/bin/psql is a slow wrapper around the one there
    THROWAWAY=$(mktemp -d "${THROWAWAY_PARENT:-${TMPDIR:-/tmp}}/pgtide-$1.XXXXXX")
    trap throwaway_end EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    throwaway_find_user
    PGPASSWORD=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    export PGPASSWORD
    # What the caller's environment says about other servers does not count here.
    unset PGSERVICE PGSERVICEFILE PGHOSTADDR PGOPTIONS PGDATABASE PGPORT PGPASSFILE
    export PGHOST=127.0.0.1 PGUSER=postgres PGCONNECT_TIMEOUT=10
    export PSQL_PAGER= PSQLRC=/dev/null
}

throwaway_port_is_free() {
    ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# throwaway_start NAME [OPTION...]: options as of the postgres program.
throwaway_start() {
    local name=$1 data=$THROWAWAY/$1 port try
    shift
    (umask 077 && printf '%s\n' "$PGPASSWORD" >"$THROWAWAY/password")
    if [ "${#THROWAWAY_AS[@]}" -gt 0 ]; then
        chown --reference="$THROWAWAY" "$THROWAWAY/password"
    fi
    (cd "$THROWAWAY" && "${THROWAWAY_AS[@]}" "$THROWAWAY_BIN/initdb" -D "$data" -U postgres \
        -A "$THROWAWAY_AUTH" --pwfile=password -E UTF8 --locale=C.UTF-8 -N) \
        >"$THROWAWAY/$name.initdb" 2>&1 || {
        cat "$THROWAWAY/$name.initdb" >&2
        throwaway_fail "initdb failed"
    }
    rm "$THROWAWAY/password"
    for try in 1 2 3 4 5; do
        port=$((20000 + RANDOM % 12000))
        throwaway_port_is_free "$port" || continue
        # In the list before it runs, so that it is stopped even when the start is interrupted.
        THROWAWAY_PORT[$name]=$port
        if (cd "$THROWAWAY" && "${THROWAWAY_AS[@]}" "$THROWAWAY_BIN/pg_ctl" -D "$data" -w -s -t 60 \
            -l "$data.log" -o "-p $port -h 127.0.0.1 -k '' $*" start) >/dev/null 2>&1; then
            return
        fi
    done
    cat "$data.log" >&2
    throwaway_fail "the throwaway server \"$name\" did not start ($try attempts)"
}

throwaway_end() {
    local code=$? name
    trap - EXIT
    trap '' HUP INT TERM
    for name in "${THROWAWAY_PIDS[@]}"; do
        kill "$name" 2>/dev/null
    done
    for name in "${!THROWAWAY_PORT[@]}"; do
        if [ -e "$THROWAWAY/$name/postmaster.pid" ]; then
            (cd "$THROWAWAY" && "${THROWAWAY_AS[@]}" "$THROWAWAY_BIN/pg_ctl" \
                -D "$THROWAWAY/$name" -m immediate -s stop) >/dev/null 2>&1
        fi
    done
    rm -rf "$THROWAWAY"
    exit "$code"
}
