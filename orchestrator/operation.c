/*
 * operation.c: the way of a command that touches tenants: input, selection, lock, run, reports.
 */
#include "orchestrator/operation.h"

#include "common/mem.h"
#include "orchestrator/closing.h"
#include "orchestrator/confirm.h"
#include "orchestrator/coordinator.h"
#include "orchestrator/discover.h"
#include "orchestrator/events.h"
#include "orchestrator/fleet_lock.h"
#include "orchestrator/input.h"
#include "orchestrator/ledger_options.h"
#include "orchestrator/ledger_recorder.h"
#include "orchestrator/machines.h"
#include "orchestrator/message.h"
#include "orchestrator/password_fetch.h"
#include "orchestrator/plan_file.h"
#include "orchestrator/progress.h"
#include "orchestrator/report_file.h"
#include "orchestrator/report_json.h"
#include "orchestrator/resume.h"
#include "orchestrator/selection_ledger.h"
#include "orchestrator/wave_request.h"
#include "worker/hook.h"

#include <unistd.h>

/* One operation as it goes on. */
struct operation {
    void *mem; /* owner of all of it */
    const char *run_id;
    const struct options *options;
    const struct operation_kind *kind;
    struct fleet *fleet;
    struct catalog *catalog;
    struct selection selection;
    struct selected selected;
    struct resume *resume; /* NULL: no recorded run is gone on with */
    struct run_request request;
    struct run_result *result;
    struct machines *machines;        /* NULL: the ledger is this machine's alone */
    struct ledger_recorder *recorder; /* NULL: this run is not recorded */
    struct events *events;            /* NULL: not asked for, or not for this run */
    bool has_password;                /* a password_command is run once */
    int signal;                       /* that stopped the preview, or 0 */
    int lock_fd;                      /* -1: not held */
};

/* ---- input ---- */

static int load_seeds(struct operation *op, struct err_list *errors)
{
    const struct run_request *request = &op->request;

    return input_load_seeds(op->catalog, op->fleet, request->tenants, request->tenant_count,
                            &op->options->seed_sets, errors);
}

/* The reports are asked for by path: better refused now than after hours of work. */
static int check_reports(const struct operation *op, struct err_list *errors)
{
    const struct words *reports = &op->options->reports;
    struct err err = ERR_INIT;
    int rc = 0;

    for (size_t i = 0; i < reports->count; i++) {
        if (report_file_check(reports->items[i], &err) < 0)
            rc = err_list_take(errors, &err);
    }
    return rc;
}

/* ---- the request ---- */

/* The command line and the environment stand above fleet.yaml. */
static struct run_config run_config(const struct fleet *fleet, const struct options *options)
{
    struct run_config config = fleet->run;

    if (options->workers > 0)
        config.workers = (int)options->workers;
    if (options->has_max_failures)
        config.max_failures = options->max_failures;
    if (options->max_duration_ms > 0)
        config.max_duration_ms = options->max_duration_ms;
    return config;
}

static bool rolls_back(const struct operation *op)
{
    return op->kind->action == JOB_ROLLBACK || op->kind->action == JOB_ROLLBACK_PLAN;
}

/* --to the head is the head: repeatables and seeds run. Nothing stays of a rollback --to 0. */
static int resolve_target(const struct operation *op, int64_t *ret_version, struct err_list *errors)
{
    struct err err = ERR_INIT;
    int64_t version;

    *ret_version = rolls_back(op) ? 0 : INT64_MAX;
    if (!op->options->to || (rolls_back(op) && strcmp(op->options->to, "0") == 0))
        return 0;
    if (catalog_resolve(op->catalog, op->options->to, &version, &err) < 0)
        return err_list_take(errors, &err);
    if (version != op->catalog->head || rolls_back(op))
        *ret_version = version;
    return 0;
}

/* Hooks stand around changes of the tenants, not around looks or changes of the history alone. */
static int prepare_hooks(struct operation *op, struct err_list *errors)
{
    struct hooks *hooks;

    if (!job_runs_files(op->kind->action))
        return 0;
    if (hook_prepare(op->mem, op->fleet, op->kind->name, &hooks, errors) < 0)
        return -1;
    op->request.plan.hooks = hooks;
    return 0;
}

/* A run that is gone on with keeps its waves, if it can. */
static int deal_waves(struct operation *op, struct err_list *errors)
{
    struct run_request *request = &op->request;

    if (op->resume && wave_request_knows_waves(request->plan.action) &&
        resume_deal(op->mem, op->resume, &op->selected, op->selection.history, request))
        return wave_request_gates(op->mem, request, errors);
    return wave_request_deal(op->mem, &op->selection, &op->selected, request, errors);
}

/* How long a migration of each tenant took the last time; NULL: nothing is known, or asked. */
static const int64_t *expected_durations(const struct operation *op)
{
    const int64_t *known = op->selection.history.last_duration_ms;
    int64_t *expected;

    if (!known || op->kind->action != JOB_MIGRATE)
        return NULL;
    expected = mem_array(op->mem, int64_t, op->selected.count);
    for (size_t i = 0; i < op->selected.count; i++)
        expected[i] = known[op->selected.tenants[i]->index];
    return expected;
}

static int make_request(struct operation *op, struct err_list *errors)
{
    const struct options *options = op->options;
    struct run_request *request = &op->request;

    *request = (struct run_request){
        .operation = op->kind->name,
        .fleet = op->fleet,
        .config = run_config(op->fleet, options),
        .origin = options->origin,
        .origin_kind = !options->origin   ? NULL
                       : options->retries ? "retry"
                                          : "resume",
        .per_server = (int)options->per_server,
        .tenants = op->selected.tenants,
        .tenant_count = op->selected.count,
        .halts = op->kind->halts,
        .consent = {.given = options->yes, .in_fd = STDIN_FILENO, .out_fd = STDERR_FILENO},
        .plan =
            {
                .action = op->kind->action,
                .catalog = op->catalog,
                .run_id = op->run_id,
                .ask_require = op->kind->ask_require,
                .steps = options->steps,
                .seed = op->kind->seeds || options->seed,
                .reseed = options->reseed,
                .seed_sets = options->seed_sets.items,
                .seed_set_count = options->seed_sets.count,
                .cancel_fd = -1,
            },
    };
    if (resolve_target(op, &request->plan.to_version, errors) < 0 ||
        prepare_hooks(op, errors) < 0 || deal_waves(op, errors) < 0)
        return -1;
    if (op->resume) /* and so do its budgets */
        request->whole = ledger_options_whole(op->mem, resume_options(op->resume), request);
    request->expected_ms = expected_durations(op);
    if (op->kind->prepare && op->kind->prepare(op->mem, options, request, errors) < 0)
        return -1;
    return request->plan.seed ? load_seeds(op, errors) : 0;
}

/* ---- the tenants ---- */

static int take_lock(struct operation *op, struct err *err)
{
    if (!job_writes(op->kind->action) || op->lock_fd >= 0 || op->fleet->ledger)
        return 0; /* a ledger that machines share has a lock of its own */
    return fleet_lock_take(op->fleet->state, op->run_id, &op->lock_fd, err);
}

/* What is left of the run that is gone on with. The lock first: it may be going on still. */
static int select_rest(struct operation *op, struct err *err)
{
    enum resume_kind kind = op->options->retries ? RESUME_FAILED : RESUME_REST;

    if (take_lock(op, err) < 0 ||
        resume_load(op->mem, op->fleet, op->options->origin, kind, &op->resume, err) < 0)
        return -1;
    op->selection.only = resume_names(op->resume);
    if (resume_count(op->resume) == 0)
        message_note("%s: no tenant %s", resume_title(op->mem, op->resume),
                     kind == RESUME_REST ? "is left to be done" : "has failed");
    return 0;
}

static int select_tenants(struct operation *op, struct err *err)
{
    bool connects = job_runs_files(op->kind->action);

    if (selection_ledger_fill(op->mem, op->options, op->fleet, connects, &op->selection, err) < 0)
        return -1;
    op->selection.history.seed = wave_request_seed();
    if (op->options->origin && select_rest(op, err) < 0)
        return -1;
    if (op->resume && resume_count(op->resume) == 0)
        return 0; /* nobody is selected */
    return selection_apply(op->mem, &op->selection, op->fleet, false, &op->selected, err);
}

/* All that can be wrong is found here, before anything is connected to. */
static int prepare(struct operation *op, struct err_list *errors)
{
    const struct options *options = op->options;
    struct err err = ERR_INIT;

    if (options->events && events_open(op->mem, options->events, &op->events, &err) < 0)
        return err_list_take(errors, &err);
    if (check_reports(op, errors) < 0 ||
        fleet_load(op->mem, options->fleet, &op->fleet, errors) < 0)
        return -1;
    input_warn(op->fleet);
    if (machines_check(op->fleet, options->run_name, &err) < 0)
        return err_list_take(errors, &err);
    if (input_load_catalog(op->mem, op->fleet, &op->catalog, errors) < 0 ||
        discover_tenants(op->fleet, errors) < 0)
        return -1;
    if (select_tenants(op, &err) < 0)
        return err_list_take(errors, &err);
    if (make_request(op, errors) < 0)
        return -1;
    if (op->kind->halts)
        input_warn_budgets(op->fleet, &op->request.config);
    return 0;
}

/* ---- the run ---- */

/* Where events go, nothing else does. */
static FILE *result_stream(const struct options *options)
{
    return options->events && strcmp(options->events, "-") == 0 ? stderr : stdout;
}

static struct progress *make_progress(const struct operation *op)
{
    const struct options *options = op->options;
    struct progress_options progress = {
        .fd = STDERR_FILENO,
        .mode = progress_choose(STDERR_FILENO, options->quiet, options->no_progress),
        .verbose = options->verbose,
        .color = report_color_wanted(stderr, options->no_color),
        .utf8 = report_utf8(),
        .summary_follows = progress_same_file(STDERR_FILENO, fileno(result_stream(options))),
    };

    return progress_new(op->mem, &progress);
}

/* Before anything is touched: a run that cannot be recorded is not begun. */
static int begin_record(struct operation *op, struct err *err)
{
    struct ledger_recorder_setup setup = {
        .options = op->options,
        .request = &op->request,
        .suspended = op->selected.suspended,
    };

    if (!job_writes(op->kind->action) || op->request.tenant_count == 0)
        return 0;
    if (ledger_open(op->mem, op->fleet, false, &setup.db, err) < 0)
        return -1;
    if (op->fleet->ledger && machines_begin(op->mem, setup.db, op->options->run_name, &op->request,
                                            &op->machines, err) < 0)
        return ledger_refuse(err);
    if (machines_is_over(op->machines))
        return 0;
    setup.name = op->options->run_name;
    setup.owner = machines_member(op->machines);
    setup.joined = machines_joined(op->machines);
    if (ledger_recorder_begin(op->mem, &setup, &op->recorder, err) < 0)
        return ledger_refuse(err);
    return 0;
}

static int run(struct operation *op, struct err *err)
{
    const struct run_observer *observers[5];
    size_t count = 0;

    if (take_lock(op, err) < 0)
        return -1;
    if (!op->has_password && password_fetch(op->fleet, err) < 0)
        return -1;
    op->has_password = true;
    closing_set(op->mem, &op->request);
    if (begin_record(op, err) < 0)
        return -1;
    if (op->recorder)
        observers[count++] = ledger_recorder_observer(op->recorder);
    if (machines_observer(op->machines))
        observers[count++] = machines_observer(op->machines);
    if (op->events)
        observers[count++] = events_observer(op->events);
    if (op->kind->observer)
        observers[count++] = op->kind->observer;
    observers[count++] = progress_observer(make_progress(op));
    if (coordinator_run(op->mem, &op->request, observers, count, &op->result, err) == 0)
        return 0;
    if (op->recorder && !machines_joined(op->machines))
        ledger_recorder_refuse(op->recorder, err);
    return -1;
}

/* ---- the question ---- */

static bool finds_work(const struct run_result *result)
{
    for (size_t i = 0; i < result->job_count; i++) {
        if (result->jobs[i].step_count + result->jobs[i].repair_count > 0)
            return true;
    }
    return false;
}

/* Shows what would be done, where the question is asked. *ret_needed: there is something to do. */
static int preview(struct operation *op, bool *ret_needed, struct err *err)
{
    struct operation look = *op;
    struct report report;
    int result = 0;

    look.kind = op->kind->preview;
    look.events = NULL;
    look.request.plan.action = look.kind->action;
    look.request.halts = false;
    if (run(&look, err) < 0)
        return -1;
    op->has_password = true;
    op->signal = look.result->signal;
    *ret_needed = finds_work(look.result);
    report_init(&report, &look.request, look.result, 0);
    report.color = report_color_wanted(stderr, op->options->no_color);
    report.verbose = op->options->verbose;
    if (*ret_needed && look.kind->report(&report, stderr) < 0)
        result = err_set(err, ERR_INTERNAL, "could not write to standard error: %m");
    run_result_release(look.result);
    return result;
}

/* What is different since the run that is gone on with began. */
static int ask_changes(const struct operation *op, struct err *err)
{
    bool writes = job_writes(op->kind->action);
    char **changes;
    size_t count;

    if (!op->resume || resume_count(op->resume) == 0)
        return 0;
    count = resume_changes(op->mem, op->resume, op->fleet, op->catalog, &changes);
    for (size_t i = 0; i < count; i++)
        message_warning("since run %s began: %s", op->options->origin, changes[i]);
    if (count == 0 || op->options->yes || !writes)
        return 0;
    return confirm_ask(STDIN_FILENO, STDERR_FILENO,
                       mem_printf(op->mem, "Go on with run %s all the same?", op->options->origin),
                       err);
}

/* What is different since the plan was made. Where nothing is changed, nobody is asked. */
static int ask_plan(const struct operation *op, struct err *err)
{
    const struct options *options = op->options;
    size_t count;

    if (!options->plan)
        return 0;
    if (job_writes(op->kind->action))
        return plan_file_confirm(options->plan, &op->request, options->yes, err);
    return plan_file_show(options->plan, &op->request, &count, err);
}

static int ask(struct operation *op, struct err *err)
{
    const struct options *options = op->options;
    bool needed = true;

    if (ask_changes(op, err) < 0 || ask_plan(op, err) < 0)
        return -1;
    if (!op->kind->question || options->yes || op->request.tenant_count == 0)
        return 0;
    if (confirm_possible(STDIN_FILENO, STDERR_FILENO, err) < 0)
        return -1;
    if (op->kind->preview && preview(op, &needed, err) < 0)
        return -1;
    if (op->signal || !needed)
        return 0;
    return confirm_ask(STDIN_FILENO, STDERR_FILENO, op->kind->question(op->mem, &op->request), err);
}

/* ---- the reports ---- */

static int exit_code(const struct operation *op)
{
    int code = run_exit_code(&op->request, op->result);

    return op->kind->exit_code ? op->kind->exit_code(op->options, op->result, code) : code;
}

/* A report that could not be written makes a good run a bad one, but hides nothing worse. */
static int report(const struct operation *op, int code)
{
    const struct options *options = op->options;
    FILE *out = result_stream(options);
    struct report report;
    bool failed;

    report_init(&report, &op->request, op->result, code);
    report.as_text = op->kind->report;
    report.suspended = op->selected.suspended;
    report.recorded = op->recorder;
    report.color = report_color_wanted(out, options->no_color);
    report.verbose = options->verbose;
    report.quiet = options->quiet;
    failed = (options->json ? report_json : report.as_text)(&report, out) < 0;
    code = message_stdout(failed, code);
    for (size_t i = 0; i < options->reports.count; i++) {
        struct err err = ERR_INIT;

        if (report_file_write(&report, options->reports.items[i], &err) < 0) {
            message_error(&err);
            err_clear(&err);
            code = code ? code : err_exit_code(ERR_INTERNAL);
        }
    }
    report.exit_code = code;
    if (op->events)
        events_finished(op->events, &report);
    return code;
}

int operation_mismatch_code(const struct options *options UNUSED, const struct run_result *result,
                            int run_code)
{
    const int mismatch = 6;
    bool weaker = run_code == 0 || run_code == err_exit_code(ERR_CONFLICT);

    return weaker && result->totals[OUTCOME_CONFLICT] > 0 ? mismatch : run_code;
}

int operation_pending_code(const struct options *options, const struct run_result *result,
                           int run_code)
{
    const int pending = 2;

    if (options->exit_code && run_code == 0 && result->totals[OUTCOME_PENDING] > 0)
        return pending;
    return run_code;
}

int operation_perform(const struct options *options, const struct operation_kind *kind,
                      struct err_list *errors)
{
    struct operation op = {
        .mem = mem_context(NULL), .options = options, .kind = kind, .lock_fd = -1};
    struct err err = ERR_INIT;
    int code = -1;

    op.run_id =
        job_writes(kind->action) && options->run_name ? options->run_name : run_make_id(op.mem);
    if (prepare(&op, errors) < 0)
        goto done;
    if (op.events)
        events_begin(op.events, &op.request);
    if (ask(&op, &err) < 0 || (!op.signal && run(&op, &err) < 0)) {
        if (op.events)
            events_refused(op.events, &err);
        err_list_take(errors, &err);
        goto done;
    }
    if (op.signal) {
        code = 128 + op.signal;
        goto done;
    }
    code = exit_code(&op);
    if (op.recorder && !machines_go_on(op.machines, op.result))
        ledger_recorder_end(op.recorder, op.result, code);
    code = report(&op, code);
    run_result_release(op.result);

done:
    machines_end(op.machines);
    if (op.lock_fd >= 0)
        close(op.lock_fd);
    talloc_free(op.mem);
    return code;
}
