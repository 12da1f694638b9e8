/*
 * reader.h: what all readers of the inventory share: where errors go, and the text of a scalar
 * with its ${variables} filled in.
 *
 * Everything they keep lives in the arena; the YAML tree is freed after reading. Messages quote
 * a value as it is written in the file, never what a variable stands for, and the values of secret
 * fields not at all.
 */
#ifndef CONFIG_READER_H
#define CONFIG_READER_H

#include "common/arena.h"
#include "common/base.h"
#include "common/err.h"
#include "config/fleet.h"
#include "config/yaml_tree.h"

struct reader {
    const char *file;      /* as the user gave it */
    const char *directory; /* of the file */
    void *scratch;         /* freed after reading */
    struct fleet *fleet;
    struct arena *arena; /* lives as long as the fleet */
    struct err_list *errors;
    bool shared;           /* others than its owner may read the file */
    bool secrets;          /* a password stands in the file itself */
    struct strmap *warned; /* texts of fleet.warnings, so that each is there once */
    size_t warning_capacity;
};

/* Adds an error of kind ERR_CONFIG at the node, and returns it for a hint. */
struct err *reader_error(struct reader *r, const struct yaml_node *at, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Adds `Did you mean "..."?` where a candidate is near. */
void reader_suggest(struct err *err, const char *word, const char *const *candidates, size_t count);

/* Adds to fleet.warnings, once for each text. */
void reader_warn(struct reader *r, const char *format, ...) PRINTF_LIKE(2, 3);

/*
 * The scalar's text, variables filled in, in the arena. NULL: something was wrong and is reported
 * (a list or map, nothing, an undefined variable). `key` is for the message.
 */
const char *reader_text(struct reader *r, const char *key, const struct yaml_node *node);

/* Whether `node` is a filled node of this type; if not, it is reported. */
bool reader_expect(struct reader *r, const char *key, const struct yaml_node *node,
                   enum yaml_type type);

/* A scalar as written, in quotes, shortened and printable, for messages. In scratch memory. */
const char *reader_quote(struct reader *r, const struct yaml_node *node);

/* A relative path starts at the file's folder. In the arena. */
const char *reader_path(struct reader *r, const char *path);

/* Control characters in names make messages and reports unreadable; a NUL ends them. */
bool reader_has_control(const char *text);

#endif
