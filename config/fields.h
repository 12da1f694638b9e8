/*
 * fields.h: from a YAML map to a struct, by a table that says which key goes where.
 *
 *     static const struct field fields[] = {
 *         {.key = "workers", .kind = FIELD_INT, .offset = offsetof(struct run_config, workers),
 *          .min = 1, .max = 1024},
 *         {.key = "waves", .kind = FIELD_LATER},
 *     };
 *     fields_read(r, node, &(struct field_table){"run", fields, ARRAY_LEN(fields)}, &run);
 *
 * What the map does not mention stays as it was, so defaults are what the struct held before and
 * overriding is reading into a copy. Errors are reported and leave their field alone.
 */
#ifndef CONFIG_FIELDS_H
#define CONFIG_FIELDS_H

#include "config/reader.h"

enum field_kind {
    FIELD_TEXT,     /* const char *: any text but the empty one; may be secret, never quoted */
    FIELD_NAME,     /* const char *: text without control characters */
    FIELD_SQL_NAME, /* const char *: an identifier, at most 63 bytes */
    FIELD_PATH,     /* const char *: relative ones start at the file's folder */
    FIELD_INT,      /* int in [min, max] */
    FIELD_DURATION, /* int64_t, milliseconds */
    FIELD_SIZE,     /* struct text_size; `has` is the offset of a bool, or 0 */
    FIELD_CHOICE,   /* an enum: the position in `choices` */
    FIELD_ALLOW,    /* bool: refuse or allow */
    FIELD_BOOL,     /* bool: false or true */
    FIELD_MAP,      /* read by `table` into the same struct */
    FIELD_MAP_NODE, /* const struct yaml_node *: kept for later, its type checked */
    FIELD_LIST_NODE,
    FIELD_NODE,  /* of any type */
    FIELD_LATER, /* known, but an error until a coming version has it */
};

struct field_table {
    const char *name; /* of the section, for messages and hints: "run" */
    const struct field *fields;
    size_t count;
    const struct field_table *const *others; /* where a wrong key may belong; ends in NULL */
};

struct field {
    const char *key;
    enum field_kind kind;
    size_t offset;
    size_t has;
    int min, max;
    const char *const *choices; /* ends in NULL */
    const struct field_table *table;
};

void fields_read(struct reader *r, const struct yaml_node *map, const struct field_table *table,
                 void *target);

/* One value of a map that is otherwise read by hand. */
void fields_read_one(struct reader *r, const struct field *field, const struct yaml_node *value,
                     void *target);

/* The two checks that others need too; each reports and returns false where `text` is not that. */
bool fields_check_name(struct reader *r, const char *key, const struct yaml_node *node,
                       const char *text);
bool fields_check_sql_name(struct reader *r, const char *key, const struct yaml_node *node,
                           const char *text);

/* Reports an unknown key, with the nearest of `known`. */
void fields_unknown_key(struct reader *r, const struct yaml_node *key, const char *section,
                        const char *const *known, size_t count);

#endif
