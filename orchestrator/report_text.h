/*
 * report_text.h: the turns of phrase that progress and all text reports share: a cause in one line,
 * a list of names, the totals line; and text of others made harmless.
 *
 * Names and messages come from files and servers, so none of it reaches a terminal unchanged:
 * report_text_line() is the only way.
 */
#ifndef ORCHESTRATOR_REPORT_TEXT_H
#define ORCHESTRATOR_REPORT_TEXT_H

#include "common/strbuf.h"
#include "orchestrator/report.h"

enum report_ink { INK_OFF, INK_BAD, INK_WARN, INK_GOOD, INK_DIM, INK_BOLD };

/* The escape sequence, or "" without colour. Constant. */
const char *report_text_ink(bool color, enum report_ink ink);

/*
 * Untrusted text as one printable line: white space runs become a blank, control characters and
 * bytes that are not UTF-8 become \xHH. Cut at `columns` with "..." at its end; 0 = never cut.
 * Owned by `parent`.
 */
char *report_text_line(void *parent, const char *text, size_t columns);

/* Untrusted text with its white space as it stands; the rest as above. Owned by `parent`. */
char *report_text_verbatim(void *parent, const char *text, size_t len);

/* Valid UTF-8: each bad byte replaced by U+FFFD. Owned by `parent`. */
char *report_text_utf8(void *parent, const char *text);

/* A word for a POSIX shell, quoted only where it must be. Owned by `parent`. */
char *report_text_shell(void *parent, const char *word);

/* "1 tenant", "2 tenants". Owned by `parent`. */
char *report_text_count(void *parent, size_t count, const char *noun);

/* "23505 duplicate key ... at 0039_handles.sql:4", of the parts known; `message` instead of the
 * err's own unless NULL. The file is named from the catalog's folder on. */
void report_text_cause(struct strbuf *out, const struct catalog *catalog, const struct err *err,
                       const char *message);

/* "store-0003, store-0017 and 33 more"; all names where `all` or when there are few. */
void report_text_names(struct strbuf *out, const struct job *const *jobs, size_t count, bool all);

/* "halted: 4 failed, 3 tolerated (max_failures); 2 were in work", without a line end. */
void report_text_halt(struct strbuf *out, const struct run_halt *halt);

/* "bundle shop-1.20.tar, sha256:..." with its line end; nothing where a folder was read. */
void report_text_bundle(struct strbuf *out, const struct catalog *catalog);

/* The totals line with its line end: of a run that migrates, or of one that reads. */
void report_text_totals(struct strbuf *out, const struct report *report);

/* What the outcome is called in this report: "rolled back" for "migrated" where that was done. */
const char *report_text_outcome(enum job_action action, enum outcome outcome);

/* Tenants that are not where they should be (pending is no problem). */
size_t report_text_problems(const size_t totals[OUTCOME_COUNT]);

/* Writes and flushes. 0, or -1 with errno set. */
int report_text_write(const struct strbuf *text, FILE *out) MUST_CHECK;

#endif
