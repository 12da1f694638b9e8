/*
 * report_parts.h: the objects that the JSON report and the events are made of, as they stand in
 * docs/report.schema.json.
 */
#ifndef ORCHESTRATOR_REPORT_PARTS_H
#define ORCHESTRATOR_REPORT_PARTS_H

#include "orchestrator/run.h"

#include <jansson.h>

/* A version as its file name writes it; null for 0. */
json_t *report_parts_version(const struct catalog *catalog, int64_t version);

json_t *report_parts_fleet(const struct fleet *fleet);
json_t *report_parts_catalog(const struct catalog *catalog);
json_t *report_parts_halt(const struct run_halt *halt); /* null: it did not halt */
json_t *report_parts_totals(const size_t totals[OUTCOME_COUNT]);
json_t *report_parts_origin(const char *run, const char *kind); /* null: `run` is NULL */
json_t *report_parts_error(const struct err *err);              /* null: none */

/* The name of the wave that the tenant is in; NULL: there are no waves. */
const char *report_parts_wave_of(const struct run_request *request, const struct run_result *result,
                                 const struct job *job);

/* All about one tenant; its migrations, without what they took unless `with_work`; its seeds. */
json_t *report_parts_tenant(const struct run_request *request, const struct run_result *result,
                            const struct job *job);
json_t *report_parts_migrations(const struct job *job, bool with_work);
json_t *report_parts_seeds(const struct job *job);

#endif
