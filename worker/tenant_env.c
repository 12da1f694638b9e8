/*
 * tenant_env.c: a tenant as environment variables.
 */
#include "worker/tenant_env.h"

#include "common/mem.h"
#include "common/strbuf.h"
#include "worker/hook.h"
#include "worker/session.h"

#include <libpq-fe.h>

const struct name_values *tenant_env_connection(const struct tenant *tenant)
{
    return tenant->direct_connection.count ? &tenant->direct_connection : &tenant->connection;
}

/* Which variable libpq reads for a parameter is asked of the libpq in use. */
static void set_connection(struct environment *env, const struct name_values *connection)
{
    PQconninfoOption *options = PQconndefaults();

    if (!options)
        mem_die(0);
    for (const PQconninfoOption *option = options; option->keyword; option++) {
        const char *value = name_values_get(connection, option->keyword);

        if (value && option->envvar)
            environment_set(env, option->envvar, value);
    }
    PQconninfoFree(options);
    if (name_values_get(connection, "host") && !name_values_get(connection, "hostaddr"))
        environment_set(env, "PGHOSTADDR", NULL);
    if (!name_values_get(connection, "service"))
        environment_set(env, "PGSERVICE", NULL); /* it would win over what is set here */
}

/* In PGOPTIONS a backslash stands before white space and backslashes that are meant. */
static void set_search_path(struct environment *env, const char *schema)
{
    const char *before = environment_get(env, "PGOPTIONS");
    char *quoted = session_identifier(env->mem, schema);
    struct strbuf options;

    strbuf_init(&options, env->mem);
    strbuf_printf(&options, "%s%s-csearch_path=", before ? before : "", before ? " " : "");
    for (const char *c = quoted; *c; c++) {
        if (*c == '\\' || *c == ' ')
            strbuf_char(&options, '\\');
        strbuf_char(&options, *c);
    }
    environment_set(env, "PGOPTIONS", options.text);
}

static void set_pairs(struct environment *env, const char *prefix, const struct name_values *pairs)
{
    for (size_t i = 0; i < pairs->count; i++)
        environment_set_named(env, prefix, pairs->items[i].name, pairs->items[i].value);
}

void tenant_env_set(struct environment *env, const struct job *job)
{
    const struct tenant *tenant = job->tenant;
    const char *run_id = job->plan->run_id;

    set_connection(env, tenant_env_connection(tenant));
    if (tenant->schema)
        set_search_path(env, tenant->schema);
    environment_set(env, "PGAPPNAME", mem_printf(env->mem, "pgtide %s %s", run_id, tenant->name));
    environment_set(env, "PGTIDE_TENANT", tenant->name);
    environment_set(env, "PGTIDE_SERVER", tenant->server->name);
    environment_set(env, "PGTIDE_DATABASE", tenant->database);
    environment_set(env, "PGTIDE_SCHEMA", tenant->schema);
    environment_set(env, "PGTIDE_RUN", run_id);
    environment_set(env, "PGTIDE_OPERATION", job->plan->hooks->operation);
    environment_set_number(env, "PGTIDE_ATTEMPT", job->attempt);
    environment_set_number(env, "PGTIDE_VERSION", job->version);
    set_pairs(env, "PGTIDE_VAR_", &tenant->vars);
    set_pairs(env, "PGTIDE_LABEL_", &tenant->labels);
}
