/*
 * migration_command.c: the three keys of a .cmd.yaml file.
 */
#include "catalog/migration_command.h"

#include "catalog/migration_directives.h"
#include "catalog/text_file.h"
#include "common/mem.h"
#include "common/sha256.h"
#include "common/text.h"
#include "config/yaml_tree.h"

struct reading {
    void *parent; /* owner of what stays */
    const char *file;
    struct migration_command *command;
    struct err_list *errors;
};

static struct err *fail(struct reading *r, const struct yaml_node *at, const char *message)
{
    struct err *err = err_list_add(r->errors);

    err_set_at(err, ERR_DATA, r->file, at->line, at->column, "%s", message);
    return err;
}

static void read_argv(struct reading *r, const struct yaml_node *node)
{
    const char **argv;

    r->command->line = node->line;
    if (node->type != NODE_LIST || node->count == 0 || node->items[0]->type != NODE_SCALAR ||
        node->items[0]->count == 0) {
        err_hint(fail(r, node, "\"argv\" names no program"),
                 "Write a list: argv: [PROGRAM, ARGUMENT, ...].");
        return;
    }
    argv = mem_array(r->parent, const char *, node->count + 1);
    for (uint32_t i = 0; i < node->count; i++) {
        if (node->items[i]->type == NODE_SCALAR)
            argv[i] = mem_strdup(argv, node->items[i]->text);
        else
            fail(r, node->items[i], "an argument must be text");
    }
    r->command->argv = argv;
}

static void read_timeout(struct reading *r, const struct yaml_node *node)
{
    if (node->type != NODE_SCALAR || !text_to_duration(node->text, &r->command->timeout_ms))
        fail(r, node, "\"timeout\" must be a duration such as 500ms, 10s, 5m or 4h");
}

static void read_repeatable(struct reading *r, const struct yaml_node *node)
{
    const char *text = node->type == NODE_SCALAR ? node->text : "";

    r->command->repeatable = strcmp(text, "true") == 0;
    if (!r->command->repeatable && strcmp(text, "false") != 0)
        fail(r, node, "\"repeatable\" must be true or false");
}

static const struct {
    const char *key;
    void (*read)(struct reading *r, const struct yaml_node *node);
} keys[] = {
    {"argv", read_argv},
    {"timeout", read_timeout},
    {"repeatable", read_repeatable},
};

static void read_pair(struct reading *r, const struct yaml_pair *pair)
{
    const char *names[ARRAY_LEN(keys)];
    const char *nearest;
    struct err *err;

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        names[i] = keys[i].key;
        if (strcmp(keys[i].key, pair->key->text) == 0) {
            keys[i].read(r, pair->value);
            return;
        }
    }
    nearest = text_nearest(pair->key->text, names, ARRAY_LEN(names));
    err = fail(r, pair->key, "unknown key in a command migration");
    if (nearest)
        err_hint(err, "Did you mean \"%s\"?", nearest);
    else
        err_hint(err, "The keys are argv, timeout and repeatable.");
}

static void read_root(struct reading *r, const struct yaml_node *root)
{
    if (root->type == NODE_MAP && !yaml_tree_find(root, "argv"))
        err_hint(fail(r, root, "the file has no \"argv\""),
                 "Write the program and its arguments: argv: [PROGRAM, ARGUMENT, ...].");
    if (root->type == NODE_MAP) {
        for (uint32_t i = 0; i < root->count; i++)
            read_pair(r, &root->pairs[i]);
    } else if (root->type != NODE_BROKEN) {
        err_hint(fail(r, root, "not a command migration"),
                 "The file holds argv: [PROGRAM, ARGUMENT, ...], and timeout: and repeatable: "
                 "where needed.");
    }
}

/* One statement, which is the whole file. */
static void make_section(void *parent, struct migration *ret)
{
    struct section *up = &ret->sections[SECTION_UP];

    *up = (struct section){.present = true, .line = 1, .no_transaction = true, .count = 1};
    up->statements = mem_new(parent, struct sql_statement);
    *up->statements = (struct sql_statement){
        .end = ret->len,
        .line = ret->command->line,
        .flags = ret->command->repeatable ? SQL_REPEATABLE : 0,
    };
}

bool migration_command_is(const struct migration *migration)
{
    size_t ending = strlen(MIGRATION_COMMAND_ENDING);
    size_t len = strlen(migration->file);

    return len > ending && strcmp(migration->file + len - ending, MIGRATION_COMMAND_ENDING) == 0;
}

int migration_command_parse(void *parent, const char *bytes, size_t len, struct migration *ret,
                            struct err_list *errors)
{
    struct reading r = {.parent = parent, .file = ret->file, .errors = errors};
    void *mem = mem_context(NULL);
    size_t before = errors->count;
    const struct yaml_node *root;

    ret->text = text_file_normalise(parent, bytes, len, &ret->len);
    memset(ret->sections, 0, sizeof(ret->sections));
    (void)migration_directives_init(parent, ret->file, &ret->directives, errors);
    ret->directives.transaction_none = true;
    r.command = mem_new(parent, struct migration_command);
    ret->command = r.command;
    if (yaml_tree_parse(mem, ret->file, ret->text, ret->len, &root, errors) == 0)
        read_root(&r, root);
    for (size_t i = before; i < errors->count; i++)
        errors->items[i].kind = ERR_DATA; /* the YAML reader takes it for configuration */
    talloc_free(mem);
    if (errors->count > before)
        return -1;
    make_section(parent, ret);
    ret->checksum = sha256_text(parent, ret->text, ret->len);
    ret->code_checksum = ret->checksum; /* what is cosmetic in it is not known */
    return 0;
}
