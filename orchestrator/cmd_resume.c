/*
 * cmd_resume.c: resume and retry: a recorded run gone on with, as a run of its own.
 */
#include "orchestrator/cmd.h"

#include "common/mem.h"
#include "orchestrator/ledger_options.h"
#include "orchestrator/resume.h"

static const struct {
    const char *operation;
    cmd_fn *command;
} commands[] = {
    {"migrate", cmd_migrate},   {"seed", cmd_seed},     {"rollback", cmd_rollback},
    {"baseline", cmd_baseline}, {"repair", cmd_repair},
};

static int perform(const struct resume *resume, const struct options *options,
                   struct err_list *errors)
{
    struct err err = ERR_INIT;

    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i].operation, resume_operation(resume)) == 0)
            return commands[i].command(options, errors);
    }
    err_set(&err, ERR_INTERNAL, "run %s is of an operation that this pgtide does not know: \"%s\"",
            resume_run(resume), resume_operation(resume));
    return err_list_take(errors, &err);
}

/* A tenant that was cut off in between would be taken further back than the others. */
static int check_steps(const struct resume *resume, const struct options *options, struct err *err)
{
    if (options->steps == 0)
        return 0;
    err_set(err, ERR_USAGE, "run %s was a rollback by --steps, which cannot be gone on with",
            resume_run(resume));
    err_hint(err, "Steps count from where a tenant stands, and tenants stand in different places "
                  "now: use pgtide rollback --to VERSION.");
    return -1;
}

static int go_on(const struct options *options, enum resume_kind kind, struct err_list *errors)
{
    void *mem = mem_context(NULL);
    struct options again = *options;
    struct err err = ERR_INIT;
    struct fleet *fleet;
    struct resume *resume;
    int code = -1;

    if (fleet_load(mem, options->fleet, &fleet, errors) < 0)
        goto done;
    if (resume_load(mem, fleet, options->arguments.items[0], kind, &resume, &err) < 0) {
        err_list_take(errors, &err);
        goto done;
    }
    ledger_options_apply(mem, resume_options(resume), &again);
    if (check_steps(resume, &again, &err) < 0) {
        err_list_take(errors, &err);
        goto done;
    }
    again.origin = resume_run(resume);
    again.retries = kind == RESUME_FAILED;
    code = perform(resume, &again, errors);

done:
    talloc_free(mem);
    return code;
}

int cmd_resume(const struct options *options, struct err_list *errors)
{
    return go_on(options, RESUME_REST, errors);
}

int cmd_retry(const struct options *options, struct err_list *errors)
{
    return go_on(options, RESUME_FAILED, errors);
}
