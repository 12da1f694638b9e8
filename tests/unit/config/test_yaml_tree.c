/*
 * test_yaml_tree.c: from YAML to a tree.
 */
#include "common/mem.h"
#include "common/strbuf.h"
#include "config/yaml_tree.h"

#include <criterion/criterion.h>

/* The tree in one line: text as it is (quoted text in quotes), [lists] and {maps}. */
static void dump(struct strbuf *out, const struct yaml_node *node)
{
    if (node->type == NODE_BROKEN)
        strbuf_char(out, '!');
    if (node->type == NODE_SCALAR)
        strbuf_printf(out, node->plain ? "%s" : "\"%s\"", node->text);
    if (node->type == NODE_LIST) {
        strbuf_char(out, '[');
        for (uint32_t i = 0; i < node->count; i++) {
            strbuf_str(out, i ? " " : "");
            dump(out, node->items[i]);
        }
        strbuf_char(out, ']');
    }
    if (node->type == NODE_MAP) {
        strbuf_char(out, '{');
        for (uint32_t i = 0; i < node->count; i++) {
            strbuf_printf(out, "%s%s:", i ? " " : "", node->pairs[i].key->text);
            dump(out, node->pairs[i].value);
        }
        strbuf_char(out, '}');
    }
}

/* The tree, or "-" where there is none; then the errors. */
static const char *read_bytes(const char *text, size_t len)
{
    void *mem = mem_context(NULL);
    struct err_list errors = ERR_LIST_INIT;
    const struct yaml_node *root;
    struct strbuf out;
    int ret = yaml_tree_parse(mem, "f", text, len, &root, &errors);

    strbuf_init(&out, mem);
    if (root)
        dump(&out, root);
    else
        strbuf_char(&out, '-');
    for (size_t i = 0; i < errors.count; i++)
        strbuf_printf(&out, "\n%d:%d: %s", errors.items[i].line, errors.items[i].column,
                      errors.items[i].message);
    cr_expect_eq(ret, errors.count ? -1 : 0);
    err_list_clear(&errors);
    return out.text;
}

static const char *read_text(const char *text)
{
    return read_bytes(text, strlen(text));
}

Test(yaml_tree, scalars_lists_and_maps)
{
    cr_expect_str_eq(read_text("a: 1\nb: [x, 'y', \"z\"]\nc: {d: e, f: []}\n"),
                     "{a:1 b:[x \"y\" \"z\"] c:{d:e f:[]}}");
}

Test(yaml_tree, scalars_keep_the_text_written)
{
    cr_expect_str_eq(read_text("[01, yes, 1.50, 0x1F, ~, 2026-11-23]"),
                     "[01 yes 1.50 0x1F ~ 2026-11-23]");
}

Test(yaml_tree, block_scalars)
{
    cr_expect_str_eq(read_text("a: |\n  x\n  y\nb: >-\n  x\n  y\n"), "{a:\"x\ny\n\" b:\"x y\"}");
}

Test(yaml_tree, places_count_characters)
{
    static const char text[] = "\303\266\303\266: [x, y]\n  \nb:   c\n";
    void *mem = mem_context(NULL);
    struct err_list errors = ERR_LIST_INIT;
    const struct yaml_node *root;

    cr_assert_eq(yaml_tree_parse(mem, "f", text, sizeof(text) - 1, &root, &errors), 0);
    cr_expect_eq(root->pairs[0].value->items[1]->line, 1);
    cr_expect_eq(root->pairs[0].value->items[1]->column, 9);
    cr_expect_eq(root->pairs[1].value->line, 3);
    cr_expect_eq(root->pairs[1].value->column, 6);
    talloc_free(mem);
}

Test(yaml_tree, aliases_are_the_node_itself)
{
    static const char text[] = "a: &x [1, 2]\nb: *x\n";
    void *mem = mem_context(NULL);
    struct err_list errors = ERR_LIST_INIT;
    const struct yaml_node *root;

    cr_assert_eq(yaml_tree_parse(mem, "f", text, sizeof(text) - 1, &root, &errors), 0);
    cr_expect_eq(root->pairs[0].value, root->pairs[1].value);
    talloc_free(mem);
}

Test(yaml_tree, an_anchor_may_be_given_again)
{
    cr_expect_str_eq(read_text("[&x 1, *x, &x 2, *x]"), "[1 1 2 2]");
}

Test(yaml_tree, merge_keys_add_what_is_missing)
{
    static const struct {
        const char *text;
        const char *tree;
    } cases[] = {
        {"a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\n", "{a:{x:1 y:2} b:{y:3 x:1}}"},
        {"a: &a {x: 1, y: 2}\nb: {y: 3, <<: *a}\n", "{a:{x:1 y:2} b:{y:3 x:1}}"},
        {"a: &a {x: 1}\nb: &b {x: 2, z: 3}\nc: {<<: [*a, *b]}\n",
         "{a:{x:1} b:{x:2 z:3} c:{x:1 z:3}}"},
        {"a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b}\n", "{a:{x:1} b:{y:2 x:1} c:{y:2 x:1}}"},
        {"a: {<<: {x: 1}}\n", "{a:{x:1}}"},
        {"a: {<<: []}\n", "{a:{}}"},
        {"a: {\"<<\": 1}\n", "{a:{<<:1}}"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        cr_expect_str_eq(read_text(cases[i].text), cases[i].tree, "of %s: %s", cases[i].text,
                         read_text(cases[i].text));
}

Test(yaml_tree, large_maps_merge_and_notice_duplicates_too)
{
    struct strbuf text;
    const char *got;

    strbuf_init(&text, NULL);
    strbuf_str(&text, "a: &a\n");
    for (int i = 0; i < 100; i++)
        strbuf_printf(&text, "  k%d: %d\n", i, i);
    strbuf_str(&text, "b:\n  <<: *a\n  k50: own\n  k99: own\na: 1\n");
    got = read_text(text.text);
    cr_expect_not_null(strstr(got, "b:{k50:own k99:own k0:0"));
    cr_expect_not_null(strstr(got, "\n106:1: duplicate key \"a\""));
    strbuf_release(&text);
}

Test(yaml_tree, empty_files_are_an_empty_scalar)
{
    static const char *const texts[] = {"",      "\n\n",           "# only this\n",
                                        "---\n", "--- # x\n...\n", "\357\273\277"};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        cr_expect_str_eq(read_text(texts[i]), "", "of \"%s\"", texts[i]);
}

Test(yaml_tree, null_is_what_yaml_calls_so)
{
    static const char text[] = "[~, null, Null, NULL, '', '~', \"null\", nil, [], !!str null]";
    static const bool nulls[] = {true, true, true, true, false, false, false, false, false, false};
    void *mem = mem_context(NULL);
    struct err_list errors = ERR_LIST_INIT;
    const struct yaml_node *root;

    cr_assert_eq(yaml_tree_parse(mem, "f", text, sizeof(text) - 1, &root, &errors), 0);
    cr_assert_eq(root->count, ARRAY_LEN(nulls));
    for (uint32_t i = 0; i < root->count; i++)
        cr_expect_eq(yaml_tree_is_null(root->items[i]), nulls[i], "item %u", i);
    talloc_free(mem);
}

Test(yaml_tree, errors_with_their_place)
{
    static const struct {
        const char *text;
        const char *result;
    } cases[] = {
        {"a: 1\nb: 2\na: 3\n", "{a:1 b:2}\n3:1: duplicate key \"a\""},
        {"a: *x\nb: 1\n", "{a:! b:1}\n1:4: this alias names no anchor before it"},
        {"a: &x [1, *x]\n", "{a:[1 !]}\n1:11: this alias stands inside what it names"},
        {"a: 1\n---\nb: 2\n", "-\n2:1: a second YAML document starts here"},
        {"? [a, b]\n: 1\nc: 2\n", "{c:2}\n1:3: a key must be text, not a list"},
        {"? {a: b}\n: 1\n", "{}\n1:3: a key must be text, not a map"},
        {"a: {<<: 1, b: 2}\n", "{a:{b:2}}\n1:9: \"<<\" merges maps, and this is text"},
        {"a: {<<: [{x: 1}, [2]]}\n", "{a:{x:1}}\n1:18: \"<<\" merges maps, and this is a list"},
        {"a: !vault x\n", "{a:!}\n1:4: YAML tags are not supported"},
        {"a: !m {x: 1}\n", "{a:!}\n1:4: YAML tags are not supported"},
        {"a: \"x\\0y\"\n", "{a:!}\n1:4: text with a NUL character"},
        {"a: [1\nb: 2\n", "-\n2:2: not valid YAML: did not find expected ',' or ']'"},
        {"a: b: c\n", "-\n1:5: not valid YAML: mapping values are not allowed in this context"},
        {"a:\n\tb: 1\n", "-\n2:1: not valid YAML: found character that cannot start any token"},
        {"a: 'x\n", "-\n2:1: not valid YAML: found unexpected end of stream"},
        {"a: 1\nb: \377\n", "-\n2:4: text is not valid UTF-8"},
        {"a: \303\266 \303(\n", "-\n1:7: text is not valid UTF-8"},
        {"a: \001\n", "-\n1:4: control character in the file"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        cr_expect_str_eq(read_text(cases[i].text), cases[i].result, "of:\n%s\ngot:\n%s",
                         cases[i].text, read_text(cases[i].text));
}

Test(yaml_tree, a_nul_byte_is_a_control_character)
{
    cr_expect_str_eq(read_bytes("a: 1\nb: \0002\n", 10), "-\n2:4: control character in the file");
}

Test(yaml_tree, nesting_is_bounded)
{
    char text[100001];

    for (size_t depth = 100; depth <= 50000; depth *= 500) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        cr_expect_eq(*read_bytes(text, 2 * depth), depth == 100 ? '[' : '-');
    }
    memset(text, '[', 101);
    memset(text + 101, ']', 101);
    cr_expect_str_eq(read_bytes(text, 202), "-\n1:101: lists and maps nested too deeply");
}

/* Nine lines that would be a thousand million nodes, were aliases copied. */
Test(yaml_tree, a_bomb_of_aliases_is_small)
{
    void *mem = mem_context(NULL);
    struct err_list errors = ERR_LIST_INIT;
    const struct yaml_node *root;
    struct strbuf text;

    strbuf_init(&text, mem);
    strbuf_str(&text, "a0: &a0 [x, x]\n");
    for (int i = 1; i < 10; i++) {
        strbuf_printf(&text, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++)
            strbuf_printf(&text, "%s*a%d", j ? ", " : "", i - 1);
        strbuf_str(&text, "]\n");
    }
    cr_assert_eq(yaml_tree_parse(mem, "f", text.text, text.len, &root, &errors), 0);
    cr_expect_lt(talloc_total_size(mem), 100000);
    talloc_free(mem);
}

Test(yaml_tree, a_bomb_of_merges_is_refused)
{
    struct strbuf text;
    const char *got;

    strbuf_init(&text, NULL);
    strbuf_str(&text, "a: &a\n");
    for (int i = 0; i < 10000; i++)
        strbuf_printf(&text, "  k%d: 1\n", i);
    for (int i = 0; i < 300; i++)
        strbuf_printf(&text, "b%d: {<<: *a}\n", i);
    got = read_text(text.text);
    cr_expect_str_eq(got, "-\n1:4: the merge keys of this file bring too much");
    strbuf_release(&text);
}

Test(yaml_tree, find)
{
    static const char text[] = "{a: 1, b: 2}";
    void *mem = mem_context(NULL);
    struct err_list errors = ERR_LIST_INIT;
    const struct yaml_node *root;

    cr_assert_eq(yaml_tree_parse(mem, "f", text, sizeof(text) - 1, &root, &errors), 0);
    cr_expect_str_eq(yaml_tree_find(root, "b")->value->text, "2");
    cr_expect_null(yaml_tree_find(root, "c"));
    cr_expect_null(yaml_tree_find(root->pairs[0].value, "a"));
    talloc_free(mem);
}
