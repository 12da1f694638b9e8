/*
 * script.h: the text of one Query that remembers where each statement came from.
 *
 * A script is filled statement by statement, sent as one Query, and when the server reports an
 * error the script knows which migration file, line and statement it was. The COPY data of a
 * migration's statements is sent by script_run itself.
 *
 *     struct script script;
 *     script_init(&script, ctx);
 *     script_add(&script, "SELECT 1");
 *     script_add_statement(&script, migration, SECTION_UP, &statement);
 *     if (script_run(&script, session, &err) < 0) ...       -- err has file, line, statement
 */
#ifndef WORKER_SCRIPT_H
#define WORKER_SCRIPT_H

#include "catalog/migration.h"
#include "common/base.h"
#include "common/err.h"
#include "common/strbuf.h"
#include "worker/session.h"

typedef int script_row_fn(void *arg, const PGresult *row, struct err *err);
typedef void script_shape_fn(void *arg, const PGresult *result);
typedef int script_copy_fn(void *arg, struct session *session, struct err *err);

/* One statement of the Query. Of pgtide's own statements all but offset, len may be empty. */
struct script_step {
    size_t offset; /* in script.sql */
    size_t len;
    size_t lead;                           /* bytes of pgtide's own before the migration's text */
    const struct migration *migration;     /* whose work it is; NULL: none's */
    const struct sql_statement *statement; /* NULL: pgtide's own */
    enum section_kind section;
    script_row_fn *row;     /* called for each row it returns, or with all of them: `together` */
    script_shape_fn *shape; /* and behind these, with their columns and no row */
    script_copy_fn *copy;
    void *arg;         /* for row, shape and copy */
    int64_t *ret_rows; /* receives the row count of its command tag; or NULL */
};

struct script {
    void *mem; /* owner of all of it */
    struct strbuf sql;
    struct script_step *steps;
    size_t count;
    size_t capacity;
    bool together;                 /* see struct session_reader */
    size_t failed;                 /* after script_run: the step at fault, where it is known */
    size_t done;                   /* after script_run: how many steps the server completed */
    struct script_step unfinished; /* of a file that has more to come: the last step before
                                      script_reset, when it was the file's */
};

void script_init(struct script *script, void *parent);
void script_reset(struct script *script); /* empties it */

/* Appends one statement of pgtide's own (without semicolon). The step returned is valid until the
 * next add. */
struct script_step *script_add(struct script *script, const char *format, ...) PRINTF_LIKE(2, 3);

/* The same without formatting. */
struct script_step *script_add_text(struct script *script, const char *sql, size_t len);

/* The same by pieces: between these two the caller appends to script->sql. */
void script_begin(struct script *script);
struct script_step *script_end(struct script *script);

/* Appends a statement of a migration as it stands in the file. */
struct script_step *script_add_statement(struct script *script, const struct migration *migration,
                                         enum section_kind section,
                                         const struct sql_statement *statement);

/* The same with text of pgtide's own around it: "SELECT (" and ")". */
struct script_step *script_add_wrapped(struct script *script, const char *before,
                                       const struct migration *migration, enum section_kind section,
                                       const struct sql_statement *statement, const char *behind);

/*
 * Sends the script as one Query, reads all of the answers. On failure the err has the place: file,
 * line (by the error's position, else the line of the statement), statement text. An error of
 * pgtide's own statements behind a file's, its history row or COMMIT, has the file.
 */
int script_run(struct script *script, struct session *session, struct err *err) MUST_CHECK;

/*
 * After a failed script_run of which the server ran nothing, because it did not understand a file's
 * statement: cuts the script before the BEGIN of that file's transaction. False: there is nothing
 * before it, or it was another failure.
 */
bool script_cut_unparsed(struct script *script, const struct err *err);

#endif
