/*
 * migration.c: one migration file: its name, its sections, its checksums.
 *
 * The file is read section by section: the scan of one ends at the next marker comment. Since the
 * lexer finds the markers, none is seen in a string, a block comment or COPY data, and whatever a
 * section leaves open is an error of that section.
 */
#include "catalog/migration.h"

#include "catalog/foreign.h"
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

/* --- names ---------------------------------------------------------------------------------- */

static int fail_name(const char *base, const char *hint, struct err *err)
{
    err_set(err, ERR_DATA, "\"%s\" is not the name of a migration", base);
    err_hint(err, "%s", hint);
    return -1;
}

static int fail_foreign(const char *tool, struct err *err)
{
    err_set(err, ERR_DATA, "a file of %s, which pgtide does not read yet", tool);
    err_hint(err, "Name it \"<version>_<name>.sql\" and mark its parts with \"-- pgtide:up\" and "
                  "\"-- pgtide:down\".");
    return -1;
}

/* Names go into the history and on terminals: no control characters. */
static bool is_printable(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7F)
            return false;
    }
    return true;
}

static int parse_version(void *parent, const char *base, size_t stem, struct migration *ret,
                         struct err *err)
{
    size_t digits = strspn(base, "0123456789");

    if (digits == 0 || base[digits] == '.')
        return fail_name(base,
                         "Names are \"<version>_<name>.sql\" with a version of 1 to 18 digits, or "
                         "\"R_<name>.sql\"; README*, *.md and dot files may stand beside them.",
                         err);
    if (digits > 18)
        return fail_name(base, "A version has 18 digits at most.", err);
    if (base[digits] != '_')
        return fail_name(base, "Between version and name stands \"_\": \"<version>_<name>.sql\".",
                         err);
    if (digits + 1 >= stem)
        return fail_name(base, "Behind the version and \"_\" stands a name.", err);
    ret->version = strtoll(base, NULL, 10);
    if (ret->version == 0)
        return fail_name(base, "The first version is 1.", err);
    ret->kind = MIGRATION_VERSIONED;
    ret->name = mem_strndup(parent, base + digits + 1, stem - digits - 1);
    return 0;
}

int migration_parse_name(void *parent, const char *base, struct migration *ret, struct err *err)
{
    const char *tool = foreign_name(base);
    size_t len = strlen(base);
    size_t stem = len >= 4 ? len - 4 : 0;

    if (tool)
        return fail_foreign(tool, err);
    if (!is_printable(base)) {
        char *shown = text_printable(NULL, base);

        fail_name(shown, "It has a control character in it.", err);
        talloc_free(shown);
        return -1;
    }
    if (stem == 0 || strcmp(base + stem, ".sql") != 0)
        return fail_name(base,
                         "Migrations end in \".sql\"; README*, *.md and dot files may stand beside "
                         "them.",
                         err);
    ret->label = mem_strndup(parent, base, stem);
    if (strncmp(base, "R_", 2) != 0)
        return parse_version(parent, base, stem, ret, err);
    if (stem == 2)
        return fail_name(base, "Behind \"R_\" stands a name.", err);
    ret->kind = MIGRATION_REPEATABLE;
    ret->version = 0;
    ret->name = mem_strndup(parent, base + 2, stem - 2);
    return 0;
}

/* --- sections ------------------------------------------------------------------------------- */

struct parser {
    void *parent;
    struct migration *migration;
    struct err_list *errors;
    struct migration_directives directives;
    bool seed;
    enum section_kind section; /* being read; SECTION_KINDS: before the first marker */
    bool ended;                /* by this marker: */
    struct sql_comment marker;
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

static enum sql_comment_verdict fail_foreign_marker(struct parser *p, const char *tool, int line,
                                                    struct err *err)
{
    fail_foreign(tool, err);
    err_place(err, p->migration->file, line, 0);
    return SQL_COMMENT_FAIL;
}

static enum sql_comment_verdict on_comment(void *arg, const struct sql_comment *comment,
                                           struct err *err)
{
    struct parser *p = arg;
    const char *text = p->migration->text + comment->start + 2;
    const char *tool = foreign_marker(text, comment->end - comment->start - 2);
    struct pgtide_comment found;

    if (tool)
        return fail_foreign_marker(p, tool, comment->line, err);
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
    if (is_directive_line(&found)) {
        if (p->section != SECTION_KINDS || comment->count > 0 || comment->inside)
            return fail_comment(p, comment, err, "directive below the top of the file",
                                "Move it above the first marker and the first statement.");
        migration_directives_read(&p->directives, found.words, found.len, comment->line,
                                  SECTION_KINDS);
        return SQL_COMMENT_PASS;
    }
    p->ended = true;
    p->marker = *comment;
    return SQL_COMMENT_ENDS;
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

/* Reads the marker that ended the last scan; -1 when it names no section. */
static int begin_section(struct parser *p)
{
    struct pgtide_comment marker;
    struct section *section;
    enum section_kind kind;
    size_t len;

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
    section = &p->migration->sections[kind];
    if (section->present) {
        struct err *err = err_list_add(p->errors);

        err_set_at(err, ERR_DATA, p->migration->file, p->marker.line, 0, "second section \"%s\"",
                   section_names[kind]);
        err_hint(err, "The first one begins in line %d; put both into one.", section->line);
        return -1;
    }
    section->present = true;
    section->line = p->marker.line;
    p->section = kind;
    migration_directives_read(&p->directives, marker.words + len, marker.len - len, p->marker.line,
                              kind);
    return 0;
}

/* Keeps what the scan of a section found. */
static void end_section(struct parser *p, const struct sql_script *script)
{
    if (p->section == SECTION_KINDS && p->ended) {
        if (script->count > 0) {
            struct err *err = err_list_add(p->errors);

            err_set_at(err, ERR_DATA, p->migration->file, script->statements[0].line, 0,
                       "statement before the first marker");
            err_hint(err, "Write \"-- pgtide:up\" before it.");
        }
        return;
    }
    if (p->section == SECTION_KINDS) { /* no marker at all: the file is the up section */
        p->section = SECTION_UP;
        p->migration->sections[SECTION_UP] = (struct section){.present = true, .line = 1};
    }
    p->migration->sections[p->section].statements = script->statements;
    p->migration->sections[p->section].count = script->count;
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
            err_move(err_list_add(p->errors), &err);
            return -1;
        }
        end_section(p, &script);
        pos = p->marker.end;
        if (p->ended && begin_section(p) < 0)
            return -1;
    } while (p->ended);
    return 0;
}

static int parse(void *parent, const char *bytes, size_t len, bool seed, struct migration *ret,
                 struct err_list *errors)
{
    size_t before = errors->count;
    struct parser p = {
        .parent = parent,
        .migration = ret,
        .errors = errors,
        .seed = seed,
        .section = SECTION_KINDS,
    };
    const struct section *up = &ret->sections[SECTION_UP];

    ret->text = text_file_normalise(parent, bytes, len, &ret->len);
    memset(ret->sections, 0, sizeof(ret->sections));
    p.directives = migration_directives_init(parent, ret->file, &ret->directives, errors);
    if (read_sections(&p) == 0)
        migration_rules_check(ret, seed, errors);
    if (errors->count > before)
        return -1;
    ret->checksum = sha256_text(parent, ret->text, ret->len);
    ret->mentions_role =
        strcasestr(ret->text, "role") != NULL || strcasestr(ret->text, "authorization") != NULL;
    ret->code_checksum = sql_code_checksum_of(parent, ret->text, up->statements, up->count);
    return 0;
}

int migration_parse(void *parent, const char *bytes, size_t len, struct migration *ret,
                    struct err_list *errors)
{
    return parse(parent, bytes, len, false, ret, errors);
}

int migration_parse_seed(void *parent, const char *bytes, size_t len, struct migration *ret,
                         struct err_list *errors)
{
    return parse(parent, bytes, len, true, ret, errors);
}
