/*
 * progress.c: what people see on standard error while a run is going on.
 *
 * DESIGN. With a screen, lines are collected and go out at the next tick in the same write as the
 * rows below them, so a storm of failures costs ten writes a second. Without one each line is a
 * write of its own, so that a log is complete up to the moment the process dies.
 * Nothing here can fail: what cannot be written is lost, the run goes on.
 */
#include "orchestrator/progress.h"

#include "common/clock.h"
#include "common/mem.h"
#include "common/strbuf.h"
#include "common/text.h"
#include "orchestrator/progress_job.h"
#include "orchestrator/progress_left.h"
#include "orchestrator/progress_screen.h"
#include "orchestrator/progress_words.h"
#include "orchestrator/report_hooks.h"
#include "orchestrator/report_text.h"
#include "orchestrator/signals.h"

#include <sys/stat.h>
#include <unistd.h>

/* Without a screen, how often a data migration's progress is told. */
#define BATCH_LINES_MS 10000

/* What was last told of a server. */
struct told {
    enum schedule_server_state state;
    size_t cap;
};

struct progress {
    struct progress_options options;
    struct run_observer observer;
    const struct run_request *request; /* while a run is going on */
    struct strbuf lines;               /* not written yet */
    struct progress_rate rate;
    struct estimate *estimate;
    struct told *told;      /* by server */
    bool has_batches;       /* there are data migrations in the catalog */
    int64_t batch_lines_ms; /* when the next lines about them are due */
    bool halted;
    bool signalled;
    bool drawn; /* rows stand on the screen */
};

/* --- lines ----------------------------------------------------------------------------------- */

/* A line is complete in `lines`: without a screen it goes out at once. */
static void line_done(struct progress *progress)
{
    strbuf_char(&progress->lines, '\n');
    if (progress->options.mode == PROGRESS_BAR)
        return;
    progress_screen_write(progress->options.fd, progress->lines.text, progress->lines.len);
    strbuf_reset(&progress->lines);
}

static void add_name(struct progress *progress, const struct job *job)
{
    char *name = report_text_line(NULL, job->tenant->name, 0);

    strbuf_printf(&progress->lines, "%s: ", name);
    talloc_free(name);
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
        strbuf_printf(&progress->lines, "%lld batch%s, %lld row%s so far", (long long)batches,
                      batches == 1 ? "" : "es", (long long)job->batch_rows,
                      job->batch_rows == 1 ? "" : "s");
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
    talloc_free(progress->estimate);
    talloc_free(progress->told);
    progress->estimate = estimate_new(progress, request->expected_ms, request->tenant_count);
    progress->told = mem_array(progress, struct told, request->fleet->server_count);
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
    const struct progress_job_style style = {.color = progress->options.color,
                                             .brief = progress->options.summary_follows};
    bool told = progress_job_is_problem(job);

    estimate_ended(progress->estimate, (size_t)(job - so_far->jobs),
                   job->outcome == OUTCOME_MIGRATED ? job->duration_ms : -1);
    if (progress->options.mode == PROGRESS_LINES)
        told = told || job->outcome == OUTCOME_MIGRATED ||
               (job->outcome == OUTCOME_CURRENT && progress->options.verbose);
    if (!told || only_reads(progress))
        return;
    add_name(progress, job);
    progress_job_text(&progress->lines, job, &style);
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
    if (progress->options.mode == PROGRESS_QUIET && progress->options.summary_follows)
        return; /* nothing came between */
    strbuf_str(&progress->lines, report_text_ink(progress->options.color, INK_BAD));
    report_text_halt(&progress->lines, halt);
    strbuf_str(&progress->lines, report_text_ink(progress->options.color, INK_OFF));
    line_done(progress);
}

static void on_signalled(void *arg, int signal, int count)
{
    struct progress *progress = arg;
    const char *name = signals_name(signal);

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

/* --- waves and servers, as lines -------------------------------------------------------------- */

/* On a screen they stand in rows of their own. */
static bool tells_lines(const struct progress *progress)
{
    return progress->options.mode == PROGRESS_LINES && !only_reads(progress);
}

static void add_wave_totals(struct strbuf *out, const struct run_wave *wave)
{
    for (enum outcome outcome = OUTCOME_NONE + 1; outcome < OUTCOME_COUNT; outcome++) {
        if (wave->totals[outcome] > 0)
            strbuf_printf(out, ", %zu %s", wave->totals[outcome], outcome_name(outcome));
    }
}

/* A question stands below what was told so far: nothing is drawn until it is answered. */
static bool is_asking(const struct run_result *so_far)
{
    for (size_t i = 0; i < so_far->wave_count; i++) {
        if (so_far->waves[i].state == RUN_WAVE_CONFIRMING)
            return true;
    }
    return false;
}

static void make_room_for_question(struct progress *progress)
{
    if (progress->drawn || progress->lines.len > 0)
        progress_screen_draw(progress->options.fd, &progress->lines, NULL);
    progress->drawn = false;
    strbuf_reset(&progress->lines);
}

static void on_wave_changed(void *arg, const struct run_result *so_far, size_t index)
{
    struct progress *progress = arg;
    const struct wave_group *group = &progress->request->waves->groups[index];
    const struct run_wave *wave = &so_far->waves[index];
    struct strbuf *out = &progress->lines;
    void *mem;

    if (progress->options.mode == PROGRESS_BAR && wave->state == RUN_WAVE_CONFIRMING)
        make_room_for_question(progress);
    if (!tells_lines(progress) || !group->wave || group->count == 0)
        return;
    mem = mem_context(NULL);
    strbuf_printf(out, "wave %s: %s", report_text_line(mem, group->wave->name, 0),
                  progress_words_wave(mem, wave, clock_now_ms()));
    if (wave->state == RUN_WAVE_OPEN)
        strbuf_printf(out, ", %s", report_text_count(mem, group->count, "tenant"));
    if (wave->state == RUN_WAVE_PASSED || wave->state == RUN_WAVE_STOPPED)
        add_wave_totals(out, wave);
    line_done(progress);
    talloc_free(mem);
}

/* What is worth a line: not that a server was asked twice, nor each step of a cap that grows. */
static bool is_news(const struct told *before, const struct schedule_server *now)
{
    if (now->state == SCHEDULE_SERVER_DOUBTFUL)
        return false;
    return now->state != before->state ||
           (now->state == SCHEDULE_SERVER_FULL && now->cap < before->cap);
}

static void on_server_changed(void *arg, const struct run_result *so_far, size_t index)
{
    struct progress *progress = arg;
    const struct run_server *server = &so_far->servers[index];
    struct told *told = &progress->told[index];
    bool left_out = server->schedule.state == SCHEDULE_SERVER_LEFT_OUT;
    bool news = is_news(told, &server->schedule);
    const char *words;
    void *mem;

    if (!news)
        return;
    *told = (struct told){.state = server->schedule.state, .cap = server->schedule.cap};
    if (!tells_lines(progress) && !left_out) /* that is a problem: also where it is quiet */
        return;
    mem = mem_context(NULL);
    words = progress_words_server(mem, server);
    strbuf_printf(&progress->lines, "server %s: %s", progress->request->fleet->servers[index].name,
                  words ? words : "goes on");
    line_done(progress);
    talloc_free(mem);
}

/* --- the screen ------------------------------------------------------------------------------ */

static struct progress_bar make_bar(struct progress *progress, const struct run_result *so_far,
                                    size_t in_work, int64_t now_ms)
{
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
        .rows = batch_rows(progress, so_far),
        .state = progress->halted      ? "halted"
                 : progress->signalled ? "stopping"
                                       : NULL,
        .color = progress->options.color,
        .utf8 = progress->options.utf8,
    };

    for (enum outcome outcome = OUTCOME_NONE + 1; outcome < OUTCOME_COUNT; outcome++)
        bar.ended += outcome == OUTCOME_CANCELLED ? 0 : totals[outcome];
    progress_bar_sample(&progress->rate, now_ms, bar.ended);
    bar.rate = progress_bar_rate(&progress->rate, now_ms, bar.ended);
    return bar;
}

/* By the ledger, or with waves, whose pauses no rate knows of; else by the rate. */
static int64_t left_ms(const struct progress *progress, const struct run_result *so_far,
                       int64_t now_ms)
{
    const struct run_request *request = progress->request;
    bool waves = request->waves && request->waves->groups[0].wave;

    if (!request->expected_ms && !waves)
        return 0;
    return progress_left_ms(request, so_far, progress->estimate, now_ms, clock_wall_ms());
}

static void on_tick(void *arg, const struct run_result *so_far, size_t in_work)
{
    struct progress *progress = arg;
    struct progress_rows rows = {0};
    struct progress_view view;
    int64_t now_ms = clock_now_ms();
    void *mem;

    if (progress->options.mode == PROGRESS_LINES)
        tell_batches(progress, so_far);
    if (progress->options.mode != PROGRESS_BAR || is_asking(so_far))
        return;
    mem = mem_context(NULL);
    view = (struct progress_view){
        .request = progress->request,
        .so_far = so_far,
        .bar = make_bar(progress, so_far, in_work, now_ms),
        .now_ms = now_ms,
    };
    view.bar.left_ms = left_ms(progress, so_far, now_ms);
    progress_screen_size(progress->options.fd, &view.rows, &view.columns);
    view.columns -= view.columns > 1; /* the last one stays free: some terminals wrap there */
    progress_block_make(mem, &view, &rows);
    progress_screen_draw(progress->options.fd, &progress->lines, &rows);
    progress->drawn = true;
    strbuf_reset(&progress->lines);
    talloc_free(mem);
}

static void on_finished(void *arg, const struct run_result *result)
{
    struct progress *progress = arg;

    (void)result;
    if (progress->drawn || progress->lines.len > 0)
        progress_screen_draw(progress->options.fd, &progress->lines, NULL);
    progress->drawn = false;
    strbuf_reset(&progress->lines);
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

bool progress_same_file(int fd, int other)
{
    struct stat one;
    struct stat two;

    if (isatty(fd) || fstat(fd, &one) < 0 || fstat(other, &two) < 0)
        return false;
    return one.st_dev == two.st_dev && one.st_ino == two.st_ino;
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
        .wave_changed = on_wave_changed,
        .server_changed = on_server_changed,
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
