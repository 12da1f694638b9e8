/*
 * folder.c: what is in a folder, in a fixed order.
 */
#include "catalog/folder.h"

#include "common/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <sys/stat.h>

static bool is_document(const char *name)
{
    return fnmatch("README*", name, 0) == 0 || fnmatch("*.md", name, FNM_CASEFOLD) == 0;
}

static char *join(void *parent, const char *folder, const char *name)
{
    size_t len = strlen(folder);

    return mem_printf(parent, "%s%s%s", folder, len > 0 && folder[len - 1] == '/' ? "" : "/", name);
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct folder_entry *)a)->name, ((const struct folder_entry *)b)->name);
}

static int fail_read(const char *file, const char *what, struct err *err)
{
    int code = errno;

    err_set_at(err, ERR_NOINPUT, file, 0, 0, "cannot read the %s: %s", what, strerror(code));
    if (code == ENOENT && strcmp(what, "file") == 0)
        err_hint(err, "It is a link to something that is not there.");
    return -1;
}

static int add_entry(void *parent, struct folder *folder, const char *name, size_t *capacity,
                     struct err *err)
{
    struct folder_entry entry = {
        .name = mem_strdup(parent, name),
        .path = join(parent, folder->path, name),
        .file = join(parent, folder->file, name),
        .is_document = is_document(name),
    };
    struct stat st;

    if (stat(entry.path, &st) < 0)
        return fail_read(entry.file, "file", err);
    entry.is_folder = S_ISDIR(st.st_mode);
    mem_grow(parent, &folder->entries, capacity, folder->count + 1);
    folder->entries[folder->count++] = entry;
    return 0;
}

static int read_entries(void *parent, DIR *dir, struct folder *folder, struct err *err)
{
    size_t capacity = 0;
    struct dirent *found;

    while ((errno = 0, found = readdir(dir))) {
        if (found->d_name[0] != '.' && add_entry(parent, folder, found->d_name, &capacity, err) < 0)
            return -1;
    }
    if (errno)
        return fail_read(folder->file, "folder", err);
    if (folder->count > 0)
        qsort(folder->entries, folder->count, sizeof(*folder->entries), compare_entries);
    return 0;
}

static int check_loop(const struct folder *folder, struct err *err)
{
    for (const struct folder *outer = folder->outer; outer; outer = outer->outer) {
        if (outer->device == folder->device && outer->inode == folder->inode)
            return err_set_at(err, ERR_DATA, folder->file, 0, 0,
                              "a link to a folder that it is in, \"%s\"", outer->file);
    }
    return 0;
}

int folder_list(void *parent, const char *path, const char *file, const struct folder *outer,
                struct folder *ret, struct err *err)
{
    struct folder folder = {.outer = outer, .path = path, .file = file};
    DIR *dir = opendir(path);
    struct stat st;
    int status;

    if (!dir)
        return fail_read(file, "folder", err);
    if (fstat(dirfd(dir), &st) < 0) {
        fail_read(file, "folder", err);
        closedir(dir);
        return -1;
    }
    folder.device = st.st_dev;
    folder.inode = st.st_ino;
    status = check_loop(&folder, err);
    if (status == 0)
        status = read_entries(parent, dir, &folder, err);
    closedir(dir);
    if (status == 0)
        *ret = folder;
    return status;
}
