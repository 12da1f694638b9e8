/*
 * folder.c: what is in a folder, in a fixed order.
 */
#include "catalog/folder.h"

#include "catalog/text_file.h"
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

static int fail_read(const char *file, struct err *err)
{
    return err_set_at(err, ERR_NOINPUT, file, 0, 0, "cannot read the folder: %s", strerror(errno));
}

int folder_check(const struct folder_entry *entry, struct err *err)
{
    if (entry->problem == 0)
        return 0;
    err_set_at(err, ERR_NOINPUT, entry->file, 0, 0, "cannot read the file: %s",
               strerror(entry->problem));
    if (entry->problem == ENOENT)
        err_hint(err, "It is a link to something that is not there.");
    return -1;
}

static void add_entry(void *parent, struct folder *folder, const char *name, size_t *capacity)
{
    struct folder_entry entry = {
        .name = mem_strdup(parent, name),
        .path = join(parent, folder->path, name),
        .file = join(parent, folder->file, name),
        .is_document = is_document(name),
    };
    struct stat st;

    if (stat(entry.path, &st) < 0)
        entry.problem = errno;
    else
        entry.is_folder = S_ISDIR(st.st_mode);
    mem_grow(parent, &folder->entries, capacity, folder->count + 1);
    folder->entries[folder->count++] = entry;
}

static int read_entries(void *parent, DIR *dir, struct folder *folder, struct err *err)
{
    size_t capacity = 0;
    struct dirent *found;

    while ((errno = 0, found = readdir(dir))) {
        if (found->d_name[0] != '.')
            add_entry(parent, folder, found->d_name, &capacity);
    }
    if (errno)
        return fail_read(folder->file, err);
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
        return fail_read(file, err);
    if (fstat(dirfd(dir), &st) < 0) {
        fail_read(file, err);
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

/* --- in a bundle ------------------------------------------------------------------------------ */

struct folder_entry folder_of_bundle(void *parent, const struct bundle *bundle, const char *name)
{
    return (struct folder_entry){
        .name = name,
        .path = mem_strdup(parent, name),
        .file = mem_printf(parent, "%s:%s", bundle->file, name),
        .is_folder = true,
        .bundle = bundle,
    };
}

/*
 * A bundle holds paths of files only; in their order those of one folder stand together. `rest` is
 * what stands behind the folder's own path.
 */
static void add_packed(void *parent, struct folder *folder, const struct bundle *bundle,
                       const struct bundle_file *file, const char *rest, size_t *capacity)
{
    const struct folder_entry *last = folder->count ? &folder->entries[folder->count - 1] : NULL;
    size_t len = strcspn(rest, "/");
    struct folder_entry entry = {.bundle = bundle, .is_folder = rest[len] == '/'};

    if (last && last->is_folder && strlen(last->name) == len && strncmp(last->name, rest, len) == 0)
        return;
    entry.name = mem_strndup(parent, rest, len);
    entry.path = join(parent, folder->path, entry.name);
    entry.file = join(parent, folder->file, entry.name);
    entry.is_document = is_document(entry.name);
    entry.packed = entry.is_folder ? NULL : file;
    mem_grow(parent, &folder->entries, capacity, folder->count + 1);
    folder->entries[folder->count++] = entry;
}

static void list_packed(void *parent, const struct folder_entry *entry, struct folder *ret)
{
    const struct bundle *bundle = entry->bundle;
    struct folder folder = {.path = entry->path, .file = entry->file};
    size_t len = strlen(entry->path);
    size_t capacity = 0;

    for (size_t i = 0; i < bundle->count; i++) {
        const char *path = bundle->files[i].path;

        if (strncmp(path, entry->path, len) == 0 && path[len] == '/')
            add_packed(parent, &folder, bundle, &bundle->files[i], path + len + 1, &capacity);
    }
    if (folder.count > 0)
        qsort(folder.entries, folder.count, sizeof(*folder.entries), compare_entries);
    *ret = folder;
}

int folder_open(void *parent, const struct folder_entry *entry, const struct folder *outer,
                struct folder *ret, struct err *err)
{
    if (!entry->bundle)
        return folder_list(parent, entry->path, entry->file, outer, ret, err);
    list_packed(parent, entry, ret);
    ret->outer = outer;
    if (ret->count == 0 && strchr(entry->path, '/'))
        return err_set_at(err, ERR_NOINPUT, entry->file, 0, 0, "there is no such folder");
    return 0;
}

int folder_read(void *parent, const struct folder_entry *entry, char **ret_bytes, size_t *ret_len,
                struct err *err)
{
    if (!entry->packed)
        return text_file_read(parent, entry->path, entry->file, ret_bytes, ret_len, err);
    return bundle_read(parent, entry->bundle, entry->packed, entry->file, ret_bytes, ret_len, err);
}
