/*
 * sql_text.c: a second, simple look at SQL text, and a generator of nasty files.
 */
#include "tests/harness/sql_text.h"

#include <ctype.h>
#include <strings.h>

static const char *skip_block_comment(const char *sql)
{
    int depth = 0;

    do {
        if (sql[0] == '/' && sql[1] == '*') {
            depth++;
            sql += 2;
        } else if (sql[0] == '*' && sql[1] == '/') {
            depth--;
            sql += 2;
        } else if (*sql) {
            sql++;
        }
    } while (depth > 0 && *sql);
    return sql;
}

const char *sql_text_skip_blank(const char *sql)
{
    for (;;) {
        if (isspace((unsigned char)*sql))
            sql++;
        else if (sql[0] == '-' && sql[1] == '-')
            sql += strcspn(sql, "\r\n");
        else if (sql[0] == '/' && sql[1] == '*')
            sql = skip_block_comment(sql);
        else
            return sql;
    }
}

bool sql_text_is_empty(const char *sql)
{
    sql = sql_text_skip_blank(sql);
    while (*sql == ';')
        sql = sql_text_skip_blank(sql + 1);
    return *sql == '\0';
}

/* Over `word` and the blank behind it. */
static bool take(const char **sql, const char *word)
{
    size_t len = strlen(word);

    if (strncasecmp(*sql, word, len) != 0 || isalnum((unsigned char)(*sql)[len]))
        return false;
    *sql = sql_text_skip_blank(*sql + len);
    return true;
}

bool sql_text_is_copy_from_stdin(const char *sql)
{
    sql = sql_text_skip_blank(sql);
    if (!take(&sql, "copy"))
        return false;
    take(&sql, "binary");
    while (isalnum((unsigned char)*sql) || strchr("_.\"", *sql)) { /* the name */
        if (!*sql)
            return false;
        sql++;
    }
    sql = sql_text_skip_blank(sql);
    if (*sql == '(') /* the columns */
        sql = sql_text_skip_blank(sql + strcspn(sql, ")") + 1);
    return take(&sql, "from") && (take(&sql, "stdin") || take(&sql, "stdout"));
}

/* --- generator ------------------------------------------------------------------------------ */

uint32_t sql_text_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 32);
}

static const char *const fragments[] = {
    "SELECT",
    "1",
    "42.5e-3",
    ".5",
    "1..2",
    "0x1F",
    "1_000",
    "$1",
    "'a;b'",
    "'it''s; '",
    "'back\\'",
    "''",
    "'line\nbreak; -- no comment\n\n/* nor this'",
    "E'quo\\'te;'",
    "e'\\\\'",
    "E'\\\\\\'; -- '",
    "E'line\\\nbreak;'",
    "U&'d\\0061;'",
    "u&\"d\\0061;\"",
    "b'01;'",
    "X'1F'",
    "n'n;'",
    "$$a;b$$",
    "$$a\n\n;\n$b$ ' \" /* $$",
    "$tag$ ; $$ ' -- $tag $tag$",
    "$ä$;$ä$",
    "$_1$ $_$;$_1$",
    "foo$bar$baz",
    "a$$",
    "\"q;\"\"d\"",
    "\"new\nline;\"",
    "-- comment ; ' \" $$ /* \n",
    "--\n",
    "--- /* no */\n",
    "/* c ; ' -- */",
    "/* nested /* ; */ ' */",
    "/**/",
    "/***/",
    "/*/**/*/",
    "/*\n\n; \n*/",
    "+",
    "-",
    "*",
    "/",
    "->>",
    "<->",
    "=-1",
    "@-@",
    "#>",
    "?|",
    "::",
    ":=",
    ":",
    ":x",
    ":begin",
    ":'v'",
    ":\"v\"",
    "a[1:2]",
    "=>",
    "%",
    "^",
    "`",
    "U&",
    "e",
    "x",
    "n",
    "ünï",
    "日本語",
    "_x1",
    "begin",
    "end",
    "case",
    "create",
    "function",
    "or",
    "copy",
    "from",
    "stdin",
    "[",
    "]",
    "{",
    "}",
    ",",
    ".",
    "(a, b)",
    "( ; )",
    "(';' ; (b))",
    ")",
    "\t",
    "\f",
    "\v ",
    "\r ",
    "\n",
    "\n\n",
    "\n\n\n",
};

static const char *const routine_heads[] = {
    "CREATE FUNCTION f(begin int) RETURNS int ",
    "create or replace function \"f;\"(a int, b text default 'x;')\nRETURNS int LANGUAGE sql\n",
    "CREATE PROCEDURE p()\n-- a comment; with begin\n",
    "CREATE /* why; */ OR REPLACE PROCEDURE s.p(case_ int) ",
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN; END; $$ ",
    "CREATE VIEW begin AS ",
};

static const char *const copies[] = {
    "COPY t FROM stdin;\n1\ta;b\n2\t'\n\\N\t$$\n\\.\n",
    "copy public.\"T\" (a, b) from STDIN with (format csv, header);  \na,b\n\"x;\ny\",1\n\\.\n",
    "COPY t(a) FROM stdin; -- the data\n/* no comment\n-- pgtide:down\n\\.\n",
    "COPY t\n-- where from\nFROM /* ; */ stdout;\n\\.\n",
    "COPY t FROM STDIN WHERE a > ';';\n\n\n\\\\.\n \\.\n\\.\n",
    "COPY binary_t TO stdout;\n",
    "COPY (SELECT 1 FROM stdin) TO stdout;\n",
    "COPY t FROM '/tmp/x;';\n",
    "COPY t FROM PROGRAM 'stdin';\n",
};

static const char *pick(const char *const *list, size_t count, uint64_t *random)
{
    return list[sql_text_random(random) % count];
}

#define PICK(list, random) pick((list), ARRAY_LEN(list), (random))

static bool chance(int percent, uint64_t *random)
{
    return sql_text_random(random) % 100 < (uint32_t)percent;
}

static bool is_blank(const char *fragment)
{
    return *sql_text_skip_blank(fragment) == '\0';
}

/* What has been written last, where it matters for what may follow. */
struct last {
    bool number;  /* must not run into a word */
    bool escapes; /* an E'' string: no plain string may follow */
};

static void add_fragment(struct strbuf *out, const char *fragment, struct last *last,
                         uint64_t *random)
{
    bool word = isalnum((unsigned char)*fragment) || *fragment == '_' || *fragment == '.' ||
                (unsigned char)*fragment >= 0x80;

    if (last->escapes && *fragment == '\'')
        strbuf_str(out, " , ");
    else if ((last->number && word) || chance(70, random))
        strbuf_char(out, ' ');
    else if (chance(50, random))
        strbuf_char(out, '\n');
    strbuf_str(out, fragment);
    if (is_blank(fragment))
        return;
    last->number = strchr("0123456789.$", *fragment) && !strchr(fragment + 1, '$');
    last->escapes = (*fragment == 'e' || *fragment == 'E') && fragment[1] == '\'';
}

static void add_fragments(struct strbuf *out, uint32_t most, uint64_t *random)
{
    struct last last = {false, false};
    uint32_t count = 1 + sql_text_random(random) % most;

    for (uint32_t i = 0; i < count; i++)
        add_fragment(out, PICK(fragments, random), &last, random);
}

static void add_routine(struct strbuf *out, uint64_t *random)
{
    strbuf_str(out, PICK(routine_heads, random));
    if (chance(80, random)) {
        strbuf_str(out, "BEGIN ATOMIC\n");
        strbuf_str(out, " SELECT 1; SELECT CASE a WHEN 1 THEN ';' END; ");
        if (chance(50, random))
            strbuf_str(out, "SELECT (case when (';') then 1 end);\n\n-- end;\n");
        strbuf_str(out, "END");
    }
}

void sql_text_generate(struct strbuf *out, uint64_t *random)
{
    uint32_t count = 1 + sql_text_random(random) % 6;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t kind = sql_text_random(random) % 100;

        if (kind < 70) {
            add_fragments(out, 8, random);
            strbuf_str(out, chance(90, random) ? "\n;" : ";;");
        } else if (kind < 85) {
            add_routine(out, random);
            strbuf_str(out, ";");
        } else {
            strbuf_str(out, "\n;\n");
            strbuf_str(out, PICK(copies, random));
            /* psql 15.20 takes a statement without any word behind a COPY for a second COPY */
            strbuf_str(out, "TABLE t;");
        }
        strbuf_str(out, chance(60, random) ? "\n" : " ");
    }
    if (chance(30, random))
        add_fragments(out, 4, random);
    strbuf_char(out, '\n');
}
