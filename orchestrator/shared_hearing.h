/*
 * shared_hearing.h: what a turn of a shared run hears: the rows that shared_sql.h's queries give,
 * as struct shared_news. Of shared_run.c alone.
 */
#ifndef ORCHESTRATOR_SHARED_HEARING_H
#define ORCHESTRATOR_SHARED_HEARING_H

#include "orchestrator/shared_run.h"

/* Tenants end in this order: by turn, then by position. */
struct shared_place {
    int64_t turn;
    int64_t tenant;
};

struct shared_hearing {
    struct shared_news *news;      /* owns what is heard */
    const struct wave_plan *waves; /* where a halt's wave is found */
    struct shared_place heard;     /* the last end */
    size_t piece;                  /* ends that the last piece had */
    int64_t turn;
    int64_t seen; /* the member's turn before, as the ledger has it */
    bool found;   /* the run is there */
};

/* Each takes a row of the query of that name; `arg` is the hearing. */
ledger_row_fn shared_hearing_seen;
ledger_row_fn shared_hearing_claim;
ledger_row_fn shared_hearing_end;
ledger_row_fn shared_hearing_wave;
ledger_row_fn shared_hearing_left_out;
ledger_row_fn shared_hearing_facts;

#endif
