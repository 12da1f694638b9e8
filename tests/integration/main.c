/*
 * main.c: the integration tests' program: Criterion with one PostgreSQL server for all tests.
 */
#include "tests/harness/pg_suite.h"

/*
 * The leak checker asks this (sanitizer/lsan_interface.h). What a test leaves to the end of its
 * process is no leak of pgtide's; the pgtide processes that the tests start are looked at.
 */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}

int main(int argc, char **argv)
{
    return pg_suite_main(argc, argv, NULL);
}
