/*
 * job.c: birth and end of a job, and its words for people.
 */
#include "worker/job.h"

#include "common/mem.h"

static const char *const outcome_names[OUTCOME_COUNT] = {
    [OUTCOME_NONE] = "none",           [OUTCOME_MIGRATED] = "migrated",
    [OUTCOME_CURRENT] = "current",     [OUTCOME_PENDING] = "pending",
    [OUTCOME_CONFLICT] = "conflict",   [OUTCOME_FAILED] = "failed",
    [OUTCOME_HELD] = "held",           [OUTCOME_UNREACHABLE] = "unreachable",
    [OUTCOME_LOCKED] = "locked",       [OUTCOME_UNKNOWN] = "unknown",
    [OUTCOME_CANCELLED] = "cancelled",
};

const char *outcome_name(enum outcome outcome)
{
    return outcome_names[outcome];
}

bool outcome_is_problem(enum outcome outcome)
{
    switch (outcome) {
    case OUTCOME_CONFLICT:
    case OUTCOME_FAILED:
    case OUTCOME_HELD:
    case OUTCOME_UNREACHABLE:
    case OUTCOME_LOCKED:
    case OUTCOME_UNKNOWN:
    case OUTCOME_CANCELLED:
        return true;
    default:
        return false;
    }
}

bool job_writes(enum job_action action)
{
    return job_runs_files(action) || action == JOB_BASELINE || action == JOB_REPAIR;
}

bool job_runs_files(enum job_action action)
{
    return action == JOB_MIGRATE || action == JOB_ROLLBACK;
}

static const char *const repair_names[] = {
    [JOB_REPAIR_CHECKSUM] = "checksum", [JOB_REPAIR_NAME] = "name",
    [JOB_REPAIR_DONE] = "done",         [JOB_REPAIR_NOT_DONE] = "not done",
    [JOB_REPAIR_UNSKIP] = "pending",    [JOB_REPAIR_FORGET] = "forgotten",
    [JOB_REPAIR_INDEX] = "index",
};

const char *job_repair_name(enum job_repair_kind kind)
{
    return repair_names[kind];
}

bool job_repair_kind_of(const char *name, enum job_repair_kind *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(repair_names); i++) {
        *ret = (enum job_repair_kind)i;
        if (strcmp(repair_names[i], name) == 0)
            return true;
    }
    return false;
}

void job_init(struct job *job, const struct job_plan *plan, const struct tenant *tenant)
{
    *job = (struct job){.plan = plan, .tenant = tenant, .err = ERR_INIT};
    job->mem = mem_context(NULL);
}

void job_release(struct job *job)
{
    err_clear(&job->err);
    talloc_free(job->mem);
    *job = (struct job){.err = ERR_INIT};
}

struct job_step *job_add_step(struct job *job)
{
    struct job_step *step;

    mem_grow(job->mem, &job->steps, &job->step_capacity, job->step_count + 1);
    step = &job->steps[job->step_count++];
    *step = (struct job_step){0};
    return step;
}

struct job_mismatch *job_add_mismatch(struct job *job)
{
    struct job_mismatch *mismatch;

    mem_grow(job->mem, &job->mismatches, &job->mismatch_capacity, job->mismatch_count + 1);
    mismatch = &job->mismatches[job->mismatch_count++];
    *mismatch = (struct job_mismatch){0};
    return mismatch;
}

struct job_repair *job_add_repair(struct job *job)
{
    struct job_repair *repair;

    mem_grow(job->mem, &job->repairs, &job->repair_capacity, job->repair_count + 1);
    repair = &job->repairs[job->repair_count++];
    *repair = (struct job_repair){0};
    return repair;
}

struct hook_run *job_add_hook(struct job *job)
{
    struct hook_run *run;

    mem_grow(job->mem, &job->hooks, &job->hook_capacity, job->hook_count + 1);
    run = &job->hooks[job->hook_count++];
    *run = (struct hook_run){0};
    return run;
}

size_t job_seed_count(const struct job *job)
{
    size_t count = 0;

    for (size_t i = 0; i < job->step_count; i++)
        count += job->steps[i].seed != NULL;
    return count;
}

char *job_version_text(void *parent, int64_t version)
{
    if (version == 0)
        return mem_strdup(parent, "-");
    return mem_printf(parent, "%04lld", (long long)version);
}
