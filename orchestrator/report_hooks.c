/*
 * report_hooks.c: hooks for programs and for people.
 */
#include "orchestrator/report_hooks.h"

#include "common/mem.h"
#include "common/text.h"
#include "config/fleet_hooks.h"
#include "orchestrator/report_text.h"
#include "orchestrator/report_value.h"
#include "worker/hook.h"

static json_t *hook_value(const struct hook_run *hook)
{
    json_t *value = report_value_object();

    report_value_set(value, "name", report_value_text(fleet_hooks_name(hook->point)));
    report_value_set(value, "attempt",
                     hook->attempt > 0 ? report_value_int(hook->attempt) : json_null());
    report_value_set(value, "exitCode",
                     hook->exit_code >= 0 ? report_value_int(hook->exit_code) : json_null());
    report_value_set(value, "durationMs", report_value_int(hook->duration_ms));
    report_value_set(value, "output", report_value_text(hook->output));
    report_value_set(value, "outputCut", json_boolean(hook->output_cut));
    report_value_set(value, "error", report_value_text(hook->problem));
    return value;
}

json_t *report_hooks_value(const struct hook_run *hooks, size_t count)
{
    json_t *list = report_value_array();

    for (size_t i = 0; i < count; i++)
        report_value_append(list, hook_value(&hooks[i]));
    return list;
}

void report_hooks_text(struct strbuf *out, const struct hook_run *hook)
{
    void *mem = mem_context(NULL);
    const char *output =
        hook->output ? hook_last_output(mem, hook->output, strlen(hook->output)) : NULL;

    if (!hook->problem)
        strbuf_printf(out, "hook %s done in %s", fleet_hooks_name(hook->point),
                      text_elapsed(mem, hook->duration_ms));
    else
        strbuf_str(out, report_text_line(mem, hook->problem, 0));
    if (hook->problem && output)
        strbuf_printf(out, "; its output: %s", report_text_line(mem, output, 0));
    talloc_free(mem);
}
