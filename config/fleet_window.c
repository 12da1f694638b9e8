/*
 * fleet_window.c: times of day, days, and the machine's time zone database.
 */
#include "config/fleet_window.h"

#include "common/mem.h"
#include "common/text.h"
#include "config/fields.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EVERY_DAY = 127 };

struct entry {
    const struct yaml_node *from;
    const struct yaml_node *to;
    const char *timezone;
    const struct yaml_node *days;
};

#define AT(member) .offset = offsetof(struct entry, member)

static const struct field window_fields[] = {
    {.key = "from", .kind = FIELD_NODE, AT(from)},
    {.key = "to", .kind = FIELD_NODE, AT(to)},
    {.key = "timezone", .kind = FIELD_NAME, AT(timezone)},
    {.key = "days", .kind = FIELD_LIST_NODE, AT(days)},
};

static const struct field_table window_table = {
    .name = "window", .fields = window_fields, .count = ARRAY_LEN(window_fields)};

/* In the order of the bits of run_window.days. */
static const char *const day_words[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

/* --- times and days --------------------------------------------------------------------------- */

/* "H:M", also with one digit each, and 24 for the hint. */
static bool looks_like_time(const char *text, int64_t *hour, int64_t *minute)
{
    const char *colon = strchr(text, ':');
    char hours[3] = "";

    if (!colon || (size_t)(colon - text) >= sizeof(hours))
        return false;
    memcpy(hours, text, (size_t)(colon - text));
    return text_to_int64(hours, 0, 24, hour) && text_to_int64(colon + 1, 0, 59, minute);
}

static void hint_time(struct err *err, const char *text)
{
    int64_t hour;
    int64_t minute;

    if (!looks_like_time(text, &hour, &minute))
        return;
    if (hour == 24 && minute == 0)
        err_hint(err, "Write 00:00 for midnight.");
    else if (hour < 24)
        err_hint(err, "Write it with two digits each: %02d:%02d.", (int)hour, (int)minute);
}

static void read_time(struct reader *r, const char *key, const struct yaml_node *node,
                      int *ret_minute)
{
    const char *text = reader_text(r, key, node);
    int64_t hour;
    int64_t minute;

    if (!text)
        return;
    if (strlen(text) == 5 && text[2] == ':' && looks_like_time(text, &hour, &minute) && hour < 24)
        *ret_minute = (int)(hour * 60 + minute);
    else
        hint_time(reader_error(r, node, "\"%s\" must be a time from 00:00 to 23:59, not %s", key,
                               reader_quote(r, node)),
                  text);
}

static void read_day(struct reader *r, const struct yaml_node *node, unsigned *days)
{
    const char *text = reader_text(r, "days", node);
    struct err *err;

    if (!text)
        return;
    for (size_t i = 0; day_words[i]; i++) {
        if (strcmp(day_words[i], text) == 0) {
            *days |= 1u << i;
            return;
        }
    }
    err = reader_error(r, node, "a day must be mon, tue, wed, thu, fri, sat or sun, not %s",
                       reader_quote(r, node));
    for (size_t i = 0; day_words[i]; i++) {
        if (strncasecmp(day_words[i], text, 3) == 0)
            err_hint(err, "Did you mean \"%s\"?", day_words[i]);
    }
    if (!err->hint)
        reader_suggest(err, text, day_words, ARRAY_LEN(day_words) - 1);
}

static void read_days(struct reader *r, const struct yaml_node *node, unsigned *days)
{
    *days = 0;
    if (node->count == 0)
        err_hint(reader_error(r, node, "\"days\" names no day"),
                 "Leave it out for a window on every day.");
    for (uint32_t i = 0; i < node->count; i++)
        read_day(r, node->items[i], days);
}

/* --- time zones ------------------------------------------------------------------------------- */

static const char *database_folder(void)
{
    const char *folder = getenv("TZDIR");

    return folder && *folder ? folder : "/usr/share/zoneinfo";
}

struct zones {
    void *mem;
    const char *but; /* the name in question, which is a file that is no zone */
    const char **names;
    size_t count;
    size_t capacity;
};

/* All names below `prefix` ("" or "Europe/"), for the suggestion. */
static void add_zones(struct zones *zones, const char *prefix, int depth)
{
    DIR *dir = opendir(mem_printf(zones->mem, "%s/%s", database_folder(), prefix));
    const struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        const char *name = mem_printf(zones->mem, "%s%s", prefix, entry->d_name);

        if (strchr(entry->d_name, '.') || !isupper((unsigned char)entry->d_name[0]))
            continue; /* tables, and the copies in posix/ and right/ */
        if (entry->d_type == DT_DIR && depth > 0) {
            add_zones(zones, mem_printf(zones->mem, "%s/", name), depth - 1);
            continue;
        }
        if (strcmp(name, zones->but) == 0)
            continue;
        mem_grow(zones->mem, &zones->names, &zones->capacity, zones->count + 1);
        zones->names[zones->count++] = name;
    }
    if (dir)
        closedir(dir);
}

static void suggest_zone(struct reader *r, struct err *err, const char *name)
{
    struct zones zones = {.mem = mem_context(r->scratch), .but = name};

    add_zones(&zones, "", 2);
    for (size_t i = 0; i < zones.count && !err->hint; i++) {
        const char *city = strrchr(zones.names[i], '/');

        if (strcasecmp(zones.names[i], name) == 0 || (city && strcasecmp(city + 1, name) == 0))
            err_hint(err, "Did you mean \"%s\"?", zones.names[i]);
    }
    if (!err->hint)
        reader_suggest(err, name, zones.names, zones.count);
    if (!err->hint)
        err_hint(err, "Write a name such as Europe/Berlin or UTC.");
    talloc_free(zones.mem);
}

static bool is_zone_name(const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/";

    return name[0] != '/' && name[strspn(name, allowed)] == '\0';
}

static bool has_zone(struct reader *r, const char *name)
{
    char *path = name[0] == '/' ? mem_strdup(r->scratch, name)
                                : mem_printf(r->scratch, "%s/%s", database_folder(), name);
    char start[4] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && read(fd, start, sizeof(start)) == (ssize_t)sizeof(start) &&
                memcmp(start, "TZif", sizeof(start)) == 0;

    if (fd >= 0)
        close(fd);
    talloc_free(path);
    return good;
}

/* Libraries take an unknown zone for UTC without a word, and the window would be wrong by hours. */
static void refuse_zone(struct reader *r, const struct yaml_node *node, const char *name,
                        const char *shown)
{
    struct stat status;

    if (stat(database_folder(), &status) < 0)
        err_hint(reader_error(r, node, "cannot read the time zone database \"%s\": %s",
                              database_folder(), strerror(errno)),
                 "Install it; most systems call the package tzdata.");
    else
        suggest_zone(r, reader_error(r, node, "unknown time zone %s", shown), name);
}

static void check_zone(struct reader *r, const struct yaml_node *node, const char *name)
{
    if (!is_zone_name(name) || !has_zone(r, name))
        refuse_zone(r, node, name, reader_quote(r, node));
}

/* Does it begin as a rule does: "CET-1CEST,M3.5.0,M10.5.0/3", "<+03>-3"? */
static bool is_rule(const char *text)
{
    size_t len = 0;

    if (text[0] == '<') {
        len = strcspn(text, ">");
        len += text[len] == '>';
    } else {
        while (isalpha((unsigned char)text[len]))
            len++;
    }
    if (len < 3)
        return false;
    len += text[len] == '+' || text[len] == '-';
    return isdigit((unsigned char)text[len]);
}

/* A window without a time zone is by local time, which is what TZ says where it is set: the name of
 * a zone or of a file, or a rule. */
static void check_local_zone(struct reader *r, const struct yaml_node *window)
{
    const char *given = getenv("TZ");
    const char *name = given && given[0] == ':' ? given + 1 : given;

    if (!name || !*name || strcmp(name, "UTC") == 0 || has_zone(r, name) || is_rule(name))
        return;
    refuse_zone(r, window, name,
                mem_printf(r->scratch, "\"%s\" in the environment variable TZ",
                           text_printable(r->scratch, given)));
}

/* --- the section ------------------------------------------------------------------------------ */

static void read_end(struct reader *r, const struct yaml_node *window, const char *key,
                     const struct yaml_node *node, int *ret_minute)
{
    if (node)
        read_time(r, key, node, ret_minute);
    else if (!yaml_tree_find(window, key))
        err_hint(reader_error(r, window, "the window has no \"%s\"", key),
                 "Write {from: \"01:00\", to: \"05:00\"}.");
}

void fleet_window_read(struct reader *r, const struct yaml_node *node, struct run_window *window)
{
    struct entry entry = {0};

    fields_read(r, node, &window_table, &entry);
    *window = (struct run_window){
        .timezone = entry.timezone, .days = EVERY_DAY, .line = node->line, .column = node->column};
    read_end(r, node, "from", entry.from, &window->from_minute);
    read_end(r, node, "to", entry.to, &window->to_minute);
    if (entry.days)
        read_days(r, entry.days, &window->days);
    if (entry.timezone)
        check_zone(r, yaml_tree_find(node, "timezone")->value, entry.timezone);
    else if (!yaml_tree_find(node, "timezone"))
        check_local_zone(r, node);
}
