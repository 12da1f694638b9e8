/*
 * yaml_tree.h: one YAML document as a small tree that knows where everything stands.
 *
 * The tree keeps what the inventory's reader needs and no more: scalars as the text written, lists,
 * and maps with text keys in the order written. Anchors and aliases share nodes (an alias is
 * a second pointer to the same node, so a "bomb" of aliases costs nothing), and `<<` merge keys
 * are worked in, bounded. Duplicate keys, unknown anchors, aliases inside themselves, foreign tags,
 * a second document, and nesting beyond 100 levels are errors.
 */
#ifndef CONFIG_YAML_TREE_H
#define CONFIG_YAML_TREE_H

#include "common/base.h"
#include "common/err.h"

enum yaml_type {
    NODE_SCALAR,
    NODE_LIST,
    NODE_MAP,
    NODE_BROKEN, /* stands for what was already reported: readers pass over it in silence */
};

struct yaml_pair;

struct yaml_node {
    uint8_t type;   /* enum yaml_type */
    bool plain;     /* a scalar written without quotes */
    bool block;     /* a scalar written as a block, "|" or ">": its text begins a line below */
    int line;       /* 1-based */
    int column;     /* 1-based, in characters */
    uint32_t count; /* list: items, map: pairs, scalar: bytes */
    union {
        const char *text; /* ends in NUL and holds no other */
        struct yaml_node *const *items;
        const struct yaml_pair *pairs;
    };
};

struct yaml_pair {
    const struct yaml_node *key; /* always a scalar */
    const struct yaml_node *value;
};

/*
 * Reads `text` (UTF-8 or UTF-16 with a mark); `file` is for messages. *ret is the root, owned by
 * `parent`; of an empty file it is an empty plain scalar. Returns -1 when anything was added to
 * `errors`, all of kind ERR_CONFIG: after a syntax error *ret is NULL, after others the tree is
 * there and whole enough to look for more errors in it.
 */
int yaml_tree_parse(void *parent, const char *file, const char *text, size_t len,
                    const struct yaml_node **ret, struct err_list *errors) MUST_CHECK;

/* The pair with this key in a map, or NULL; NULL also where `node` is no map. */
const struct yaml_pair *yaml_tree_find(const struct yaml_node *node, const char *key);

/* Whether it is a scalar written as nothing, `~` or `null`. */
bool yaml_tree_is_null(const struct yaml_node *node);

/* "a list", for messages. */
const char *yaml_tree_type_name(const struct yaml_node *node);

#endif
