/*
 * attempt.h: one attempt at one tenant: connect, learn the state in one round trip, apply what is
 * pending in one more, seeds, close. Never retries: that is the coordinator's.
 */
#ifndef WORKER_ATTEMPT_H
#define WORKER_ATTEMPT_H

#include "worker/job.h"

/*
 * Works on job->tenant as job->plan says and fills the worker's part of the job. Cannot fail
 * itself: errors are in job->err. Runs on a worker thread; blocks until done, deadline or
 * cancellation.
 */
void attempt_run(struct job *job);

#endif
