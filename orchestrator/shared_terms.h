/*
 * shared_terms.h: what all machines of a shared run must agree on: operation, options, migrations,
 * tenants, rules. Pure.
 */
#ifndef ORCHESTRATOR_SHARED_TERMS_H
#define ORCHESTRATOR_SHARED_TERMS_H

#include "common/base.h"
#include "common/err.h"
#include "orchestrator/run.h"

struct shared_terms {
    const char *operation; /* "migrate" */
    const char *options;   /* "--to 14 --seed", in one fixed order and form */
    const char *catalog;   /* checksum of the migrations, and of the seeds that would be loaded */
    const char *tenants;   /* checksum over names and places of the selected tenants, in order */
    int64_t tenant_count;
    const char *rules; /* budgets, waves, caps */
};

/* Owned by `parent`. */
void shared_terms_make(void *parent, const struct run_request *request, struct shared_terms *ret);

/*
 * -1 when they differ, with what differs: ERR_DATA for the migrations or seeds, else ERR_CONFIG.
 * `there`: of the machine that began the run; `here`: this one's.
 */
int shared_terms_compare(const char *run, const struct shared_terms *there,
                         const struct shared_terms *here, struct err *err) MUST_CHECK;

/* A budget, of the run, a wave or a server, as a row. */
struct shared_budget {
    int64_t wave;   /* -1: not of a wave */
    int64_t server; /* -1: not of a server */
    const char *rule;
    bool counts[OUTCOME_COUNT]; /* which outcomes count in it */
    struct text_size limit;
    int64_t tolerated;
};

/* All that are set, in the order in which they halt: the run's, the waves', the servers'. */
struct shared_budget *shared_terms_budgets(void *parent, const struct run_request *request,
                                           size_t *ret_count);

/* The most tenants in work on a server, on all machines together. */
int64_t shared_terms_cap(const struct run_request *request, size_t server);

#endif
