/*
 * ledger_lock.c: rows with leases.
 *
 * Taking is one batch: under an advisory lock of the ledger's database, so that two machines that
 * come at the same moment see each other, it looks for a run in the way, and adds its own row where
 * there is none.
 */
#include "orchestrator/ledger_lock.h"

#include "common/clock.h"
#include "common/mem.h"
#include "common/sha256.h"
#include "common/strbuf.h"
#include "common/text.h"
#include "orchestrator/run_hooks.h"
#include "orchestrator/shared_layout.h"

#include <unistd.h>

struct ledger_lock {
    struct ledger_db *db;
    const char *run;
    int64_t lease_ms;
    int64_t renew_at_ms;
    struct run_observer observer;
};

int64_t ledger_lock_lease_ms(void)
{
    enum { LEAST_MS = 100, MOST_MS = 60 * 60 * 1000 };
    const char *given = getenv("PGTIDE_LEASE");
    int64_t ms;

    if (given && text_to_duration(given, &ms) && ms >= LEAST_MS && ms <= MOST_MS)
        return ms;
    return LEDGER_LOCK_LEASE_MS;
}

/* --- places ------------------------------------------------------------------------------- */

static void add_text(struct sha256 *sum, const char *text)
{
    text = text ? text : "";
    sha256_add(sum, text, strlen(text) + 1);
}

/* A number for the place of a tenant: two tenants of one place have the same. */
static int64_t place_of(const struct tenant *tenant)
{
    unsigned char bytes[32];
    struct sha256 sum;
    int64_t place;

    sha256_init(&sum);
    add_text(&sum, tenant->server->host);
    add_text(&sum, tenant->server->port);
    add_text(&sum, tenant->database);
    add_text(&sum, tenant->history_schema);
    sha256_end(&sum, bytes);
    memcpy(&place, bytes, sizeof(place));
    return place;
}

/* As an array of PostgreSQL. */
static char *places_of(void *mem, const struct run_request *request)
{
    struct strbuf text;

    strbuf_init(&text, mem);
    strbuf_char(&text, '{');
    for (size_t i = 0; i < request->tenant_count; i++)
        strbuf_printf(&text, "%s%lld", i > 0 ? "," : "", (long long)place_of(request->tenants[i]));
    strbuf_char(&text, '}');
    return text.text;
}

/* --- taking ------------------------------------------------------------------------------- */

#define IN_THE_WAY                                                                                 \
    "l.run <> $1 AND l.lease_until > clock_timestamp() AND EXISTS "                                \
    "(SELECT FROM unnest(l.places) AS a (place) JOIN unnest($2::bigint[]) AS b (place) "           \
    "USING (place))"

static const char serialize_sql[] =
    "SELECT pg_advisory_xact_lock(hashtextextended('pgtide:ledger lock', 0))";

static const char find_sql[] =
    "SELECT l.run, l.host, l.pid, to_char(l.since AT TIME ZONE 'UTC', "
    "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), "
    "ceil(extract(epoch FROM l.lease_until - clock_timestamp()))::bigint "
    "FROM pgtide_lock l WHERE " IN_THE_WAY " ORDER BY l.since LIMIT 1";

static const char take_sql[] =
    "INSERT INTO pgtide_lock AS l (run, places, host, pid, since, lease_until) "
    "SELECT $1, $2::bigint[], $3, $4::bigint, clock_timestamp(), "
    "clock_timestamp() + $5::bigint * interval '1 ms' "
    "WHERE NOT EXISTS (SELECT FROM pgtide_lock l WHERE " IN_THE_WAY ") "
    "ON CONFLICT (run) DO UPDATE SET lease_until = excluded.lease_until";

/* Rows of runs that died are in nobody's way, but need not stay for ever. */
static const char tidy_sql[] =
    "DELETE FROM pgtide_lock WHERE lease_until < clock_timestamp() - interval '1 day'";

const char ledger_lock_renew_sql[] =
    "UPDATE pgtide_lock SET lease_until = clock_timestamp() + $2::bigint * interval '1 ms' "
    "WHERE run = $1";

static int tell_busy(void *arg UNUSED, const struct ledger_value *values, size_t count UNUSED,
                     struct err *err)
{
    err_set(err, ERR_BUSY,
            "another run of these tenants is going on: run %s, pid %lld on %s, since %s",
            values[0].text, (long long)values[2].number, values[1].text, values[3].text);
    err_hint(err,
             "Wait until it has ended, or stop it: SIGINT lets it finish the tenants in work. "
             "Should it be dead, its lease in the ledger runs out in %llds. To help a run that was "
             "begun with --run NAME, give the same --run NAME.",
             (long long)values[4].number);
    return -1;
}

static int take(void *mem, const struct ledger_lock *lock, const struct run_request *request,
                struct err *err)
{
    char host[256] = "";
    const struct ledger_value params[] = {
        ledger_db_text(lock->run),
        ledger_db_text(places_of(mem, request)),
        ledger_db_text(host),
        ledger_db_int(getpid()),
        ledger_db_int(lock->lease_ms + run_hooks_before_most_ms(request)), /* nobody keeps it yet */
    };
    const struct ledger_statement statements[] = {
        {.sql = serialize_sql},
        {.sql = find_sql, .params = params, .param_count = 2, .row = tell_busy},
        {.sql = take_sql, .params = params, .param_count = ARRAY_LEN(params)},
        {.sql = tidy_sql},
    };

    if (gethostname(host, sizeof(host) - 1) < 0 || !host[0])
        snprintf(host, sizeof(host), "an unknown host");
    return ledger_db_batch(lock->db, statements, ARRAY_LEN(statements), err);
}

/* --- keeping ------------------------------------------------------------------------------ */

/* A lease that could not be renewed in time is lost; the tenants' own locks are still there. The
 * next tick tries again, and takes it up anew. */
static void keep(void *arg, const struct run_result *so_far UNUSED, size_t in_work UNUSED)
{
    struct ledger_lock *lock = arg;
    struct ledger_value params[] = {ledger_db_text(lock->run), ledger_db_int(lock->lease_ms)};
    struct err err = ERR_INIT;

    if (clock_now_ms() < lock->renew_at_ms)
        return;
    if (ledger_db_run(lock->db, ledger_lock_renew_sql, params, ARRAY_LEN(params), NULL, NULL,
                      &err) < 0)
        err_clear(&err);
    lock->renew_at_ms = clock_now_ms() + lock->lease_ms / 3;
}

const struct run_observer *ledger_lock_observer(struct ledger_lock *lock)
{
    return &lock->observer;
}

int ledger_lock_take(void *parent, struct ledger_db *db, const struct run_request *request,
                     struct ledger_lock **ret, struct err *err)
{
    struct ledger_lock *lock = mem_new(parent, struct ledger_lock);
    void *mem = mem_context(NULL);
    int rc;

    *lock = (struct ledger_lock){
        .db = db,
        .run = mem_strdup(lock, request->plan.run_id),
        .lease_ms = ledger_lock_lease_ms(),
        .observer = {.arg = lock, .tick = keep},
    };
    lock->renew_at_ms = clock_now_ms() + lock->lease_ms / 3;
    rc = shared_layout_prepare(db, err);
    if (rc == 0)
        rc = take(mem, lock, request, err);
    talloc_free(mem);
    if (rc < 0) {
        talloc_free(lock);
        return -1;
    }
    *ret = lock;
    return 0;
}

void ledger_lock_release(struct ledger_lock *lock)
{
    struct err err = ERR_INIT;
    struct ledger_value run;

    if (!lock)
        return;
    run = ledger_db_text(lock->run);
    if (ledger_db_run(lock->db, "DELETE FROM pgtide_lock WHERE run = $1", &run, 1, NULL, NULL,
                      &err) < 0)
        err_clear(&err);
}
