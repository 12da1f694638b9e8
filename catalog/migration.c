/*
 * migration.c: one migration file: its sections, its checksums.
 *
 * The file is read section by section: the scan of one ends at the next marker comment. Since the
 * lexer finds the markers, none is seen in a string, a block comment or COPY data, and whatever a
 * section leaves open is an error of that section.
 */
#include "catalog/migration.h"

#include "catalog/foreign.h"
#include "catalog/migration_command.h"
#include "catalog/migration_directives.h"
#include "catalog/migration_rules.h"
#include "catalog/text_file.h"
#include "common/mem.h"
#include "common/sha256.h"
#include "common/text.h"

#include <ctype.h>
#include <strings.h>

static const char *const section_names[SECTION_KINDS] = {
    [SECTION_UP] = "up",           [SECTION_DOWN] = "down", [SECTION_VERIFY] = "verify",
    [SECTION_REQUIRE] = "require", [SECTION_WHEN] = "when",
};

const char *section_name(enum section_kind kind)
{
    return section_names[kind];
}

/* --- sections ------------------------------------------------------------------------------- */

struct parser {
    void *parent;
    struct migration *migration;
    struct err_list *errors;
    struct migration_directives directives;
    struct foreign_reading foreign;
    bool seed;
    enum section_kind section; /* being read; SECTION_KINDS: before the first marker */
    bool ended;                /* by this marker: */
    struct sql_comment marker;
    enum foreign_verdict verdict; /* what the marker is: of another tool, or FOREIGN_NONE */
    struct foreign_section foreign_section;
};

/* A "pgtide:" comment: what it says behind the colon. */
struct pgtide_comment {
    const char *words;
    size_t len;
    bool exact; /* written in lower case at the beginning of its line */
};

/* Whether the comment is meant for pgtide. */
static bool is_for_pgtide(const struct migration *m, const struct sql_comment *comment,
                          struct pgtide_comment *ret)
{
    const char *start = m->text + comment->start + 2;
    const char *end = m->text + comment->end;

    while (start < end && (*start == ' ' || *start == '\t'))
        start++;
    if (end - start < 7 || strncasecmp(start, "pgtide:", 7) != 0)
        return false;
    *ret = (struct pgtide_comment){
        .words = start + 7,
        .len = (size_t)(end - start) - 7,
        .exact = comment->first_column && memcmp(start, "pgtide:", 7) == 0,
    };
    return true;
}

/* The first word of a marker or directive line. */
static size_t first_word(const struct pgtide_comment *comment)
{
    size_t len = 0;

    while (len < comment->len && !isspace((unsigned char)comment->words[len]))
        len++;
    return len;
}

/* "-- pgtide: key=value" or, as it can mean nothing else, "-- pgtide:key=value". */
static bool is_directive_line(const struct pgtide_comment *comment)
{
    size_t len = first_word(comment);

    return len == 0 || memchr(comment->words, '=', len);
}

/* "-- pgtide down": a marker whose colon was forgotten. */
static bool lacks_colon(const struct migration *m, const struct sql_comment *comment)
{
    const char *start = m->text + comment->start + 2;
    const char *end = m->text + comment->end;

    while (start < end && isblank((unsigned char)*start))
        start++;
    while (end > start && isspace((unsigned char)end[-1]))
        end--;
    for (size_t i = 0; i < SECTION_KINDS; i++) {
        size_t len = strlen(section_names[i]);

        if ((size_t)(end - start) > 7 + len - 1 && strncasecmp(start, "pgtide ", 7) == 0 &&
            strncasecmp(end - len, section_names[i], len) == 0 &&
            strspn(start + 7, " \t") == (size_t)(end - start) - 7 - len)
            return true;
    }
    return false;
}

static enum sql_comment_verdict fail_comment(struct parser *p, const struct sql_comment *comment,
                                             struct err *err, const char *message, const char *hint)
{
    err_set_at(err, ERR_DATA, p->migration->file, comment->line, 0, "%s", message);
    err_hint(err, "%s", hint);
    return SQL_COMMENT_FAIL;
}

static enum sql_comment_verdict end_at(struct parser *p, const struct sql_comment *comment)
{
    p->ended = true;
    p->marker = *comment;
    return SQL_COMMENT_ENDS;
}

/* A marker of another tool was read. */
static enum sql_comment_verdict on_foreign(struct parser *p, const struct sql_comment *comment,
                                           struct err *err)
{
    if (p->seed)
        return fail_comment(p, comment, err, "marker of a migration tool in a seed",
                            "Seeds have no sections and no directives; delete the line.");
    if (p->verdict == FOREIGN_FAIL) {
        err_place(err, p->migration->file, comment->line, 0);
        return SQL_COMMENT_FAIL;
    }
    p->migration->format = p->foreign.format;
    return p->verdict == FOREIGN_PASS ? SQL_COMMENT_PASS : end_at(p, comment);
}

static enum sql_comment_verdict on_directives(struct parser *p, const struct sql_comment *comment,
                                              const struct pgtide_comment *found, struct err *err)
{
    if (p->migration->way_back)
        return fail_comment(p, comment, err, "directive in a file that is a way back",
                            "Move it to the top of the file of the change; it holds for both.");
    if (p->section != SECTION_KINDS || comment->count > 0 || comment->inside)
        return fail_comment(p, comment, err, "directive below the top of the file",
                            "Move it above the first marker and the first statement.");
    migration_directives_read(&p->directives, found->words, found->len, comment->line,
                              SECTION_KINDS);
    return SQL_COMMENT_PASS;
}

static enum sql_comment_verdict
fail_native_marker(struct parser *p, const struct sql_comment *comment, struct err *err)
{
    err_set_at(err, ERR_DATA, p->migration->file, comment->line, 0,
               "marker of pgtide in a file of %s", foreign_tool(p->migration->format));
    err_hint(err, "Sections of pgtide's own need pgtide's own form: \"<version>_<name>.sql\" with "
                  "\"-- pgtide:up\".");
    return SQL_COMMENT_FAIL;
}

static enum sql_comment_verdict on_comment(void *arg, const struct sql_comment *comment,
                                           struct err *err)
{
    struct parser *p = arg;
    struct pgtide_comment found;

    p->verdict = foreign_read(&p->foreign, comment, p->migration->text + comment->start + 2,
                              comment->end - comment->start - 2, &p->foreign_section, err);
    if (p->verdict != FOREIGN_NONE)
        return on_foreign(p, comment, err);
    if (lacks_colon(p->migration, comment))
        return fail_comment(p, comment, err, "marker without a colon",
                            "Write \"-- pgtide:up\", \"-- pgtide:down\", and so on.");
    if (!is_for_pgtide(p->migration, comment, &found))
        return SQL_COMMENT_PASS;
    if (p->seed)
        return fail_comment(p, comment, err, "marker or directive in a seed",
                            "Seeds have no sections and no directives; delete the line.");
    if (!found.exact)
        return fail_comment(p, comment, err, "marker or directive that is not at its place",
                            "\"-- pgtide:\" is written in lower case at the beginning of a line.");
    if (is_directive_line(&found))
        return on_directives(p, comment, &found, err);
    if (p->migration->format != MIGRATION_PGTIDE)
        return fail_native_marker(p, comment, err);
    p->foreign.marked = true;
    return end_at(p, comment);
}

static void fail_unknown_marker(struct parser *p, const char *word)
{
    const char *nearest = text_nearest(word, section_names, SECTION_KINDS);
    struct err *err = err_list_add(p->errors);

    err_set_at(err, ERR_DATA, p->migration->file, p->marker.line, 0,
               "unknown marker \"-- pgtide:%s\"", word);
    if (nearest)
        err_hint(err, "Did you mean \"-- pgtide:%s\"?", nearest);
    else
        err_hint(err, "The markers are up, down, verify, require and when; directives are "
                      "written \"-- pgtide: key=value\".");
}

static int open_section(struct parser *p, enum section_kind kind)
{
    struct section *section = &p->migration->sections[kind];
    struct err *err;

    if (!section->present) {
        section->present = true;
        section->line = p->marker.line;
        p->section = kind;
        return 0;
    }
    err = err_list_add(p->errors);
    err_set_at(err, ERR_DATA, p->migration->file, p->marker.line, 0, "second section \"%s\"",
               section_names[kind]);
    err_hint(err, "The first one begins in line %d; put both into one.", section->line);
    return -1;
}

/* Reads the marker that ended the last scan; -1 when it names no section. */
static int begin_section(struct parser *p)
{
    struct pgtide_comment marker;
    enum section_kind kind;
    size_t len;

    if (p->verdict == FOREIGN_CUT)
        return 0; /* the section goes on */
    if (p->verdict == FOREIGN_SECTION) {
        kind = p->foreign_section.kind;
        if (open_section(p, kind) < 0)
            return -1;
        p->migration->sections[kind].no_transaction = p->foreign_section.no_transaction;
        return 0;
    }
    if (!is_for_pgtide(p->migration, &p->marker, &marker))
        return -1;
    len = first_word(&marker);
    for (kind = 0; kind < SECTION_KINDS; kind++) {
        if (strlen(section_names[kind]) == len &&
            memcmp(section_names[kind], marker.words, len) == 0)
            break;
    }
    if (kind == SECTION_KINDS) {
        char *word = mem_strndup(NULL, marker.words, len);

        fail_unknown_marker(p, word);
        talloc_free(word);
        return -1;
    }
    if (open_section(p, kind) < 0)
        return -1;
    migration_directives_read(&p->directives, marker.words + len, marker.len - len, p->marker.line,
                              kind);
    return 0;
}

/* A goose section comes in several pieces. */
static void add_statements(struct parser *p, struct section *section,
                           const struct sql_script *script)
{
    struct sql_statement *all =
        mem_array(p->parent, struct sql_statement, section->count + script->count);

    if (section->count > 0)
        memcpy(all, section->statements, section->count * sizeof(*all));
    if (script->count > 0)
        memcpy(all + section->count, script->statements, script->count * sizeof(*all));
    talloc_free(section->statements);
    talloc_free(script->statements);
    section->statements = all;
    section->count += script->count;
}

/* Keeps what the scan of a section, or a piece of one, found. */
static void end_section(struct parser *p, const struct sql_script *script)
{
    enum section_kind whole = p->migration->way_back ? SECTION_DOWN : SECTION_UP;

    if (p->section == SECTION_KINDS && p->ended) {
        if (script->count > 0) {
            struct err *err = err_list_add(p->errors);

            err_set_at(err, ERR_DATA, p->migration->file, script->statements[0].line, 0,
                       "statement before the first marker");
            err_hint(err, "Write \"%s\" before it.", foreign_up_marker(p->migration->format));
        }
        return;
    }
    if (p->section == SECTION_KINDS) { /* no marker at all: the file is one section */
        p->section = whole;
        p->migration->sections[whole] = (struct section){.present = true, .line = 1};
    }
    add_statements(p, &p->migration->sections[p->section], script);
}

static int read_sections(struct parser *p)
{
    struct migration *m = p->migration;
    size_t pos = 0;

    do {
        struct sql_script script;
        struct err err = ERR_INIT;

        p->ended = false;
        if (sql_scan(p->parent, m->file, m->text, pos, m->len, on_comment, p, &script, &err) < 0) {
            if (p->ended)
                err_detail(&err, "The section ends at the marker in line %d.", p->marker.line);
            err_list_take(p->errors, &err);
            return -1;
        }
        end_section(p, &script);
        pos = p->marker.end;
        if (p->ended && begin_section(p) < 0)
            return -1;
    } while (p->ended);
    if (p->foreign.block_line) {
        struct err *err = err_list_add(p->errors);

        err_set_at(err, ERR_DATA, m->file, p->foreign.block_line, 0,
                   "StatementBegin without StatementEnd");
        err_hint(err, "Write \"-- +goose StatementEnd\" behind the statement.");
        return -1;
    }
    return 0;
}

/* golang-migrate and Flyway have no word for it: a file of nothing else runs outside one. */
static bool needs_no_transaction(const struct migration *m, const struct section *section)
{
    if (m->format != MIGRATION_GOLANG_MIGRATE && m->format != MIGRATION_FLYWAY)
        return false;
    for (size_t i = 0; i < section->count; i++) {
        if (!(section->statements[i].flags & SQL_NO_TRANSACTION))
            return false;
    }
    return section->count > 0;
}

/* Which sections run outside a transaction. */
static void settle_transactions(struct parser *p)
{
    struct migration *m = p->migration;

    m->directives.transaction_none |= p->foreign.no_transaction;
    for (enum section_kind kind = SECTION_UP; kind <= SECTION_DOWN; kind++) {
        struct section *section = &m->sections[kind];

        section->no_transaction |=
            m->directives.transaction_none || needs_no_transaction(m, section);
    }
    m->directives.transaction_none = m->sections[SECTION_UP].no_transaction;
}

static bool may_touch_session(const char *text)
{
    static const char *const words[] = {"role", "authorization", "deallocate", "discard",
                                        "temp", "hold",          "listen"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcasestr(text, words[i]))
            return true;
    }
    return false;
}

static int parse(void *parent, const char *bytes, size_t len, bool seed, struct migration *ret,
                 struct err_list *errors)
{
    size_t before = errors->count;
    struct parser p = {
        .parent = parent,
        .migration = ret,
        .errors = errors,
        .foreign = {.format = ret->format},
        .seed = seed,
        .section = SECTION_KINDS,
    };
    const struct section *up = &ret->sections[SECTION_UP];

    ret->text = text_file_normalise(parent, bytes, len, &ret->len);
    memset(ret->sections, 0, sizeof(ret->sections));
    p.directives = migration_directives_init(parent, ret->file, &ret->directives, errors);
    if (read_sections(&p) == 0) {
        settle_transactions(&p);
        migration_rules_check(ret, seed, errors);
    }
    if (errors->count > before)
        return -1;
    ret->checksum = sha256_text(parent, ret->text, ret->len);
    ret->touches_session = may_touch_session(ret->text);
    ret->code_checksum = sql_code_checksum_of(parent, ret->text, up->statements, up->count);
    return 0;
}

int migration_parse(void *parent, const char *bytes, size_t len, struct migration *ret,
                    struct err_list *errors)
{
    if (migration_command_is(ret))
        return migration_command_parse(parent, bytes, len, ret, errors);
    return parse(parent, bytes, len, false, ret, errors);
}

int migration_parse_seed(void *parent, const char *bytes, size_t len, struct migration *ret,
                         struct err_list *errors)
{
    return parse(parent, bytes, len, true, ret, errors);
}

/* --- pairs ---------------------------------------------------------------------------------- */

void migration_add_way_back(void *parent, struct migration *migration,
                            const struct migration *way_back)
{
    const struct section *up = &migration->sections[SECTION_UP];
    struct section *down = &migration->sections[SECTION_DOWN];
    size_t base = migration->len;
    char *text = mem_array(parent, char, base + way_back->len + 1);

    memcpy(text, migration->text, base);
    memcpy(text + base, way_back->text, way_back->len);
    migration->text = text;
    migration->len = base + way_back->len;
    migration->touches_session |= way_back->touches_session;
    *down = way_back->sections[SECTION_DOWN];
    down->file = way_back->file;
    /* a directive at the top of the change holds for both, what its statements need does not */
    down->no_transaction |= up->no_transaction && !needs_no_transaction(migration, up);
    for (size_t i = 0; i < down->count; i++) {
        struct sql_statement *statement = &down->statements[i];

        statement->start += base;
        statement->end += base;
        statement->copy_start += base;
        statement->copy_end += base;
    }
}

const char *migration_section_file(const struct migration *migration, enum section_kind kind)
{
    const char *file = migration->sections[kind].file;

    return file ? file : migration->file;
}
