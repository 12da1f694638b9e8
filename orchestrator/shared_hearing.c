/*
 * shared_hearing.c: rows to news.
 */
#include "orchestrator/shared_hearing.h"

#include "common/mem.h"
#include "orchestrator/shared_frame.h"

int shared_hearing_seen(void *arg, const struct ledger_value *values, size_t count UNUSED,
                        struct err *err UNUSED)
{
    ((struct shared_hearing *)arg)->seen = values[0].number;
    return 0;
}

int shared_hearing_claim(void *arg, const struct ledger_value *values, size_t count UNUSED,
                         struct err *err UNUSED)
{
    struct shared_news *news = ((struct shared_hearing *)arg)->news;

    mem_grow(news, &news->claims, &news->claim_capacity, news->claim_count + 1);
    news->claims[news->claim_count++] =
        (struct shared_claim){.job = (size_t)values[0].number, .takeovers = values[1].number};
    return 0;
}

int shared_hearing_end(void *arg, const struct ledger_value *values, size_t count UNUSED,
                       struct err *err UNUSED)
{
    struct shared_hearing *hearing = arg;
    struct shared_news *news = hearing->news;
    const char *result = values[3].text;
    const char *host = values[4].text;

    mem_grow(news, &news->ends, &news->end_capacity, news->end_count + 1);
    news->ends[news->end_count++] = (struct shared_news_end){
        .job = (size_t)values[0].number,
        .outcome = shared_frame_outcome(values[1].text),
        .here = values[2].number != 0,
        .result = result ? mem_strdup(news, result) : NULL,
        .host = host ? mem_strdup(news, host) : NULL,
    };
    hearing->heard = (struct shared_place){.turn = values[5].number, .tenant = values[0].number};
    hearing->piece++;
    return 0;
}

/* Rows are as they were written, unless the ledger is damaged. */
static int check_wave(const struct shared_hearing *hearing, int64_t wave, struct err *err)
{
    size_t count = hearing->waves->group_count;

    if (wave >= 0 && (size_t)wave < count)
        return 0;
    err_set(err, ERR_INTERNAL, "the ledger's rows of this run are damaged: wave %lld of %zu",
            (long long)wave, count);
    err_hint(err, "Begin a run of another name; what is done is found in the tenants' histories.");
    return -1;
}

int shared_hearing_wave(void *arg, const struct ledger_value *values, size_t count UNUSED,
                        struct err *err)
{
    struct shared_hearing *hearing = arg;

    if (check_wave(hearing, values[0].number, err) < 0)
        return -1;
    hearing->news->waves[values[0].number] = (struct shared_wave){
        .state = shared_frame_wave_state(values[1].text),
        .started_wall_ms = values[2].number,
        .finished_wall_ms = values[3].number,
        .soak_left_ms = values[4].number,
    };
    return 0;
}

int shared_hearing_left_out(void *arg, const struct ledger_value *values, size_t count UNUSED,
                            struct err *err UNUSED)
{
    ((struct shared_hearing *)arg)->news->left_out[values[0].number] = true;
    return 0;
}

/* The names of rules, which live as long as the program. */
static const char *rule_name(const char *text)
{
    static const char *const names[] = {"max_failures", "max_unreachable", "max_locked", "max_held",
                                        "gate",         "confirm"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(names[i], text) == 0)
            return names[i];
    }
    return "halted";
}

/* The row's second to eighth column. */
static int take_halt(const struct shared_hearing *hearing, const struct ledger_value *values,
                     struct err *err)
{
    bool of_wave = values[7].type == LEDGER_INT;

    if (!values[1].text)
        return 0;
    if (of_wave && check_wave(hearing, values[7].number, err) < 0)
        return -1;
    hearing->news->halt = (struct run_halt){
        .halted = true,
        .rule = rule_name(values[1].text),
        .limit = {.value = values[2].number, .percent = values[3].number != 0},
        .tolerated = values[4].number,
        .failures = values[5].number,
        .in_work = values[6].number,
        .wave = of_wave ? hearing->waves->groups[values[7].number].wave : NULL,
    };
    return 0;
}

int shared_hearing_facts(void *arg, const struct ledger_value *values, size_t count UNUSED,
                         struct err *err)
{
    struct shared_hearing *hearing = arg;
    struct shared_news *news = hearing->news;

    hearing->found = true;
    hearing->turn = values[0].number;
    if (take_halt(hearing, values, err) < 0)
        return -1;
    news->conducts = values[8].number != 0;
    news->in_work = (size_t)values[9].number;
    news->ready = values[10].number != 0;
    news->machines = (size_t)values[11].number;
    return 0;
}
