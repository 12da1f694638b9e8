#!/bin/bash
# demo.sh: pgtide at work on 24 databases of two servers that exist for this demo only. `make demo`
# calls it. Needs build/pgtide (or $PGTIDE) and the PostgreSQL server programs; asks nothing, leaves
# nothing behind, ends with 0 only if every step came out as announced.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source-path=SCRIPTDIR source=throwaway.sh
source "$root/scripts/throwaway.sh"

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' plain=$'\e[0m'
fi

caption() {
    printf '\n%s# %s%s\n' "$bold" "$*" "$plain"
}

# step CODE COMMAND...: shows the command, runs it, and insists on its exit code.
step() {
    local wanted=$1 code=0
    shift
    printf '\n%s$ %s%s\n' "$bold" "$(command_line "$@")" "$plain"
    "$@" || code=$?
    if [ "$code" != "$wanted" ]; then
        throwaway_fail "that ended with exit code $code, $wanted was expected"
    fi
    if [ "$code" != 0 ]; then
        echo "(exit code $code)"
    fi
}

# The command as a person would type it.
command_line() {
    local word line=
    for word in "$@"; do
        case $word in
        *[!A-Za-z0-9_./=:-]*) word="\"$word\"" ;;
        esac
        line+="${line:+ }$word"
    done
    echo "$line"
}

# expect WANTED WHAT ACTUAL
expect() {
    if [ "$1" != "$3" ]; then
        throwaway_fail "$2: \"$3\", expected was \"$1\""
    fi
}

# --- the 24 stores ----------------------------------------------------------------------------

#  new      an empty database: everything is to do, with demo products
#  running  a shop on release 1.0.0 with customers
#  ready    a shop that is up to date
kind_of() {
    case $(($1 % 12)) in
    2 | 5 | 6 | 8 | 11) echo running ;;
    0) echo ready ;;
    *) echo new ;;
    esac
}

write_fleet() {
    local n server seeds name ring
    cat <<YAML
migrations: $root/migrations/store
seeds: $root/seeds
state: .pgtide

connection:
  user: postgres
  password: \${STORE_DB_PASSWORD}

run:
  workers: 4
  per_server: 2
  max_failures: 0       # the first failure halts the run
  waves:
    - {name: canary, match: {ring: canary}, gate: {sql: "SELECT NOT EXISTS (SELECT FROM product WHERE title = '')"}}
    - {name: rest}

servers:
  eu1: {host: 127.0.0.1, port: ${THROWAWAY_PORT[eu1]}}
  us1: {host: 127.0.0.1, port: ${THROWAWAY_PORT[us1]}, labels: {region: us}}

tenants:
YAML
    for n in {1..24}; do
        name=$(printf '%04d' "$n")
        server=eu1 seeds="base" ring=
        if [ "$n" -gt 12 ]; then
            server=us1
        fi
        if [ "$(kind_of "$n")" = new ]; then
            seeds="base, demo"
        fi
        case $n in
        1 | 2 | 13) ring=", ring: canary" ;;
        esac
        echo "  - {name: store-$name, server: $server, database: store_$name," \
            "labels: {shop: $(kind_of "$n")$ring}, seeds: [$seeds]}"
    done
}

create_databases() {
    seq -f 'CREATE DATABASE store_%04g;' 1 12 | psql -Xq -p "${THROWAWAY_PORT[eu1]}" postgres
    seq -f 'CREATE DATABASE store_%04g;' 13 24 | psql -Xq -p "${THROWAWAY_PORT[us1]}" postgres
}

port_of() { # STORE NUMBER
    if [ "$((10#$1))" -gt 12 ]; then
        echo "${THROWAWAY_PORT[us1]}"
    else
        echo "${THROWAWAY_PORT[eu1]}"
    fi
}

ask() { # STORE NUMBER, SQL
    psql -XAtq -v ON_ERROR_STOP=1 -p "$(port_of "$1")" -d "store_$1" -c "$2"
}

prepare_stores() {
    local n
    pgtide migrate -l shop=running --to 1.0.0 -q
    pgtide migrate -l shop=ready --seed -q
    for n in {1..24}; do
        if [ "$(kind_of "$n")" = running ]; then
            ask "$(printf '%04d' "$n")" "INSERT INTO customer (email, first_name, last_name)
                VALUES ('ada@example.com', 'Ada', 'King'), ('emil@example.com', 'Emil', 'Öst');
                INSERT INTO product (title, status) VALUES ('Blue Shirt', 'published'),
                ('Größe M & mehr', 'draft'), ('Blue Shirt', 'draft')"
        fi
    done
    # The planted failure: somebody registered twice. 0015 allows an address once only.
    ask 0005 "INSERT INTO customer (email, first_name, last_name)
        VALUES ('Ada@Example.com', 'Ada', 'King')"
}

versions_of() { # STORE NUMBER
    ask "$1" "SELECT count(*) FROM pgtide_history WHERE kind = 'versioned' AND state = 'applied'"
}

check_halted() {
    expect 14 "versions of store-0005" "$(versions_of 0005)"
    expect "t" "the old index of store-0005 is still there" \
        "$(ask 0005 "SELECT to_regclass('customer_email_idx') IS NOT NULL")"
}

check_done() {
    local n number
    for n in {1..24}; do
        number=$(printf '%04d' "$n")
        expect 18 "versions of store-$number" "$(versions_of "$number")"
        expect "19 store-$number" "countries and name of store-$number" \
            "$(ask "$number" "SELECT count(*) || ' ' || (SELECT name FROM store) FROM country")"
        if [ "$(kind_of "$n")" = running ]; then
            expect "blue-shirt,blue-shirt-3,groesse-m-mehr" "handles of store-$number" \
                "$(ask "$number" "SELECT string_agg(handle, ',' ORDER BY handle) FROM product")"
        fi
    done
}

# --- the demo ---------------------------------------------------------------------------------

pgtide=$(realpath "${PGTIDE:-$root/build/pgtide}")
if [ ! -x "$pgtide" ]; then
    throwaway_fail "no program at $pgtide; run make first"
fi
unset "${!PGTIDE@}"
throwaway_begin demo
mkdir "$THROWAWAY/shops" "$THROWAWAY/bin"
ln -s "$pgtide" "$THROWAWAY/bin/pgtide"
PATH=$THROWAWAY/bin:$PATH
cd "$THROWAWAY/shops"

caption "Starting two PostgreSQL servers on this machine, eu1 and us1, for this demo only"
throwaway_start eu1 -c fsync=off
throwaway_start us1 -c fsync=off
export STORE_DB_PASSWORD=$PGPASSWORD

caption "Making 24 store databases: 12 empty, 10 running release 1.0.0, 2 up to date"
create_databases
(umask 077 && write_fleet >fleet.yaml)
prepare_stores

step 0 head -n 25 fleet.yaml

caption "Is the inventory right, are the migration and seed files? Nothing is connected to yet."
step 0 pgtide validate

caption "Which stores are these?"
step 0 pgtide list

caption "What would happen? Stores with the same plan stand together. This only reads."
step 0 pgtide plan

caption "Do it: three canaries first, and the rest when their gate has passed. One store has a" \
    "customer twice, which 0015 cannot bear. No failure is tolerated (max_failures: 0), so the run" \
    "halts there: the stores in work finish, no other one is started."
step 4 pgtide migrate --seed

caption "Where does the fleet stand? store-0005 is where its last good migration left it, 0014."
step 0 pgtide status
check_halted

caption "Looking at the cause, and mending it."
step 0 psql -p "${THROWAWAY_PORT[eu1]}" -d store_0005 \
    -c "SELECT lower(email), array_agg(id ORDER BY id) FROM customer GROUP BY 1 HAVING count(*) > 1"
step 0 psql -p "${THROWAWAY_PORT[eu1]}" -d store_0005 \
    -c "DELETE FROM customer WHERE email = 'Ada@Example.com'"

caption "The same command again: it does what is left, and nothing twice."
step 0 pgtide migrate --seed
step 0 pgtide status --exit-code
check_done

caption "Once more, for the peace of mind: nothing to do."
step 0 pgtide migrate --seed

caption "What was run, and a question to some of the stores."
step 0 pgtide runs
step 0 pgtide query -l ring=canary "SELECT count(*) AS products, max(handle) AS last FROM product"

caption "All as expected. The servers are stopped and everything is removed now. (${SECONDS} s)"
