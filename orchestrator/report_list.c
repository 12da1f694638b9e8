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

int report_list(const struct tenant *const *tenants, size_t count, FILE *out)
{
    static const struct report_table_column columns[] = {
        {"tenant", false}, {"server", false}, {"database", false},
        {"schema", false}, {"state", false},  {"labels", false},
    };
    void *mem = mem_context(NULL);
    struct report_table *table = report_table_new(mem, columns, ARRAY_LEN(columns));
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
        };

        report_table_add(table, cells);
    }
    strbuf_init(&text, mem);
    report_table_print(table, &text);
    rc = report_text_write(&text, out);
    talloc_free(mem);
    return rc;
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

int report_list_json(const struct tenant *const *tenants, size_t count, FILE *out)
{
    fputs("[", out);
    for (size_t i = 0; i < count; i++) {
        fputs(i ? ",\n" : "\n", out);
        if (report_value_write(tenant_object(tenants[i]), 0, out) < 0)
            return -1;
    }
    fputs("\n]\n", out);
    return fflush(out) == 0 && !ferror(out) ? 0 : -1;
}
