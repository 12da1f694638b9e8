#!/bin/bash
# bench.sh: pgtide beside the least possible program (floor.c) and beside psql under `xargs -P`, on
# the same databases in the same run. `make bench` calls it; README.md here says how to read it.
#
#     BENCH_TENANTS=24     databases on the near server
#     BENCH_ROUNDS=5       rounds there; the figures are medians
#     BENCH_FAR_ROUNDS=2   rounds through the proxy with 20 ms round trip; 0 = leave them out
#     BENCH_HUNDRED=100    databases of a fleet of usual size; 0 = leave it out
#     BENCH_MANY=1000      databases with nothing pending; 0 = leave it out
#     BENCH_FLEET=10000    tenants, schemas of a few databases, in one run; 0 = leave it out
#     BENCH_WORKERS="1 4 16"
#     BENCH_FOLDER=/tmp    where the server's data goes; memory (/dev/shm) where there is enough of it
#     PGTIDE=build/pgtide
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source-path=SCRIPTDIR source=../../scripts/throwaway.sh
source "$root/scripts/throwaway.sh"

tenants=${BENCH_TENANTS:-24}
rounds=${BENCH_ROUNDS:-5}
far_rounds=${BENCH_FAR_ROUNDS:-2}
hundred=${BENCH_HUNDRED:-100}
many=${BENCH_MANY:-1000}
fleet=${BENCH_FLEET:-10000}
fleet_databases=4
workers_list=${BENCH_WORKERS:-1 4 16}
pgtide=$(realpath "${PGTIDE:-$root/build/pgtide}")
tools=(floor pgtide psql)

# --- preparing --------------------------------------------------------------------------------

# MB that all databases at once may need.
megabytes() {
    echo $((2048 + (hundred + many) * 11 + fleet / 8))
}

# A disk is the noisiest part of a machine, and not what is measured. In memory then, if the
# databases take no more than two thirds of what is free.
choose_folder() {
    local free
    free=$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)
    if [ -n "${BENCH_FOLDER:-}" ]; then
        export THROWAWAY_PARENT=$BENCH_FOLDER
    elif [ -w /dev/shm ] && [ "$((free * 2 / 3))" -gt "$(megabytes)" ] &&
        [ "$(free_megabytes /dev/shm)" -gt "$(megabytes)" ]; then
        export THROWAWAY_PARENT=/dev/shm
    fi
}

free_megabytes() {
    df -Pm "$1" | awk 'NR == 2 { print $4 }'
}

build_programs() {
    local cflags program
    read -ra cflags <<<"-std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra $(pkg-config --cflags libpq)"
    mkdir -m 755 "$THROWAWAY/bin"
    for program in floor delay_proxy measure; do
        "${CC:-cc}" "${cflags[@]}" -o "$THROWAWAY/bin/$program" "$here/$program.c" -pthread -lpq
    done
    PATH=$THROWAWAY/bin:$PATH
}

start_server() {
    # md5, because SCRAM makes every client compute for 4 ms per connection, which would hide the
    # differences; no fsync, because the disk is not what is measured.
    export THROWAWAY_AUTH=md5
    throwaway_start bench -c fsync=off -c full_page_writes=off -c autovacuum=off \
        -c shared_buffers=256MB -c max_wal_size=4GB -c max_connections=100
    near_port=${THROWAWAY_PORT[bench]}
    postmaster=$(head -n 1 "$THROWAWAY/bench/postmaster.pid")
    sleep 0.5
    children=$(wc -w <"/proc/$postmaster/task/$postmaster/children")
    export PGPORT=$near_port PGSSLMODE=disable PGGSSENCMODE=disable
}

start_proxy() {
    coproc PROXY { exec delay_proxy "$near_port" 10; }
    # shellcheck disable=SC2153 # the shell sets PROXY_PID
    THROWAWAY_PIDS+=("$PROXY_PID")
    read -r far_port <&"${PROXY[0]}"
}

names() {
    seq -f "bench_%04g" 1 "$1"
}

write_fleet() { # COUNT PORT
    {
        echo "migrations: $THROWAWAY/migrations"
        echo "state: $THROWAWAY/state"
        echo "connection: {user: postgres, password: \"\${PGPASSWORD}\", sslmode: disable}"
        echo "servers: {bench: {host: 127.0.0.1, port: $2}}"
        echo "tenants:"
        names "$1" | sed 's/.*/  - {name: &, server: bench, database: &}/'
    } >"$THROWAWAY/fleet.yaml"
}

# Sessions end a moment after their client; a measurement must not pay for the one before. Without
# sessions the postmaster has as many children as at the beginning.
settle() {
    while [ "$(wc -w <"/proc/$postmaster/task/$postmaster/children")" -gt "$children" ]; do
        sleep 0.002
    done
}

# CPU of all sessions that have ended, in ms: what the postmaster has collected from its children.
server_cpu() {
    awk -v hertz="$(getconf CLK_TCK)" '{ print ($16 + $17) * 1000 / hertz }' "/proc/$postmaster/stat"
}

clone() { # TEMPLATE COUNT
    settle
    {
        echo "SET client_min_messages = warning;"
        names "$2" | sed "s/.*/DROP DATABASE IF EXISTS &;\nCREATE DATABASE & TEMPLATE \"$1\" $strategy;/"
        echo "VACUUM pg_database; VACUUM pg_shdepend; CHECKPOINT;"
    } | psql -Xq -v ON_ERROR_STOP=1 -d postgres
}

# Each workload starts from its own template. pgtide makes them: it compares checksums with its
# history, the other two only look at versions.
make_templates() {
    strategy=
    if [ "$(psql -XAtq -d postgres -c 'SHOW server_version_num')" -ge 150000 ]; then
        strategy="STRATEGY file_copy"
    fi
    write_fleet 2 "$near_port"
    createdb W1
    clone W1 2
    pgtide_run 1 -t bench_0001
    pgtide_run 1 -t bench_0002 --to 39
    settle
    psql -Xq -d postgres -c 'ALTER DATABASE bench_0001 RENAME TO "W3"' \
        -c 'ALTER DATABASE bench_0002 RENAME TO "W2"'
    expected=$(psql -XAtq -d W3 -f "$here/fingerprint.sql")
}

# --- measuring --------------------------------------------------------------------------------

pgtide_run() { # WORKERS [OPTION...]
    "${measure[@]}" "$pgtide" -f "$THROWAWAY/fleet.yaml" migrate -q \
        --workers "$1" --per-server "$1" "${@:2}" >"$THROWAWAY/log" 2>&1 || give_up pgtide
}

floor_run() { # WORKERS
    "${measure[@]}" floor "$1" "$THROWAWAY/migrations" "$here/history.sql" \
        <"$THROWAWAY/names" >"$THROWAWAY/log" 2>&1 || give_up floor
}

psql_run() { # WORKERS
    "${measure[@]}" xargs -P "$1" -I{} sh "$here/psql_tenant.sh" {} "$THROWAWAY/migrations" \
        "$here/history.sql" <"$THROWAWAY/names" >"$THROWAWAY/log" 2>&1 || give_up psql
}

give_up() {
    cat "$THROWAWAY/log" >&2
    throwaway_fail "$1 failed (status above)"
}

# Every database must look like the one of the template, whoever worked on it.
verify() { # TOOL
    local sums
    sums=$(xargs -P 2 -I{} psql -XAtq -d {} -f "$here/fingerprint.sql" <"$THROWAWAY/names" | sort -u)
    if [ "$sums" != "$expected" ]; then
        throwaway_fail "after $1 the databases are not what they should be"
    fi
}

# Connections, round trips and Queries since the last call; zeros without the proxy.
traffic() { # PORT
    local counts="0 0 0"
    if [ "$1" != "$near_port" ]; then
        kill -USR1 "${THROWAWAY_PIDS[0]}"
        read -r counts <&"${PROXY[0]}"
    fi
    echo "$counts"
}

# One tool once. Adds a line to $samples:
#     TOOL COUNT WALL CPU PEAK SERVER_CPU CONNECTIONS ROUND_TRIPS QUERIES
sample() { # TOOL WORKLOAD WORKERS COUNT PORT
    local before after
    if [ "$2" != W3 ]; then
        clone "$2" "$4"
    fi
    settle
    traffic "$5" >/dev/null
    rm -f "$THROWAWAY/figures"
    measure=(measure "$THROWAWAY/figures")
    before=$(server_cpu)
    PGPORT=$5 "$1_run" "$3"
    settle
    after=$(server_cpu)
    measure=()
    echo "$1 $4 $(cat "$THROWAWAY/figures") $((after - before)) $(traffic "$5")" >>"$samples"
    verify "$1"
}

# Rounds of all tools in turn, another one first each time; then the row of the table.
cell() { # WORKLOAD WORKERS COUNT PORT ROUNDS
    local round i
    samples=$THROWAWAY/samples
    : >"$samples"
    names "$3" >"$THROWAWAY/names"
    write_fleet "$3" "$4"
    if [ "$1" = W3 ]; then
        clone W3 "$3"
    fi
    for ((round = 0; round < $5; round++)); do
        for ((i = 0; i < ${#tools[@]}; i++)); do
            sample "${tools[(round + i) % ${#tools[@]}]}" "$1" "$2" "$3" "$4"
        done
    done
    awk -v workload="$1" -v workers="$2" -f "$here/row.awk" "$samples"
}

table_head() {
    cat <<EOF

| | workers | ms: floor | pgtide | psql | pgtide / floor | psql / pgtide | client CPU ms: floor, pgtide, psql | server CPU ms: floor, pgtide, psql | peak MB: floor, pgtide | round trips: floor, pgtide, psql |
|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
EOF
}

table() { # COUNT-OR-far PORT ROUNDS
    local workload workers count
    table_head
    for workload in W1 W2 W3; do
        for workers in $workers_list; do
            count=$1
            if [ "$1" = far ]; then
                count=$((workers * 2))
            fi
            cell "$workload" "$workers" "$count" "$2" "$3"
        done
    done
}

# A fleet of usual size: what it costs once, to start a program and to read the files, is shared by
# more tenants than in the table above.
hundred_tenants() {
    local workload
    echo
    echo "$hundred databases, near server:"
    table_head
    for workload in W1 W2; do
        cell "$workload" 4 "$hundred" "$near_port" 2
    done
}

# A fleet of many: nothing is pending; what counts is memory and the price of a tenant.
many_tenants() {
    echo
    if [ "$(free_megabytes "$THROWAWAY")" -lt "$(megabytes)" ]; then
        echo "$many databases: left out, they need $(megabytes) MB in $THROWAWAY."
        return
    fi
    echo "$many databases, nothing pending (W3), near server:"
    tools=(floor pgtide)
    table_head
    cell W3 16 "$many" "$near_port" 2
}

# --- a fleet of schemas -----------------------------------------------------------------------

write_schema_fleet() { # COUNT
    {
        echo "migrations: $THROWAWAY/fleet-migrations"
        echo "state: $THROWAWAY/state"
        echo "connection: {user: postgres, password: \"\${PGPASSWORD}\", sslmode: disable}"
        echo "servers: {bench: {host: 127.0.0.1, port: $near_port}}"
        echo "tenants:"
        seq 1 "$1" | awk -v databases="$fleet_databases" '{
            printf "  - {name: shop-%05d, server: bench, database: fleet_%d, schema: s%05d}\n",
                $1, $1 % databases, $1 }'
    } >"$THROWAWAY/fleet.yaml"
}

make_schemas() {
    local i
    mkdir -p "$THROWAWAY/fleet-migrations"
    echo "CREATE TABLE product (id bigint PRIMARY KEY, title text NOT NULL);" \
        >"$THROWAWAY/fleet-migrations/1_product.sql"
    for ((i = 0; i < fleet_databases; i++)); do
        createdb "fleet_$i"
        seq 1 "$fleet" | awk -v databases="$fleet_databases" -v own="$i" \
            '$1 % databases == own { printf "CREATE SCHEMA s%05d;\n", $1 }' |
            psql -Xq -v ON_ERROR_STOP=1 -d "fleet_$i"
    done
}

connect_run() { # WORKERS: to the same databases as pgtide, in the same order, and no more
    "${measure[@]}" floor "$1" - - <"$THROWAWAY/names" >"$THROWAWAY/log" 2>&1 || give_up floor
}

# Runs it once; prints wall clock and CPU per tenant in ms, peak memory in MB.
fleet_sample() { # connect|pgtide COUNT
    settle
    rm -f "$THROWAWAY/figures"
    measure=(measure "$THROWAWAY/figures")
    "$1_run" 16
    measure=()
    awk -v count="$2" '{ print $1 / count, $2 / count, $3 / 1024 }' "$THROWAWAY/figures"
}

# Three runs of each, in turn; prints COUNT and the medians: wall clock, CPU, peak of both.
fleet_figures() { # COUNT
    local round
    write_schema_fleet "$1"
    seq 1 "$1" | awk -v databases="$fleet_databases" '{ print "fleet_" $1 % databases }' \
        >"$THROWAWAY/names"
    for round in 1 2 3; do
        echo "$round $(fleet_sample connect "$1") $(fleet_sample pgtide "$1")"
    done | awk -v count="$1" '
        { for (i = 2; i <= NF; i++) value[i, NR] = $i }
        END {
            printf "%d", count
            for (i = 2; i <= 7; i++) {
                a = value[i, 1]; b = value[i, 2]; c = value[i, 3]
                low = a < b ? a : b
                high = a < b ? b : a
                printf " %f", (c < low ? low : (c > high ? high : c))
            }
            print ""
        }'
}

fleet_of_schemas() {
    local first
    echo
    echo "$fleet tenants, schemas of $fleet_databases databases, near server, 16 workers:"
    make_schemas
    write_schema_fleet "$fleet"
    first=$(fleet_sample pgtide "$fleet")
    {
        fleet_figures 100
        fleet_figures "$fleet"
    } >"$THROWAWAY/samples"
    cat <<EOF

| nothing pending, tenants | ms: only connecting | pgtide | pgtide / connecting | client CPU ms: connecting, pgtide | peak MB |
|---:|---:|---:|---:|---:|---:|
EOF
    awk '{ printf "| %d | %.2f | %.2f | %.2f | %.2f, %.2f | %.1f |\n", $1, $2, $5, $5 / $2, $3, $6, $7
        }' "$THROWAWAY/samples"
    echo
    awk 'NR == 1 { count = $1; peak = $7 }
        NR == 2 { printf "Each tenant more takes %.2f kB. ", ($7 - peak) * 1024 / ($1 - count)
            printf "To hand it out, look at it and report it takes %.2f ms of client CPU.\n", $6 - $3
        }' "$THROWAWAY/samples"
    awk '{ printf "The first run, one migration on each: %.2f ms, client CPU %.2f ms.\n", $1, $2 }' \
        <<<"$first"
}

# --- the whole --------------------------------------------------------------------------------

if [ ! -x "$pgtide" ]; then
    throwaway_fail "no program at $pgtide; run make first"
fi
choose_folder
throwaway_begin bench
measure=()
build_programs
start_server
bash "$here/generate.sh" "$THROWAWAY/migrations"
make_templates

cat <<EOF
# pgtide bench, $(date -u +%Y-%m-%d)

$("$pgtide" version | head -1), $(psql -XAtq -d postgres -c "SELECT 'PostgreSQL ' || current_setting('server_version')"), $(nproc) cores, $(uname -sr), data in $(dirname "$THROWAWAY").
Figures are medians of $rounds rounds, times are per tenant; ratios are medians of the ratios within a round.
W1: fresh, 40 migrations. W2: one pending. W3: nothing pending. After every run the databases were compared by checksum.

Near server, $tenants databases:
EOF
table "$tenants" "$near_port" "$rounds"
if [ "$hundred" -gt 0 ]; then
    hundred_tenants
fi
if [ "$far_rounds" -gt 0 ]; then
    start_proxy
    echo
    echo "Far server (10 ms each way), two databases per worker, $far_rounds rounds:"
    table far "$far_port" "$far_rounds"
fi
if [ "$many" -gt 0 ]; then
    many_tenants
fi
if [ "$fleet" -gt 0 ]; then
    fleet_of_schemas
fi
