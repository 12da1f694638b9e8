/*
 * seed.c: the transaction around a seed file; what is in it is the formats' (seed_json.c,
 * seed_csv.c, seed_sql.c).
 */
#include "worker/seed.h"

#include "common/mem.h"
#include "common/text.h"
#include "worker/seed_csv.h"
#include "worker/seed_json.h"
#include "worker/seed_sql.h"

/*
 * What a value of a JSON or CSV file means must not depend on the database: zone-less timestamps
 * are UTC. SQL seeds are the author's own, like migrations.
 */
static const struct name_value settings[] = {
    {"TimeZone", "'UTC'"},
    {"DateStyle", "'ISO, MDY'"},
    {"IntervalStyle", "'postgres'"},
    {"client_encoding", "'UTF8'"},
};

static void add_settings(struct script *script)
{
    for (size_t i = 0; i < ARRAY_LEN(settings); i++)
        script_add(script, "SET LOCAL %s = %s", settings[i].name, settings[i].value);
}

/* Leaves in `script` what is to be run together with the end of the transaction. */
static int load(struct transactions *tx, struct script *script, const struct seed_file *file,
                struct seed_counts *counts, struct err *err)
{
    if (file->format == SEED_SQL)
        return seed_sql_load(tx, script, file, counts, err);
    add_settings(script);
    if (script_run(script, tx->session, err) < 0)
        return -1;
    script_reset(script);
    return file->format == SEED_JSON ? seed_json_load(tx, file, counts, err)
                                     : seed_csv_load(tx, file, counts, err);
}

/* The history row that was just written: (rank, duration_ms). */
static int take_duration(void *arg, const PGresult *row, struct err *err UNUSED)
{
    struct seed_counts *counts = arg;

    if (!text_to_int64(PQgetvalue(row, 0, 1), 0, INT64_MAX, &counts->duration_ms))
        counts->duration_ms = 0;
    return 0;
}

static int apply(struct transactions *tx, struct script *script, const struct seed_file *file,
                 struct seed_counts *counts, struct err *err)
{
    struct history_entry entry = {
        .kind = "seed", .name = file->name, .checksum = file->checksum, .state = "applied"};
    struct script_step *step;

    transaction_begin(tx, script, NULL);
    if (load(tx, script, file, counts, err) < 0)
        return -1;
    entry.statements_done = entry.statements_total = counts->statements;
    if (file->format != SEED_SQL)
        entry.detail = mem_printf(script->mem, "{\"rows\": %lld}", (long long)counts->rows);
    step = transaction_end(tx, script, &entry);
    step->row = take_duration;
    step->arg = counts;
    return script_run(script, tx->session, err);
}

int seed_apply(struct transactions *tx, const struct seed_file *file, struct seed_counts *ret,
               struct err *err)
{
    struct seed_counts counts = {0};
    struct script script;
    int result;

    script_init(&script, tx->mem);
    result = apply(tx, &script, file, &counts, err);
    talloc_free(script.mem);
    if (result == 0) {
        *ret = counts;
        return 0;
    }
    if (!err->file)
        err_place(err, file->file, 0, 0); /* at COMMIT: a deferred constraint, say */
    return -1;
}

int seed_check(const struct seed_file *file, struct err *err)
{
    switch (file->format) {
    case SEED_JSON:
        return seed_json_check(file, err);
    case SEED_CSV:
        return seed_csv_check(file, err);
    case SEED_SQL:
        break;
    }
    return 0;
}
