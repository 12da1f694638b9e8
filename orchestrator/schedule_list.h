/*
 * schedule_list.h: first-in first-out lists of small numbers (tenants, lanes, waves), linked
 * through an array of their owner: a number is in one list of that array at most. Every call costs
 * the same, however long the lists are.
 */
#ifndef ORCHESTRATOR_SCHEDULE_LIST_H
#define ORCHESTRATOR_SCHEDULE_LIST_H

#include "common/base.h"

#define SCHEDULE_LIST_END SIZE_MAX

struct schedule_list {
    size_t first; /* SCHEDULE_LIST_END: empty */
    size_t last;
};

struct schedule_list schedule_list_empty(void);
bool schedule_list_is_empty(const struct schedule_list *list);

/* `next` is the array: what stands behind each number. */
void schedule_list_append(struct schedule_list *list, size_t *next, size_t item);

/* The first, taken out. The list is not empty. */
size_t schedule_list_take(struct schedule_list *list, const size_t *next);

/* Moves all of `from` behind `to`. */
void schedule_list_move(struct schedule_list *to, size_t *next, struct schedule_list *from);

#endif
