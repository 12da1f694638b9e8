/*
 * resume.h: going on with a recorded run: which of its tenants, in which waves, and what has
 * changed since. Main thread.
 */
#ifndef ORCHESTRATOR_RESUME_H
#define ORCHESTRATOR_RESUME_H

#include "common/base.h"
#include "common/err.h"
#include "common/strmap.h"
#include "orchestrator/run.h"
#include "orchestrator/selection.h"

/* Which tenants of a run. */
enum resume_kind {
    RESUME_REST,   /* not done: not started, in work when it broke off, cancelled, and those that
                      another try may help: unreachable, locked, unknown. All tenants of a wave
                      that has begun and not passed its soak time or gate: these are about all */
    RESUME_FAILED, /* tried without success: failed, held, conflict, unreachable, locked, unknown */
};

struct resume;

/*
 * Reads the run that `which` means (see ledger_find()). *ret is owned by `parent`, and the ledger
 * is closed again. ERR_NOINPUT: there is no such run; other kinds as ledger_open().
 */
int resume_load(void *parent, const struct fleet *fleet, const char *which, enum resume_kind kind,
                struct resume **ret, struct err *err) MUST_CHECK;

const char *resume_run(const struct resume *resume); /* its whole id */
/* "run 20261123T061500Z-4f2a, the retry of run 20261123T031500Z-77aa"; owned by `parent`. */
char *resume_title(const void *parent, const struct resume *resume);
const char *resume_operation(const struct resume *resume); /* "migrate" */
const char *resume_options(const struct resume *resume);   /* of ledger_options.h */
size_t resume_count(const struct resume *resume);          /* tenants to be taken */

/*
 * The names of the tenants to be taken, for selection: those of the kind asked for; and of a wave
 * that had begun, has a soak time or a gate and has not passed, also those that are done, as these
 * are about all of them.
 */
const struct strmap *resume_names(const struct resume *resume);

/*
 * What is different now from when the run began, of these tenants and of the catalog: a line each,
 * without indentation. None: nothing is. Owned by `parent`.
 */
size_t resume_changes(void *parent, const struct resume *resume, const struct fleet *fleet,
                      const struct catalog *catalog, char ***ret);

/*
 * Gives request->waves as the run had them: each tenant in its wave, and a wave that has passed
 * does not soak, asks no gate and nobody; unless it passed unbegun, as all its tenants had been
 * cancelled. False: fleet.yaml has not all of these waves any more;
 * they are to be dealt out anew.
 */
bool resume_deal(void *parent, const struct resume *resume, const struct selected *selected,
                 struct wave_history history, struct run_request *request);

#endif
