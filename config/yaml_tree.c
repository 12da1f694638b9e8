/*
 * yaml_tree.c: from libyaml's events to a tree, without recursion: finished nodes wait on a stack
 * until the list or map around them ends and takes them.
 */
#include "config/yaml_tree.h"

#include "common/arena.h"
#include "common/mem.h"
#include "common/strmap.h"

#include <yaml.h>

enum {
    DEEPEST = 100,         /* levels of nesting */
    MOST_MERGED = 2000000, /* pairs that all merge keys of a file may bring */
    FEW = 16,              /* pairs that are compared one by one */
};

struct open_node { /* a list or map whose end has not been read */
    struct yaml_node *node;
    size_t base; /* its children start here on the stack */
};

struct builder {
    yaml_parser_t parser;
    const char *file;
    const char *text;
    size_t len;
    struct arena *arena;    /* nodes and texts: owned by the caller's parent */
    void *scratch;          /* all else: freed at the end */
    struct strmap *anchors; /* name to node */
    struct err_list *errors;
    struct yaml_node **stack;
    size_t count;
    size_t capacity;
    struct open_node open[DEEPEST];
    size_t depth;
    size_t merged;
    struct yaml_node *root;
    int documents;
};

const struct yaml_pair *yaml_tree_find(const struct yaml_node *node, const char *key)
{
    for (uint32_t i = 0; node->type == NODE_MAP && i < node->count; i++) {
        if (strcmp(node->pairs[i].key->text, key) == 0)
            return &node->pairs[i];
    }
    return NULL;
}

bool yaml_tree_is_null(const struct yaml_node *node)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};

    for (size_t i = 0; node->type == NODE_SCALAR && node->plain && i < ARRAY_LEN(words); i++) {
        if (strcmp(node->text, words[i]) == 0)
            return true;
    }
    return false;
}

const char *yaml_tree_type_name(const struct yaml_node *node)
{
    static const char *const names[] = {"text", "a list", "a map", "nothing"};

    return names[node->type];
}

/*
 * No message quotes an alias, a tag or a piece of a bad line: any of them may be a password that
 * somebody forgot to put in quotes.
 */

/* --- errors ----------------------------------------------------------------------------------- */

static PRINTF_LIKE(4, 5) struct err *report(struct builder *b, int line, int column,
                                            const char *format, ...)
{
    struct err *err = err_list_add(b->errors);
    va_list args;

    va_start(args, format);
    err_set_at(err, ERR_CONFIG, b->file, line, column, "%s", mem_vprintf(b->scratch, format, args));
    va_end(args);
    return err;
}

/* The bytes of line `line` (1-based). */
static const char *line_of(const struct builder *b, size_t line, size_t *ret_len)
{
    const char *start = b->text;
    const char *end = b->text + b->len;
    const char *stop;

    for (; line > 1; line--) {
        const char *next = memchr(start, '\n', (size_t)(end - start));

        if (!next)
            break;
        start = next + 1;
    }
    stop = memchr(start, '\n', (size_t)(end - start));
    *ret_len = (size_t)((stop ? stop : end) - start);
    return start;
}

/* What usually is behind a syntax error, as far as the line shows it. */
static void hint_syntax(const struct builder *b, struct err *err, size_t column)
{
    size_t len;
    const char *line = line_of(b, (size_t)err->line, &len);

    if (column < len && line[column] == '\t')
        err_hint(err, "YAML does not allow tabs for indentation: write blanks.");
    else if (memmem(line, len, "${", 2) && (memchr(line, '{', len) || memchr(line, '[', len)))
        err_hint(err, "Inside { } and [ ], put quotes around \"${NAME}\".");
    else if (column < len && strchr("@`%", line[column]))
        err_hint(err, "Put quotes around a value that starts with this character.");
    else if (strstr(err->message, "mapping values are not allowed"))
        err_hint(err, "Put quotes around a value that holds \": \", and check the indentation.");
}

/* libyaml's reader gives an offset in bytes only. */
static void report_encoding(struct builder *b)
{
    size_t offset = b->parser.problem_offset < b->len ? b->parser.problem_offset : b->len;
    int line = 1;
    int column = 1;
    struct err *err;

    for (size_t i = 0; i < offset; i++) {
        if (b->text[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)b->text[i] & 0xC0) != 0x80) {
            column++;
        }
    }
    if (b->parser.problem_value >= 0 && b->parser.problem_value < 32) {
        err = report(b, line, column, "control character in the file");
        err_detail(err, "It is the byte 0x%02X.", (unsigned)b->parser.problem_value);
    } else {
        err = report(b, line, column, "text is not valid UTF-8");
        err_detail(err, "%s", b->parser.problem);
    }
}

static void report_syntax(struct builder *b)
{
    const yaml_parser_t *p = &b->parser;
    struct err *err;

    if (p->error == YAML_MEMORY_ERROR)
        mem_die(b->len);
    if (p->error == YAML_READER_ERROR) {
        report_encoding(b);
        return;
    }
    err = report(b, (int)p->problem_mark.line + 1, (int)p->problem_mark.column + 1,
                 "not valid YAML: %s", p->problem);
    if (p->context)
        err_detail(err, "It was found %s that starts in line %d.", p->context,
                   (int)p->context_mark.line + 1);
    hint_syntax(b, err, p->problem_mark.column);
}

/* --- nodes ------------------------------------------------------------------------------------ */

static struct yaml_node *new_node(struct builder *b, enum yaml_type type, yaml_mark_t mark)
{
    struct yaml_node *node = arena_alloc(b->arena, sizeof(*node));

    node->type = (uint8_t)type;
    node->line = (int)mark.line + 1;
    node->column = (int)mark.column + 1;
    return node;
}

static void add_node(struct builder *b, struct yaml_node *node)
{
    if (b->depth == 0) {
        b->root = node;
        return;
    }
    mem_grow(b->scratch, &b->stack, &b->capacity, b->count + 1);
    b->stack[b->count++] = node;
}

/* Remembers the anchor, and refuses tags that are not YAML's own. */
static void set_properties(struct builder *b, struct yaml_node *node, const yaml_char_t *anchor,
                           const yaml_char_t *tag)
{
    static const char own[] = "tag:yaml.org,2002:";

    if (anchor)
        strmap_set(b->anchors, arena_strdup(b->arena, (const char *)anchor), node);
    if (tag && strcmp((const char *)tag, "!") != 0 &&
        strncmp((const char *)tag, own, sizeof(own) - 1) != 0) {
        err_hint(report(b, node->line, node->column, "YAML tags are not supported"),
                 "Put quotes around a value that starts with \"!\".");
        node->type = NODE_BROKEN;
    } else if (tag) {
        node->plain = false;
    }
}

static void add_scalar(struct builder *b, const yaml_event_t *event)
{
    const char *value = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    struct yaml_node *node = new_node(b, NODE_SCALAR, event->start_mark);

    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->block = event->data.scalar.style == YAML_LITERAL_SCALAR_STYLE ||
                  event->data.scalar.style == YAML_FOLDED_SCALAR_STYLE;
    node->text = arena_strndup(b->arena, value, len);
    node->count = (uint32_t)len;
    if (memchr(value, '\0', len)) {
        report(b, node->line, node->column, "text with a NUL character");
        node->type = NODE_BROKEN;
    }
    set_properties(b, node, event->data.scalar.anchor, event->data.scalar.tag);
    add_node(b, node);
}

static int mark_line(const yaml_event_t *event)
{
    return (int)event->start_mark.line + 1;
}

static int mark_column(const yaml_event_t *event)
{
    return (int)event->start_mark.column + 1;
}

static bool is_open(const struct builder *b, const struct yaml_node *node)
{
    for (size_t i = 0; i < b->depth; i++) {
        if (b->open[i].node == node)
            return true;
    }
    return false;
}

static void add_alias(struct builder *b, const yaml_event_t *event)
{
    const char *name = (const char *)event->data.alias.anchor;
    struct yaml_node *node = strmap_get(b->anchors, name);

    if (!node)
        err_hint(
            report(b, mark_line(event), mark_column(event), "this alias names no anchor before it"),
            "Put quotes around a value that starts with \"*\".");
    else if (is_open(b, node))
        report(b, mark_line(event), mark_column(event), "this alias stands inside what it names");
    if (!node || is_open(b, node))
        node = new_node(b, NODE_BROKEN, event->start_mark);
    add_node(b, node);
}

static int start_node(struct builder *b, enum yaml_type type, const yaml_event_t *event,
                      const yaml_char_t *anchor, const yaml_char_t *tag)
{
    struct yaml_node *node = new_node(b, type, event->start_mark);

    if (b->depth == DEEPEST) {
        report(b, node->line, node->column, "lists and maps nested too deeply");
        return -1;
    }
    set_properties(b, node, anchor, tag);
    b->open[b->depth++] = (struct open_node){.node = node, .base = b->count};
    return 0;
}

/* --- lists and maps --------------------------------------------------------------------------- */

/* A map while it is put together. */
struct pairs {
    struct yaml_pair *items;
    size_t count;
    size_t capacity;
    struct strmap *index; /* once there are more than a few: key to its node */
    void *mem;
};

static const struct yaml_node *find_key(const struct pairs *pairs, const char *key)
{
    if (pairs->index)
        return strmap_get(pairs->index, key);
    for (size_t i = 0; i < pairs->count; i++) {
        if (strcmp(pairs->items[i].key->text, key) == 0)
            return pairs->items[i].key;
    }
    return NULL;
}

static void index_key(struct pairs *pairs, const struct yaml_node *key)
{
    union { /* the table keeps plain pointers */
        const struct yaml_node *node;
        void *value;
    } entry = {.node = key};

    strmap_add(pairs->index, key->text, entry.value);
}

static void add_pair(struct pairs *pairs, struct yaml_pair pair)
{
    mem_grow(pairs->mem, &pairs->items, &pairs->capacity, pairs->count + 1);
    pairs->items[pairs->count++] = pair;
    if (pairs->count == FEW) {
        pairs->index = strmap_new(pairs->mem);
        for (size_t i = 0; i < pairs->count; i++)
            index_key(pairs, pairs->items[i].key);
    } else if (pairs->index) {
        index_key(pairs, pair.key);
    }
}

static bool is_merge(const struct yaml_node *key)
{
    return key->type == NODE_SCALAR && key->plain && strcmp(key->text, "<<") == 0;
}

/* Takes from the map `from` what the map being built has not. */
static int merge_map(struct builder *b, struct pairs *pairs, const struct yaml_node *from)
{
    b->merged += from->count;
    if (b->merged > MOST_MERGED) {
        err_hint(report(b, from->line, from->column, "the merge keys of this file bring too much"),
                 "More than %d keys come from merges: merge smaller maps.", MOST_MERGED);
        return -1;
    }
    for (uint32_t i = 0; i < from->count; i++) {
        if (!find_key(pairs, from->pairs[i].key->text))
            add_pair(pairs, from->pairs[i]);
    }
    return 0;
}

static int merge(struct builder *b, struct pairs *pairs, const struct yaml_node *value)
{
    const struct yaml_node *const one[] = {value};
    const struct yaml_node *const *items = one;
    size_t count = 1;

    if (value->type == NODE_LIST) {
        items = (const struct yaml_node *const *)value->items;
        count = value->count;
    }
    for (size_t i = 0; i < count; i++) {
        if (items[i]->type == NODE_BROKEN)
            continue;
        if (items[i]->type != NODE_MAP)
            report(b, items[i]->line, items[i]->column, "\"<<\" merges maps, and this is %s",
                   yaml_tree_type_name(items[i]));
        else if (merge_map(b, pairs, items[i]) < 0)
            return -1;
    }
    return 0;
}

static void add_own_pair(struct builder *b, struct pairs *pairs, struct yaml_pair pair)
{
    const struct yaml_node *first;

    if (pair.key->type == NODE_BROKEN)
        return;
    if (pair.key->type != NODE_SCALAR) {
        report(b, pair.key->line, pair.key->column, "a key must be text, not %s",
               yaml_tree_type_name(pair.key));
        return;
    }
    first = find_key(pairs, pair.key->text);
    if (first) {
        struct err *err =
            report(b, pair.key->line, pair.key->column, "duplicate key \"%s\"", pair.key->text);

        err_detail(err, "The first one is in line %d.", first->line);
    } else {
        add_pair(pairs, pair);
    }
}

/* First what the map itself says, then what the merge keys add to that. */
static int close_map(struct builder *b, struct yaml_node *node, struct yaml_node *const *children,
                     size_t count)
{
    struct pairs pairs = {.mem = mem_context(b->scratch)};
    struct yaml_pair *final;
    int ret = 0;

    for (size_t i = 0; i + 1 < count; i += 2) {
        if (!is_merge(children[i]))
            add_own_pair(b, &pairs, (struct yaml_pair){children[i], children[i + 1]});
    }
    for (size_t i = 0; ret == 0 && i + 1 < count; i += 2) {
        if (is_merge(children[i]))
            ret = merge(b, &pairs, children[i + 1]);
    }
    final = arena_alloc(b->arena, pairs.count * sizeof(*final));
    if (pairs.count)
        memcpy(final, pairs.items, pairs.count * sizeof(*final));
    node->pairs = final;
    node->count = (uint32_t)pairs.count;
    talloc_free(pairs.mem);
    return ret;
}

static int close_node(struct builder *b)
{
    struct open_node open = b->open[--b->depth];
    struct yaml_node **children = b->stack + open.base;
    size_t count = b->count - open.base;
    int ret = 0;

    if (open.node->type == NODE_MAP) {
        ret = close_map(b, open.node, children, count);
    } else if (open.node->type == NODE_LIST) {
        struct yaml_node **items = arena_alloc(b->arena, count * sizeof(struct yaml_node *));

        if (count)
            memcpy(items, children, count * sizeof(struct yaml_node *));
        open.node->items = items;
        open.node->count = (uint32_t)count;
    }
    b->count = open.base;
    add_node(b, open.node);
    return ret;
}

/* --- the document ----------------------------------------------------------------------------- */

static int take_event(struct builder *b, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (++b->documents == 1)
            return 0;
        report(b, mark_line(event), mark_column(event), "a second YAML document starts here");
        return -1;
    case YAML_ALIAS_EVENT:
        add_alias(b, event);
        return 0;
    case YAML_SCALAR_EVENT:
        add_scalar(b, event);
        return 0;
    case YAML_SEQUENCE_START_EVENT:
        return start_node(b, NODE_LIST, event, event->data.sequence_start.anchor,
                          event->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return start_node(b, NODE_MAP, event, event->data.mapping_start.anchor,
                          event->data.mapping_start.tag);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return close_node(b);
    default:
        return 0;
    }
}

static int read_events(struct builder *b)
{
    bool done = false;
    int ret = 0;

    while (!done && ret == 0) {
        yaml_event_t event;

        if (!yaml_parser_parse(&b->parser, &event)) {
            report_syntax(b);
            return -1;
        }
        done = event.type == YAML_STREAM_END_EVENT;
        ret = take_event(b, &event);
        yaml_event_delete(&event);
    }
    return ret;
}

/* A file of nothing but comments is as good as one with an empty document. */
static struct yaml_node *empty_root(struct builder *b)
{
    struct yaml_node *node = new_node(b, NODE_SCALAR, (yaml_mark_t){0});

    node->plain = true;
    node->text = "";
    return node;
}

int yaml_tree_parse(void *parent, const char *file, const char *text, size_t len,
                    const struct yaml_node **ret, struct err_list *errors)
{
    struct builder *b = mem_new(NULL, struct builder);
    size_t before = errors->count;

    b->scratch = b;
    b->arena = arena_new(parent);
    b->anchors = strmap_new(b);
    b->file = file;
    b->text = text;
    b->len = len;
    b->errors = errors;
    mem_grow(b, &b->stack, &b->capacity, 64);
    if (!yaml_parser_initialize(&b->parser))
        mem_die(len);
    yaml_parser_set_input_string(&b->parser, (const unsigned char *)text, len);
    if (read_events(b) < 0)
        b->root = NULL;
    else if (!b->root)
        b->root = empty_root(b);
    *ret = b->root;
    yaml_parser_delete(&b->parser);
    talloc_free(b);
    return errors->count > before ? -1 : 0;
}
