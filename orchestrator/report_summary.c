/*
 * report_summary.c: what a run came to. From what needs attention first down to the totals line,
 * which is last because the end of the output is what people and scripts look at.
 */
#include "orchestrator/report_summary.h"

#include "common/mem.h"
#include "common/text.h"
#include "orchestrator/closing.h"
#include "orchestrator/report_failures.h"
#include "orchestrator/report_remedy.h"
#include "orchestrator/report_text.h"
#include "orchestrator/report_waves.h"
#include "orchestrator/signals.h"

#include <signal.h>

/* --- -v: each migration, with how long it took ----------------------------------------------- */

struct work {
    const char *name;
    size_t tenants;
    size_t skipped;
    int64_t longest_ms;
    int64_t total_ms;
};

static void count_step(struct work *work, const struct job_step *step)
{
    if (step->skipped) {
        work->skipped++;
        return;
    }
    work->tenants++;
    work->total_ms += step->duration_ms;
    if (step->duration_ms > work->longest_ms)
        work->longest_ms = step->duration_ms;
}

static void print_work(struct strbuf *out, const struct work *work)
{
    void *mem = mem_context(NULL);

    if (work->tenants > 0) {
        strbuf_printf(out, "%s: %s, ", report_text_line(mem, work->name, 0),
                      report_text_count(mem, work->tenants, "tenant"));
        strbuf_printf(out, "%s on average, ",
                      text_elapsed(mem, work->total_ms / (int64_t)work->tenants));
        strbuf_printf(out, "%s at most\n", text_elapsed(mem, work->longest_ms));
    }
    if (work->skipped > 0)
        strbuf_printf(out, "%s: %s skipped, its when was false there\n",
                      report_text_line(mem, work->name, 0),
                      report_text_count(mem, work->skipped, "tenant"));
    talloc_free(mem);
}

/* Migrations in the catalog's order, repeatables, then all seeds in one line. */
static void print_all_work(struct strbuf *out, const struct report *report)
{
    const struct catalog *catalog = report->request->plan.catalog;
    void *mem = mem_context(NULL);
    struct work *versioned = mem_array(mem, struct work, catalog->count);
    struct work *repeatables = mem_array(mem, struct work, catalog->repeatable_count);
    struct work seeds = {.name = "seed files"};

    for (size_t i = 0; i < report->result->job_count; i++) {
        const struct job *job = &report->result->jobs[i];

        for (size_t j = 0; j < job->step_count; j++) {
            const struct migration *migration = job->steps[j].migration;
            struct work *work = &seeds;

            if (migration && migration->kind == MIGRATION_VERSIONED)
                work = &versioned[migration->index];
            else if (migration)
                work = &repeatables[migration->index];
            if (migration && !work->name)
                work->name = report_migration_name(mem, migration);
            count_step(work, &job->steps[j]);
        }
    }
    for (size_t i = 0; i < catalog->count; i++)
        print_work(out, &versioned[i]);
    for (size_t i = 0; i < catalog->repeatable_count; i++)
        print_work(out, &repeatables[i]);
    print_work(out, &seeds);
    talloc_free(mem);
}

/* --- the lines above the totals -------------------------------------------------------------- */

/* Tenants that were not started, and those cancelled in work. */
static void print_cancelled(struct strbuf *out, const struct report *report)
{
    const struct run_result *result = report->result;
    const struct job **waiting = mem_array(NULL, const struct job *, result->job_count);
    size_t count = 0;
    size_t in_work = 0;

    for (size_t i = 0; i < result->job_count; i++) {
        const struct job *job = &result->jobs[i];

        if (job->outcome != OUTCOME_CANCELLED)
            continue;
        if (job->started_wall_ms == 0)
            waiting[count++] = job;
        else
            in_work++;
    }
    if (count > 0) {
        strbuf_printf(out, "%zu not started: ", count);
        report_text_names(out, waiting, count, report->verbose);
        strbuf_str(out, "\n");
    }
    if (in_work > 0)
        strbuf_printf(out,
                      "%zu cancelled in work: finished migrations have stayed, open transactions "
                      "were rolled back\n",
                      in_work);
    talloc_free(waiting);
}

static void print_line(struct strbuf *out, const struct report *report, const char *text)
{
    strbuf_printf(out, "%s%s%s\n", report_text_ink(report->color, INK_BAD), text,
                  report_text_ink(report->color, INK_OFF));
}

/* "server eu1 was left out: 3 failed (max_failures)" */
static char *left_out_text(void *mem, const struct server *server, const struct run_server *seen)
{
    char *name = report_text_line(mem, server->name, 0);

    if (seen->blind)
        return mem_printf(mem, "server %s was left out, as it cannot be watched: %s", name,
                          report_text_line(mem, seen->blind, 0));
    return mem_printf(mem, "server %s was left out: %lld failed (max_failures)", name,
                      (long long)seen->failures);
}

static void print_left_out(struct strbuf *out, const struct report *report)
{
    const struct fleet *fleet = report->request->fleet;
    void *mem = mem_context(NULL);

    for (size_t i = 0; report->result->servers && i < fleet->server_count; i++) {
        const struct run_server *server = &report->result->servers[i];

        if (server->left_out)
            print_line(out, report, left_out_text(mem, &fleet->servers[i], server));
    }
    talloc_free(mem);
}

/* Why not all tenants were started: their time was over, or would have been. */
static void print_closed(struct strbuf *out, const struct report *report)
{
    const struct run_request *request = report->request;
    void *mem = mem_context(NULL);

    if (report->result->closed && report->result->finished_wall_ms < request->closes_wall_ms)
        print_line(out, report,
                   mem_printf(mem, "not started: those not expected to end before %s",
                              request->closes_at ? request->closes_at : "max_duration has passed"));
    else if (report->result->closed)
        print_line(out, report, closing_text(mem, request));
    talloc_free(mem);
}

/* Of a record: whoever ran it was told by an error message. */
static void print_refusal(struct strbuf *out, const struct report *report)
{
    const char *why = report->result->refusal;
    void *mem = mem_context(NULL);

    if (report->result->refused)
        print_line(out, report,
                   mem_printf(mem, "nothing was started%s%s", why ? ": " : "",
                              why ? report_text_line(mem, why, 0) : ""));
    talloc_free(mem);
}

static void print_stop(struct strbuf *out, const struct report *report)
{
    const struct run_result *result = report->result;
    struct strbuf halt;

    if (result->halt.halted) {
        strbuf_init(&halt, NULL);
        report_text_halt(&halt, &result->halt);
        print_line(out, report, halt.text);
        strbuf_release(&halt);
    }
    if (result->signal) {
        char *text = mem_printf(NULL, "stopped by %s", signals_name(result->signal));

        if (report->going)
            strbuf_str(out, "going on still\n");
        else if (result->signal == SIGKILL) /* by its record */
            print_line(out, report, "broken off: pgtide was killed, or its machine went down");
        else
            print_line(out, report, text);
        talloc_free(text);
    }
    print_refusal(out, report);
    print_closed(out, report);
    print_left_out(out, report);
    report_waves_text(out, report);
    print_cancelled(out, report);
}

static void print_rollback_remarks(struct strbuf *out, const struct report *report)
{
    const size_t *totals = report->result->totals;
    size_t steps = (size_t)report->request->plan.steps;

    if (totals[OUTCOME_MIGRATED] > 0)
        strbuf_str(out, "repeatables and seeds were not touched; the next migrate runs all "
                        "repeatables again\n");
    if (steps > 0 && report_text_problems(totals) > 0)
        strbuf_printf(out,
                      "--steps %zu counts from where a tenant stands, so the same command again "
                      "would take those that are done further back: go on with --to VERSION\n",
                      steps);
}

static void print_remarks(struct strbuf *out, const struct report *report)
{
    const struct job_plan *plan = &report->request->plan;
    void *mem = mem_context(NULL);

    if (plan->action == JOB_ROLLBACK)
        print_rollback_remarks(out, report);
    else if (plan->action == JOB_BASELINE && report->result->totals[OUTCOME_MIGRATED] > 0)
        strbuf_str(out, "recorded only, nothing was run; pgtide migrate does the rest\n");
    else if (plan->action != JOB_BASELINE && plan->to_version < plan->catalog->head)
        strbuf_printf(out, "stopped at %s, below the head %s: repeatables and seeds did not run\n",
                      report_version(mem, plan->catalog, plan->to_version),
                      report_version(mem, plan->catalog, plan->catalog->head));
    report_text_bundle(out, plan->catalog);
    if (report->suspended > 0)
        strbuf_printf(out, "%s left out: suspended in %s\n",
                      report_text_count(mem, report->suspended, "tenant"),
                      report_text_line(mem, report->request->fleet->file, 0));
    talloc_free(mem);
}

static bool stopped_by(const struct report *report, const char *rule)
{
    const struct run_halt *halt = &report->result->halt;

    return halt->halted && strcmp(halt->rule, rule) == 0;
}

/* All its tenants have ended, and its soak time or its gate has not. */
static bool is_unproven(const struct run_wave *wave)
{
    return wave->state == RUN_WAVE_SOAKING || wave->state == RUN_WAVE_GATED ||
           (wave->state == RUN_WAVE_STOPPED && wave->totals[OUTCOME_CANCELLED] == 0);
}

static bool has_unproven_wave(const struct run_result *result)
{
    for (size_t i = 0; !result->halt.halted && i < result->wave_count; i++) {
        if (is_unproven(&result->waves[i]))
            return true;
    }
    return false;
}

/* Each way on once. What resume would take along anyway needs no retry. */
static void print_ways_on(struct strbuf *out, const struct report *report, const char *program)
{
    const struct run_result *result = report->result;
    const size_t *totals = result->totals;
    size_t trouble = totals[OUTCOME_UNREACHABLE] + totals[OUTCOME_LOCKED] + totals[OUTCOME_UNKNOWN];
    size_t failed = totals[OUTCOME_FAILED] + totals[OUTCOME_HELD] + totals[OUTCOME_CONFLICT];
    bool left = totals[OUTCOME_CANCELLED] > 0;
    bool gate = stopped_by(report, "gate");
    const char *what = gate && left                ? "the gate again, then those that are left"
                       : gate                      ? "the gate again"
                       : left                      ? "those that are left"
                       : has_unproven_wave(result) ? "the soak time or gate that is left"
                                                   : NULL;

    if (what)
        strbuf_printf(out, "%s: %s%sresume %s%s%s\n", what,
                      report_text_ink(report->color, INK_BOLD), program, result->run_id,
                      report_text_ink(report->color, INK_OFF),
                      stopped_by(report, "confirm") ? ", with --yes without asking" : "");
    if (failed > 0 || (trouble > 0 && !left))
        strbuf_printf(out, "those that failed: %s%sretry %s%s\n",
                      report_text_ink(report->color, INK_BOLD), program, result->run_id,
                      report_text_ink(report->color, INK_OFF));
}

/* This machine has left a run that goes on: under its name, with the terms that it was begun with.
 */
static void print_way_back(struct strbuf *out, const struct report *report, const char *program)
{
    char *operation = report_remedy_operation(NULL, report->request);

    strbuf_printf(out, "to go on with it here: %s%s --run %s, with the same options\n", program,
                  operation, report->result->run_id);
    talloc_free(operation);
}

/* What to type next. How far --steps has gone, nobody knows. */
static void print_next(struct strbuf *out, const struct report *report)
{
    char *program;

    if (report->request->plan.steps > 0 || report->going)
        return;
    if (report->recorded) {
        program = report_remedy_program(NULL, report->request);
        (report->result->left ? print_way_back : print_ways_on)(out, report, program);
        talloc_free(program);
    } else if (report->result->totals[OUTCOME_CANCELLED] > 0) {
        strbuf_str(out, "the same command again goes on; tenants that are done are left alone\n");
    }
}

/* How it ended and what to type next. */
static void print_ending(struct strbuf *out, const struct report *report)
{
    size_t problems = report_text_problems(report->result->totals);

    print_stop(out, report);
    print_remarks(out, report);
    print_next(out, report);
    strbuf_str(out, report_text_ink(report->color, problems ? INK_BAD : INK_GOOD));
    report_text_totals(out, report);
    if (report->color) { /* the colour ends before the line does */
        out->text[--out->len] = '\0';
        strbuf_printf(out, "%s\n", report_text_ink(true, INK_OFF));
    }
}

/* A terminal shows the end of it, a document its beginning. */
int report_summary(const struct report *report, FILE *out)
{
    size_t problems = report_text_problems(report->result->totals);
    struct strbuf text;
    int rc;

    if (report->quiet && problems == 0 && !report->result->halt.halted)
        return 0;
    strbuf_init(&text, NULL);
    if (report->document) {
        print_ending(&text, report);
        strbuf_char(&text, '\n');
        report_failures_text(&text, report);
    }
    if (report->verbose && job_runs_files(report->request->plan.action))
        print_all_work(&text, report);
    if (!report->document) {
        report_failures_text(&text, report);
        print_ending(&text, report);
    }
    rc = report_text_write(&text, out);
    strbuf_release(&text);
    return rc;
}
