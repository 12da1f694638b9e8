/*
 * repair_set.h: which rows of a history `repair` puts right, and how. Pure.
 */
#ifndef WORKER_REPAIR_SET_H
#define WORKER_REPAIR_SET_H

#include "common/base.h"
#include "common/err.h"
#include "worker/history.h"
#include "worker/job.h"

/* What only a person can decide. */
enum repair_unknown { REPAIR_ASK, REPAIR_DONE, REPAIR_NOT_DONE };

struct repair_choices {
    enum repair_unknown unknown; /* statements whose outcome is not known */
    const int64_t *unskip;       /* skipped migrations that shall be pending again */
    size_t unskip_count;
    const int64_t *forget; /* applied migrations whose files are gone for good */
    size_t forget_count;
};

/* One row to be put right. */
struct repair_item {
    enum job_repair_kind kind;
    const struct migration *migration; /* NULL: its file is gone */
    struct history_row was;
};

struct repair_set {
    struct repair_item *items; /* in the order of the rows */
    size_t count;
};

/*
 * Changes the rows of `history` as the repair will, so that what is still wrong then can be told:
 * -1 with ERR_CONFLICT for that. *ret is valid in any case and owned by `parent`.
 */
int repair_set_compute(void *parent, const struct job *job, struct history *history,
                       struct repair_set *ret, struct err *err) MUST_CHECK;

#endif
