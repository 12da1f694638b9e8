/*
 * sql_code.c: the checksum of SQL text that only changes when its meaning may have changed.
 *
 * What is summed up: each token and a NUL, at the end of a statement its COPY data and two NULs. A
 * token holds no NUL (sql_scan refuses them), so no two texts of different tokens give one sum.
 */
#include "catalog/sql_code.h"

#include "catalog/sql_scan.h"
#include "catalog/sql_token.h"
#include "common/mem.h"
#include "common/sha256.h"

static void add_statement(struct sha256 *sum, const char *text,
                          const struct sql_statement *statement)
{
    struct sql_token token = sql_token_next_code(text, statement->start, statement->end);

    while (token.kind != SQL_TOKEN_END) {
        sha256_add(sum, text + token.start, token.end - token.start);
        sha256_add(sum, "", 1);
        token = sql_token_next_code(text, token.end, statement->end);
    }
    sha256_add(sum, text + statement->copy_start, statement->copy_end - statement->copy_start);
    sha256_add(sum, "\0", 2);
}

char *sql_code_checksum_of(void *parent, const char *text, const struct sql_statement *statements,
                           size_t count)
{
    struct sha256 sum;

    sha256_init(&sum);
    for (size_t i = 0; i < count; i++)
        add_statement(&sum, text, &statements[i]);
    return sha256_end_text(&sum, parent);
}

char *sql_code_checksum(void *parent, const char *text, size_t from, size_t to)
{
    void *mem = mem_context(NULL);
    struct sql_script script;
    struct err err = ERR_INIT;
    char *checksum;

    if (sql_scan(mem, NULL, text, from, to, NULL, NULL, &script, &err) == 0)
        checksum = sql_code_checksum_of(parent, text, script.statements, script.count);
    else
        checksum = sha256_text(parent, text + from, to - from);
    err_clear(&err);
    talloc_free(mem);
    return checksum;
}
