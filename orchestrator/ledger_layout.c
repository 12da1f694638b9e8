/*
 * ledger_layout.c: makes and upgrades the tables of a ledger.
 *
 * To change the layout: one more entry in `steps`, never a change of one that was released.
 */
#include "orchestrator/ledger_layout.h"

static const char *const steps[] = {
    /* 1 */
    "CREATE TABLE pgtide_ledger (layout bigint NOT NULL);"
    "INSERT INTO pgtide_ledger (layout) VALUES (0);"

    "CREATE TABLE pgtide_document (checksum text NOT NULL PRIMARY KEY, body text NOT NULL);"

    "CREATE TABLE pgtide_run ("
    "id text NOT NULL PRIMARY KEY,"
    "name text," /* of a run that several machines share */
    "operation text NOT NULL,"
    "state text NOT NULL," /* going, ended; one that was killed stays "going" */
    "started_ms bigint NOT NULL,"
    "finished_ms bigint,"
    "duration_ms bigint,"
    "host text NOT NULL,"
    "pid bigint NOT NULL,"
    "result text," /* of run_result_name() */
    "exit_code bigint,"
    "origin text,"      /* the run that this one resumes or retries */
    "origin_kind text," /* resume, retry */
    "tool text NOT NULL,"
    "fleet_file text NOT NULL,"
    "fleet_tenants bigint NOT NULL,"
    "fingerprint text NOT NULL,"
    "suspended bigint NOT NULL,"
    "catalog text NOT NULL," /* the checksum of its document */
    "catalog_checksum text NOT NULL,"
    "tenants bigint NOT NULL,"
    "options text NOT NULL," /* JSON: what is needed to go on */
    "detail text);"          /* JSON, once it has ended: halt, totals, hooks, ... */
    "CREATE INDEX pgtide_run_started ON pgtide_run (started_ms);"
    "CREATE UNIQUE INDEX pgtide_run_going ON pgtide_run (name) "
    "WHERE name IS NOT NULL AND state = 'going';"

    "CREATE TABLE pgtide_tenant ("
    "run text NOT NULL,"
    "tenant bigint NOT NULL," /* position in the frozen list, from 0 */
    "name text NOT NULL,"
    "server text NOT NULL,"
    "database text NOT NULL,"
    "schema text,"
    "wave bigint NOT NULL,"       /* of pgtide_wave */
    "wave_order bigint NOT NULL," /* within the wave */
    "state text NOT NULL,"        /* ready, in work, waiting, ended */
    "outcome text,"
    "attempts bigint NOT NULL,"
    "started_ms bigint,"
    "duration_ms bigint,"
    "initial_version bigint,"
    "version bigint,"
    "backend_pid bigint,"
    "error_kind text,"
    "result text," /* JSON: its object in the report */
    "detail text," /* JSON: what reports for people say besides */
    "owner text,"  /* the machine that has it in work, in a shared run */
    "PRIMARY KEY (run, tenant));"
    "CREATE UNIQUE INDEX pgtide_tenant_name ON pgtide_tenant (run, name);"

    /* By name, whatever the run: asked at the start of each run, so it must not grow with them. */
    "CREATE TABLE pgtide_duration ("
    "name text NOT NULL PRIMARY KEY,"
    "ended_ms bigint NOT NULL,"
    "took_ms bigint NOT NULL);"

    "CREATE TABLE pgtide_attempt ("
    "run text NOT NULL,"
    "tenant bigint NOT NULL,"
    "number bigint NOT NULL," /* 1, 2, ... */
    "started_ms bigint NOT NULL,"
    "ended_ms bigint,"
    "kind text," /* of err_kind_name(); NULL: no error, or not ended */
    "sqlstate text,"
    "message text,"
    "owner text,"
    "PRIMARY KEY (run, tenant, number));"

    "CREATE TABLE pgtide_wave ("
    "run text NOT NULL,"
    "wave bigint NOT NULL," /* position in the run's plan, from 0 */
    "name text,"            /* NULL: the fleet has no waves */
    "state text NOT NULL,"  /* waiting, confirming, open, soaking, gated, passed, stopped */
    "tenants bigint NOT NULL,"
    "started_ms bigint,"
    "finished_ms bigint,"
    "detail text," /* JSON: its totals and its gate */
    "PRIMARY KEY (run, wave));",
};

enum { NO_LAYOUT = -1 };

static int keep_number(void *arg, const struct ledger_value *values, size_t count UNUSED,
                       struct err *err UNUSED)
{
    *(int64_t *)arg = values[0].number;
    return 0;
}

/*
 * In PostgreSQL by a query of pg_class: information_schema hides the tables of others, and
 * to_regclass() could still say no after the wait for another machine, out of a cache which only
 * the lock of a table brings up to date.
 */
int ledger_layout_has_table(struct ledger_db *db, const char *table, bool *ret, struct err *err)
{
    static const char tables[] =
        "SELECT count(*) FROM pg_class c WHERE c.relname = CAST($1 AS text) "
        "AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())";
    static const char file_tables[] =
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = $1";
    const struct ledger_value name = ledger_db_text(table);
    int64_t found = 0;
    int rc = ledger_db_run(db, ledger_db_is_shared(db) ? tables : file_tables, &name, 1,
                           keep_number, &found, err);

    *ret = found > 0;
    return rc;
}

static int read_layout(struct ledger_db *db, int64_t *ret, struct err *err)
{
    bool found;

    *ret = NO_LAYOUT;
    if (ledger_layout_has_table(db, "pgtide_ledger", &found, err) < 0)
        return -1;
    if (!found)
        return 0;
    if (ledger_db_run(db, "SELECT layout FROM pgtide_ledger", NULL, 0, keep_number, ret, err) < 0)
        return -1;
    if (*ret != NO_LAYOUT)
        return 0;
    err_set(err, ERR_INTERNAL, "ledger \"%s\" is damaged: its table pgtide_ledger is empty",
            ledger_db_name(db));
    ledger_db_hint_replace(db, err);
    return -1;
}

static int refuse_newer(const struct ledger_db *db, int64_t layout, struct err *err)
{
    err_set(err, ERR_INTERNAL,
            "ledger \"%s\" has layout %lld, and pgtide " PGTIDE_VERSION " knows layouts up to %zu",
            ledger_db_name(db), (long long)layout, ARRAY_LEN(steps));
    err_hint(err, "Use the newer pgtide that has written it, or move the ledger away: a new one "
                  "is made, and the tenants' own histories are not touched.");
    return -1;
}

static int refuse_reading(const struct ledger_db *db, int64_t layout, struct err *err)
{
    if (layout == NO_LAYOUT) {
        err_set(err, ERR_NOINPUT, "there are no runs in ledger \"%s\" yet", ledger_db_name(db));
        err_hint(err, "Commands that change tenants fill it, as \"pgtide migrate\".");
        return -1;
    }
    err_set(err, ERR_INTERNAL, "ledger \"%s\" has an older layout, %lld", ledger_db_name(db),
            (long long)layout);
    err_hint(err, "The next run of this fleet brings it up to date.");
    return -1;
}

static int upgrade(struct ledger_db *db, int64_t layout, struct err *err)
{
    struct ledger_value number = ledger_db_int((int64_t)ARRAY_LEN(steps));

    if (layout > number.number)
        return refuse_newer(db, layout, err);
    for (size_t i = layout == NO_LAYOUT ? 0 : (size_t)layout; i < ARRAY_LEN(steps); i++) {
        if (ledger_db_script(db, steps[i], err) < 0)
            return -1;
    }
    return ledger_db_run(db, "UPDATE pgtide_ledger SET layout = $1", &number, 1, NULL, NULL, err);
}

/* Two machines may come at the same time: on a server one waits for the other. */
static int lock_layout(struct ledger_db *db, struct err *err)
{
    if (!ledger_db_is_shared(db))
        return 0;
    return ledger_db_script(
        db, "SELECT pg_advisory_xact_lock(hashtextextended('pgtide:ledger', 0))", err);
}

static int upgrade_locked(struct ledger_db *db, struct err *err)
{
    int64_t layout;

    if (lock_layout(db, err) < 0 || read_layout(db, &layout, err) < 0)
        return -1;
    return upgrade(db, layout, err);
}

/* PostgreSQL 15 and later let nobody but the owner make tables in a database's "public". */
void ledger_layout_explain(struct err *err)
{
    if (strcmp(err->sqlstate, "42501") == 0 || strcmp(err->sqlstate, "3F000") == 0)
        err_hint(err, "The ledger's user must be able to make its tables: as an administrator of "
                      "that database, CREATE SCHEMA AUTHORIZATION <that user>.");
}

int ledger_layout_prepare(struct ledger_db *db, bool read_only, struct err *err)
{
    const int64_t known = (int64_t)ARRAY_LEN(steps);
    int64_t layout;

    if (read_layout(db, &layout, err) < 0)
        return -1;
    if (layout == known)
        return 0;
    if (layout > known)
        return refuse_newer(db, layout, err);
    if (read_only)
        return refuse_reading(db, layout, err);
    if (ledger_db_begin(db, err) < 0)
        return -1;
    if (upgrade_locked(db, err) < 0 || ledger_db_commit(db, err) < 0) {
        ledger_db_rollback(db);
        ledger_layout_explain(err);
        return -1;
    }
    return 0;
}
