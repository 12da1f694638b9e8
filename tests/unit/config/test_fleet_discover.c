/*
 * test_fleet_discover.c: the discover: section.
 */
#include "tests/unit/config/config_fixture.h"

#include <criterion/criterion.h>

#define DISCOVER(text) ONE_SERVER "discover:\n" text

Test(fleet_discover, every_kind)
{
    const struct fleet *fleet = fixture_fleet(DISCOVER(
        "  - {server: s1, databases: \"store_*\", labels: {ring: late}}\n"
        "  - {server: s1, database: shops, schemas: \"s_*\", name: \"{server}-{schema}\"}\n"
        "  - {server: s1, database: control, query: SELECT name FROM stores}\n"
        "  - {file: stores.csv, timeout: 5s, vars: {currency: EUR}, seeds: [base]}\n"
        "  - {command: [./list-stores, --active], server: s1, database: shops}\n"));
    const struct discovery *all = fleet->discoveries;

    cr_assert_eq(fleet->discovery_count, 5);
    cr_expect_eq(all[0].kind, DISCOVER_DATABASES);
    cr_expect_eq(all[0].server, &fleet->servers[0]);
    cr_expect_str_eq(all[0].glob, "store_*");
    cr_expect_null(all[0].database);
    cr_expect_null(all[0].name);
    cr_expect_eq(all[0].timeout_ms, 30000);
    cr_expect_str_eq(name_values_get(&all[0].labels, "ring"), "late");
    cr_expect_eq(all[0].line, 3);
    cr_expect_eq(all[0].column, 5);
    cr_expect_eq(all[1].kind, DISCOVER_SCHEMAS);
    cr_expect_str_eq(all[1].database, "shops");
    cr_expect_str_eq(all[1].glob, "s_*");
    cr_expect_str_eq(all[1].name, "{server}-{schema}");
    cr_expect_eq(all[2].kind, DISCOVER_QUERY);
    cr_expect_str_eq(all[2].query, "SELECT name FROM stores");
    cr_expect_eq(all[3].kind, DISCOVER_FILE);
    cr_expect_str_eq(all[3].file, "inv/stores.csv");
    cr_expect_null(all[3].server);
    cr_expect_eq(all[3].timeout_ms, 5000);
    cr_expect_str_eq(name_values_get(&all[3].vars, "currency"), "EUR");
    cr_expect_eq(all[3].seed_count, 1);
    cr_expect_eq(all[4].kind, DISCOVER_COMMAND);
    cr_expect_str_eq(all[4].command[1], "--active");
    cr_expect_null(all[4].command[2]);
    cr_expect_eq(all[4].server, &fleet->servers[0]);
    cr_expect_eq(fleet->tenant_count, 0);
}

Test(fleet_discover, mistakes)
{
    fixture_expect(DISCOVER("  - {server: s2, databases: a}\n"
                            "  - {databases: a}\n"
                            "  - {server: s1, schemas: a}\n"
                            "  - {server: s1, query: SELECT 1}\n"
                            "  - {server: s1}\n"
                            "  - {file: a, command: [b]}\n"
                            "  - {command: []}\n"
                            "  - {databse: a}\n"
                            "  - stores.csv\n"),
                   "3:14: no server \"s2\" in servers\n"
                   "  hint: Did you mean \"s1\"?\n"
                   "4:5: \"databases\" needs a \"server\"\n"
                   "  hint: Give it one of servers:.\n"
                   "5:5: \"schemas\" needs a \"database\"\n"
                   "  hint: Name the database to look in.\n"
                   "6:5: \"query\" needs a \"database\"\n"
                   "  hint: Name the database to look in.\n"
                   "7:5: the entry does not say what to discover\n"
                   "  hint: Give it databases:, schemas:, query:, file: or command:.\n"
                   "8:15: \"command\" and \"file\" cannot both be given\n"
                   "9:15: \"command\" names no program\n"
                   "10:5: the entry does not say what to discover\n"
                   "  hint: Give it databases:, schemas:, query:, file: or command:.\n"
                   "10:6: unknown key \"databse\" in an entry of discover\n"
                   "  hint: Did you mean \"database\"?\n"
                   "11:5: an entry of discover must be a map, not text\n"
                   "  hint: Write {server: ..., databases: \"store_*\"}.\n");
}

Test(fleet_discover, patterns_for_names)
{
    fixture_expect(DISCOVER("  - {server: s1, databases: a, name: \"{servr}-{database}\"}\n"
                            "  - {server: s1, databases: a, name: \"{database\"}\n"
                            "  - {server: s1, databases: a, name: \"a}\"}\n"
                            "  - {server: s1, databases: a, name: shop}\n"
                            "  - {server: s1, databases: a, name: \"{schema}\"}\n"),
                   "3:38: \"{servr}-{database}\" is no pattern for names\n"
                   "  hint: Between { and } stands name, server, database or schema.\n"
                   "4:38: \"{database\" is no pattern for names\n"
                   "  hint: Between { and } stands name, server, database or schema.\n"
                   "5:38: \"a}\" is no pattern for names\n"
                   "  hint: Between { and } stands name, server, database or schema.\n"
                   "6:38: \"name\" would give all tenants found one name\n"
                   "  hint: Put {database} or {schema} into it, such as "
                   "\"{server}-{database}\".\n"
                   "7:38: databases have no \"{schema}\"\n"
                   "  hint: Write {database}.\n");
}
