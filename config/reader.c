/*
 * reader.c: errors with their place, ${variables}, paths.
 */
#include "config/reader.h"

#include "common/mem.h"
#include "common/strbuf.h"
#include "common/strmap.h"
#include "common/text.h"

#include <ctype.h>

struct err *reader_error(struct reader *r, const struct yaml_node *at, const char *format, ...)
{
    struct err *err = err_list_add(r->errors);
    va_list args;
    char *message;

    va_start(args, format);
    message = mem_vprintf(NULL, format, args);
    va_end(args);
    err_set_at(err, ERR_CONFIG, r->file, at->line, at->column, "%s", message);
    talloc_free(message);
    return err;
}

void reader_suggest(struct err *err, const char *word, const char *const *candidates, size_t count)
{
    const char *nearest = text_nearest(word, candidates, count);

    if (nearest)
        err_hint(err, "Did you mean \"%s\"?", nearest);
}

void reader_warn(struct reader *r, const char *format, ...)
{
    struct fleet *fleet = r->fleet;
    va_list args;
    char *text;

    va_start(args, format);
    text = mem_vprintf(fleet, format, args);
    va_end(args);
    if (strmap_add(r->warned, text, text)) {
        talloc_free(text);
        return;
    }
    mem_grow(fleet, &fleet->warnings, &r->warning_capacity, fleet->warning_count + 1);
    fleet->warnings[fleet->warning_count++] = text;
}

/* --- ${variables} ----------------------------------------------------------------------------- */

static size_t name_length(const char *text)
{
    size_t len = 0;

    if (isdigit((unsigned char)text[0]))
        return 0;
    while (isalnum((unsigned char)text[len]) || text[len] == '_')
        len++;
    return len;
}

/* Adds the value of the reference at `text` ("${...") and returns what follows it; NULL: error. */
static const char *expand_one(struct reader *r, const struct yaml_node *node, const char *text,
                              struct strbuf *out)
{
    const char *name = text + 2;
    size_t len = name_length(name);
    const char *end = strchr(name + len, '}');
    const char *fallback = NULL;
    const char *value;
    char *key;

    if (strncmp(name + len, ":-", 2) == 0)
        fallback = name + len + 2;
    if (len == 0 || !end || (!fallback && end != name + len)) {
        err_hint(reader_error(r, node, "this value has a malformed variable"),
                 "Write ${NAME} or ${NAME:-default}; a dollar sign alone is $$.");
        return NULL;
    }
    key = mem_strndup(r->scratch, name, len);
    value = getenv(key);
    if (fallback && (!value || !*value)) {
        strbuf_add(out, fallback, (size_t)(end - fallback));
    } else if (value) {
        strbuf_str(out, value);
    } else {
        err_hint(reader_error(r, node, "the variable \"%s\" is not set", key),
                 "Set it in the environment, or write ${%s:-default}.", key);
    }
    talloc_free(key);
    return end + 1;
}

static const char *expand(struct reader *r, const struct yaml_node *node)
{
    size_t errors = r->errors->count;
    const char *text = node->text;
    const char *ret = NULL;
    struct strbuf out;

    strbuf_init(&out, r->scratch);
    while (text && *text) {
        size_t plain = strcspn(text, "$");

        strbuf_add(&out, text, plain);
        text += plain;
        if (text[0] == '$' && text[1] == '{') {
            text = expand_one(r, node, text, &out);
        } else if (text[0] == '$') {
            strbuf_char(&out, '$');
            text += text[1] == '$' ? 2 : 1;
        }
    }
    if (r->errors->count == errors)
        ret = arena_strndup(r->arena, out.text, out.len);
    strbuf_release(&out);
    return ret;
}

/* --- values ----------------------------------------------------------------------------------- */

bool reader_expect(struct reader *r, const char *key, const struct yaml_node *node,
                   enum yaml_type type)
{
    if (node->type == NODE_BROKEN)
        return false;
    if (yaml_tree_is_null(node)) {
        struct err *err = reader_error(r, node, "\"%s\" has no value", key);

        if (type == NODE_SCALAR)
            err_hint(err, "Give it one, or leave it out; empty text is written \"\".");
        else
            err_hint(err, "Give it one, or leave it out; an empty %s.",
                     type == NODE_MAP ? "map is written {}" : "list is written []");
        return false;
    }
    if (node->type == type)
        return true;
    reader_error(r, node, "\"%s\" must be %s, not %s", key,
                 type == NODE_SCALAR ? "text or a number"
                 : type == NODE_MAP  ? "a map"
                                     : "a list",
                 yaml_tree_type_name(node));
    return false;
}

const char *reader_text(struct reader *r, const char *key, const struct yaml_node *node)
{
    if (!reader_expect(r, key, node, NODE_SCALAR))
        return NULL;
    if (!strchr(node->text, '$'))
        return arena_strndup(r->arena, node->text, node->count);
    return expand(r, node);
}

const char *reader_quote(struct reader *r, const struct yaml_node *node)
{
    const size_t most = 60;
    size_t len = node->count;
    char *cut;

    while (len > most || (len < node->count && ((unsigned char)node->text[len] & 0xC0) == 0x80))
        len--;
    cut = mem_strndup(r->scratch, node->text, len);
    return mem_printf(r->scratch, "\"%s%s\"", text_printable(r->scratch, cut),
                      len < node->count ? "..." : "");
}

const char *reader_path(struct reader *r, const char *path)
{
    char *joined;
    const char *ret;

    if (path[0] == '/' || strcmp(r->directory, ".") == 0)
        return path;
    joined =
        mem_printf(r->scratch, "%s/%s", strcmp(r->directory, "/") == 0 ? "" : r->directory, path);
    ret = arena_strdup(r->arena, joined);
    talloc_free(joined);
    return ret;
}

bool reader_has_control(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 32 || *text == 127)
            return true;
    }
    return false;
}
