/*
 * test_verify.c: the verify queries of what is applied, asked again.
 */
#include "common/mem.h"
#include "tests/harness/fleet_fixture.h"
#include "tests/harness/pg_sql.h"
#include "tests/harness/proxy.h"
#include "tests/integration/fleet_facts.h"

#include <criterion/criterion.h>

static struct fleet_fixture *new_fleet(size_t tenants)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = fleet_fixture_new(ctx, pg_server_shared(ctx), tenants);

    fleet_fixture_write(fleet, "migrations/1_a.sql",
                        "-- pgtide:up\nCREATE TABLE a (n int);\nCREATE TABLE b ();\n"
                        "-- pgtide:verify\nSELECT count(*) = 0 FROM a; SELECT true FROM b\n"
                        "    UNION ALL SELECT true;\n");
    fleet_fixture_write(fleet, "migrations/2_b.sql",
                        "-- pgtide:up\nCREATE TABLE c (ok bool);\nINSERT INTO c VALUES (true);\n"
                        "-- pgtide:verify\nSELECT ok FROM c;\n");
    fleet_fixture_write(fleet, "migrations/3_c.sql", "CREATE TABLE d ();\n");
    fleet_fixture_inventory(fleet, NULL);
    return fleet;
}

static struct fleet_fixture *migrated(size_t tenants)
{
    struct fleet_fixture *fleet = new_fleet(tenants);

    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    return fleet;
}

/* "1:6 false, 2:6 NULL or no row": version, line and result of a tenant's mismatches. */
static const char *mismatches(const struct fleet_run *run, const char *tenant)
{
    const json_t *list = json_object_get(fleet_fixture_tenant(run, tenant), "mismatches");
    char *text = mem_strdup(NULL, "");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const char *sqlstate = json_string_value(json_object_get(item, "sqlstate"));

        text = talloc_asprintf_append_buffer(
            text, "%s%s:%lld %s", i ? ", " : "",
            json_string_value(json_object_get(item, "version")),
            (long long)json_integer_value(json_object_get(item, "line")),
            sqlstate ? sqlstate : json_string_value(json_object_get(item, "result")));
    }
    return text;
}

TestSuite(verify, .timeout = 60);

Test(verify, what_is_true_is_said_in_one_line)
{
    struct fleet_fixture *fleet = migrated(2);
    const struct fleet_run *run = fleet_fixture_run(fleet, "verify", NULL);

    fleet_facts_expect(run, 0);
    cr_assert_eq(fleet_fixture_total(run, "current"), 2);
    cr_assert_eq(strncmp(run->out, "6 verify queries asked on 2 tenants\n", 36), 0, "%s", run->out);
    run = fleet_fixture_run(fleet, "verify", "-q", NULL);
    cr_assert_str_empty(run->out);
}

Test(verify, every_query_that_is_not_true_is_named)
{
    struct fleet_fixture *fleet = migrated(4);
    const struct fleet_run *run;

    fleet_fixture_exec(fleet, 1, "INSERT INTO a VALUES (1); UPDATE c SET ok = NULL");
    fleet_fixture_exec(fleet, 2, "DROP TABLE b; DELETE FROM c");
    fleet_fixture_exec(fleet, 3, "INSERT INTO c VALUES (true)");
    run = fleet_fixture_run(fleet, "verify", NULL);
    fleet_facts_expect(run, 6);
    cr_assert_str_eq(mismatches(run, "store-1"), "1:5 false, 2:5 NULL or no row");
    cr_assert_str_eq(mismatches(run, "store-2"), "1:5 42P01, 2:5 NULL or no row");
    cr_assert_str_eq(mismatches(run, "store-3"), "2:5 21000");
    cr_assert_str_eq(mismatches(run, "store-4"), "");
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-3"), "conflict");
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-4"), "current");
    cr_assert(strstr(run->out, "verify query gave false at 1_a.sql:5: store-1\n"), "%s", run->out);
    cr_assert(strstr(run->out, "verify query gave NULL or no row at 2_b.sql:5: store-1, store-2\n"
                               "     query: SELECT ok FROM c\n"),
              "%s", run->out);
    cr_assert_str_eq(fleet_facts_error(run, "store-1", "detail"),
                     "the query gave false, not true; so are 1 more");
}

Test(verify, it_only_reads)
{
    struct fleet_fixture *fleet = migrated(1);

    fleet_fixture_exec(fleet, 1, "CREATE SEQUENCE s");
    fleet_fixture_write(fleet, "migrations/4_s.sql",
                        "-- pgtide:up\nSELECT 1;\n-- pgtide:verify\nSELECT nextval('s') > 0;\n");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    cr_assert_str_eq(mismatches(fleet_fixture_run(fleet, "verify", NULL), "store-1"), "4:4 25006");
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT last_value FROM s"), 1);
}

Test(verify, a_tenant_that_cannot_be_asked_is_no_mismatch)
{
    struct fleet_fixture *fleet = migrated(2);
    const struct fleet_run *run;

    fleet_fixture_exec(fleet, 1,
                       "CREATE ROLE verify_nobody; REVOKE ALL ON SCHEMA public FROM PUBLIC");
    fleet_fixture_inventory(fleet, "settings: {role: verify_nobody}\n");
    run = fleet_fixture_run(fleet, "verify", "-t", "store-1", NULL);
    fleet_facts_expect(run, 3);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "failed");
    fleet_fixture_exec(fleet, 1, "DROP ROLE verify_nobody");
    fleet_fixture_inventory(fleet, NULL);
    fleet_fixture_exec(fleet, 2, "INSERT INTO a VALUES (1)");
    pg_sql_execf(fleet->server, "postgres", "ALTER DATABASE %s RENAME TO %s_gone",
                 fleet->databases[0], fleet->databases[0]);
    run = fleet_fixture_run(fleet, "verify", NULL);
    fleet_facts_expect(run, 6);
    cr_assert_str_eq(fleet_fixture_outcome(run, "store-1"), "failed");
    cr_assert_str_eq(mismatches(run, "store-2"), "1:5 false");
    pg_sql_execf(fleet->server, "postgres", "ALTER DATABASE %s_gone RENAME TO %s",
                 fleet->databases[0], fleet->databases[0]);
}

Test(verify, what_is_reverted_skipped_or_pending_is_not_asked)
{
    struct fleet_fixture *fleet = new_fleet(1);
    const struct fleet_run *run;

    fleet_fixture_write(fleet, "migrations/4_skipped.sql",
                        "-- pgtide:when\nSELECT false;\n-- pgtide:up\nSELECT 1;\n"
                        "-- pgtide:verify\nSELECT false;\n");
    fleet_fixture_write(fleet, "migrations/5_back.sql",
                        "-- pgtide:up\nCREATE TABLE e ();\n-- pgtide:down\nDROP TABLE e;\n"
                        "-- pgtide:verify\nSELECT to_regclass('e') IS NOT NULL;\n");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    fleet_facts_expect(fleet_fixture_run(fleet, "rollback", "--to", "4", "--yes", NULL), 0);
    fleet_fixture_write(fleet, "migrations/6_pending.sql",
                        "-- pgtide:up\nSELECT 1;\n-- pgtide:verify\nSELECT true;\n");
    run = fleet_fixture_run(fleet, "verify", NULL);
    fleet_facts_expect(run, 0);
    cr_assert_eq(strncmp(run->out, "3 verify queries", 16), 0, "%s", run->out);
}

Test(verify, one_that_is_still_to_come_after_commit_is_asked)
{
    struct fleet_fixture *fleet = migrated(1);
    const struct fleet_run *run;

    fleet_fixture_write(fleet, "migrations/4_late.sql",
                        "-- pgtide: verify=after-commit\n-- pgtide:up\nINSERT INTO a VALUES (1);\n"
                        "-- pgtide:verify\nSELECT count(*) = 2 FROM a;\n");
    run = fleet_fixture_run(fleet, "migrate", NULL);
    fleet_facts_expect(run, 4);
    cr_assert_str_eq(fleet_facts_error(run, "store-1", "detail"), "the query gave false, not true");
    cr_assert_str_eq(fleet_facts_error(run, "store-1", "statement"), "SELECT count(*) = 2 FROM a");
    cr_assert_eq(fleet_fixture_count(fleet, 1, "SELECT count(*) FROM a"), 1, "it was committed");
    cr_assert_str_eq(mismatches(fleet_fixture_run(fleet, "verify", NULL), "store-1"),
                     "1:5 false, 4:5 false");
    fleet_fixture_exec(fleet, 1, "INSERT INTO a VALUES (2)");
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    cr_assert_str_eq(
        fleet_fixture_value(fleet, 1, "SELECT state FROM pgtide_history WHERE version = 4"),
        "applied");
}

Test(verify, the_tenants_schema_and_variables_hold)
{
    struct fleet_fixture *fleet = new_fleet(1);

    fleet_fixture_exec(fleet, 1, "CREATE SCHEMA a; CREATE SCHEMA b");
    fleet_fixture_write(fleet, "migrations/4_vars.sql",
                        "-- pgtide:up lock_timeout=3s\nSELECT 1;\n-- pgtide:verify\n"
                        "SELECT current_schema() = current_setting('pgtide.tenant') AND "
                        "current_setting('lock_timeout') = '3s';\n");
    fleet_fixture_yaml(fleet,
                       "migrations: migrations\nconnection: {user: postgres}\n"
                       "servers: {main: {host: %s, port: %d}}\ntenants:\n"
                       "  - {name: a, server: main, database: %s, schema: a}\n"
                       "  - {name: b, server: main, database: %s, schema: b}\n",
                       fleet->host, fleet->port, fleet->databases[0], fleet->databases[0]);
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    fleet_facts_expect(fleet_fixture_run(fleet, "verify", NULL), 0);
    fleet_fixture_exec(fleet, 1, "INSERT INTO b.a VALUES (1)");
    cr_assert_str_eq(mismatches(fleet_fixture_run(fleet, "verify", NULL), "b"), "1:5 false");
}

Test(verify, two_round_trips_and_one_more_for_each_error)
{
    void *ctx = mem_context(NULL);
    struct fleet_fixture *fleet = new_fleet(1);
    struct proxy *proxy = proxy_new(ctx, fleet->host, fleet->port);
    struct proxy_stats stats;

    fleet_fixture_write(fleet, "migrations/R_v.sql",
                        "-- pgtide:up\nCREATE OR REPLACE VIEW v AS SELECT 1 AS x;\n"
                        "-- pgtide:verify\nSELECT x = 1 FROM v;\n");
    fleet_fixture_through(fleet, proxy_port(proxy));
    fleet_fixture_inventory(fleet, NULL);
    fleet_facts_expect(fleet_fixture_run(fleet, "migrate", NULL), 0);
    proxy_reset_stats(proxy);
    fleet_facts_expect(fleet_fixture_run(fleet, "verify", NULL), 0);
    proxy_read_stats(proxy, &stats);
    cr_assert_eq(stats.round_trips, 2);
    fleet_fixture_exec(fleet, 1, "DROP TABLE a; INSERT INTO c VALUES (true)");
    proxy_reset_stats(proxy);
    cr_assert_str_eq(mismatches(fleet_fixture_run(fleet, "verify", NULL), "store-1"),
                     "1:5 42P01, 2:5 21000");
    proxy_read_stats(proxy, &stats);
    cr_assert_eq(stats.round_trips, 4);
}
