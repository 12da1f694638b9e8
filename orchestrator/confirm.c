/*
 * confirm.c: the question before something that cannot be taken back.
 */
#include "orchestrator/confirm.h"

#include <errno.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

/* A line without its end; what does not fit is read and dropped. False: there was none. */
static bool read_line(int fd, char *line, size_t size)
{
    size_t len = 0;
    ssize_t got;
    char c;

    for (;;) {
        got = read(fd, &c, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || c == '\n')
            break;
        if (len + 1 < size)
            line[len++] = c;
    }
    line[len] = '\0';
    return got > 0 || len > 0;
}

int confirm_possible(int in_fd, int out_fd, struct err *err)
{
    if (isatty(in_fd) && isatty(out_fd))
        return 0;
    err_set(err, ERR_USAGE,
            "this command asks before it changes anything, and there is no terminal");
    err_hint(err, "Add --yes to go on without being asked. Nothing was changed.");
    return -1;
}

bool confirm_answer(int in_fd)
{
    char answer[16];

    return read_line(in_fd, answer, sizeof(answer)) &&
           (strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0);
}

int confirm_ask(int in_fd, int out_fd, const char *question, struct err *err)
{
    if (confirm_possible(in_fd, out_fd, err) < 0)
        return -1;
    dprintf(out_fd, "%s [y/N] ", question);
    if (confirm_answer(in_fd))
        return 0;
    return err_set(err, ERR_INTERNAL, "not confirmed, nothing was changed");
}

void confirm_begin(int in_fd, int out_fd, const char *question)
{
    (void)tcflush(in_fd, TCIFLUSH);
    dprintf(out_fd, "%s [y/N] ", question);
}

bool confirm_on_terminal(int in_fd, int out_fd)
{
    pid_t foreground = tcgetpgrp(in_fd);

    /* -1: a terminal, but not the one that controls us */
    return isatty(in_fd) && isatty(out_fd) && (foreground < 0 || foreground == getpgrp());
}
