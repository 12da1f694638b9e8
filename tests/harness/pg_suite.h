/*
 * pg_suite.h: the main() of a Criterion program whose tests share a PostgreSQL server.
 */
#ifndef TESTS_HARNESS_PG_SUITE_H
#define TESTS_HARNESS_PG_SUITE_H

#include "common/base.h"

/*
 * Starts the shared server with `config` (lines for postgresql.conf, or NULL), runs the tests as
 * Criterion's options in `argv` say, stops the server; returns the exit code. Forgets PG* and
 * PGTIDE_* variables first: tests must not depend on whose shell they run in.
 */
int pg_suite_main(int argc, char **argv, const char *config);

#endif
