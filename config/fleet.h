/*
 * fleet.h: the inventory, fleet.yaml, read once and constant from then on.
 *
 * fleet_load() does all checks and reports every error of the file in one go,
 * each with line and column. Nothing here connects to a server. Then fleet_fetch_password() and
 * fleet_found.h fill in what comes from elsewhere. After that the whole structure is
 * constant: any thread may read it.
 */
#ifndef CONFIG_FLEET_H
#define CONFIG_FLEET_H

#include "common/base.h"
#include "common/err.h"
#include "common/text.h"

struct name_value { /* a label, a variable, a libpq parameter */
    const char *name;
    const char *value;
};

struct name_values { /* in the order written, names unique */
    const struct name_value *items;
    size_t count;
};

/* The value under `name`, or NULL. */
const char *name_values_get(const struct name_values *list, const char *name);

enum create_mode { CREATE_NONE, CREATE_SCHEMA, CREATE_DATABASE };

/* How connections reach the server: `connection.pooler`. */
enum pooler_mode { POOLER_AUTO, POOLER_NONE, POOLER_SESSION, POOLER_TRANSACTION };

/* One complete set; tenants without settings of their own share their server's or the fleet's. */
struct settings {
    const char *history_schema; /* NULL: "public" for a tenant without schema */
    const char *history_table;
    const char *role; /* NULL: none */
    int64_t lock_wait_ms;
    int64_t lock_timeout_ms; /* 0 = none, like the two below */
    int64_t statement_timeout_ms;
    int64_t tenant_deadline_ms;
    bool out_of_order_allow;
    bool nonempty_allow;
    enum create_mode create;
    struct {
        int attempts; /* 1 = no retry */
        int64_t base_ms;
        int64_t cap_ms;
    } retry;
};

/* One PostgreSQL instance: listed under servers:, or made for the host and port of a dsn. */
struct server {
    const char *name; /* of one made for a dsn: "host:port" */
    bool listed;
    const char
        *host; /* as given to libpq (host, list of hosts, socket folder); "" = libpq's default */
    const char *port; /* that will be connected to: as given, else libpq's; "" = of the service */
    int per_server;   /* most tenants in work here: its own or the run's default */
    size_t index;     /* position in fleet.servers */
    bool has_max_failures;
    struct text_size max_failures;         /* of its own tenants; one more and it is left out */
    int64_t max_replica_lag_ms;            /* its queue is paused above that; 0 = not looked at */
    struct text_size max_connections_used; /* likewise, of max_connections */
    bool has_max_connections_used;
    struct name_values labels;
    const struct settings *settings; /* of tenants here that have none of their own */
    enum pooler_mode pooler;
    /* As in a tenant, but without a dbname: to look at the server itself. Never print it. */
    struct name_values connection;
    const char *place; /* equal for two servers that are one host and port */
    int line;
    int column;
};

enum tenant_state { TENANT_ACTIVE, TENANT_SUSPENDED };

struct tenant {
    const char *name;
    size_t index; /* position in fleet.tenants */
    const struct server *server;
    const char *database; /* for people and reports; taken from the dsn where there is one */
    const char *schema;   /* NULL: the tenant is the whole database; "public" is kept as NULL */
    const char *history_schema; /* never NULL: where history and lock belong */
    enum tenant_state state;
    struct name_values labels; /* the server's, overridden by the tenant's */
    struct name_values vars;
    const char *const *seeds; /* names of seed sets, in order */
    size_t seed_count;
    const struct settings *settings;
    enum pooler_mode pooler;
    /*
     * Everything for PQconnectdbParams but application_name and what session.c sets by itself
     * (time-outs and keepalives unless given here): defaults, server, tenant merged; `password`
     * filled from password:, or password_file:. A dsn is taken apart into these. Never print it.
     */
    struct name_values connection;
    struct name_values direct_connection; /* from direct_dsn; count 0 = none */
    const struct discovery *discovery;    /* that found it; NULL: it is listed */
    int line;                             /* of it, or of that entry */
    int column;
};

struct hook {                   /* not given: neither command nor sql */
    const char *const *command; /* argv, ends in NULL; runs in fleet.directory */
    const char *sql;            /* on the tenant's session */
    int64_t timeout_ms;         /* 0 = none */
    int line;                   /* of the hook, or of the first line of its SQL */
};

/* One label of a wave's `match`: one of the patterns must fit its value. */
struct wave_match {
    const char *label;
    const char *const *globs;
    size_t count;
};

/* In which order a wave takes and starts its tenants. */
enum wave_order {
    WAVE_ORDER_INVENTORY,
    WAVE_ORDER_NAME,
    WAVE_ORDER_LABEL,         /* by the value of `order_label`, those without it last */
    WAVE_ORDER_LAST_DURATION, /* of the ledger, longest first; those never timed before them */
    WAVE_ORDER_RANDOM,        /* by `order_seed`, or where that is 0 by one made for the run */
};

/* One of `run.waves`. One without match and size takes the rest. */
struct wave {
    const char *name;
    const struct wave_match *matches; /* all of them must hold */
    size_t match_count;
    bool has_size;
    struct text_size size; /* of all selected tenants */
    enum wave_order order;
    const char *order_label;
    int64_t order_seed;
    int workers;    /* 0 = the run's; the smaller of both holds */
    int per_server; /* 0 = the servers' own; the smaller of both holds */
    bool ramp_up;   /* its own, or the run's */
    bool has_max_failures, has_max_unreachable;
    struct text_size max_failures, max_unreachable; /* of its own tenants */
    int64_t soak_ms;
    struct hook gate; /* neither command nor sql: none */
    bool confirm;
    const size_t *depends_on; /* positions in fleet.run.waves of waves that must have passed; */
    size_t depends_on_count;  /* not given in the file: the one before it */
    int line;
    int column;
};

/* When tenants may be started: local wall-clock times of one time zone. Not given: no days. */
struct run_window {
    int from_minute;      /* of the day, 0 to 1439 */
    int to_minute;        /* not above from_minute: of the day after */
    const char *timezone; /* a name of the time zone database; NULL: this machine's */
    unsigned days;        /* bit 0 = Sunday ... 6 = Saturday: on which it opens; 0 = no window */
    int line;
    int column;
};

/* `run:`: what fleet.yaml says; the command line may override it. */
struct run_config {
    int workers;
    int per_server;
    struct text_size max_failures;
    bool has_max_unreachable, has_max_locked, has_max_held;
    struct text_size max_unreachable, max_locked, max_held;
    bool require_bundle;     /* migrations must be a sealed bundle */
    int64_t max_duration_ms; /* no tenant is started after it; 0 = none */
    struct run_window window;
    bool ramp_up;             /* of waves that do not say, and of a run without waves */
    const struct wave *waves; /* in the order of the file */
    size_t wave_count;        /* 0 = all tenants at once */
};

/* One of `discover:`: where more tenants are read from at the start of a run. */
enum discovery_kind {
    DISCOVER_DATABASES, /* names of databases on `server` that fit `glob` */
    DISCOVER_SCHEMAS,   /* names of schemas in `database` on `server` that fit `glob` */
    DISCOVER_QUERY,     /* rows of `query` in `database` on `server` */
    DISCOVER_FILE,      /* rows of a CSV file */
    DISCOVER_COMMAND,   /* JSON Lines on a program's standard output */
};

struct discovery {
    enum discovery_kind kind;
    const struct server *server; /* to ask, and of rows that name none; NULL: of a file or command
                                    whose rows all do */
    const char *database; /* to ask in, and of rows with a schema that name none; NULL: "postgres",
                             and none */
    const char *glob;
    const char *query;
    const char *file;           /* resolved path */
    const char *const *command; /* argv, ends in NULL; runs in fleet.directory */
    int64_t timeout_ms;         /* of all of it; 0 = none */
    const char *name; /* of the tenants, with {name} (what it would be without this), {server},
                         {database}, {schema}; NULL: the row's, or schema, or database */
    struct name_values labels; /* of all tenants that it finds, below their own; so are vars */
    struct name_values vars;
    const char *const *seeds; /* names of seed sets of all of them, in order */
    size_t seed_count;
    int line;
    int column;
};

/* `hooks:`: the moments at which something of the user's is run. */
enum hook_point {
    HOOK_BEFORE_RUN,
    HOOK_AFTER_RUN,
    HOOK_ON_HALT,
    HOOK_BEFORE_TENANT,
    HOOK_AFTER_TENANT,
    HOOK_ON_FAILURE, /* of a tenant */
    HOOK_POINTS
};

struct fleet {
    const char *file;       /* as the user gave it, for messages */
    const char *directory;  /* of the file: where relative paths start */
    const char *migrations; /* resolved path, a folder or bundle; NULL where the file has none */
    int migrations_line;    /* where the file names them, 0 = nowhere */
    int migrations_column;
    const char *seeds;  /* resolved path (default "seeds" beside the file) */
    const char *state;  /* resolved path (default ".pgtide") */
    const char *ledger; /* connection string of a ledger for several machines; NULL: the file in
                           `state`. Secret */
    struct discovery *discoveries;
    size_t discovery_count;
    struct run_config run;
    const char *const
        *password_command; /* argv, NULL-terminated, or NULL: run by fleet_fetch_password */
    struct hook hooks[HOOK_POINTS];
    struct server *servers;
    size_t server_count;
    struct tenant *tenants; /* in the order of the file, then those found; suspended ones too */
    size_t tenant_count;
    char *fingerprint; /* "sha256:..." over names and places of all tenants */
    char **warnings;   /* texts for stderr, e.g. a password in a file that others can read */
    size_t warning_count;
};

/*
 * Reads and checks `path`. On success *ret is owned by `parent`. On failure -1, `errors` has at
 * least one entry, all with kind ERR_CONFIG (ERR_NOINPUT for a file that is not there).
 */
int fleet_load(void *parent, const char *path, struct fleet **ret,
               struct err_list *errors) MUST_CHECK;

/*
 * The same from memory. `path` is for messages, and its folder is where relative paths start.
 * `shared`: others than its owner may read what `text` came from.
 */
int fleet_parse(void *parent, const char *path, const char *text, size_t len, bool shared,
                struct fleet **ret, struct err_list *errors) MUST_CHECK;

/*
 * Runs connection.password_command (no shell, standard error passed through, 30 s at most, or until
 * `cancel_fd` is readable, -1 = none) and
 * gives its output without the last line end to every tenant and server whose connection has no
 * password.
 * Nothing to do without one, or a second time. Main thread, before any worker is started.
 */
int fleet_fetch_password(struct fleet *fleet, int cancel_fd, struct err *err) MUST_CHECK;

/* Makes fleet.fingerprint from the tenants there are. */
void fleet_make_fingerprint(struct fleet *fleet);

#endif
