/*
 * contact.h: what an attempt tells about its server, and whether it counts as one of those that its
 * tenant has (settings.retry.attempts). Pure.
 *
 * What is the matter with the whole server must not use up the attempts of every tenant that meets
 * it. So these do not count:
 *
 *   the server is full      53300: the schedule lowers the server's cap, and the tenant waits for a
 *                           place; when nobody of ours is in work there, for five minutes, and then
 *                           the server counts as one that refuses. The connection limit of one
 *                           database or role is no such thing: it counts, and is that tenant's
 *                           trouble alone.
 *   the server starts       57P03, and being refused within half a minute after a sign of a restart
 *                           (57P01, 57P02, 57P03); for five minutes, or until it answers.
 */
#ifndef ORCHESTRATOR_CONTACT_H
#define ORCHESTRATOR_CONTACT_H

#include "common/base.h"
#include "orchestrator/schedule.h"
#include "worker/job.h"

/* What is remembered of each server. */
struct contacts;

/* Owned by `parent`. */
struct contacts *contacts_new(const void *parent, size_t server_count);

/*
 * An attempt at `job` is over and has left job->err. Counts job->excused where it was none.
 * `crowded` is what schedule_is_crowded() says before the schedule is told.
 */
enum schedule_contact contacts_read(struct contacts *contacts, struct job *job, bool crowded,
                                    int64_t now_ms);

#endif
