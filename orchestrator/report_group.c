/*
 * report_group.c: jobs grouped by a text key, by sorting.
 */
#include "orchestrator/report_group.h"

#include "common/mem.h"

struct entry {
    const char *key;
    const struct job *job;
};

static int compare_jobs(const struct job *a, const struct job *b)
{
    return (a > b) - (a < b); /* both in the array of one run */
}

static int by_key(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;
    int order = strcmp(a->key, b->key);

    return order ? order : compare_jobs(a->job, b->job);
}

static int by_size(const void *left, const void *right)
{
    const struct report_group *a = left;
    const struct report_group *b = right;

    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return compare_jobs(a->jobs[0], b->jobs[0]);
}

struct report_group *report_group_jobs(void *parent, const struct run_result *result,
                                       report_group_key_fn *key, size_t *ret_count)
{
    struct entry *entries = mem_array(parent, struct entry, result->job_count);
    const struct job **jobs = mem_array(parent, const struct job *, result->job_count);
    struct report_group *groups = mem_array(parent, struct report_group, result->job_count);
    size_t entry_count = 0;
    size_t count = 0;

    for (size_t i = 0; i < result->job_count; i++) {
        const char *text = key(parent, &result->jobs[i]);

        if (text)
            entries[entry_count++] = (struct entry){.key = text, .job = &result->jobs[i]};
    }
    if (entry_count > 0)
        qsort(entries, entry_count, sizeof(*entries), by_key);
    for (size_t i = 0; i < entry_count; i++) {
        jobs[i] = entries[i].job;
        if (i == 0 || strcmp(entries[i].key, entries[i - 1].key) != 0)
            groups[count++] = (struct report_group){.key = entries[i].key, .jobs = &jobs[i]};
        groups[count - 1].count++;
    }
    if (count > 0)
        qsort(groups, count, sizeof(*groups), by_size);
    talloc_free(entries);
    *ret_count = count;
    return groups;
}
