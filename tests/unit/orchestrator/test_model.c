/*
 * test_model.c: budget, schedule and run_state together, under 100,000 random courses of a run,
 * against a model that looks at every tenant each time (run_model.h).
 *
 * A course has its own fleet, waves, caps, budgets, outages, interruptions and luck. Time is a
 * number; an attempt takes as long as it pleases to. What the coordinator does with the three
 * modules is done here without threads. To see one course again, set COURSE_FIRST to the number
 * that a failure names.
 */
#include "common/clock.h"
#include "tests/unit/orchestrator/random_course.h"

#include <criterion/criterion.h>

enum { COURSE_FIRST = 1, COURSES = 100000 };

#define CHECK(course, condition)                                                                   \
    do {                                                                                           \
        if (!(condition))                                                                          \
            cr_assert_fail("course %u: %s", (course)->number, #condition);                         \
    } while (0)

/* `right` is text of the model: what is wrong, or NULL. */
#define CHECK_MODEL(course, right)                                                                 \
    do {                                                                                           \
        const char *wrong_ = (right);                                                              \
                                                                                                   \
        if (wrong_)                                                                                \
            cr_assert_fail("course %u: %s", (course)->number, wrong_);                             \
    } while (0)

/* --- tenants that end -------------------------------------------------------------------- */

/* A job has ended: what the coordinator does about it. */
static void after_end(struct course *course, size_t job)
{
    size_t server = course->made.tenants[job].server->index;

    CHECK_MODEL(course, model_end(&course->model, job, &course->result));
    if (course->result.servers[server].left_out && !course->left_out[server]) {
        course->left_out[server] = true;
        model_leave_out(&course->model, server);
        schedule_leave_out(course->schedule, server);
    }
}

static void end(struct course *course, size_t job)
{
    run_state_change_job(course->state, job, JOB_ENDED);
    after_end(course, job);
}

static void end_given_up(struct course *course)
{
    enum schedule_given_up why;
    size_t job;

    while (schedule_given_up(course->schedule, &job, &why)) {
        if (run_state_of_job(course->state, job) == JOB_ENDED)
            continue;
        CHECK_MODEL(course, model_given_up(&course->model, job, why));
        if (why == GIVEN_UP_SERVER_LOST)
            course->result.jobs[job].err.kind = ERR_UNREACHABLE;
        else if (run_state_of_job(course->state, job) == JOB_READY)
            course->result.jobs[job].err.kind = ERR_CANCELLED;
        end(course, job);
    }
    CHECK_MODEL(course, model_none_given_up(&course->model));
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
    course->rest_ended = true;
}

/* --- tenants that come and go ------------------------------------------------------------ */

static bool start_one(struct course *course)
{
    size_t job;

    model_prepare(&course->model, course->now_ms);
    if (!schedule_next(course->schedule, course->now_ms, &job)) {
        CHECK_MODEL(course, model_idle(&course->model));
        return false;
    }
    CHECK_MODEL(course, model_started(&course->model, job));
    run_state_change_job(course->state, job, JOB_IN_WORK);
    course->result.jobs[job].attempt++;
    CHECK(course, course->result.jobs[job].attempt <= course->made.settings.retry.attempts);
    return true;
}

static void start_all(struct course *course)
{
    while (course->state->phase == RUN_GOING && start_one(course))
        continue;
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
    return course->troubles ? kinds[random_below(course, ARRAY_LEN(kinds))] : ERR_NONE;
}

static enum schedule_contact contact_of(enum err_kind kind)
{
    return kind == ERR_UNREACHABLE ? CONTACT_REFUSED
           : kind == ERR_DEADLINE  ? CONTACT_SILENT
                                   : CONTACT_ANSWERED;
}

static void take_back(struct course *course, size_t index)
{
    struct job *job = &course->result.jobs[index];
    bool crowded = model_is_crowded(&course->model, index);
    bool probe = model_is_probe(&course->model, index);
    bool full = course->full && random_one_in(course, 4);
    enum schedule_contact contact;
    int64_t at_ms = course->now_ms + 1 + (int64_t)random_below(course, 50);

    job->err.kind = full ? ERR_UNREACHABLE : random_end(course, index);
    job->sent_changes = job->sent_changes || random_one_in(course, 2);
    contact = full ? CONTACT_FULL : contact_of(job->err.kind);
    CHECK(course, schedule_is_crowded(course->schedule, index) == crowded);
    CHECK(course, schedule_is_probe(course->schedule, index) == probe);
    if (full && crowded)
        job->attempt--;
    if (run_state_may_retry(course->state, index) && !(contact == CONTACT_REFUSED && probe)) {
        CHECK(course, !course->left_out[course->model.tenants[index].server]);
        run_state_change_job(course->state, index, JOB_WAITING);
        model_retry(&course->model, index, contact, at_ms);
        schedule_retry(course->schedule, index, contact, at_ms);
    } else {
        model_ended(&course->model, index, contact, job->err.kind == ERR_NONE);
        schedule_ended(course->schedule, index, contact, job->err.kind == ERR_NONE);
        end(course, index);
    }
}

static void take_one_back(struct course *course)
{
    uint64_t which = random_below(course, (uint64_t)model_in_work(&course->model));

    for (size_t i = 0; i < course->result.job_count; i++) {
        if (course->model.tenants[i].place == PLACE_IN_WORK && which-- == 0) {
            take_back(course, i);
            return;
        }
    }
}

/* --- waves ------------------------------------------------------------------------------- */

/* A wave of a run that only looks, or without rules, has no time but open. */
static void check_plain_wave(struct course *course, enum run_wave_state to)
{
    CHECK(course, to == RUN_WAVE_OPEN || to == RUN_WAVE_PASSED || to == RUN_WAVE_STOPPED);
}

static void check_wave(struct course *course, size_t wave, enum run_wave_state to)
{
    const struct wave *rules = course->made.waves ? &course->made.waves[wave] : NULL;
    const size_t *totals = course->result.waves[wave].totals;
    size_t tenants = rules ? course->made.plan.groups[wave].count : course->result.job_count;
    bool idle = course->result.waves[wave].state == RUN_WAVE_WAITING;

    CHECK(course, to != RUN_WAVE_STOPPED || course->model.draining);
    if (idle) /* a wave that has nothing to do passes, any other begins */
        CHECK(course, !course->model.draining &&
                          (to == RUN_WAVE_PASSED) == (totals[OUTCOME_CANCELLED] == tenants));
    if (to == RUN_WAVE_PASSED)
        CHECK(course, totals[OUTCOME_NONE] == 0);
    if (to == RUN_WAVE_PASSED && course->model.draining)
        CHECK(course, totals[OUTCOME_CANCELLED] == 0 && !course->result.halt.halted);
    if (!rules || !course->made.request.halts) {
        check_plain_wave(course, to);
        return;
    }
    for (size_t i = 0; i < rules->depends_on_count && to != RUN_WAVE_STOPPED; i++)
        CHECK(course, course->result.waves[rules->depends_on[i]].state == RUN_WAVE_PASSED);
    if (to == RUN_WAVE_OPEN)
        CHECK(course, !rules->confirm || course->confirmed[wave]);
    if (to == RUN_WAVE_PASSED && !idle) {
        CHECK(course, rules->soak_ms == 0 || course->soaked[wave]);
        CHECK(course, !rules->gate.command || course->gated[wave]);
    }
}

static void change_wave(struct course *course, size_t wave, enum run_wave_state to)
{
    check_wave(course, wave, to);
    run_state_change_wave(course->state, wave, to);
    if (to == RUN_WAVE_OPEN) {
        model_open(&course->model, wave);
        schedule_open_wave(course->schedule, wave);
    }
}

/* True: one has moved. */
static bool move_waves(struct course *course)
{
    bool moved = false;

    for (size_t i = 0; i < course->result.wave_count; i++) {
        enum run_wave_state next = run_state_next_of_wave(course->state, i);

        if (next == course->result.waves[i].state)
            continue;
        change_wave(course, i, next);
        moved = true;
    }
    return moved;
}

/* A wave that waits for something outside gets it. False: none does. */
static bool answer_a_wave(struct course *course)
{
    for (size_t i = 0; i < course->result.wave_count; i++) {
        enum run_wave_state now = course->result.waves[i].state;
        bool gates = course->made.waves && course->made.waves[i].gate.command;

        if (now != RUN_WAVE_CONFIRMING && now != RUN_WAVE_SOAKING && now != RUN_WAVE_GATED)
            continue;
        if (now != RUN_WAVE_SOAKING && random_one_in(course, 10)) {
            course->model.draining = true;
            run_state_halt(course->state, i, now == RUN_WAVE_GATED ? "gate" : "confirm");
            CHECK(course,
                  course->result.halt.halted && course->result.halt.wave == &course->made.waves[i]);
            return true;
        }
        course->confirmed[i] = course->confirmed[i] || now == RUN_WAVE_CONFIRMING;
        course->soaked[i] = course->soaked[i] || now == RUN_WAVE_SOAKING;
        course->gated[i] = course->gated[i] || now == RUN_WAVE_GATED;
        change_wave(course, i,
                    now == RUN_WAVE_CONFIRMING         ? RUN_WAVE_OPEN
                    : now == RUN_WAVE_SOAKING && gates ? RUN_WAVE_GATED
                                                       : RUN_WAVE_PASSED);
        return true;
    }
    return false;
}

/* --- what comes from outside ------------------------------------------------------------- */

static void interrupt(struct course *course)
{
    if (course->state->phase != RUN_GOING)
        return;
    if (course->signals && random_one_in(course, 10)) {
        run_state_change_run(course->state, RUN_DRAINING);
        course->model.draining = true;
    } else if (course->closes && random_one_in(course, 10)) {
        run_state_close(course->state);
        course->model.draining = course->state->phase == RUN_DRAINING;
        CHECK(course, course->result.closed == course->model.draining);
    }
}

static void hold(struct course *course, bool hold)
{
    for (size_t i = 0; i < course->made.fleet.server_count; i++) {
        if (hold && !random_one_in(course, 8))
            continue;
        model_hold(&course->model, i, hold);
        schedule_hold(course->schedule, i, hold);
    }
}

static void give_back(struct course *course)
{
    size_t server = course->lent[--course->lent_count];

    model_gave_back(&course->model, server);
    schedule_give_back(course->schedule, server);
}

static void borrow(struct course *course)
{
    size_t tenants = course->result.job_count;
    size_t server = SCHEDULE_NO_SERVER;
    bool given;

    if (course->lent_count == ARRAY_LEN(course->lent) || tenants == 0)
        return;
    if (random_one_in(course, 2))
        server = course->made.tenants[random_below(course, tenants)].server->index;
    given = schedule_borrow(course->schedule, server);
    CHECK_MODEL(course, model_borrowed(&course->model, server, given));
    if (given)
        course->lent[course->lent_count++] = server;
}

static bool claims_are_left(const struct course *course)
{
    for (size_t i = 0; i < course->result.job_count; i++) {
        if (course->model.tenants[i].place == PLACE_AWAY)
            return true;
    }
    return false;
}

/* Some tenants are claimed, some end on another machine; others may, or shall, come in later. */
static void claim(struct course *course)
{
    bool more;

    for (size_t i = 0; i < course->result.job_count; i++) {
        if (course->model.tenants[i].place != PLACE_AWAY)
            continue;
        if (random_one_in(course, 4)) {
            run_state_end_elsewhere(course->state, i,
                                    random_one_in(course, 4) ? OUTCOME_FAILED : OUTCOME_MIGRATED);
            after_end(course, i);
        } else if (random_one_in(course, 2)) {
            model_add(&course->model, i);
            schedule_add(course->schedule, i);
        }
    }
    more = claims_are_left(course) && random_one_in(course, 2);
    model_expect_more(&course->model, more);
    schedule_expect_more(course->schedule, more);
}

static void something_from_outside(struct course *course)
{
    interrupt(course);
    if (course->holds && random_one_in(course, 4))
        hold(course, random_one_in(course, 2));
    if (course->borrows && random_one_in(course, 3))
        borrow(course);
    if (course->lent_count > 0 && random_one_in(course, 3))
        give_back(course);
    if (course->claims && course->state->phase == RUN_GOING && random_one_in(course, 3))
        claim(course);
}

/* --- the course -------------------------------------------------------------------------- */

/* What only the outside can bring: else the course is stuck. */
static void wait_for_outside(struct course *course)
{
    bool held = false;

    if (answer_a_wave(course))
        return;
    if (course->lent_count > 0) {
        give_back(course);
        return;
    }
    for (size_t i = 0; i < MODEL_SERVERS; i++)
        held = held || course->model.servers[i].hold;
    CHECK(course, held || claims_are_left(course) || course->model.more);
    hold(course, false);
    if (course->claims)
        claim(course);
}

/* A tenant comes back, or time passes until a retry is due, or something outside happens. */
static void something_happens(struct course *course)
{
    int working = model_in_work(&course->model);
    int64_t due_ms = schedule_due_ms(course->schedule);
    bool may_wait = due_ms != CLOCK_NEVER && course->state->phase == RUN_GOING;

    course->now_ms += (int64_t)random_below(course, 20);
    if (random_one_in(course, 4) && answer_a_wave(course))
        return;
    if (working > 0 && (!may_wait || !random_one_in(course, 3)))
        take_one_back(course);
    else if (may_wait)
        course->now_ms = due_ms > course->now_ms ? due_ms : course->now_ms;
    else
        wait_for_outside(course);
}

static void check_counts(struct course *course)
{
    for (size_t i = 0; i < course->result.job_count; i++) {
        size_t server = course->made.tenants[i].server->index;
        struct schedule_server look = schedule_look(course->schedule, server);

        if (course->state->phase == RUN_GOING)
            CHECK_MODEL(course, model_look(&course->model, server, &look));
    }
    CHECK(course, course->state->in_work == (size_t)model_in_work(&course->model));
    CHECK(course, (course->state->phase == RUN_DRAINING) == course->model.draining);
}

static void check_end(struct course *course)
{
    size_t totals[OUTCOME_COUNT] = {0};

    for (size_t i = 0; i < course->result.job_count; i++) {
        size_t server = course->made.tenants[i].server->index;

        CHECK(course, course->model.tenants[i].place == PLACE_ENDED);
        totals[course->result.jobs[i].outcome]++;
        if (course->result.jobs[i].outcome == OUTCOME_CANCELLED)
            CHECK(course, course->model.draining || course->left_out[server]);
    }
    for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
        size_t in_waves = 0;

        for (size_t i = 0; i < course->result.wave_count; i++)
            in_waves += course->result.waves[i].totals[outcome];
        CHECK(course, course->result.totals[outcome] == totals[outcome]);
        CHECK(course, in_waves == totals[outcome]);
    }
    for (size_t i = 0; i < course->result.wave_count; i++)
        CHECK(course, course->model.draining || course->result.waves[i].state == RUN_WAVE_PASSED);
}

static void run_course(struct course *course)
{
    for (int events = 0;; events++) {
        CHECK(course, events < 2000);
        something_from_outside(course);
        while (move_waves(course))
            continue;
        start_all(course);
        end_given_up(course);
        if (course->state->phase == RUN_DRAINING && !course->rest_ended)
            end_rest(course);
        check_counts(course);
        if (move_waves(course))
            continue;
        if (run_state_is_done(course->state))
            break;
        something_happens(course);
    }
    run_state_change_run(course->state, RUN_OVER);
    check_end(course);
}

Test(model, every_course_of_a_run_keeps_the_rules)
{
    for (unsigned number = COURSE_FIRST; number < COURSE_FIRST + COURSES; number++) {
        struct course course;

        random_course_init(&course, number);
        run_course(&course);
        made_fleet_release(&course.made);
    }
}
