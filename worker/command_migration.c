/*
 * command_migration.c: the program of a migration, with the tenant in its environment.
 */
#include "worker/command_migration.h"

#include "common/clock.h"
#include "common/command.h"
#include "common/mem.h"
#include "worker/hook.h"
#include "worker/tenant_env.h"

enum { OUTPUT_MOST = 64 * 1024 };

static void set_environment(struct environment *env, const struct job *job,
                            const struct migration *migration)
{
    environment_init(env, NULL);
    tenant_env_set(env, job);
    environment_set(env, "PGTIDE_MIGRATION", migration->label);
    environment_set_number(env, "PGTIDE_MIGRATION_VERSION", migration->version);
}

/* Its own time-out, or what is left of the tenant's deadline. */
static int64_t limit_ms(const struct migration_command *command, int64_t deadline)
{
    int64_t left;

    if (deadline == CLOCK_NEVER)
        return command->timeout_ms;
    left = deadline - clock_now_ms();
    left = left > 1 ? left : 1;
    return command->timeout_ms > 0 && command->timeout_ms < left ? command->timeout_ms : left;
}

static void explain(struct work *work, const struct migration *migration,
                    const struct command_spec *spec, const struct command_result *result,
                    struct err *err)
{
    char *what = command_result_text(work->mem, result, spec->limit_ms);
    char *output = hook_last_output(work->mem, result->output, result->output_len);

    err_set_at(err, result->end == COMMAND_CANCELLED ? ERR_CANCELLED : ERR_HOOK, migration->file,
               migration->command->line, 0, "command \"%s\" %s", spec->argv[0], what);
    if (output)
        err_detail(err, "its output: %s", output);
    if (!work->unsure)
        err_hint(err, "It counts as not done. Mend the cause, then run the same command again: it "
                      "runs this command from its beginning.");
    else if (migration->command->repeatable)
        err_hint(err, "How far it came is not known. It says of itself that it is repeatable: run "
                      "the same command again.");
    else
        err_hint(err, "How far it came is not known, so it is not run again by itself. Look what "
                      "it has done; running the same command again says how to go on.");
}

static void keep_end(struct work *work, const struct migration *migration, int64_t rank)
{
    struct job *job = work->job;

    job->command = (struct job_command){.rank = rank,
                                        .checksum = mem_strdup(job->mem, migration->checksum),
                                        .output = work->output};
}

int command_migration_run(struct work *work, const struct migration *migration, int64_t rank,
                          struct err *err)
{
    struct session_limits limits = session_limits(work->session);
    struct command_spec spec = {.argv = migration->command->argv,
                                .folder = work->job->plan->hooks->folder,
                                .limit_ms = limit_ms(migration->command, limits.deadline),
                                .grace_ms = COMMAND_GRACE_MS,
                                .cancel_fd = limits.cancel_fd,
                                .output_most = OUTPUT_MOST,
                                .keep_errors = true};
    struct command_result result;
    struct environment env;
    struct err cannot = ERR_INIT;
    bool started;

    set_environment(&env, work->job, migration);
    spec.env = env.items;
    started = command_run(work->mem, &spec, &result, &cannot) == 0;
    talloc_free(env.mem);
    if (!started) {
        err_set_at(err, ERR_HOOK, migration->file, migration->command->line, 0, "%s",
                   cannot.message);
        if (cannot.detail)
            err_detail(err, "%s", cannot.detail);
        err_hint(err, "It did not run. Mend the cause, then run the same command again.");
        err_clear(&cannot);
        return -1;
    }
    work->output = mem_strndup(work->job->mem, result.output, result.output_len);
    work->unsure = result.end != COMMAND_EXITED;
    if (command_succeeded(&result))
        keep_end(work, migration, rank);
    else
        explain(work, migration, &spec, &result, err);
    talloc_free(result.output);
    return err->kind == ERR_NONE ? 0 : -1;
}

void command_migration_recall(const struct job *job, struct history *history)
{
    const struct job_command *command = &job->command;

    for (size_t i = 0; command->rank > 0 && i < history->count; i++) {
        struct history_row *row = &history->rows[i];

        if (row->rank == command->rank && row->state == HISTORY_STARTED && row->running == 1 &&
            strcmp(row->checksum, command->checksum) == 0) {
            row->statements_done = row->running;
            row->running = 0;
        }
    }
}

void command_migration_unknown(const struct migration *migration, struct err *err)
{
    err_set_at(err, ERR_CONFLICT, migration->file, migration->command->line, 0,
               "command \"%s\" of this migration was started and its end was not seen; whether it "
               "has done its work, or is still at it, is not known",
               migration->command->argv[0]);
    err_detail(err, "the file does not say repeatable: true");
}
