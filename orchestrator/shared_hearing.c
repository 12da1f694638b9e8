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

int shared_hearing_wave(void *arg, const struct ledger_value *values, size_t count UNUSED,
                        struct err *err UNUSED)
{
    struct shared_news *news = ((struct shared_hearing *)arg)->news;

    news->waves[values[0].number] = (struct shared_wave){
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

int shared_hearing_facts(void *arg, const struct ledger_value *values, size_t count UNUSED,
                         struct err *err UNUSED)
{
    struct shared_hearing *hearing = arg;
    struct shared_news *news = hearing->news;

    hearing->found = true;
    hearing->turn = values[0].number;
    if (values[1].text)
        news->halt = (struct run_halt){
            .halted = true,
            .rule = rule_name(values[1].text),
            .limit = {.value = values[2].number, .percent = values[3].number != 0},
            .tolerated = values[4].number,
            .failures = values[5].number,
            .in_work = values[6].number,
            .wave =
                values[7].type == LEDGER_INT ? hearing->waves->groups[values[7].number].wave : NULL,
        };
    news->conducts = values[8].number != 0;
    news->in_work = (size_t)values[9].number;
    news->ready = values[10].number != 0;
    news->machines = (size_t)values[11].number;
    return 0;
}
