/*
 * report.h: what every report is made from: a run's request and result, and how to show them.
 *
 * The reports themselves: report_summary (migrate, seed), report_status, report_plan,
 * report_validate, report_list for people; report_json, report_csv, report_junit and
 * report_prometheus for programs; report_markdown and report_html for people elsewhere;
 * report_file to write one to a file. A text report goes to the FILE given and ends with one totals
 * line. All return 0, or -1 with errno set when the FILE could not be written. Main thread.
 */
#ifndef ORCHESTRATOR_REPORT_H
#define ORCHESTRATOR_REPORT_H

#include "common/base.h"
#include "orchestrator/run.h"

struct report {
    const struct run_request *request;
    const struct run_result *result;
    int (*as_text)(const struct report *report, FILE *out); /* the report of this operation for
                                                               people, on a terminal */
    int exit_code;                                          /* the one the process will end with */
    size_t suspended; /* tenants that the selection named but that are suspended */
    bool color;       /* ANSI colours; report_color_wanted() decides */
    bool utf8;        /* non-ASCII signs such as the multiplication sign may be used */
    bool verbose;     /* -v */
    bool recorded;    /* the run is in the ledger: resume and retry can go on with it */
    bool going;       /* the run is still at work, and this is how far it is */
    bool quiet;       /* -q: problems only; nothing at all when there is none */
    bool document;    /* read from its top: the ending first, and every cause */
    char host[256];   /* where the run ran */
};

/*
 * Fills `report` for this process: host and utf8 by the system, colour off. The caller then sets
 * what it knows better. `request` and `result` are lent and must outlive the report.
 */
void report_init(struct report *report, const struct run_request *request,
                 const struct run_result *result, int exit_code);

/* Colours fit for `out`: a terminal, not TERM=dumb, no NO_COLOR in the environment, not --no-color.
 */
bool report_color_wanted(FILE *out, bool no_color);

/* The locale (setlocale(LC_CTYPE, "") was called by main) is UTF-8. */
bool report_utf8(void);

/* "succeeded", ... as run_result_name() has it, or "going". */
const char *report_result(const struct report *report);

/* A version as its file name writes it ("0039"), "-" for 0. Owned by `parent`. */
char *report_version(void *parent, const struct catalog *catalog, int64_t version);

/* The migration of this version (the last one where there are several), or NULL. */
const struct migration *report_migration(const struct catalog *catalog, int64_t version);

/* A migration as its file is called, without folder and ending: "0039_handles", "R_views". */
char *report_migration_name(void *parent, const struct migration *migration);

#endif
