/*
 * ledger_result.c: a tenant's object of the report as text.
 */
#include "orchestrator/ledger_result.h"

#include "common/mem.h"
#include "common/strbuf.h"
#include "orchestrator/report.h"
#include "orchestrator/report_hooks.h"
#include "orchestrator/report_parts.h"
#include "orchestrator/report_repair.h"
#include "orchestrator/report_value.h"

/* --- values ------------------------------------------------------------------------------ */

/* Takes `value`. */
static void add_value(struct strbuf *out, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

    if (!text)
        mem_die(0);
    strbuf_str(out, text);
    free(text);
    json_decref(value);
}

/* Printable ASCII that nothing escapes: nearly every text. */
static bool is_plain(const char *text)
{
    for (; *text; text++) {
        if (*text < ' ' || *text > '~' || *text == '"' || *text == '\\')
            return false;
    }
    return true;
}

static void add_text(struct strbuf *out, const char *text)
{
    if (!is_plain(text)) {
        add_value(out, report_value_text(text));
        return;
    }
    strbuf_char(out, '"');
    strbuf_str(out, text);
    strbuf_char(out, '"');
}

static void add_number(struct strbuf *out, const char *key, int64_t number)
{
    strbuf_str(out, key);
    strbuf_int(out, number);
}

/* --- migrations -------------------------------------------------------------------------- */

static void add_identity(struct strbuf *out, const struct catalog *catalog,
                         const struct migration *migration)
{
    bool versioned = migration->kind == MIGRATION_VERSIONED;

    strbuf_str(out, "{\"version\":");
    if (versioned && migration->version != 0) {
        char *version = report_version(NULL, catalog, migration->version);

        add_text(out, version);
        talloc_free(version);
    } else {
        strbuf_str(out, "null");
    }
    strbuf_str(out, ",\"name\":");
    add_text(out, migration->name);
    strbuf_str(out, versioned ? ",\"kind\":\"versioned\"" : ",\"kind\":\"repeatable\"");
}

/* As report_parts_migrations() has it. */
static void add_migration(struct strbuf *out, const struct job *job, const struct job_step *step)
{
    add_identity(out, job->plan->catalog, step->migration);
    if (step->skipped)
        strbuf_str(out, ",\"skipped\":true");
    if (step->begun)
        add_number(out, ",\"statementsDone\":", step->done);
    if (step->held)
        strbuf_str(out, ",\"held\":true");
    add_number(out, ",\"durationMs\":", step->duration_ms);
    add_number(out, ",\"statements\":", step->statements);
    if (job->plan->action == JOB_MIGRATE && step->migration->directives.batch > 0) {
        add_number(out, ",\"batches\":", step->batches);
        add_number(out, ",\"rows\":", step->rows);
    }
    if (step->output) {
        strbuf_str(out, ",\"output\":");
        add_text(out, step->output);
    }
    strbuf_char(out, '}');
}

/* --- the whole --------------------------------------------------------------------------- */

static void add_key(struct strbuf *out, const char *key)
{
    strbuf_printf(out, "%c\"%s\":", out->len ? ',' : '{', key);
}

static void add_migrations(struct strbuf *out, const struct job *job)
{
    char before = '[';

    for (size_t i = 0; i < job->step_count; i++) {
        if (!job->steps[i].migration)
            continue;
        if (before == '[')
            add_key(out, "migrations");
        strbuf_char(out, before);
        add_migration(out, job, &job->steps[i]);
        before = ',';
    }
    if (before == ',')
        strbuf_char(out, ']');
}

/* Takes `value`; null and an empty list are left out. */
static void add_unless_empty(struct strbuf *out, const char *key, json_t *value)
{
    if (json_is_null(value) || (json_is_array(value) && json_array_size(value) == 0)) {
        json_decref(value);
        return;
    }
    add_key(out, key);
    add_value(out, value);
}

char *ledger_result_write(void *parent, const struct job *job)
{
    struct strbuf out;

    strbuf_init(&out, parent);
    add_migrations(&out, job);
    add_unless_empty(&out, "seeds", report_parts_seeds(job));
    if (job->plan->action == JOB_REPAIR)
        add_unless_empty(&out, "repairs", report_repair_value(job));
    add_unless_empty(&out, "hooks", report_hooks_value(job->hooks, job->hook_count));
    add_unless_empty(&out, "error", report_parts_error(&job->err));
    if (out.len == 0) {
        strbuf_release(&out);
        return NULL;
    }
    strbuf_char(&out, '}');
    return out.text;
}
