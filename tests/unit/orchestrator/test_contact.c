/*
 * test_contact.c: what an attempt tells about its server, and whether it counts.
 */
#include "common/mem.h"
#include "orchestrator/contact.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static void *ctx;
static struct server servers[2] = {{.name = "eu1"}, {.name = "us1", .index = 1}};
static struct tenant tenants[2] = {{.server = &servers[0]}, {.server = &servers[1]}};
static struct contacts *contacts;
static int64_t now_ms;

static void setup(void)
{
    ctx = mem_context(NULL);
    contacts = contacts_new(ctx, 2);
    now_ms = 5000;
}

static void teardown(void)
{
    talloc_free(ctx);
}

TestSuite(contact, .init = setup, .fini = teardown);

/* After `seconds` an attempt on a server ends so. */
static enum schedule_contact read_on(size_t server, int seconds, enum err_kind kind,
                                     const char *sqlstate, bool crowded, bool *ret_counts)
{
    struct job job = {.tenant = &tenants[server]};
    enum schedule_contact contact;

    now_ms += (int64_t)seconds * 1000;
    if (kind != ERR_NONE)
        err_set(&job.err, kind, "so it is");
    err_sqlstate(&job.err, sqlstate);
    contact = contacts_read(contacts, &job, crowded, now_ms);
    *ret_counts = job.excused == 0;
    err_clear(&job.err);
    return contact;
}

static bool counts(int seconds, enum err_kind kind, const char *sqlstate)
{
    bool it_does;

    (void)read_on(0, seconds, kind, sqlstate, false, &it_does);
    return it_does;
}

Test(contact, of_every_kind)
{
    static const struct {
        enum err_kind kind;
        const char *sqlstate;
        enum schedule_contact contact;
    } cases[] = {
        {ERR_NONE, "", CONTACT_ANSWERED},
        {ERR_SQL, "42P01", CONTACT_ANSWERED},
        {ERR_LOST, "57P01", CONTACT_ANSWERED},
        {ERR_LOCKED, "", CONTACT_ANSWERED},
        {ERR_UNREACHABLE, "", CONTACT_REFUSED},
        {ERR_UNREACHABLE, "57P03", CONTACT_REFUSED},
        {ERR_UNREACHABLE, "53300", CONTACT_ANSWERED},
        {ERR_FULL, "53300", CONTACT_FULL},
        {ERR_DEADLINE, "", CONTACT_SILENT},
        {ERR_CANCELLED, "", CONTACT_SILENT},
    };
    bool it_counts;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        cr_expect(eq(int, (int)read_on(0, 0, cases[i].kind, cases[i].sqlstate, false, &it_counts),
                     (int)cases[i].contact),
                  "%s %s", err_kind_name(cases[i].kind), cases[i].sqlstate);
}

Test(contact, a_full_server_is_waited_for)
{
    bool it_counts;

    for (int i = 0; i < 100; i++) {
        cr_assert(
            eq(int, (int)read_on(0, 10, ERR_FULL, "53300", true, &it_counts), (int)CONTACT_FULL));
        cr_assert_not(it_counts, "others of ours are in work");
    }
    for (int i = 0; i <= 30; i++) {
        cr_assert(
            eq(int, (int)read_on(0, 10, ERR_FULL, "53300", false, &it_counts), (int)CONTACT_FULL));
        cr_assert_not(it_counts, "%d", i);
    }
    cr_expect(
        eq(int, (int)read_on(0, 1, ERR_FULL, "53300", false, &it_counts), (int)CONTACT_REFUSED));
    cr_expect(it_counts, "five minutes");
    (void)read_on(0, 1, ERR_NONE, "", false, &it_counts);
    (void)read_on(0, 1, ERR_FULL, "53300", false, &it_counts);
    cr_expect_not(it_counts, "anew");
}

Test(contact, a_full_database_is_not)
{
    bool it_counts;

    (void)read_on(0, 0, ERR_UNREACHABLE, "53300", true, &it_counts);
    cr_expect(it_counts);
    (void)read_on(0, 0, ERR_UNREACHABLE, "53300", false, &it_counts);
    cr_expect(it_counts);
}

Test(contact, a_server_that_starts_is_waited_for)
{
    cr_expect_not(counts(0, ERR_UNREACHABLE, "57P03"));
    for (int i = 0; i < 29; i++)
        cr_expect_not(counts(10, ERR_UNREACHABLE, "57P03"), "%d", i);
    cr_expect_not(counts(10, ERR_UNREACHABLE, "57P03"), "five minutes");
    cr_expect(counts(1, ERR_UNREACHABLE, "57P03"));
}

Test(contact, and_so_is_the_gap_between_its_end_and_its_start)
{
    cr_expect(counts(0, ERR_LOST, "57P01"), "the attempt that was broken off had begun");
    cr_expect_not(counts(10, ERR_UNREACHABLE, ""));
    cr_expect_not(counts(20, ERR_UNREACHABLE, ""));
    cr_expect(counts(1, ERR_UNREACHABLE, ""));
    cr_expect_not(counts(1, ERR_UNREACHABLE, "57P03"));
    cr_expect_not(counts(30, ERR_UNREACHABLE, ""));
}

Test(contact, without_a_sign_of_a_restart_it_counts)
{
    cr_expect(counts(0, ERR_UNREACHABLE, ""));
    cr_expect(counts(0, ERR_LOST, ""));
    cr_expect(counts(0, ERR_UNREACHABLE, ""));
}

Test(contact, an_answer_ends_the_wait)
{
    cr_expect_not(counts(0, ERR_UNREACHABLE, "57P03"));
    cr_expect(counts(1, ERR_NONE, ""));
    cr_expect(counts(1, ERR_UNREACHABLE, ""));
    for (int i = 0; i < 40; i++)
        cr_expect_not(counts(i == 0 ? 200 : 5, ERR_UNREACHABLE, "57P03"), "anew: %d", i);
}

Test(contact, servers_are_waited_for_each_by_itself)
{
    bool it_counts;

    cr_expect_not(counts(0, ERR_UNREACHABLE, "57P03"));
    (void)read_on(1, 1, ERR_UNREACHABLE, "", false, &it_counts);
    cr_expect(it_counts);
    (void)read_on(1, 1, ERR_NONE, "", false, &it_counts);
    cr_expect_not(counts(1, ERR_UNREACHABLE, ""));
}
