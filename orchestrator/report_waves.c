/*
 * report_waves.c: waves for people and for programs.
 */
#include "orchestrator/report_waves.h"

#include "common/mem.h"
#include "common/text.h"
#include "orchestrator/report_parts.h"
#include "orchestrator/report_table.h"
#include "orchestrator/report_text.h"
#include "orchestrator/report_value.h"

const char *report_waves_state(enum run_wave_state state)
{
    static const char *const names[] = {
        [RUN_WAVE_WAITING] = "waiting", [RUN_WAVE_CONFIRMING] = "confirming",
        [RUN_WAVE_OPEN] = "open",       [RUN_WAVE_SOAKING] = "soaking",
        [RUN_WAVE_GATED] = "gated",     [RUN_WAVE_PASSED] = "passed",
        [RUN_WAVE_STOPPED] = "stopped",
    };

    return names[state];
}

static size_t wave_count(const struct report *report)
{
    const struct wave_plan *plan = report->request->waves;

    return plan && plan->groups[0].wave ? plan->group_count : 0;
}

/* --- a run for people ------------------------------------------------------------------------ */

/* "wave canary: passed, 4 tenants: 3 migrated, 1 current" */
static void print_wave(struct strbuf *out, const struct report *report, size_t index)
{
    const struct wave_group *group = &report->request->waves->groups[index];
    const struct run_wave *wave = &report->result->waves[index];
    bool began = wave->state != RUN_WAVE_WAITING;
    void *mem = mem_context(NULL);
    size_t named = 0;

    strbuf_printf(out, "wave %s: %s, %s", report_text_line(mem, group->wave->name, 0),
                  began ? report_waves_state(wave->state) : "not begun",
                  report_text_count(mem, group->count, "tenant"));
    for (enum outcome outcome = OUTCOME_NONE + 1; began && outcome < OUTCOME_COUNT; outcome++) {
        if (wave->totals[outcome] > 0)
            strbuf_printf(out, "%s %zu %s", named++ ? "," : ":", wave->totals[outcome],
                          report_text_outcome(report->request->plan.action, outcome));
    }
    strbuf_char(out, '\n');
    if (wave->state == RUN_WAVE_STOPPED && wave->problem)
        strbuf_printf(out, "    %s\n", report_text_line(mem, wave->problem, 0));
    talloc_free(mem);
}

/* In a run that goes on with another, tenants of this wave are in that one alone. */
static bool is_of_the_past(const struct report *report, size_t index)
{
    return report->request->origin && report->request->waves->groups[index].count == 0;
}

void report_waves_text(struct strbuf *out, const struct report *report)
{
    for (size_t i = 0; i < wave_count(report); i++) {
        if (!is_of_the_past(report, i))
            print_wave(out, report, i);
    }
    if (wave_count(report) > 0 && wave_plan_is_random(report->request->waves))
        strbuf_printf(out, "waves were drawn with the seed %lld\n",
                      (long long)report->request->waves->seed);
}

/* --- a plan for people ----------------------------------------------------------------------- */

/* "ring=canary|early, 10%", "the rest" */
static char *who_text(void *mem, const struct wave *wave)
{
    struct strbuf out;

    strbuf_init(&out, mem);
    for (size_t i = 0; i < wave->match_count; i++) {
        const struct wave_match *match = &wave->matches[i];

        strbuf_printf(&out, "%s%s=", i ? " " : "", match->label);
        for (size_t j = 0; j < match->count; j++)
            strbuf_printf(&out, "%s%s", j ? "|" : "", match->globs[j]);
    }
    if (wave->has_size)
        strbuf_printf(&out, "%s%lld%s", out.len ? ", at most " : "", (long long)wave->size.value,
                      wave->size.percent ? "%" : "");
    if (out.len == 0)
        strbuf_str(&out, "the rest");
    return report_text_line(mem, out.text, 0);
}

static int64_t seed_of(const struct wave_plan *plan, const struct wave *wave)
{
    return wave->order_seed ? wave->order_seed : plan->seed;
}

static const char *order_text(void *mem, const struct wave_plan *plan, const struct wave *wave)
{
    switch (wave->order) {
    case WAVE_ORDER_NAME:
        return "name";
    case WAVE_ORDER_LABEL:
        return report_text_line(mem, mem_printf(mem, "label %s", wave->order_label), 0);
    case WAVE_ORDER_LAST_DURATION:
        return "longest first";
    case WAVE_ORDER_RANDOM:
        return mem_printf(mem, "random, seed %lld", (long long)seed_of(plan, wave));
    case WAVE_ORDER_INVENTORY:
        break;
    }
    return "inventory";
}

/* "after canary, when confirmed" */
static char *begin_text(void *mem, const struct report *report, const struct wave *wave)
{
    const struct wave *waves = report->request->fleet->run.waves;
    struct strbuf out;

    strbuf_init(&out, mem);
    for (size_t i = 0; i < wave->depends_on_count; i++)
        strbuf_printf(&out, "%s%s", i ? " and " : "after ", waves[wave->depends_on[i]].name);
    if (wave->confirm)
        strbuf_printf(&out, "%swhen confirmed", out.len ? ", " : "");
    if (out.len == 0)
        strbuf_str(&out, "at once");
    return report_text_line(mem, out.text, 0);
}

/* "soak 5m, gate ./check-shops" */
static char *end_text(void *mem, const struct wave *wave)
{
    struct strbuf out;

    strbuf_init(&out, mem);
    if (wave->soak_ms > 0)
        strbuf_printf(&out, "soak %s", text_from_duration(mem, wave->soak_ms));
    if (wave->gate.command)
        strbuf_printf(&out, "%sgate %s", out.len ? ", " : "", wave->gate.command[0]);
    if (wave->gate.sql)
        strbuf_printf(&out, "%sgate by query", out.len ? ", " : "");
    if (out.len == 0)
        strbuf_char(&out, '-');
    return report_text_line(mem, out.text, 0);
}

void report_waves_plan(struct strbuf *out, const struct report *report)
{
    static const struct report_table_column columns[] = {
        {"wave", false},  {"tenants", true}, {"who", false},
        {"order", false}, {"begins", false}, {"ends with", false},
    };
    const struct wave_plan *plan = report->request->waves;
    void *mem = mem_context(NULL);
    struct report_table *table = report_table_new(mem, columns, ARRAY_LEN(columns));

    for (size_t i = 0; i < wave_count(report); i++) {
        const struct wave *wave = plan->groups[i].wave;
        const char *cells[ARRAY_LEN(columns)] = {
            report_text_line(mem, wave->name, 0),
            mem_printf(mem, "%zu", plan->groups[i].count),
            who_text(mem, wave),
            order_text(mem, plan, wave),
            begin_text(mem, report, wave),
            end_text(mem, wave),
        };

        report_table_add(table, cells);
    }
    report_table_print(table, out);
    if (wave_count(report) > 0 && wave_plan_is_random(plan))
        strbuf_str(out, "a run draws anew: give the order a seed to have the same again\n");
    if (wave_count(report) > 0)
        strbuf_char(out, '\n');
    talloc_free(mem);
}

/* --- for programs ---------------------------------------------------------------------------- */

static json_t *noes_value(const struct run_wave *wave)
{
    json_t *list = report_value_array();

    for (size_t i = 0; i < wave->no_count; i++) {
        json_t *value = report_value_object();

        report_value_set(value, "name", report_value_text(wave->noes[i].tenant->name));
        report_value_set(value, "answer", report_value_text(wave->noes[i].answer));
        report_value_append(list, value);
    }
    return list;
}

/* null: it was not asked. */
static json_t *gate_value(const struct run_wave *wave)
{
    const struct hook_run *gate = &wave->gate;
    json_t *value;

    if (wave->gate_looks == 0)
        return json_null();
    value = report_value_object();
    report_value_set(value, "looks", report_value_int(wave->gate_looks));
    report_value_set(value, "exitCode",
                     gate->exit_code >= 0 ? report_value_int(gate->exit_code) : json_null());
    report_value_set(value, "durationMs", report_value_int(gate->duration_ms));
    report_value_set(value, "output", report_value_text(gate->output));
    report_value_set(value, "outputCut", json_boolean(gate->output_cut));
    report_value_set(value, "error", report_value_text(gate->problem));
    report_value_set(value, "tenants", noes_value(wave));
    return value;
}

static json_t *wave_value(const struct report *report, size_t index)
{
    const struct wave_group *group = &report->request->waves->groups[index];
    const struct run_wave *wave = &report->result->waves[index];
    json_t *value = report_value_object();

    report_value_set(value, "name", report_value_text(group->wave->name));
    report_value_set(value, "state", report_value_text(report_waves_state(wave->state)));
    report_value_set(value, "tenants", report_value_int((int64_t)group->count));
    report_value_set(value, "seed",
                     group->wave->order == WAVE_ORDER_RANDOM
                         ? report_value_int(seed_of(report->request->waves, group->wave))
                         : json_null());
    report_value_set(value, "totals", report_parts_totals(wave->totals));
    report_value_set(value, "startedAt", report_value_time(wave->started_wall_ms));
    report_value_set(value, "finishedAt", report_value_time(wave->finished_wall_ms));
    report_value_set(value, "gate", gate_value(wave));
    report_value_set(value, "error",
                     report_value_text(wave->state == RUN_WAVE_STOPPED ? wave->problem : NULL));
    return value;
}

json_t *report_waves_value(const struct report *report)
{
    json_t *list = report_value_array();

    for (size_t i = 0; i < wave_count(report); i++)
        report_value_append(list, wave_value(report, i));
    return list;
}
