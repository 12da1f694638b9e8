/*
 * catalog_formats.h: puts together what other tools keep in two files, and looks after all files
 * of a catalog being in the form of one tool.
 */
#ifndef CATALOG_CATALOG_FORMATS_H
#define CATALOG_CATALOG_FORMATS_H

#include "catalog/catalog.h"
#include "common/base.h"
#include "common/err.h"

/* The ways back that were found while a catalog is loaded. Of what is wrong checksum is NULL. */
struct catalog_way_backs {
    struct migration *items;
    size_t count;
    size_t capacity;
};

void catalog_formats_add(struct catalog *catalog, struct catalog_way_backs *way_backs,
                         const struct migration *way_back);

/*
 * Checks that all files have the form of one tool: each that has not that of most of them is added
 * to `errors`. The migrations are sorted.
 */
void catalog_formats_check(const struct catalog *catalog, const struct catalog_way_backs *way_backs,
                           struct err_list *errors);

/*
 * Makes each way back the down section of the migration of its version; one without, and a second
 * one, is added to `errors`. The migrations are sorted.
 */
void catalog_formats_pair(struct catalog *catalog, const struct catalog_way_backs *way_backs,
                          struct err_list *errors);

#endif
