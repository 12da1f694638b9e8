/*
 * ledger_catalog.c: a catalog as JSON.
 */
#include "orchestrator/ledger_catalog.h"

#include "common/mem.h"
#include "orchestrator/ledger_json.h"
#include "orchestrator/report_value.h"

/* --- writing ----------------------------------------------------------------------------- */

static void set_text(json_t *object, const char *key, const char *text)
{
    if (text)
        report_value_set(object, key, report_value_text(text));
}

static void set_true(json_t *object, const char *key, bool flag)
{
    if (flag)
        report_value_set(object, key, json_true());
}

static json_t *write_migration(const struct migration *migration)
{
    json_t *value = report_value_object();

    report_value_set(value, "version", report_value_int(migration->version));
    set_text(value, "name", migration->name);
    set_text(value, "label", migration->label);
    set_text(value, "file", migration->file);
    set_text(value, "downFile", migration->sections[SECTION_DOWN].file);
    set_text(value, "release", migration->release);
    set_text(value, "checksum", migration->checksum);
    set_text(value, "codeChecksum", migration->code_checksum);
    set_true(value, "outside", migration->directives.transaction_none);
    set_true(value, "downOutside", migration->sections[SECTION_DOWN].no_transaction);
    if (migration->directives.batch > 0)
        report_value_set(value, "batch", report_value_int(migration->directives.batch));
    return value;
}

static json_t *write_migrations(const struct migration *migrations, size_t count)
{
    json_t *list = report_value_array();

    for (size_t i = 0; i < count; i++)
        report_value_append(list, write_migration(&migrations[i]));
    return list;
}

static json_t *write_releases(const struct catalog *catalog)
{
    json_t *list = report_value_array();

    for (size_t i = 0; i < catalog->release_count; i++) {
        const struct release *release = &catalog->releases[i];
        json_t *value = report_value_object();

        set_text(value, "name", release->name);
        set_text(value, "upgrade", release->upgrade);
        report_value_set(value, "lastVersion", report_value_int(release->last_version));
        report_value_append(list, value);
    }
    return list;
}

static json_t *write_seed_set(const struct seed_set *set)
{
    json_t *value = report_value_object();
    json_t *files = report_value_array();

    set_text(value, "name", set->name);
    for (size_t i = 0; i < set->count; i++) {
        json_t *file = report_value_object();

        set_text(file, "name", set->files[i].name);
        set_text(file, "file", set->files[i].file);
        set_text(file, "checksum", set->files[i].checksum);
        report_value_append(files, file);
    }
    report_value_set(value, "files", files);
    return value;
}

char *ledger_catalog_write(void *parent, const struct catalog *catalog)
{
    json_t *value = report_value_object();
    json_t *sets = report_value_array();

    set_text(value, "source", catalog->source);
    set_text(value, "bundle", catalog->bundle);
    set_text(value, "checksum", catalog->checksum);
    report_value_set(value, "head", report_value_int(catalog->head));
    report_value_set(value, "migrations", write_migrations(catalog->migrations, catalog->count));
    report_value_set(value, "repeatables",
                     write_migrations(catalog->repeatables, catalog->repeatable_count));
    report_value_set(value, "releases", write_releases(catalog));
    for (size_t i = 0; i < catalog->seed_set_count; i++)
        report_value_append(sets, write_seed_set(&catalog->seed_sets[i]));
    report_value_set(value, "seedSets", sets);
    return ledger_json_write(parent, value);
}

/* --- reading ----------------------------------------------------------------------------- */

static const char *text_or_empty(const json_t *object, const char *key)
{
    const char *text = ledger_json_text(object, key);

    return text ? text : "";
}

static struct migration read_migration(const json_t *value, enum migration_kind kind, size_t index)
{
    struct migration migration = {
        .kind = kind,
        .version = ledger_json_int(value, "version", 0),
        .name = text_or_empty(value, "name"),
        .label = text_or_empty(value, "label"),
        .file = text_or_empty(value, "file"),
        .release = ledger_json_text(value, "release"),
        .text = "",
        .directives = {.transaction_none = ledger_json_bool(value, "outside"),
                       .lock_timeout_ms = DIRECTIVE_UNSET,
                       .statement_timeout_ms = DIRECTIVE_UNSET,
                       .batch = ledger_json_int(value, "batch", DIRECTIVE_UNSET)},
        .checksum = text_or_empty(value, "checksum"),
        .code_checksum = text_or_empty(value, "codeChecksum"),
        .index = index,
    };

    migration.sections[SECTION_DOWN].file = ledger_json_text(value, "downFile");
    migration.sections[SECTION_DOWN].no_transaction = ledger_json_bool(value, "downOutside");
    return migration;
}

static struct migration *read_migrations(void *parent, const json_t *list, enum migration_kind kind,
                                         size_t *ret_count)
{
    size_t count = json_array_size(list);
    struct migration *migrations = mem_array(parent, struct migration, count);

    for (size_t i = 0; i < count; i++)
        migrations[i] = read_migration(json_array_get(list, i), kind, i);
    *ret_count = count;
    return migrations;
}

static void read_releases(struct catalog *catalog, const json_t *list)
{
    catalog->release_count = json_array_size(list);
    catalog->releases = mem_array(catalog, struct release, catalog->release_count);
    for (size_t i = 0; i < catalog->release_count; i++) {
        const json_t *value = json_array_get(list, i);

        catalog->releases[i] = (struct release){
            .name = text_or_empty(value, "name"),
            .upgrade = ledger_json_text(value, "upgrade"),
            .last_version = ledger_json_int(value, "lastVersion", 0),
        };
    }
}

static void read_seed_files(struct catalog *catalog, struct seed_set *set, const json_t *list)
{
    set->count = json_array_size(list);
    set->files = mem_array(catalog, struct seed_file, set->count);
    for (size_t i = 0; i < set->count; i++) {
        const json_t *value = json_array_get(list, i);

        set->files[i] = (struct seed_file){
            .name = text_or_empty(value, "name"),
            .file = text_or_empty(value, "file"),
            .path = "",
            .checksum = text_or_empty(value, "checksum"),
        };
    }
}

static void read_seed_sets(struct catalog *catalog, const json_t *list)
{
    catalog->seed_set_count = json_array_size(list);
    catalog->seed_sets = mem_array(catalog, struct seed_set, catalog->seed_set_count);
    for (size_t i = 0; i < catalog->seed_set_count; i++) {
        const json_t *value = json_array_get(list, i);
        struct seed_set *set = &catalog->seed_sets[i];

        set->name = text_or_empty(value, "name");
        read_seed_files(catalog, set, json_object_get(value, "files"));
    }
}

int ledger_catalog_read(void *parent, const char *text, struct catalog **ret, struct err *err)
{
    struct catalog *catalog = mem_new(parent, struct catalog);
    const json_t *value = ledger_json_read(catalog, text);

    if (!json_is_object(value)) {
        talloc_free(catalog);
        return err_set(err, ERR_INTERNAL, "the ledger's record of a catalog cannot be read");
    }
    catalog->source = text_or_empty(value, "source");
    catalog->bundle = ledger_json_text(value, "bundle");
    catalog->checksum = mem_strdup(catalog, text_or_empty(value, "checksum"));
    catalog->head = ledger_json_int(value, "head", 0);
    catalog->migrations = read_migrations(catalog, json_object_get(value, "migrations"),
                                          MIGRATION_VERSIONED, &catalog->count);
    catalog->repeatables = read_migrations(catalog, json_object_get(value, "repeatables"),
                                           MIGRATION_REPEATABLE, &catalog->repeatable_count);
    read_releases(catalog, json_object_get(value, "releases"));
    read_seed_sets(catalog, json_object_get(value, "seedSets"));
    *ret = catalog;
    return 0;
}
