/*
 * plan_file.h: --plan FILE: a JSON report of "pgtide plan" that somebody has looked at, and what
 * has become different since. Main thread.
 */
#ifndef ORCHESTRATOR_PLAN_FILE_H
#define ORCHESTRATOR_PLAN_FILE_H

#include "common/err.h"
#include "orchestrator/run.h"

/*
 * Lines for people, none when the run works on the same tenants and catalog as the plan. *ret is
 * owned by `parent`. ERR_NOINPUT: no such file. ERR_DATA: it is no report of a plan.
 */
int plan_file_compare(void *parent, const char *path, const struct run_request *request,
                      char ***ret, size_t *ret_count, struct err *err) MUST_CHECK;

/* Shows them on stderr; *ret_count says how many there are. */
int plan_file_show(const char *path, const struct run_request *request, size_t *ret_count,
                   struct err *err) MUST_CHECK;

/*
 * Shows the differences on stderr and, unless `yes`, asks whether to go on. ERR_USAGE: there is no
 * terminal to ask on; ERR_INTERNAL: the answer was no.
 */
int plan_file_confirm(const char *path, const struct run_request *request, bool yes,
                      struct err *err) MUST_CHECK;

#endif
