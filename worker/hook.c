/*
 * hook.c: one hook, its command or its SQL.
 */
#include "worker/hook.h"

#include "common/clock.h"
#include "common/mem.h"
#include "common/text.h"
#include "config/fleet_hooks.h"

enum {
    OUTPUT_MOST = 64 * 1024, /* kept for the report */
    OUTPUT_SHOWN = 400,      /* bytes of it in a message */
};

/* --- before the run --------------------------------------------------------------------------- */

static void refuse(const struct fleet *fleet, const char *what, int line, const char *problem,
                   struct err_list *errors)
{
    err_set_at(err_list_add(errors), ERR_CONFIG, fleet->file, line, 0, "the SQL of %s %s", what,
               problem);
}

static void check_statements(const struct fleet *fleet, const char *what,
                             const struct section *section, struct err_list *errors)
{
    if (section->count == 0)
        refuse(fleet, what, section->line, "has no statement", errors);
    for (size_t i = 0; i < section->count; i++) {
        const struct sql_statement *statement = &section->statements[i];

        if (statement->flags & SQL_TRANSACTION)
            refuse(fleet, what, statement->line,
                   "begins or ends a transaction: it already runs in one of its own", errors);
        else if (statement->flags & SQL_NO_TRANSACTION)
            refuse(fleet, what, statement->line,
                   "has a statement that cannot run in a transaction: use a command instead",
                   errors);
    }
}

const struct migration *hook_cut_sql(void *parent, const struct fleet *fleet,
                                     const struct hook *hook, const char *what,
                                     struct err_list *errors)
{
    struct migration *sql = mem_new(parent, struct migration);
    struct section *section = &sql->sections[SECTION_UP];
    struct sql_script script;
    struct err err = ERR_INIT;

    sql->label = sql->name = mem_strdup(sql, what);
    sql->file = fleet->file;
    sql->text = hook->sql;
    sql->len = strlen(hook->sql);
    if (sql_scan(sql, fleet->file, sql->text, 0, sql->len, NULL, NULL, &script, &err) < 0) {
        err.kind = ERR_CONFIG;
        err_place(&err, fleet->file, hook->line + err.line - 1, 0);
        err_list_take(errors, &err);
        return NULL;
    }
    *section = (struct section){.present = true, .line = hook->line};
    section->statements = script.statements;
    section->count = script.count;
    for (size_t i = 0; i < section->count; i++)
        section->statements[i].line += hook->line - 1;
    check_statements(fleet, what, section, errors);
    return sql;
}

static const struct migration *cut_sql(void *parent, const struct fleet *fleet,
                                       enum hook_point point, struct err_list *errors)
{
    char *what = mem_printf(NULL, "hook \"%s\"", fleet_hooks_name(point));
    const struct migration *sql = hook_cut_sql(parent, fleet, &fleet->hooks[point], what, errors);

    talloc_free(what);
    return sql;
}

int hook_prepare(void *parent, const struct fleet *fleet, const char *operation, struct hooks **ret,
                 struct err_list *errors)
{
    struct hooks *hooks = mem_new(parent, struct hooks);
    size_t before = errors->count;

    hooks->file = fleet->file;
    hooks->folder = fleet->directory;
    hooks->operation = operation;
    hooks->list = fleet->hooks;
    for (enum hook_point point = 0; point < HOOK_POINTS; point++) {
        if (fleet->hooks[point].sql)
            hooks->sql[point] = cut_sql(hooks, fleet, point, errors);
    }
    *ret = hooks;
    return errors->count > before ? -1 : 0;
}

bool hook_given(const struct hooks *hooks, enum hook_point point)
{
    return hooks && (hooks->list[point].command || hooks->list[point].sql);
}

/* --- commands --------------------------------------------------------------------------------- */

char *hook_last_output(void *parent, const char *output, size_t len)
{
    size_t from;
    char *text;

    while (len > 0 && strchr(" \t\r\n", output[len - 1]))
        len--;
    from = len > OUTPUT_SHOWN ? len - OUTPUT_SHOWN : 0;
    while (from > 0 && from < len && ((unsigned char)output[from] & 0xC0) == 0x80)
        from++;
    if (len == 0)
        return NULL;
    text = mem_printf(parent, "%s%.*s", from > 0 ? "..." : "", (int)(len - from), output + from);
    for (char *c = text; *c; c++) {
        if (*c == '\n' || *c == '\r')
            *c = ' ';
    }
    return text;
}

/* What is left of a time-out and a deadline, in ms; 0 = no limit. */
static int64_t limit_ms(const struct hook *hook, struct hook_limits limits)
{
    int64_t left;

    if (limits.deadline == CLOCK_NEVER)
        return hook->timeout_ms;
    left = limits.deadline - clock_now_ms();
    left = left > 1 ? left : 1;
    return hook->timeout_ms > 0 && hook->timeout_ms < left ? hook->timeout_ms : left;
}

static void fail_command(void *parent, const struct command_spec *spec,
                         const struct command_result *result, const char *what, struct err *err)
{
    char *end = command_result_text(parent, result, spec->limit_ms);
    char *output = hook_last_output(parent, result->output, result->output_len);

    err_set(err, result->end == COMMAND_CANCELLED ? ERR_CANCELLED : ERR_HOOK, "%s: \"%s\" %s", what,
            spec->argv[0], end);
    if (output)
        err_detail(err, "its output: %s", output);
    talloc_free(output);
    talloc_free(end);
}

int hook_run_program(void *parent, const struct hook_program *program,
                     const struct environment *env, struct hook_limits limits, struct hook_run *ret,
                     struct err *err)
{
    struct command_spec spec = {.argv = program->hook->command,
                                .env = env->items,
                                .folder = program->folder,
                                .limit_ms = limit_ms(program->hook, limits),
                                .grace_ms = COMMAND_GRACE_MS,
                                .cancel_fd = limits.cancel_fd,
                                .output_most = OUTPUT_MOST,
                                .keep_errors = true};
    struct command_result result = {.output = NULL};
    struct err cannot = ERR_INIT;

    *ret = (struct hook_run){.point = HOOK_POINTS, .exit_code = -1};
    if (command_run(parent, &spec, &result, &cannot) < 0) {
        err_set(err, ERR_HOOK, "%s: %s", program->what, cannot.message);
        if (cannot.detail)
            err_detail(err, "%s", cannot.detail);
        err_clear(&cannot);
    } else {
        ret->duration_ms = result.duration_ms;
        ret->output = mem_strndup(parent, result.output, result.output_len);
        ret->output_cut = result.output_cut;
        if (result.end == COMMAND_EXITED)
            ret->exit_code = result.number;
        if (!command_succeeded(&result))
            fail_command(parent, &spec, &result, program->what, err);
        talloc_free(result.output);
    }
    if (err->kind == ERR_NONE)
        return 0;
    err_place(err, program->file, program->hook->line, 0);
    ret->problem = mem_strdup(parent, err->message);
    return -1;
}

int hook_command(void *parent, const struct hooks *hooks, enum hook_point point,
                 struct environment *env, struct hook_limits limits, struct hook_run *ret,
                 struct err *err)
{
    char *what = mem_printf(NULL, "hook %s", fleet_hooks_name(point));
    struct hook_program program = {
        .hook = &hooks->list[point], .what = what, .file = hooks->file, .folder = hooks->folder};
    int rc;

    environment_set(env, "PGTIDE_HOOK", fleet_hooks_name(point));
    rc = hook_run_program(parent, &program, env, limits, ret, err);
    ret->point = point;
    talloc_free(what);
    return rc;
}

/* --- SQL -------------------------------------------------------------------------------------- */

static void gather(struct transactions *tx, const struct migration *sql, struct script *script)
{
    const struct section *section = &sql->sections[SECTION_UP];

    if (session_in_transaction(tx->session)) /* a look at no history, or a failure, left it open */
        script_add(script, "ROLLBACK");
    transaction_reset(script);
    script_add(script, "BEGIN ISOLATION LEVEL READ COMMITTED");
    transaction_settings(tx, script, NULL, TRANSACTION_LOCAL);
    for (size_t i = 0; i < section->count; i++)
        script_add_statement(script, sql, SECTION_UP, &section->statements[i]);
    script_add(script, "COMMIT");
    transaction_reset(script);
}

/* The server's message with the hook's name before it; SQLSTATE, place and the rest stay. */
static void name_hook(const struct hook *hook, const char *name, bool timed_out, struct err *err)
{
    if (timed_out && err->kind == ERR_DEADLINE) {
        char *limit = text_from_duration(NULL, hook->timeout_ms);

        err_set(err, ERR_HOOK, "hook %s: its SQL was not done after %s and was cancelled", name,
                limit);
        talloc_free(limit);
    } else {
        err_prefix(err, "hook %s: ", name);
    }
}

int hook_sql(void *parent, const struct hooks *hooks, enum hook_point point,
             struct transactions *tx, struct hook_limits limits, struct hook_run *ret,
             struct err *err)
{
    const struct hook *hook = &hooks->list[point];
    int64_t begin_ms = clock_now_ms();
    int64_t deadline = clock_deadline(hook->timeout_ms);
    struct session_limits before = session_limits(tx->session);
    struct script script;
    int result;

    script_init(&script, parent);
    session_set_limits(
        tx->session,
        (struct session_limits){.deadline = deadline < limits.deadline ? deadline : limits.deadline,
                                .cancel_fd = limits.cancel_fd});
    gather(tx, hooks->sql[point], &script);
    result = script_run(&script, tx->session, err);
    session_set_limits(tx->session, before);
    talloc_free(script.mem);
    *ret = (struct hook_run){
        .point = point, .exit_code = -1, .duration_ms = clock_now_ms() - begin_ms};
    if (result == 0)
        return 0;
    name_hook(hook, fleet_hooks_name(point), clock_now_ms() >= deadline, err);
    if (!err->file)
        err_place(err, hooks->file, hook->line, 0);
    ret->problem = mem_strdup(parent, err->message);
    return -1;
}
