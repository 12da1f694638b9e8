/*
 * fleet_facts.c: questions to reports and histories.
 */
#include "tests/integration/fleet_facts.h"

#include "common/mem.h"

#include <criterion/criterion.h>

const char *fleet_facts_error(const struct fleet_run *run, const char *tenant, const char *field)
{
    const json_t *error = json_object_get(fleet_fixture_tenant(run, tenant), "error");
    const char *text = json_string_value(json_object_get(error, field));

    return text ? text : "";
}

int64_t fleet_facts_attempts(const struct fleet_run *run, const char *tenant)
{
    return json_integer_value(json_object_get(fleet_fixture_tenant(run, tenant), "attempts"));
}

size_t fleet_facts_steps(const struct fleet_run *run, const char *tenant)
{
    return json_array_size(json_object_get(fleet_fixture_tenant(run, tenant), "migrations"));
}

char *fleet_facts_history(struct fleet_fixture *fleet, size_t n, const char *schema)
{
    char *text = fleet_fixture_value(
        fleet, n,
        mem_printf(fleet,
                   "SELECT string_agg(concat_ws(' ', name, state, "
                   "concat(statements_done, '/', statements_total), "
                   "'running ' || nullif(detail->>'running', '0'), "
                   "'verify ' || nullif(detail->>'verify', '')), ', ' ORDER BY rank) "
                   "FROM \"%s\".pgtide_history",
                   schema ? schema : "public"));

    return text ? text : mem_strdup(fleet, "");
}

void fleet_facts_expect(const struct fleet_run *run, int code)
{
    cr_assert_eq(run->exit_code, code, "exit code %d, not %d\n%s%s", run->exit_code, code, run->out,
                 run->err);
}
