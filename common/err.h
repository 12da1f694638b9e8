/*
 * err.h: errors as values.
 *
 * A function that can fail returns int, 0 or -1, and takes `struct err *err` last; on failure it
 * has called err_set() once, on success it has left `err` alone. Whoever owns the struct clears it:
 *
 *     struct err err = ERR_INIT;
 *     if (catalog_load(ctx, path, &catalog, &err) < 0)
 *         report(&err);
 *     err_clear(&err);
 *
 * Messages are written as PostgreSQL writes them: lower case, no full stop, names in double
 * quotes; hints are whole sentences. A message never holds a password.
 *
 * The kind says what a caller may do about it; the exit code and whether another attempt may help
 * come from the table in err.c.
 */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

#include "common/base.h"

enum err_kind {
    ERR_NONE,
    /* before any tenant is touched */
    ERR_INTERNAL, /* environment or a bug: exit 1 */
    ERR_USAGE,    /* command line: exit 64 */
    ERR_DATA,     /* a migration, seed or bundle is bad: exit 65 */
    ERR_NOINPUT,  /* missing file, nothing selected: exit 66 */
    ERR_CONFIG,   /* fleet.yaml: exit 78 */
    ERR_BUSY,     /* another run of this fleet: exit 5 */
    /* of one attempt at one tenant */
    ERR_UNREACHABLE, /* refused, timed out, 57P03; 53300 of one database or role: retryable */
    ERR_FULL,        /* 53300 while connecting: the whole server is full: retryable */
    ERR_TRANSIENT,   /* 40001, 40P01, 55P03, 53200, ...: the server undid it, retryable */
    ERR_LOST,        /* connection lost after something was sent: retryable, outcome unknown */
    ERR_LOCKED,      /* somebody else holds this tenant's pgtide lock */
    ERR_HELD,        /* a require query was not true */
    ERR_CONFLICT,    /* history and catalog disagree */
    ERR_SQL,         /* the server said no, and would again */
    ERR_DEADLINE,    /* tenant_deadline passed, statement cancelled */
    ERR_CANCELLED,   /* the run is being stopped */
    ERR_HOOK,        /* a program or hook of the user's failed */
};

struct err {
    enum err_kind kind;
    char sqlstate[6]; /* "" where the server gave none */
    char *message;
    char *detail; /* NULL or text, like all below */
    char *hint;
    char *file;      /* as shown to people: relative where the user gave it so */
    char *statement; /* start of the SQL statement that failed */
    int line;        /* 1-based, 0 = unknown */
    int column;      /* 1-based, in characters, 0 = unknown */
    void *mem;       /* owner of all the text; a talloc root, so an err may cross threads */
};

#define ERR_INIT ((struct err){.kind = ERR_NONE})

/* Fills `err` (which must be empty or is cleared first) and returns -1, for `return err_set(...)`.
 */
int err_set(struct err *err, enum err_kind kind, const char *format, ...) PRINTF_LIKE(3, 4);

/* The same with a place. `file` may be NULL; `line`, `column` 0 = unknown. */
int err_set_at(struct err *err, enum err_kind kind, const char *file, int line, int column,
               const char *format, ...) PRINTF_LIKE(6, 7);

/* Adds to a filled err. The latter replaces what was there. */
void err_detail(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);
void err_hint(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);
void err_prefix(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3); /* of the message */
void err_place(struct err *err, const char *file, int line, int column);
void err_statement(struct err *err, const char *sql, size_t len); /* keeps the first 200 bytes */
void err_sqlstate(struct err *err, const char *sqlstate);

/* Frees all text and makes it ERR_INIT again. */
void err_clear(struct err *err);

/* Moves `from` into `to` (cleared first); `from` is ERR_INIT afterwards. */
void err_move(struct err *to, struct err *from);

/*
 * "FILE:LINE:COLUMN: MESSAGE" (the parts that are known), then "\nDETAIL: ..." and "\nHINT: ..."
 * where present. Owned by `parent`.
 */
char *err_text(const void *parent, const struct err *err);

/* From the table of kinds. */
int err_exit_code(enum err_kind kind);
bool err_retryable(enum err_kind kind);
const char *err_kind_name(enum err_kind kind); /* "unreachable" */

/*
 * A list of errors, for readers that report everything in one go. Add with err_list_add(), which
 * returns a cleared err at the end of the list, to be filled with err_set_at().
 */
struct err_list {
    struct err *items;
    size_t count;
    size_t capacity;
};

#define ERR_LIST_INIT ((struct err_list){.count = 0})

struct err *err_list_add(struct err_list *list);

/* Moves `err` to the end of the list and returns -1, for `return err_list_take(...)`. */
int err_list_take(struct err_list *list, struct err *err);

void err_list_clear(struct err_list *list);

#endif
