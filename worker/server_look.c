/*
 * server_look.c: one Query for all that is asked of a server.
 *
 * DESIGN. A replica that has replayed all there is has no lag, whatever it reported last: the
 * server keeps showing that for some seconds. "All there is" is what has been flushed, as no more
 * is sent. A reported lag is as old as the replica's last message, and one that stood still since
 * it was last up to date reports none: the column is NULL, as for one that is up to date. So its
 * place is asked for, too. Backups and archivers have no replay_lsn and do not count.
 *
 * A time limit of the role is not meant for this; the look has its own. Nor is its search_path, in
 * which other things may have the names of PostgreSQL's own.
 */
#include "worker/server_look.h"

#include "common/clock.h"
#include "common/mem.h"
#include "common/text.h"

enum { LOOK_MS = 4000 };

static const char question[] =
    "SET LOCAL statement_timeout = 0;\n"
    "SELECT pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'), current_user,\n"
    "       replicas, lag_ms, behind_at, silent, connections,\n"
    "       pg_catalog.current_setting('max_connections')::bigint\n"
    "       - pg_catalog.current_setting('superuser_reserved_connections')::bigint\n"
    "       - coalesce(nullif(pg_catalog.current_setting('reserved_connections', true), ''),\n"
    "                  '0')::bigint\n"
    "FROM (SELECT CASE WHEN pg_catalog.pg_is_in_recovery()\n"
    "             THEN pg_catalog.pg_last_wal_receive_lsn()\n"
    "             ELSE pg_catalog.pg_current_wal_flush_lsn() END AS here) AS wal,\n"
    "LATERAL (SELECT pg_catalog.count(*) AS replicas,\n"
    "                coalesce(pg_catalog.max(extract(epoch FROM replay_lag) * 1000)\n"
    "                         FILTER (WHERE replay_lsn < here), 0)::bigint AS lag_ms,\n"
    "                pg_catalog.min(replay_lsn) FILTER (WHERE replay_lsn < here) AS behind_at,\n"
    "                pg_catalog.count(*)\n"
    "                FILTER (WHERE replay_lsn < here AND replay_lag IS NULL) > 0 AS silent\n"
    "         FROM pg_catalog.pg_stat_replication WHERE replay_lsn IS NOT NULL) AS replication,\n"
    "(SELECT pg_catalog.count(*) AS connections FROM pg_catalog.pg_stat_activity\n"
    " WHERE backend_type = 'client backend' AND pid <> pg_catalog.pg_backend_pid()) AS activity";

enum { MAY_SEE, ROLE, REPLICAS, LAG_MS, BEHIND_AT, SILENT, CONNECTIONS, USABLE };

struct server_look *server_look_new(const struct server *server, const char *const *databases,
                                    size_t database_count, const char *application_name,
                                    int cancel_fd)
{
    struct server_look *look = mem_new(NULL, struct server_look);

    look->server = server;
    look->databases = databases;
    look->database_count = database_count;
    look->application_name = mem_strdup(look, application_name);
    look->cancel_fd = cancel_fd;
    return look;
}

static int refuse(const char *role, struct err *err)
{
    char *quoted = session_identifier(NULL, role);

    err_set(err, ERR_SQL, "role \"%s\" may not see replicas and connections", role);
    err_sqlstate(err, "42501");
    err_hint(err,
             "Let it: GRANT pg_monitor TO %s; or take max_replica_lag and "
             "max_connections_used away.",
             quoted);
    talloc_free(quoted);
    return -1;
}

static int64_t number(const PGresult *result, int column)
{
    int64_t value = 0;

    (void)text_to_int64(PQgetvalue(result, 0, column), INT64_MIN, INT64_MAX, &value);
    return value;
}

static int read_row(void *arg, size_t statement UNUSED, const PGresult *result, struct err *err)
{
    struct server_look *look = arg;
    struct server_facts *facts = &look->facts;

    if (PQgetvalue(result, 0, MAY_SEE)[0] != 't')
        return refuse(PQgetvalue(result, 0, ROLE), err);
    facts->replicas = number(result, REPLICAS);
    facts->lag_ms = number(result, LAG_MS);
    facts->connections = number(result, CONNECTIONS);
    facts->usable = number(result, USABLE);
    facts->silent = PQgetvalue(result, 0, SILENT)[0] == 't';
    snprintf(facts->behind_at, sizeof(facts->behind_at), "%s",
             PQgetvalue(result, 0, BEHIND_AT)); /* "" for NULL */
    return 0;
}

static int open_in(struct server_look *look, const char *database, struct session_limits limits)
{
    const struct name_values *given = &look->server->connection;
    struct name_value *items = mem_array(NULL, struct name_value, given->count + 1);
    struct name_values connection = {.items = items, .count = given->count + 1};
    int rc;

    if (given->count > 0)
        memcpy(items, given->items, given->count * sizeof(items[0]));
    items[given->count] = (struct name_value){"dbname", database};
    rc =
        session_open(look, &connection, look->application_name, limits, &look->session, &look->err);
    talloc_free(items);
    return rc;
}

/* The database is not there, or the role may not connect to it. */
static bool is_shut(const struct err *err)
{
    return err->kind == ERR_SQL &&
           (strcmp(err->sqlstate, "3D000") == 0 || strcmp(err->sqlstate, "42501") == 0);
}

/* The tenants' databases are theirs: a connection in one would count against its limit. So they
 * come last. */
static int open_session(struct server_look *look, struct session_limits limits)
{
    while (open_in(look, look->database ? look->databases[look->database - 1] : "postgres",
                   limits) < 0) {
        if (!is_shut(&look->err) || look->database == look->database_count)
            return -1;
        look->database++;
        err_clear(&look->err);
    }
    return 0;
}

void server_look_run(void *item)
{
    struct server_look *look = item;
    struct session_reader reader = {.arg = look, .row = read_row};
    struct session_limits limits = {.deadline = clock_deadline(LOOK_MS),
                                    .cancel_fd = look->cancel_fd};

    err_clear(&look->err);
    if (!look->session && open_session(look, limits) < 0)
        return;
    session_set_limits(look->session, limits);
    if (session_query(look->session, question, &reader, &look->err) == 0)
        return;
    session_close(look->session);
    look->session = NULL;
}

void server_look_free(struct server_look *look)
{
    session_close(look->session);
    err_clear(&look->err);
    talloc_free(look);
}
