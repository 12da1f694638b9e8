/*
 * foreign.c: tells files of other migration tools by their names and markers.
 */
#include "catalog/foreign.h"

#include <ctype.h>
#include <fnmatch.h>
#include <strings.h>

static const struct {
    const char *pattern; /* of fnmatch(3) */
    const char *tool;
} names[] = {
    {"*.up.sql", "golang-migrate"}, {"*.down.sql", "golang-migrate"}, {"R__*.sql", "Flyway"},
    {"V[0-9]*__*.sql", "Flyway"},   {"U[0-9]*__*.sql", "Flyway"},     {"B[0-9]*__*.sql", "Flyway"},
};

static const struct {
    const char *start; /* in lower case */
    const char *tool;
} markers[] = {
    {"+goose", "goose"},
    {"migrate:up", "dbmate"},
    {"migrate:down", "dbmate"},
    {"+migrate", "sql-migrate"},
    {"liquibase formatted sql", "Liquibase"},
};

const char *foreign_name(const char *base)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (fnmatch(names[i].pattern, base, 0) == 0)
            return names[i].tool;
    }
    return NULL;
}

const char *foreign_marker(const char *text, size_t len)
{
    while (len > 0 && (*text == ' ' || *text == '\t')) {
        text++;
        len--;
    }
    for (size_t i = 0; i < ARRAY_LEN(markers); i++) {
        size_t start = strlen(markers[i].start);

        if (len >= start && strncasecmp(text, markers[i].start, start) == 0 &&
            (len == start || !isalnum((unsigned char)text[start])))
            return markers[i].tool;
    }
    return NULL;
}
