/*
 * ledger.c: finds, lists, begins, ends and removes runs in a ledger.
 */
#include "orchestrator/ledger.h"

#include "common/mem.h"
#include "common/sha256.h"
#include "common/strbuf.h"
#include "orchestrator/ledger_alive.h"
#include "orchestrator/ledger_layout.h"
#include "orchestrator/shared_layout.h"

#define RUN_COLUMNS                                                                                \
    "id, name, operation, state, started_ms, finished_ms, duration_ms, host, pid, result, "        \
    "exit_code, origin, origin_kind, tool, fleet_file, fleet_tenants, fingerprint, suspended, "    \
    "catalog, catalog_checksum, tenants, options, detail"

/* --- opening ----------------------------------------------------------------------------- */

int ledger_refuse(struct err *err)
{
    if (err->kind == ERR_UNREACHABLE && !err->hint)
        err_hint(err, "Start its server, or correct \"ledger\" in the inventory.");
    if (err_exit_code(err->kind) == err_exit_code(ERR_SQL))
        err->kind = ERR_INTERNAL;
    return -1;
}

int ledger_open(void *parent, const struct fleet *fleet, bool read_only, struct ledger_db **ret,
                struct err *err)
{
    struct ledger_db *db;
    char *path = mem_printf(NULL, "%s/ledger.db", fleet->state);
    int rc = fleet->ledger ? ledger_db_open_server(parent, fleet->ledger, &db, err)
                           : ledger_db_open_file(parent, path, read_only, &db, err);

    talloc_free(path);
    if (rc < 0)
        return ledger_refuse(err);
    if (ledger_layout_prepare(db, read_only, err) < 0) {
        talloc_free(db);
        return ledger_refuse(err);
    }
    *ret = db;
    return 0;
}

/* --- reading ----------------------------------------------------------------------------- */

struct run_list {
    void *parent;
    struct ledger_run *items;
    size_t count;
    size_t capacity;
};

static int keep_run(void *arg, const struct ledger_value *values, size_t count UNUSED,
                    struct err *err UNUSED)
{
    struct run_list *list = arg;
    void *mem = list->parent;
    struct ledger_run *run;

    mem_grow(mem, &list->items, &list->capacity, list->count + 1);
    run = &list->items[list->count++];
    *run = (struct ledger_run){0};
    run->id = ledger_db_copy(mem, *values++);
    run->name = ledger_db_copy(mem, *values++);
    run->operation = ledger_db_copy(mem, *values++);
    run->ended = strcmp((values++)->text, "ended") == 0;
    run->started_ms = ledger_db_number(*values++);
    run->finished_ms = ledger_db_number(*values++);
    run->duration_ms = ledger_db_number(*values++);
    run->host = ledger_db_copy(mem, *values++);
    run->pid = ledger_db_number(*values++);
    run->result = ledger_db_copy(mem, *values++);
    run->exit_code = ledger_db_number(*values++);
    run->origin = ledger_db_copy(mem, *values++);
    run->origin_kind = ledger_db_copy(mem, *values++);
    run->tool = ledger_db_copy(mem, *values++);
    run->fleet_file = ledger_db_copy(mem, *values++);
    run->fleet_tenants = ledger_db_number(*values++);
    run->fingerprint = ledger_db_copy(mem, *values++);
    run->suspended = ledger_db_number(*values++);
    run->catalog = ledger_db_copy(mem, *values++);
    run->catalog_checksum = ledger_db_copy(mem, *values++);
    run->tenants = ledger_db_number(*values++);
    run->options = ledger_db_copy(mem, *values++);
    run->detail = ledger_db_copy(mem, *values++);
    return 0;
}

/* Of those that have not ended: which go on? */
static int mark_alive(struct run_list *list, struct ledger_db *db, struct err *err)
{
    struct strmap *alive = NULL;
    int rc = 0;

    for (size_t i = 0; i < list->count && rc == 0; i++) {
        if (!list->items[i].ended && !alive)
            rc = ledger_alive_runs(list->parent, db, &alive, err);
        if (!list->items[i].ended && rc == 0)
            list->items[i].alive = strmap_get(alive, list->items[i].id) != NULL;
    }
    talloc_free(alive);
    return rc;
}

int ledger_list(void *parent, struct ledger_db *db, int64_t limit, struct ledger_run **ret,
                size_t *ret_count, struct err *err)
{
    struct run_list list = {.parent = parent};
    struct ledger_value most = ledger_db_int(limit ? limit : INT64_MAX);

    if (ledger_db_run(db,
                      "SELECT " RUN_COLUMNS " FROM pgtide_run "
                      "ORDER BY started_ms DESC, id DESC LIMIT $1",
                      &most, 1, keep_run, &list, err) < 0 ||
        mark_alive(&list, db, err) < 0)
        return -1;
    *ret = list.items;
    *ret_count = list.count;
    return 0;
}

static int find_fitting(struct run_list *list, struct ledger_db *db, const char *which,
                        struct err *err)
{
    struct ledger_value text = ledger_db_text(which);

    if (ledger_db_run(db,
                      "SELECT " RUN_COLUMNS " FROM pgtide_run WHERE id = CAST($1 AS text) "
                      "OR name = CAST($1 AS text) ORDER BY started_ms DESC, id DESC LIMIT 1",
                      &text, 1, keep_run, list, err) < 0)
        return -1;
    if (list->count > 0)
        return 0;
    return ledger_db_run(db,
                         "SELECT " RUN_COLUMNS " FROM pgtide_run "
                         "WHERE substr(id, 1, length(CAST($1 AS text))) = CAST($1 AS text) "
                         "ORDER BY started_ms DESC, id DESC",
                         &text, 1, keep_run, list, err);
}

static int refuse_several(const struct run_list *list, const char *which, struct err *err)
{
    enum { SHOWN = 4 };
    struct strbuf names;

    strbuf_init(&names, NULL);
    for (size_t i = 0; i < list->count && i < SHOWN; i++)
        strbuf_printf(&names, "%s%s", i ? ", " : "", list->items[i].id);
    err_set(err, ERR_NOINPUT, "\"%s\" begins the ids of %zu runs", which, list->count);
    err_hint(err, "The newest are %s. Give more of the id.", names.text);
    strbuf_release(&names);
    return -1;
}

int ledger_find(void *parent, struct ledger_db *db, const char *which, struct ledger_run *ret,
                struct err *err)
{
    struct run_list list = {.parent = parent};

    if (strcmp(which, "last") == 0) {
        if (ledger_list(parent, db, 1, &list.items, &list.count, err) < 0)
            return -1;
    } else if (find_fitting(&list, db, which, err) < 0) {
        return -1;
    }
    if (list.count > 1)
        return refuse_several(&list, which, err);
    if (list.count == 0) {
        err_set(err, ERR_NOINPUT, "there is no run \"%s\" in the ledger", which);
        err_hint(err, "\"pgtide runs\" lists those that there are; the newest is \"last\".");
        return -1;
    }
    if (mark_alive(&list, db, err) < 0)
        return -1;
    *ret = list.items[0];
    return 0;
}

/* --- writing ----------------------------------------------------------------------------- */

void ledger_add(struct ledger_batch *batch, const struct ledger_run *run)
{
    const struct ledger_value values[] = {
        ledger_db_text(run->id),
        ledger_db_text(run->name),
        ledger_db_text(run->operation),
        ledger_db_int(run->started_ms),
        ledger_db_text(run->host),
        ledger_db_int(run->pid),
        ledger_db_text(run->origin),
        ledger_db_text(run->origin_kind),
        ledger_db_text(run->tool),
        ledger_db_text(run->fleet_file),
        ledger_db_int(run->fleet_tenants),
        ledger_db_text(run->fingerprint),
        ledger_db_int(run->suspended),
        ledger_db_text(run->catalog),
        ledger_db_text(run->catalog_checksum),
        ledger_db_int(run->tenants),
        ledger_db_text(run->options),
    };

    ledger_batch_add(
        batch,
        "INSERT INTO pgtide_run (id, name, operation, state, started_ms, host, pid, origin, "
        "origin_kind, tool, fleet_file, fleet_tenants, fingerprint, suspended, catalog, "
        "catalog_checksum, tenants, options) VALUES ($1, $2, $3, 'going', $4, $5, $6, $7, $8, $9, "
        "$10, $11, $12, $13, $14, $15, $16, $17)",
        values, ARRAY_LEN(values));
}

void ledger_end(struct ledger_batch *batch, const struct ledger_run *run)
{
    const struct ledger_value values[] = {
        ledger_db_text(run->id),           ledger_db_known(run->started_ms),
        ledger_db_known(run->finished_ms), ledger_db_known(run->duration_ms),
        ledger_db_text(run->result),       ledger_db_known(run->exit_code),
        ledger_db_text(run->detail),
    };

    ledger_batch_add(batch,
                     "UPDATE pgtide_run SET state = 'ended', started_ms = $2, finished_ms = $3, "
                     "duration_ms = $4, result = $5, exit_code = $6, detail = $7 WHERE id = $1",
                     values, ARRAY_LEN(values));
}

const char *ledger_keep_document(void *parent, struct ledger_batch *batch, const char *body)
{
    const char *checksum = sha256_text(parent, body, strlen(body));
    const struct ledger_value values[] = {ledger_db_text(checksum), ledger_db_text(body)};

    ledger_batch_add(batch,
                     "INSERT INTO pgtide_document (checksum, body) VALUES ($1, $2) "
                     "ON CONFLICT (checksum) DO NOTHING",
                     values, ARRAY_LEN(values));
    return checksum;
}

struct body {
    void *parent;
    char *text;
};

static int keep_body(void *arg, const struct ledger_value *values, size_t count UNUSED,
                     struct err *err UNUSED)
{
    struct body *body = arg;

    body->text = ledger_db_copy(body->parent, values[0]);
    return 0;
}

int ledger_get_document(void *parent, struct ledger_db *db, const char *checksum,
                        const char **ret_body, struct err *err)
{
    struct ledger_value value = ledger_db_text(checksum);
    struct body body = {.parent = parent};

    if (ledger_db_run(db, "SELECT body FROM pgtide_document WHERE checksum = $1", &value, 1,
                      keep_body, &body, err) < 0)
        return -1;
    if (!body.text)
        return err_set(err, ERR_INTERNAL, "ledger \"%s\" lacks the document %s", ledger_db_name(db),
                       checksum);
    *ret_body = body.text;
    return 0;
}

/* --- taking out -------------------------------------------------------------------------- */

/* *ret: it is gone; false: it goes on. */
static int remove_run(struct ledger_db *db, const char *id, bool *ret, struct err *err)
{
    static const char *const statements[] = {
        "DELETE FROM pgtide_attempt WHERE run = $1",
        "DELETE FROM pgtide_tenant WHERE run = $1",
        "DELETE FROM pgtide_wave WHERE run = $1",
        "DELETE FROM pgtide_run WHERE id = $1",
    };
    struct ledger_value value = ledger_db_text(id);
    bool going;

    if (shared_layout_remove(db, id, &going, err) < 0)
        return -1;
    *ret = !going;
    for (size_t i = 0; i < ARRAY_LEN(statements) && !going; i++) {
        if (ledger_db_run(db, statements[i], &value, 1, NULL, NULL, err) < 0)
            return -1;
    }
    return 0;
}

static int prune(struct ledger_db *db, const struct ledger_run *runs, size_t count,
                 int64_t before_ms, int64_t *ret_count, struct err *err)
{
    *ret_count = 0;
    for (size_t i = 0; i < count; i++) {
        bool removed;

        if (runs[i].started_ms >= before_ms || runs[i].alive)
            continue;
        if (remove_run(db, runs[i].id, &removed, err) < 0)
            return -1;
        *ret_count += removed;
    }
    return ledger_db_run(db,
                         "DELETE FROM pgtide_document WHERE checksum NOT IN "
                         "(SELECT catalog FROM pgtide_run)",
                         NULL, 0, NULL, NULL, err);
}

int ledger_prune(struct ledger_db *db, int64_t before_ms, int64_t *ret_count, struct err *err)
{
    void *mem = mem_context(NULL);
    struct ledger_run *runs;
    size_t count;
    int rc = ledger_db_begin(db, err);

    if (rc == 0) {
        rc = ledger_list(mem, db, 0, &runs, &count, err);
        if (rc == 0)
            rc = prune(db, runs, count, before_ms, ret_count, err);
        if (rc == 0)
            rc = ledger_db_commit(db, err);
        if (rc < 0)
            ledger_db_rollback(db);
    }
    talloc_free(mem);
    return rc;
}
