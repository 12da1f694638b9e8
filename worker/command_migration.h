/*
 * command_migration.h: runs the program of a migration that is a command.
 */
#ifndef WORKER_COMMAND_MIGRATION_H
#define WORKER_COMMAND_MIGRATION_H

#include "worker/apply.h"

/*
 * Runs it to its end, on the worker's thread, while the session holds the tenant's lock; its
 * output is kept in work->output. ERR_HOOK: it failed; ERR_CANCELLED. `work->unsure` is set when it
 * was killed, and what it had done by then is not known.
 */
int command_migration_run(struct work *work, const struct migration *migration,
                          struct err *err) MUST_CHECK;

/* Words `err` for a command whose end an earlier attempt has not seen; without a hint. */
void command_migration_unknown(const struct migration *migration, struct err *err);

#endif
