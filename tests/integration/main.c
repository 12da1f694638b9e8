/*
 * main.c: the integration tests' program: Criterion with one PostgreSQL server for all tests.
 */
#include "tests/harness/pg_suite.h"

int main(int argc, char **argv)
{
    return pg_suite_main(argc, argv, NULL);
}
