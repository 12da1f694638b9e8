/*
 * fuzz_sql_scan.c: whatever the bytes are, the lexer stays within them and loses nothing of them.
 *
 * With clang:   -fsanitize=fuzzer,address
 * With any cc:  together with fuzz_main.c
 */
#include "catalog/migration.h"
#include "catalog/sql_token.h"
#include "common/mem.h"
#include "common/strbuf.h"

#define CHECK(condition) check((condition), #condition, __LINE__)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check(bool holds, const char *condition, int line)
{
    if (!holds) {
        fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, line, condition);
        abort();
    }
}

static int line_at(const char *text, size_t offset)
{
    int line = 1;

    for (size_t i = 0; i < offset; i++)
        line += text[i] == '\n';
    return line;
}

/* Between statements stands nothing but white space, comments and semicolons. */
static void check_gap(const char *text, size_t from, size_t to)
{
    struct sql_token token;

    while ((token = sql_token_next_code(text, from, to)).kind != SQL_TOKEN_END) {
        CHECK(sql_token_is_char(text, &token, ';'));
        from = token.end;
    }
}

static void check_statement(const struct sql_script *script, size_t i, size_t from)
{
    const struct sql_statement *s = &script->statements[i];

    CHECK(s->start >= from && s->start < s->end && s->end <= script->end);
    CHECK(s->line == line_at(script->text, s->start));
    check_gap(script->text, from, s->start);
    if (s->flags & SQL_COPY_STDIN) {
        CHECK(s->copy_start > s->end && s->copy_start <= s->copy_end);
        CHECK(s->copy_end + 2 <= script->end);
        CHECK(memcmp(script->text + s->copy_end, "\\.", 2) == 0);
        CHECK(s->copy_line == line_at(script->text, s->copy_start));
        check_gap(script->text, s->end, s->copy_start);
    } else {
        CHECK(s->copy_start == 0 && s->copy_end == 0);
    }
}

static void check_script(const struct sql_script *script, size_t from)
{
    for (size_t i = 0; i < script->count; i++) {
        const struct sql_statement *s = &script->statements[i];

        check_statement(script, i, from);
        from = s->flags & SQL_COPY_STDIN ? s->copy_end + 2 : s->end;
    }
    check_gap(script->text, from, script->end);
}

/* The statements alone, one below the other, are the same statements. */
static void check_again(void *mem, const struct sql_script *script)
{
    struct sql_script again;
    struct strbuf joined;
    struct err err = ERR_INIT;

    strbuf_init(&joined, mem);
    for (size_t i = 0; i < script->count; i++) {
        const struct sql_statement *s = &script->statements[i];

        strbuf_add(&joined, script->text + s->start, s->end - s->start);
        strbuf_str(&joined, ";\n");
        if (s->flags & SQL_COPY_STDIN) {
            strbuf_add(&joined, script->text + s->copy_start, s->copy_end - s->copy_start);
            strbuf_str(&joined, "\\.\n");
        }
    }
    CHECK(sql_scan(mem, "again", joined.text, 0, joined.len, NULL, NULL, &again, &err) == 0);
    CHECK(again.count == script->count);
    for (size_t i = 0; i < script->count; i++) {
        size_t len = script->statements[i].end - script->statements[i].start;

        CHECK(again.statements[i].end - again.statements[i].start == len);
        CHECK(again.statements[i].flags == script->statements[i].flags);
        CHECK(memcmp(joined.text + again.statements[i].start,
                     script->text + script->statements[i].start, len) == 0);
    }
    CHECK(strcmp(sql_code_checksum_of(mem, script->text, script->statements, script->count),
                 sql_code_checksum(mem, joined.text, 0, joined.len)) == 0);
}

static void check_error(const struct err *err, int lines)
{
    CHECK(err->kind == ERR_DATA && err->message && err->message[0]);
    CHECK(err->line >= 1 && err->line <= lines && err->column >= 0);
}

static void check_scan(void *mem, const char *text, size_t len)
{
    struct sql_script script;
    struct err err = ERR_INIT;

    if (sql_scan(mem, "file", text, 0, len, NULL, NULL, &script, &err) == 0) {
        CHECK(script.end == len);
        check_script(&script, 0);
        check_again(mem, &script);
    } else {
        check_error(&err, line_at(text, len));
    }
    err_clear(&err);
}

static void check_migration(void *mem, const char *bytes, size_t len)
{
    struct migration m = {.kind = MIGRATION_VERSIONED, .version = 1, .name = "a", .file = "f"};
    struct err_list errors = ERR_LIST_INIT;

    if (migration_parse(mem, bytes, len, &m, &errors) == 0) {
        CHECK(errors.count == 0 && m.checksum && m.code_checksum);
        CHECK(m.sections[SECTION_UP].count > 0 && m.len <= len);
    } else {
        CHECK(errors.count > 0);
    }
    for (size_t i = 0; i < errors.count; i++)
        check_error(&errors.items[i], line_at(m.text, m.len));
    err_list_clear(&errors);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    void *mem = mem_context(NULL);

    check_scan(mem, (const char *)bytes, len);
    check_migration(mem, (const char *)bytes, len);
    talloc_free(mem);
    return 0;
}
