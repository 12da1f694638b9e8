/*
 * test_sql_token.c: where tokens begin and end.
 */
#include "catalog/sql_token.h"
#include "common/mem.h"
#include "common/strbuf.h"

#include <criterion/criterion.h>

static const char letters[] = {
    [SQL_TOKEN_SPACE] = '_',         [SQL_TOKEN_LINE_COMMENT] = '-',
    [SQL_TOKEN_BLOCK_COMMENT] = '/', [SQL_TOKEN_WORD] = 'w',
    [SQL_TOKEN_IDENTIFIER] = 'i',    [SQL_TOKEN_STRING] = 's',
    [SQL_TOKEN_DOLLAR_STRING] = 'd', [SQL_TOKEN_NUMBER] = 'n',
    [SQL_TOKEN_OPERATOR] = 'o',      [SQL_TOKEN_PUNCTUATION] = 'p',
    [SQL_TOKEN_BACKSLASH] = 'b',
};

/* "w5 _1 s3": kind and length of each token, "!" where it is unterminated. */
static char *describe(void *mem, const char *text)
{
    struct strbuf out;
    size_t len = strlen(text);
    struct sql_token token = sql_token_next(text, 0, len);

    strbuf_init(&out, mem);
    while (token.kind != SQL_TOKEN_END) {
        strbuf_printf(&out, "%s%c%zu%s", out.len ? " " : "", letters[token.kind],
                      token.end - token.start, token.unterminated ? "!" : "");
        token = sql_token_next(text, token.end, len);
    }
    return out.text;
}

Test(sql_token, kinds_and_lengths)
{
    static const struct {
        const char *text;
        const char *tokens;
    } cases[] = {
        {"", ""},
        {"select  a_1$", "w6 _2 w4"},
        {"ünï 日本", "w5 _1 w6"},
        {"'a''b'c", "s6 w1"},
        {"'a\\'b", "s4 w1"},
        {"'open", "s5!"},
        {"E'a\\'b'", "s7"},
        {"e'a\\\\'b", "s6 w1"},
        {"E'\\", "s3!"},
        {"E'a'\n--c\n'\\''x", "s13 w1"},
        {"E'a' 'b'", "s4 _1 s3"},
        {"E'a' --c", "s4 _1 -3"},
        {"fooE'\\'", "w4 s3"},
        {"b'1'X'F'n'x'", "s4 s4 s4"},
        {"U&'a'u&\"b\"\"\"", "s5 i7"},
        {"U&x", "p1 o1 w1"},
        {"\"a\"\"b\"", "i6"},
        {"\"open", "i5!"},
        {"$$a$b$$", "d7"},
        {"$a$ $$ $b$ $a$", "d14"},
        {"$a$ $a", "d6!"},
        {"$a $", "p1 w1 _1 p1"},
        {"$1$$x$$", "n2 d5"},
        {"$1a$$", "n5"},
        {"a$$b", "w4"},
        {"1a$$b", "n5"},
        {"1$$b$$", "n1 d5"},
        {"1.5e-3", "n6"},
        {"1.5e-", "n4 o1"},
        {".5 1..2", "n2 _1 n1 p2 n1"},
        {"0x1F_a", "n6"},
        {"-- c\nx", "-4 _1 w1"},
        {"-- c\rx", "-4 _1 w1"},
        {"/* /* */ */x", "/11 w1"},
        {"/*/ */x", "/6 w1"},
        {"/***/x", "/5 w1"},
        {"/* /* */", "/8!"},
        {"a<->b", "w1 o3 w1"},
        {"+--c", "o1 -3"},
        {"*/**/", "o1 /4"},
        {"@-/*x*/", "o2 /5"},
        {"a::b", "w1 p2 w1"},
        {":=:x:'y'", "p2 p2 p1 s3"},
        {"(a);", "p1 w1 p1 p1"},
        {"\\d x", "b1 w1 _1 w1"},
        {"\t\r\n\v\f ", "_6"},
    };
    void *mem = mem_context(NULL);

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        cr_expect_str_eq(describe(mem, cases[i].text), cases[i].tokens, "%s: %s", cases[i].text,
                         describe(mem, cases[i].text));
    talloc_free(mem);
}

Test(sql_token, stays_before_the_end)
{
    struct sql_token token = sql_token_next("ab'c'", 0, 1);

    cr_expect_eq(token.end, 1);
    token = sql_token_next("'a'b", 0, 2);
    cr_expect(token.unterminated);
    cr_expect_eq(token.end, 2);
    token = sql_token_next("$a$b$a$", 0, 6);
    cr_expect(token.unterminated);
    token = sql_token_next("/**/", 0, 3);
    cr_expect(token.unterminated);
    token = sql_token_next("ab", 2, 2);
    cr_expect_eq(token.kind, SQL_TOKEN_END);
}

Test(sql_token, words_without_regard_to_case)
{
    const char *text = " /* x */ SeLeCt \"select\"";
    struct sql_token token = sql_token_next_code(text, 0, strlen(text));

    cr_expect(sql_token_is_word(text, &token, "select"));
    cr_expect_not(sql_token_is_word(text, &token, "selec"));
    token = sql_token_next_code(text, token.end, strlen(text));
    cr_expect_eq(token.kind, SQL_TOKEN_IDENTIFIER);
    cr_expect_not(sql_token_is_word(text, &token, "select"));
}
