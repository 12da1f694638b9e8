/*
 * cancel.c: PQcancel on a thread of its own.
 *
 * The thread owns the PGcancel; struct cancel is only the handle to wait for it by. A request
 * that arrives when the statement has ended already does nothing, so late ones are harmless as long
 * as the next statement has not begun: that is why cancel_finish is called before it.
 */
#include "worker/cancel.h"

#include "common/mem.h"

#include <pthread.h>
#include <time.h>

enum { STACK_SIZE = 256 * 1024, WAIT_S = 1 };

struct cancel {
    pthread_t thread;
};

static void *send_request(void *arg)
{
    PGcancel *request = arg;
    char reason[256];

    (void)PQcancel(request, reason, sizeof(reason)); /* the statement's own answer tells */
    PQfreeCancel(request);
    return NULL;
}

struct cancel *cancel_start(PGconn *conn)
{
    PGcancel *request = PQgetCancel(conn);
    struct cancel *cancel;
    pthread_attr_t attributes;
    int failed;

    if (!request)
        return NULL;
    cancel = mem_new(NULL, struct cancel);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    failed = pthread_create(&cancel->thread, &attributes, send_request, request);
    pthread_attr_destroy(&attributes);
    if (failed) {
        PQfreeCancel(request);
        talloc_free(cancel);
        return NULL;
    }
    return cancel;
}

void cancel_finish(struct cancel *cancel)
{
    struct timespec until;

    if (!cancel)
        return;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_S;
    if (pthread_timedjoin_np(cancel->thread, NULL, &until) != 0)
        pthread_detach(cancel->thread);
    talloc_free(cancel);
}
