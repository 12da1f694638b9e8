/*
 * report_release.h: the releases that a run is about, and the one a tenant is at. Pure.
 */
#ifndef ORCHESTRATOR_REPORT_RELEASE_H
#define ORCHESTRATOR_REPORT_RELEASE_H

#include "orchestrator/report.h"

/*
 * Which of the catalog's releases have a migration among what the run's jobs did or would do: as
 * long as catalog->releases, owned by `parent`.
 */
bool *report_release_touched(void *parent, const struct report *report);

/* The last release that ends at or below `version`, or NULL. */
const struct release *report_release_at(const struct catalog *catalog, int64_t version);

/*
 * The release that the job's tenant is at: the newest of which it has everything, as far as its
 * history is known. NULL: none, or not known.
 */
const struct release *report_release_of(const struct job *job);

#endif
