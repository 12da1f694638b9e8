/*
 * fleet_lock.h: keeps a second run of the same fleet out: a lock of the kernel's on <state>/lock.
 */
#ifndef ORCHESTRATOR_FLEET_LOCK_H
#define ORCHESTRATOR_FLEET_LOCK_H

#include "common/base.h"
#include "common/err.h"

/*
 * Makes the state folder (mode 0700) where it is missing and takes the lock; it is held until the
 * descriptor in *ret_fd is closed or the process ends, however it ends. ERR_BUSY when another
 * process has it: the message names its run, pid and host, read from the file.
 */
int fleet_lock_take(const char *state_folder, const char *run_id, int *ret_fd,
                    struct err *err) MUST_CHECK;

/* The id of the run that has the lock, or NULL. Takes nothing, so it is in no run's way. Owned by
 * `parent`. */
char *fleet_lock_holder(void *parent, const char *state_folder);

#endif
