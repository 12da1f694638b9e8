/*
 * pending.h: what a tenant still needs: its history compared, as a set, with the catalog. Pure.
 */
#ifndef WORKER_PENDING_H
#define WORKER_PENDING_H

#include "catalog/catalog.h"
#include "common/base.h"
#include "common/err.h"
#include "config/fleet.h"
#include "worker/history.h"

/* One migration to be run. */
struct pending_item {
    const struct migration *migration;
    const struct history_row *started; /* its `started` row to go on from, or NULL */
};

struct pending {
    struct pending_item
        *items; /* versioned in order of version and name, then repeatables by name */
    size_t count;
    const struct seed_file **seeds; /* in order */
    size_t seed_count;
};

/*
 * Compares for JOB's tenant. Nothing past `to_version` is pending; below the catalog's head neither
 * repeatables nor seeds are. ERR_CONFLICT when history and catalog disagree: the
 * first conflict is the message, the others are in the detail. *ret is owned by `parent` and points
 * into catalog and history.
 */
int pending_compute(void *parent, const struct catalog *catalog, const struct history *history,
                    const struct tenant *tenant, int64_t to_version, struct pending *ret,
                    struct err *err) MUST_CHECK;

/*
 * Adds the seed files of `sets` (names in catalog) that are not in the history with their checksum,
 * or all with `reseed` (but for those that this run has loaded already).
 */
void pending_add_seeds(void *parent, const struct catalog *catalog, const struct history *history,
                       const char *const *sets, size_t set_count, bool reseed,
                       struct pending *pending);

/* The file of a row whose name the catalog has not: of the same version and checksum, and with no
 * row of its own. NULL: there is none. */
const struct migration *pending_renamed(const struct catalog *catalog,
                                        const struct history *history,
                                        const struct history_row *row);

/* By its directive only=. */
bool pending_is_for_tenant(const struct migration *migration, const struct tenant *tenant);

/* Fills `err` with the conflict of a schema that has objects but no history. */
void pending_nonempty(const struct tenant *tenant, struct err *err);

/* Highest version that is applied or skipped, 0 = none; of rows from before this run only, or of
 * all. */
int64_t pending_version(const struct history *history, bool before_this_run);

#endif
