/*
 * test_fleet.c: what an inventory without errors comes to.
 */
#include "common/mem.h"
#include "common/strbuf.h"
#include "tests/unit/config/config_fixture.h"

#include <criterion/criterion.h>

#define TENANT(rest) ONE_SERVER "tenants:\n- {name: a, server: s1, database: d" rest "}\n"

/* A parameter of the first tenant's connection, "-" where it has none. */
static const char *parameter(const struct fleet *fleet, const char *name)
{
    const char *value = name_values_get(&fleet->tenants[0].connection, name);

    return value ? value : "-";
}

Test(fleet, defaults)
{
    struct fleet *fleet = fixture_fleet(TENANT(""));
    const struct tenant *tenant = &fleet->tenants[0];
    const struct settings *settings = tenant->settings;

    cr_expect_null(fleet->migrations);
    cr_expect_str_eq(fleet->seeds, "inv/seeds");
    cr_expect_str_eq(fleet->state, "inv/.pgtide");
    cr_expect_eq(fleet->run.workers, 8);
    cr_expect_eq(fleet->run.per_server, 4);
    cr_expect_eq(fleet->run.max_failures.value, 0);
    cr_expect_not(fleet->run.has_max_unreachable || fleet->run.has_max_locked ||
                  fleet->run.has_max_held || fleet->run.require_bundle);
    cr_expect_null(settings->history_schema);
    cr_expect_str_eq(settings->history_table, "pgtide_history");
    cr_expect_null(settings->role);
    cr_expect_eq(settings->lock_wait_ms, 10000);
    cr_expect_eq(settings->lock_timeout_ms, 5000);
    cr_expect_eq(settings->statement_timeout_ms, 0);
    cr_expect_eq(settings->tenant_deadline_ms, 0);
    cr_expect_not(settings->out_of_order_allow || settings->nonempty_allow);
    cr_expect_eq(settings->create, CREATE_NONE);
    cr_expect_eq(settings->retry.attempts, 3);
    cr_expect_eq(settings->retry.base_ms, 500);
    cr_expect_eq(settings->retry.cap_ms, 30000);
    cr_expect_eq(tenant->state, TENANT_ACTIVE);
    cr_expect_eq(tenant->pooler, POOLER_AUTO);
    cr_expect_null(tenant->schema);
    cr_expect_str_eq(tenant->history_schema, "public");
    cr_expect_eq(tenant->seed_count, 0);
    cr_expect_eq(tenant->direct_connection.count, 0);
    talloc_free(fleet);
}

Test(fleet, all_settings_are_read)
{
    struct fleet *fleet = fixture_fleet(
        TENANT("") "settings:\n  history: {table: t, schema: s}\n  role: r\n  lock_wait: 1s\n"
                   "  lock_timeout: 2s\n  statement_timeout: 3m\n  tenant_deadline: 4h\n"
                   "  out_of_order: allow\n  nonempty: allow\n  create: database\n"
                   "  retry: {attempts: 5, base: 6ms, cap: 7ms}\n");
    const struct settings *settings = fleet->tenants[0].settings;

    cr_expect_str_eq(settings->history_table, "t");
    cr_expect_str_eq(settings->history_schema, "s");
    cr_expect_str_eq(fleet->tenants[0].history_schema, "s");
    cr_expect_str_eq(settings->role, "r");
    cr_expect_eq(settings->lock_wait_ms, 1000);
    cr_expect_eq(settings->lock_timeout_ms, 2000);
    cr_expect_eq(settings->statement_timeout_ms, 180000);
    cr_expect_eq(settings->tenant_deadline_ms, 14400000);
    cr_expect(settings->out_of_order_allow);
    cr_expect(settings->nonempty_allow);
    cr_expect_eq(settings->create, CREATE_DATABASE);
    cr_expect_eq(settings->retry.attempts, 5);
    cr_expect_eq(settings->retry.base_ms, 6);
    cr_expect_eq(settings->retry.cap_ms, 7);
    talloc_free(fleet);
}

Test(fleet, run_is_read)
{
    struct fleet *fleet =
        fixture_fleet("tenants: []\nrun: {workers: \"16\", per_server: 2, max_failures: 5%,\n"
                      "  max_unreachable: \"10%\", max_locked: 3, max_held: 0,\n"
                      "  require_bundle: true}\nmigrations: shop.tar\n");

    cr_expect_eq(fleet->run.workers, 16);
    cr_expect_eq(fleet->run.per_server, 2);
    cr_expect_eq(fleet->run.max_failures.value, 5);
    cr_expect(fleet->run.max_failures.percent);
    cr_expect(fleet->run.has_max_unreachable && fleet->run.max_unreachable.percent);
    cr_expect(fleet->run.has_max_locked);
    cr_expect_eq(fleet->run.max_locked.value, 3);
    cr_expect(fleet->run.has_max_held);
    cr_expect(fleet->run.require_bundle);
    cr_expect_eq(fleet->migrations_line, 5);
    cr_expect_eq(fleet->migrations_column, 13);
    talloc_free(fleet);
}

Test(fleet, settings_of_tenant_over_server_over_fleet)
{
    struct fleet *fleet =
        fixture_fleet("settings: {lock_wait: 1s, lock_timeout: 1s, retry: {attempts: 9}}\n"
                      "servers: {s1: {settings: {lock_wait: 2s, role: r}}, s2: {host: x}}\n"
                      "tenants:\n"
                      "- {name: a, server: s1, database: a, settings: {lock_wait: 3s}}\n"
                      "- {name: b, server: s1, database: b}\n"
                      "- {name: c, server: s2, database: c}\n");
    const struct tenant *t = fleet->tenants;

    cr_expect_eq(t[0].settings->lock_wait_ms, 3000);
    cr_expect_str_eq(t[0].settings->role, "r");
    cr_expect_eq(t[0].settings->retry.attempts, 9);
    cr_expect_eq(t[1].settings->lock_wait_ms, 2000);
    cr_expect_eq(t[2].settings->lock_wait_ms, 1000);
    cr_expect_null(t[2].settings->role);
    talloc_free(fleet);
}

Test(fleet, tenants_without_settings_share_them)
{
    struct fleet *fleet = fixture_fleet(TENANT("") "- {name: b, server: s1, database: b}\n"
                                                   "- {name: c, dsn: 'dbname=c'}\n"
                                                   "settings: {lock_wait: 1s}\n");

    cr_expect_eq(fleet->tenants[0].settings, fleet->tenants[1].settings);
    cr_expect_eq(fleet->tenants[0].settings, fleet->tenants[2].settings);
    talloc_free(fleet);
}

Test(fleet, servers)
{
    struct fleet *fleet = fixture_fleet("servers:\n"
                                        "  eu1: {host: h1, port: 5433, per_server: 8}\n"
                                        "  eu2: {host: /run/pg}\n"
                                        "run: {per_server: 3}\n"
                                        "tenants: [{name: a, server: eu2, database: d}]\n");

    cr_assert_eq(fleet->server_count, 2);
    cr_expect_str_eq(fleet->servers[0].name, "eu1");
    cr_expect_str_eq(fleet->servers[0].port, "5433");
    cr_expect_eq(fleet->servers[0].per_server, 8);
    cr_expect_eq(fleet->servers[0].line, 2);
    cr_expect(fleet->servers[0].listed);
    cr_expect_eq(fleet->servers[1].per_server, 3);
    cr_expect_eq(fleet->servers[1].index, 1);
    cr_expect_str_eq(fleet->servers[1].host, "/run/pg");
    cr_expect_eq(fleet->tenants[0].server, &fleet->servers[1]);
    cr_expect_str_eq(parameter(fleet, "host"), "/run/pg");
    cr_expect_str_eq(parameter(fleet, "port"), "-");
    talloc_free(fleet);
}

Test(fleet, tenants)
{
    static const char text[] =
        ONE_SERVER "tenants:\n"
                   "- {name: a, server: s1, database: d, schema: x, state: suspended,\n"
                   "   seeds: [base, demo]}\n"
                   "- {name: b, server: s1, database: e, schema: public}\n";
    struct fleet *fleet = fixture_fleet(text);
    const struct tenant *t = fleet->tenants;

    cr_assert_eq(fleet->tenant_count, 2);
    cr_expect_str_eq(t[0].name, "a");
    cr_expect_str_eq(t[0].database, "d");
    cr_expect_str_eq(t[0].schema, "x");
    cr_expect_str_eq(t[0].history_schema, "x");
    cr_expect_eq(t[0].state, TENANT_SUSPENDED);
    cr_assert_eq(t[0].seed_count, 2);
    cr_expect_str_eq(t[0].seeds[1], "demo");
    cr_expect_eq(t[0].line, 3);
    cr_expect_eq(t[0].column, 3);
    cr_expect_null(t[1].schema, "public is none");
    cr_expect_str_eq(t[1].history_schema, "public");
    cr_expect_eq(t[1].index, 1);
    talloc_free(fleet);
}

Test(fleet, labels_and_vars_are_the_text_as_written)
{
    struct fleet *fleet =
        fixture_fleet(TENANT(", labels: {ring: 01, on: yes, e: \"\"}, vars: {v: 1.50, n: 'null'}"));
    const struct tenant *tenant = &fleet->tenants[0];

    cr_expect_str_eq(name_values_get(&tenant->labels, "ring"), "01");
    cr_expect_str_eq(name_values_get(&tenant->labels, "on"), "yes");
    cr_expect_str_eq(name_values_get(&tenant->labels, "e"), "");
    cr_expect_str_eq(name_values_get(&tenant->vars, "v"), "1.50");
    cr_expect_str_eq(name_values_get(&tenant->vars, "n"), "null");
    cr_expect_null(name_values_get(&tenant->labels, "none"));
    talloc_free(fleet);
}

Test(fleet, labels_of_the_server_are_the_tenants_too)
{
    struct fleet *fleet =
        fixture_fleet("servers: {s1: {labels: {region: us, tier: one}}}\ntenants:\n"
                      "- {name: a, server: s1, database: a, labels: {tier: two, ring: x}}\n"
                      "- {name: b, server: s1, database: b}\n");
    const struct tenant *t = fleet->tenants;

    cr_expect_eq(t[0].labels.count, 3);
    cr_expect_str_eq(name_values_get(&t[0].labels, "region"), "us");
    cr_expect_str_eq(name_values_get(&t[0].labels, "tier"), "two");
    cr_expect_str_eq(name_values_get(&t[0].labels, "ring"), "x");
    cr_expect_eq(t[1].labels.items, fleet->servers[0].labels.items);
    talloc_free(fleet);
}

Test(fleet, connection_of_tenant_over_server_over_fleet)
{
    struct fleet *fleet = fixture_fleet(
        "connection: {user: u, sslmode: require, options: -c x=1, pooler: session}\n"
        "servers: {s1: {host: h1, connection: {user: v, passfile: p}}}\n"
        "tenants: [{name: a, server: s1, database: d, connection: {sslmode: disable}}]\n");

    cr_expect_str_eq(parameter(fleet, "user"), "v");
    cr_expect_str_eq(parameter(fleet, "sslmode"), "disable");
    cr_expect_str_eq(parameter(fleet, "options"), "-c x=1");
    cr_expect_str_eq(parameter(fleet, "passfile"), "p");
    cr_expect_str_eq(parameter(fleet, "host"), "h1");
    cr_expect_str_eq(parameter(fleet, "dbname"), "d");
    cr_expect_eq(fleet->tenants[0].pooler, POOLER_SESSION);
    talloc_free(fleet);
}

Test(fleet, an_empty_parameter_is_as_none)
{
    struct fleet *fleet =
        fixture_fleet("connection: {user: u, password: \"${PGTIDE_TEST_NONE:-}\"}\n" TENANT(
            ", connection: {user: ''}"));

    cr_expect_str_eq(parameter(fleet, "password"), "-");
    cr_expect_str_eq(parameter(fleet, "user"), "-");
    talloc_free(fleet);
}

Test(fleet, a_dsn_is_taken_apart)
{
    struct fleet *fleet =
        fixture_fleet("connection: {user: u, sslmode: require}\n"
                      "tenants: [{name: a, dsn: 'postgresql://v:p%40ss@db9:6432/d?connect_timeout=3"
                      "&application_name=shop'}]\n");

    cr_expect_str_eq(parameter(fleet, "host"), "db9");
    cr_expect_str_eq(parameter(fleet, "port"), "6432");
    cr_expect_str_eq(parameter(fleet, "user"), "v");
    cr_expect_str_eq(parameter(fleet, "password"), "p@ss");
    cr_expect_str_eq(parameter(fleet, "sslmode"), "require");
    cr_expect_str_eq(parameter(fleet, "connect_timeout"), "3");
    cr_expect_str_eq(parameter(fleet, "application_name"), "-");
    cr_expect_str_eq(fleet->tenants[0].database, "d");
    cr_assert_eq(fleet->server_count, 1);
    cr_expect_str_eq(fleet->servers[0].name, "db9:6432");
    cr_expect_not(fleet->servers[0].listed);
    talloc_free(fleet);
}

Test(fleet, a_dsn_leads_to_the_listed_server_of_its_place)
{
    struct fleet *fleet = fixture_fleet(
        "servers: {s1: {host: h1, labels: {x: y}, settings: {role: r}, connection: {user: u}}}\n"
        "tenants:\n- {name: a, dsn: 'postgresql://H1:5432/d'}\n"
        "- {name: b, dsn: 'postgresql://h1:5433/d'}\n"
        "- {name: c, dsn: 'host=h1 port=5433 dbname=e'}\n");
    const struct tenant *t = fleet->tenants;

    cr_assert_eq(fleet->server_count, 2);
    cr_expect_eq(t[0].server, &fleet->servers[0]);
    cr_expect_str_eq(t[0].settings->role, "r");
    cr_expect_str_eq(parameter(fleet, "user"), "u");
    cr_expect_eq(t[0].labels.count, 1);
    cr_expect_eq(t[1].server, &fleet->servers[1]);
    cr_expect_eq(t[2].server, &fleet->servers[1]);
    cr_expect_null(name_values_get(&t[1].connection, "user"));
    talloc_free(fleet);
}

Test(fleet, a_dsn_with_a_host_is_not_led_elsewhere)
{
    struct fleet *fleet = fixture_fleet("connection: {hostaddr: 10.0.0.1, service: shops}\n"
                                        "tenants: [{name: a, dsn: 'postgresql://db9/d'}]\n");

    cr_expect_str_eq(parameter(fleet, "hostaddr"), "-");
    cr_expect_str_eq(parameter(fleet, "service"), "-");
    talloc_free(fleet);
}

Test(fleet, what_one_dsn_says_is_not_for_the_next)
{
    struct fleet *fleet = fixture_fleet("tenants:\n- {name: a, dsn: 'postgresql://u:p@db9/d'}\n"
                                        "- {name: b, dsn: 'postgresql://db9/e'}\n");

    cr_expect_null(name_values_get(&fleet->tenants[1].connection, "password"));
    cr_expect_null(name_values_get(&fleet->tenants[1].connection, "user"));
    talloc_free(fleet);
}

Test(fleet, a_service_may_be_the_place)
{
    struct fleet *fleet = fixture_fleet("tenants: [{name: a, dsn: 'service=shop9 dbname=d'}]\n");

    cr_expect_str_eq(fleet->servers[0].name, "service=shop9");
    cr_expect_str_eq(fleet->servers[0].port, "");
    cr_expect_str_eq(parameter(fleet, "service"), "shop9");
    cr_expect_str_eq(parameter(fleet, "port"), "-");
    talloc_free(fleet);
}

Test(fleet, a_direct_dsn_says_only_what_differs)
{
    struct fleet *fleet = fixture_fleet("tenants: [{name: a, dsn: 'postgresql://u:p@pool:6432/d',"
                                        " direct_dsn: 'postgresql://db9'}]\n");
    const struct name_values *direct = &fleet->tenants[0].direct_connection;

    cr_expect_str_eq(name_values_get(direct, "host"), "db9");
    cr_expect_null(name_values_get(direct, "port"));
    cr_expect_str_eq(name_values_get(direct, "user"), "u");
    cr_expect_str_eq(name_values_get(direct, "password"), "p");
    cr_expect_str_eq(name_values_get(direct, "dbname"), "d");
    cr_expect_eq(fleet->server_count, 1);
    talloc_free(fleet);
}

Test(fleet, variables)
{
    static const char text[] = ONE_SERVER "run:\n"
                                          "  workers: ${PGTIDE_TEST_N}\n"
                                          "tenants:\n"
                                          "- name: a\n"
                                          "  server: s1\n"
                                          "  database: d\n"
                                          "  vars:\n"
                                          "    a: x${PGTIDE_TEST_A}y\n"
                                          "    b: ${PGTIDE_TEST_EMPTY:-d}\n"
                                          "    c: ${PGTIDE_TEST_EMPTY}\n"
                                          "    d: $${X} $5 $\n"
                                          "    e: ${PGTIDE_TEST_NO:-}\n"
                                          "    f: '${PGTIDE_TEST_N}${PGTIDE_TEST_N}'\n"
                                          "    g: ${PGTIDE_TEST_N:-1}\n";
    struct fleet *fleet;

    setenv("PGTIDE_TEST_A", "one: [two]", 1);
    setenv("PGTIDE_TEST_EMPTY", "", 1);
    setenv("PGTIDE_TEST_N", "7", 1);
    fleet = fixture_fleet(text);
    cr_expect_str_eq(name_values_get(&fleet->tenants[0].vars, "a"), "xone: [two]y");
    cr_expect_str_eq(name_values_get(&fleet->tenants[0].vars, "b"), "d");
    cr_expect_str_eq(name_values_get(&fleet->tenants[0].vars, "c"), "");
    cr_expect_str_eq(name_values_get(&fleet->tenants[0].vars, "d"), "${X} $5 $");
    cr_expect_str_eq(name_values_get(&fleet->tenants[0].vars, "e"), "");
    cr_expect_str_eq(name_values_get(&fleet->tenants[0].vars, "f"), "77");
    cr_expect_str_eq(name_values_get(&fleet->tenants[0].vars, "g"), "7");
    cr_expect_eq(fleet->run.workers, 7);
    talloc_free(fleet);
}

Test(fleet, paths_start_at_the_file)
{
    static const struct {
        const char *file;
        const char *seeds;
    } cases[] = {
        {"fleet.yaml", "seeds"},   {"d/fleet.yaml", "d/seeds"},
        {"./fleet.yaml", "seeds"}, {"/etc/pgtide/fleet.yaml", "/etc/pgtide/seeds"},
        {"/fleet.yaml", "/seeds"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        static const char text[] = "migrations: /abs\ntenants: []\n";
        struct err_list errors = ERR_LIST_INIT;
        struct fleet *fleet;

        cr_assert_eq(fleet_parse(NULL, cases[i].file, text, strlen(text), false, &fleet, &errors),
                     0);
        cr_expect_str_eq(fleet->seeds, cases[i].seeds);
        cr_expect_str_eq(fleet->migrations, "/abs");
        talloc_free(fleet);
    }
}

Test(fleet, the_fingerprint_follows_names_and_places_only)
{
    struct fleet *fleet = fixture_fleet(TENANT(""));
    struct fleet *same = fixture_fleet("run: {workers: 2}\n" TENANT(", labels: {a: b}"));
    struct fleet *other = fixture_fleet(TENANT(", schema: x"));

    cr_expect_str_eq(fleet->fingerprint, same->fingerprint);
    cr_expect_str_neq(fleet->fingerprint, other->fingerprint);
    talloc_free(fleet);
    talloc_free(same);
    talloc_free(other);
}

Test(fleet, two_names_for_one_server_are_warned_about)
{
    struct fleet *fleet =
        fixture_fleet("servers:\n  s1: {host: h}\n  s2: {host: H, port: 5432}\ntenants: []\n");

    cr_assert_eq(fleet->warning_count, 1);
    cr_expect_str_eq(fleet->warnings[0],
                     "inv/fleet.yaml:3: servers \"s1\" and \"s2\" are the same host and port: "
                     "per_server holds for each of them");
    talloc_free(fleet);
}

/* --- the file --------------------------------------------------------------------------------- */

static size_t warnings_of(const char *folder, unsigned mode, const char *text)
{
    const char *path = fixture_file(folder, "fleet.yaml", mode, text);
    struct err_list errors = ERR_LIST_INIT;
    struct fleet *fleet;
    size_t count;

    cr_assert_eq(fleet_load(NULL, path, &fleet, &errors), 0);
    count = fleet->warning_count;
    talloc_free(fleet);
    return count;
}

Test(fleet, a_password_that_others_can_read_is_warned_about)
{
    static const struct {
        const char *text;
        unsigned mode;
        size_t warnings;
    } cases[] = {
        {"tenants: []\nconnection: {password: x}\n", 0644, 1},
        {"tenants: []\nconnection: {password: x}\n", 0640, 1},
        {"tenants: []\nconnection: {password: x}\n", 0600, 0},
        {"tenants: []\nconnection: {sslpassword: x}\n", 0644, 1},
        {"tenants: []\nconnection: {user: x}\n", 0644, 0},
        {"tenants: []\nconnection:\n  password: ${PGTIDE_TEST_PW}\n", 0644, 0},
        {"tenants: []\nconnection:\n  password: ${PGTIDE_TEST_NO:-secret}\n", 0644, 1},
        {"tenants: [{name: a, dsn: 'postgresql://u:p@h/d'}]\n", 0644, 1},
        {"tenants: [{name: a, dsn: 'postgresql://u@h/d'}]\n", 0644, 0},
        {"tenants: [{name: a, dsn: 'postgresql://u:${PGTIDE_TEST_PW}@h/d'}]\n", 0644, 0},
    };
    const char *folder = fixture_folder();

    setenv("PGTIDE_TEST_PW", "Tr0ub4", 1);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        cr_expect_eq(warnings_of(folder, cases[i].mode, cases[i].text), cases[i].warnings, "%o %s",
                     cases[i].mode, cases[i].text);
}

Test(fleet, a_password_file_is_beside_the_file)
{
    const char *folder = fixture_folder();
    const char *path =
        fixture_file(folder, "fleet.yaml", 0644, "connection: {password_file: pw}\n" TENANT(""));
    struct err_list errors = ERR_LIST_INIT;
    struct fleet *fleet;

    fixture_file(folder, "pw", 0600, "Tr0ub4\nsecond line\n");
    cr_assert_eq(fleet_load(NULL, path, &fleet, &errors), 0);
    cr_expect_str_eq(parameter(fleet, "password"), "Tr0ub4");
    cr_expect_eq(fleet->warning_count, 0);
    talloc_free(fleet);

    fixture_file(folder, "pw", 0644, "Tr0ub4\n");
    cr_assert_eq(fleet_load(NULL, path, &fleet, &errors), 0);
    cr_assert_eq(fleet->warning_count, 1);
    cr_expect_null(strstr(fleet->warnings[0], "Tr0ub4"));
    talloc_free(fleet);
}

Test(fleet, a_missing_file_is_no_input)
{
    struct err_list errors = ERR_LIST_INIT;
    struct fleet *fleet;

    cr_assert_eq(fleet_load(NULL, "/nonexistent/fleet.yaml", &fleet, &errors), -1);
    cr_assert_eq(errors.count, 1);
    cr_expect_eq(errors.items[0].kind, ERR_NOINPUT);
    cr_expect_str_eq(errors.items[0].message,
                     "cannot read \"/nonexistent/fleet.yaml\": No such file or directory");
    err_list_clear(&errors);
}

Test(fleet, a_folder_is_no_inventory)
{
    struct err_list errors = ERR_LIST_INIT;
    struct fleet *fleet;

    cr_assert_eq(fleet_load(NULL, "/tmp", &fleet, &errors), -1);
    cr_assert_eq(errors.count, 1);
    cr_expect_eq(errors.items[0].kind, ERR_CONFIG);
    err_list_clear(&errors);
}

Test(fleet, it_belongs_to_its_parent)
{
    void *mem = mem_context(NULL);
    struct err_list errors = ERR_LIST_INIT;
    struct fleet *fleet;

    cr_assert_eq(fleet_parse(mem, "f", "tenants: []", 11, false, &fleet, &errors), 0);
    cr_expect_eq(talloc_parent(fleet), mem);
    talloc_free(mem);
}

/* --- the password command --------------------------------------------------------------------- */

Test(fleet, the_password_command_serves_those_without_a_password)
{
    struct fleet *fleet =
        fixture_fleet("connection: {password_command: [printf, 'Tr0ub4\\n']}\n" ONE_SERVER
                      "tenants:\n- {name: a, server: s1, database: d, direct_dsn: 'port=7'}\n"
                      "- {name: b, server: s1, database: e, connection: {password: own}}\n");
    struct err err = ERR_INIT;

    cr_expect_str_eq(parameter(fleet, "password"), "-");
    cr_assert_eq(fleet_fetch_password(fleet, -1, &err), 0);
    cr_expect_str_eq(parameter(fleet, "password"), "Tr0ub4");
    cr_expect_str_eq(parameter(fleet, "dbname"), "d");
    cr_expect_str_eq(name_values_get(&fleet->tenants[0].direct_connection, "password"), "Tr0ub4");
    cr_expect_str_eq(name_values_get(&fleet->tenants[1].connection, "password"), "own");
    cr_expect_eq(fleet->tenants[1].direct_connection.count, 0);
    talloc_free(fleet);
}

Test(fleet, without_a_password_command_nothing_is_run)
{
    struct fleet *fleet = fixture_fleet(TENANT(""));
    struct err err = ERR_INIT;

    cr_expect_eq(fleet_fetch_password(fleet, -1, &err), 0);
    cr_expect_eq(err.kind, ERR_NONE);
    talloc_free(fleet);
}

/* --- many ------------------------------------------------------------------------------------- */

Test(fleet, a_hundred_thousand_tenants)
{
    enum { MANY = 100000 };
    struct strbuf text;
    struct fleet *fleet;

    strbuf_init(&text, NULL);
    strbuf_str(&text, "connection: {user: m}\n" ONE_SERVER "tenants:\n");
    for (int i = 0; i < MANY; i++)
        strbuf_printf(&text,
                      "- {name: store-%06d, server: s1, database: store_%06d, "
                      "labels: {ring: canary}, vars: {currency: EUR}, seeds: [base]}\n",
                      i, i);
    fleet = fixture_fleet(text.text); /* about half a second */
    cr_assert_eq(fleet->tenant_count, MANY);
    cr_expect_str_eq(fleet->tenants[MANY - 1].database, "store_099999");
    cr_expect_lt(talloc_total_size(fleet), 64 * 1024 * 1024);
    talloc_free(fleet);
    strbuf_release(&text);
}
