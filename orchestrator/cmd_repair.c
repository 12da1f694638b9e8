/*
 * cmd_repair.c: repair: puts histories right and drops invalid indexes.
 */
#include "orchestrator/cmd.h"

#include "common/mem.h"
#include "orchestrator/operation.h"
#include "orchestrator/report_repair.h"
#include "orchestrator/report_text.h"
#include "worker/repair_set.h"

static char *question(void *parent, const struct run_request *request)
{
    return mem_printf(parent, "Repair %s of %s?",
                      report_text_count(parent, request->tenant_count, "tenant"),
                      report_text_line(parent, request->fleet->file, 0));
}

static int refuse(const char *option, const char *text, bool has_file, struct err_list *errors)
{
    struct err err = ERR_INIT;

    if (has_file) {
        err_set(&err, ERR_USAGE, "%s %s: this migration has a file", option, text);
        err_hint(&err,
                 "%s is for migrations whose files are gone for good. To undo one that is "
                 "there: pgtide rollback.",
                 option);
    } else {
        err_set(&err, ERR_USAGE, "%s %s: there is no migration of this version", option, text);
        err_hint(&err, "Give the version as its file name begins, without the rest of the name.");
    }
    return err_list_take(errors, &err);
}

/* The versions that an option names: all with a file in the catalog, or all without. */
static int read_versions(void *parent, const char *option, const struct words *words,
                         bool with_file, const struct catalog *catalog, const int64_t **ret,
                         struct err_list *errors)
{
    int64_t *versions = mem_array(parent, int64_t, words->count);

    for (size_t i = 0; i < words->count; i++) {
        const char *text = words->items[i];
        bool has_file;

        if (!text_to_int64(text, 1, INT64_MAX, &versions[i]))
            return refuse(option, text, false, errors);
        has_file = report_migration(catalog, versions[i]);
        if (has_file != with_file)
            return refuse(option, text, has_file, errors);
    }
    *ret = versions;
    return 0;
}

static int prepare(void *parent, const struct options *options, struct run_request *request,
                   struct err_list *errors)
{
    const struct catalog *catalog = request->plan.catalog;
    struct repair_choices *choices = mem_new(parent, struct repair_choices);

    choices->unknown = options->done       ? REPAIR_DONE
                       : options->not_done ? REPAIR_NOT_DONE
                                           : REPAIR_ASK;
    choices->unskip_count = options->unskip.count;
    choices->forget_count = options->forget.count;
    request->plan.repair = choices;
    if (read_versions(parent, "--unskip", &options->unskip, true, catalog, &choices->unskip,
                      errors) < 0)
        return -1;
    return read_versions(parent, "--forget", &options->forget, false, catalog, &choices->forget,
                         errors);
}

int cmd_repair(const struct options *options, struct err_list *errors)
{
    static const struct operation_kind dry_kind = {
        .name = "repair",
        .action = JOB_REPAIR_PLAN,
        .report = report_repair,
        .prepare = prepare,
    };
    static const struct operation_kind kind = {
        .name = "repair",
        .action = JOB_REPAIR,
        .halts = true,
        .report = report_repair,
        .question = question,
        .preview = &dry_kind,
        .prepare = prepare,
    };

    return operation_perform(options, options->dry_run ? &dry_kind : &kind, errors);
}
