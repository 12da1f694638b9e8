/*
 * discover.c: entry by entry, in their order.
 */
#include "orchestrator/discover.h"

#include "common/mem.h"
#include "orchestrator/discover_command.h"
#include "orchestrator/discover_entry.h"
#include "orchestrator/discover_file.h"
#include "orchestrator/discover_query.h"
#include "orchestrator/discover_server.h"
#include "orchestrator/message.h"
#include "orchestrator/password_fetch.h"
#include "orchestrator/signals.h"

static const char *shown_server(const struct discovery *discovery)
{
    return discovery->server->name;
}

/* What is asked, for messages: `databases "store_*" of server "eu1"`. Owned by `parent`. */
static char *describe(const void *parent, const struct discovery *discovery)
{
    switch (discovery->kind) {
    case DISCOVER_DATABASES:
        return mem_printf(parent, "databases \"%s\" of server \"%s\"", discovery->glob,
                          shown_server(discovery));
    case DISCOVER_SCHEMAS:
        return mem_printf(parent, "schemas \"%s\" of database \"%s\" on server \"%s\"",
                          discovery->glob, discovery->database, shown_server(discovery));
    case DISCOVER_QUERY:
        return mem_printf(parent, "the query in database \"%s\" on server \"%s\"",
                          discovery->database, shown_server(discovery));
    case DISCOVER_FILE:
        return mem_printf(parent, "the file \"%s\"", discovery->file);
    case DISCOVER_COMMAND:
        return mem_printf(parent, "the command \"%s\"", discovery->command[0]);
    }
    return NULL;
}

static int read_entry(struct discover_entry *entry, struct err *err)
{
    switch (entry->discovery->kind) {
    case DISCOVER_FILE:
        return discover_file_read(entry, err);
    case DISCOVER_COMMAND:
        return discover_command_read(entry, err);
    case DISCOVER_DATABASES:
    case DISCOVER_SCHEMAS:
    case DISCOVER_QUERY:
        break;
    }
    return discover_server_read(entry, err);
}

/* Where the mistake is in a file of its own, that is its place; else the entry is. */
static int refuse(const struct discover_entry *entry, struct err *err, struct err_list *errors)
{
    char *what = describe(NULL, entry->discovery);

    if (!err->file) {
        err_prefix(err, "cannot discover %s: ", what);
        err_place(err, entry->fleet->file, entry->discovery->line, entry->discovery->column);
    }
    if (!err->hint)
        err_hint(err, "No tenant was touched, as a part of the fleet would be missing.");
    talloc_free(what);
    return err_list_take(errors, err);
}

static int find_all(struct fleet *fleet, struct fleet_found *found, bool files_only, int cancel_fd,
                    struct err_list *errors)
{
    for (size_t i = 0; i < fleet->discovery_count; i++) {
        struct discover_entry entry = {.fleet = fleet,
                                       .discovery = &fleet->discoveries[i],
                                       .found = found,
                                       .cancel_fd = cancel_fd};
        struct err err = ERR_INIT;

        if (files_only && entry.discovery->kind != DISCOVER_FILE)
            continue;
        if (read_entry(&entry, &err) < 0)
            return refuse(&entry, &err, errors);
        if (entry.count == 0) {
            char *what = describe(NULL, entry.discovery);

            message_warning("%s:%d: no tenant was found: %s", fleet->file, entry.discovery->line,
                            what);
            talloc_free(what);
        }
    }
    return 0;
}

/* A signal that came meanwhile ends us, as ever; but first it ends what we have started. */
static int find_all_or_stop(struct fleet *fleet, struct fleet_found *found, bool files_only,
                            struct err_list *errors)
{
    struct err err = ERR_INIT;
    struct signals *signals;
    int rc;

    if (signals_open(NULL, &signals, &err) < 0)
        return err_list_take(errors, &err);
    rc = find_all(fleet, found, files_only, signals_fd(signals), errors);
    signals_obey(signals);
    return rc;
}

static int discover(struct fleet *fleet, bool files_only, struct err_list *errors)
{
    struct fleet_found *found = fleet_found_start(fleet, fleet);
    size_t warned = fleet->warning_count;
    int rc = discover_query_check(fleet, errors);

    if (rc == 0)
        rc = find_all_or_stop(fleet, found, files_only, errors);
    if (rc == 0)
        rc = fleet_found_finish(found, errors);
    for (size_t i = warned; rc == 0 && i < fleet->warning_count; i++)
        message_warning("%s", fleet->warnings[i]);
    talloc_free(found);
    return rc;
}

int discover_files(struct fleet *fleet, struct err_list *errors)
{
    return fleet->discovery_count > 0 ? discover(fleet, true, errors) : 0;
}

int discover_tenants(struct fleet *fleet, struct err_list *errors)
{
    struct err err = ERR_INIT;

    if (fleet->discovery_count == 0)
        return 0;
    if (password_fetch(fleet, &err) < 0)
        return err_list_take(errors, &err);
    return discover(fleet, false, errors);
}
