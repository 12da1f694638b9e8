/*
 * shared_layout.c: makes the tables, under an advisory lock of the ledger's database; empties them.
 *
 * To change the layout: one more entry in `steps`, never a change of one that was released.
 */
#include "orchestrator/shared_layout.h"

#include "orchestrator/ledger_layout.h"

static const char *const steps[] = {
    /* 1 */
    "CREATE TABLE pgtide_shared (layout bigint NOT NULL);"
    "INSERT INTO pgtide_shared (layout) VALUES (0);"

    "CREATE TABLE pgtide_lock ("
    "run text NOT NULL PRIMARY KEY,"
    "places bigint[] NOT NULL," /* of its tenants, hashed */
    "host text NOT NULL,"
    "pid bigint NOT NULL,"
    "since timestamptz NOT NULL,"
    "lease_until timestamptz NOT NULL);"

    "CREATE TABLE pgtide_shared_run ("
    "run text NOT NULL PRIMARY KEY,"
    "operation text NOT NULL," /* these five: what all machines must agree on */
    "options text NOT NULL,"
    "catalog text NOT NULL,"
    "tenants text NOT NULL,"
    "rules text NOT NULL,"
    "tenant_count bigint NOT NULL,"
    "created timestamptz NOT NULL,"
    "turn bigint NOT NULL," /* rises with each turn of a machine; its row lock puts them in order */
    "conductor text,"       /* the member that takes the steps of waves */
    "halt_rule text,"       /* NULL: it has not been halted */
    "halt_limit bigint,"
    "halt_percent bigint,"
    "halt_tolerated bigint,"
    "halt_failures bigint,"
    "halt_in_work bigint,"
    "halt_wave bigint,"
    "over timestamptz);"

    "CREATE TABLE pgtide_shared_member ("
    "run text NOT NULL,"
    "member text NOT NULL," /* one process on one machine */
    "host text NOT NULL,"
    "pid bigint NOT NULL,"
    "joined timestamptz NOT NULL,"
    "lease_until timestamptz NOT NULL,"
    "down bigint[] NOT NULL," /* servers that it cannot reach */
    "turn bigint NOT NULL,"   /* its last one */
    "PRIMARY KEY (run, member));"

    "CREATE TABLE pgtide_shared_wave ("
    "run text NOT NULL,"
    "wave bigint NOT NULL," /* position in run.waves, from 0 */
    "state text NOT NULL,"  /* waiting confirming open soaking gated passed stopped */
    "workers bigint,"       /* NULL: no limit of its own */
    "per_server bigint,"
    "ramp_up bigint NOT NULL,"
    "good bigint NOT NULL," /* tenants that have ended well */
    "started_ms bigint NOT NULL,"
    "finished_ms bigint NOT NULL,"
    "soak_until timestamptz,"
    "PRIMARY KEY (run, wave));"

    "CREATE TABLE pgtide_shared_server ("
    "run text NOT NULL,"
    "server bigint NOT NULL," /* position among the fleet's servers */
    "name text NOT NULL,"
    "cap bigint NOT NULL,"      /* the most tenants in work there, on all machines together */
    "left_out bigint NOT NULL," /* its budget is spent */
    "PRIMARY KEY (run, server));"

    "CREATE TABLE pgtide_shared_budget ("
    "run text NOT NULL,"
    "budget bigint NOT NULL," /* the run's first, then the waves', then the servers' */
    "wave bigint,"
    "server bigint,"
    "rule text NOT NULL,"
    "outcomes text[] NOT NULL," /* that count in it */
    "size bigint NOT NULL,"     /* as configured */
    "percent bigint NOT NULL,"
    "tolerated bigint NOT NULL,"
    "counted bigint NOT NULL,"
    "PRIMARY KEY (run, budget));"

    "CREATE TABLE pgtide_shared_tenant ("
    "run text NOT NULL,"
    "tenant bigint NOT NULL," /* position in the frozen list */
    "name text NOT NULL,"
    "wave bigint NOT NULL,"
    "position bigint NOT NULL," /* within the wave */
    "server bigint NOT NULL,"
    "state text NOT NULL,"       /* ready, claimed, ended */
    "member text,"               /* that has it, or has ended it */
    "takeovers bigint NOT NULL," /* how often its machine was dead */
    "outcome text,"
    "turn bigint," /* in which it ended */
    "result text," /* JSON: what reports say of it */
    "PRIMARY KEY (run, tenant));"
    "CREATE INDEX pgtide_shared_ready ON pgtide_shared_tenant (run, server, wave, position) "
    "WHERE state = 'ready';"
    "CREATE INDEX pgtide_shared_claimed ON pgtide_shared_tenant (run, member) "
    "WHERE state = 'claimed';"
    "CREATE INDEX pgtide_shared_ended ON pgtide_shared_tenant (run, turn, tenant) "
    "WHERE state = 'ended';",
};

enum { NO_LAYOUT = -1 };

static int keep_number(void *arg, const struct ledger_value *values, size_t count UNUSED,
                       struct err *err UNUSED)
{
    *(int64_t *)arg = values[0].number;
    return 0;
}

static int read_layout(struct ledger_db *db, int64_t *ret, struct err *err)
{
    bool found;

    *ret = NO_LAYOUT;
    if (ledger_layout_has_table(db, "pgtide_shared", &found, err) < 0)
        return -1;
    if (!found)
        return 0;
    return ledger_db_run(db, "SELECT layout FROM pgtide_shared", NULL, 0, keep_number, ret, err);
}

static int refuse_newer(int64_t layout, struct err *err)
{
    err_set(err, ERR_INTERNAL,
            "the ledger's tables for several machines have layout %lld, and pgtide " PGTIDE_VERSION
            " knows layouts up to %zu",
            (long long)layout, ARRAY_LEN(steps));
    err_hint(err, "Use the newer pgtide that has made them, on all machines.");
    return -1;
}

static int upgrade(struct ledger_db *db, struct err *err)
{
    struct ledger_value number = ledger_db_int((int64_t)ARRAY_LEN(steps));
    int64_t layout = NO_LAYOUT;

    if (ledger_db_script(db, "SELECT pg_advisory_xact_lock(hashtextextended('pgtide:ledger', 0))",
                         err) < 0 ||
        read_layout(db, &layout, err) < 0)
        return -1;
    if (layout > number.number)
        return refuse_newer(layout, err);
    for (size_t i = layout == NO_LAYOUT ? 0 : (size_t)layout; i < ARRAY_LEN(steps); i++) {
        if (ledger_db_script(db, steps[i], err) < 0)
            return -1;
    }
    return ledger_db_run(db, "UPDATE pgtide_shared SET layout = $1", &number, 1, NULL, NULL, err);
}

int shared_layout_prepare(struct ledger_db *db, struct err *err)
{
    int64_t layout;

    if (read_layout(db, &layout, err) < 0)
        return -1;
    if (layout == (int64_t)ARRAY_LEN(steps))
        return 0;
    if (ledger_db_begin(db, err) < 0)
        return -1;
    if (upgrade(db, err) < 0 || ledger_db_commit(db, err) < 0) {
        ledger_db_rollback(db);
        ledger_layout_explain(err);
        return -1;
    }
    return 0;
}

/* --- taking out -------------------------------------------------------------------------- */

static int note_found(void *arg, const struct ledger_value *values UNUSED, size_t count UNUSED,
                      struct err *err UNUSED)
{
    *(bool *)arg = true;
    return 0;
}

/* Its row first, as in turns: whoever has joined by then is seen, and whoever joins later waits. */
static int lock_and_look(struct ledger_db *db, const struct ledger_value *run, bool *ret_going,
                         struct err *err)
{
    static const char lock_sql[] = "SELECT 1 FROM pgtide_shared_run WHERE run = $1 FOR UPDATE";
    static const char look_sql[] =
        "SELECT 1 FROM pgtide_lock WHERE run = $1 AND lease_until > clock_timestamp()";

    if (ledger_db_run(db, lock_sql, run, 1, NULL, NULL, err) < 0)
        return -1;
    return ledger_db_run(db, look_sql, run, 1, note_found, ret_going, err);
}

int shared_layout_remove(struct ledger_db *db, const char *run, bool *ret_going, struct err *err)
{
    static const char *const statements[] = {
        "DELETE FROM pgtide_shared_run WHERE run = $1",
        "DELETE FROM pgtide_shared_member WHERE run = $1",
        "DELETE FROM pgtide_shared_wave WHERE run = $1",
        "DELETE FROM pgtide_shared_server WHERE run = $1",
        "DELETE FROM pgtide_shared_budget WHERE run = $1",
        "DELETE FROM pgtide_shared_tenant WHERE run = $1",
        "DELETE FROM pgtide_lock WHERE run = $1",
    };
    const struct ledger_value value = ledger_db_text(run);
    bool found = false;

    *ret_going = false;
    if (!ledger_db_is_shared(db))
        return 0;
    if (ledger_layout_has_table(db, "pgtide_shared", &found, err) < 0)
        return -1;
    if (!found)
        return 0;
    if (lock_and_look(db, &value, ret_going, err) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(statements) && !*ret_going; i++) {
        if (ledger_db_run(db, statements[i], &value, 1, NULL, NULL, err) < 0)
            return -1;
    }
    return 0;
}
