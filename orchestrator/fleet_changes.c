/*
 * fleet_changes.c: two lists of names with values, compared.
 */
#include "orchestrator/fleet_changes.h"

#include "common/mem.h"
#include "common/strbuf.h"
#include "common/strmap.h"
#include "common/text.h"

enum { SHOWN_NAMES = 5 };

/* What the lists are of, for the lines. */
struct words {
    const char *one;
    const char *many;
    const char *differs; /* when the value is another */
    bool shows_values;
};

static const struct words tenant_words = {"tenant", "tenants", "moved", true};
static const struct words file_words = {"file of the catalog", "files of the catalog", "changed",
                                        false};

struct lines {
    void *parent;
    char **items;
    size_t count;
    size_t capacity;
};

/* One line in the making: how many, and the first few of them. */
struct line {
    struct strbuf names;
    size_t count;
};

static void line_add(struct line *line, const char *name, const char *from, const char *to)
{
    if (line->count < SHOWN_NAMES) {
        strbuf_printf(&line->names, "%s\"%s\"", line->count > 0 ? ", " : "", name);
        if (from)
            strbuf_printf(&line->names, " from %s to %s", from, to);
    }
    line->count++;
}

static void lines_add(struct lines *lines, struct line *line, const struct words *words,
                      const char *verb)
{
    bool one = line->count == 1;
    char *names;

    if (line->count > SHOWN_NAMES)
        strbuf_printf(&line->names, " and %zu more", line->count - SHOWN_NAMES);
    if (line->count > 0) {
        names = text_printable(NULL, line->names.text); /* a file may be anybody's */
        mem_grow(lines->parent, &lines->items, &lines->capacity, lines->count + 1);
        lines->items[lines->count++] =
            mem_printf(lines->parent, "%zu %s %s %s: %s", line->count,
                       one ? words->one : words->many, one ? "has" : "have", verb, names);
        talloc_free(names);
    }
    strbuf_release(&line->names);
}

static struct strmap *by_name(const void *parent, const struct name_values *list)
{
    struct strmap *map = strmap_new(parent);
    struct name_value *items = mem_array(map, struct name_value, list->count);

    for (size_t i = 0; i < list->count; i++) {
        items[i] = list->items[i];
        strmap_add(map, list->items[i].name, &items[i]);
    }
    return map;
}

static void compare(struct lines *lines, const struct name_values *then,
                    const struct name_values *now, const struct words *words)
{
    void *mem = mem_context(NULL);
    const struct strmap *before = by_name(mem, then);
    const struct strmap *after = by_name(mem, now);
    struct line appeared = {.count = 0};
    struct line vanished = {.count = 0};
    struct line differing = {.count = 0};

    strbuf_init(&appeared.names, mem);
    strbuf_init(&vanished.names, mem);
    strbuf_init(&differing.names, mem);
    for (size_t i = 0; i < now->count; i++) {
        const struct name_value *item = &now->items[i];
        const struct name_value *old = strmap_get(before, item->name);

        if (!old)
            line_add(&appeared, item->name, NULL, NULL);
        else if (strcmp(old->value, item->value) != 0)
            line_add(&differing, item->name, words->shows_values ? old->value : NULL, item->value);
    }
    for (size_t i = 0; i < then->count; i++) {
        if (!strmap_get(after, then->items[i].name))
            line_add(&vanished, then->items[i].name, NULL, NULL);
    }
    lines_add(lines, &appeared, words, "appeared");
    lines_add(lines, &vanished, words, "vanished");
    lines_add(lines, &differing, words, words->differs);
    talloc_free(mem);
}

size_t fleet_changes_find(void *parent, const struct fleet_look *then, const struct fleet_look *now,
                          char ***ret)
{
    struct lines lines = {.parent = parent};

    if (then->tenants.count > 0 && now->tenants.count > 0)
        compare(&lines, &then->tenants, &now->tenants, &tenant_words);
    if (then->files.count > 0 && now->files.count > 0)
        compare(&lines, &then->files, &now->files, &file_words);
    *ret = lines.items;
    return lines.count;
}

char *fleet_changes_place(const void *parent, const char *server, const char *database,
                          const char *schema)
{
    return mem_printf(parent, "%s/%s%s%s", server, database, schema ? "." : "",
                      schema ? schema : "");
}

struct name_values fleet_changes_tenants(void *parent, const struct tenant *const *tenants,
                                         size_t count)
{
    struct name_value *items = mem_array(parent, struct name_value, count);

    for (size_t i = 0; i < count; i++) {
        const struct tenant *tenant = tenants[i];

        items[i] = (struct name_value){
            .name = tenant->name,
            .value =
                fleet_changes_place(items, tenant->server->name, tenant->database, tenant->schema),
        };
    }
    return (struct name_values){items, count};
}
