/*
 * cancel.h: a cancel request to the server that cannot hang its caller.
 *
 * PQcancel blocks without a deadline when a server accepts but never answers (connect_timeout does
 * not count for it), so the request is sent by a thread of its own.
 */
#ifndef WORKER_CANCEL_H
#define WORKER_CANCEL_H

#include "common/base.h"

#include <libpq-fe.h>

struct cancel;

/* Sends a cancel request for what `conn` runs now; returns at once. NULL when it could not be
 * started. */
struct cancel *cancel_start(PGconn *conn);

/*
 * Waits for the request to have been sent, one second at the most (a thread that still hangs then
 * is left to end by itself), and frees it. NULL is allowed.
 */
void cancel_finish(struct cancel *cancel);

#endif
