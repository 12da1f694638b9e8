/*
 * fleet_run.c: the table of run: and its defaults.
 */
#include "config/fleet_run.h"

#include "config/fleet_settings.h"
#include "config/fleet_waves.h"
#include "config/fleet_window.h"

/* The section, before its parts are read. */
struct entry {
    struct run_config run;
    const struct yaml_node *window;
    const struct yaml_node *waves;
};

#define AT(member) .offset = offsetof(struct entry, member)
#define HAS(member) .has = offsetof(struct entry, member)

static const struct field run_fields[] = {
    {.key = "workers", .kind = FIELD_INT, AT(run.workers), .min = 1, .max = 1024},
    {.key = "per_server", .kind = FIELD_INT, AT(run.per_server), .min = 1, .max = 1024},
    {.key = "max_failures", .kind = FIELD_SIZE, AT(run.max_failures)},
    {.key = "max_unreachable",
     .kind = FIELD_SIZE,
     AT(run.max_unreachable),
     HAS(run.has_max_unreachable)},
    {.key = "max_locked", .kind = FIELD_SIZE, AT(run.max_locked), HAS(run.has_max_locked)},
    {.key = "max_held", .kind = FIELD_SIZE, AT(run.max_held), HAS(run.has_max_held)},
    {.key = "max_duration", .kind = FIELD_DURATION, AT(run.max_duration_ms)},
    {.key = "window", .kind = FIELD_MAP_NODE, AT(window)},
    {.key = "ramp_up", .kind = FIELD_BOOL, AT(run.ramp_up)},
    {.key = "require_bundle", .kind = FIELD_BOOL, AT(run.require_bundle)},
    {.key = "waves", .kind = FIELD_LIST_NODE, AT(waves)},
};

static const struct field_table *const others[] = {&fleet_settings_table, NULL};

const struct field_table fleet_run_table = {
    .name = "run", .fields = run_fields, .count = ARRAY_LEN(run_fields), .others = others};

static const struct run_config defaults = {.workers = 8, .per_server = 4};

void fleet_run_read(struct reader *r, const struct yaml_node *node, struct run_config *run)
{
    struct entry entry = {.run = defaults};

    if (node)
        fields_read(r, node, &fleet_run_table, &entry);
    *run = entry.run;
    if (entry.window)
        fleet_window_read(r, entry.window, &run->window);
    if (entry.waves)
        fleet_waves_read(r, entry.waves, run);
}
