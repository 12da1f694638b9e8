/*
 * migration_directives.c: the directives of a migration file, one table row each.
 */
#include "catalog/migration_directives.h"

#include "common/mem.h"
#include "common/text.h"

/* Fills the field, or returns what it should have been, for "... is not X". */
typedef const char *directive_fn(void *parent, const char *value, struct directives *ret);

static const char *read_transaction(void *parent UNUSED, const char *value, struct directives *ret)
{
    ret->transaction_none = strcmp(value, "none") == 0;
    return ret->transaction_none ? NULL : "\"none\"";
}

static const char *read_verify(void *parent UNUSED, const char *value, struct directives *ret)
{
    ret->verify_after_commit = strcmp(value, "after-commit") == 0;
    return ret->verify_after_commit ? NULL : "\"after-commit\"";
}

static const char *read_duration(const char *value, int64_t *ret)
{
    int64_t ms;

    if (!text_to_duration(value, &ms))
        return "a duration such as 500ms, 10s or 5m";
    if (ms > INT32_MAX) /* the server's time-outs end there */
        return "a duration of at most 24d";
    *ret = ms;
    return NULL;
}

static const char *read_lock_timeout(void *parent UNUSED, const char *value, struct directives *ret)
{
    return read_duration(value, &ret->lock_timeout_ms);
}

static const char *read_statement_timeout(void *parent UNUSED, const char *value,
                                          struct directives *ret)
{
    return read_duration(value, &ret->statement_timeout_ms);
}

static const char *read_pause(void *parent UNUSED, const char *value, struct directives *ret)
{
    return read_duration(value, &ret->pause_ms);
}

static const char *read_count(const char *value, int64_t *ret)
{
    return text_to_int64(value, 1, INT32_MAX, ret) ? NULL : "a number from 1";
}

static const char *read_batch(void *parent UNUSED, const char *value, struct directives *ret)
{
    return read_count(value, &ret->batch);
}

static const char *read_max_batches(void *parent UNUSED, const char *value, struct directives *ret)
{
    return read_count(value, &ret->max_batches);
}

static const char *read_only(void *parent, const char *value, struct directives *ret)
{
    const char *equals = strchr(value, '=');

    if (!equals || equals == value || !equals[1])
        return "LABEL=VALUE";
    ret->only_label = mem_strndup(parent, value, (size_t)(equals - value));
    ret->only_value = mem_strdup(parent, equals + 1);
    return NULL;
}

/* The row's place is the index into migration_directives.lines. */
static const struct {
    const char *key;
    directive_fn *read;
    enum section_kind marker; /* besides the top of the file it may stand on this marker */
} table[] = {
    {"transaction", read_transaction, SECTION_UP},
    {"lock_timeout", read_lock_timeout, SECTION_UP},
    {"statement_timeout", read_statement_timeout, SECTION_UP},
    {"only", read_only, SECTION_UP},
    {"verify", read_verify, SECTION_VERIFY},
    {"batch", read_batch, SECTION_UP},
    {"pause", read_pause, SECTION_UP},
    {"max_batches", read_max_batches, SECTION_UP},
};

_Static_assert(ARRAY_LEN(table) == MIGRATION_DIRECTIVES_KINDS, "one line number for each");

struct migration_directives migration_directives_init(void *parent, const char *file,
                                                      struct directives *ret,
                                                      struct err_list *errors)
{
    *ret = (struct directives){
        .lock_timeout_ms = DIRECTIVE_UNSET,
        .statement_timeout_ms = DIRECTIVE_UNSET,
        .batch = DIRECTIVE_UNSET,
        .pause_ms = DIRECTIVE_UNSET,
        .max_batches = DIRECTIVE_UNSET,
    };
    return (struct migration_directives){
        .parent = parent, .file = file, .ret = ret, .errors = errors};
}

static void fail_unknown(struct migration_directives *d, const char *key, int line)
{
    const char *keys[ARRAY_LEN(table)];
    struct err *err = err_list_add(d->errors);
    const char *nearest;

    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        keys[i] = table[i].key;
    nearest = text_nearest(key, keys, ARRAY_LEN(keys));
    err_set_at(err, ERR_DATA, d->file, line, 0, "unknown directive \"%s\"", key);
    if (nearest)
        err_hint(err, "Did you mean \"%s\"?", nearest);
    else
        err_hint(err, "The directives are transaction, lock_timeout, statement_timeout, only, "
                      "verify, batch, pause and max_batches.");
}

static void fail_place(struct migration_directives *d, const char *word, int line,
                       enum section_kind section)
{
    struct err *err = err_list_add(d->errors);

    err_set_at(err, ERR_DATA, d->file, line, 0, "directive \"%s\" on the marker of section \"%s\"",
               word, section_name(section));
    err_hint(err, "Directives hold for the whole file: write \"-- pgtide: %s\" in its first line.",
             word);
}

static void fail_twice(struct migration_directives *d, size_t row, int line)
{
    struct err *err = err_list_add(d->errors);

    err_set_at(err, ERR_DATA, d->file, line, 0, "directive \"%s\" given twice", table[row].key);
    err_hint(err, "It holds for the whole file, and stands in line %d already.", d->lines[row]);
}

static void read_value(struct migration_directives *d, size_t row, const char *value, int line)
{
    const char *wanted = table[row].read(d->parent, value, d->ret);

    if (wanted)
        err_set_at(err_list_add(d->errors), ERR_DATA, d->file, line, 0,
                   "value \"%s\" of directive \"%s\" is not %s", value, table[row].key, wanted);
}

static void read_word(struct migration_directives *d, char *word, int line,
                      enum section_kind section)
{
    char *equals = strchr(word, '=');
    size_t row = 0;

    if (!equals || equals == word) {
        struct err *err = err_list_add(d->errors);

        err_set_at(err, ERR_DATA, d->file, line, 0, "\"%s\" is not a directive", word);
        err_hint(err, "Directives are written key=value, for example lock_timeout=2s.");
        return;
    }
    *equals = '\0';
    while (row < ARRAY_LEN(table) && strcmp(word, table[row].key) != 0)
        row++;
    if (row == ARRAY_LEN(table)) {
        fail_unknown(d, word, line);
    } else if (d->lines[row]) {
        fail_twice(d, row, line);
    } else if (section != SECTION_KINDS && section != table[row].marker) {
        *equals = '=';
        fail_place(d, word, line, section);
    } else {
        d->lines[row] = line;
        read_value(d, row, equals + 1, line);
    }
}

void migration_directives_read(struct migration_directives *directives, const char *text,
                               size_t len, int line, enum section_kind section)
{
    char *copy = mem_strndup(NULL, text, len);
    char *rest = copy;
    char *word;

    while ((word = strsep(&rest, " \t\r"))) {
        if (*word)
            read_word(directives, word, line, section);
    }
    talloc_free(copy);
}
