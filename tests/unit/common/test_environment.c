/*
 * test_environment.c: changes to a copy of the environment.
 */
#include "common/environment.h"
#include "common/mem.h"

#include <criterion/criterion.h>

Test(environment, is_ours_with_changes)
{
    struct environment env;
    size_t count;

    setenv("PGTIDE_A", "1", 1);
    setenv("PGTIDE_AB", "2", 1);
    environment_init(&env, NULL);
    count = env.count;
    cr_expect_str_eq(environment_get(&env, "PGTIDE_A"), "1");
    environment_set(&env, "PGTIDE_A", "a=b\n'c'");
    environment_set(&env, "PGTIDE_NEW", "");
    environment_set_number(&env, "PGTIDE_N", -7);
    cr_expect_eq(env.count, count + 2);
    cr_expect_str_eq(environment_get(&env, "PGTIDE_A"), "a=b\n'c'");
    cr_expect_str_eq(environment_get(&env, "PGTIDE_AB"), "2");
    cr_expect_str_eq(environment_get(&env, "PGTIDE_NEW"), "");
    cr_expect_str_eq(environment_get(&env, "PGTIDE_N"), "-7");
    environment_set(&env, "PGTIDE_A", NULL);
    environment_set(&env, "PGTIDE_NEVER", NULL);
    cr_expect_null(environment_get(&env, "PGTIDE_A"));
    cr_expect_eq(env.count, count + 1);
    cr_expect_null(env.items[env.count]);
    cr_expect_str_eq(getenv("PGTIDE_A"), "1");
    talloc_free(env.mem);
}

Test(environment, names_are_made_of_others)
{
    struct environment env;

    environment_init(&env, NULL);
    environment_set_named(&env, "PGTIDE_LABEL_", "app.ring-2", "canary");
    cr_expect_str_eq(environment_get(&env, "PGTIDE_LABEL_APP_RING_2"), "canary");
    talloc_free(env.mem);
}
