/*
 * err.c: errors as values; the table of kinds.
 */
#include "common/err.h"

#include "common/mem.h"
#include "common/strbuf.h"

static const struct {
    const char *name;
    int exit_code;
    bool retryable;
} kinds[] = {
    [ERR_NONE] = {"none", 0, false},
    [ERR_INTERNAL] = {"internal", 1, false},
    [ERR_USAGE] = {"usage", 64, false},
    [ERR_DATA] = {"data", 65, false},
    [ERR_NOINPUT] = {"noinput", 66, false},
    [ERR_CONFIG] = {"config", 78, false},
    [ERR_BUSY] = {"busy", 5, false},
    [ERR_UNREACHABLE] = {"unreachable", 3, true},
    [ERR_FULL] = {"full", 3, true},
    [ERR_TRANSIENT] = {"transient", 3, true},
    [ERR_LOST] = {"lost", 3, true},
    [ERR_LOCKED] = {"locked", 3, false},
    [ERR_HELD] = {"held", 3, false},
    [ERR_CONFLICT] = {"conflict", 3, false},
    [ERR_SQL] = {"sql", 3, false},
    [ERR_DEADLINE] = {"deadline", 3, false},
    [ERR_CANCELLED] = {"cancelled", 3, false},
    [ERR_HOOK] = {"hook", 3, false},
};

static void *memory_of(struct err *err)
{
    if (!err->mem)
        err->mem = mem_context(NULL);
    return err->mem;
}

static PRINTF_LIKE(3, 0) void replace(struct err *err, char **field, const char *format,
                                      va_list args)
{
    char *text = mem_vprintf(memory_of(err), format, args);

    talloc_free(*field);
    *field = text;
}

static PRINTF_LIKE(3, 0) void set(struct err *err, enum err_kind kind, const char *format,
                                  va_list args)
{
    void *mem = mem_context(NULL);
    char *message = mem_vprintf(mem, format, args); /* may quote the err's own old text */

    err_clear(err);
    err->mem = mem;
    err->kind = kind;
    err->message = message;
}

int err_set(struct err *err, enum err_kind kind, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set(err, kind, format, args);
    va_end(args);
    return -1;
}

int err_set_at(struct err *err, enum err_kind kind, const char *file, int line, int column,
               const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set(err, kind, format, args);
    va_end(args);
    err_place(err, file, line, column);
    return -1;
}

void err_detail(struct err *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    replace(err, &err->detail, format, args);
    va_end(args);
}

void err_hint(struct err *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    replace(err, &err->hint, format, args);
    va_end(args);
}

void err_prefix(struct err *err, const char *format, ...)
{
    char *message = err->message;
    char *prefix;
    va_list args;

    va_start(args, format);
    prefix = mem_vprintf(NULL, format, args);
    va_end(args);
    err->message = mem_printf(memory_of(err), "%s%s", prefix, message ? message : "");
    talloc_free(message);
    talloc_free(prefix);
}

void err_place(struct err *err, const char *file, int line, int column)
{
    char *copy = file ? mem_strdup(memory_of(err), file) : NULL;

    talloc_free(err->file);
    err->file = copy;
    err->line = line;
    err->column = column;
}

void err_statement(struct err *err, const char *sql, size_t len)
{
    size_t most = 200;
    char *copy;

    if (len > most) { /* not in the middle of a UTF-8 character */
        len = most;
        while (len > 0 && ((unsigned char)sql[len] & 0xC0) == 0x80)
            len--;
    }
    copy = mem_strndup(memory_of(err), sql, len);
    talloc_free(err->statement);
    err->statement = copy;
}

void err_sqlstate(struct err *err, const char *sqlstate)
{
    snprintf(err->sqlstate, sizeof(err->sqlstate), "%s", sqlstate ? sqlstate : "");
}

void err_clear(struct err *err)
{
    talloc_free(err->mem);
    *err = ERR_INIT;
}

void err_move(struct err *to, struct err *from)
{
    if (to == from)
        return;
    err_clear(to);
    *to = *from;
    *from = ERR_INIT;
}

char *err_text(const void *parent, const struct err *err)
{
    struct strbuf out;

    strbuf_init(&out, parent);
    if (err->file) {
        strbuf_printf(&out, "%s:", err->file);
        if (err->line)
            strbuf_printf(&out, "%d:", err->line);
        if (err->line && err->column)
            strbuf_printf(&out, "%d:", err->column);
        strbuf_char(&out, ' ');
    }
    strbuf_str(&out, err->message ? err->message : "no error");
    if (err->detail)
        strbuf_printf(&out, "\nDETAIL: %s", err->detail);
    if (err->hint)
        strbuf_printf(&out, "\nHINT: %s", err->hint);
    return out.text;
}

int err_exit_code(enum err_kind kind)
{
    return kinds[kind].exit_code;
}

bool err_retryable(enum err_kind kind)
{
    return kinds[kind].retryable;
}

const char *err_kind_name(enum err_kind kind)
{
    return kinds[kind].name;
}

struct err *err_list_add(struct err_list *list)
{
    mem_grow(NULL, &list->items, &list->capacity, list->count + 1);
    list->items[list->count] = ERR_INIT;
    return &list->items[list->count++];
}

int err_list_take(struct err_list *list, struct err *err)
{
    err_move(err_list_add(list), err);
    return -1;
}

void err_list_clear(struct err_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        err_clear(&list->items[i]);
    talloc_free(list->items);
    *list = ERR_LIST_INIT;
}
