/*
 * test_server_care.c: when a server must be waited for.
 */
#include "common/mem.h"
#include "orchestrator/server_care.h"

#include <criterion/criterion.h>

static void *ctx;
static struct server server;
static struct server_care *care;
static int64_t now_ms;

static void setup(void)
{
    ctx = mem_context(NULL);
    server = (struct server){.name = "eu1", .max_replica_lag_ms = 10000};
    care = server_care_new(ctx, &server);
    now_ms = 1000000;
}

static void teardown(void)
{
    talloc_free(ctx);
}

TestSuite(server_care, .init = setup, .fini = teardown);

/* After `seconds` a look finds this. */
static const char *judge(int seconds, struct server_facts facts)
{
    now_ms += seconds * 1000;
    return server_care_judge(care, &facts, now_ms);
}

static void expect_waits(const char *text, const char *wanted)
{
    cr_expect(text && strcmp(text, wanted) == 0, "%s, not %s", text ? text : "goes on", wanted);
}

static void expect_goes_on(const char *text)
{
    cr_expect_null(text, "%s", text);
}

Test(server_care, is_wanted_when_there_is_a_limit)
{
    struct server plain = {.name = "eu1"};
    struct server counted = {.name = "eu1", .has_max_connections_used = true};

    cr_expect_not(server_care_wanted(&plain));
    cr_expect(server_care_wanted(&counted));
    cr_expect(server_care_wanted(&server));
}

Test(server_care, a_lag_above_the_limit_is_waited_for)
{
    expect_goes_on(judge(0, (struct server_facts){.replicas = 1}));
    expect_goes_on(judge(2, (struct server_facts){.replicas = 1, .lag_ms = 10000}));
    expect_waits(judge(2, (struct server_facts){.replicas = 1, .lag_ms = 14200}),
                 "replica lag 14.2s (max_replica_lag 10s)");
    expect_goes_on(judge(2, (struct server_facts){.replicas = 1, .lag_ms = 9000}));
}

Test(server_care, a_server_without_replicas_has_no_lag)
{
    expect_goes_on(judge(0, (struct server_facts){0}));
    expect_goes_on(judge(100, (struct server_facts){0}));
}

Test(server_care, one_that_stands_still_from_the_first_look_on_is_not_trusted)
{
    expect_waits(
        judge(0, (struct server_facts){.replicas = 1, .silent = true, .behind_at = "0/300"}),
        "a replica that stands still at 0/300 (max_replica_lag 10s)");
    expect_waits(
        judge(2, (struct server_facts){.replicas = 1, .silent = true, .behind_at = "0/300"}),
        "a replica that stands still at 0/300 (max_replica_lag 10s)");
    expect_waits(
        judge(10, (struct server_facts){.replicas = 1, .silent = true, .behind_at = "0/300"}),
        "replica lag 12.0s (max_replica_lag 10s)");
    expect_goes_on(
        judge(2, (struct server_facts){.replicas = 1, .silent = true, .behind_at = "0/400"}));
}

Test(server_care, one_that_stops_later_counts_from_then)
{
    expect_goes_on(judge(0, (struct server_facts){.replicas = 1}));
    expect_goes_on(
        judge(2, (struct server_facts){.replicas = 1, .silent = true, .behind_at = "0/300"}));
    expect_goes_on(
        judge(10, (struct server_facts){.replicas = 1, .silent = true, .behind_at = "0/300"}));
    expect_waits(
        judge(2, (struct server_facts){.replicas = 1, .silent = true, .behind_at = "0/300"}),
        "replica lag 12.0s (max_replica_lag 10s)");
    expect_goes_on(
        judge(2, (struct server_facts){.replicas = 1, .silent = true, .behind_at = "0/300.5"}));
    expect_goes_on(judge(2, (struct server_facts){.replicas = 1}));
    expect_goes_on(
        judge(2, (struct server_facts){.replicas = 1, .silent = true, .behind_at = "0/300.5"}));
}

Test(server_care, a_report_that_does_not_change_is_not_believed_for_ever)
{
    struct server_facts still = {.replicas = 1, .behind_at = "0/300", .lag_ms = 700};

    expect_goes_on(judge(0, still));
    expect_goes_on(judge(10, still));
    expect_waits(judge(1, still), "replica lag 11.0s (max_replica_lag 10s)");
    expect_goes_on(
        judge(2, (struct server_facts){.replicas = 1, .behind_at = "0/301", .lag_ms = 700}));
}

Test(server_care, of_several_replicas_the_worst_counts)
{
    expect_goes_on(judge(0, (struct server_facts){.replicas = 2}));
    expect_goes_on(
        judge(2, (struct server_facts){.replicas = 2, .silent = true, .behind_at = "0/3"}));
    expect_waits(judge(11,
                       (struct server_facts){
                           .replicas = 2, .silent = true, .behind_at = "0/3", .lag_ms = 12000}),
                 "replica lag 12.0s (max_replica_lag 10s)");
    expect_waits(judge(2,
                       (struct server_facts){
                           .replicas = 2, .silent = true, .behind_at = "0/3", .lag_ms = 12000}),
                 "replica lag 13.0s (max_replica_lag 10s)");
}

Test(server_care, one_that_vanishes_is_waited_for_as_long_as_a_lag_may_be)
{
    const char *gone = "a replica that has disconnected (max_replica_lag 10s)";

    expect_goes_on(judge(0, (struct server_facts){.replicas = 2}));
    expect_waits(judge(2, (struct server_facts){.replicas = 1}), gone);
    expect_waits(judge(10, (struct server_facts){.replicas = 1}), gone);
    expect_goes_on(judge(2, (struct server_facts){.replicas = 1}));
    expect_goes_on(judge(2, (struct server_facts){.replicas = 1}));
    expect_waits(judge(2, (struct server_facts){.replicas = 0}), gone);
    expect_goes_on(judge(2, (struct server_facts){.replicas = 1})); /* it is back */
    expect_goes_on(judge(2, (struct server_facts){.replicas = 3}));
    expect_waits(judge(2, (struct server_facts){.replicas = 2}), gone);
}

Test(server_care, connections_as_a_share_of_the_usable)
{
    server.max_replica_lag_ms = 0;
    server.has_max_connections_used = true;
    server.max_connections_used = (struct text_size){.value = 80, .percent = true};
    expect_goes_on(judge(0, (struct server_facts){.connections = 77, .usable = 97}));
    expect_waits(judge(2, (struct server_facts){.connections = 78, .usable = 97}),
                 "connections 78 of 97 (max_connections_used 80%)");
    expect_goes_on(judge(2, (struct server_facts){.connections = 12, .usable = 97}));
    expect_goes_on(
        judge(2, (struct server_facts){.connections = 12, .usable = 97, .lag_ms = 999999}));
}

Test(server_care, connections_as_a_number)
{
    server.has_max_connections_used = true;
    server.max_connections_used = (struct text_size){.value = 20};
    expect_goes_on(judge(0, (struct server_facts){.connections = 20, .usable = 97}));
    expect_waits(judge(2, (struct server_facts){.connections = 21, .usable = 97}),
                 "connections 21 of 97 (max_connections_used 20)");
    expect_waits(judge(2, (struct server_facts){.connections = 21, .usable = 97, .lag_ms = 30000}),
                 "replica lag 30.0s (max_replica_lag 10s)");
}
