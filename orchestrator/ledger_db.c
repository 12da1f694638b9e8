/*
 * ledger_db.c: what both kinds of database have in common.
 */
#include "orchestrator/ledger_db.h"

#include "common/mem.h"
#include "orchestrator/ledger_driver.h"

struct ledger_value ledger_db_null(void)
{
    return (struct ledger_value){.type = LEDGER_NULL};
}

struct ledger_value ledger_db_int(int64_t number)
{
    return (struct ledger_value){.type = LEDGER_INT, .number = number};
}

struct ledger_value ledger_db_text(const char *text)
{
    if (!text)
        return ledger_db_null();
    return (struct ledger_value){.type = LEDGER_TEXT, .text = text};
}

struct ledger_value ledger_db_known(int64_t number)
{
    return number == -1 ? ledger_db_null() : ledger_db_int(number);
}

int64_t ledger_db_number(struct ledger_value value)
{
    return value.type == LEDGER_INT ? value.number : -1;
}

char *ledger_db_copy(void *parent, struct ledger_value value)
{
    return value.type == LEDGER_TEXT ? mem_strdup(parent, value.text) : NULL;
}

bool ledger_db_is_shared(const struct ledger_db *db)
{
    return db->driver->shared;
}

void ledger_db_hint_replace(const struct ledger_db *db, struct err *err)
{
    if (db->driver->shared)
        err_hint(err, "Drop the tables pgtide_* in it: they are made anew then; only the record of "
                      "past runs is lost, the tenants' own histories are not touched.");
    else
        err_hint(err,
                 "Move it away: mkdir broken && mv \"%s\"* broken/. A new one is made then; only "
                 "the record of past runs is lost, the tenants' own histories are not touched.",
                 db->name);
}

const char *ledger_db_name(const struct ledger_db *db)
{
    return db->name;
}

int ledger_db_run(struct ledger_db *db, const char *sql, const struct ledger_value *params,
                  size_t count, ledger_row_fn *row, void *arg, struct err *err)
{
    return db->driver->run(db, sql, params, count, row, arg, err);
}

int ledger_db_script(struct ledger_db *db, const char *sql, struct err *err)
{
    return db->driver->script(db, sql, err);
}

int ledger_db_begin(struct ledger_db *db, struct err *err)
{
    return ledger_db_script(db, db->driver->begin, err);
}

int ledger_db_commit(struct ledger_db *db, struct err *err)
{
    return ledger_db_script(db, "COMMIT", err);
}

void ledger_db_rollback(struct ledger_db *db)
{
    struct err err = ERR_INIT;

    if (ledger_db_script(db, "ROLLBACK", &err) < 0)
        err_clear(&err); /* there was none any more */
}

static int run_all(struct ledger_db *db, const struct ledger_statement *statements, size_t count,
                   struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct ledger_statement *statement = &statements[i];

        if (ledger_db_run(db, statement->sql, statement->params, statement->param_count,
                          statement->row, statement->arg, err) != 0)
            return -1;
    }
    return 0;
}

int ledger_db_batch(struct ledger_db *db, const struct ledger_statement *statements, size_t count,
                    struct err *err)
{
    if (db->driver->batch)
        return db->driver->batch(db, statements, count, err);
    if (ledger_db_begin(db, err) < 0)
        return -1;
    if (run_all(db, statements, count, err) < 0 || ledger_db_commit(db, err) < 0) {
        ledger_db_rollback(db);
        return -1;
    }
    return 0;
}

void ledger_db_name_run(struct ledger_db *db, const char *run_id)
{
    if (db->driver->name_run)
        db->driver->name_run(db, run_id);
}
