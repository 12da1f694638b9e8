/*
 * ledger_options.c: options as JSON.
 */
#include "orchestrator/ledger_options.h"

#include "common/mem.h"
#include "orchestrator/ledger_json.h"
#include "orchestrator/report_value.h"

/* --- writing ----------------------------------------------------------------------------- */

static void set_words(json_t *object, const char *key, const struct words *words)
{
    json_t *list;

    if (words->count == 0)
        return;
    list = report_value_array();
    for (size_t i = 0; i < words->count; i++)
        report_value_append(list, report_value_text(words->items[i]));
    report_value_set(object, key, list);
}

static void set_number(json_t *object, const char *key, int64_t number)
{
    if (number > 0)
        report_value_set(object, key, report_value_int(number));
}

static void set_flag(json_t *object, const char *key, bool flag)
{
    if (flag)
        report_value_set(object, key, json_true());
}

static const char *wave_name(const struct run_request *request, size_t group)
{
    return request->waves->groups[group].wave ? request->waves->groups[group].wave->name : NULL;
}

/* What percentages of budgets are of: who goes on with the run needs it, also when others have
 * gone on with it before and it was taken out of the record. */
static json_t *whole_value(void *parent, const struct run_request *request)
{
    const struct run_whole *whole = run_whole_of(parent, request);
    json_t *value = report_value_object();
    json_t *waves = report_value_object();
    json_t *servers = report_value_object();

    for (size_t i = 0; request->waves && i < request->waves->group_count; i++) {
        if (wave_name(request, i))
            set_number(waves, wave_name(request, i), (int64_t)whole->of_waves[i]);
    }
    for (size_t i = 0; i < request->fleet->server_count; i++)
        set_number(servers, request->fleet->servers[i].name, (int64_t)whole->of_servers[i]);
    set_number(value, "tenants", (int64_t)whole->tenants);
    report_value_set(value, "waves", waves);
    report_value_set(value, "servers", servers);
    return value;
}

char *ledger_options_write(void *parent, const struct options *options,
                           const struct run_request *request)
{
    json_t *value = report_value_object();

    if (options->to)
        report_value_set(value, "to", report_value_text(options->to));
    report_value_set(value, "toVersion", report_value_int(request->plan.to_version));
    set_number(value, "steps", options->steps);
    set_flag(value, "seed", options->seed);
    set_flag(value, "seeds", request->plan.seed);
    set_flag(value, "reseed", options->reseed);
    set_words(value, "seedSets", &options->seed_sets);
    set_flag(value, "done", options->done);
    set_flag(value, "notDone", options->not_done);
    set_words(value, "unskip", &options->unskip);
    set_words(value, "forget", &options->forget);
    set_number(value, "workers", options->workers);
    set_number(value, "perServer", options->per_server);
    report_value_set(value, "whole", whole_value(parent, request));
    set_number(value, "maxDurationMs", options->max_duration_ms);
    if (options->has_max_failures) {
        report_value_set(value, "maxFailures", report_value_int(options->max_failures.value));
        set_flag(value, "maxFailuresPercent", options->max_failures.percent);
    }
    return ledger_json_write(parent, value);
}

/* --- reading ----------------------------------------------------------------------------- */

static void apply_words(void *parent, const json_t *value, const char *key, struct words *words)
{
    if (words->count > 0)
        return;
    words->items = ledger_json_texts(parent, value, key, &words->count);
    words->capacity = words->count;
}

static void apply_number(const json_t *value, const char *key, int64_t *number)
{
    if (*number == 0)
        *number = ledger_json_int(value, key, 0);
}

void ledger_options_apply(void *parent, const char *text, struct options *options)
{
    const json_t *value = ledger_json_read(parent, text);

    options->to = ledger_json_text(value, "to");
    options->steps = ledger_json_int(value, "steps", 0);
    options->seed = ledger_json_bool(value, "seed");
    options->reseed = ledger_json_bool(value, "reseed");
    options->done = ledger_json_bool(value, "done");
    options->not_done = ledger_json_bool(value, "notDone");
    apply_words(parent, value, "seedSets", &options->seed_sets);
    apply_words(parent, value, "unskip", &options->unskip);
    apply_words(parent, value, "forget", &options->forget);
    apply_number(value, "workers", &options->workers);
    apply_number(value, "perServer", &options->per_server);
    apply_number(value, "maxDurationMs", &options->max_duration_ms);
    if (!options->has_max_failures && ledger_json_int(value, "maxFailures", -1) >= 0) {
        options->has_max_failures = true;
        options->max_failures = (struct text_size){
            .value = ledger_json_int(value, "maxFailures", 0),
            .percent = ledger_json_bool(value, "maxFailuresPercent"),
        };
    }
}

static void keep_more(size_t *count, const json_t *object, const char *key)
{
    int64_t was = ledger_json_int(object, key, 0);

    if (was > (int64_t)*count)
        *count = (size_t)was;
}

const struct run_whole *ledger_options_whole(void *parent, const char *text,
                                             const struct run_request *request)
{
    struct run_whole *whole = run_whole_count(parent, request);
    const json_t *value = json_object_get(ledger_json_read(parent, text), "whole");
    const json_t *waves = json_object_get(value, "waves");
    const json_t *servers = json_object_get(value, "servers");

    keep_more(&whole->tenants, value, "tenants");
    for (size_t i = 0; request->waves && i < request->waves->group_count; i++) {
        if (wave_name(request, i))
            keep_more(&whole->of_waves[i], waves, wave_name(request, i));
    }
    for (size_t i = 0; i < request->fleet->server_count; i++)
        keep_more(&whole->of_servers[i], servers, request->fleet->servers[i].name);
    return whole;
}

void ledger_options_plan(void *parent, const char *text, struct job_plan *plan)
{
    const json_t *value = ledger_json_read(parent, text);

    plan->to_version = ledger_json_int(value, "toVersion", INT64_MAX);
    plan->steps = ledger_json_int(value, "steps", 0);
    plan->seed = ledger_json_bool(value, "seeds");
    plan->reseed = ledger_json_bool(value, "reseed");
    plan->seed_sets = ledger_json_texts(parent, value, "seedSets", &plan->seed_set_count);
}
