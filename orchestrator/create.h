/*
 * create.h: makes files and folders that are not there yet; and files that take another's place
 * only once they are whole.
 */
#ifndef ORCHESTRATOR_CREATE_H
#define ORCHESTRATOR_CREATE_H

#include "common/base.h"
#include "common/err.h"

/* A new file with this content. ERR_INTERNAL, also when it exists; nothing is left behind then. */
int create_file(const char *path, const char *content, struct err *err) MUST_CHECK;

/* A folder; one that is there already is fine, *ret_made says which (may be NULL). ERR_INTERNAL. */
int create_folder(const char *path, bool *ret_made, struct err *err) MUST_CHECK;

/*
 * A new file beside `path`, open for writing, with the permissions that one made there would have.
 * *ret_name is owned by `parent`. ERR_INTERNAL.
 */
int create_beside(void *parent, const char *path, char **ret_name, int *ret_fd,
                  struct err *err) MUST_CHECK;

/*
 * Makes it `path`, after its content has reached the disk; closes `fd`. ERR_INTERNAL; `name` is
 * gone in any case.
 */
int create_replace(const char *path, const char *name, int fd, struct err *err) MUST_CHECK;

#endif
