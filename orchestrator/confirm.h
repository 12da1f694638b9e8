/*
 * confirm.h: the question before something that cannot be taken back. Main thread.
 */
#ifndef ORCHESTRATOR_CONFIRM_H
#define ORCHESTRATOR_CONFIRM_H

#include "common/base.h"
#include "common/err.h"

/* 0 where there is a terminal to ask on; -1 with ERR_USAGE: --yes is needed. */
int confirm_possible(int in_fd, int out_fd, struct err *err) MUST_CHECK;

/*
 * Writes `question` and " [y/N] " to `out_fd` and reads a line from `in_fd`. 0: the answer was yes.
 * -1: it was not (ERR_INTERNAL), or one of the two is no terminal (ERR_USAGE: --yes is needed).
 */
int confirm_ask(int in_fd, int out_fd, const char *question, struct err *err) MUST_CHECK;

/*
 * The same in two steps, for one who has other things to do meanwhile: asks, forgetting what was
 * typed before; then, once `in_fd` is readable, confirm_answer() is true for a yes.
 */
void confirm_begin(int in_fd, int out_fd, const char *question);
bool confirm_answer(int in_fd);

/* Is there a terminal to ask on, and are we in its foreground? */
bool confirm_on_terminal(int in_fd, int out_fd);

#endif
