/*
 * config_fixture.h: inventories written into the tests.
 */
#ifndef TESTS_CONFIG_FIXTURE_H
#define TESTS_CONFIG_FIXTURE_H

#include "config/fleet.h"

/* A start for inventories that need one server, s1. */
#define ONE_SERVER "servers: {s1: {host: h1}}\n"

/* Reads `text` as "inv/fleet.yaml". Fails the test where that gives errors. Never freed. */
struct fleet *fixture_fleet(const char *text);

/*
 * All errors of `text`, a line each: "LINE:COLUMN: message", then "  hint: ..." where there is one.
 * Fails the test where there is none, or one is of another kind or file. Never freed.
 */
const char *fixture_errors(const char *text);

/* Expects `text` to give these errors, all of them and in this order. */
void fixture_expect(const char *text, const char *errors);

/* A new folder and a file in it; paths are never freed. The folder goes when the test ends. */
const char *fixture_folder(void);
const char *fixture_file(const char *folder, const char *name, unsigned mode, const char *text);

#endif
