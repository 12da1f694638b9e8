/*
 * password.c: a password from a file or a program.
 */
#include "config/password.h"

#include "common/command.h"
#include "common/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Longer ones are not passwords but a mistake (libpq's own limit is 1024 in a password file). */
enum { LONGEST = 8192 };

/* --- a file ----------------------------------------------------------------------------------- */

/* Reads up to `size` bytes until the end; -1 with errno. */
static ssize_t read_all(int fd, char *bytes, size_t size)
{
    size_t len = 0;
    ssize_t got = 1;

    while (len < size && got != 0) {
        got = read(fd, bytes + len, size - len);
        if (got < 0 && errno != EINTR)
            return -1;
        len += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)len;
}

int password_read_file(const void *parent, const char *path, char **ret, bool *ret_shared,
                       struct err *err)
{
    char bytes[LONGEST];
    struct stat status = {0};
    ssize_t len = -1;
    size_t line;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0 && fstat(fd, &status) == 0)
        len = read_all(fd, bytes, sizeof(bytes));
    if (len < 0)
        err_set(err, ERR_CONFIG, "cannot read password file \"%s\": %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    if (len < 0)
        return -1;
    for (line = 0; line < (size_t)len && bytes[line] != '\n' && bytes[line] != '\0'; line++)
        ;
    if (line > 0 && line < (size_t)len && bytes[line] == '\n' && bytes[line - 1] == '\r')
        line--;
    if (line == sizeof(bytes))
        return err_set(err, ERR_CONFIG, "the first line of password file \"%s\" is too long", path);
    if (line < (size_t)len && bytes[line] == '\0')
        return err_set(err, ERR_CONFIG, "password file \"%s\" has a NUL character", path);
    if (line == 0)
        return err_set(err, ERR_CONFIG, "the first line of password file \"%s\" is empty", path);
    *ret_shared = (status.st_mode & (S_IRGRP | S_IROTH)) != 0;
    *ret = mem_strndup(parent, bytes, line);
    explicit_bzero(bytes, sizeof(bytes));
    return 0;
}

/* --- a program -------------------------------------------------------------------------------- */

/* Turns what the program did into an error, if it is one. */
static int judge(const char *name, const struct command_spec *spec,
                 const struct command_result *result, struct err *err)
{
    char *text;

    if (result->end == COMMAND_WORDY)
        return err_set(err, ERR_INTERNAL, "password command \"%s\" wrote more than a password",
                       name);
    if (!command_succeeded(result)) {
        text = command_result_text(NULL, result, spec->limit_ms);
        err_set(err, ERR_INTERNAL, "password command \"%s\" %s", name, text);
        talloc_free(text);
        return -1;
    }
    if (memchr(result->output, '\0', result->output_len))
        return err_set(err, ERR_INTERNAL, "password command \"%s\" wrote a NUL character", name);
    return 0;
}

int password_run_command(const void *parent, const char *const *argv, int64_t limit_ms,
                         int cancel_fd, char **ret, struct err *err)
{
    /* it may ask for something on our terminal, so it stays in the foreground with us */
    struct command_spec spec = {.argv = argv,
                                .limit_ms = limit_ms,
                                .grace_ms = COMMAND_GRACE_MS,
                                .cancel_fd = cancel_fd,
                                .output_most = LONGEST,
                                .refuse_more = true,
                                .shares_group = true};
    struct command_result result;
    struct err cannot = ERR_INIT;
    size_t len;
    int rc = -1;

    if (command_run(NULL, &spec, &result, &cannot) < 0) {
        err_set(err, ERR_INTERNAL, "password command: %s", cannot.message);
        err_clear(&cannot);
        return -1;
    }
    len = result.output_len;
    if (judge(argv[0], &spec, &result, err) < 0)
        goto done;
    if (len > 0 && result.output[len - 1] == '\n')
        len--;
    if (len > 0 && result.output[len - 1] == '\r')
        len--;
    if (len == 0) {
        err_set(err, ERR_INTERNAL, "password command \"%s\" wrote no password", argv[0]);
        goto done;
    }
    *ret = mem_strndup(parent, result.output, len);
    rc = 0;
done:
    explicit_bzero(result.output, result.output_len);
    talloc_free(result.output);
    return rc;
}
