/*
 * conflicts.h: several reasons not to touch a tenant, told as one error: the first is its message,
 * the others stand in its detail. Pure.
 */
#ifndef WORKER_CONFLICTS_H
#define WORKER_CONFLICTS_H

#include "common/err.h"
#include "common/strbuf.h"

struct conflicts {
    struct err *first;    /* the caller's */
    struct strbuf others; /* messages of the next ones */
    size_t count;
};

/* `first` receives the first conflict; the rest is owned by `parent`. */
void conflicts_init(struct conflicts *conflicts, const void *parent, struct err *first);

/* Takes `now`, which is empty afterwards. */
void conflicts_add(struct conflicts *conflicts, struct err *now);

/* Puts the others into the first one's detail. -1 when there was any, else 0. */
int conflicts_end(struct conflicts *conflicts) MUST_CHECK;

#endif
