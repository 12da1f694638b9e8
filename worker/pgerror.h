/*
 * pgerror.h: what libpq and the server say, as struct err: the kind by SQLSTATE.
 */
#ifndef WORKER_PGERROR_H
#define WORKER_PGERROR_H

#include "common/base.h"
#include "common/err.h"
#include "worker/session.h"

#include <libpq-fe.h>

/* A connection that could not be made. Needs PQERRORS_VERBOSE set before. Always returns -1. */
int pgerror_connect(PGconn *conn, struct err *err);

/*
 * A connection that broke. `notice_sqlstate` is what the dying server said in a notice, or "".
 * Always returns -1.
 */
int pgerror_lost(PGconn *conn, const char *notice_sqlstate, struct err *err);

/* An error result. Always returns -1. */
int pgerror_result(PGconn *conn, const PGresult *result, const char *notice_sqlstate,
                   struct err *err);

/* Where it failed, copied to `mem`. Leaves fault->statement alone. */
void pgerror_fault(void *mem, const PGresult *result, struct session_fault *fault);

#endif
