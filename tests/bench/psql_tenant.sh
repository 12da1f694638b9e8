#!/bin/sh
# psql_tenant.sh DATABASE FOLDER HISTORY.SQL: what a person writes who has psql: read which versions
# are there, give what is missing to one more psql, each migration in a transaction with its row in
# a history table. bench.sh runs it for many databases with `xargs -P`.
set -eu

applied=$(psql -XAtq -d "$1" -c "SELECT lpad(version::text, 4, '0') FROM public.pgtide_history" \
    2>/dev/null) || applied=none
script=
if [ "$applied" = none ]; then
    script="\\i $3
"
fi
for file in "$2"/*.sql; do
    base=${file##*/}
    version=${base%%_*}
    case $applied in
    *"$version"*) continue ;;
    esac
    name=${base#*_}
    script="${script}BEGIN;
\\i $file
INSERT INTO public.pgtide_history (kind, version, name, state, statements_done, statements_total,
    started_at, finished_at, applied_by, tool)
VALUES ('versioned', $version, '${name%.sql}', 'applied', 4, 4, now(), clock_timestamp(),
    session_user, 'psql');
COMMIT;
"
done
if [ -n "$script" ]; then
    printf '%s' "$script" | psql -Xq -v ON_ERROR_STOP=1 -d "$1"
fi
