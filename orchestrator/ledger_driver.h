/*
 * ledger_driver.h: what a kind of database has to give to be one that a ledger is kept in. Only
 * for ledger_db*.c.
 */
#ifndef ORCHESTRATOR_LEDGER_DRIVER_H
#define ORCHESTRATOR_LEDGER_DRIVER_H

#include "orchestrator/ledger_db.h"

struct ledger_driver {
    bool shared;
    const char *begin; /* the statement that begins a transaction that writes */
    int (*run)(struct ledger_db *db, const char *sql, const struct ledger_value *params,
               size_t count, ledger_row_fn *row, void *arg, struct err *err);
    int (*script)(struct ledger_db *db, const char *sql, struct err *err);
    /* May be NULL: each statement by itself, in a transaction; no name. */
    int (*batch)(struct ledger_db *db, const struct ledger_statement *statements, size_t count,
                 struct err *err);
    void (*name_run)(struct ledger_db *db, const char *run_id);
};

/* The first member of each driver's own struct, which is a talloc block that closes itself. */
struct ledger_db {
    const struct ledger_driver *driver;
    const char *name;
};

#endif
