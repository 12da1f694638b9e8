/*
 * test_fleet_found.c: from what a discovery found to tenants.
 */
#include "common/mem.h"
#include "config/fleet_found.h"
#include "tests/unit/config/config_fixture.h"

#include <criterion/criterion.h>

#define SERVERS                                                                                    \
    "connection: {user: u, password: Tr0ub4}\n"                                                    \
    "settings: {history: {table: h}}\n"                                                            \
    "servers:\n"                                                                                   \
    "  s1: {host: h1, labels: {region: eu, ring: early}, settings: {history: {schema: x}}}\n"      \
    "  s2: {host: h2, connection: {sslmode: require}}\n"

static const char *errors_text(const struct err_list *errors)
{
    const char *text = "";

    for (size_t i = 0; i < errors->count; i++) {
        const struct err *err = &errors->items[i];

        cr_expect_eq(err->kind, ERR_DATA);
        text = mem_printf(NULL, "%s%d: %s%s%s\n", text, err->line, err->message,
                          err->hint ? " / " : "", err->hint ? err->hint : "");
    }
    return text;
}

static void add(struct fleet_found *found, const struct fleet *fleet, size_t entry,
                struct found_tenant tenant)
{
    struct err err = ERR_INIT;

    cr_assert_eq(fleet_found_add(found, &fleet->discoveries[entry], &tenant, &err), 0, "%s",
                 err.message);
}

static void finish(struct fleet_found *found)
{
    struct err_list errors = ERR_LIST_INIT;

    cr_assert_eq(fleet_found_finish(found, &errors), 0, "%s", errors_text(&errors));
}

static const char *refused(struct fleet *fleet, struct found_tenant tenant)
{
    struct err err = ERR_INIT;
    struct fleet_found *found = fleet_found_start(NULL, fleet);

    cr_assert_eq(fleet_found_add(found, &fleet->discoveries[0], &tenant, &err), -1);
    cr_expect_eq(err.kind, ERR_DATA);
    return mem_printf(NULL, "%s%s%s", err.message, err.hint ? " / " : "", err.hint ? err.hint : "");
}

Test(fleet_found, a_tenant_gets_all_of_its_servers)
{
    struct fleet *fleet =
        fixture_fleet(SERVERS "discover:\n"
                              "- {server: s1, databases: a, labels: {ring: late, plan: pro},\n"
                              "   vars: {currency: EUR, tax: '19'}, seeds: [base]}\n");
    struct fleet_found *found = fleet_found_start(fleet, fleet);
    const struct name_value labels[] = {{"plan", "basic"}};
    const struct name_value vars[] = {{"tax", "7"}};
    const struct tenant *tenant;

    add(found, fleet, 0,
        (struct found_tenant){
            .database = "shop_1", .state = "suspended", .labels = {labels, 1}, .vars = {vars, 1}});
    add(found, fleet, 0, (struct found_tenant){.database = "shops", .schema = "shop_2"});
    finish(found);
    cr_assert_eq(fleet->tenant_count, 2);
    tenant = &fleet->tenants[0];
    cr_expect_str_eq(tenant->name, "shop_1");
    cr_expect_eq(tenant->index, 0);
    cr_expect_eq(tenant->server, &fleet->servers[0]);
    cr_expect_null(tenant->schema);
    cr_expect_str_eq(tenant->history_schema, "x");
    cr_expect_eq(tenant->state, TENANT_SUSPENDED);
    cr_expect_eq(tenant->settings, fleet->servers[0].settings);
    cr_expect_str_eq(tenant->settings->history_table, "h");
    cr_expect_str_eq(name_values_get(&tenant->labels, "region"), "eu");
    cr_expect_str_eq(name_values_get(&tenant->labels, "ring"), "late");
    cr_expect_str_eq(name_values_get(&tenant->labels, "plan"), "basic");
    cr_expect_str_eq(name_values_get(&tenant->vars, "currency"), "EUR");
    cr_expect_str_eq(name_values_get(&tenant->vars, "tax"), "7");
    cr_expect_str_eq(tenant->seeds[0], "base");
    cr_expect_eq(tenant->seed_count, 1);
    cr_expect_eq(tenant->discovery, &fleet->discoveries[0]);
    cr_expect_eq(tenant->line, fleet->discoveries[0].line);
    cr_expect_str_eq(name_values_get(&tenant->connection, "dbname"), "shop_1");
    cr_expect_str_eq(name_values_get(&tenant->connection, "host"), "h1");
    cr_expect_str_eq(name_values_get(&tenant->connection, "password"), "Tr0ub4");
    tenant = &fleet->tenants[1];
    cr_expect_str_eq(tenant->name, "shop_2");
    cr_expect_str_eq(tenant->history_schema, "shop_2");
    cr_expect_eq(tenant->index, 1);
}

Test(fleet_found, names_by_a_pattern)
{
    struct fleet *fleet = fixture_fleet(
        SERVERS "discover:\n"
                "- {server: s1, databases: a, name: \"{server}-{database}\"}\n"
                "- {server: s2, database: d, schemas: a, name: \"x.{schema}.{name}.y\"}\n");
    struct fleet_found *found = fleet_found_start(fleet, fleet);

    add(found, fleet, 0, (struct found_tenant){.database = "a", .name = "ignored"});
    add(found, fleet, 1, (struct found_tenant){.schema = "public", .name = "n"});
    finish(found);
    cr_expect_str_eq(fleet->tenants[0].name, "s1-a");
    cr_expect_str_eq(fleet->tenants[1].name, "x.public.n.y");
    cr_expect_null(fleet->tenants[1].schema);
    cr_expect_str_eq(fleet->tenants[1].database, "d");
    cr_expect_eq(strcmp(refused(fixture_fleet(SERVERS "discover:\n"
                                                      "- {file: f, server: s1,\n"
                                                      "   name: \"{schema}\"}\n"),
                                (struct found_tenant){.database = "a"}),
                        "it has nothing for the \"{schema}\" of its name"),
                 0);
}

Test(fleet_found, the_order_is_that_of_the_entries_and_of_names)
{
    struct fleet *fleet = fixture_fleet(SERVERS "tenants: [{name: z, server: s1, database: z}]\n"
                                                "discover:\n"
                                                "- {server: s2, databases: a}\n"
                                                "- {server: s1, databases: a}\n");
    struct fleet_found *found = fleet_found_start(fleet, fleet);
    static const char *const expected[] = {"z", "B", "a", "b", "A"};
    char *before = mem_strdup(NULL, fleet->fingerprint);

    add(found, fleet, 1, (struct found_tenant){.database = "A"});
    add(found, fleet, 0, (struct found_tenant){.database = "b"});
    add(found, fleet, 0, (struct found_tenant){.database = "B"});
    add(found, fleet, 0, (struct found_tenant){.database = "a"});
    finish(found);
    cr_assert_eq(fleet->tenant_count, ARRAY_LEN(expected));
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        cr_expect_str_eq(fleet->tenants[i].name, expected[i]);
    cr_expect_str_neq(fleet->fingerprint, before);
}

Test(fleet_found, one_place_is_one_tenant)
{
    struct fleet *fleet =
        fixture_fleet(SERVERS "tenants:\n"
                              "- {name: own, server: s1, database: d1, labels: {a: b}}\n"
                              "- {name: by-dsn, dsn: 'postgresql://h2/d2'}\n"
                              "discover:\n"
                              "- {server: s1, databases: a}\n"
                              "- {server: s2, databases: a, name: \"{server}-{database}\"}\n");
    struct fleet_found *found = fleet_found_start(fleet, fleet);

    add(found, fleet, 0, (struct found_tenant){.database = "d1"});
    add(found, fleet, 1, (struct found_tenant){.database = "d2"});
    add(found, fleet, 0, (struct found_tenant){.database = "d3"});
    add(found, fleet, 0, (struct found_tenant){.database = "d3", .schema = "public"});
    add(found, fleet, 1, (struct found_tenant){.server = "s1", .database = "d3"});
    finish(found);
    cr_assert_eq(fleet->tenant_count, 3);
    cr_expect_str_eq(fleet->tenants[0].name, "own");
    cr_expect_str_eq(fleet->tenants[1].name, "by-dsn");
    cr_expect_str_eq(fleet->tenants[2].name, "d3");
}

Test(fleet_found, one_name_is_one_place)
{
    struct fleet *fleet = fixture_fleet(SERVERS "tenants:\n"
                                                "- {name: d1, server: s1, database: other}\n"
                                                "discover:\n"
                                                "- {server: s1, databases: a}\n"
                                                "- {server: s2, databases: a}\n");
    struct fleet_found *found = fleet_found_start(fleet, fleet);
    struct err_list errors = ERR_LIST_INIT;

    add(found, fleet, 0, (struct found_tenant){.database = "d1"});
    add(found, fleet, 0, (struct found_tenant){.database = "d2"});
    add(found, fleet, 1, (struct found_tenant){.database = "d2", .schema = "s", .name = "d2"});
    add(found, fleet, 1, (struct found_tenant){.server = "s1", .database = "d2", .schema = "x"});
    cr_assert_eq(fleet_found_finish(found, &errors), -1);
    cr_expect_str_eq(
        errors_text(&errors),
        "9: two tenants are named \"d1\": \"other\" on server \"s1\" (listed in line 7) and \"d1\" "
        "on server \"s1\" (found by line 9) / Give the entry of discover: a pattern for names, "
        "such "
        "as name: \"{server}-{name}\".\n"
        "10: two tenants are named \"d2\": \"d2\" on server \"s1\" (found by line 9) and \"d2.s\" "
        "on "
        "server \"s2\" (found by line 10) / Give the entry of discover: a pattern for names, such "
        "as name: \"{server}-{name}\".\n"
        "10: tenants \"d2\" and \"x\" would share the history table \"x.h\" of database \"d2\"\n");
}

/* A row was copied, and half of it changed: one of two shops would be left out. */
Test(fleet_found, one_entry_says_one_thing_of_a_place)
{
    struct fleet *fleet = fixture_fleet(SERVERS "discover: [{server: s1, file: f}]\n");
    struct fleet_found *found = fleet_found_start(fleet, fleet);
    struct err_list errors = ERR_LIST_INIT;

    add(found, fleet, 0, (struct found_tenant){.name = "shop-1", .database = "d1"});
    add(found, fleet, 0, (struct found_tenant){.name = "shop-2", .database = "d1"});
    cr_assert_eq(fleet_found_finish(found, &errors), -1);
    cr_expect_str_eq(errors_text(&errors),
                     "6: tenants \"shop-1\" and \"shop-2\" are the same: \"d1\" on server "
                     "\"s1\" (found by line 6) / Correct the database or schema of one of "
                     "them, or take it out.\n");
}

/* The pattern that is advised must be one that helps. */
Test(fleet_found, a_pattern_is_advised_that_tells_apart)
{
    struct fleet *fleet = fixture_fleet(SERVERS "discover: [{server: s1, file: f}]\n");
    struct fleet_found *found = fleet_found_start(fleet, fleet);
    struct err_list errors = ERR_LIST_INIT;
    const char *text;

    add(found, fleet, 0, (struct found_tenant){.name = "a", .database = "d1"});
    add(found, fleet, 0, (struct found_tenant){.name = "a", .database = "d2"});
    add(found, fleet, 0, (struct found_tenant){.name = "b", .database = "d", .schema = "s1"});
    add(found, fleet, 0, (struct found_tenant){.name = "b", .database = "d", .schema = "s2"});
    cr_assert_eq(fleet_found_finish(found, &errors), -1);
    text = errors_text(&errors);
    cr_expect(strstr(text, "named \"a\"") && strstr(text, "name: \"{name}-{database}\"."), "%s",
              text);
    cr_expect(strstr(text, "named \"b\"") && strstr(text, "name: \"{name}-{schema}\"."), "%s",
              text);
}

Test(fleet_found, a_join_that_was_forgotten)
{
    struct fleet *fleet = fixture_fleet(SERVERS "discover: [{server: s1, file: f}]\n");
    struct fleet_found *found = fleet_found_start(NULL, fleet);
    struct err err = ERR_INIT;

    for (int i = 0; i < 500000; i++)
        add(found, fleet, 0, (struct found_tenant){.database = "d"});
    cr_assert_eq(fleet_found_add(found, &fleet->discoveries[0],
                                 &(struct found_tenant){.database = "d"}, &err),
                 -1);
    cr_expect_str_eq(err.message, "there are more than 500000 tenants");
    cr_expect_eq(err.kind, ERR_DATA);
}

Test(fleet_found, what_cannot_be_a_tenant)
{
    static const char sixty_four[] =
        "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1234";
    struct fleet *fleet = fixture_fleet(SERVERS "discover: [{file: f}]\n");
    const struct name_value label[] = {{"a=b", "1"}};
    const struct name_value var[] = {{"run", "1"}};

    cr_expect_str_eq(refused(fleet, (struct found_tenant){.database = "d"}),
                     "no \"server\" is given / Give the entry of discover: a server, for all that "
                     "name none.");
    cr_expect_str_eq(refused(fleet, (struct found_tenant){.server = "s3", .database = "d"}),
                     "there is no server \"s3\" in \"inv/fleet.yaml\" / Did you mean \"s1\"?");
    cr_expect_str_eq(refused(fleet, (struct found_tenant){.server = "s1", .database = ""}),
                     "no \"database\" is given, and no \"schema\"");
    cr_expect_str_eq(refused(fleet, (struct found_tenant){.server = "s1", .schema = "s"}),
                     "no \"database\" is given");
    cr_expect_str_eq(refused(fleet, (struct found_tenant){.server = "s1", .database = "a\nb"}),
                     "\"database\" has a control character");
    cr_expect_str_eq(refused(fleet, (struct found_tenant){.server = "s1", .database = sixty_four}),
                     "\"database\" is longer than PostgreSQL's limit of 63 bytes");
    cr_expect_str_eq(
        refused(fleet, (struct found_tenant){.server = "s1", .database = "d", .state = "off"}),
        "\"state\" must be active or suspended, not \"off\"");
    cr_expect_str_eq(
        refused(fleet,
                (struct found_tenant){.server = "s1", .database = "d", .labels = {label, 1}}),
        "\"a=b\" is not a name for a label");
    cr_expect_str_eq(
        refused(fleet, (struct found_tenant){.server = "s1", .database = "d", .vars = {var, 1}}),
        "\"run\" is not a name for a variable");
}

/* The warning waits until all tenants are known. */
Test(fleet_found, waves_whose_label_nobody_has)
{
    static const char waves[] = "run: {waves: [{name: a, match: {ring: [canary, c2]}}, {name: b, "
                                "match: {region: e*}}, {name: c}]}\n";
    struct fleet *fleet = fixture_fleet(
        mem_printf(NULL, "%sdiscover: [{server: s1, databases: a}]\n%s", SERVERS, waves));
    struct fleet_found *found = fleet_found_start(fleet, fleet);

    cr_expect_eq(fleet->warning_count, 0);
    add(found, fleet, 0, (struct found_tenant){.database = "d"});
    finish(found);
    cr_assert_eq(fleet->warning_count, 1);
    cr_expect_str_eq(fleet->warnings[0], "inv/fleet.yaml:7: no tenant has what wave \"a\" matches: "
                                         "ring = canary or c2");
    fleet = fixture_fleet(
        mem_printf(NULL, "%stenants: [{name: t, server: s2, database: d}]\n%s", SERVERS, waves));
    cr_expect_eq(fleet->warning_count, 2);
}

Test(fleet_found, a_label_that_is_no_glob_fits_itself)
{
    struct fleet *fleet = fixture_fleet(
        SERVERS "tenants: [{name: t, server: s1, database: d, labels: {ring: 'a[b]'}}]\n"
                "run: {waves: [{name: a, match: {ring: 'a[b]'}}, {name: rest}]}\n");

    cr_expect_eq(fleet->warning_count, 0);
}
