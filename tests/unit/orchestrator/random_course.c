/*
 * random_course.c: chance, by a generator of its own.
 */
#include "tests/unit/orchestrator/random_course.h"

#include "common/clock.h"
#include "common/mem.h"

/* A number below `n`, by a splitmix generator. */
uint64_t random_below(struct course *course, uint64_t n)
{
    uint64_t z = course->random += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % n;
}

bool random_one_in(struct course *course, uint64_t n)
{
    return random_below(course, n) == 0;
}

/* --- a course's own world ---------------------------------------------------------------- */

static struct text_size random_size(struct course *course)
{
    bool percent = random_one_in(course, 2);

    return (struct text_size){(int64_t)random_below(course, percent ? 101 : 5), percent};
}

static void random_config(struct course *course)
{
    struct run_config *config = &course->made.request.config;

    config->workers = 1 + (int)random_below(course, 6);
    config->max_failures = random_size(course);
    config->has_max_unreachable = random_one_in(course, 2);
    config->max_unreachable = random_size(course);
    config->has_max_locked = random_one_in(course, 2);
    config->max_locked = random_size(course);
    config->has_max_held = random_one_in(course, 2);
    config->max_held = random_size(course);
    config->ramp_up = random_one_in(course, 4);
    course->made.request.halts = !random_one_in(course, 4);
    course->made.request.per_server =
        random_one_in(course, 2) ? 0 : 1 + (int)random_below(course, 4);
    course->made.settings.retry.attempts = 1 + (int)random_below(course, 3);
}

static void random_servers(struct course *course, size_t servers, size_t tenants)
{
    for (size_t i = 0; i < servers; i++) {
        struct server *server = &course->made.servers[i];
        bool goes_down = random_one_in(course, 3);

        server->per_server = 1 + (int)random_below(course, 4);
        server->has_max_failures = random_one_in(course, 4);
        server->max_failures = random_size(course);
        course->down_from_ms[i] = goes_down ? (int64_t)random_below(course, 200) : CLOCK_NEVER;
        course->down_until_ms[i] =
            goes_down ? course->down_from_ms[i] + (int64_t)random_below(course, 400) : CLOCK_NEVER;
    }
    for (size_t i = 0; i < tenants; i++)
        made_fleet_place(&course->made, i, random_below(course, servers));
}

static void random_wave(struct course *course, size_t index)
{
    static const char *const gate[] = {"gate", NULL};
    struct wave *wave = &course->made.waves[index];

    wave->workers = (int)random_below(course, 4);
    wave->per_server = (int)random_below(course, 3);
    wave->ramp_up = random_one_in(course, 3);
    wave->has_max_failures = random_one_in(course, 3);
    wave->max_failures = random_size(course);
    wave->has_max_unreachable = random_one_in(course, 3);
    wave->max_unreachable = random_size(course);
    wave->soak_ms = random_one_in(course, 4) ? 10 : 0;
    wave->gate.command = random_one_in(course, 4) ? gate : NULL;
    wave->confirm = random_one_in(course, 4);
    course->depends_on[index] = index > 0 ? random_below(course, index) : 0;
    wave->depends_on = &course->depends_on[index];
    wave->depends_on_count = index > 0 && !random_one_in(course, 3);
}

static void random_waves(struct course *course, size_t tenants)
{
    size_t waves = random_below(course, MODEL_WAVES + 1);
    char where[MODEL_TENANTS + 1] = "";

    if (waves == 0)
        return;
    for (size_t i = 0; i < tenants; i++)
        where[i] = (char)('0' + random_below(course, waves));
    made_fleet_waves(&course->made, waves, where);
    for (size_t i = 0; i < waves; i++)
        random_wave(course, i);
}

static void make_result(struct course *course, size_t servers, size_t tenants)
{
    const struct wave_plan *plan = course->made.request.waves;

    course->result.jobs = mem_array(course->made.mem, struct job, tenants);
    course->result.job_count = tenants;
    course->result.wave_count = plan ? plan->group_count : 1;
    course->result.waves = mem_array(course->made.mem, struct run_wave, course->result.wave_count);
    course->result.servers = mem_array(course->made.mem, struct run_server, servers);
    for (size_t i = 0; i < tenants; i++)
        course->result.jobs[i] =
            (struct job){.plan = &course->made.request.plan, .tenant = course->made.selected[i]};
}

void random_course_init(struct course *course, unsigned number)
{
    size_t servers, tenants;
    struct schedule_setup setup;

    *course = (struct course){.number = number, .random = number};
    servers = 1 + random_below(course, MODEL_SERVERS);
    tenants = random_below(course, MODEL_TENANTS + 1);
    made_fleet_init(&course->made, servers, tenants, 1);
    random_config(course);
    random_servers(course, servers, tenants);
    random_waves(course, tenants);
    course->troubles = random_one_in(course, 2);
    course->full = random_one_in(course, 3);
    course->signals = random_one_in(course, 10);
    course->closes = random_one_in(course, 10);
    course->holds = random_one_in(course, 4);
    course->borrows = random_one_in(course, 4);
    course->claims = random_one_in(course, 4);
    make_result(course, servers, tenants);
    setup = (struct schedule_setup){.tenants = course->made.selected,
                                    .tenant_count = tenants,
                                    .server_count = servers,
                                    .waves = course->made.request.waves,
                                    .workers = course->made.request.config.workers,
                                    .per_server = course->made.request.per_server,
                                    .ramp_up = course->made.request.config.ramp_up,
                                    .claims = course->claims};
    course->schedule = schedule_new(course->made.mem, &setup);
    course->state = run_state_new(course->made.mem, &course->made.request, &course->result);
    model_init(&course->model, &course->made.request, &setup);
}
