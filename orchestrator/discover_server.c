/*
 * discover_server.c: what servers know: databases, schemas, the rows of a query.
 */
#include "orchestrator/discover_server.h"

#include "common/backoff.h"
#include "common/clock.h"
#include "common/mem.h"
#include "orchestrator/discover_row.h"
#include "orchestrator/message.h"
#include "worker/session.h"

#include <errno.h>
#include <poll.h>
#include <sys/random.h>

enum { RETRY_BASE_MS = 250, RETRY_CAP_MS = 2000 };

static const char databases_query[] =
    "SELECT datname FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate";

static const char schemas_query[] = "SELECT nspname FROM pg_catalog.pg_namespace "
                                    "WHERE nspname OPERATOR(pg_catalog.!~) '^pg_' "
                                    "AND nspname OPERATOR(pg_catalog.<>) 'information_schema'";

/* One answer as it is read. */
struct answer {
    struct discover_entry *entry;
    struct discover_row *row; /* of a query */
    bool checked;             /* its columns are good */
    int64_t rows;
};

/* What every server or database has for its own use is a tenant only where it is named in full. */
static bool fits(const struct discovery *discovery, const char *name, const char *own)
{
    if (strcmp(name, own) == 0)
        return strcmp(discovery->glob, name) == 0;
    return text_glob(discovery->glob, name);
}

static int take_database(void *arg, size_t statement UNUSED, const PGresult *result,
                         struct err *err)
{
    struct discover_entry *entry = ((struct answer *)arg)->entry;
    const struct found_tenant tenant = {.database = PQgetvalue(result, 0, 0)};

    if (!fits(entry->discovery, tenant.database, "postgres"))
        return 0;
    return discover_entry_add(entry, &tenant, err);
}

static int take_schema(void *arg, size_t statement UNUSED, const PGresult *result, struct err *err)
{
    struct discover_entry *entry = ((struct answer *)arg)->entry;
    const struct found_tenant tenant = {.schema = PQgetvalue(result, 0, 0)};

    if (!fits(entry->discovery, tenant.schema, "public"))
        return 0;
    return discover_entry_add(entry, &tenant, err);
}

static int read_row(struct answer *answer, const PGresult *result, struct err *err)
{
    discover_row_begin(answer->row);
    for (int i = 0; i < PQnfields(result); i++) {
        const char *value = PQgetisnull(result, 0, i) ? NULL : PQgetvalue(result, 0, i);

        if ((!answer->checked && discover_row_check_key(PQfname(result, i), err) < 0) ||
            discover_row_set(answer->row, PQfname(result, i), value, err) < 0)
            return -1;
    }
    answer->checked = true;
    return discover_entry_add(answer->entry, discover_row_tenant(answer->row), err);
}

static int take_row(void *arg, size_t statement UNUSED, const PGresult *result, struct err *err)
{
    struct answer *answer = arg;

    answer->rows++;
    if (read_row(answer, result, err) == 0)
        return 0;
    err_prefix(err, "row %lld: ", (long long)answer->rows);
    return -1;
}

/* The server's parameters and the database to ask in. */
static struct name_values connect_to(void *mem, const struct server *server, const char *database)
{
    const struct name_values *base = &server->connection;
    struct name_value *items = mem_array(mem, struct name_value, base->count + 1);

    for (size_t i = 0; i < base->count; i++)
        items[i] = base->items[i];
    items[base->count] = (struct name_value){"dbname", database ? database : "postgres"};
    return (struct name_values){items, base->count + 1};
}

/* It is full, starting up, or not there at this moment. */
static bool may_mend(const struct err *err)
{
    if (err->sqlstate[0])
        return strcmp(err->sqlstate, "53300") == 0 || strcmp(err->sqlstate, "57P03") == 0;
    return err->kind == ERR_UNREACHABLE && strstr(err->message, strerror(ECONNREFUSED));
}

/* Before the next try; false: there is no time for one, or a signal came. */
static bool wait_for_next(int failed, struct session_limits limits)
{
    struct pollfd cancel = {.fd = limits.cancel_fd, .events = POLLIN};
    uint32_t random = 0;
    int64_t until_ms;

    (void)!getrandom(&random, sizeof(random), GRND_NONBLOCK); /* without it: no jitter */
    until_ms = clock_now_ms() + backoff_delay(failed, RETRY_BASE_MS, RETRY_CAP_MS, random);
    return until_ms < limits.deadline && poll(&cancel, 1, clock_poll_timeout(until_ms)) <= 0;
}

static int open_session(void *mem, const struct discovery *discovery, struct session_limits limits,
                        struct session **ret, struct err *err)
{
    struct name_values connection = connect_to(mem, discovery->server, discovery->database);

    for (int failed = 1;; failed++) {
        if (session_open(mem, &connection, "pgtide discover", limits, ret, err) == 0)
            return 0;
        if (!may_mend(err) || !wait_for_next(failed, limits))
            return -1;
        if (failed == 1)
            message_note("server \"%s\" takes no connection yet, trying again: %s",
                         discovery->server->name, err->message);
        err_clear(err);
    }
}

static const char *query_of(void *mem, const struct discovery *discovery)
{
    const char *query = discovery->kind == DISCOVER_DATABASES ? databases_query
                        : discovery->kind == DISCOVER_SCHEMAS ? schemas_query
                                                              : discovery->query;

    /* read only, so that a query of the user's cannot change anything */
    return mem_printf(mem, "START TRANSACTION READ ONLY;\n%s\n;\nCOMMIT", query);
}

static int ask(struct session *session, void *mem, struct answer *answer, struct err *err)
{
    const struct discovery *discovery = answer->entry->discovery;
    struct session_reader reader = {
        .arg = answer,
        .row = discovery->kind == DISCOVER_DATABASES ? take_database
               : discovery->kind == DISCOVER_SCHEMAS ? take_schema
                                                     : take_row,
    };

    return session_query(session, query_of(mem, discovery), &reader, err);
}

int discover_server_read(struct discover_entry *entry, struct err *err)
{
    const struct discovery *discovery = entry->discovery;
    void *mem = mem_context(NULL);
    struct session_limits limits = {.deadline = clock_deadline(discovery->timeout_ms),
                                    .cancel_fd = entry->cancel_fd};
    struct answer answer = {.entry = entry, .row = discover_row_new(mem)};
    struct session *session = NULL;
    int rc = open_session(mem, discovery, limits, &session, err);

    if (rc == 0)
        rc = ask(session, mem, &answer, err);
    session_close(session);
    if (rc < 0 && err->kind != ERR_DATA)
        err->kind = ERR_INTERNAL; /* no tenant was touched: not a tenant's error */
    talloc_free(mem);
    return rc;
}
