/*
 * discover_command.c: the lines of a program's output, a JSON object each.
 */
#include "orchestrator/discover_command.h"

#include "common/command.h"
#include "common/mem.h"
#include "orchestrator/discover_row.h"

/* A program that ignores SIGTERM may write twice that, in memory that doubles: talloc must give it,
 * which is less than 256 MiB at once. */
enum { OUTPUT_MOST = 32 * 1024 * 1024 };

static int read_object(struct discover_entry *entry, const json_t *object, struct discover_row *row,
                       struct err *err)
{
    json_t *own = (json_t *)(uintptr_t)object; /* jansson iterates over what it could change */
    const char *key;
    json_t *value;

    if (!json_is_object(object))
        return err_set(err, ERR_DATA, "it is no JSON object");
    discover_row_begin(row);
    json_object_foreach(own, key, value)
    {
        if (discover_row_check_key(key, err) < 0 || discover_row_set_json(row, key, value, err) < 0)
            return -1;
    }
    return discover_entry_add(entry, discover_row_tenant(row), err);
}

static int read_line(struct discover_entry *entry, const char *line, size_t len,
                     struct discover_row *row, struct err *err)
{
    json_error_t problem;
    json_t *object;
    int rc;

    if (strspn(line, " \t\r\n") >= len)
        return 0;
    object = json_loadb(line, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &problem);
    if (!object)
        return err_set(err, ERR_DATA, "it is not JSON: %s", problem.text);
    rc = read_object(entry, object, row, err);
    json_decref(object);
    return rc;
}

static int read_lines(struct discover_entry *entry, const struct command_result *result, void *mem,
                      struct err *err)
{
    struct discover_row *row = discover_row_new(mem);
    const char *line = result->output;
    const char *end = result->output + result->output_len;

    for (int number = 1; line < end; number++) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        size_t len = (size_t)((next ? next : end) - line);

        if (read_line(entry, line, len, row, err) < 0) {
            err_prefix(err, "line %d of its output: ", number);
            return -1;
        }
        line = next ? next + 1 : end;
    }
    return 0;
}

int discover_command_read(struct discover_entry *entry, struct err *err)
{
    const struct discovery *discovery = entry->discovery;
    const struct command_spec spec = {
        .argv = discovery->command,
        .folder = entry->fleet->directory,
        .limit_ms = discovery->timeout_ms,
        .grace_ms = COMMAND_GRACE_MS,
        .cancel_fd = entry->cancel_fd,
        .output_most = OUTPUT_MOST,
        .refuse_more = true,
    };
    void *mem = mem_context(NULL);
    struct command_result result;
    int rc = command_run(mem, &spec, &result, err);

    if (rc == 0 && !command_succeeded(&result))
        rc = err_set(err, ERR_INTERNAL, "it %s",
                     command_result_text(mem, &result, discovery->timeout_ms));
    if (rc == 0)
        rc = read_lines(entry, &result, mem, err);
    talloc_free(mem);
    return rc;
}
