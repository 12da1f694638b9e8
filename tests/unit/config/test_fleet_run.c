/*
 * test_fleet_run.c: run: with its waves, windows and times, and what servers: says of them.
 */
#include "common/mem.h"
#include "tests/unit/config/config_fixture.h"

#include <criterion/criterion.h>

#define RUN(text) "tenants: []\nrun:\n" text
#define WAVES(text) "tenants: []\nrun:\n  waves:\n" text

Test(fleet_run, defaults)
{
    const struct run_config *run = &fixture_fleet("tenants: []\n")->run;

    cr_expect_eq(run->workers, 8);
    cr_expect_eq(run->per_server, 4);
    cr_expect_eq(run->max_duration_ms, 0);
    cr_expect_eq(run->window.days, 0);
    cr_expect_not(run->ramp_up);
    cr_expect_eq(run->wave_count, 0);
}

Test(fleet_run, times_and_ramp_up)
{
    const struct run_config *run =
        &fixture_fleet(RUN("  max_duration: 4h\n"
                           "  ramp_up: true\n"
                           "  window: {from: 22:30, to: \"05:00\", timezone: UTC,\n"
                           "           days: [mon, sun]}\n"))
             ->run;

    cr_expect_eq(run->max_duration_ms, 4 * 3600 * 1000);
    cr_expect(run->ramp_up);
    cr_expect_eq(run->window.from_minute, 22 * 60 + 30);
    cr_expect_eq(run->window.to_minute, 5 * 60);
    cr_expect_str_eq(run->window.timezone, "UTC");
    cr_expect_eq(run->window.days, 1 | 2);
    cr_expect_eq(run->window.line, 5);
    cr_expect_eq(run->window.column, 11);
}

Test(fleet_run, a_window_without_days_or_time_zone_opens_every_day_by_local_time)
{
    const struct run_window *window =
        &fixture_fleet(RUN("  window: {from: \"00:00\", to: \"23:59\"}\n"))->run.window;

    cr_expect_eq(window->days, 127);
    cr_expect_null(window->timezone);
    cr_expect_eq(window->from_minute, 0);
    cr_expect_eq(window->to_minute, 23 * 60 + 59);
}

Test(fleet_run, mistakes_in_a_window)
{
    fixture_expect(RUN("  window: {from: \"24:00\", to: \"1:0\"}\n"),
                   "3:18: \"from\" must be a time from 00:00 to 23:59, not \"24:00\"\n"
                   "  hint: Write 00:00 for midnight.\n"
                   "3:31: \"to\" must be a time from 00:00 to 23:59, not \"1:0\"\n"
                   "  hint: Write it with two digits each: 01:00.\n");
    fixture_expect(RUN("  window: {from: noon, to: \"12:60\"}\n"),
                   "3:18: \"from\" must be a time from 00:00 to 23:59, not \"noon\"\n"
                   "3:28: \"to\" must be a time from 00:00 to 23:59, not \"12:60\"\n");
    fixture_expect(RUN("  window: {form: \"01:00\", to: \"-1:00\"}\n"),
                   "3:11: the window has no \"from\"\n"
                   "  hint: Write {from: \"01:00\", to: \"05:00\"}.\n"
                   "3:12: unknown key \"form\" in window\n"
                   "3:31: \"to\" must be a time from 00:00 to 23:59, not \"-1:00\"\n");
    fixture_expect(RUN("  window: {from: \"01:00\", to: \"02:00\", days: [Monday, frii, 1]}\n"),
                   "3:47: a day must be mon, tue, wed, thu, fri, sat or sun, not \"Monday\"\n"
                   "  hint: Did you mean \"mon\"?\n"
                   "3:55: a day must be mon, tue, wed, thu, fri, sat or sun, not \"frii\"\n"
                   "  hint: Did you mean \"fri\"?\n"
                   "3:61: a day must be mon, tue, wed, thu, fri, sat or sun, not \"1\"\n");
    fixture_expect(RUN("  window: {from: \"01:00\", to: \"02:00\", days: []}\n"),
                   "3:46: \"days\" names no day\n"
                   "  hint: Leave it out for a window on every day.\n");
}

/* A database of time zones of our own, so that the machine's does not matter. */
static void make_zones(void)
{
    const char *folder = fixture_folder();

    fixture_file(folder, "UTC", 0644, "TZif2");
    fixture_file(folder, "Nowhere", 0644, "TZif2");
    fixture_file(folder, "Table", 0644, "# text");
    fixture_file(folder, "zone.tab", 0644, "# text");
    setenv("TZDIR", folder, 1);
}

#define ZONE(name) RUN("  window: {from: \"01:00\", to: \"02:00\", timezone: " name "}\n")

Test(fleet_run, time_zones_are_those_of_the_machine)
{
    make_zones();
    cr_expect_str_eq(fixture_fleet(ZONE("Nowhere"))->run.window.timezone, "Nowhere");
    fixture_expect(ZONE("Nowehere"), "3:50: unknown time zone \"Nowehere\"\n"
                                     "  hint: Did you mean \"Nowhere\"?\n");
    fixture_expect(ZONE("utc"), "3:50: unknown time zone \"utc\"\n"
                                "  hint: Did you mean \"UTC\"?\n");
    fixture_expect(ZONE("Table"), "3:50: unknown time zone \"Table\"\n"
                                  "  hint: Write a name such as Europe/Berlin or UTC.\n");
    fixture_expect(ZONE("../UTC"), "3:50: unknown time zone \"../UTC\"\n"
                                   "  hint: Write a name such as Europe/Berlin or UTC.\n");
    fixture_expect(ZONE("/etc/localtime"), "3:50: unknown time zone \"/etc/localtime\"\n"
                                           "  hint: Write a name such as Europe/Berlin or UTC.\n");
    setenv("TZDIR", "/nonexistent", 1);
    fixture_expect(ZONE("UTC"), "3:50: cannot read the time zone database \"/nonexistent\": No "
                                "such file or directory\n"
                                "  hint: Install it; most systems call the package tzdata.\n");
}

#define LOCAL RUN("  window: {from: \"01:00\", to: \"02:00\"}\n")

Test(fleet_run, local_time_is_checked_too)
{
    static const char *const good[] = {
        "", "UTC", "Nowhere", ":Nowhere", "<+03>-3", "CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT"};

    make_zones();
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        setenv("TZ", good[i], 1);
        talloc_free(fixture_fleet(LOCAL));
    }
    setenv("TZ", fixture_file(fixture_folder(), "Mars", 0644, "TZif2"), 1);
    talloc_free(fixture_fleet(LOCAL));
    setenv("TZ", "Nowehere", 1);
    fixture_expect(LOCAL, "3:11: unknown time zone \"Nowehere\" in the environment variable TZ\n"
                          "  hint: Did you mean \"Nowhere\"?\n");
    setenv("TZ", ":/nonexistent\x1b", 1);
    fixture_expect(LOCAL, "3:11: unknown time zone \":/nonexistent\\x1B\" in the environment "
                          "variable TZ\n"
                          "  hint: Write a name such as Europe/Berlin or UTC.\n");
    cr_expect_str_eq(fixture_fleet(ZONE("UTC"))->run.window.timezone, "UTC", "TZ is not used");
    talloc_free(fixture_fleet(RUN("  max_duration: 4h\n")));
}

Test(fleet_run, a_wave_with_everything)
{
    const struct fleet *fleet =
        fixture_fleet(WAVES("    - name: canary\n"
                            "      match: {ring: canary, region: [eu, \"us-*\"]}\n"
                            "      size: 10%\n"
                            "      order_by: {label: risk}\n"
                            "      workers: 2\n"
                            "      per_server: 1\n"
                            "      ramp_up: true\n"
                            "      max_failures: 0\n"
                            "      max_unreachable: 5%\n"
                            "      soak: 5m\n"
                            "      gate: {command: [./check, shops], timeout: 1m}\n"
                            "      confirm: true\n"));
    const struct wave *wave = fleet->run.waves;

    cr_assert_eq(fleet->run.wave_count, 1);
    cr_expect_str_eq(wave->name, "canary");
    cr_assert_eq(wave->match_count, 2);
    cr_expect_str_eq(wave->matches[0].label, "ring");
    cr_expect_eq(wave->matches[0].count, 1);
    cr_expect_str_eq(wave->matches[1].globs[1], "us-*");
    cr_expect_eq(wave->matches[1].count, 2);
    cr_expect(wave->has_size && wave->size.percent && wave->size.value == 10);
    cr_expect_eq(wave->order, WAVE_ORDER_LABEL);
    cr_expect_str_eq(wave->order_label, "risk");
    cr_expect_eq(wave->workers, 2);
    cr_expect_eq(wave->per_server, 1);
    cr_expect(wave->ramp_up);
    cr_expect(wave->has_max_failures && wave->max_failures.value == 0);
    cr_expect(wave->has_max_unreachable && wave->max_unreachable.percent);
    cr_expect_eq(wave->soak_ms, 5 * 60 * 1000);
    cr_expect_str_eq(wave->gate.command[1], "shops");
    cr_expect_eq(wave->gate.timeout_ms, 60000);
    cr_expect(wave->confirm);
    cr_expect_eq(wave->depends_on_count, 0);
    cr_expect_eq(wave->line, 4);
    cr_expect_eq(wave->column, 7);
}

Test(fleet_run, a_wave_has_the_runs_defaults)
{
    const struct fleet *fleet =
        fixture_fleet("tenants: []\nrun: {waves: [{name: a, size: 1}, {name: b, ramp_up: false}],"
                      " ramp_up: true}\n");
    const struct wave *waves = fleet->run.waves;

    cr_expect(waves[0].ramp_up);
    cr_expect_not(waves[1].ramp_up);
    cr_expect_eq(waves[0].order, WAVE_ORDER_INVENTORY);
    cr_expect_not(waves[0].has_max_failures || waves[0].has_max_unreachable);
    cr_expect_not(waves[1].has_size);
    cr_expect_eq(waves[0].workers, 0);
    cr_expect_null(waves[0].gate.command);
    cr_expect_null(waves[0].gate.sql);
}

Test(fleet_run, orders)
{
    const struct wave *waves =
        fixture_fleet(WAVES("    - {name: a, size: 1, order_by: name}\n"
                            "    - {name: b, size: 1, order_by: last_duration}\n"
                            "    - {name: c, size: 1, order_by: random}\n"
                            "    - {name: d, order_by: {random: 9223372036854775807}}\n"))
            ->run.waves;

    cr_expect_eq(waves[0].order, WAVE_ORDER_NAME);
    cr_expect_eq(waves[1].order, WAVE_ORDER_LAST_DURATION);
    cr_expect_eq(waves[2].order, WAVE_ORDER_RANDOM);
    cr_expect_eq(waves[2].order_seed, 0);
    cr_expect_eq(waves[3].order, WAVE_ORDER_RANDOM);
    cr_expect_eq(waves[3].order_seed, INT64_MAX);
}

Test(fleet_run, waves_wait_for_the_one_before_or_those_named)
{
    const struct wave *waves =
        fixture_fleet(WAVES("    - {name: a, match: {x: y}, depends_on: [d]}\n"
                            "    - {name: b, size: 1}\n"
                            "    - {name: c, size: 1, depends_on: [a, b]}\n"
                            "    - {name: d, depends_on: []}\n"))
            ->run.waves;

    cr_expect_eq(waves[0].depends_on_count, 1);
    cr_expect_eq(waves[0].depends_on[0], 3);
    cr_expect_eq(waves[1].depends_on_count, 1);
    cr_expect_eq(waves[1].depends_on[0], 0);
    cr_expect_eq(waves[2].depends_on_count, 2);
    cr_expect_eq(waves[2].depends_on[1], 1);
    cr_expect_eq(waves[3].depends_on_count, 0);
}

Test(fleet_run, mistakes_in_one_wave)
{
    fixture_expect(WAVES("    - {size: 0}\n"
                         "    - {name: a, match: {r=x: 1, s: []}, size: 0%}\n"
                         "    - canary\n"
                         "    - {name: b, matches: {}, size: much}\n"),
                   "4:7: the wave has no \"name\"\n"
                   "  hint: Give every wave a name of its own.\n"
                   "4:14: a wave of size 0 never gets a tenant\n"
                   "  hint: Give it a size such as 10 or 5%, or take the wave out.\n"
                   "5:25: the label \"r=x\" has \"=\" in its name\n"
                   "  hint: Labels are selected by --label KEY=VALUE.\n"
                   "5:36: the label \"s\" is to match nothing\n"
                   "5:47: a wave of size 0 never gets a tenant\n"
                   "  hint: Give it a size such as 10 or 5%, or take the wave out.\n"
                   "6:7: a wave must be a map, not text\n"
                   "  hint: Write {name: ..., match: {LABEL: VALUE}} or {name: ..., size: 10%}.\n"
                   "7:17: unknown key \"matches\" in a wave\n"
                   "  hint: Did you mean \"match\"?\n"
                   "7:36: \"size\" must be a whole number such as 3, or a share such as 5%, not "
                   "\"much\"\n");
}

Test(fleet_run, mistakes_in_orders_and_gates)
{
    fixture_expect(WAVES("    - {name: a, size: 1, order_by: nam}\n"
                         "    - {name: b, size: 1, order_by: {random: 0}}\n"
                         "    - {name: c, size: 1, order_by: {random: 1, label: x}}\n"
                         "    - {name: d, size: 1, order_by: {}}\n"
                         "    - {name: e, size: 1, gate: {command: [a], sql: SELECT true}}\n"
                         "    - {name: f, size: 1, gate: {timeout: 1s}}\n"
                         "    - {name: g, gate: [a]}\n"),
                   "4:36: \"order_by\" must be name, last_duration or random, not \"nam\"\n"
                   "  hint: Did you mean \"name\"?\n"
                   "5:45: \"random\" must be a whole number of at least 1, not \"0\"\n"
                   "6:36: \"order_by\" must have one key, not 2\n"
                   "  hint: Write {label: NAME} or {random: SEED}.\n"
                   "7:36: \"order_by\" must have one key, not 0\n"
                   "  hint: Write {label: NAME} or {random: SEED}.\n"
                   "8:47: \"sql\" and \"command\" cannot both be given\n"
                   "9:32: the wave's \"gate\" does nothing\n"
                   "  hint: Give it command: [PROGRAM, ARGUMENT, ...], or sql: \"...\".\n"
                   "10:23: \"gate\" must be a map, not a list\n");
}

Test(fleet_run, mistakes_between_waves)
{
    fixture_expect(WAVES("    - {name: a, size: 1}\n"
                         "    - {name: a, size: 2, depends_on: [early, a]}\n"
                         "    - {name: erly, size: 1, depends_on: [erly]}\n"),
                   "5:14: duplicate wave \"a\"\n"
                   "5:39: no wave \"early\" in waves\n"
                   "  hint: Did you mean \"erly\"?\n"
                   "6:42: the wave \"erly\" waits for itself\n");
    fixture_expect(WAVES("    - {name: rest}\n"
                         "    - {name: late, match: {ring: late}}\n"),
                   "5:7: the wave \"late\" can never get a tenant: \"rest\" before it takes the "
                   "rest\n"
                   "  hint: Put \"rest\" last, or give it match: or size:.\n");
    fixture_expect(WAVES("    - {name: a, size: 100%}\n"
                         "    - {name: b}\n"),
                   "5:7: the wave \"b\" can never get a tenant: \"a\" before it takes the rest\n"
                   "  hint: Put \"a\" last, or give it match: or size:.\n");
    fixture_expect(WAVES("    - {name: a, match: {}}\n"
                         "    - {name: b}\n"),
                   "5:7: the wave \"b\" can never get a tenant: \"a\" before it takes the rest\n"
                   "  hint: Put \"a\" last, or give it match: or size:.\n");
}

/* "z" only waits for the circle; it is not named. */
Test(fleet_run, waves_in_a_circle)
{
    fixture_expect(WAVES("    - {name: z, size: 1, depends_on: [a]}\n"
                         "    - {name: a, size: 1, depends_on: [c]}\n"
                         "    - {name: b, size: 1}\n"
                         "    - {name: c}\n"),
                   "5:7: waves wait for each other: \"a\" -> \"c\" -> \"b\" -> \"a\"\n"
                   "  hint: A wave without depends_on waits for the one before it; \"depends_on: "
                   "[]\" waits for none.\n");
}

Test(fleet_run, what_servers_can_take)
{
    const struct fleet *fleet =
        fixture_fleet("connection: {user: u, pooler: none}\n"
                      "settings: {lock_timeout: 1s}\n"
                      "servers:\n"
                      "  a: {host: h, max_failures: 10, max_replica_lag: 10s,\n"
                      "      max_connections_used: 80%, connection: {sslmode: require}}\n"
                      "  b: {host: i, settings: {lock_timeout: 2s}}\n"
                      "tenants: [{name: t, dsn: 'postgresql://w@j:6/d'}]\n");
    const struct server *a = &fleet->servers[0];
    const struct server *b = &fleet->servers[1];
    const struct server *made = &fleet->servers[2];

    cr_expect(a->has_max_failures && a->max_failures.value == 10);
    cr_expect_eq(a->max_replica_lag_ms, 10000);
    cr_expect(a->has_max_connections_used && a->max_connections_used.percent);
    cr_expect_eq(a->settings->lock_timeout_ms, 1000);
    cr_expect_eq(a->pooler, POOLER_NONE);
    cr_expect_eq(a->connection.count, 3);
    cr_expect_str_eq(name_values_get(&a->connection, "host"), "h");
    cr_expect_str_eq(name_values_get(&a->connection, "user"), "u");
    cr_expect_str_eq(name_values_get(&a->connection, "sslmode"), "require");
    cr_expect_not(b->has_max_failures || b->has_max_connections_used);
    cr_expect_eq(b->settings->lock_timeout_ms, 2000);
    cr_expect_str_neq(a->place, b->place);
    cr_expect_str_eq(name_values_get(&made->connection, "host"), "j");
    cr_expect_str_eq(name_values_get(&made->connection, "port"), "6");
    cr_expect_str_eq(name_values_get(&made->connection, "user"), "w");
    cr_expect_null(name_values_get(&made->connection, "dbname"));

    fixture_expect("tenants: []\nservers: {a: {max_connections_used: 0, max_replica_lag: 10}}\n",
                   "2:37: \"max_connections_used\" must be more than 0\n"
                   "  hint: Above it no tenant is started on the server: write 80% or so.\n"
                   "2:57: \"max_replica_lag\" must be a duration such as 500ms, 10s, 5m or 4h, "
                   "not \"10\"\n"
                   "  hint: Write the unit too: 10s for seconds, 10ms for milliseconds.\n");
}

Test(fleet_run, the_ledger_is_a_connection_string)
{
    setenv("PGTIDE_TEST_LEDGER", "postgresql://u:Tr0ub4@h/ledger", 1);
    cr_expect_str_eq(fixture_fleet("tenants: []\nledger: ${PGTIDE_TEST_LEDGER}\n")->ledger,
                     "postgresql://u:Tr0ub4@h/ledger");
    cr_expect_null(fixture_fleet("tenants: []\n")->ledger);
    fixture_expect("tenants: []\nledger: 'postgresql://u:Tr0ub4%zz@h/ledger'\n",
                   "2:9: \"ledger\" is not a valid connection string\n"
                   "  hint: Write postgresql://HOST:PORT/DATABASE; in a URI, special characters "
                   "of a password are written as %XX.\n");
    fixture_expect("tenants: []\nledger: 'host=h sslmod=x'\n",
                   "2:9: unknown connection parameter in \"ledger\"\n"
                   "  hint: Did you mean \"sslmode\"?\n");
}
