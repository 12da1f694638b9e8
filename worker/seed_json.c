/*
 * seed_json.c: loads JSON seeds.
 *
 * The file is read twice. The first time only its outline is taken down, for "table", "key" and
 * "mode" may stand behind the rows. The second time the rows go to the server.
 */
#include "worker/seed_json.h"

#include "common/mem.h"
#include "common/text.h"
#include "worker/json_rows.h"
#include "worker/seed_input.h"
#include "worker/seed_load.h"

struct array {
    const char *name;
    int line;
    int64_t rows;
};

/* What a first reading finds. */
struct outline {
    void *mem;
    const char *file;
    const char *table; /* of the first form; NULL: the arrays' names are the tables */
    int table_line;
    int option_line; /* where "key" or "mode" stands first; 0 = nowhere */
    const char **key;
    size_t key_count;
    enum seed_mode mode;
    struct array *arrays;
    size_t count;
    size_t capacity;
};

/* --- the outline ------------------------------------------------------------------------------ */

static int take_table(struct outline *outline, const struct json_rows_item *item,
                      const json_t *value, struct err *err)
{
    if (!json_is_string(value))
        return err_set_at(err, ERR_DATA, outline->file, item->line, 0,
                          "\"table\" is not the name of a table");
    outline->table = mem_strdup(outline->mem, json_string_value(value));
    outline->table_line = item->line;
    return 0;
}

static int take_key(struct outline *outline, const struct json_rows_item *item, const json_t *value,
                    struct err *err)
{
    size_t count = json_array_size(value);

    outline->option_line = item->line;
    outline->key = mem_array(outline->mem, const char *, count);
    for (size_t i = 0; i < count; i++) {
        const char *name = json_string_value(json_array_get(value, i));

        if (!name)
            break;
        outline->key[i] = mem_strdup(outline->mem, name);
        outline->key_count++;
    }
    if (count > 0 && outline->key_count == count)
        return 0;
    err_set_at(err, ERR_DATA, outline->file, item->line, 0,
               "\"key\" is not a list of column names");
    err_hint(err, "Write \"key\": [\"id\"], or leave it out: the primary key is the default.");
    return -1;
}

static int take_mode(struct outline *outline, const struct json_rows_item *item,
                     const json_t *value, struct err *err)
{
    static const char *const names[] = {"insert", "upsert", "ignore"};
    static const enum seed_mode modes[] = {SEED_INSERT, SEED_UPSERT, SEED_IGNORE};
    const char *name = json_is_string(value) ? json_string_value(value) : "";
    const char *near = text_nearest(name, names, ARRAY_LEN(names));

    outline->option_line = item->line;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(name, names[i]) == 0) {
            outline->mode = modes[i];
            return 0;
        }
    }
    err_set_at(err, ERR_DATA, outline->file, item->line, 0,
               "\"mode\" is none of insert, upsert, ignore");
    if (near)
        err_hint(err, "Did you mean \"%s\"?", near);
    return -1;
}

static int take_value(struct outline *outline, const struct json_rows *rows,
                      const struct json_rows_item *item, struct err *err)
{
    static const char *const names[] = {"table", "key", "mode", "rows"};
    const char *near = text_nearest(item->name, names, ARRAY_LEN(names));
    json_t *value;
    int result;

    if (json_rows_parse(rows, item, &value, err) < 0)
        return -1;
    if (strcmp(item->name, "table") == 0) {
        result = take_table(outline, item, value, err);
    } else if (strcmp(item->name, "key") == 0) {
        result = take_key(outline, item, value, err);
    } else if (strcmp(item->name, "mode") == 0) {
        result = take_mode(outline, item, value, err);
    } else {
        result = err_set_at(err, ERR_DATA, outline->file, item->line, 0,
                            "\"%s\" is not an array of rows [{...}, ...]", item->name);
        if (near)
            err_hint(err, "Did you mean \"%s\"?", near);
    }
    json_decref(value);
    return result;
}

static int take_array(struct outline *outline, const struct json_rows_item *item, struct err *err)
{
    for (size_t i = 0; i < outline->count; i++) {
        if (strcmp(outline->arrays[i].name, item->name) == 0)
            return err_set_at(err, ERR_DATA, outline->file, item->line, 0,
                              "\"%s\" stands here for the second time", item->name);
    }
    mem_grow(outline->mem, &outline->arrays, &outline->capacity, outline->count + 1);
    outline->arrays[outline->count++] =
        (struct array){.name = mem_strdup(outline->mem, item->name), .line = item->line};
    return 0;
}

/* What is missing, or too much, in the file as a whole. */
static int check_form(const struct outline *outline, struct err *err)
{
    int table_needed = outline->option_line;

    for (size_t i = 0; i < outline->count; i++) {
        bool is_rows = strcmp(outline->arrays[i].name, "rows") == 0;

        if (is_rows && !outline->table)
            table_needed = outline->arrays[i].line;
        if (outline->table && strcmp(outline->arrays[i].name, "key") == 0)
            return err_set_at(err, ERR_DATA, outline->file, outline->arrays[i].line, 0,
                              "\"key\" is not a list of column names");
        if (!is_rows && outline->table)
            return err_set_at(err, ERR_DATA, outline->file, outline->arrays[i].line, 0,
                              "\"%s\" has no place beside \"table\"", outline->arrays[i].name);
    }
    if (!outline->table && table_needed > 0) {
        err_set_at(err, ERR_DATA, outline->file, table_needed, 0, "\"table\" is missing");
        err_hint(err, "Write {\"table\": \"NAME\", \"key\": [...], \"rows\": [...]}.");
        return -1;
    }
    if (outline->table && outline->count == 0)
        return err_set_at(err, ERR_DATA, outline->file, outline->table_line, 0,
                          "\"rows\" is missing");
    return 0;
}

/* Reads the file; `strict` = also parses every row. */
static int read_outline(struct json_rows *rows, bool strict, struct outline *outline,
                        struct err *err)
{
    struct json_rows_item item;
    json_t *row;
    int result;

    while ((result = json_rows_next(rows, &item, err)) == 0 && item.event != JSON_ROWS_END) {
        if (item.event == JSON_ROWS_ARRAY)
            result = take_array(outline, &item, err);
        else if (item.event == JSON_ROWS_VALUE)
            result = take_value(outline, rows, &item, err);
        else if (item.event == JSON_ROWS_ARRAY_END && outline->count > 0)
            outline->arrays[outline->count - 1].rows = item.row;
        else if (strict && (result = json_rows_parse(rows, &item, &row, err)) == 0)
            json_decref(row);
        if (result < 0)
            break;
    }
    return result < 0 ? -1 : check_form(outline, err);
}

/* Opens the file and reads its outline; both are owned by `mem`. */
static int outline_file(void *mem, const struct seed_file *file, bool strict,
                        struct outline *outline, struct err *err)
{
    struct json_rows *rows;
    int result;

    *outline = (struct outline){.mem = mem, .file = file->file};
    if (json_rows_open(mem, file, &rows, err) < 0)
        return -1;
    result = read_outline(rows, strict, outline, err);
    talloc_free(rows);
    return result;
}

int seed_json_check(const struct seed_file *file, struct err *err)
{
    void *mem = mem_context(NULL);
    struct outline outline;
    int result = outline_file(mem, file, true, &outline, err);

    talloc_free(mem);
    return result;
}

/* --- loading ---------------------------------------------------------------------------------- */

struct feed {
    struct seed_load *load;
    struct json_rows *rows;
    size_t *columns; /* room for those of one row */
};

/* The group of a row, by its keys. */
static int group_row(const struct feed *feed, const struct json_rows_item *item, json_t *row,
                     size_t *ret_group, struct err *err)
{
    const struct seed_table *table = feed->load->table;
    size_t count = 0;
    size_t at = SEED_NO_COLUMN;
    const char *name;
    json_t *value;

    json_object_foreach(row, name, value)
    {
        at = seed_table_column(table, name, at + 1); /* mostly they come in the table's order */
        if (at == SEED_NO_COLUMN)
            return seed_load_unknown(feed->load, name, item->line, item->row, err);
        feed->columns[count++] = at;
    }
    return seed_load_group(feed->load, feed->columns, count, item->line, item->row, ret_group, err);
}

static int feed_row(const struct feed *feed, const struct json_rows_item *item, struct err *err)
{
    json_t *row;
    size_t group;
    int result;

    if (json_rows_parse(feed->rows, item, &row, err) < 0)
        return -1;
    result = group_row(feed, item, row, &group, err);
    json_decref(row);
    if (result < 0)
        return -1;
    seed_load_begin_row(feed->load, item->line, item->row, group);
    seed_load_value(feed->load, item->text, item->len, false);
    return seed_load_end_row(feed->load, err);
}

static int feed_rows(void *arg, struct session *session UNUSED, struct err *err)
{
    const struct feed *feed = arg;
    struct json_rows_item item;

    for (;;) {
        if (json_rows_next(feed->rows, &item, err) < 0)
            return -1;
        if (item.event != JSON_ROWS_ROW)
            return 0;
        if (feed_row(feed, &item, err) < 0)
            return -1;
    }
}

static int fill(struct seed_load *load, const struct outline *outline, struct json_rows *rows,
                struct err *err)
{
    struct feed feed = {.load = load, .rows = rows};

    if (seed_load_init(load, outline->mem, outline->key, outline->key_count, err) < 0)
        return -1;
    feed.columns = mem_array(load->mem, size_t, load->table->count);
    if (seed_load_stage(load, feed_rows, &feed, err) < 0)
        return -1;
    return seed_load_store(load, err);
}

/* Loads the array whose beginning `rows` has just given out. */
static int load_array(struct transactions *tx, const struct outline *outline,
                      const struct array *array, struct json_rows *rows, struct seed_counts *counts,
                      struct err *err)
{
    struct seed_load load = {.session = tx->session,
                             .token = tx->token,
                             .file = outline->file,
                             .line = outline->table ? outline->table_line : array->line,
                             .shape = SEED_OBJECTS,
                             .mode = outline->mode};
    struct seed_table *table;
    int result = 0;

    if (seed_table_find(outline->mem, tx->session, outline->table ? outline->table : array->name,
                        &table, err) < 0) {
        err_place(err, outline->file, load.line, 0);
        return -1;
    }
    load.table = table;
    if (array->rows > 0)
        result = fill(&load, outline, rows, err);
    counts->rows += load.rows;
    counts->statements++;
    seed_load_release(&load);
    talloc_free(table);
    return result;
}

static int load_arrays(struct transactions *tx, const struct outline *outline,
                       struct json_rows *rows, struct seed_counts *counts, struct err *err)
{
    struct json_rows_item item;
    size_t next = 0;

    for (;;) {
        if (json_rows_next(rows, &item, err) < 0)
            return -1;
        if (item.event == JSON_ROWS_END)
            return 0;
        if (item.event != JSON_ROWS_ARRAY)
            continue;
        if (next == outline->count)
            return seed_input_changed(outline->file, err);
        if (load_array(tx, outline, &outline->arrays[next++], rows, counts, err) < 0)
            return -1;
    }
}

int seed_json_load(struct transactions *tx, const struct seed_file *file,
                   struct seed_counts *counts, struct err *err)
{
    void *mem = mem_context(tx->mem);
    struct outline outline;
    struct json_rows *rows;
    int result = outline_file(mem, file, false, &outline, err);

    if (result == 0)
        result = json_rows_open(mem, file, &rows, err);
    if (result == 0)
        result = load_arrays(tx, &outline, rows, counts, err);
    if (result == 0)
        result = json_rows_verify(rows, file->checksum, err);
    talloc_free(mem);
    return result;
}
