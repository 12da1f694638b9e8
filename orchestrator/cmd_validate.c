/*
 * cmd_validate.c: validate: all of the input, offline; with --connect also the histories.
 *
 * Offline it goes on where other commands stop, so that one call shows every error of every file.
 */
#include "orchestrator/cmd.h"

#include "common/mem.h"
#include "orchestrator/discover.h"
#include "orchestrator/input.h"
#include "orchestrator/message.h"
#include "orchestrator/operation.h"
#include "orchestrator/report_text.h"
#include "orchestrator/report_validate.h"
#include "worker/hook.h"

#include <jansson.h>

static int compare_histories(const struct options *options, struct err_list *errors)
{
    static const struct operation_kind kind = {
        .name = "validate",
        .action = JOB_INSPECT,
        .report = report_validate,
        .exit_code = operation_mismatch_code,
    };

    return operation_perform(options, &kind, errors);
}

/* What was found good; `catalog` is without migrations when they had errors. */
struct input {
    struct fleet *fleet;
    struct catalog *catalog;
    size_t suspended;
    size_t seed_files;
};

static int check_seeds(void *mem, struct input *input, struct err_list *errors)
{
    const struct fleet *fleet = input->fleet;
    const struct tenant **tenants = mem_array(mem, const struct tenant *, fleet->tenant_count);
    const struct words named = {0};

    for (size_t i = 0; i < fleet->tenant_count; i++) {
        tenants[i] = &fleet->tenants[i];
        input->suspended += tenants[i]->state == TENANT_SUSPENDED;
    }
    if (input_load_seeds(input->catalog, fleet, tenants, fleet->tenant_count, &named, errors) < 0)
        return -1;
    for (size_t i = 0; i < input->catalog->seed_set_count; i++)
        input->seed_files += input->catalog->seed_sets[i].count;
    return 0;
}

/* Everything into `errors`: the fleet first; without it the other folders are not known. */
static int check(void *mem, const struct options *options, struct input *input,
                 struct err_list *errors)
{
    struct hooks *hooks;
    int rc = 0;

    if (fleet_load(mem, options->fleet, &input->fleet, errors) < 0)
        return -1;
    if (!options->connect && discover_files(input->fleet, errors) < 0)
        rc = -1;
    if (input_load_catalog(mem, input->fleet, &input->catalog, errors) < 0) {
        if (input->fleet->migrations && bundle_is(input->fleet->migrations))
            return -1; /* the seeds are in it */
        input->catalog = mem_new(mem, struct catalog);
        rc = -1;
    }
    if (hook_prepare(mem, input->fleet, "validate", &hooks, errors) < 0)
        rc = -1;
    return check_seeds(mem, input, errors) < 0 ? -1 : rc;
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

/* Entries of discover: that need a server or run a program. */
static size_t count_unread(const struct fleet *fleet)
{
    size_t count = 0;

    for (size_t i = 0; i < fleet->discovery_count; i++)
        count += fleet->discoveries[i].kind != DISCOVER_FILE;
    return count;
}

static void print_text(void *mem, const struct input *input)
{
    const struct fleet *fleet = input->fleet;
    size_t others = count_unread(fleet);
    const struct catalog *catalog = input->catalog;

    printf("%s: %zu tenant%s on %zu server%s", fleet->file, fleet->tenant_count,
           plural(fleet->tenant_count), fleet->server_count, plural(fleet->server_count));
    if (input->suspended > 0)
        printf(", %zu suspended", input->suspended);
    if (others > 0)
        printf("; %zu entr%s of discover: %s not asked", others, others == 1 ? "y" : "ies",
               others == 1 ? "was" : "were");
    printf("\n%s: %zu migration%s, %zu repeatable%s, head %s\n", catalog->source, catalog->count,
           plural(catalog->count), catalog->repeatable_count, plural(catalog->repeatable_count),
           report_version(mem, catalog, catalog->head));
    if (catalog->seed_set_count > 0)
        printf("%s: %zu seed set%s, %zu file%s\n", catalog->bundle ? catalog->source : fleet->seeds,
               catalog->seed_set_count, plural(catalog->seed_set_count), input->seed_files,
               plural(input->seed_files));
    if (catalog->bundle)
        printf("%s: sealed, %s\n", catalog->source, catalog->bundle);
    printf("valid\n");
}

static json_t *json_text(void *mem, const char *text)
{
    return text ? json_string(report_text_utf8(mem, text)) : json_null();
}

static json_t *json_number(int number)
{
    return number ? json_integer(number) : json_null();
}

/* One error, for editors and build servers. */
static json_t *json_error(void *mem, const struct err *err)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "file", json_text(mem, err->file), "line",
                     json_number(err->line), "column", json_number(err->column), "message",
                     json_text(mem, err->message), "detail", json_text(mem, err->detail), "hint",
                     json_text(mem, err->hint));
}

static int print_json(void *mem, const struct options *options, const struct err_list *errors)
{
    int code = message_exit_code(errors);
    json_t *list = json_array();
    json_t *root;

    for (size_t i = 0; i < errors->count; i++)
        json_array_append_new(list, json_error(mem, &errors->items[i]));
    root = json_pack("{s:s, s:s, s:o, s:i, s:o}", "pgtide", PGTIDE_VERSION, "operation", "validate",
                     "fleet", json_text(mem, options->fleet), "exitCode", code, "errors", list);
    json_dumpf(root, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(root);
    return code;
}

/* Here, not in main, since there is something to add. */
static int print_errors(const struct options *options, const struct input *input,
                        const struct err_list *errors)
{
    int code = message_exit_code(errors);

    message_errors(errors);
    if (!input->fleet && code == err_exit_code(ERR_CONFIG))
        message_note("migrations and seeds are checked once %s is right", options->fleet);
    return code;
}

int cmd_validate(const struct options *options, struct err_list *errors)
{
    void *mem = mem_context(NULL);
    struct input input = {0};
    int code = 0;
    int rc = check(mem, options, &input, errors);

    if (input.fleet) {
        if (!options->connect)
            input_warn(input.fleet);
        input_warn_budgets(input.fleet, &input.fleet->run);
    }
    if (options->json && (rc < 0 || !options->connect))
        code = print_json(mem, options, errors);
    else if (rc < 0)
        code = print_errors(options, &input, errors);
    else if (options->connect)
        code = compare_histories(options, errors);
    else if (input.fleet && !options->quiet)
        print_text(mem, &input);
    talloc_free(mem);
    return code;
}
