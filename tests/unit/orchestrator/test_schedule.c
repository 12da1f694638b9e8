/*
 * test_schedule.c: caps, turns, retries, servers that are down. Time is a number here.
 */
#include "orchestrator/schedule.h"

#include "common/clock.h"
#include "common/mem.h"
#include "tests/unit/orchestrator/made_schedule.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

Test(schedule, no_more_than_workers)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 1, 5, 10);
    schedule = made_schedule(&made, 2, 0);
    cr_expect(eq(sz, made_next(schedule, 0), 0));
    cr_expect(eq(sz, made_next(schedule, 0), 1));
    cr_expect(eq(sz, made_next(schedule, 0), NONE));
    schedule_ended(schedule, 0, CONTACT_ANSWERED, true);
    cr_expect(eq(sz, made_next(schedule, 0), 2));
    cr_expect(eq(sz, made_next(schedule, 0), NONE));
    made_fleet_release(&made);
}

Test(schedule, servers_take_turns_in_inventory_order)
{
    static const size_t order[] = {0, 3, 5, 1, 4, 2};
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 3, 6, 10); /* s0: 0 1 2, s1: 3 4, s2: 5 */
    for (size_t i = 0; i < 6; i++)
        made_fleet_place(&made, i, i < 3 ? 0 : i < 5 ? 1 : 2);
    schedule = made_schedule(&made, 10, 0);
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        cr_expect(eq(sz, made_next(schedule, 0), order[i]));
    cr_expect(eq(sz, made_next(schedule, 0), NONE));
    made_fleet_release(&made);
}

Test(schedule, a_server_gets_no_more_than_its_cap)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 2, 8, 1); /* s0: 0 2 4 6, s1: 1 3 5 7 */
    made.servers[1].per_server = 2;
    schedule = made_schedule(&made, 10, 0);
    cr_expect(eq(sz, made_next(schedule, 0), 0));
    cr_expect(eq(sz, made_next(schedule, 0), 1));
    cr_expect(eq(sz, made_next(schedule, 0), 3));
    cr_expect(eq(sz, made_next(schedule, 0), NONE));
    schedule_ended(schedule, 0, CONTACT_ANSWERED, true);
    cr_expect(eq(sz, made_next(schedule, 0), 2));
    cr_expect(eq(sz, made_next(schedule, 0), NONE));
    made_fleet_release(&made);
}

Test(schedule, a_cap_for_all_servers_replaces_their_own)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 1, 8, 1);
    schedule = made_schedule(&made, 10, 3);
    for (size_t i = 0; i < 3; i++)
        cr_expect(eq(sz, made_next(schedule, 0), i));
    cr_expect(eq(sz, made_next(schedule, 0), NONE));
    made_fleet_release(&made);
}

Test(schedule, a_retry_waits_elsewhere_and_goes_first_when_due)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 1, 4, 1);
    schedule = made_schedule(&made, 1, 0);
    cr_expect(eq(sz, made_next(schedule, 0), 0));
    schedule_retry(schedule, 0, CONTACT_ANSWERED, 100);
    cr_expect(eq(i64, schedule_due_ms(schedule), 100));
    cr_expect(eq(sz, made_next(schedule, 99), 1), "neither worker nor server slot is occupied");
    schedule_ended(schedule, 1, CONTACT_ANSWERED, true);
    cr_expect(eq(sz, made_next(schedule, 100), 0));
    cr_expect(eq(i64, schedule_due_ms(schedule), CLOCK_NEVER));
    schedule_ended(schedule, 0, CONTACT_ANSWERED, true);
    cr_expect(eq(sz, made_next(schedule, 100), 2));
    made_fleet_release(&made);
}

Test(schedule, retries_come_in_the_order_they_are_due)
{
    static const int64_t due[] = {70, 10, 50, 30, 90, 20, 60, 15};
    static const size_t order[] = {1, 7, 5, 3, 2, 6, 0, 4};
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 1, 8, 8);
    schedule = made_schedule(&made, 8, 0);
    for (size_t i = 0; i < 8; i++)
        made_next(schedule, 0);
    for (size_t i = 0; i < 8; i++)
        schedule_retry(schedule, i, CONTACT_ANSWERED, due[i]);
    for (size_t i = 0; i < 8; i++) {
        cr_expect(eq(i64, schedule_due_ms(schedule), due[order[i]]));
        cr_expect(eq(sz, made_next(schedule, due[order[i]]), order[i]));
        schedule_ended(schedule, order[i], CONTACT_ANSWERED, true);
    }
    made_fleet_release(&made);
}

/* The one server of a fleet of `tenants` goes down: tenant 0 uses up its three attempts. */
static void take_down(struct schedule *schedule)
{
    cr_assert(eq(sz, made_next(schedule, 0), 0));
    schedule_retry(schedule, 0, CONTACT_REFUSED, 10);
    cr_assert(eq(sz, made_next(schedule, 10), 0));
    schedule_retry(schedule, 0, CONTACT_REFUSED, 20);
    cr_assert(eq(sz, made_next(schedule, 20), 0));
    schedule_ended(schedule, 0, CONTACT_REFUSED, true);
}

Test(schedule, a_doubtful_server_gets_no_new_tenant)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 1, 6, 2);
    schedule = made_schedule(&made, 8, 0);
    cr_expect(eq(sz, made_next(schedule, 0), 0));
    cr_expect(eq(sz, made_next(schedule, 0), 1));
    schedule_retry(schedule, 0, CONTACT_REFUSED, 10);
    cr_expect(eq(sz, made_next(schedule, 0), NONE), "1 is in work, 0 waits");
    schedule_ended(schedule, 1, CONTACT_SILENT, true);
    cr_expect(eq(sz, made_next(schedule, 9), NONE), "0 waits");
    cr_expect(eq(sz, made_next(schedule, 10), 0));
    schedule_ended(schedule, 0, CONTACT_ANSWERED, true);
    cr_expect(eq(sz, made_next(schedule, 10), 2), "it answers: as before");
    cr_expect(eq(sz, made_next(schedule, 10), 3));
    made_fleet_release(&made);
}

Test(schedule, a_doubtful_server_that_nobody_asks_any_more_gets_one_tenant)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 1, 6, 2);
    schedule = made_schedule(&made, 8, 0);
    cr_expect(eq(sz, made_next(schedule, 0), 0));
    cr_expect(eq(sz, made_next(schedule, 0), 1));
    schedule_ended(schedule, 0, CONTACT_REFUSED,
                   true); /* its earlier attempts had other troubles */
    schedule_ended(schedule, 1, CONTACT_SILENT, true);
    cr_expect(eq(sz, made_next(schedule, 0), 2));
    cr_expect(not(schedule_is_probe(schedule, 2)), "refused once is not down");
    cr_expect(eq(sz, made_next(schedule, 0), NONE));
    made_fleet_release(&made);
}

Test(schedule, second_look_fails_and_the_others_are_given_up)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 1, 4, 2);
    schedule = made_schedule(&made, 1, 0);
    take_down(schedule);
    cr_expect(eq(sz, made_given_up(schedule), NONE), "parked, not given up");
    cr_expect(eq(sz, made_next(schedule, 20), 1), "nothing else is left: the second look");
    cr_expect(schedule_is_probe(schedule, 1));
    cr_expect(eq(sz, made_next(schedule, 20), NONE), "one tenant first");
    schedule_ended(schedule, 1, CONTACT_REFUSED, true);
    cr_expect(eq(sz, made_next(schedule, 20), NONE));
    cr_expect(eq(sz, made_given_up(schedule), 2));
    cr_expect(eq(sz, made_given_up(schedule), 3));
    cr_expect(eq(sz, made_given_up(schedule), NONE));
    made_fleet_release(&made);
}

Test(schedule, second_look_is_answered_and_the_others_go_on)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 1, 4, 2);
    schedule = made_schedule(&made, 8, 0);
    made.settings.retry.attempts = 1;
    cr_expect(eq(sz, made_next(schedule, 0), 0));
    cr_expect(eq(sz, made_next(schedule, 0), 1));
    schedule_ended(schedule, 0, CONTACT_REFUSED, true);
    cr_expect(eq(sz, made_next(schedule, 0), NONE), "1 is still in work");
    schedule_ended(schedule, 1, CONTACT_SILENT, true);
    cr_expect(eq(sz, made_next(schedule, 0), 2));
    schedule_ended(schedule, 2, CONTACT_ANSWERED, true);
    cr_expect(eq(sz, made_next(schedule, 0), 3));
    cr_expect(not(schedule_is_probe(schedule, 3)));
    schedule_ended(schedule, 3, CONTACT_REFUSED, true); /* down again: no third look */
    cr_expect(eq(sz, made_next(schedule, 0), NONE));
    cr_expect(eq(sz, made_given_up(schedule), NONE));
    made_fleet_release(&made);
}

Test(schedule, down_after_the_second_look_is_lost_at_once)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 1, 5, 1);
    schedule = made_schedule(&made, 8, 0);
    made.settings.retry.attempts = 1;
    made_next(schedule, 0);
    schedule_ended(schedule, 0, CONTACT_REFUSED, true);
    cr_expect(eq(sz, made_next(schedule, 0), 1));
    schedule_ended(schedule, 1, CONTACT_ANSWERED, true);
    cr_expect(eq(sz, made_next(schedule, 0), 2));
    schedule_ended(schedule, 2, CONTACT_REFUSED, true);
    cr_expect(eq(sz, made_next(schedule, 0), NONE));
    cr_expect(eq(sz, made_given_up(schedule), 3));
    cr_expect(eq(sz, made_given_up(schedule), 4));
    made_fleet_release(&made);
}

Test(schedule, the_second_look_comes_when_all_else_is_done)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 2, 4, 1); /* s0: 0 2, s1: 1 3 */
    made.settings.retry.attempts = 1;
    schedule = made_schedule(&made, 8, 0);
    cr_expect(eq(sz, made_next(schedule, 0), 0));
    cr_expect(eq(sz, made_next(schedule, 0), 1));
    schedule_ended(schedule, 0, CONTACT_REFUSED, true);
    cr_expect(eq(sz, made_next(schedule, 0), NONE));
    schedule_retry(schedule, 1, CONTACT_ANSWERED, 50);
    cr_expect(eq(sz, made_next(schedule, 0), 3));
    schedule_ended(schedule, 3, CONTACT_ANSWERED, true);
    cr_expect(eq(sz, made_next(schedule, 0), NONE), "1 waits for its retry");
    cr_expect(eq(sz, made_next(schedule, 50), 1));
    schedule_ended(schedule, 1, CONTACT_ANSWERED, true);
    cr_expect(eq(sz, made_next(schedule, 50), 2));
    made_fleet_release(&made);
}

Test(schedule, a_late_answer_brings_a_server_back)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 1, 5, 2);
    made.settings.retry.attempts = 1;
    schedule = made_schedule(&made, 8, 0);
    made_next(schedule, 0);
    made_next(schedule, 0);
    schedule_ended(schedule, 0, CONTACT_REFUSED, true);
    cr_expect(eq(sz, made_next(schedule, 0), NONE));
    schedule_ended(schedule, 1, CONTACT_ANSWERED,
                   true); /* a long migration, connected all the time */
    cr_expect(eq(sz, made_next(schedule, 0), 2));
    cr_expect(eq(sz, made_next(schedule, 0), 3));
    made_fleet_release(&made);
}

Test(schedule, a_silent_second_look_is_followed_by_another)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 1, 3, 2);
    schedule = made_schedule(&made, 8, 0);
    made.settings.retry.attempts = 1;
    made_next(schedule, 0);
    made_next(schedule, 0);
    schedule_ended(schedule, 0, CONTACT_REFUSED, true);
    schedule_ended(schedule, 1, CONTACT_SILENT, true);
    cr_expect(eq(sz, made_next(schedule, 0), 2));
    schedule_ended(schedule, 2, CONTACT_SILENT, true);
    cr_expect(eq(sz, made_next(schedule, 0), NONE));
    made_fleet_release(&made);
}

Test(schedule, a_retry_of_a_lost_server_is_given_up_when_due)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 1, 4, 2);
    made.settings.retry.attempts = 2;
    schedule = made_schedule(&made, 8, 0);
    made_next(schedule, 0);
    schedule_retry(schedule, 0, CONTACT_REFUSED, 10);
    made_next(schedule, 10);
    schedule_ended(schedule, 0, CONTACT_REFUSED, true); /* down */
    made_next(schedule, 10);
    schedule_ended(schedule, 1, CONTACT_ANSWERED, true); /* the second look */
    made_next(schedule, 10);
    made_next(schedule, 10); /* 2 and 3 */
    schedule_retry(schedule, 3, CONTACT_ANSWERED, 99);
    schedule_retry(schedule, 2, CONTACT_REFUSED, 20);
    made_next(schedule, 20);
    schedule_ended(schedule, 2, CONTACT_REFUSED, true); /* lost */
    cr_expect(eq(sz, made_given_up(schedule), NONE), "3 waits");
    cr_expect(eq(sz, made_next(schedule, 99), NONE));
    cr_expect(eq(sz, made_given_up(schedule), 3));
    made_fleet_release(&made);
}

Test(schedule, nothing_to_do)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 1, 0, 1);
    schedule = made_schedule(&made, 0, 0);
    cr_expect(eq(sz, made_next(schedule, 0), NONE));
    cr_expect(eq(i64, schedule_due_ms(schedule), CLOCK_NEVER));
    made_fleet_release(&made);
}
