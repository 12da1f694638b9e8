/*
 * ledger_layout.h: the tables of a ledger.
 *
 *     pgtide_ledger    one row: the number of the layout
 *     pgtide_document  texts by their checksum, kept once however many runs refer to them: catalogs
 *     pgtide_run       one row a run
 *     pgtide_tenant    its frozen list, in order, and what has become of each
 *     pgtide_attempt   one row an attempt at a tenant
 *     pgtide_wave      its waves
 *
 * docs/ledger.md describes the columns. Times are milliseconds since 1970 UTC.
 */
#ifndef ORCHESTRATOR_LEDGER_LAYOUT_H
#define ORCHESTRATOR_LEDGER_LAYOUT_H

#include "orchestrator/ledger_db.h"

/*
 * Makes the tables where there are none, brings older ones up to date (unless `read_only`).
 * ERR_INTERNAL with what to do: a layout newer than this program knows, a database that is
 * something else, or one to be read that has an older layout.
 */
int ledger_layout_prepare(struct ledger_db *db, bool read_only, struct err *err) MUST_CHECK;

/* Is there a table of this name among the ledger's, whoever has made it? */
int ledger_layout_has_table(struct ledger_db *db, const char *table, bool *ret,
                            struct err *err) MUST_CHECK;

/* Tables could not be made: says what to do where it was for want of rights. */
void ledger_layout_explain(struct err *err);

#endif
