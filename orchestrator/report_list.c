/*
 * report_list.c: the selected tenants, as a table or as JSON.
 */
#include "orchestrator/report_list.h"

#include "common/mem.h"
#include "orchestrator/report_table.h"
#include "orchestrator/report_text.h"
#include "orchestrator/report_value.h"

static const char *state_name(const struct tenant *tenant)
{
    return tenant->state == TENANT_SUSPENDED ? "suspended" : "active";
}

/* "ring=canary region=eu", "-" for none. */
static const char *labels_text(void *mem, const struct tenant *tenant)
{
    struct strbuf out;

    if (tenant->labels.count == 0)
        return "-";
    strbuf_init(&out, mem);
    for (size_t i = 0; i < tenant->labels.count; i++) {
        const struct name_value *label = &tenant->labels.items[i];

        strbuf_printf(&out, "%s%s=%s", i ? " " : "", label->name, label->value);
    }
    return report_text_line(mem, out.text, 0);
}

/* The name of its wave, "-" for none. */
static const char *wave_name(void *mem, const struct wave_plan *waves, size_t index)
{
    size_t group = waves ? waves->group_of[index] : WAVE_PLAN_NONE;

    return group == WAVE_PLAN_NONE ? "-"
                                   : report_text_line(mem, waves->groups[group].wave->name, 0);
}

static const char *wave_reason(void *mem, const struct wave_plan *waves, size_t index)
{
    const char *reason = waves ? wave_plan_reason(mem, waves, index) : NULL;

    return reason ? report_text_line(mem, reason, 0) : "-";
}

int report_list(const struct tenant *const *tenants, size_t count, const struct wave_plan *waves,
                FILE *out)
{
    static const struct report_table_column columns[] = {
        {"tenant", false}, {"server", false}, {"database", false}, {"schema", false},
        {"state", false},  {"labels", false}, {"wave", false},     {"why", false},
    };
    enum { WITHOUT_WAVES = ARRAY_LEN(columns) - 2 };
    void *mem = mem_context(NULL);
    struct report_table *table =
        report_table_new(mem, columns, waves ? ARRAY_LEN(columns) : WITHOUT_WAVES);
    struct strbuf text;
    int rc;

    for (size_t i = 0; i < count; i++) {
        const struct tenant *tenant = tenants[i];
        const char *cells[ARRAY_LEN(columns)] = {
            report_text_line(mem, tenant->name, 0),
            report_text_line(mem, tenant->server->name, 0),
            report_text_line(mem, tenant->database, 0),
            tenant->schema ? report_text_line(mem, tenant->schema, 0) : "-",
            state_name(tenant),
            labels_text(mem, tenant),
            wave_name(mem, waves, i),
            wave_reason(mem, waves, i),
        };

        report_table_add(table, cells);
    }
    strbuf_init(&text, mem);
    report_table_print(table, &text);
    if (waves && wave_plan_is_random(waves))
        strbuf_printf(&text, "drawn at random with the seed %lld, anew in each run\n",
                      (long long)waves->seed);
    rc = report_text_write(&text, out);
    talloc_free(mem);
    return rc;
}

static void add_wave(json_t *object, const struct wave_plan *waves, size_t index)
{
    size_t group = waves ? waves->group_of[index] : WAVE_PLAN_NONE;
    char *reason = waves ? wave_plan_reason(NULL, waves, index) : NULL;

    report_value_set(
        object, "wave",
        report_value_text(group == WAVE_PLAN_NONE ? NULL : waves->groups[group].wave->name));
    report_value_set(object, "waveReason", report_value_text(reason));
    talloc_free(reason);
}

static json_t *tenant_object(const struct tenant *tenant)
{
    json_t *object = report_value_object();
    json_t *labels = report_value_object();

    for (size_t i = 0; i < tenant->labels.count; i++)
        report_value_set(labels, tenant->labels.items[i].name,
                         report_value_text(tenant->labels.items[i].value));
    report_value_set(object, "name", report_value_text(tenant->name));
    report_value_set(object, "server", report_value_text(tenant->server->name));
    report_value_set(object, "database", report_value_text(tenant->database));
    report_value_set(object, "schema", report_value_text(tenant->schema));
    report_value_set(object, "state", report_value_text(state_name(tenant)));
    report_value_set(object, "labels", labels);
    return object;
}

int report_list_json(const struct tenant *const *tenants, size_t count,
                     const struct wave_plan *waves, FILE *out)
{
    fputs("[", out);
    for (size_t i = 0; i < count; i++) {
        json_t *object = tenant_object(tenants[i]);

        add_wave(object, waves, i);
        fputs(i ? ",\n" : "\n", out);
        if (report_value_write(object, 0, out) < 0)
            return -1;
    }
    fputs("\n]\n", out);
    return fflush(out) == 0 && !ferror(out) ? 0 : -1;
}
