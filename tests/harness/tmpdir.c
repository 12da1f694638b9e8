/*
 * tmpdir.c: temporary folders and the files in them.
 */
#include "tests/harness/tmpdir.h"

#include "common/mem.h"
#include "tests/harness/guardian.h"
#include "tests/harness/harness.h"

#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

/* A socket's path has at most 107 bytes, so a long $TMPDIR is no place for servers. */
enum { MAX_BASE = 40 };

static int remove_entry(const char *path, const struct stat *info UNUSED, int type UNUSED,
                        struct FTW *ftw UNUSED)
{
    return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

void tmpdir_remove(const char *path)
{
    /* A server that is just ending may still add a file: look again. */
    for (int tries = 0; tries < 20; tries++) {
        if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT)
            return;
        harness_pause(10);
    }
    fprintf(stderr, "harness: cannot remove \"%s\": %s\n", path, strerror(errno));
}

static int destroy(char *path)
{
    tmpdir_remove(path);
    return 0;
}

const char *tmpdir_new(void *parent)
{
    const char *base = getenv("TMPDIR");
    char *path;

    if (!base || base[0] != '/' || strlen(base) > MAX_BASE)
        base = "/tmp";
    path = mem_printf(parent, "%s/pgtide-test-XXXXXX", base);
    if (!mkdtemp(path))
        harness_die("cannot make \"%s\": %s", path, strerror(errno));
    if (chmod(path, 0755) < 0)
        harness_die("cannot chmod \"%s\": %s", path, strerror(errno));
    guardian_watch(path);
    talloc_set_destructor(path, destroy);
    return path;
}

char *tmpdir_path(const void *parent, const char *dir, const char *name)
{
    return mem_printf(parent, "%s/%s", dir, name);
}

static void make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
            harness_die("cannot make \"%s\": %s", path, strerror(errno));
        *slash = '/';
    }
}

void tmpdir_write_bytes(const char *dir, const char *name, const void *bytes, size_t len)
{
    char *path = tmpdir_path(NULL, dir, name);
    FILE *file;

    make_folders(path);
    file = fopen(path, "w");
    if (!file || fwrite(bytes, 1, len, file) != len || fclose(file) != 0)
        harness_die("cannot write \"%s\": %s", path, strerror(errno));
    talloc_free(path);
}

void tmpdir_write(const char *dir, const char *name, const char *text)
{
    tmpdir_write_bytes(dir, name, text, strlen(text));
}

void tmpdir_mkdir(const char *dir, const char *name)
{
    char *path = mem_printf(NULL, "%s/%s/", dir, name);

    make_folders(path);
    talloc_free(path);
}

char *tmpdir_read(const void *parent, const char *dir, const char *name)
{
    char *path = tmpdir_path(NULL, dir, name);
    FILE *file = fopen(path, "r");
    struct stat info;
    char *text = NULL;

    talloc_free(path);
    if (!file)
        return NULL;
    if (fstat(fileno(file), &info) == 0) {
        text = mem_array(parent, char, (size_t)info.st_size + 1);
        text[fread(text, 1, (size_t)info.st_size, file)] = '\0';
    }
    fclose(file);
    return text;
}

bool tmpdir_exists(const char *dir, const char *name)
{
    char *path = tmpdir_path(NULL, dir, name);
    bool exists = access(path, F_OK) == 0;

    talloc_free(path);
    return exists;
}
