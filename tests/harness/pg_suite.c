/*
 * pg_suite.c: Criterion around a shared server.
 */
#include "tests/harness/pg_suite.h"

#include "common/mem.h"
#include "tests/harness/pg_server.h"

#include <criterion/criterion.h>
#include <unistd.h>

static bool is_foreign(const char *entry)
{
    if (strncmp(entry, "PGTIDE=", strlen("PGTIDE=")) == 0)
        return false;
    return strncmp(entry, "PG", 2) == 0 && strncmp(entry, "PGTIDE_TEST_", 12) != 0;
}

static void forget_variables(void)
{
    void *ctx = mem_context(NULL);

    for (char **entry = environ; *entry;) {
        if (is_foreign(*entry)) {
            unsetenv(mem_strndup(ctx, *entry, strcspn(*entry, "=")));
            entry = environ;
        } else {
            entry++;
        }
    }
    setenv("PGPASSFILE", "/nonexistent", 1);
    setenv("PGSERVICEFILE", "/nonexistent", 1);
    talloc_free(ctx);
}

static bool run_with_server(struct criterion_test_set *tests, const char *config)
{
    struct pg_server *server = pg_server_new(NULL, config);
    bool passed;

    pg_server_share(server);
    passed = criterion_run_all_tests(tests) != 0;
    talloc_free(server);
    return passed;
}

int pg_suite_main(int argc, char **argv, const char *config)
{
    struct criterion_test_set *tests;
    bool passed = true;

    forget_variables();
    tests = criterion_initialize();
    if (criterion_handle_args(argc, argv, true))
        passed = run_with_server(tests, config);
    criterion_finalize(tests);
    return passed ? EXIT_SUCCESS : EXIT_FAILURE;
}
