/*
 * conflicts.c: several reasons told as one error.
 */
#include "worker/conflicts.h"

enum { CONFLICTS_SHOWN = 10 };

void conflicts_init(struct conflicts *conflicts, const void *parent, struct err *first)
{
    *conflicts = (struct conflicts){.first = first};
    strbuf_init(&conflicts->others, parent);
}

void conflicts_add(struct conflicts *conflicts, struct err *now)
{
    if (++conflicts->count == 1) {
        err_move(conflicts->first, now);
        return;
    }
    if (conflicts->count <= CONFLICTS_SHOWN)
        strbuf_printf(&conflicts->others, "%s%s", conflicts->others.len ? "; " : "", now->message);
    err_clear(now);
}

int conflicts_end(struct conflicts *conflicts)
{
    struct err *first = conflicts->first;

    if (conflicts->count > CONFLICTS_SHOWN)
        strbuf_printf(&conflicts->others, "; and %zu more", conflicts->count - CONFLICTS_SHOWN);
    if (conflicts->others.len)
        err_detail(first, "%s%salso: %s", first->detail ? first->detail : "",
                   first->detail ? "; " : "", conflicts->others.text);
    return conflicts->count > 0 ? -1 : 0;
}
