/*
 * floor.c: the least that any program must do to bring databases to the newest version with libpq
 * and threads. The bench compares pgtide with it.
 *
 *     floor WORKERS FOLDER HISTORY.SQL < databases
 *
 * reads the names of databases, one a line; host, port, user, password come from PGHOST, PGPORT and
 * so on. (With "-" for FOLDER it connects to each, and no more.) For each it connects, sends one Query that takes the lock and reads the history, and where
 * anything is pending one Query with all of it, each migration in its own BEGIN .. COMMIT with its
 * history row. No guard, no verify, no retry, no deadline, no report; a failure ends it. The
 * history table is pgtide's (history.sql), so that the server has the same to do.
 */

#include <dirent.h>
#include <errno.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOCK_AND_READ                                                                              \
    "SELECT pg_try_advisory_lock(hashtextextended('pgtide:public.pgtide_history', 0));"            \
    "SELECT version FROM public.pgtide_history WHERE state = 'applied' ORDER BY rank"

/* As long as the real checksums are. */
#define CHECKSUM "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

#define INSERT_HISTORY                                                                             \
    "INSERT INTO public.pgtide_history (kind, version, name, checksum, code_checksum, state,"      \
    " statements_done, statements_total, started_at, finished_at, duration_ms, applied_by,"        \
    " run_id, tool) VALUES ('versioned', %ld, '%s', '" CHECKSUM "', '" CHECKSUM "', 'applied',"    \
    " 4, 4, now(), clock_timestamp(),"                                                             \
    " extract(epoch FROM clock_timestamp() - now()) * 1000, session_user, 'floor', 'floor')"

#define MOST_MIGRATIONS 1000
#define MOST_DATABASES 100000

struct migration {
    long version;
    char *sql; /* BEGIN; the file; history row; COMMIT; */
    size_t len;
};

struct work {
    struct migration *migrations;
    size_t migration_count;
    size_t bytes; /* of all migrations' SQL */
    char *create_history;
    size_t create_history_len;
    char **databases;
    size_t database_count;
    atomic_size_t next;
};

static _Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

static void *must(void *memory)
{
    if (!memory)
        die("out of memory");
    return memory;
}

static char *read_file(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "re");
    if (!file || fseek(file, 0, SEEK_END) < 0)
        die("%s: %s", path, strerror(errno));
    long size = ftell(file);
    rewind(file);
    char *text = must(malloc((size_t)size + 1));
    if (size < 0 || fread(text, 1, (size_t)size, file) != (size_t)size)
        die("%s: cannot read", path);
    fclose(file);
    text[size] = '\0';
    *ret_len = (size_t)size;
    return text;
}

/* "0007_prices.sql": version 7, name prices. */
static void migration_load(struct migration *migration, const char *folder, const char *base)
{
    char *path, *rest;
    size_t len;
    if (asprintf(&path, "%s/%s", folder, base) < 0)
        die("out of memory");
    migration->version = strtol(base, &rest, 10);
    size_t name_len = strlen(rest);
    if (rest == base || *rest != '_' || name_len < 6)
        die("%s: not a migration", path);
    char *name = must(strndup(rest + 1, name_len - 5));
    char *text = read_file(path, &len);
    int written = asprintf(&migration->sql, "BEGIN;%s;" INSERT_HISTORY ";COMMIT;", text,
                           migration->version, name);
    if (written < 0)
        die("out of memory");
    migration->len = (size_t)written;
    free(text);
    free(name);
    free(path);
}

static int is_migration(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 4 && strcmp(entry->d_name + len - 4, ".sql") == 0;
}

static void load_migrations(struct work *work, const char *folder)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_migration, alphasort);
    if (count < 0 || count > MOST_MIGRATIONS)
        die("%s: %s", folder, count < 0 ? strerror(errno) : "too many migrations");
    work->migrations = must(calloc((size_t)count + 1, sizeof(*work->migrations)));
    for (int i = 0; i < count; i++) {
        migration_load(&work->migrations[i], folder, entries[i]->d_name);
        work->bytes += work->migrations[i].len;
        free(entries[i]);
    }
    free(entries);
    work->migration_count = (size_t)count;
}

static void load_databases(struct work *work)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    work->databases = must(calloc(MOST_DATABASES, sizeof(*work->databases)));
    while ((len = getline(&line, &size, stdin)) > 0 && work->database_count < MOST_DATABASES) {
        if (line[len - 1] == '\n')
            line[len - 1] = '\0';
        work->databases[work->database_count++] = must(strdup(line));
    }
    free(line);
}

/* Reads the versions that are applied; false when there is no history yet. */
static bool read_history(PGconn *conn, const char *database, bool *applied)
{
    bool exists = true;
    PGresult *result;
    if (!PQsendQuery(conn, LOCK_AND_READ))
        die("%s: %s", database, PQerrorMessage(conn));
    for (int statement = 0; (result = PQgetResult(conn)); statement++) {
        const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        if (state && strcmp(state, "42P01") == 0)
            exists = false;
        else if (PQresultStatus(result) != PGRES_TUPLES_OK)
            die("%s: %s", database, PQerrorMessage(conn));
        else if (statement == 0 && strcmp(PQgetvalue(result, 0, 0), "t") != 0)
            die("%s: locked", database);
        else if (statement == 1)
            for (int row = 0; row < PQntuples(result); row++) {
                long version = strtol(PQgetvalue(result, row, 0), NULL, 10);
                if (version > 0 && version < MOST_MIGRATIONS)
                    applied[version] = true;
            }
        PQclear(result);
    }
    return exists;
}

static char *pending_sql(const struct work *work, bool history_exists, const bool *applied)
{
    char *sql = must(malloc(work->create_history_len + work->bytes + 1));
    char *end = stpcpy(sql, history_exists ? "" : work->create_history);
    for (size_t i = 0; i < work->migration_count; i++)
        if (!applied[work->migrations[i].version % MOST_MIGRATIONS])
            end = mempcpy(end, work->migrations[i].sql, work->migrations[i].len);
    *end = '\0';
    return sql;
}

static PGconn *open_database(const char *database)
{
    const char *names[] = {"dbname", "sslmode", "gssencmode", NULL};
    const char *values[] = {database, "disable", "disable", NULL};
    PGconn *conn = PQconnectdbParams(names, values, 0);
    if (PQstatus(conn) != CONNECTION_OK)
        die("%s: %s", database, PQerrorMessage(conn));
    return conn;
}

static void migrate(const struct work *work, const char *database)
{
    bool applied[MOST_MIGRATIONS] = {false};
    PGresult *result;
    PGconn *conn = open_database(database);

    if (!work->migrations) {
        PQfinish(conn);
        return;
    }
    char *sql = pending_sql(work, read_history(conn, database, applied), applied);
    if (*sql && !PQsendQuery(conn, sql))
        die("%s: %s", database, PQerrorMessage(conn));
    while (*sql && (result = PQgetResult(conn))) {
        ExecStatusType status = PQresultStatus(result);
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
            die("%s: %s", database, PQerrorMessage(conn));
        PQclear(result);
    }
    free(sql);
    PQfinish(conn);
}

static void *worker(void *arg)
{
    struct work *work = arg;
    size_t i;
    while ((i = atomic_fetch_add(&work->next, 1)) < work->database_count)
        migrate(work, work->databases[i]);
    return NULL;
}

int main(int argc, char **argv)
{
    struct work work = {0};
    if (argc != 4)
        die("usage: floor WORKERS FOLDER HISTORY.SQL < databases");
    int threads = (int)strtol(argv[1], NULL, 10);
    if (threads < 1 || threads > 256)
        die("WORKERS is 1 to 256");
    if (strcmp(argv[2], "-") != 0) {
        load_migrations(&work, argv[2]);
        work.create_history = read_file(argv[3], &work.create_history_len);
    }
    load_databases(&work);

    pthread_t ids[256];
    for (int i = 0; i < threads; i++)
        if (pthread_create(&ids[i], NULL, worker, &work) != 0)
            die("cannot start a thread");
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    return 0;
}
