/*
 * test_fleet_changes.c: what is different, in words.
 */
#include "common/mem.h"
#include "orchestrator/fleet_changes.h"

#include <criterion/criterion.h>

static void *ctx;

static void setup(void)
{
    ctx = mem_context(NULL);
}

static void teardown(void)
{
    talloc_free(ctx);
}

TestSuite(fleet_changes, .init = setup, .fini = teardown);

static const char *changes(const struct fleet_look *then, const struct fleet_look *now)
{
    char **lines;
    size_t count = fleet_changes_find(ctx, then, now, &lines);
    const char *text = "";

    for (size_t i = 0; i < count; i++)
        text = mem_printf(ctx, "%s%s\n", text, lines[i]);
    return text;
}

static const struct name_value first[] = {
    {"a", "s1/a"}, {"b", "s1/b"}, {"c", "s1/c"}, {"d", "s1/d"}};
static const struct name_value second[] = {{"d", "s2/d.x"}, {"e", "s1/e"}, {"a", "s1/a"}};

Test(fleet_changes, nothing_changed)
{
    const struct fleet_look look = {.tenants = {first, 4}};
    const struct fleet_look nothing = {.tenants = {NULL, 0}};

    cr_expect_str_eq(changes(&look, &look), "");
    cr_expect_str_eq(changes(&look, &nothing), "", "what is not known is not compared");
    cr_expect_str_eq(changes(&nothing, &look), "");
}

Test(fleet_changes, tenants_come_and_go)
{
    const struct fleet_look then = {.tenants = {first, 4}};
    const struct fleet_look now = {.tenants = {second, 3}};

    cr_expect_str_eq(changes(&then, &now), "1 tenant has appeared: \"e\"\n"
                                           "2 tenants have vanished: \"b\", \"c\"\n"
                                           "1 tenant has moved: \"d\" from s1/d to s2/d.x\n");
}

Test(fleet_changes, files_change)
{
    static const struct name_value old[] = {{"1_a.sql", "x"}, {"2_b.sql", "y"}};
    static const struct name_value new[] = {{"1_a.sql", "z"}, {"3_c.sql", "y"}};
    const struct fleet_look then = {.files = {old, 2}};
    const struct fleet_look now = {.files = {new, 2}};

    cr_expect_str_eq(changes(&then, &now), "1 file of the catalog has appeared: \"3_c.sql\"\n"
                                           "1 file of the catalog has vanished: \"2_b.sql\"\n"
                                           "1 file of the catalog has changed: \"1_a.sql\"\n");
}

Test(fleet_changes, five_names_are_enough)
{
    struct name_value many[8];
    const struct fleet_look then = {.tenants = {first, 1}};
    struct fleet_look now = {.tenants = {many, 6}};

    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = (struct name_value){mem_printf(ctx, "t%zu", i), "s/t"};
    many[0] = first[0];
    cr_expect_str_eq(changes(&then, &now),
                     "5 tenants have appeared: \"t1\", \"t2\", \"t3\", \"t4\", \"t5\"\n");
    now.tenants.count = 8;
    cr_expect_str_eq(changes(&then, &now), "7 tenants have appeared: \"t1\", \"t2\", \"t3\", "
                                           "\"t4\", \"t5\" and 2 more\n");
}

Test(fleet_changes, names_are_made_printable)
{
    const struct name_value evil[] = {{"a\x1b[2J", "s1/\ra"}};
    const struct name_value moved[] = {{"a\x1b[2J", "s1/a"}};
    const struct fleet_look then = {.tenants = {evil, 1}};
    const struct fleet_look now = {.tenants = {moved, 1}};

    cr_expect_str_eq(changes(&then, &now),
                     "1 tenant has moved: \"a\\x1B[2J\" from s1/\\x0Da to s1/a\n");
}

Test(fleet_changes, places)
{
    cr_expect_str_eq(fleet_changes_place(ctx, "s1", "d", NULL), "s1/d");
    cr_expect_str_eq(fleet_changes_place(ctx, "s1", "d", "x"), "s1/d.x");
}
