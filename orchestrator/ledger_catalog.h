/*
 * ledger_catalog.h: a catalog as the ledger keeps it: names, versions and checksums of all files,
 * and what reports say of them; not their SQL.
 */
#ifndef ORCHESTRATOR_LEDGER_CATALOG_H
#define ORCHESTRATOR_LEDGER_CATALOG_H

#include "catalog/catalog.h"
#include "common/base.h"
#include "common/err.h"

/* As JSON, the same for the same catalog. Owned by `parent`. */
char *ledger_catalog_write(void *parent, const struct catalog *catalog);

/*
 * The other way: a catalog without any SQL, fit for reports and comparisons. ERR_INTERNAL: that is
 * none. *ret is owned by `parent`.
 */
int ledger_catalog_read(void *parent, const char *text, struct catalog **ret,
                        struct err *err) MUST_CHECK;

#endif
