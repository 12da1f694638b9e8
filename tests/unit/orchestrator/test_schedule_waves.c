/*
 * test_schedule_waves.c: waves that are closed and open, their caps, turns and ramp-up, and servers
 * that are down in several waves. Time is a number here.
 */
#include "tests/unit/orchestrator/made_schedule.h"

#include "common/mem.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static void end(struct schedule *schedule, size_t job)
{
    schedule_ended(schedule, job, CONTACT_ANSWERED, true);
}

static void refuse(struct schedule *schedule, size_t job)
{
    schedule_ended(schedule, job, CONTACT_REFUSED, false);
}

/* How many start now. */
static size_t start_all(struct schedule *schedule)
{
    size_t count = 0;

    while (made_next(schedule, 0) != NONE)
        count++;
    return count;
}

Test(schedule_waves, a_closed_wave_starts_nothing)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 1, 4, 8);
    made_fleet_waves(&made, 2, "1010");
    schedule = made_schedule(&made, 8, 0);
    cr_expect(eq(sz, made_next(schedule, 0), 1));
    cr_expect(eq(sz, made_next(schedule, 0), 3));
    cr_expect(eq(sz, made_next(schedule, 0), NONE));
    schedule_open_wave(schedule, 1);
    cr_expect(eq(sz, made_next(schedule, 0), 0));
    cr_expect(eq(sz, made_next(schedule, 0), 2));
    cr_expect(eq(sz, made_next(schedule, 0), NONE));
    made_fleet_release(&made);
}

Test(schedule_waves, tenants_start_in_the_order_of_their_wave)
{
    static const size_t order[] = {2, 0, 3, 1};
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 1, 4, 8);
    made_fleet_waves(&made, 1, "0000");
    made.plan.groups[0].jobs = order;
    schedule = made_schedule(&made, 8, 0);
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        cr_expect(eq(sz, made_next(schedule, 0), order[i]));
    made_fleet_release(&made);
}

Test(schedule_waves, open_waves_take_turns_and_servers_within_each)
{
    static const size_t order[] = {0, 4, 1, 5, 2, 6, 3, 7};
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 2, 8, 8); /* s0: 0 2 4 6, s1: 1 3 5 7 */
    made_fleet_waves(&made, 2, "00001111");
    schedule = made_schedule(&made, 8, 0);
    schedule_open_wave(schedule, 1);
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        cr_expect(eq(sz, made_next(schedule, 0), order[i]));
    made_fleet_release(&made);
}

Test(schedule_waves, a_wave_has_its_own_workers)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 1, 12, 99);
    made_fleet_waves(&made, 2, "000000111111");
    made.waves[0].workers = 2;
    made.waves[1].workers = 3;
    schedule = made_schedule(&made, 9, 0);
    cr_expect(eq(sz, start_all(schedule), 2));
    schedule_open_wave(schedule, 1);
    cr_expect(eq(sz, start_all(schedule), 3));
    end(schedule, 0);
    cr_expect(eq(sz, made_next(schedule, 0), 2), "the place is that of its own wave");
    cr_expect(eq(sz, made_next(schedule, 0), NONE));
    made_fleet_release(&made);
}

Test(schedule_waves, all_waves_together_have_the_workers_of_the_run)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 1, 12, 99);
    made_fleet_waves(&made, 2, "000000111111");
    made.waves[0].workers = 50;
    schedule = made_schedule(&made, 5, 0);
    schedule_open_wave(schedule, 1);
    cr_expect(eq(sz, start_all(schedule), 5));
    made_fleet_release(&made);
}

Test(schedule_waves, the_smaller_of_the_waves_and_the_servers_cap_holds)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 2, 16, 3); /* s0: the even ones */
    made_fleet_waves(&made, 2, "0000000011111111");
    made.waves[0].per_server = 2;
    made.waves[1].per_server = 9;
    schedule = made_schedule(&made, 16, 0);
    cr_expect(eq(sz, start_all(schedule), 4), "two on each");
    schedule_open_wave(schedule, 1);
    cr_expect(eq(sz, start_all(schedule), 2), "a third one on each, of the other wave");
    made_fleet_release(&made);
}

Test(schedule_waves, a_slow_server_does_not_hold_up_the_others)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 4, 40, 2); /* s0: 0 4 8 ... is slow */
    schedule = made_schedule(&made, 8, 0);
    cr_expect(eq(sz, start_all(schedule), 8));
    for (size_t i = 8; i < 40; i++) {
        if (i % 4 == 0)
            continue;
        end(schedule, i - 8);
        cr_expect(eq(sz, made_next(schedule, 0), i));
    }
    cr_expect(eq(sz, schedule_look(schedule, 0).left, 8));
    cr_expect(eq(sz, schedule_look(schedule, 1).left, 0));
    made_fleet_release(&made);
}

Test(schedule_waves, ramp_up_doubles_when_as_many_have_ended_well)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 1, 40, 99);
    made.request.config.ramp_up = true;
    schedule = made_schedule(&made, 5, 0);
    cr_expect(eq(sz, start_all(schedule), 1));
    end(schedule, 0);
    cr_expect(eq(sz, start_all(schedule), 2));
    schedule_ended(schedule, 1, CONTACT_ANSWERED, false);
    end(schedule, 2);
    cr_expect(eq(sz, start_all(schedule), 2), "one of the two ended badly");
    end(schedule, 3);
    cr_expect(eq(sz, start_all(schedule), 3), "four: three more");
    for (size_t job = 4; job < 8; job++) {
        end(schedule, job);
        start_all(schedule);
    }
    cr_expect(eq(sz, schedule_look(schedule, 0).in_work, 5), "no more than the workers");
    made_fleet_release(&made);
}

Test(schedule_waves, each_wave_ramps_up_by_itself)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 1, 8, 99);
    made_fleet_waves(&made, 2, "00001111");
    made.waves[0].ramp_up = true;
    schedule = made_schedule(&made, 8, 0);
    cr_expect(eq(sz, start_all(schedule), 1));
    schedule_open_wave(schedule, 1);
    cr_expect(eq(sz, start_all(schedule), 4), "the second does not");
    made_fleet_release(&made);
}

/* --- servers that are down --------------------------------------------------------------- */

Test(schedule_waves, the_second_look_is_for_the_end_of_a_wave_not_of_all)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 2, 6, 1); /* s0: 0 2 4, s1: 1 3 5 */
    made_fleet_waves(&made, 2, "010101");
    made.settings.retry.attempts = 1;
    schedule = made_schedule(&made, 8, 0);
    schedule_open_wave(schedule, 1);
    cr_expect(eq(sz, made_next(schedule, 0), 0));
    cr_expect(eq(sz, made_next(schedule, 0), 1));
    refuse(schedule, 0);
    cr_expect(eq(sz, made_next(schedule, 0), 2), "1, of the other wave, is in work");
    cr_expect(schedule_is_probe(schedule, 2));
    cr_expect(not(schedule_is_probe(schedule, 1)));
    made_fleet_release(&made);
}

Test(schedule_waves, a_closed_wave_is_neither_probed_nor_given_up)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 1, 5, 1);
    made_fleet_waves(&made, 2, "00111");
    made.settings.retry.attempts = 1;
    schedule = made_schedule(&made, 8, 0);
    made_next(schedule, 0);
    refuse(schedule, 0);
    cr_expect(eq(sz, made_next(schedule, 0), 1), "the second look");
    refuse(schedule, 1);
    cr_expect(eq(sz, made_next(schedule, 0), NONE));
    cr_expect(eq(sz, made_given_up(schedule), NONE));
    cr_expect(eq(int, schedule_look(schedule, 0).state, SCHEDULE_SERVER_LOST));
    cr_expect(eq(sz, schedule_look(schedule, 0).left, 3));
    made_fleet_release(&made);
}

Test(schedule_waves, a_new_wave_gives_a_lost_server_one_more_look)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 2, 8, 1); /* s0: 0 2 4 6, s1: 1 3 5 7 */
    made_fleet_waves(&made, 2, "00001111");
    made.settings.retry.attempts = 1;
    schedule = made_schedule(&made, 8, 0);
    made_next(schedule, 0);
    refuse(schedule, 0);
    end(schedule, made_next(schedule, 0));
    end(schedule, made_next(schedule, 0)); /* 1 and 3 */
    cr_expect(eq(sz, made_next(schedule, 0), 2));
    refuse(schedule, 2);
    schedule_open_wave(schedule, 1);
    cr_expect(eq(sz, made_next(schedule, 0), 5), "what answers goes first");
    cr_expect(eq(sz, made_next(schedule, 0), NONE));
    end(schedule, 5);
    end(schedule, made_next(schedule, 0)); /* 7 */
    cr_expect(eq(sz, made_next(schedule, 0), 4), "now the look");
    cr_expect(schedule_is_probe(schedule, 4));
    end(schedule, 4);
    cr_expect(eq(sz, made_next(schedule, 0), 6), "it is back");
    made_fleet_release(&made);
}

Test(schedule_waves, a_tenant_parked_in_a_closed_wave_is_not_tried_twice)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 1, 3, 1);
    made_fleet_waves(&made, 2, "011");
    made.settings.retry.attempts = 1;
    schedule = made_schedule(&made, 8, 0);
    made_next(schedule, 0);
    refuse(schedule, 0);
    cr_expect(eq(sz, made_next(schedule, 0), NONE), "nobody of this wave is parked");
    schedule_open_wave(schedule, 1);
    cr_expect(eq(sz, made_next(schedule, 0), 1));
    cr_expect(schedule_is_probe(schedule, 1));
    refuse(schedule, 1);
    cr_expect(eq(sz, made_next(schedule, 0), NONE));
    cr_expect(eq(sz, made_given_up(schedule), 2));
    made_fleet_release(&made);
}

Test(schedule_waves, fifty_thousand_servers_are_no_more_work_each)
{
    enum { TENANTS = 100000 };
    struct made_fleet made;
    struct schedule *schedule;
    size_t job;
    size_t ended = 0;

    made_fleet_init(&made, TENANTS / 2, TENANTS, 1);
    schedule = made_schedule(&made, 8, 0);
    while ((job = made_next(schedule, 0)) != NONE) {
        end(schedule, job);
        ended++;
    }
    cr_expect(eq(sz, ended, TENANTS));
    made_fleet_release(&made);
}
