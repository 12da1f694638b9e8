/*
 * archive_library.c: dlopen(3) and dlsym(3), once for each use.
 */
#include "catalog/archive_library.h"

#include <dlfcn.h>

#define LIBRARY "libarchive.so.13" /* of all versions 3 */

static int find(void *library, const char *name, void *ret, struct err *err)
{
    void *found = dlsym(library, name);

    if (!found)
        return err_set(err, ERR_INTERNAL, LIBRARY " has no %s", name);
    memcpy(ret, &found, sizeof(found)); /* ISO C knows no way from an object to a function */
    return 0;
}

int archive_library_load(struct archive_library *ret, struct err *err)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

    if (!library) {
        err_set(err, ERR_INTERNAL, "could not load libarchive, which bundles need: %s", dlerror());
        err_hint(err, "Install it (Debian: apt-get install libarchive13).");
        return -1;
    }
#define FIND(name)                                                                                 \
    if (find(library, #name, &ret->name, err) < 0)                                                 \
        return -1;
    ARCHIVE_LIBRARY_FUNCTIONS(FIND)
#undef FIND
    return 0;
}
