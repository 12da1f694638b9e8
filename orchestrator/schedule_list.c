/*
 * schedule_list.c: linked lists without memory of their own.
 */
#include "orchestrator/schedule_list.h"

struct schedule_list schedule_list_empty(void)
{
    return (struct schedule_list){SCHEDULE_LIST_END, SCHEDULE_LIST_END};
}

bool schedule_list_is_empty(const struct schedule_list *list)
{
    return list->first == SCHEDULE_LIST_END;
}

void schedule_list_append(struct schedule_list *list, size_t *next, size_t item)
{
    next[item] = SCHEDULE_LIST_END;
    if (schedule_list_is_empty(list))
        list->first = item;
    else
        next[list->last] = item;
    list->last = item;
}

size_t schedule_list_take(struct schedule_list *list, const size_t *next)
{
    size_t item = list->first;

    list->first = next[item];
    if (list->first == SCHEDULE_LIST_END)
        list->last = SCHEDULE_LIST_END;
    return item;
}

void schedule_list_move(struct schedule_list *to, size_t *next, struct schedule_list *from)
{
    if (schedule_list_is_empty(from))
        return;
    if (schedule_list_is_empty(to))
        to->first = from->first;
    else
        next[to->last] = from->first;
    to->last = from->last;
    *from = schedule_list_empty();
}
