/*
 * fuzz_fleet.c: any bytes as fleet.yaml, through the YAML tree and all checks. It must neither
 * crash nor hang nor leak; what is accepted must be whole.
 *
 * With clang:   -fsanitize=fuzzer,address
 * With any cc:  together with fuzz_main.c
 */
#include "common/err.h"
#include "common/mem.h"
#include "config/fleet.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "fuzz_fleet: %s\n", what);
        abort();
    }
}

static void check_fleet(const struct fleet *fleet)
{
    must(fleet->fingerprint != NULL, "no fingerprint");
    for (size_t i = 0; i < fleet->tenant_count; i++) {
        const struct tenant *tenant = &fleet->tenants[i];

        must(tenant->index == i, "wrong index");
        must(tenant->name && *tenant->name, "tenant without name");
        must(tenant->server == &fleet->servers[tenant->server->index], "foreign server");
        must(tenant->database && *tenant->database, "tenant without database");
        must(tenant->history_schema && *tenant->history_schema, "no history schema");
        must(tenant->settings && tenant->settings->history_table, "no settings");
        must(name_values_get(&tenant->connection, "dbname") != NULL, "no dbname");
        must(!tenant->schema || strcmp(tenant->schema, "public") != 0, "schema public");
    }
}

static void check_errors(const struct err_list *errors)
{
    must(errors->count > 0, "refused without an error");
    for (size_t i = 0; i < errors->count; i++) {
        const struct err *err = &errors->items[i];

        must(err->kind == ERR_CONFIG, "error of another kind");
        must(err->line > 0 && err->column > 0, "error without a place");
        must(err->message && *err->message, "error without a message");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct err_list errors = ERR_LIST_INIT;
    void *mem = mem_context(NULL);
    struct fleet *fleet = NULL;

    if (fleet_parse(mem, "dir/fleet.yaml", (const char *)bytes, len, true, &fleet, &errors) == 0)
        check_fleet(fleet);
    else
        check_errors(&errors);
    err_list_clear(&errors);
    talloc_free(mem);
    return 0;
}
