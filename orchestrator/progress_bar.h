/*
 * progress_bar.h: the bar as text. Pure: counts, a rate and a width in, one line out.
 */
#ifndef ORCHESTRATOR_PROGRESS_BAR_H
#define ORCHESTRATOR_PROGRESS_BAR_H

#include "common/strbuf.h"
#include "orchestrator/run.h"

struct progress_bar {
    size_t total;
    size_t ended;
    size_t done;      /* migrated; in a run that only reads: pending */
    const char *verb; /* the word for `done` */
    size_t current;
    size_t failed; /* not where they should be, but for those that are held */
    size_t held;
    size_t in_work;
    int64_t rows;      /* of the data migrations in work, 0 = none */
    double rate;       /* tenants a second, 0 = not known yet */
    int64_t left_ms;   /* until all have ended; 0 = by the rate; -1 = nobody knows */
    const char *state; /* "halted", "stopping", NULL = going on */
    bool brief;        /* only counts that are not 0 */
    bool color;
    bool utf8;
    size_t head_columns; /* the counts in front are padded to so many */
    size_t bar_columns;  /* the bar takes as many, or 0: what is left over */
};

/*
 * Appends the line, at most `columns` wide: what matters least gives way until it fits; failures
 * and the time left go last. No line end. Returns the columns used.
 */
size_t progress_bar_print(const struct progress_bar *bar, struct strbuf *out, size_t columns);

/* "40s", "3m20s", "1h51m": time left, rounded. Owned by `parent`. */
char *progress_bar_time(void *parent, int64_t ms);

/*
 * How fast tenants end: samples of the last ten seconds. Begin with a zeroed struct; add one at
 * each tick.
 */
enum { PROGRESS_SAMPLES = 40 };

struct progress_rate {
    struct {
        int64_t at_ms;
        size_t ended;
    } samples[PROGRESS_SAMPLES];
    size_t count; /* ever taken */
};

void progress_bar_sample(struct progress_rate *rate, int64_t now_ms, size_t ended);

/* Tenants a second, 0 while less than a second has been seen. */
double progress_bar_rate(const struct progress_rate *rate, int64_t now_ms, size_t ended);

#endif
