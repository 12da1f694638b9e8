/*
 * progress.c: what people see on standard error while a run is going on.
 *
 * DESIGN. With a bar, lines are collected and go out at the next tick in the same write as the bar
 * below them: carriage return, the lines, the bar, "clear what is behind". So the terminal
 * never shows a half-drawn state, and a storm of failures costs ten writes a second. Without a bar
 * each line is one write, so that a log is complete up to the moment the process dies.
 * Nothing here can fail: what cannot be written is lost, the run goes on.
 */
#include "orchestrator/progress.h"

#include "common/clock.h"
#include "common/mem.h"
#include "common/strbuf.h"
#include "common/text.h"
#include "orchestrator/progress_bar.h"
#include "orchestrator/report_hooks.h"
#include "orchestrator/report_text.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Without a bar, how often a data migration's progress is told. */
#define BATCH_LINES_MS 10000

#define CLEAR_LINE "\033[K"  /* from the cursor to the end of the line */
#define CLEAR_BELOW "\033[J" /* to the end of the screen */

struct progress {
    struct progress_options options;
    struct run_observer observer;
    const struct run_request *request; /* while a run is going on */
    struct strbuf lines;               /* not written yet */
    struct progress_rate rate;
    size_t drawn;     /* columns of the bar in the terminal's last line, 0 = none stands there */
    bool has_batches; /* there are data migrations in the catalog */
    int64_t batch_lines_ms; /* when the next lines about them are due */
    bool halted;
    bool signalled;
};

/* --- output ---------------------------------------------------------------------------------- */

static void write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, bytes, len);
        struct pollfd wait = {.fd = fd, .events = POLLOUT};

        if (written >= 0) {
            bytes += written;
            len -= (size_t)written;
        } else if (errno == EAGAIN) {
            if (poll(&wait, 1, 1000) <= 0)
                return;
        } else if (errno != EINTR) {
            return;
        }
    }
}

static size_t terminal_columns(int fd)
{
    struct winsize size;

    if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
        return 80;
    return size.ws_col;
}

static void draw(struct progress *progress, const struct progress_bar *bar)
{
    size_t columns = terminal_columns(progress->options.fd);
    struct strbuf out;

    strbuf_init(&out, progress);
    strbuf_char(&out, '\r');
    if (progress->drawn > columns) /* the window was made narrower, which wrapped the bar */
        strbuf_printf(&out, "\033[%zuA" CLEAR_BELOW, (progress->drawn - 1) / columns);
    if (progress->lines.len > 0) {
        strbuf_str(&out, CLEAR_LINE);
        strbuf_add(&out, progress->lines.text, progress->lines.len);
        strbuf_reset(&progress->lines);
    }
    /* The last column stays free: some terminals wrap there. */
    progress->drawn = bar ? progress_bar_print(bar, &out, columns - 1) : 0;
    strbuf_str(&out, CLEAR_LINE);
    write_all(progress->options.fd, out.text, out.len);
    strbuf_release(&out);
}

/* A line is complete in `lines`: without a bar it goes out at once. */
static void line_done(struct progress *progress)
{
    strbuf_char(&progress->lines, '\n');
    if (progress->options.mode == PROGRESS_BAR)
        return;
    write_all(progress->options.fd, progress->lines.text, progress->lines.len);
    strbuf_reset(&progress->lines);
}

/* --- lines ----------------------------------------------------------------------------------- */

static void add_name(struct progress *progress, const struct job *job)
{
    char *name = report_text_line(NULL, job->tenant->name, 0);

    strbuf_printf(&progress->lines, "%s: ", name);
    talloc_free(name);
}

static bool is_problem(const struct job *job)
{
    switch (job->outcome) {
    case OUTCOME_NONE:
    case OUTCOME_MIGRATED:
    case OUTCOME_CURRENT:
    case OUTCOME_PENDING:
        return false;
    case OUTCOME_CANCELLED:
        return job->started_wall_ms != 0; /* the others are one number in the summary */
    default:
        return true;
    }
}

static void add_problem(struct progress *progress, const struct job *job)
{
    bool waits = job->outcome == OUTCOME_HELD || job->outcome == OUTCOME_LOCKED;
    bool color = progress->options.color;
    struct strbuf *out = &progress->lines;

    strbuf_printf(out, "%s%s%s", report_text_ink(color, waits ? INK_WARN : INK_BAD),
                  outcome_name(job->outcome), report_text_ink(color, INK_OFF));
    if (job->err.kind != ERR_NONE) {
        strbuf_str(out, ": ");
        report_text_cause(out, job->plan->catalog, &job->err, NULL);
    }
    if (job->attempt > 1)
        strbuf_printf(out, " (after %d attempts)", job->attempt);
}

/* "migrated 0038 -> 0041 in 1.2s (3 migrations, 2 seeds)", "rolled back 0041 -> 0038 in ..." */
static void add_success(struct progress *progress, const struct job *job)
{
    void *mem = mem_context(NULL);
    const struct catalog *catalog = job->plan->catalog;
    struct strbuf *out = &progress->lines;
    size_t seeds = 0;

    strbuf_str(out, report_text_outcome(job->plan->action, job->outcome));
    if (job->plan->action == JOB_REPAIR) {
        strbuf_printf(out, " in %s (%s)", text_elapsed(mem, job->duration_ms),
                      report_text_count(mem, job->repair_count, "repair"));
        talloc_free(mem);
        return;
    }
    if (job->version != job->initial_version && job->initial_version > 0)
        strbuf_printf(out, " %s ->", report_version(mem, catalog, job->initial_version));
    else
        strbuf_str(out, job->outcome == OUTCOME_CURRENT ? " at" : " to");
    strbuf_printf(out, " %s in %s",
                  job->version ? report_version(mem, catalog, job->version) : "no version",
                  text_elapsed(mem, job->duration_ms));
    for (size_t i = 0; i < job->step_count; i++)
        seeds += job->steps[i].seed != NULL;
    if (job->step_count > seeds)
        strbuf_printf(out, " (%s", report_text_count(mem, job->step_count - seeds, "migration"));
    if (seeds > 0)
        strbuf_printf(out, "%s%s", job->step_count > seeds ? ", " : " (",
                      report_text_count(mem, seeds, "seed"));
    if (job->step_count > 0)
        strbuf_char(out, ')');
    talloc_free(mem);
}

/* --- data migrations in work ----------------------------------------------------------------- */

static bool has_batches(const struct migration *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i].directives.batch > 0)
            return true;
    }
    return false;
}

static int64_t batch_rows(const struct progress *progress, const struct run_result *so_far)
{
    int64_t rows = 0;

    for (size_t i = 0; progress->has_batches && i < so_far->job_count; i++)
        rows += so_far->jobs[i].batch_rows;
    return rows;
}

/* Now and then, for a log that says nothing else for hours. */
static void tell_batches(struct progress *progress, const struct run_result *so_far)
{
    int64_t now = clock_now_ms();

    if (!progress->has_batches || !progress->options.verbose || now < progress->batch_lines_ms)
        return;
    for (size_t i = 0; i < so_far->job_count; i++) {
        const struct job *job = &so_far->jobs[i];
        int64_t batches = job->batches;

        if (batches == 0)
            continue;
        progress->batch_lines_ms = now + BATCH_LINES_MS;
        add_name(progress, job);
        strbuf_printf(&progress->lines, "%lld batches, %lld rows so far", (long long)batches,
                      (long long)job->batch_rows);
        line_done(progress);
    }
}

/* --- the observer ---------------------------------------------------------------------------- */

static bool only_reads(const struct progress *progress)
{
    return !job_writes(progress->request->plan.action);
}

static void on_started(void *arg, const struct run_request *request,
                       const struct run_result *so_far)
{
    const struct catalog *catalog = request->plan.catalog;
    struct progress *progress = arg;
    void *mem = mem_context(NULL);

    progress->request = request;
    progress->has_batches = has_batches(catalog->migrations, catalog->count) ||
                            has_batches(catalog->repeatables, catalog->repeatable_count);
    progress->batch_lines_ms = 0;
    progress_bar_sample(&progress->rate, clock_now_ms(), 0);
    if (progress->options.mode == PROGRESS_LINES && !only_reads(progress)) {
        strbuf_printf(&progress->lines, "run %s: %s, %s", so_far->run_id, request->operation,
                      report_text_count(mem, request->tenant_count, "tenant"));
        line_done(progress);
    }
    talloc_free(mem);
}

static void on_job_ended(void *arg, const struct job *job, const struct run_result *so_far)
{
    struct progress *progress = arg;
    bool problem = is_problem(job);
    bool told = problem;

    (void)so_far;
    if (progress->options.mode == PROGRESS_LINES)
        told = problem || job->outcome == OUTCOME_MIGRATED ||
               (job->outcome == OUTCOME_CURRENT && progress->options.verbose);
    if (!told || only_reads(progress))
        return;
    add_name(progress, job);
    if (problem)
        add_problem(progress, job);
    else
        add_success(progress, job);
    line_done(progress);
}

static void on_job_retry(void *arg, const struct job *job, int64_t delay_ms)
{
    struct progress *progress = arg;
    char *delay;

    if (!progress->options.verbose || progress->options.mode == PROGRESS_QUIET)
        return;
    delay = text_elapsed(NULL, delay_ms);
    add_name(progress, job);
    strbuf_printf(&progress->lines, "attempt %d: ", job->attempt);
    report_text_cause(&progress->lines, job->plan->catalog, &job->err, NULL);
    strbuf_printf(&progress->lines, "; again in %s", delay);
    line_done(progress);
    talloc_free(delay);
}

/* Those of the run that fail are told in any case: nothing else would tell them. */
static void on_hook(void *arg, const struct job *job, const struct hook_run *hook)
{
    struct progress *progress = arg;
    bool verbose = progress->options.verbose && progress->options.mode != PROGRESS_QUIET;

    if (!verbose && (job || !hook->problem))
        return;
    if (job)
        add_name(progress, job);
    report_hooks_text(&progress->lines, hook);
    line_done(progress);
}

static void on_halted(void *arg, const struct run_halt *halt)
{
    struct progress *progress = arg;

    progress->halted = true;
    strbuf_str(&progress->lines, report_text_ink(progress->options.color, INK_BAD));
    report_text_halt(&progress->lines, halt);
    strbuf_str(&progress->lines, report_text_ink(progress->options.color, INK_OFF));
    line_done(progress);
}

static void on_signalled(void *arg, int signal, int count)
{
    struct progress *progress = arg;
    const char *name = signal == SIGTERM ? "SIGTERM" : "SIGINT";

    progress->signalled = true;
    if (count == 1)
        strbuf_printf(&progress->lines,
                      "%s: no tenant is started any more, those in work finish; once more cancels "
                      "them",
                      name);
    else
        strbuf_printf(&progress->lines,
                      "%s: running statements are cancelled and rolled back; once more leaves at "
                      "once",
                      name);
    line_done(progress);
}

static void on_tick(void *arg, const struct run_result *so_far, size_t in_work)
{
    struct progress *progress = arg;
    const size_t *totals = so_far->totals;
    size_t problems = report_text_problems(totals) - totals[OUTCOME_CANCELLED];
    bool reads = only_reads(progress);
    struct progress_bar bar = {
        .total = progress->request->tenant_count,
        .done = totals[reads ? OUTCOME_PENDING : OUTCOME_MIGRATED],
        .verb = reads ? "pending"
                      : report_text_outcome(progress->request->plan.action, OUTCOME_MIGRATED),
        .current = totals[OUTCOME_CURRENT],
        .failed = problems - totals[OUTCOME_HELD],
        .held = totals[OUTCOME_HELD],
        .in_work = in_work,
        .state = progress->halted      ? "halted"
                 : progress->signalled ? "stopping"
                                       : NULL,
        .color = progress->options.color,
        .utf8 = progress->options.utf8,
    };
    int64_t now = clock_now_ms();

    if (progress->options.mode == PROGRESS_LINES)
        tell_batches(progress, so_far);
    if (progress->options.mode != PROGRESS_BAR)
        return;
    for (enum outcome outcome = OUTCOME_NONE + 1; outcome < OUTCOME_COUNT; outcome++)
        bar.ended += outcome == OUTCOME_CANCELLED ? 0 : totals[outcome];
    bar.rows = batch_rows(progress, so_far);
    progress_bar_sample(&progress->rate, now, bar.ended);
    bar.rate = progress_bar_rate(&progress->rate, now, bar.ended);
    draw(progress, &bar);
}

static void on_finished(void *arg, const struct run_result *result)
{
    struct progress *progress = arg;

    (void)result;
    if (progress->drawn > 0 || progress->lines.len > 0)
        draw(progress, NULL);
}

/* --- life ------------------------------------------------------------------------------------ */

enum progress_mode progress_choose(int fd, bool quiet, bool no_progress)
{
    const char *term = getenv("TERM");

    if (quiet)
        return PROGRESS_QUIET;
    if (no_progress || !isatty(fd) || !term || strcmp(term, "dumb") == 0)
        return PROGRESS_LINES;
    return PROGRESS_BAR;
}

struct progress *progress_new(void *parent, const struct progress_options *options)
{
    struct progress *progress = mem_new(parent, struct progress);

    progress->options = *options;
    strbuf_init(&progress->lines, progress);
    progress->observer = (struct run_observer){
        .arg = progress,
        .started = on_started,
        .job_ended = on_job_ended,
        .job_retry = on_job_retry,
        .hook = on_hook,
        .halted = on_halted,
        .signalled = on_signalled,
        .tick = on_tick,
        .finished = on_finished,
    };
    return progress;
}

const struct run_observer *progress_observer(const struct progress *progress)
{
    return &progress->observer;
}
