/*
 * script.c: a Query with a map of where its statements came from.
 */
#include "worker/script.h"

#include "common/mem.h"
#include "common/text.h"

#include <ctype.h>

void script_init(struct script *script, void *parent)
{
    *script = (struct script){.mem = mem_context(parent)};
    strbuf_init(&script->sql, script->mem);
}

void script_reset(struct script *script)
{
    script->unfinished = (struct script_step){0};
    if (script->count > 0 && script->steps[script->count - 1].statement)
        script->unfinished = script->steps[script->count - 1];
    strbuf_reset(&script->sql);
    script->count = 0;
    script->done = 0;
}

static struct script_step *add_step(struct script *script)
{
    mem_grow(script->mem, &script->steps, &script->capacity, script->count + 1);
    script->steps[script->count] = (struct script_step){.offset = script->sql.len};
    return &script->steps[script->count++];
}

/* Ends a statement. The line end before the semicolon ends a comment that the statement may end in.
 */
static struct script_step *end_step(struct script *script, struct script_step *step)
{
    step->len = script->sql.len - step->offset;
    strbuf_str(&script->sql, "\n;\n");
    return step;
}

struct script_step *script_add(struct script *script, const char *format, ...)
{
    struct script_step *step = add_step(script);
    va_list args;

    if (!strchr(format, '%')) {
        strbuf_str(&script->sql, format);
        return end_step(script, step);
    }
    va_start(args, format);
    strbuf_vprintf(&script->sql, format, args);
    va_end(args);
    return end_step(script, step);
}

struct script_step *script_add_text(struct script *script, const char *sql, size_t len)
{
    struct script_step *step = add_step(script);

    strbuf_add(&script->sql, sql, len);
    return end_step(script, step);
}

void script_begin(struct script *script)
{
    (void)add_step(script);
}

struct script_step *script_end(struct script *script)
{
    return end_step(script, &script->steps[script->count - 1]);
}

struct script_step *script_add_statement(struct script *script, const struct migration *migration,
                                         enum section_kind section,
                                         const struct sql_statement *statement)
{
    return script_add_wrapped(script, "", migration, section, statement, "");
}

struct script_step *script_add_wrapped(struct script *script, const char *before,
                                       const struct migration *migration, enum section_kind section,
                                       const struct sql_statement *statement, const char *behind)
{
    struct script_step *step = add_step(script);

    step->migration = migration;
    step->section = section;
    step->statement = statement;
    step->lead = strlen(before);
    strbuf_str(&script->sql, before);
    strbuf_add(&script->sql, migration->text + statement->start, statement->end - statement->start);
    strbuf_str(&script->sql, behind);
    return end_step(script, step);
}

/* --- running ---------------------------------------------------------------------------------- */

static struct script_step *step_at(struct script *script, size_t statement)
{
    return statement < script->count ? &script->steps[statement] : NULL;
}

static int on_row(void *arg, size_t statement, const PGresult *result, struct err *err)
{
    struct script_step *step = step_at(arg, statement);

    return step && step->row ? step->row(step->arg, result, err) : 0;
}

static void on_shape(void *arg, size_t statement, const PGresult *result)
{
    struct script_step *step = step_at(arg, statement);

    if (step && step->shape)
        step->shape(step->arg, result);
}

/* The row count of "UPDATE 5", "INSERT 0 5"; 0 where the tag has none. */
static int64_t tag_rows(const char *tag)
{
    const char *blank = strrchr(tag, ' ');
    int64_t rows = 0;

    (void)(blank && text_to_int64(blank + 1, 0, INT64_MAX, &rows));
    return rows;
}

static int on_done(void *arg, size_t statement, const char *tag, struct err *err)
{
    struct script *script = arg;
    struct script_step *step = step_at(script, statement);

    /* COMMIT of a failed transaction is no error to the server: it answers with another tag */
    if (step && !step->statement && strcmp(tag, "ROLLBACK") == 0 &&
        strncmp(script->sql.text + step->offset, "COMMIT", 6) == 0)
        return err_set(err, ERR_SQL, "the server rolled the transaction back at COMMIT");
    if (step && step->ret_rows)
        *step->ret_rows = tag_rows(tag);
    script->done = statement + 1;
    return 0;
}

static int on_copy(void *arg, size_t statement, struct session *session, struct err *err)
{
    struct script_step *step = step_at(arg, statement);

    if (step && step->copy)
        return step->copy(step->arg, session, err);
    if (step && step->statement && step->statement->flags & SQL_COPY_STDIN)
        return session_copy_put(session, step->migration->text + step->statement->copy_start,
                                step->statement->copy_end - step->statement->copy_start, err);
    return err_set(err, ERR_SQL, "the statement wants data from the client, and there is none");
}

/* --- where it failed -------------------------------------------------------------------------- */

/* Byte offset of the 1-based character `position`. */
static size_t byte_of(const char *text, size_t len, size_t position)
{
    size_t at = 0;

    for (size_t chars = 1; at < len && chars < position; chars++) {
        at++;
        while (at < len && ((unsigned char)text[at] & 0xC0) == 0x80)
            at++;
    }
    return at;
}

/* The first number behind `word` in the server's CONTEXT, whose other words are translated; 0 =
 * none. */
static int number_behind(const char *context, const char *word)
{
    const char *at = context ? strstr(context, word) : NULL;

    if (!at)
        return 0;
    for (at += strlen(word); *at && *at != '\n'; at++) {
        if (isdigit((unsigned char)*at))
            return (int)strtol(at, NULL, 10);
    }
    return 0;
}

/* The line, counted from 0 at the statement's start, on which the body of a DO begins. */
static int body_line(const char *statement, size_t len)
{
    int line = 0;

    for (size_t i = 0; i < len && statement[i] != '$' && statement[i] != '\''; i++)
        line += statement[i] == '\n';
    return line;
}

static int line_in_statement(const struct script_step *step, const struct session_fault *fault)
{
    const struct sql_statement *statement = step->statement;
    size_t len = statement->end - statement->start;
    int line;

    if (statement->flags & SQL_COPY_STDIN && fault->context) { /* "COPY orders2, line 3: ..." */
        line = number_behind(fault->context, ", ");
        if (line > 0)
            return statement->copy_line + line - 1;
    }
    line = number_behind(fault->context, "inline_code_block");
    if (line > 0)
        return statement->line + body_line(step->migration->text + statement->start, len) + line -
               1;
    return statement->line;
}

/* Puts file, line, column and the statement's text into the err. */
static void place_error(const struct script_step *step, size_t byte, bool exact,
                        const struct session_fault *fault, struct err *err)
{
    const struct sql_statement *statement = step->statement;
    const char *text = step->migration->text + statement->start;
    size_t len = statement->end - statement->start;
    int line, column = 0;

    if (exact && byte <= len) {
        size_t line_start = byte;

        while (line_start > 0 && text[line_start - 1] != '\n')
            line_start--;
        line = statement->line;
        for (size_t i = 0; i < byte; i++)
            line += text[i] == '\n';
        if (line_start > 0) /* else the statement may not begin its line */
            column = (int)text_chars(text + line_start, byte - line_start) + 1;
    } else {
        line = line_in_statement(step, fault);
    }
    err_place(err, migration_section_file(step->migration, step->section), line, column);
    err_statement(err, text, len);
}

static bool is_begin(const struct script *script, const struct script_step *step)
{
    return !step->statement && strncmp(script->sql.text + step->offset, "BEGIN", 5) == 0;
}

/* A step of the file whose transaction the step ends, or NULL: a deferred constraint fails at
 * COMMIT, and of many files in one Query somebody has to know which. */
static const struct script_step *step_ended(const struct script *script,
                                            const struct script_step *step)
{
    for (size_t i = (size_t)(step - script->steps) + 1; i > 0; i--) {
        if (is_begin(script, &script->steps[i - 1]))
            return NULL;
        if (script->steps[i - 1].statement)
            return &script->steps[i - 1];
    }
    return script->unfinished.statement ? &script->unfinished : NULL;
}

static void place_end(const struct script *script, const struct script_step *step, struct err *err)
{
    const struct script_step *of = step_ended(script, step);

    if (of)
        err_place(err, migration_section_file(of->migration, of->section), 0, 0);
}

static void explain(struct script *script, struct session *session, struct err *err)
{
    const struct session_fault *fault = session_fault(session);
    struct script_step *step = step_at(script, fault->statement);
    size_t byte = 0;

    if (!fault->server_message)
        step = step_at(script, script->done); /* nobody said: what was next */
    if (fault->position > 0) {
        byte = byte_of(script->sql.text, script->sql.len, fault->position);
        for (size_t i = 0; i < script->count && script->steps[i].offset <= byte; i++)
            step = &script->steps[i];
    }
    if (!step)
        return;
    script->failed = (size_t)(step - script->steps);
    if (!step->statement) {
        place_end(script, step, err);
        return;
    }
    if (byte >= step->offset + step->lead)
        place_error(step, byte - step->offset - step->lead, fault->position > 0, fault, err);
    else
        place_error(step, 0, false, fault, err);
    if (fault->internal_query && !err->detail)
        err_detail(err, "in the query: %.200s", fault->internal_query);
}

int script_run(struct script *script, struct session *session, struct err *err)
{
    struct session_reader reader = {.arg = script,
                                    .together = script->together,
                                    .row = on_row,
                                    .shape = on_shape,
                                    .done = on_done,
                                    .copy = on_copy};

    script->done = 0;
    script->failed = 0;
    if (session_query(session, script->sql.text, &reader, err) == 0)
        return 0;
    explain(script, session, err);
    return -1;
}

bool script_cut_unparsed(struct script *script, const struct err *err)
{
    size_t begin = script->failed;

    if (script->done > 0 || strcmp(err->sqlstate, "42601") != 0)
        return false;
    while (begin > 0 && !is_begin(script, &script->steps[begin]))
        begin--;
    if (begin == 0)
        return false;
    script->sql.len = script->steps[begin].offset;
    script->sql.text[script->sql.len] = '\0';
    script->count = begin;
    return true;
}
