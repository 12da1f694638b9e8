/*
 * create.h: makes files and folders that are not there yet; never overwrites.
 */
#ifndef ORCHESTRATOR_CREATE_H
#define ORCHESTRATOR_CREATE_H

#include "common/base.h"
#include "common/err.h"

/* A new file with this content. ERR_INTERNAL, also when it exists; nothing is left behind then. */
int create_file(const char *path, const char *content, struct err *err) MUST_CHECK;

/* A folder; one that is there already is fine, *ret_made says which (may be NULL). ERR_INTERNAL. */
int create_folder(const char *path, bool *ret_made, struct err *err) MUST_CHECK;

#endif
