/*
 * command_migration.h: runs the program of a migration that is a command.
 */
#ifndef WORKER_COMMAND_MIGRATION_H
#define WORKER_COMMAND_MIGRATION_H

#include "worker/apply.h"
#include "worker/history.h"

/*
 * Runs it to its end, on the worker's thread, while the session holds the tenant's lock; its
 * output is kept in work->output. That it ended well is kept in the job, with the `rank` of its
 * row. ERR_HOOK: it failed; ERR_CANCELLED. `work->unsure` is set when it was killed, and what it
 * had done by then is not known.
 */
int command_migration_run(struct work *work, const struct migration *migration, int64_t rank,
                          struct err *err) MUST_CHECK;

/* The connection may be lost while a command runs. What an earlier attempt of this run has seen of
 * its end goes into the history as it was read: there it is done. */
void command_migration_recall(const struct job *job, struct history *history);

/* Words `err` for a command whose end an earlier attempt has not seen; without a hint. */
void command_migration_unknown(const struct migration *migration, struct err *err);

#endif
