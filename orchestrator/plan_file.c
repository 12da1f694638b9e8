/*
 * plan_file.c: reads what a comparison needs of a report, and compares.
 */
#include "orchestrator/plan_file.h"

#include "common/mem.h"
#include "orchestrator/confirm.h"
#include "orchestrator/fleet_changes.h"
#include "orchestrator/message.h"

#include <errno.h>
#include <jansson.h>
#include <unistd.h>

struct lines {
    char **items;
    size_t count;
};

static int refuse(const char *path, struct err *err)
{
    err_set_at(err, ERR_DATA, path, 0, 0, "this is not the JSON report of a plan");
    err_hint(err, "Make one by \"pgtide plan --report plan.json\".");
    return -1;
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static bool is_plan(const json_t *root)
{
    const char *operation = text_of(root, "operation");

    return operation && strcmp(operation, "plan") == 0 &&
           json_is_array(json_object_get(root, "tenants")) &&
           text_of(json_object_get(root, "catalog"), "checksum") &&
           text_of(json_object_get(root, "fleet"), "fingerprint");
}

/* The tenants of the report; false: one is none. */
static bool read_tenants(void *mem, const json_t *list, struct name_values *ret)
{
    size_t count = json_array_size(list);
    struct name_value *items = mem_array(mem, struct name_value, count);

    for (size_t i = 0; i < count; i++) {
        const json_t *tenant = json_array_get(list, i);
        const char *name = text_of(tenant, "name");
        const char *server = text_of(tenant, "server");
        const char *database = text_of(tenant, "database");

        if (!name || !server || !database)
            return false;
        items[i].name = name;
        items[i].value = fleet_changes_place(mem, server, database, text_of(tenant, "schema"));
    }
    *ret = (struct name_values){items, count};
    return true;
}

/* --- what differs ----------------------------------------------------------------------------- */

static void add_line(void *parent, struct lines *lines, char *line)
{
    size_t capacity = lines->count;

    mem_grow(parent, &lines->items, &capacity, lines->count + 1);
    lines->items[lines->count++] = line;
}

static void compare_catalog(void *parent, const json_t *then, const struct catalog *now,
                            struct lines *lines)
{
    json_int_t count = json_integer_value(json_object_get(then, "migrations"));

    if (strcmp(text_of(then, "checksum"), now->checksum) == 0)
        return;
    if ((size_t)count == now->count)
        add_line(parent, lines, mem_strdup(parent, "files of the catalog have changed"));
    else
        add_line(parent, lines,
                 mem_printf(parent, "the catalog has changed: from %lld to %zu migrations",
                            (long long)count, now->count));
}

static size_t count_active(const struct fleet *fleet)
{
    size_t count = 0;

    for (size_t i = 0; i < fleet->tenant_count; i++)
        count += fleet->tenants[i].state == TENANT_ACTIVE;
    return count;
}

/* Where all of a fleet was planned and is to be migrated, its fingerprint counts too: a server
 * may have another address. */
static void compare_fingerprint(void *parent, const json_t *fleet,
                                const struct run_request *request, struct lines *lines)
{
    if (request->tenant_count == count_active(request->fleet) &&
        strcmp(text_of(fleet, "fingerprint"), request->fleet->fingerprint) != 0)
        add_line(parent, lines,
                 mem_strdup(parent, "the address of a server has changed, or a suspended tenant"));
}

static void compare(void *parent, const json_t *root, const struct fleet_look *then,
                    const struct run_request *request, struct lines *lines)
{
    void *mem = mem_context(NULL);
    const struct fleet_look now = {
        .tenants = fleet_changes_tenants(mem, request->tenants, request->tenant_count)};

    lines->count = fleet_changes_find(parent, then, &now, &lines->items);
    if (lines->count == 0)
        compare_fingerprint(parent, json_object_get(root, "fleet"), request, lines);
    compare_catalog(parent, json_object_get(root, "catalog"), request->plan.catalog, lines);
    talloc_free(mem);
}

int plan_file_compare(void *parent, const char *path, const struct run_request *request,
                      char ***ret, size_t *ret_count, struct err *err)
{
    void *mem = mem_context(NULL);
    FILE *file = fopen(path, "re");
    json_t *root = file ? json_loadf(file, 0, NULL) : NULL;
    struct lines lines = {.count = 0};
    struct fleet_look then = {.tenants = {.count = 0}};
    int rc = 0;

    if (!file)
        rc = err_set(err, ERR_NOINPUT, "cannot read the plan \"%s\": %s", path, strerror(errno));
    else if (!is_plan(root) || !read_tenants(mem, json_object_get(root, "tenants"), &then.tenants))
        rc = refuse(path, err);
    else
        compare(parent, root, &then, request, &lines);
    if (file)
        fclose(file);
    json_decref(root);
    talloc_free(mem);
    *ret = lines.items;
    *ret_count = lines.count;
    return rc;
}

int plan_file_show(const char *path, const struct run_request *request, size_t *ret_count,
                   struct err *err)
{
    void *mem = mem_context(NULL);
    char **lines;
    int rc = plan_file_compare(mem, path, request, &lines, ret_count, err);

    for (size_t i = 0; rc == 0 && i < *ret_count; i++)
        message_warning("since the plan \"%s\", %s", path, lines[i]);
    talloc_free(mem);
    return rc;
}

int plan_file_confirm(const char *path, const struct run_request *request, bool yes,
                      struct err *err)
{
    size_t count;

    if (plan_file_show(path, request, &count, err) < 0)
        return -1;
    if (count == 0 || yes)
        return 0;
    if (confirm_on_terminal(STDIN_FILENO, STDERR_FILENO))
        return confirm_ask(STDIN_FILENO, STDERR_FILENO, "Go on all the same?", err);
    err_set(err, ERR_USAGE, "this is not what was planned in \"%s\"", path);
    err_hint(err, "Plan again, or add --yes to go on all the same. Nothing was changed.");
    return -1;
}
