/*
 * test_signals.c: what is read, and from when on the cancel descriptor is readable.
 */
#include "orchestrator/signals.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>

static bool readable(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

    return poll(&poll_fd, 1, 0) == 1;
}

static struct signals *open_signals(void)
{
    struct signals *signals = NULL;
    struct err err = ERR_INIT;

    cr_assert(eq(int, signals_open(NULL, &signals, &err), 0));
    return signals;
}

Test(signals, are_read_one_by_one)
{
    struct signals *signals = open_signals();

    cr_expect(eq(int, signals_read(signals), 0));
    cr_expect(not(readable(signals_fd(signals))));
    raise(SIGTERM);
    cr_expect(readable(signals_fd(signals)));
    cr_expect(eq(int, signals_read(signals), SIGTERM));
    cr_expect(eq(int, signals_count(signals), 1));
    cr_expect(not(readable(signals_cancel_fd(signals))), "the first only drains");
    raise(SIGINT);
    cr_expect(eq(int, signals_read(signals), SIGINT));
    cr_expect(eq(int, signals_count(signals), 2));
    cr_expect(readable(signals_cancel_fd(signals)));
    cr_expect(readable(signals_cancel_fd(signals)), "and it stays so, for every worker");
    signals_close(signals);
}

Test(signals, one_that_nobody_read_is_forgotten_at_the_end)
{
    struct signals *signals;

    signal(SIGINT, SIG_DFL); /* the tests may run in the background */
    signals = open_signals();
    raise(SIGINT);
    signals_close(signals); /* would kill this process otherwise */
    cr_expect(eq(ptr, signal(SIGINT, SIG_DFL), SIG_DFL));
}

Test(signals, act_as_before_when_closed, .signal = SIGTERM)
{
    signals_close(open_signals());
    raise(SIGTERM);
}

Test(signals, descriptors_are_not_for_children)
{
    struct signals *signals = open_signals();

    cr_expect(eq(int, fcntl(signals_fd(signals), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC));
    cr_expect(eq(int, fcntl(signals_cancel_fd(signals), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC));
    signals_close(signals);
}

Test(signals, sighup_never_counts_as_a_second_one)
{
    struct signals *signals;

    signal(SIGHUP, SIG_DFL);
    signals = open_signals();
    raise(SIGHUP);
    cr_expect(eq(int, signals_read(signals), SIGHUP));
    raise(SIGHUP);
    cr_expect(eq(int, signals_read(signals), 0));
    raise(SIGTERM);
    cr_expect(eq(int, signals_read(signals), SIGTERM));
    raise(SIGHUP);
    cr_expect(eq(int, signals_read(signals), 0), "and not as a third one");
    cr_expect(eq(int, signals_count(signals), 2));
    signals_close(signals);
}

Test(signals, sighup_that_is_ignored_stays_so)
{
    struct signals *signals;

    signal(SIGHUP, SIG_IGN);
    signals = open_signals();
    raise(SIGHUP);
    cr_expect(eq(int, signals_read(signals), 0));
    signals_close(signals);
}
