/*
 * test_schedule_servers.c: servers that are full, on hold or left out, places that are lent, and
 * tenants that come in later. Time is a number here.
 */
#include "tests/unit/orchestrator/made_schedule.h"

#include "common/mem.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static void end(struct schedule *schedule, size_t job)
{
    schedule_ended(schedule, job, CONTACT_ANSWERED, true);
}

static enum schedule_server_state state(const struct schedule *schedule, size_t server)
{
    return schedule_look(schedule, server).state;
}

/* --- full -------------------------------------------------------------------------------- */

/* Jobs 0 to 3 were started on one server with cap 4; 3 was refused and waits until 100. */
static struct schedule *refused_as_full(struct made_fleet *made)
{
    struct schedule *schedule;

    made_fleet_init(made, 1, 30, 4);
    schedule = made_schedule(made, 16, 0);
    for (size_t job = 0; job < 4; job++)
        cr_assert(eq(sz, made_next(schedule, 0), job));
    cr_assert(schedule_is_crowded(schedule, 3));
    schedule_retry(schedule, 3, CONTACT_FULL, 100);
    return schedule;
}

Test(schedule_servers, a_full_server_holds_what_it_can)
{
    struct made_fleet made;
    struct schedule *schedule = refused_as_full(&made);

    cr_expect(eq(sz, schedule_look(schedule, 0).cap, 3));
    cr_expect(eq(int, state(schedule, 0), SCHEDULE_SERVER_FULL));
    cr_expect(eq(sz, made_next(schedule, 0), NONE));
    end(schedule, 0);
    cr_expect(eq(sz, made_next(schedule, 0), 4), "one has left, one may come");
    cr_expect(eq(sz, made_next(schedule, 0), NONE));
    cr_expect(eq(sz, made_next(schedule, 100), NONE), "three are in work");
    end(schedule, 1);
    cr_expect(eq(sz, made_next(schedule, 100), 3), "the one that waited first");
    made_fleet_release(&made);
}

Test(schedule_servers, a_full_server_is_not_asked_before_the_retry_is_due)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 1, 5, 4);
    schedule = made_schedule(&made, 16, 0);
    made_next(schedule, 0);
    cr_expect(not(schedule_is_crowded(schedule, 0)), "full of others");
    schedule_retry(schedule, 0, CONTACT_FULL, 100);
    cr_expect(eq(sz, schedule_look(schedule, 0).cap, 1), "one is the least");
    cr_expect(eq(sz, made_next(schedule, 99), NONE));
    cr_expect(eq(sz, made_next(schedule, 100), 0));
    cr_expect(eq(sz, made_next(schedule, 100), NONE));
    made_fleet_release(&made);
}

Test(schedule_servers, a_second_refusal_of_the_same_moment_lowers_the_cap_further)
{
    struct made_fleet made;
    struct schedule *schedule = refused_as_full(&made);

    schedule_retry(schedule, 2, CONTACT_FULL, 200);
    cr_expect(eq(sz, schedule_look(schedule, 0).cap, 2));
    end(schedule, 0);
    cr_expect(eq(sz, made_next(schedule, 0), 4));
    cr_expect(eq(sz, made_next(schedule, 0), NONE));
    made_fleet_release(&made);
}

Test(schedule_servers, the_cap_grows_again_by_one_with_every_cap_tenants)
{
    struct made_fleet made;
    struct schedule *schedule = refused_as_full(&made);

    for (size_t i = 0; i < 3; i++) {
        cr_expect(eq(sz, schedule_look(schedule, 0).cap, 3));
        end(schedule, i);
    }
    cr_expect(eq(sz, schedule_look(schedule, 0).cap, 4));
    cr_expect(eq(int, state(schedule, 0), SCHEDULE_SERVER_UP));
    for (size_t i = 4; i < 20; i++) {
        cr_assert(eq(sz, made_next(schedule, 0), i));
        end(schedule, i);
    }
    cr_expect(eq(sz, schedule_look(schedule, 0).cap, 4), "not above what is configured");
    made_fleet_release(&made);
}

Test(schedule_servers, tenants_that_end_badly_do_not_make_it_grow)
{
    struct made_fleet made;
    struct schedule *schedule = refused_as_full(&made);

    for (size_t i = 0; i < 3; i++)
        schedule_ended(schedule, i, CONTACT_ANSWERED, false);
    cr_expect(eq(sz, schedule_look(schedule, 0).cap, 3));
    made_fleet_release(&made);
}

Test(schedule_servers, full_is_an_answer)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 1, 6, 3);
    schedule = made_schedule(&made, 16, 0);
    for (size_t i = 0; i < 3; i++)
        made_next(schedule, 0);
    schedule_retry(schedule, 0, CONTACT_REFUSED, 50);
    cr_expect(eq(int, state(schedule, 0), SCHEDULE_SERVER_DOUBTFUL));
    schedule_retry(schedule, 1, CONTACT_FULL, 60);
    end(schedule, 2);
    cr_expect(eq(sz, made_next(schedule, 0), 3), "no longer doubtful");
    made_fleet_release(&made);
}

/* --- on hold, left out ------------------------------------------------------------------- */

Test(schedule_servers, on_hold_nothing_starts_and_the_others_go_on)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 2, 8, 2); /* s0: 0 2 4 6, s1: 1 3 5 7 */
    schedule = made_schedule(&made, 16, 0);
    schedule_hold(schedule, 0, true);
    cr_expect(eq(int, state(schedule, 0), SCHEDULE_SERVER_ON_HOLD));
    cr_expect(eq(sz, made_next(schedule, 0), 1));
    cr_expect(eq(sz, made_next(schedule, 0), 3));
    cr_expect(eq(sz, made_next(schedule, 0), NONE));
    schedule_hold(schedule, 0, false);
    cr_expect(eq(sz, made_next(schedule, 0), 0));
    cr_expect(eq(int, state(schedule, 0), SCHEDULE_SERVER_UP));
    made_fleet_release(&made);
}

Test(schedule_servers, a_server_on_hold_is_something_left_to_do)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 2, 4, 1); /* s0: 0 2, s1: 1 3 */
    made.settings.retry.attempts = 1;
    schedule = made_schedule(&made, 16, 0);
    schedule_hold(schedule, 1, true);
    cr_expect(eq(sz, made_next(schedule, 0), 0));
    schedule_ended(schedule, 0, CONTACT_REFUSED, false);
    cr_expect(eq(sz, made_next(schedule, 0), NONE), "no second look yet");
    schedule_hold(schedule, 1, false);
    end(schedule, made_next(schedule, 0));
    end(schedule, made_next(schedule, 0)); /* 1 and 3 */
    cr_expect(eq(sz, made_next(schedule, 0), 2));
    cr_expect(schedule_is_probe(schedule, 2));
    made_fleet_release(&made);
}

Test(schedule_servers, left_out_gives_up_all_its_tenants_of_all_waves)
{
    enum schedule_given_up why = GIVEN_UP_SERVER_LOST;
    struct made_fleet made;
    struct schedule *schedule;
    size_t job;

    made_fleet_init(&made, 2, 6, 1); /* s0: 0 2 4, s1: 1 3 5 */
    made_fleet_waves(&made, 2, "000011");
    schedule = made_schedule(&made, 16, 0);
    cr_expect(eq(sz, made_next(schedule, 0), 0));
    schedule_leave_out(schedule, 0);
    cr_expect(schedule_given_up(schedule, &job, &why));
    cr_expect(eq(sz, job, 4));
    cr_expect(eq(int, why, GIVEN_UP_SERVER_LEFT_OUT));
    cr_expect(eq(sz, made_given_up(schedule), 2));
    cr_expect(eq(sz, made_given_up(schedule), NONE));
    schedule_ended(schedule, 0, CONTACT_ANSWERED, true); /* it was in work */
    cr_expect(eq(sz, made_next(schedule, 0), 1), "the other server goes on");
    cr_expect(eq(int, state(schedule, 0), SCHEDULE_SERVER_LEFT_OUT));
    made_fleet_release(&made);
}

Test(schedule_servers, left_out_gives_up_a_retry_when_it_is_due)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 1, 1, 1);
    schedule = made_schedule(&made, 16, 0);
    made_next(schedule, 0);
    schedule_retry(schedule, 0, CONTACT_ANSWERED, 10);
    schedule_leave_out(schedule, 0);
    cr_expect(eq(sz, made_given_up(schedule), NONE));
    cr_expect(eq(sz, made_next(schedule, 10), NONE));
    cr_expect(eq(sz, made_given_up(schedule), 0));
    made_fleet_release(&made);
}

Test(schedule_servers, given_up_with_a_lost_server_stays_so_when_it_is_left_out)
{
    enum schedule_given_up why = GIVEN_UP_SERVER_LEFT_OUT;
    struct made_fleet made;
    struct schedule *schedule;
    size_t job;

    made_fleet_init(&made, 1, 3, 1);
    made.settings.retry.attempts = 1;
    schedule = made_schedule(&made, 16, 0);
    for (size_t i = 0; i < 2; i++)
        schedule_ended(schedule, made_next(schedule, 0), CONTACT_REFUSED, false);
    schedule_leave_out(schedule, 0);
    cr_expect(schedule_given_up(schedule, &job, &why));
    cr_expect(eq(int, why, GIVEN_UP_SERVER_LOST));
    made_fleet_release(&made);
}

/* --- places that are lent ---------------------------------------------------------------- */

Test(schedule_servers, a_place_lent_counts_among_workers_and_on_its_server)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 2, 8, 1);
    schedule = made_schedule(&made, 2, 0);
    cr_expect(schedule_borrow(schedule, 0));
    cr_expect(not(schedule_borrow(schedule, 0)), "one on that server");
    cr_expect(eq(sz, made_next(schedule, 0), 1), "the other server's");
    cr_expect(not(schedule_borrow(schedule, SCHEDULE_NO_SERVER)), "two in total");
    schedule_give_back(schedule, 0);
    cr_expect(schedule_borrow(schedule, SCHEDULE_NO_SERVER));
    cr_expect(eq(sz, made_next(schedule, 0), NONE));
    schedule_give_back(schedule, SCHEDULE_NO_SERVER);
    cr_expect(eq(sz, made_next(schedule, 0), 0));
    made_fleet_release(&made);
}

/* --- tenants that come in later ---------------------------------------------------------- */

static struct schedule *claiming(struct made_fleet *made)
{
    struct schedule_setup setup = {
        .tenants = made->selected,
        .tenant_count = made->request.tenant_count,
        .server_count = made->fleet.server_count,
        .workers = 16,
        .claims = true,
    };
    struct schedule *schedule = schedule_new(made->mem, &setup);

    schedule_open_wave(schedule, 0);
    return schedule;
}

Test(schedule_servers, claimed_tenants_start_in_the_order_they_came_in)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 1, 4, 2);
    schedule = claiming(&made);
    cr_expect(eq(sz, made_next(schedule, 0), NONE));
    schedule_add(schedule, 3);
    schedule_add(schedule, 1);
    cr_expect(eq(sz, schedule_look(schedule, 0).left, 2));
    cr_expect(eq(sz, made_next(schedule, 0), 3));
    cr_expect(eq(sz, made_next(schedule, 0), 1));
    cr_expect(eq(sz, made_next(schedule, 0), NONE));
    made_fleet_release(&made);
}

Test(schedule_servers, no_second_look_while_more_may_come_in)
{
    struct made_fleet made;
    struct schedule *schedule;

    made_fleet_init(&made, 1, 3, 1);
    made.settings.retry.attempts = 1;
    schedule = claiming(&made);
    schedule_add(schedule, 0);
    schedule_add(schedule, 1);
    schedule_ended(schedule, made_next(schedule, 0), CONTACT_REFUSED, false);
    cr_expect(eq(sz, made_next(schedule, 0), NONE));
    schedule_expect_more(schedule, false);
    cr_expect(eq(sz, made_next(schedule, 0), 1));
    cr_expect(schedule_is_probe(schedule, 1));
    schedule_ended(schedule, 1, CONTACT_REFUSED, false);
    schedule_add(schedule, 2);
    cr_expect(eq(sz, made_given_up(schedule), 2), "of a server that is lost");
    made_fleet_release(&made);
}
