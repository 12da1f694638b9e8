/*
 * catalog_releases.h: the releases of a catalog while it is loaded. (What a loaded catalog says
 * about them stands in catalog.h.)
 */
#ifndef CATALOG_CATALOG_RELEASES_H
#define CATALOG_CATALOG_RELEASES_H

#include "catalog/catalog.h"
#include "catalog/folder.h"
#include "common/base.h"
#include "common/err.h"

/* Whether a folder of this name is a release: "1.20.0", "v2", "2026-11", "1.20.0-rc1". */
bool catalog_releases_is_name(const char *name);

/* The release of this name, added where it is new; returns its name, owned by the catalog. */
const char *catalog_releases_add(struct catalog *catalog, const char *name);

/* Reads its UPGRADE.md; what fails is added to `errors`. */
void catalog_releases_read_guide(struct catalog *catalog, const char *release,
                                 const struct folder_entry *entry, struct err_list *errors);

/*
 * After all migrations were read and sorted: puts the releases in order, finds their last versions,
 * and checks that versions rise from release to release; what fails is added to `errors`.
 */
void catalog_releases_finish(struct catalog *catalog, struct err_list *errors);

#endif
