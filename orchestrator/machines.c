/*
 * machines.c: locks, joins, leaves.
 */
#include "orchestrator/machines.h"

#include "common/clock.h"
#include "common/mem.h"
#include "orchestrator/ledger_lock.h"
#include "orchestrator/message.h"
#include "orchestrator/shared_run.h"

#include <poll.h>

enum {
    RECORD_WAIT_MS = 5000, /* for the machine that begins a run to write its list down */
    RECORD_PAUSE_MS = 50,
};

struct machines {
    struct ledger_lock *lock;  /* of a run of this machine alone */
    struct shared_run *shared; /* or of one that machines share */
};

int machines_check(const struct fleet *fleet, const char *run_name, struct err *err)
{
    if (!run_name)
        return 0;
    if (!fleet->ledger) {
        err_set(err, ERR_USAGE, "--run needs a ledger that several machines can share");
        err_hint(err,
                 "Name a PostgreSQL database for it in %s, as in \"ledger: "
                 "postgresql://user@host/database\"; or divide the fleet among the machines "
                 "with --shard I/N, which needs none.",
                 fleet->file);
        return -1;
    }
    return shared_run_check_name(run_name, err);
}

/* --- joining ------------------------------------------------------------------------------ */

/* A plan that depends on past durations or on chance is not the same everywhere: that of the
 * machine that began the run holds. */
static void take_waves(void *parent, struct run_request *request, const struct shared_run *run)
{
    const size_t *groups = shared_run_groups(run);
    const struct wave_plan *plan = request->waves;

    for (size_t i = 0; i < request->tenant_count; i++) {
        if (plan->group_of[i] == groups[i])
            continue;
        request->waves = wave_plan_given(parent, &request->config, request->tenants,
                                         request->tenant_count, (struct wave_history){0}, groups);
        return;
    }
}

static int note_number(void *arg, const struct ledger_value *values, size_t count UNUSED,
                       struct err *err UNUSED)
{
    *(int64_t *)arg = values[0].number;
    return 0;
}

/* Until the machine that begins the run has recorded its list; should it be dead, the run goes on
 * without a record. */
static int wait_for_record(struct ledger_db *db, const char *run, struct err *err)
{
    static const char is_there[] = "SELECT count(*) FROM pgtide_run WHERE id = $1";
    const struct ledger_value id = ledger_db_text(run);
    int64_t until_ms = clock_now_ms() + RECORD_WAIT_MS;
    int64_t there = 0;

    for (;;) {
        if (ledger_db_run(db, is_there, &id, 1, note_number, &there, err) < 0)
            return -1;
        if (there || clock_now_ms() >= until_ms)
            return 0;
        (void)poll(NULL, 0, RECORD_PAUSE_MS);
    }
}

static void tell_joined(const struct shared_run *run, const char *name)
{
    if (shared_run_is_over(run))
        message_note("run %s is over; nothing is done, and this is what it came to", name);
    else if (!shared_run_created(run))
        message_note("run %s was begun before: this machine joins it", name);
}

static int join(void *parent, struct machines *machines, struct ledger_db *db,
                struct run_request *request, struct err *err)
{
    const char *name = request->plan.run_id;

    if (shared_run_join(parent, db, request, ledger_lock_lease_ms(), &machines->shared, err) < 0)
        return -1;
    if (!shared_run_created(machines->shared)) {
        take_waves(parent, request, machines->shared);
        if (wait_for_record(db, name, err) < 0)
            return -1;
    }
    tell_joined(machines->shared, name);
    request->shared = machines->shared;
    return 0;
}

int machines_begin(void *parent, struct ledger_db *db, const char *run_name,
                   struct run_request *request, struct machines **ret, struct err *err)
{
    struct machines *machines = mem_new(parent, struct machines);
    int rc = run_name ? join(parent, machines, db, request, err)
                      : ledger_lock_take(machines, db, request, &machines->lock, err);

    if (rc < 0) {
        machines_end(machines);
        talloc_free(machines);
        return -1;
    }
    *ret = machines;
    return 0;
}

/* --- the run ------------------------------------------------------------------------------ */

const struct run_observer *machines_observer(struct machines *machines)
{
    if (!machines || machines->shared)
        return NULL;
    return ledger_lock_observer(machines->lock);
}

bool machines_joined(const struct machines *machines)
{
    return machines && machines->shared && !shared_run_created(machines->shared);
}

bool machines_is_over(const struct machines *machines)
{
    return machines && machines->shared && shared_run_is_over(machines->shared);
}

const char *machines_member(const struct machines *machines)
{
    return machines && machines->shared ? shared_run_member(machines->shared) : NULL;
}

bool machines_go_on(const struct machines *machines, const struct run_result *result)
{
    return machines && machines->shared && result->left && shared_run_others(machines->shared) > 0;
}

void machines_end(struct machines *machines)
{
    if (!machines)
        return;
    ledger_lock_release(machines->lock);
    if (machines->shared)
        shared_run_leave(machines->shared, false);
}
