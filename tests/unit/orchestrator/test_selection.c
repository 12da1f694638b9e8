/*
 * test_selection.c: which tenants are selected, in which order, and what is said when none is.
 */
#include "orchestrator/selection.h"

#include "common/mem.h"
#include "common/strbuf.h"

#include <criterion/criterion.h>

static struct server servers[] = {{.name = "eu1", .index = 0}, {.name = "us1", .index = 1}};

static const struct name_value canary_eu[] = {{"ring", "canary"}, {"region", "eu"}};
static const struct name_value late_eu[] = {{"ring", "late"}, {"region", "eu"}};
static const struct name_value late_us[] = {{"ring", "late"}, {"region", "us"}};

static struct tenant tenants[] = {
    {.name = "store-0001", .server = &servers[0], .labels = {canary_eu, 2}},
    {.name = "store-0002", .server = &servers[1], .labels = {late_us, 2}},
    {.name = "store-0003",
     .server = &servers[0],
     .labels = {late_eu, 2},
     .state = TENANT_SUSPENDED},
    {.name = "demo-a", .server = &servers[0], .labels = {late_eu, 2}},
    {.name = "demo-[b]", .server = &servers[1]},
};

static const struct fleet fleet = {
    .file = "fleet.yaml",
    .servers = servers,
    .server_count = ARRAY_LEN(servers),
    .tenants = tenants,
    .tenant_count = ARRAY_LEN(tenants),
};

#define WORDS(...)                                                                                 \
    {                                                                                              \
        .items = (const char *[]){__VA_ARGS__},                                                    \
        .count = ARRAY_LEN(((const char *[]){__VA_ARGS__}))                                        \
    }
#define LABELS(...)                                                                                \
    {                                                                                              \
        .items = (struct name_value[]){__VA_ARGS__},                                               \
        .count = ARRAY_LEN(((struct name_value[]){__VA_ARGS__}))                                   \
    }

/* "name name ..." of what is selected, or the error's message and hint. */
static char *apply(void *mem, const struct selection *selection, bool keep_suspended)
{
    struct selected selected;
    struct err err = ERR_INIT;
    struct strbuf out;

    strbuf_init(&out, mem);
    if (selection_apply(mem, selection, &fleet, keep_suspended, &selected, &err) < 0) {
        cr_expect_eq(err.kind, ERR_NOINPUT);
        strbuf_printf(&out, "%s / %s", err.message, err.hint ? err.hint : "");
        err_clear(&err);
        return out.text;
    }
    for (size_t i = 0; i < selected.count; i++)
        strbuf_printf(&out, "%s%s", i ? " " : "", selected.tenants[i]->name);
    return out.text;
}

Test(selection, filters)
{
    void *mem = mem_context(NULL);
    const struct {
        struct selection selection;
        const char *expected;
    } cases[] = {
        {{.limit = 0}, "store-0001 store-0002 demo-a demo-[b]"},
        {{.tenants = WORDS("store-*")}, "store-0001 store-0002"},
        {{.tenants = WORDS("demo-a", "store-0001")}, "store-0001 demo-a"},
        {{.tenants = WORDS("demo-[b]")}, "demo-[b]"},
        {{.tenants = WORDS("demo-[ab]")}, "demo-a"},
        {{.tenants = WORDS("nothing-*", "demo-a")}, "demo-a"},
        {{.labels = LABELS({"ring", "late"})}, "store-0002 demo-a"},
        {{.labels = LABELS({"ring", "late"}, {"region", "eu"})}, "demo-a"},
        {{.server = "us1"}, "store-0002 demo-[b]"},
        {{.excludes = WORDS("store-*")}, "demo-a demo-[b]"},
        {{.tenants = WORDS("store-*"), .excludes = WORDS("*1")}, "store-0002"},
        {{.limit = 2}, "store-0001 store-0002"},
        {{.limit = 99}, "store-0001 store-0002 demo-a demo-[b]"},
        {{.server = "eu1", .limit = 1}, "store-0001"},
        /* shards by the sums in shard_of_known_sums */
        {{.tenants = WORDS("store-*"), .shard = 0, .shards = 2}, "store-0001 store-0002"},
        {{.tenants = WORDS("store-*"), .shard = 2, .shards = 3}, "store-0002"},
        {{.tenants = WORDS("store-*"), .shard = 1, .shards = 2}, ""},
        {{.tenants = WORDS("store-*"), .shard = 2, .shards = 3, .limit = 1}, "store-0002"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        cr_expect_str_eq(apply(mem, &cases[i].selection, false), cases[i].expected, "case %zu", i);
    talloc_free(mem);
}

Test(selection, nothing_selected_is_explained)
{
    void *mem = mem_context(NULL);
    const struct {
        struct selection selection;
        const char *expected;
    } cases[] = {
        {{.tenants = WORDS("stroe-0002")},
         "there is no tenant \"stroe-0002\" in \"fleet.yaml\" / Did you mean \"store-0002\"?"},
        {{.tenants = WORDS("demo-*", "store-9")},
         "there is no tenant \"store-9\" in \"fleet.yaml\" / \"pgtide list\" shows the tenants of "
         "the fleet."},
        {{.server = "eu2"}, "there is no server \"eu2\" in \"fleet.yaml\" / Did you mean \"eu1\"?"},
        {{.server = "frankfurt"},
         "there is no server \"frankfurt\" in \"fleet.yaml\" / The servers are \"eu1\", \"us1\"."},
        {{.labels = LABELS({"ring", "early"})},
         "no tenant is selected: none of 5 in \"fleet.yaml\" fits / Label \"ring\" has the values "
         "\"canary\", \"late\"."},
        {{.labels = LABELS({"wing", "late"})},
         "no tenant is selected: none of 5 in \"fleet.yaml\" fits / No tenant has a label "
         "\"wing\"; there are the labels \"ring\", \"region\"."},
        {{.labels = LABELS({"ring", "canary"}), .server = "us1"},
         "no tenant is selected: none of 5 in \"fleet.yaml\" fits / \"pgtide list\" shows the "
         "tenants of the fleet."},
        {{.tenants = WORDS("store-0003")},
         "no tenant is selected: the one that fits is suspended / Take \"state: suspended\" away "
         "in \"fleet.yaml\" to have it taken along again."},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        cr_expect_str_eq(apply(mem, &cases[i].selection, false), cases[i].expected, "case %zu", i);
    talloc_free(mem);
}

Test(selection, suspended_are_left_out_and_counted)
{
    void *mem = mem_context(NULL);
    struct selection all = {.tenants = WORDS("store-*")};
    struct selected selected;
    struct err err = ERR_INIT;

    cr_assert_eq(selection_apply(mem, &all, &fleet, false, &selected, &err), 0);
    cr_expect_eq(selected.count, 2);
    cr_expect_eq(selected.suspended, 1);
    cr_expect_str_eq(apply(mem, &all, true), "store-0001 store-0002 store-0003");
    talloc_free(mem);
}

Test(selection, nothing_was_discovered)
{
    void *mem = mem_context(NULL);
    struct discovery discovery = {.line = 3};
    const struct fleet empty = {
        .file = "fleet.yaml", .discoveries = &discovery, .discovery_count = 1};
    struct selection all = {.limit = 0};
    struct selected selected;
    struct err err = ERR_INIT;

    cr_assert_eq(selection_apply(mem, &all, &empty, false, &selected, &err), -1);
    cr_expect_str_eq(err.hint,
                     "The entries of discover: in that file found none: check what they ask for.");
    err_clear(&err);
    talloc_free(mem);
}

Test(selection, empty_fleet)
{
    void *mem = mem_context(NULL);
    const struct fleet empty = {.file = "fleet.yaml"};
    struct selection all = {.limit = 0};
    struct selected selected;
    struct err err = ERR_INIT;

    cr_assert_eq(selection_apply(mem, &all, &empty, false, &selected, &err), -1);
    cr_expect_eq(err.kind, ERR_NOINPUT);
    cr_expect_str_eq(err.message, "there are no tenants in \"fleet.yaml\"");
    cr_expect_str_eq(err.hint, "List them under tenants: in that file.");
    err_clear(&err);
    talloc_free(mem);
}

/*
 * The expected values were computed outside of this program: the first 16 digits that sha256sum(1)
 * prints, as a number, modulo N. Shards must never move between versions of pgtide.
 */
Test(selection, shard_of_known_sums)
{
    static const struct {
        const char *name;
        int64_t by_2, by_3, by_7, by_1000;
    } known[] = {
        {"store-0001", 0, 1, 3, 842},    /* 25a737c18a5bfef2 */
        {"store-0002", 0, 2, 3, 470},    /* 317ccb5e70df6a36 */
        {"store-0003", 0, 2, 2, 392},    /* 7eb827dc9444ea30 */
        {"a", 0, 1, 4, 250},             /* ca978112ca1bbdca: above INT64_MAX */
        {"Z\xC3\xBCrich", 1, 2, 6, 653}, /* 4251685e06cab635 */
    };

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        cr_expect_eq(selection_shard_of(known[i].name, 1), 0);
        cr_expect_eq(selection_shard_of(known[i].name, 2), known[i].by_2, "%s", known[i].name);
        cr_expect_eq(selection_shard_of(known[i].name, 3), known[i].by_3, "%s", known[i].name);
        cr_expect_eq(selection_shard_of(known[i].name, 7), known[i].by_7, "%s", known[i].name);
        cr_expect_eq(selection_shard_of(known[i].name, 1000), known[i].by_1000, "%s",
                     known[i].name);
    }
}

/* Every tenant is in exactly one shard by construction; the shards are of about equal size. */
Test(selection, shards_are_even)
{
    enum { NAMES = 10000, SHARDS = 8 };
    size_t counts[SHARDS] = {0};

    for (int i = 0; i < NAMES; i++) {
        char name[32];
        int64_t shard;

        snprintf(name, sizeof(name), "store-%04d", i);
        shard = selection_shard_of(name, SHARDS);
        cr_assert(shard >= 0 && shard < SHARDS);
        counts[shard]++;
    }
    for (size_t i = 0; i < SHARDS; i++)
        cr_expect(counts[i] > NAMES / SHARDS * 9 / 10 && counts[i] < NAMES / SHARDS * 11 / 10,
                  "shard %zu has %zu", i, counts[i]);
}

Test(selection, parse_shard)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t shard, shards;
    } cases[] = {
        {"0/1", true, 0, 1},   {"0/4", true, 0, 4},
        {"3/4", true, 3, 4},   {"4/4", false, 0, 0},
        {"-1/4", false, 0, 0}, {"1/0", false, 0, 0},
        {"1", false, 0, 0},    {"/", false, 0, 0},
        {"1/", false, 0, 0},   {"/2", false, 0, 0},
        {"a/b", false, 0, 0},  {"0/4x", false, 0, 0},
        {"0 /4", false, 0, 0}, {"0/99999999999", false, 0, 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t shard = 0;
        int64_t shards = 0;

        cr_expect_eq(selection_parse_shard(cases[i].text, &shard, &shards), cases[i].ok, "%s",
                     cases[i].text);
        cr_expect_eq(shard, cases[i].shard, "%s", cases[i].text);
        cr_expect_eq(shards, cases[i].shards, "%s", cases[i].text);
    }
}
