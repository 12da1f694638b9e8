/*
 * report_file.c: a report in a file, written beside it and renamed when it is whole.
 */
#include "orchestrator/report_file.h"

#include "common/mem.h"
#include "common/text.h"
#include "orchestrator/report_csv.h"
#include "orchestrator/report_html.h"
#include "orchestrator/report_json.h"
#include "orchestrator/report_junit.h"
#include "orchestrator/report_markdown.h"
#include "orchestrator/report_prometheus.h"

#include <errno.h>
#include <libgen.h>
#include <sys/stat.h>
#include <unistd.h>

typedef int report_write_fn(const struct report *report, FILE *out);

/* Who writes the format that the ending of `path` names; NULL: nobody. */
static report_write_fn *writer_of(const char *path)
{
    static const struct {
        const char *ending;
        report_write_fn *write;
    } formats[] = {
        {".json", report_json}, {".html", report_html}, {".md", report_markdown},
        {".csv", report_csv},   {".xml", report_junit}, {".prom", report_prometheus},
    };
    const char *slash = strrchr(path, '/');
    const char *ending = strrchr(slash ? slash : path, '.');

    for (size_t i = 0; ending && i < ARRAY_LEN(formats); i++) {
        if (strcmp(ending, formats[i].ending) == 0)
            return formats[i].write;
    }
    return NULL;
}

/* The folder of `path`. Owned by `mem`. */
static const char *folder_of(void *mem, const char *path)
{
    return dirname(mem_strdup(mem, path));
}

int report_file_check(const char *path, struct err *err)
{
    void *mem = mem_context(NULL);
    const char *folder = folder_of(mem, path);
    int rc = 0;

    if (!writer_of(path)) {
        rc = err_set(err, ERR_USAGE, "report file \"%s\" has an ending pgtide cannot write", path);
        err_hint(err,
                 "Give it a name that ends in .json, .html, .md, .csv, .xml (JUnit) or .prom.");
    } else if (access(folder, W_OK | X_OK) < 0) {
        rc = err_set(err, ERR_NOINPUT, "report file \"%s\" cannot be written: folder \"%s\": %s",
                     path, folder, strerror(errno));
    }
    talloc_free(mem);
    return rc;
}

/* The permissions an ordinary open(2) would have given. */
static mode_t usual_mode(void)
{
    mode_t mask = umask(0);

    umask(mask);
    return 0666 & ~mask;
}

/* Closes `out` in any case. 0, or -1 with errno set. */
static int write_and_close(const struct report *report, const char *path, FILE *out, bool sync)
{
    int rc = writer_of(path)(report, out);
    int saved = errno;

    if (rc == 0 && sync && fsync(fileno(out)) < 0) {
        rc = -1;
        saved = errno;
    }
    if (fclose(out) != 0 && rc == 0)
        return -1;
    errno = saved;
    return rc;
}

/* A pipe or device cannot be replaced, only written to. */
static int write_in_place(const struct report *report, const char *path)
{
    FILE *out = fopen(path, "w");

    return out ? write_and_close(report, path, out, false) : -1;
}

static int write_and_rename(const struct report *report, const char *path)
{
    char *temporary = mem_printf(NULL, "%s.XXXXXX", path);
    int fd = mkstemp(temporary);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
    int rc = -1;
    int saved;

    if (out && fchmod(fd, usual_mode()) == 0) {
        rc = write_and_close(report, path, out, true);
        if (rc == 0)
            rc = rename(temporary, path);
    } else if (out) {
        fclose(out);
    } else if (fd >= 0) {
        close(fd);
    }
    saved = errno;
    if (rc < 0 && fd >= 0)
        unlink(temporary);
    talloc_free(temporary);
    errno = saved;
    return rc;
}

int report_file_write(const struct report *report, const char *path, struct err *err)
{
    struct stat status;
    bool special = stat(path, &status) == 0 && !S_ISREG(status.st_mode);
    int rc = special ? write_in_place(report, path) : write_and_rename(report, path);

    if (rc < 0)
        return err_set(err, ERR_INTERNAL, "could not write report file \"%s\": %s", path,
                       strerror(errno));
    return 0;
}
