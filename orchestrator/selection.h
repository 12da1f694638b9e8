/*
 * selection.h: which tenants of the fleet a command works on. Pure.
 *
 * In this order: the tenants that fit --tenant, --label and --server; without the suspended ones;
 * with --wave, those of that wave when all of them are dealt out; without those of --exclude; of
 * these one shard; of these the first --limit. Inventory order throughout.
 */
#ifndef ORCHESTRATOR_SELECTION_H
#define ORCHESTRATOR_SELECTION_H

#include "common/base.h"
#include "common/err.h"
#include "common/strmap.h"
#include "config/fleet.h"
#include "orchestrator/wave_plan.h"

/* A growing list of words, e.g. of an option that may be given several times. */
struct words {
    const char **items;
    size_t count;
    size_t capacity;
};

struct label_list {
    struct name_value *items;
    size_t count;
    size_t capacity;
};

/* What is asked for; all zero = every tenant. */
struct selection {
    struct words tenants;        /* names or globs; one of them must fit */
    struct label_list labels;    /* all of them must hold */
    const char *server;          /* NULL: any */
    const char *wave;            /* NULL: any */
    const struct strmap *only;   /* names that a run of the ledger gives; NULL: any */
    struct words excludes;       /* names or globs */
    int64_t shard;               /* 0 to shards - 1 */
    int64_t shards;              /* 0 = not sharded */
    int64_t limit;               /* 0 = none */
    struct wave_history history; /* to deal out waves; by tenant->index */
};

/* What it came to. The array is owned by the parent, the tenants are the fleet's. */
struct selected {
    const struct tenant **tenants;
    size_t count;
    size_t suspended; /* suspended tenants that fitted and were left out, or kept on request */
};

/*
 * Applies `selection`. With `keep_suspended` (for lists) suspended tenants stay in. An empty shard
 * is a success with count 0; selecting nothing otherwise is ERR_NOINPUT, its hint names what is
 * near; and so is a --tenant that is no glob and names nobody, or an unknown --server or --wave.
 * ERR_CONFIG: the waves of the fleet, or their orders, do not do for --wave. With --wave no
 * suspended tenant is kept: it is in no wave.
 */
int selection_apply(void *parent, const struct selection *selection, const struct fleet *fleet,
                    bool keep_suspended, struct selected *ret, struct err *err) MUST_CHECK;

/*
 * Deals out what was selected into waves: those of the fleet, or with --wave that one. `selected`
 * must live as long as the plan. ERR_CONFIG, with its place, when some tenants fit no wave;
 * *ret is the plan of the others then.
 */
int selection_deal(void *parent, const struct selection *selection, const struct fleet *fleet,
                   const struct selected *selected, struct wave_plan **ret,
                   struct err *err) MUST_CHECK;

/* "I/N" with 0 <= I < N. False: not that. */
bool selection_parse_shard(const char *text, int64_t *ret_shard, int64_t *ret_shards);

/* The shard of a tenant: the first 8 bytes of SHA-256 of its name, big-endian, modulo `shards`. */
int64_t selection_shard_of(const char *tenant_name, int64_t shards);

#endif
