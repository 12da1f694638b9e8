/*
 * main.c: from the command line to the exit code. The only place that calls exit().
 */
#include "common/mem.h"
#include "orchestrator/cmd.h"
#include "orchestrator/help.h"
#include "orchestrator/message.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <unistd.h>

static cmd_fn *const commands[CLI_COMMANDS] = {
    [CLI_INIT] = cmd_init,         [CLI_NEW] = cmd_new,           [CLI_BUILD] = cmd_build,
    [CLI_VALIDATE] = cmd_validate, [CLI_LIST] = cmd_list,         [CLI_STATUS] = cmd_status,
    [CLI_PLAN] = cmd_plan,         [CLI_MIGRATE] = cmd_migrate,   [CLI_SEED] = cmd_seed,
    [CLI_HELP] = cmd_help,         [CLI_VERSION] = cmd_version,   [CLI_ROLLBACK] = cmd_rollback,
    [CLI_VERIFY] = cmd_verify,     [CLI_BASELINE] = cmd_baseline, [CLI_REPAIR] = cmd_repair,
    [CLI_RUNS] = cmd_runs,         [CLI_REPORT] = cmd_report,     [CLI_RESUME] = cmd_resume,
    [CLI_QUERY] = cmd_query,       [CLI_RETRY] = cmd_retry,       [CLI_COMPLETION] = cmd_completion,
};

static int run(const struct options *options, struct err_list *errors)
{
    if (options->version)
        return cmd_version(options, errors);
    if (options->help && options->command)
        help_command(options->command, stdout);
    else if (options->help)
        help_overview(stdout);
    else if (options->command)
        return commands[options->command->id](options, errors);
    else {
        help_usage(stderr);
        return err_exit_code(ERR_USAGE);
    }
    return 0;
}

/*
 * Someone may have closed one of the three: the next file or connection would get its number, and
 * what we print would go there.
 */
static void open_standard_files(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

int main(int argc, char **argv)
{
    void *mem = mem_context(NULL);
    struct err_list errors = ERR_LIST_INIT;
    struct options options = {0};
    struct err err = ERR_INIT;
    int code;

    open_standard_files();
    setlocale(LC_CTYPE, ""); /* widths of characters only; numbers stay as C writes them */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file that is too large is an error, of a write */
    signal(SIGCHLD, SIG_DFL); /* ignored, the exit status of hooks would be lost */

    if (options_read(mem, argc, argv, getenv, &options, &err) < 0)
        code = err_list_take(&errors, &err);
    else
        code = run(&options, &errors);
    if (code < 0) {
        message_errors(&errors);
        code = message_exit_code(&errors);
    }
    code = message_stdout(false, code);
    err_list_clear(&errors);
    talloc_free(mem);
    exit(code);
}
