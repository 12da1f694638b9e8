/*
 * report.c: what all reports share: where they go, and how versions and migrations are called.
 */
#include "orchestrator/report.h"

#include "common/mem.h"

#include <ctype.h>
#include <langinfo.h>
#include <unistd.h>

void report_init(struct report *report, const struct run_request *request,
                 const struct run_result *result, int exit_code)
{
    *report = (struct report){
        .request = request,
        .result = result,
        .exit_code = exit_code,
        .utf8 = report_utf8(),
    };
    if (gethostname(report->host, sizeof(report->host) - 1) < 0)
        snprintf(report->host, sizeof(report->host), "localhost");
}

bool report_color_wanted(FILE *out, bool no_color)
{
    const char *unwanted = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    if (no_color || (unwanted && *unwanted))
        return false;
    return isatty(fileno(out)) == 1 && !(term && strcmp(term, "dumb") == 0);
}

bool report_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

const char *report_result(const struct report *report)
{
    return report->going ? "going" : run_result_name(report->result);
}

const struct migration *report_migration(const struct catalog *catalog, int64_t version)
{
    size_t from = 0;
    size_t to = catalog->count;

    while (from < to) { /* the first one behind `version` */
        size_t middle = from + (to - from) / 2;

        if (catalog->migrations[middle].version <= version)
            from = middle + 1;
        else
            to = middle;
    }
    if (from == 0 || catalog->migrations[from - 1].version != version)
        return NULL;
    return &catalog->migrations[from - 1];
}

/* The migration's file name without its folder. */
static const char *base_name(const struct migration *migration)
{
    const char *slash = strrchr(migration->file, '/');

    return slash ? slash + 1 : migration->file;
}

char *report_version(void *parent, const struct catalog *catalog, int64_t version)
{
    const struct migration *migration = report_migration(catalog, version);
    const char *digits;
    size_t len = 0;

    if (!migration)
        return job_version_text(parent, version);
    digits = base_name(migration);
    while (*digits && !isdigit((unsigned char)*digits)) /* Flyway's V */
        digits++;
    while (isdigit((unsigned char)digits[len]))
        len++;
    return len ? mem_strndup(parent, digits, len) : job_version_text(parent, version);
}

char *report_migration_name(void *parent, const struct migration *migration)
{
    static const char *const endings[] = {".up.sql", ".sql", ".cmd.yaml"};
    const char *base = base_name(migration);
    size_t len = strlen(base);

    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        size_t ending = strlen(endings[i]);

        if (len > ending && strcmp(base + len - ending, endings[i]) == 0)
            return mem_strndup(parent, base, len - ending);
    }
    return mem_strdup(parent, base);
}
