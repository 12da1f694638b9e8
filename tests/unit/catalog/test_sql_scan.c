/*
 * test_sql_scan.c: statements, their places, and what is refused. (Against psql itself:
 * tests/integration/test_psql_oracle.c)
 */
#include "catalog/sql_scan.h"
#include "common/mem.h"

#include <criterion/criterion.h>

struct scanned {
    void *mem;
    struct sql_script script;
    struct err err;
    int status;
};

static struct scanned scan(const char *text)
{
    struct scanned s = {.mem = mem_context(NULL), .err = ERR_INIT};

    s.status = sql_scan(s.mem, "a.sql", text, 0, strlen(text), NULL, NULL, &s.script, &s.err);
    return s;
}

static void release(struct scanned *s)
{
    err_clear(&s->err);
    talloc_free(s->mem);
}

static const char *statement(const struct scanned *s, size_t i)
{
    const struct sql_statement *found = &s->script.statements[i];

    cr_assert_lt(i, s->script.count);
    return mem_strndup(s->mem, s->script.text + found->start, found->end - found->start);
}

Test(sql_scan, statements_and_lines)
{
    struct scanned s =
        scan("-- first\n\nSELECT 1 -- one\n ;\n;; /* two\n */ SELECT ';\n'; SELECT 3\n--");

    cr_assert_eq(s.status, 0);
    cr_assert_eq(s.script.count, 3);
    cr_expect_str_eq(statement(&s, 0), "SELECT 1");
    cr_expect_eq(s.script.statements[0].line, 3);
    cr_expect_str_eq(statement(&s, 1), "SELECT ';\n'");
    cr_expect_eq(s.script.statements[1].line, 6);
    cr_expect_str_eq(statement(&s, 2), "SELECT 3");
    cr_expect_eq(s.script.statements[2].line, 7);
    release(&s);
}

Test(sql_scan, nothing_in_it)
{
    struct scanned s = scan(" ;; -- c\n/* ; */ \n");

    cr_assert_eq(s.status, 0);
    cr_expect_eq(s.script.count, 0);
    release(&s);
}

Test(sql_scan, semicolons_that_do_not_end)
{
    static const char *const one[] = {
        "SELECT ';' || E'\\';' || $$;$$ || \";\" /* ; */",
        "CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)",
        "CREATE FUNCTION f() BEGIN ATOMIC SELECT 1; SELECT CASE 1 WHEN 1 THEN 2 END; END",
        "create or replace procedure p() begin atomic; select 1; end",
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $f$ BEGIN; END; $f$",
    };

    for (size_t i = 0; i < ARRAY_LEN(one); i++) {
        struct scanned s = scan(one[i]);

        cr_expect_eq(s.status, 0, "%s: %s", one[i], s.err.message);
        cr_expect_eq(s.script.count, 1, "%s", one[i]);
        release(&s);
    }
}

Test(sql_scan, begin_counts_in_routines_only)
{
    struct scanned s = scan("CREATE TABLE begin (a int); CREATE VIEW v AS SELECT begin; SELECT 3");

    cr_assert_eq(s.status, 0);
    cr_expect_eq(s.script.count, 3);
    release(&s);
}

Test(sql_scan, copy_data)
{
    struct scanned s = scan("COPY t FROM stdin; -- rows\n1\t;'\n\\\\.\n\\.\nSELECT 2;\n"
                            "COPY u FROM stdin;\n\\.");
    const struct sql_statement *copy;

    cr_assert_eq(s.status, 0, "%s", s.err.message);
    cr_assert_eq(s.script.count, 3);
    copy = &s.script.statements[0];
    cr_expect_eq(copy->flags, SQL_COPY_STDIN);
    cr_expect_str_eq(statement(&s, 0), "COPY t FROM stdin");
    cr_expect_eq(copy->copy_line, 2);
    cr_expect_eq(copy->copy_end - copy->copy_start, strlen("1\t;'\n\\\\.\n"));
    cr_expect_eq(strncmp(s.script.text + copy->copy_start, "1\t;'", 4), 0);
    cr_expect_str_eq(statement(&s, 1), "SELECT 2");
    cr_expect_eq(s.script.statements[1].line, 5);
    copy = &s.script.statements[2];
    cr_expect_eq(copy->copy_start, copy->copy_end);
    cr_expect_eq(copy->copy_line, 7);
    release(&s);
}

Test(sql_scan, part_of_a_text)
{
    const char *text = "SELECT 1;\nSELECT 2; SELECT 3;";
    void *mem = mem_context(NULL);
    struct sql_script script;
    struct err err = ERR_INIT;

    cr_assert_eq(sql_scan(mem, NULL, text, 9, 19, NULL, NULL, &script, &err), 0);
    cr_assert_eq(script.count, 1);
    cr_expect_eq(script.statements[0].start, 10);
    cr_expect_eq(script.statements[0].line, 2);
    cr_expect_eq(script.end, 19);
    talloc_free(mem);
}

Test(sql_scan, refused_with_place)
{
    static const struct {
        const char *text;
        const char *message;
        int line;
        int column;
    } cases[] = {
        {"SELECT 1;\n  'open\n;\n", "unterminated quoted string", 2, 3},
        {"SELECT \"a\n", "unterminated quoted identifier", 1, 8},
        {"SELECT 'ä', $x$ $$\n", "unterminated dollar-quoted string", 1, 13},
        {"\n/* /* */\n", "unterminated comment", 2, 1},
        {"SELECT 1;\nCREATE TABLE t (\na int;\nSELECT (2);\n", "unterminated parenthesis", 2, 16},
        {"CREATE FUNCTION f() RETURNS int\nBEGIN ATOMIC\nSELECT 1;\n", "BEGIN without its END", 2,
         1},
        {"COPY t FROM stdin;\n1\n", "COPY ... FROM stdin without the end of its data", 1, 1},
        {"SELECT 1;\nCOPY t FROM stdin", "COPY ... FROM stdin without its data", 2, 1},
        {"COPY t FROM stdin; SELECT 1;\n\\.\n", "text behind COPY ... FROM stdin on the same line",
         1, 20},
        {"SELECT 1;\n\\connect x\n", "psql command \"\\connect\" is not SQL", 2, 1},
        {"SELECT 1 \\gexec\n", "psql command \"\\gexec\" is not SQL", 1, 10},
        {"SELECT 1 \\; SELECT 2;", "psql command \"\\;\" is not SQL", 1, 10},
        {"\\.\n", "psql command \"\\.\" is not SQL", 1, 1},
        {"SELECT 'a\xC3\x28'", "invalid UTF-8", 1, 10},
        {"\xFF\xFE", "invalid UTF-8", 1, 1},
        {"-- \xED\xA0\x80", "invalid UTF-8", 1, 4},
        {"-- \xC0\x80", "invalid UTF-8", 1, 4},
        {"-- \xF4\x90\x80\x80", "invalid UTF-8", 1, 4},
        {"-- \xE2\x82", "invalid UTF-8", 1, 4},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scanned s = scan(cases[i].text);

        cr_assert_eq(s.status, -1, "%s", cases[i].text);
        cr_expect_eq(s.err.kind, ERR_DATA);
        cr_expect_str_eq(s.err.message, cases[i].message);
        cr_expect_str_eq(s.err.file, "a.sql");
        cr_expect_eq(s.err.line, cases[i].line, "%s: line %d", cases[i].text, s.err.line);
        cr_expect_eq(s.err.column, cases[i].column, "%s: column %d", cases[i].text, s.err.column);
        release(&s);
    }
}

Test(sql_scan, nul_byte)
{
    void *mem = mem_context(NULL);
    struct sql_script script;
    struct err err = ERR_INIT;

    cr_assert_eq(sql_scan(mem, "a.sql", "SELECT\n\0", 0, 8, NULL, NULL, &script, &err), -1);
    cr_expect_str_eq(err.message, "NUL byte in SQL text");
    cr_expect_eq(err.line, 2);
    err_clear(&err);
    talloc_free(mem);
}

Test(sql_scan, restrict_of_pg_dump_has_a_hint)
{
    struct scanned s = scan("\\restrict abc\n");

    cr_assert_eq(s.status, -1);
    cr_expect_str_eq(s.err.hint, "pg_dump writes this line for psql only; delete it.");
    release(&s);
}

/* Ends the text at the comment "--end", notes the others. */
struct listener {
    int seen;
    struct sql_comment last;
    enum sql_comment_verdict verdict;
    const char *text;
};

static enum sql_comment_verdict listen(void *arg, const struct sql_comment *comment,
                                       struct err *err)
{
    struct listener *l = arg;

    l->seen++;
    l->last = *comment;
    if (strncmp(l->text + comment->start, "--end", 5) != 0)
        return SQL_COMMENT_PASS;
    if (l->verdict == SQL_COMMENT_FAIL)
        err_set(err, ERR_DATA, "as asked");
    return l->verdict;
}

static int scan_listening(struct scanned *s, struct listener *listener, const char *text)
{
    *s = (struct scanned){.mem = mem_context(NULL), .err = ERR_INIT};
    listener->text = text;
    return sql_scan(s->mem, "a.sql", text, 0, strlen(text), listen, listener, &s->script, &s->err);
}

Test(sql_scan, comments_are_told)
{
    struct listener listener = {.verdict = SQL_COMMENT_PASS};
    struct scanned s;

    cr_assert_eq(
        scan_listening(&s, &listener,
                       "-- a\n'--'; /* \n-- b */ $$\n-- c\n$$ ;\nCOPY t FROM stdin;\n-- d\n"
                       "\\.\nSELECT -- e"),
        0);
    cr_expect_eq(listener.seen, 2);
    cr_expect(listener.last.inside);
    cr_expect_not(listener.last.first_column);
    cr_expect_eq(listener.last.line, 9);
    cr_expect_eq(listener.last.count, 3);
    release(&s);
}

Test(sql_scan, comment_ends_the_text)
{
    struct listener listener = {.verdict = SQL_COMMENT_ENDS};
    struct scanned s;

    cr_assert_eq(scan_listening(&s, &listener, "SELECT 1;\nSELECT 2\n--end\n, 'x"), 0);
    cr_expect_eq(s.script.count, 2);
    cr_expect_str_eq(statement(&s, 1), "SELECT 2");
    cr_expect_eq(s.script.end, strlen("SELECT 1;\nSELECT 2\n"));
    cr_expect(listener.last.inside && listener.last.first_column);
    release(&s);
    cr_assert_eq(scan_listening(&s, &listener, "SELECT (1\n--end\n);"), -1);
    cr_expect_str_eq(s.err.message, "unterminated parenthesis");
    release(&s);
}

Test(sql_scan, comment_fails_the_scan)
{
    struct listener listener = {.verdict = SQL_COMMENT_FAIL};
    struct scanned s;

    cr_assert_eq(scan_listening(&s, &listener, "SELECT 1;\n--end\nSELECT 2;"), -1);
    cr_expect_str_eq(s.err.message, "as asked");
    release(&s);
}

/* A scan whose time grew with the square of the size would not end in time. */
Test(sql_scan, megabytes_in_a_moment, .timeout = 60)
{
    static const char line[] = "INSERT INTO t VALUES (1, 'a;b', $$c;d$$); -- comment; 'x\n";
    size_t lines = 4 * 1000 * 1000 / (sizeof(line) - 1);
    void *mem = mem_context(NULL);
    char *text = mem_array(mem, char, lines *(sizeof(line) - 1));
    struct sql_script script;
    struct err err = ERR_INIT;

    for (size_t i = 0; i < lines; i++)
        memcpy(text + i * (sizeof(line) - 1), line, sizeof(line) - 1);
    cr_assert_eq(
        sql_scan(mem, "a.sql", text, 0, lines * (sizeof(line) - 1), NULL, NULL, &script, &err), 0);
    cr_expect_eq(script.count, lines);
    cr_expect_eq(script.statements[lines - 1].line, (int)lines);
    talloc_free(mem);
}
