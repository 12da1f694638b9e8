/*
 * seed_fixture.c: seed_apply() without the rest of an attempt around it.
 */
#include "tests/integration/seed_fixture.h"

#include "common/clock.h"
#include "common/mem.h"
#include "common/sha256.h"
#include "tests/harness/harness.h"
#include "tests/harness/pg_sql.h"
#include "tests/harness/tmpdir.h"
#include "worker/session.h"

void seed_fixture_init(struct seed_fixture *fixture, const char *sql)
{
    *fixture = (struct seed_fixture){.ctx = mem_context(NULL), .user = "postgres"};
    fixture->server = pg_server_shared(fixture->ctx);
    fixture->database = pg_sql_unique(fixture->ctx, "seed");
    fixture->dir = tmpdir_new(fixture->ctx);
    fixture->settings =
        (struct settings){.history_table = "pgtide_history", .nonempty_allow = true};
    fixture->tenant = (struct tenant){.name = "store",
                                      .history_schema = "public",
                                      .settings = &fixture->settings,
                                      .state = TENANT_ACTIVE};
    pg_sql_create_database(fixture->server, fixture->database);
    pg_sql_exec(fixture->server, fixture->database, sql);
}

void seed_fixture_release(struct seed_fixture *fixture)
{
    err_clear(&fixture->err);
    pg_sql_drop_database(fixture->server, fixture->database);
    talloc_free(fixture->ctx);
}

const char *seed_fixture_rows(struct seed_fixture *fixture, const char *sql)
{
    return pg_sql_rows(fixture->ctx, fixture->server, fixture->database, sql);
}

const char *seed_fixture_fault(struct seed_fixture *fixture)
{
    return mem_printf(fixture->ctx, "%d: %s", fixture->err.line,
                      fixture->err.message ? fixture->err.message : "(no error)");
}

static bool ends_with(const char *name, const char *ending)
{
    size_t len = strlen(name);

    return len >= strlen(ending) && strcmp(name + len - strlen(ending), ending) == 0;
}

static const struct migration *scan(struct seed_fixture *fixture, const char *file,
                                    const char *text)
{
    struct migration *migration = mem_new(fixture->ctx, struct migration);
    struct err_list errors = ERR_LIST_INIT;

    migration->name = file;
    migration->file = file;
    if (migration_parse_seed(fixture->ctx, text, strlen(text), migration, &errors) < 0)
        harness_die("%s: %s", file, errors.items[0].message);
    return migration;
}

struct seed_file *seed_fixture_file(struct seed_fixture *fixture, const char *name)
{
    struct seed_file *file = mem_new(fixture->ctx, struct seed_file);
    char *text = tmpdir_read(fixture->ctx, fixture->dir, name);

    file->format = ends_with(name, ".json")  ? SEED_JSON
                   : ends_with(name, ".csv") ? SEED_CSV
                                             : SEED_SQL;
    file->name = mem_printf(fixture->ctx, "base/%s", name);
    file->path = tmpdir_path(fixture->ctx, fixture->dir, name);
    file->file = file->name;
    file->size = (int64_t)strlen(text);
    file->checksum =
        fixture->wrong_checksum ? "sha256:00" : sha256_text(fixture->ctx, text, strlen(text));
    if (file->format == SEED_CSV)
        file->table = mem_strndup(fixture->ctx, name + 3, strlen(name) - strlen("NN_.csv"));
    if (file->format == SEED_SQL)
        file->sql = scan(fixture, file->file, text);
    talloc_free(text);
    return file;
}

static void open_session(struct seed_fixture *fixture, void *mem, struct session **ret)
{
    const struct name_value parameters[] = {
        {"host", fixture->server->host},
        {"port", mem_printf(mem, "%d", fixture->server->port)},
        {"user", fixture->user},
        {"dbname", fixture->database},
    };
    struct name_values connection = {.items = parameters, .count = ARRAY_LEN(parameters)};
    struct session_limits limits = {.deadline = CLOCK_NEVER, .cancel_fd = -1};
    struct err err = ERR_INIT;

    if (session_open(mem, &connection, "test", limits, ret, &err) < 0)
        harness_die("cannot connect: %s", err.message);
}

bool seed_fixture_apply_files(struct seed_fixture *fixture, const char *const *names, size_t count)
{
    void *mem = mem_context(fixture->ctx);
    struct transactions tx;
    struct session *session;
    char *history;
    int result = 0;

    err_clear(&fixture->err);
    open_session(fixture, mem, &session);
    transaction_init(&tx, mem, session, &fixture->tenant, "run-1");
    history = mem_printf(mem, "SELECT to_regclass('%s') IS NOT NULL", tx.history);
    tx.schema_exists = true;
    tx.history_exists =
        strcmp(pg_sql_value(mem, fixture->server, fixture->database, history), "t") == 0;
    if (tx.history_exists)
        tx.known_rank =
            pg_sql_count(fixture->server, fixture->database,
                         mem_printf(mem, "SELECT coalesce(max(rank), 0) FROM %s", tx.history));
    for (size_t i = 0; i < count && result == 0; i++)
        result =
            seed_apply(&tx, seed_fixture_file(fixture, names[i]), &fixture->counts, &fixture->err);
    session_close(session);
    talloc_free(mem);
    return result == 0;
}

bool seed_fixture_apply_file(struct seed_fixture *fixture, const char *name)
{
    return seed_fixture_apply_files(fixture, &name, 1);
}

bool seed_fixture_apply(struct seed_fixture *fixture, const char *name, const char *text)
{
    tmpdir_write(fixture->dir, name, text);
    return seed_fixture_apply_file(fixture, name);
}
