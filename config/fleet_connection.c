/*
 * fleet_connection.c: connection: sections and connection strings.
 */
#include "config/fleet_connection.h"

#include "common/mem.h"
#include "common/strmap.h"
#include "common/text.h"
#include "config/password.h"

#include <libpq-fe.h>

struct fleet_connections {
    struct reader *r;
    /* libpq's parameters, then our own three keys, so that all can be suggested */
    const char *names[FLEET_PARAMS_MOST + 3];
    size_t count;         /* of libpq's */
    struct strmap *index; /* name to its place in `names` */
};

static const char *const own_keys[] = {"pooler", "password_file", "password_command"};

static const struct field usual_fields[] = {
    {.key = "user"},
    {.key = "password"},
    {.key = "password_file"},
    {.key = "password_command"},
    {.key = "passfile"},
    {.key = "service"},
    {.key = "sslmode"},
    {.key = "sslrootcert"},
    {.key = "connect_timeout"},
    {.key = "options"},
    {.key = "pooler"},
};

const struct field_table fleet_connection_table = {
    .name = "connection", .fields = usual_fields, .count = ARRAY_LEN(usual_fields)};

/* In the order of enum pooler_mode. */
static const char *const pooler_words[] = {"auto", "none", "session", "transaction", NULL};

/* Parameters with few or only numeric values: a mistake is found before anything is connected to.
 */
static const struct {
    const char *keyword;
    const char *words[8]; /* none: a whole number */
} checks[] = {
    {"sslmode", {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}},
    {"gssencmode", {"disable", "prefer", "require"}},
    {"channel_binding", {"disable", "prefer", "require"}},
    {"target_session_attrs",
     {"any", "read-write", "read-only", "primary", "standby", "prefer-standby"}},
    {"connect_timeout", {NULL}},
    {"keepalives", {NULL}},
    {"keepalives_idle", {NULL}},
    {"keepalives_interval", {NULL}},
    {"keepalives_count", {NULL}},
    {"tcp_user_timeout", {NULL}},
};

/* Parameters that have another place in fleet.yaml, or none. */
static const struct {
    const char *keyword;
    enum fleet_level from; /* refused from this level on */
    const char *hint;
} refused[] = {
    {"application_name", LEVEL_FLEET, "pgtide sets it to the run and the tenant: leave it out."},
    {"fallback_application_name", LEVEL_FLEET, "pgtide sets application_name: leave it out."},
    {"replication", LEVEL_FLEET, "Replication connections cannot migrate: leave it out."},
    {"dbname", LEVEL_FLEET, "Write database: in the tenant."},
    {"host", LEVEL_TENANT, "Name a server: with this host, or use dsn: instead."},
    {"hostaddr", LEVEL_TENANT, "Name a server: with this address, or use dsn: instead."},
    {"port", LEVEL_TENANT, "Name a server: with this port, or use dsn: instead."},
    {"service", LEVEL_TENANT, "Name a server: with this service, or use dsn: instead."},
};

/* --- the set of parameters -------------------------------------------------------------------- */

struct fleet_connections *fleet_connection_start(struct reader *r)
{
    struct fleet_connections *c = mem_new(r->scratch, struct fleet_connections);
    PQconninfoOption *options = PQconndefaults();

    if (!options)
        mem_die(0);
    c->r = r;
    c->index = strmap_new(c);
    for (size_t i = 0; options[i].keyword && c->count < FLEET_PARAMS_MOST; i++)
        c->names[c->count++] = arena_strdup(r->arena, options[i].keyword);
    PQconninfoFree(options);
    for (size_t i = 0; i < ARRAY_LEN(own_keys); i++)
        c->names[c->count + i] = own_keys[i];
    for (size_t i = 0; i < c->count; i++)
        strmap_set(c->index, c->names[i], &c->names[i]);
    return c;
}

/* The parameter's number, or -1. */
static int number_of(const struct fleet_connections *c, const char *keyword)
{
    const char **place = strmap_get(c->index, keyword);

    return place ? (int)(place - c->names) : -1;
}

const char *fleet_connection_get(const struct fleet_connections *c,
                                 const struct fleet_params *params, const char *keyword)
{
    int number = number_of(c, keyword);
    const char *value = number < 0 ? NULL : params->values[number];

    return value && *value ? value : NULL;
}

void fleet_connection_set(const struct fleet_connections *c, struct fleet_params *params,
                          const char *keyword, const char *value)
{
    int number = number_of(c, keyword);

    if (number >= 0)
        params->values[number] = value;
}

struct name_values fleet_connection_list(const struct fleet_connections *c,
                                         const struct fleet_params *params)
{
    struct name_value *items;
    size_t count = 0;

    for (size_t i = 0; i < c->count; i++)
        count += params->values[i] && *params->values[i];
    items = arena_alloc(c->r->arena, count * sizeof(*items));
    count = 0;
    for (size_t i = 0; i < c->count; i++) {
        if (params->values[i] && *params->values[i])
            items[count++] = (struct name_value){c->names[i], params->values[i]};
    }
    return (struct name_values){items, count};
}

/* --- values ----------------------------------------------------------------------------------- */

bool fleet_connection_check_port(struct reader *r, const struct yaml_node *node, const char *text)
{
    const char *part = text;

    while (part) {
        const char *comma = strchr(part, ',');
        size_t len = comma ? (size_t)(comma - part) : strlen(part);
        char *one = mem_strndup(r->scratch, part, len);
        int64_t port;
        bool good = len == 0 ? strchr(text, ',') != NULL : text_to_int64(one, 1, 65535, &port);

        talloc_free(one);
        if (!good) {
            reader_error(r, node, "\"port\" must be a whole number from 1 to 65535");
            return false;
        }
        part = comma ? comma + 1 : NULL;
    }
    return true;
}

/* Another client_encoding would make the server read every file wrong, without a word. */
static bool is_utf8(const char *encoding)
{
    static const char *const names[] = {"utf8", "utf-8", "unicode"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcasecmp(encoding, names[i]) == 0)
            return true;
    }
    return false;
}

static bool check_value(struct fleet_connections *c, const struct yaml_node *node,
                        const char *keyword, const char *value)
{
    int64_t number;

    if (strcmp(keyword, "port") == 0)
        return !*value || fleet_connection_check_port(c->r, node, value);
    if (strcmp(keyword, "client_encoding") == 0 && *value && !is_utf8(value)) {
        err_hint(reader_error(c->r, node, "\"client_encoding\" must be UTF8"),
                 "The files are in UTF-8, whatever the database's own encoding is, which the "
                 "server converts to. Leave it out.");
        return false;
    }
    for (size_t i = 0; *value && i < ARRAY_LEN(checks); i++) {
        const char *const *words = checks[i].words;
        size_t count = 0;

        if (strcmp(checks[i].keyword, keyword) != 0)
            continue;
        if (!words[0] && text_to_int64(value, INT32_MIN, INT32_MAX, &number))
            return true;
        if (!words[0]) {
            reader_error(c->r, node, "\"%s\" must be a whole number", keyword);
            return false;
        }
        for (; words[count]; count++) {
            if (strcmp(words[count], value) == 0)
                return true;
        }
        reader_suggest(
            reader_error(c->r, node, "\"%s\" has a value that libpq does not know", keyword), value,
            words, count);
        return false;
    }
    return true;
}

/* Remembers when a secret stands in the file itself and does not come from the environment. */
static void note_secret(struct fleet_connections *c, const struct yaml_node *node,
                        const char *value)
{
    if (value && *value && (!strstr(node->text, "${") || strstr(node->text, value)))
        c->r->secrets = true;
}

static bool is_secret(const char *keyword)
{
    return strcmp(keyword, "password") == 0 || strcmp(keyword, "sslpassword") == 0;
}

static const char *reason_against(const char *keyword, enum fleet_level level)
{
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        if (strcmp(refused[i].keyword, keyword) == 0 && level >= refused[i].from)
            return refused[i].hint;
    }
    return NULL;
}

/* --- a section -------------------------------------------------------------------------------- */

static void read_password_file(struct fleet_connections *c, const struct yaml_node *node,
                               struct fleet_params *params)
{
    struct reader *r = c->r;
    const char *path = reader_text(r, "password_file", node);
    struct err err = ERR_INIT;
    char *password;
    bool shared;

    if (!path || !fields_check_name(r, "password_file", node, path))
        return;
    path = reader_path(r, path);
    if (password_read_file(r->scratch, path, &password, &shared, &err) < 0) {
        struct err *copy = reader_error(r, node, "%s", err.message);

        if (err.hint)
            err_hint(copy, "%s", err.hint);
        err_clear(&err);
        return;
    }
    if (shared)
        reader_warn(r, "others can read the password file \"%s\"; type: chmod 600 %s", path, path);
    fleet_connection_set(c, params, "password", arena_strdup(r->arena, password));
    memset(password, 0, strlen(password));
    talloc_free(password);
}

static void read_password_command(struct fleet_connections *c, const struct yaml_node *node,
                                  enum fleet_level level)
{
    struct reader *r = c->r;
    const char **argv;

    if (level != LEVEL_FLEET) {
        err_hint(reader_error(r, node, "\"password_command\" is for the whole fleet"),
                 "Move it to connection: at the top level, or use password_file: here.");
        return;
    }
    if (!reader_expect(r, "password_command", node, NODE_LIST))
        return;
    if (node->count == 0)
        reader_error(r, node, "\"password_command\" names no program");
    argv = arena_alloc(r->arena, (node->count + 1) * sizeof(char *));
    for (uint32_t i = 0; i < node->count; i++) {
        argv[i] = reader_text(r, "password_command", node->items[i]);
        if (i == 0 && argv[0] && fields_check_name(r, "password_command", node->items[0], argv[0]))
            argv[0] = strchr(argv[0], '/') ? reader_path(r, argv[0]) : argv[0];
    }
    r->fleet->password_command = argv;
}

static void read_pooler(struct fleet_connections *c, const struct yaml_node *node,
                        struct fleet_params *params)
{
    static const struct field field = {.key = "pooler",
                                       .kind = FIELD_CHOICE,
                                       .offset = offsetof(struct fleet_params, pooler),
                                       .choices = pooler_words};

    fields_read_one(c->r, &field, node, params);
}

static void read_parameter(struct fleet_connections *c, const struct yaml_pair *pair,
                           enum fleet_level level, struct fleet_params *params)
{
    const char *keyword = pair->key->text;
    const char *reason = reason_against(keyword, level);
    const char *value;

    if (reason) {
        err_hint(reader_error(c->r, pair->key, "\"%s\" cannot be given here", keyword), "%s",
                 reason);
        return;
    }
    value = reader_text(c->r, keyword, pair->value);
    if (!value || !check_value(c, pair->value, keyword, value))
        return;
    if (is_secret(keyword))
        note_secret(c, pair->value, value);
    params->values[number_of(c, keyword)] = value;
}

/* Of password:, password_file: and password_command: one section may have one. */
static void check_one_password(struct fleet_connections *c, const struct yaml_node *node)
{
    static const char *const keys[] = {"password", "password_file", "password_command"};
    const struct yaml_pair *first = NULL;

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const struct yaml_pair *pair = yaml_tree_find(node, keys[i]);

        if (pair && first)
            reader_error(c->r, pair->key, "\"%s\" and \"%s\" cannot both be given", keys[i],
                         first->key->text);
        else if (pair)
            first = pair;
    }
}

void fleet_connection_read(struct fleet_connections *c, const struct yaml_node *node,
                           enum fleet_level level, struct fleet_params *params)
{
    if (!node)
        return;
    check_one_password(c, node);
    for (uint32_t i = 0; i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        const char *key = pair->key->text;

        if (number_of(c, key) >= 0)
            read_parameter(c, pair, level, params);
        else if (strcmp(key, "password_file") == 0)
            read_password_file(c, pair->value, params);
        else if (strcmp(key, "password_command") == 0)
            read_password_command(c, pair->value, level);
        else if (strcmp(key, "pooler") == 0)
            read_pooler(c, pair->value, params);
        else
            fields_unknown_key(c->r, pair->key, "connection", c->names,
                               c->count + ARRAY_LEN(own_keys));
    }
}

/* --- connection strings ----------------------------------------------------------------------- */

/*
 * libpq's message may quote a piece of the password (a "%" or a blank in it is enough), so it is
 * used in one case only: when what it quotes resembles a parameter's name.
 */
static void report_dsn(struct fleet_connections *c, const char *key, const struct yaml_node *node,
                       const char *message)
{
    const char *open = message ? strchr(message, '"') : NULL;
    const char *close = open ? strchr(open + 1, '"') : NULL;
    const char *near = NULL;
    struct err *err;

    if (close && (strstr(message, " connection option ") || strstr(message, " query parameter"))) {
        char *word = mem_strndup(c->r->scratch, open + 1, (size_t)(close - open - 1));

        near = text_nearest(word, c->names, c->count);
    }
    if (near) {
        err = reader_error(c->r, node, "unknown connection parameter in \"%s\"", key);
        err_hint(err, "Did you mean \"%s\"?", near);
    } else {
        err = reader_error(c->r, node, "\"%s\" is not a valid connection string", key);
        err_hint(err, "Write postgresql://HOST:PORT/DATABASE; in a URI, special characters of "
                      "a password are written as %%XX.");
    }
}

static bool is_given(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword; options++) {
        if (strcmp(options->keyword, keyword) == 0)
            return options->val && *options->val;
    }
    return false;
}

/* A connection string that says where to go is not led elsewhere by defaults. */
static void clear_place(const struct fleet_connections *c, const PQconninfoOption *options,
                        struct fleet_params *params)
{
    bool host = is_given(options, "host") || is_given(options, "hostaddr");
    bool service = is_given(options, "service");

    if (host || service) {
        fleet_connection_set(c, params, "host", NULL);
        fleet_connection_set(c, params, "hostaddr", NULL);
        fleet_connection_set(c, params, "service", NULL);
    }
    if (service && !host)
        fleet_connection_set(c, params, "port", NULL);
}

/* One parameter of a connection string. False: reported. */
static bool take_option(struct fleet_connections *c, const char *key, const struct yaml_node *node,
                        const PQconninfoOption *option, struct fleet_params *params)
{
    const char *value = option->val;

    if (!value || !*value)
        return true;
    if (strcmp(option->keyword, "replication") == 0) {
        reader_error(c->r, node, "\"%s\" asks for a replication connection", key);
        return false;
    }
    if (strstr(option->keyword, "application_name")) /* ours; an application's dsn often has one */
        return true;
    if (!check_value(c, node, option->keyword, value))
        return false;
    if (is_secret(option->keyword))
        note_secret(c, node, value);
    fleet_connection_set(c, params, option->keyword, arena_strdup(c->r->arena, value));
    return true;
}

bool fleet_connection_read_dsn(struct fleet_connections *c, const char *key,
                               const struct yaml_node *node, const char *dsn,
                               struct fleet_params *params)
{
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(dsn, &message);
    bool good = options != NULL;

    if (options)
        clear_place(c, options, params);
    else
        report_dsn(c, key, node, message);
    for (size_t i = 0; options && options[i].keyword; i++)
        good = take_option(c, key, node, &options[i], params) && good;
    PQconninfoFree(options);
    PQfreemem(message);
    return good;
}
