/*
 * test_model.c: budget, schedule and run_state together, under 100,000 random courses of a run,
 * against a model that is as simple as can be: it looks at every tenant each time.
 *
 * A course has its own fleet, caps, budgets, outages and luck. Time is a number; an attempt takes
 * as long as it pleases to. What the coordinator does with the three modules is done here without
 * threads (take_back, end_given_up, end_rest). To see one course again, set COURSE_FIRST to the
 * number that a failure names.
 */
#include "common/clock.h"
#include "common/mem.h"
#include "orchestrator/run_state.h"
#include "orchestrator/schedule.h"
#include "tests/unit/orchestrator/made_fleet.h"

#include <criterion/criterion.h>

enum { COURSE_FIRST = 1, COURSES = 100000, MOST_SERVERS = 3, MOST_TENANTS = 12 };

/* What the model knows; written only by what the test sees. */
struct model {
    bool in_work[MOST_TENANTS];
    bool ended[MOST_TENANTS];
    int64_t not_before_ms[MOST_TENANTS];
    int64_t counts[BUDGET_RULES]; /* as in the budget, by hand */
    bool stopped;                 /* halted or drained: nothing may start */
    bool refused;                 /* some server has refused some time */
    int64_t halt_in_work;
    bool halted;
};

struct course {
    unsigned number;
    uint64_t random;
    int64_t now_ms;
    int64_t down_from_ms[MOST_SERVERS];
    int64_t down_until_ms[MOST_SERVERS];
    bool troubles; /* attempts fail for other reasons, too */
    struct made_fleet made;
    struct run_result result;
    struct run_state *state;
    struct schedule *schedule;
    int per_server; /* the cap of all, 0 = each its own */
    struct model model;
};

#define CHECK(course, condition)                                                                   \
    do {                                                                                           \
        if (!(condition))                                                                          \
            cr_assert_fail("course %u: %s", (course)->number, #condition);                         \
    } while (0)

/* A number below `n`, by a splitmix generator. */
static uint64_t below(struct course *course, uint64_t n)
{
    uint64_t z = course->random += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % n;
}

static struct text_size random_size(struct course *course)
{
    bool percent = below(course, 2);

    return (struct text_size){(int64_t)below(course, percent ? 101 : 5), percent};
}

static void random_config(struct course *course)
{
    struct run_config *config = &course->made.request.config;

    config->workers = 1 + (int)below(course, 6);
    config->max_failures = random_size(course);
    config->has_max_unreachable = below(course, 2);
    config->max_unreachable = random_size(course);
    config->has_max_locked = below(course, 2);
    config->max_locked = random_size(course);
    config->has_max_held = below(course, 2);
    config->max_held = random_size(course);
    course->made.request.halts = below(course, 4) > 0;
    course->made.settings.retry.attempts = 1 + (int)below(course, 3);
    course->per_server = below(course, 2) ? 0 : 1 + (int)below(course, 4);
}

static void course_init(struct course *course, unsigned number)
{
    size_t servers, tenants;
    struct schedule_setup setup;

    *course = (struct course){.number = number, .random = number};
    servers = 1 + below(course, MOST_SERVERS);
    tenants = below(course, MOST_TENANTS + 1);
    made_fleet_init(&course->made, servers, tenants, 1);
    random_config(course);
    course->troubles = below(course, 2);
    for (size_t i = 0; i < servers; i++) {
        course->made.servers[i].per_server = 1 + (int)below(course, 3);
        course->down_from_ms[i] = below(course, 2) ? (int64_t)below(course, 200) : CLOCK_NEVER;
        course->down_until_ms[i] = course->down_from_ms[i] == CLOCK_NEVER
                                       ? CLOCK_NEVER
                                       : course->down_from_ms[i] + (int64_t)below(course, 400);
    }
    for (size_t i = 0; i < tenants; i++)
        made_fleet_place(&course->made, i, below(course, servers));
    course->result.jobs = mem_array(course->made.mem, struct job, tenants);
    course->result.job_count = tenants;
    for (size_t i = 0; i < tenants; i++)
        course->result.jobs[i] =
            (struct job){.plan = &course->made.request.plan, .tenant = course->made.selected[i]};
    setup = (struct schedule_setup){.tenants = course->made.selected,
                                    .tenant_count = tenants,
                                    .server_count = servers,
                                    .workers = course->made.request.config.workers,
                                    .per_server = course->per_server};
    course->schedule = schedule_new(course->made.mem, &setup);
    course->state = run_state_new(course->made.mem, &course->made.request, &course->result);
}

/* --- the model --------------------------------------------------------------------------- */

static int cap_of(const struct course *course, size_t server)
{
    return course->per_server ? course->per_server : course->made.servers[server].per_server;
}

static int in_work_on(const struct course *course, size_t server)
{
    int count = 0;

    for (size_t i = 0; i < course->result.job_count; i++)
        count += course->model.in_work[i] && course->made.tenants[i].server->index == server;
    return count;
}

static int in_work_total(const struct course *course)
{
    int count = 0;

    for (size_t i = 0; i < course->result.job_count; i++)
        count += course->model.in_work[i];
    return count;
}

static void model_start(struct course *course, size_t job)
{
    struct model *model = &course->model;
    size_t server = course->made.tenants[job].server->index;

    CHECK(course, !model->stopped);
    CHECK(course, !model->in_work[job] && !model->ended[job]);
    CHECK(course, model->not_before_ms[job] <= course->now_ms);
    CHECK(course, course->result.jobs[job].attempt < course->made.settings.retry.attempts);
    for (size_t i = 0; i < job && course->result.jobs[job].attempt == 0; i++) /* inventory order */
        CHECK(course, course->made.tenants[i].server->index != server || model->ended[i] ||
                          course->result.jobs[i].attempt > 0);
    model->in_work[job] = true;
    CHECK(course, in_work_total(course) <= course->made.request.config.workers);
    CHECK(course, in_work_on(course, server) <= cap_of(course, server));
}

/* Nothing starts though something could: only right where servers are in doubt. */
static void model_idle(const struct course *course)
{
    if (course->model.refused || course->model.stopped ||
        in_work_total(course) == course->made.request.config.workers)
        return;
    for (size_t i = 0; i < course->result.job_count; i++) {
        size_t server = course->made.tenants[i].server->index;
        bool ready = !course->model.in_work[i] && !course->model.ended[i] &&
                     course->model.not_before_ms[i] <= course->now_ms;

        CHECK(course, !ready || in_work_on(course, server) == cap_of(course, server));
    }
}

static void model_count(struct course *course, enum outcome outcome)
{
    const struct run_config *config = &course->made.request.config;
    struct text_size limits[] = {config->max_failures, config->max_unreachable, config->max_locked,
                                 config->max_held};
    size_t rule;

    if (outcome == OUTCOME_HELD && config->has_max_held)
        rule = BUDGET_HELD;
    else if (outcome == OUTCOME_UNREACHABLE && config->has_max_unreachable)
        rule = BUDGET_UNREACHABLE;
    else if (outcome == OUTCOME_LOCKED && config->has_max_locked)
        rule = BUDGET_LOCKED;
    else if (outcome == OUTCOME_FAILED || outcome == OUTCOME_UNREACHABLE ||
             outcome == OUTCOME_LOCKED || outcome == OUTCOME_UNKNOWN)
        rule = BUDGET_FAILURES;
    else
        return;
    course->model.counts[rule]++;
    if (course->model.stopped || !course->made.request.halts)
        return;
    if (course->model.counts[rule] >
        (limits[rule].percent ? limits[rule].value * (int64_t)course->result.job_count / 100
                              : limits[rule].value)) {
        course->model.stopped = true;
        course->model.halted = true;
        course->model.halt_in_work = in_work_total(course);
    }
}

static void model_end(struct course *course, size_t job)
{
    CHECK(course, !course->model.ended[job]);
    course->model.ended[job] = true;
    CHECK(course, course->result.jobs[job].outcome != OUTCOME_NONE);
    model_count(course, course->result.jobs[job].outcome);
    CHECK(course, course->model.halted == course->result.halt.halted);
}

/* --- the course -------------------------------------------------------------------------- */

static void end(struct course *course, size_t job)
{
    run_state_change_job(course->state, job, JOB_ENDED);
    model_end(course, job);
}

static void end_given_up(struct course *course)
{
    size_t job;

    while (schedule_given_up(course->schedule, &job, &(enum schedule_given_up){0})) {
        if (run_state_of_job(course->state, job) == JOB_ENDED)
            continue;
        CHECK(course, course->model.refused);
        course->result.jobs[job].err.kind = ERR_UNREACHABLE;
        end(course, job);
    }
}

static void end_rest(struct course *course)
{
    for (size_t i = 0; i < course->result.job_count; i++) {
        enum job_state state = run_state_of_job(course->state, i);

        if (state == JOB_READY)
            course->result.jobs[i].err.kind = ERR_CANCELLED;
        if (state == JOB_READY || state == JOB_WAITING)
            end(course, i);
    }
}

static void start_all(struct course *course)
{
    size_t job;

    while (course->state->phase == RUN_GOING &&
           schedule_next(course->schedule, course->now_ms, &job)) {
        model_start(course, job);
        run_state_change_job(course->state, job, JOB_IN_WORK);
        course->result.jobs[job].attempt++;
    }
    if (course->state->phase == RUN_GOING)
        model_idle(course);
}

static enum err_kind random_end(struct course *course, size_t job)
{
    static const enum err_kind kinds[] = {ERR_NONE,   ERR_NONE, ERR_NONE,      ERR_NONE,
                                          ERR_NONE,   ERR_SQL,  ERR_TRANSIENT, ERR_LOST,
                                          ERR_LOCKED, ERR_HELD, ERR_DEADLINE,  ERR_UNREACHABLE};
    size_t server = course->made.tenants[job].server->index;

    if (course->now_ms >= course->down_from_ms[server] &&
        course->now_ms < course->down_until_ms[server])
        return ERR_UNREACHABLE;
    return course->troubles ? kinds[below(course, ARRAY_LEN(kinds))] : ERR_NONE;
}

static void take_back(struct course *course, size_t index)
{
    struct job *job = &course->result.jobs[index];
    enum schedule_contact contact;
    int64_t delay_ms = 1 + (int64_t)below(course, 50);

    job->err.kind = random_end(course, index);
    job->sent_changes = job->sent_changes || below(course, 2);
    course->model.in_work[index] = false;
    course->model.refused = course->model.refused || job->err.kind == ERR_UNREACHABLE;
    contact = job->err.kind == ERR_UNREACHABLE ? CONTACT_REFUSED
              : job->err.kind == ERR_DEADLINE  ? CONTACT_SILENT
                                               : CONTACT_ANSWERED;
    if (run_state_may_retry(course->state, index) &&
        !(contact == CONTACT_REFUSED && schedule_is_probe(course->schedule, index))) {
        course->model.not_before_ms[index] = course->now_ms + delay_ms;
        run_state_change_job(course->state, index, JOB_WAITING);
        schedule_retry(course->schedule, index, contact, course->now_ms + delay_ms);
    } else {
        schedule_ended(course->schedule, index, contact, true);
        end(course, index);
    }
}

/* Lets something happen: one tenant comes back, or time passes until a retry is due. */
static void something_happens(struct course *course)
{
    uint64_t working = (uint64_t)in_work_total(course);
    int64_t due_ms = schedule_due_ms(course->schedule);
    uint64_t which;

    course->now_ms += (int64_t)below(course, 20);
    if (working == 0 || (due_ms != CLOCK_NEVER && below(course, 3) == 0)) {
        CHECK(course, due_ms != CLOCK_NEVER); /* else the run is stuck */
        course->now_ms = due_ms > course->now_ms ? due_ms : course->now_ms;
        return;
    }
    which = below(course, working);
    for (size_t i = 0; i < course->result.job_count; i++) {
        if (course->model.in_work[i] && which-- == 0) {
            take_back(course, i);
            return;
        }
    }
}

static void check_end(struct course *course)
{
    const struct run_halt *halt = &course->result.halt;
    size_t sum = 0;

    for (size_t i = 0; i < course->result.job_count; i++)
        CHECK(course, course->model.ended[i]);
    for (int i = OUTCOME_NONE + 1; i < OUTCOME_COUNT; i++)
        sum += course->result.totals[i];
    CHECK(course, sum == course->result.job_count && course->result.totals[OUTCOME_NONE] == 0);
    if (halt->halted) {
        CHECK(course, halt->failures == halt->tolerated + 1);
        CHECK(course, halt->in_work == course->model.halt_in_work);
    } else if (!course->model.stopped) {
        CHECK(course, course->result.totals[OUTCOME_CANCELLED] == 0);
    }
}

static void run_course(struct course *course)
{
    bool signalled = below(course, 10) == 0; /* at some time */
    bool rest_ended = false;
    int events = 0;

    for (;;) {
        if (signalled && course->state->phase == RUN_GOING && below(course, 10) == 0) {
            run_state_change_run(course->state, RUN_DRAINING);
            course->model.stopped = true;
        }
        start_all(course);
        end_given_up(course);
        if (course->state->phase == RUN_DRAINING && !rest_ended) {
            end_rest(course);
            rest_ended = true;
        }
        if (run_state_left(course->state) == 0)
            break;
        something_happens(course);
        CHECK(course, ++events < 1000);
    }
    run_state_change_run(course->state, RUN_OVER);
    check_end(course);
}

Test(model, every_course_of_a_run_keeps_the_rules)
{
    for (unsigned number = COURSE_FIRST; number < COURSE_FIRST + COURSES; number++) {
        struct course course;

        course_init(&course, number);
        run_course(&course);
        made_fleet_release(&course.made);
    }
}
