/*
 * report_release.c: which releases a run is about, and which one a tenant is at.
 */
#include "orchestrator/report_release.h"

#include "common/mem.h"

bool *report_release_touched(void *parent, const struct report *report)
{
    const struct catalog *catalog = report->request->plan.catalog;
    bool *touched = mem_array(parent, bool, catalog->release_count);
    bool *versioned = mem_array(NULL, bool, catalog->count);

    for (size_t i = 0; i < report->result->job_count; i++) {
        const struct job *job = &report->result->jobs[i];

        for (size_t j = 0; j < job->step_count; j++) {
            const struct migration *migration = job->steps[j].migration;

            if (migration && migration->kind == MIGRATION_VERSIONED)
                versioned[migration->index] = true;
        }
    }
    for (size_t i = 0; i < catalog->release_count; i++) {
        for (size_t j = 0; j < catalog->count && !touched[i]; j++) {
            const char *name = catalog->migrations[j].release;

            touched[i] = versioned[j] && name && strcmp(name, catalog->releases[i].name) == 0;
        }
    }
    talloc_free(versioned);
    return touched;
}

const struct release *report_release_at(const struct catalog *catalog, int64_t version)
{
    const struct release *found = NULL;

    for (size_t i = 0; i < catalog->release_count; i++) {
        const struct release *release = &catalog->releases[i];

        if (release->last_version > 0 && release->last_version <= version)
            found = release;
    }
    return found;
}

/* Below what is still pending: a tenant may have gaps under its highest version. */
const struct release *report_release_of(const struct job *job)
{
    int64_t version = job->version;

    if (!job->inspected)
        return NULL;
    for (size_t i = 0; job->plan->action == JOB_INSPECT && i < job->step_count; i++) {
        const struct migration *migration = job->steps[i].migration;

        if (migration && migration->kind == MIGRATION_VERSIONED && migration->version <= version)
            version = migration->version - 1;
    }
    return report_release_at(job->plan->catalog, version);
}
