/*
 * ledger_db_sqlite.c: a ledger in an SQLite file.
 *
 * WAL, so that reports can be read while a run writes; synchronous=NORMAL, so that a commit costs
 * no wait for the disk: a power failure may lose the last moments, never the file. The tenants'
 * histories are the truth in any case.
 */
#include "orchestrator/ledger_db.h"

#include "common/mem.h"
#include "common/strbuf.h"
#include "common/strmap.h"
#include "orchestrator/ledger_driver.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BUSY_MS = 10 * 1000,         /* somebody else writes: reports and runs --prune are quick */
    APPLICATION_ID = 0x70677464, /* "pgtd": file(1) and others can tell what it is */
    COLUMNS_MOST = 64,
};

struct sqlite_db {
    struct ledger_db db;
    sqlite3 *handle;
    struct strmap *statements; /* prepared ones, by their text */
};

static int close_db(struct sqlite_db *own)
{
    sqlite3_stmt *statement;

    while ((statement = sqlite3_next_stmt(own->handle, NULL)))
        sqlite3_finalize(statement);
    sqlite3_close(own->handle);
    return 0;
}

/* --- errors ------------------------------------------------------------------------------ */

static int fail(struct sqlite_db *own, int rc, struct err *err)
{
    const char *path = own->db.name;
    const char *text = sqlite3_errmsg(own->handle);

    switch (rc & 0xFF) {
    case SQLITE_NOTADB:
        err_set(err, ERR_INTERNAL, "\"%s\" is no ledger: it is not an SQLite file", path);
        ledger_db_hint_replace(&own->db, err);
        break;
    case SQLITE_CORRUPT:
    case SQLITE_ERROR: /* it lacks a table or a column */
        err_set(err, ERR_INTERNAL, "ledger \"%s\" is damaged: %s", path, text);
        ledger_db_hint_replace(&own->db, err);
        break;
    case SQLITE_BUSY:
        err_set(err, ERR_INTERNAL, "ledger \"%s\" is being written by another process", path);
        err_hint(err, "fuser \"%s\" shows which. Nothing of the fleet was lost.", path);
        break;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
        err_set(err, ERR_INTERNAL, "ledger \"%s\": %s", path, text);
        err_hint(err, "This user must be able to write the file and its folder.");
        break;
    default:
        err_set(err, ERR_INTERNAL, "ledger \"%s\": %s", path, text);
    }
    return -1;
}

/* --- statements -------------------------------------------------------------------------- */

/* SQLite takes $2 for a name and numbers it by where it first stands; ?2 is the second. */
static char *number_params(const char *sql)
{
    char *numbered = mem_strdup(NULL, sql);

    for (char *at = numbered; (at = strchr(at, '$')); at++)
        *at = '?';
    return numbered;
}

static int prepare(struct sqlite_db *own, const char *sql, sqlite3_stmt **ret, struct err *err)
{
    char *numbered;
    int rc;

    *ret = strmap_get(own->statements, sql);
    if (*ret)
        return 0;
    numbered = number_params(sql);
    rc = sqlite3_prepare_v3(own->handle, numbered, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);
    talloc_free(numbered);
    if (rc != SQLITE_OK)
        return fail(own, rc, err);
    strmap_set(own->statements, sql, *ret);
    return 0;
}

static int bind(sqlite3_stmt *statement, int number, struct ledger_value value)
{
    switch (value.type) {
    case LEDGER_INT:
        return sqlite3_bind_int64(statement, number, value.number);
    case LEDGER_TEXT:
        return sqlite3_bind_text(statement, number, value.text, -1, SQLITE_STATIC);
    case LEDGER_NULL:
        break;
    }
    return sqlite3_bind_null(statement, number);
}

static struct ledger_value value_of(sqlite3_stmt *statement, int column)
{
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_NULL:
        return ledger_db_null();
    case SQLITE_INTEGER:
        return ledger_db_int(sqlite3_column_int64(statement, column));
    default:
        return ledger_db_text((const char *)sqlite3_column_text(statement, column));
    }
}

static int give_row(sqlite3_stmt *statement, ledger_row_fn *row, void *arg, struct err *err)
{
    struct ledger_value values[COLUMNS_MOST];
    int count = sqlite3_column_count(statement);

    if (!row)
        return 0;
    for (int i = 0; i < count && i < COLUMNS_MOST; i++)
        values[i] = value_of(statement, i);
    return row(arg, values, (size_t)count, err);
}

static int step(struct sqlite_db *own, sqlite3_stmt *statement, ledger_row_fn *row, void *arg,
                struct err *err)
{
    int rc;

    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
        int result = give_row(statement, row, arg, err);

        if (result)
            return result;
    }
    return rc == SQLITE_DONE ? 0 : fail(own, rc, err);
}

static int run(struct ledger_db *db, const char *sql, const struct ledger_value *params,
               size_t count, ledger_row_fn *row, void *arg, struct err *err)
{
    struct sqlite_db *own = (struct sqlite_db *)db;
    sqlite3_stmt *statement;
    int result = 0;

    if (prepare(own, sql, &statement, err) < 0)
        return -1;
    for (size_t i = 0; i < count && result == 0; i++) {
        int rc = bind(statement, (int)i + 1, params[i]);

        if (rc != SQLITE_OK)
            result = fail(own, rc, err);
    }
    if (result == 0)
        result = step(own, statement, row, arg, err);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return result;
}

static int script(struct ledger_db *db, const char *sql, struct err *err)
{
    struct sqlite_db *own = (struct sqlite_db *)db;
    int rc = sqlite3_exec(own->handle, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? 0 : fail(own, rc, err);
}

static const struct ledger_driver driver = {
    .begin = "BEGIN IMMEDIATE",
    .run = run,
    .script = script,
};

/* --- opening ----------------------------------------------------------------------------- */

static int refuse_folder(const char *path, struct err *err)
{
    err_set(err, ERR_INTERNAL, "ledger \"%s\" is a directory", path);
    err_hint(err, "Move it away, or name another folder as \"state\" in fleet.yaml.");
    return -1;
}

/* SQLite would make it as the umask says; -wal and -shm get the mode of the file. */
static int make_file(const char *path, struct err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0 && errno == EISDIR)
        return refuse_folder(path, err);
    if (fd < 0) {
        err_set(err, ERR_INTERNAL, "could not open ledger \"%s\": %s", path, strerror(errno));
        err_hint(err, "This user must be able to write it, and in the state folder.");
        return -1;
    }
    close(fd);
    return 0;
}

static int find_file(const char *path, struct err *err)
{
    struct stat info;

    if (access(path, R_OK) == 0)
        return stat(path, &info) == 0 && S_ISDIR(info.st_mode) ? refuse_folder(path, err) : 0;
    if (errno == ENOENT || errno == ENOTDIR) {
        err_set(err, ERR_NOINPUT, "there is no ledger \"%s\"", path);
        err_hint(err, "It is made by the first command that changes tenants: no run of this fleet "
                      "has been recorded here.");
        return -1;
    }
    err_set(err, ERR_INTERNAL, "could not open ledger \"%s\": %s", path, strerror(errno));
    err_hint(err, "It belongs to the user who changes tenants: type this as that one.");
    return -1;
}

/* "file:PATH?immutable=1", for a folder in which not even a reader may make its lock file. */
static char *immutable_uri(void *parent, const char *path)
{
    struct strbuf uri;

    strbuf_init(&uri, parent);
    strbuf_str(&uri, "file:");
    for (; *path; path++) {
        if (strchr("?#%", *path))
            strbuf_printf(&uri, "%%%02X", (unsigned char)*path);
        else
            strbuf_char(&uri, *path);
    }
    strbuf_str(&uri, "?immutable=1");
    return uri.text;
}

static int open_handle(struct sqlite_db *own, const char *path, int flags)
{
    int rc = sqlite3_open_v2(path, &own->handle, flags | SQLITE_OPEN_NOMUTEX, NULL);

    if (rc != SQLITE_OK)
        return rc;
    sqlite3_busy_timeout(own->handle, BUSY_MS);
    return sqlite3_exec(own->handle, "SELECT count(*) FROM sqlite_master", NULL, NULL, NULL);
}

static int open_to_read(struct sqlite_db *own, const char *path)
{
    int rc = open_handle(own, path, SQLITE_OPEN_READONLY);

    if ((rc & 0xFF) != SQLITE_CANTOPEN && (rc & 0xFF) != SQLITE_READONLY)
        return rc;
    sqlite3_close(own->handle);
    return open_handle(own, immutable_uri(own, path), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
}

static int keep_number(void *arg, const struct ledger_value *values, size_t count UNUSED,
                       struct err *err UNUSED)
{
    *(int64_t *)arg = values[0].number;
    return 0;
}

/* A file that has tables, but not ours, is somebody else's. */
static int check_owner(struct sqlite_db *own, struct err *err)
{
    int64_t foreign = 0;

    if (run(&own->db,
            "SELECT count(*) FROM sqlite_master WHERE NOT EXISTS "
            "(SELECT 1 FROM sqlite_master WHERE name = 'pgtide_ledger')",
            NULL, 0, keep_number, &foreign, err) < 0)
        return -1;
    if (!foreign)
        return 0;
    err_set(err, ERR_INTERNAL, "\"%s\" is a database of something else, not a ledger of pgtide",
            own->db.name);
    err_hint(err, "Move it away, or name another folder as \"state\" in fleet.yaml.");
    return -1;
}

static int open_to_write(struct sqlite_db *own, const char *path, struct err *err)
{
    char setup[128];
    int rc = open_handle(own, path, SQLITE_OPEN_READWRITE);

    if (rc != SQLITE_OK)
        return fail(own, rc, err);
    if (check_owner(own, err) < 0)
        return -1;
    snprintf(setup, sizeof(setup),
             "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA application_id = %d",
             APPLICATION_ID);
    return script(&own->db, setup, err);
}

static int open_by_mode(struct sqlite_db *own, const char *path, bool read_only, struct err *err)
{
    int rc;

    if (!read_only)
        return open_to_write(own, path, err);
    rc = open_to_read(own, path);
    return rc == SQLITE_OK ? check_owner(own, err) : fail(own, rc, err);
}

int ledger_db_open_file(void *parent, const char *path, bool read_only, struct ledger_db **ret,
                        struct err *err)
{
    struct sqlite_db *own;

    if ((read_only ? find_file : make_file)(path, err) < 0)
        return -1;
    own = mem_new(parent, struct sqlite_db);
    own->db = (struct ledger_db){.driver = &driver, .name = mem_strdup(own, path)};
    own->statements = strmap_new(own);
    talloc_set_destructor(own, close_db);
    if (open_by_mode(own, path, read_only, err) < 0) {
        talloc_free(own);
        return -1;
    }
    *ret = &own->db;
    return 0;
}
