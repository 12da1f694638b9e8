/*
 * signals.c: signalfd(2) for the signals, an eventfd(2) for the cancellation.
 */
#include "orchestrator/signals.h"

#include "common/mem.h"
#include "orchestrator/message.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct signals {
    int fd;
    int cancel_fd;
    int count;
    sigset_t before; /* the thread's mask */
};

static bool is_ignored(int signal)
{
    struct sigaction action;

    return sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

int signals_open(void *parent, struct signals **ret, struct err *err)
{
    struct signals *signals;
    sigset_t ours;
    int fd;
    int cancel_fd;

    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    if (!is_ignored(SIGHUP)) /* a blocked signal is never ignored */
        sigaddset(&ours, SIGHUP);
    fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return err_set(err, ERR_INTERNAL, "could not create a signalfd: %s", strerror(errno));
    cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (cancel_fd < 0) {
        err_set(err, ERR_INTERNAL, "could not create an eventfd: %s", strerror(errno));
        close(fd);
        return -1;
    }
    signals = mem_new(parent, struct signals);
    signals->fd = fd;
    signals->cancel_fd = cancel_fd;
    pthread_sigmask(SIG_BLOCK, &ours, &signals->before);
    *ret = signals;
    return 0;
}

void signals_close(struct signals *signals)
{
    struct signalfd_siginfo unread;

    if (!signals)
        return;
    while (read(signals->fd, &unread, sizeof(unread)) == (ssize_t)sizeof(unread))
        continue;
    close(signals->fd);
    close(signals->cancel_fd);
    pthread_sigmask(SIG_SETMASK, &signals->before, NULL);
    talloc_free(signals);
}

void signals_obey(struct signals *signals)
{
    int signal = signals_read(signals);

    signals_close(signals);
    if (signal == 0)
        return;
    message_note("stopped by %s, no tenant was touched", signals_name(signal));
    (void)raise(signal);
}

int signals_fd(const struct signals *signals)
{
    return signals->fd;
}

int signals_cancel_fd(const struct signals *signals)
{
    return signals->cancel_fd;
}

/* The next signal that counts, or 0. */
static int next_signal(const struct signals *signals)
{
    struct signalfd_siginfo info;

    while (read(signals->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo != SIGHUP || signals->count == 0)
            return (int)info.ssi_signo;
    }
    return 0;
}

int signals_read(struct signals *signals)
{
    int signal = next_signal(signals);

    if (signal == 0)
        return 0;
    signals->count++;
    if (signals->count == 2)
        (void)eventfd_write(signals->cancel_fd, 1);
    if (signals->count >= 3)
        _exit(128 + signal);
    return signal;
}

const char *signals_name(int signal)
{
    switch (signal) {
    case SIGHUP:
        return "SIGHUP";
    case SIGTERM:
        return "SIGTERM";
    default:
        return "SIGINT";
    }
}

int signals_count(const struct signals *signals)
{
    return signals->count;
}
