/*
 * test_fleet_hooks.c: the hooks: section.
 */
#include "config/fleet_hooks.h"
#include "tests/unit/config/config_fixture.h"

#include <criterion/criterion.h>

#define HOOKS(text) "tenants: []\nhooks:\n" text

Test(fleet_hooks, commands_and_sql)
{
    const struct fleet *fleet = fixture_fleet(HOOKS("  before_run: {command: [./a, \"on\", 1]}\n"
                                                    "  before_tenant: {sql: SELECT 1}\n"
                                                    "  after_tenant:\n"
                                                    "    timeout: 2m\n"
                                                    "    sql: |\n"
                                                    "      SELECT 2;\n"
                                                    "  on_failure: {command: [b], timeout: 0}\n"));
    const struct hook *hooks = fleet->hooks;

    cr_expect_str_eq(hooks[HOOK_BEFORE_RUN].command[0], "./a");
    cr_expect_str_eq(hooks[HOOK_BEFORE_RUN].command[1], "on");
    cr_expect_str_eq(hooks[HOOK_BEFORE_RUN].command[2], "1");
    cr_expect_null(hooks[HOOK_BEFORE_RUN].command[3]);
    cr_expect_eq(hooks[HOOK_BEFORE_RUN].timeout_ms, 30000);
    cr_expect_str_eq(hooks[HOOK_BEFORE_TENANT].sql, "SELECT 1");
    cr_expect_eq(hooks[HOOK_BEFORE_TENANT].line, 4);
    cr_expect_str_eq(hooks[HOOK_AFTER_TENANT].sql, "SELECT 2;\n");
    cr_expect_eq(hooks[HOOK_AFTER_TENANT].line, 8);
    cr_expect_eq(hooks[HOOK_AFTER_TENANT].timeout_ms, 120000);
    cr_expect_eq(hooks[HOOK_ON_FAILURE].timeout_ms, 0);
    cr_expect_null(hooks[HOOK_ON_HALT].command);
    cr_expect_null(hooks[HOOK_AFTER_RUN].command);
}

Test(fleet_hooks, mistakes)
{
    fixture_expect(HOOKS("  before_tennant: {}\n"), "3:3: unknown key \"before_tennant\" in hooks\n"
                                                    "  hint: Did you mean \"before_tenant\"?\n");
    fixture_expect(HOOKS("  before_run: {sql: SELECT 1}\n"),
                   "3:16: \"before_run\" cannot be SQL: it belongs to no tenant\n"
                   "  hint: Give it command: instead, or use before_tenant, after_tenant or "
                   "on_failure.\n");
    fixture_expect(HOOKS("  on_failure: {command: [a], sql: SELECT 1}\n"),
                   "3:30: \"sql\" and \"command\" cannot both be given\n");
    fixture_expect(HOOKS("  on_halt: {timeout: 3s}\n"),
                   "3:12: the hook \"on_halt\" does nothing\n"
                   "  hint: Give it command: [PROGRAM, ARGUMENT, ...].\n");
    fixture_expect(HOOKS("  after_tenant: {timeout: 3s}\n"),
                   "3:17: the hook \"after_tenant\" does nothing\n"
                   "  hint: Give it command: [PROGRAM, ARGUMENT, ...], or sql: \"...\".\n");
    fixture_expect(HOOKS("  on_halt: {command: page me}\n"),
                   "3:22: \"command\" must be a list, not text\n");
    fixture_expect(HOOKS("  on_halt: {command: []}\n"), "3:22: \"command\" names no program\n");
    fixture_expect(HOOKS("  on_halt: {command: [\"\"]}\n"),
                   "3:23: \"command\" must not be empty\n");
    fixture_expect(HOOKS("  on_halt: [a]\n"), "3:12: \"on_halt\" must be a map, not a list\n");
    fixture_expect(HOOKS("  on_halt: {comand: [a]}\n"),
                   "3:12: the hook \"on_halt\" does nothing\n"
                   "  hint: Give it command: [PROGRAM, ARGUMENT, ...].\n"
                   "3:13: unknown key \"comand\" in a hook\n"
                   "  hint: Did you mean \"command\"?\n");
}
