/*
 * ledger_alive.c: asks for the fleet lock, without taking it.
 */
#include "orchestrator/ledger_alive.h"

#include "common/mem.h"
#include "orchestrator/fleet_lock.h"

static void add(struct strmap *runs, char *id)
{
    if (id)
        strmap_set(runs, id, id);
}

/* The lock stands in the folder of the file. */
static void add_holder(struct strmap *runs, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = mem_strndup(NULL, path, (size_t)(slash - path));

    add(runs, fleet_lock_holder(runs, folder));
    talloc_free(folder);
}

static int keep_run(void *arg, const struct ledger_value *values, size_t count UNUSED,
                    struct err *err UNUSED)
{
    add(arg, ledger_db_copy(arg, values[0]));
    return 0;
}

int ledger_alive_runs(void *parent, struct ledger_db *db, struct strmap **ret, struct err *err)
{
    static const char leases[] =
        "SELECT run FROM pgtide_lock WHERE lease_until > clock_timestamp()";

    *ret = strmap_new(parent);
    if (ledger_db_is_shared(db))
        return ledger_db_run(db, leases, NULL, 0, keep_run, *ret, err);
    add_holder(*ret, ledger_db_name(db));
    return 0;
}
