/*
 * test_schedule_borrow.c: places in work for what is no tenant of the schedule.
 */
#include "orchestrator/schedule.h"

#include "tests/unit/orchestrator/made_fleet.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct made_fleet made;
static struct schedule *schedule;

/* Six tenants on two servers with a cap of two each, three workers. */
static void setup(void)
{
    struct schedule_setup setup;

    made_fleet_init(&made, 2, 6, 2);
    setup = (struct schedule_setup){
        .tenants = made.selected,
        .tenant_count = 6,
        .server_count = 2,
        .workers = 3,
    };
    schedule = schedule_new(made.mem, &setup);
    schedule_open_wave(schedule, 0);
}

static void teardown(void)
{
    made_fleet_release(&made);
}

TestSuite(schedule_borrow, .init = setup, .fini = teardown);

/* How many tenants may start now. */
static int starts(void)
{
    size_t job;
    int count = 0;

    while (schedule_next(schedule, 0, &job))
        count++;
    return count;
}

Test(schedule_borrow, takes_a_place_of_the_server)
{
    cr_expect(schedule_borrow(schedule, 0));
    cr_expect(schedule_borrow(schedule, 0));
    cr_expect_not(schedule_borrow(schedule, 0), "its cap is two");
    cr_expect(eq(int, starts(), 1), "the third worker's, on the other server");
    cr_expect(eq(sz, schedule_look(schedule, 0).in_work, 2));
    schedule_give_back(schedule, 0);
    cr_expect(eq(int, starts(), 1));
    schedule_give_back(schedule, 0);
    cr_expect(eq(int, starts(), 1));
    cr_expect(eq(int, starts(), 0));
}

Test(schedule_borrow, takes_a_worker)
{
    for (int i = 0; i < 3; i++)
        cr_expect(schedule_borrow(schedule, SCHEDULE_NO_SERVER));
    cr_expect_not(schedule_borrow(schedule, SCHEDULE_NO_SERVER));
    cr_expect_not(schedule_borrow(schedule, 1));
    cr_expect(eq(int, starts(), 0));
    schedule_give_back(schedule, SCHEDULE_NO_SERVER);
    cr_expect(eq(int, starts(), 1));
}

Test(schedule_borrow, waits_for_a_server_on_hold_but_not_for_one_left_out)
{
    schedule_hold(schedule, 0, true);
    cr_expect_not(schedule_borrow(schedule, 0));
    schedule_hold(schedule, 0, false);
    cr_expect(schedule_borrow(schedule, 0));
    schedule_leave_out(schedule, 1);
    cr_expect(schedule_borrow(schedule, 1), "those that are done there may be asked");
}
