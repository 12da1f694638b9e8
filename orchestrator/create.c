/*
 * create.c: makes files and folders.
 */
#include "orchestrator/create.h"

#include "common/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int create_file(const char *path, const char *content, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    size_t len = strlen(content);
    bool written;

    if (fd < 0)
        return err_set(err, ERR_INTERNAL, "could not create file \"%s\": %m", path);
    written = write(fd, content, len) == (ssize_t)len;
    if (close(fd) == 0 && written)
        return 0;
    err_set(err, ERR_INTERNAL, "could not write file \"%s\": %m", path);
    unlink(path);
    return -1;
}

int create_folder(const char *path, bool *ret_made, struct err *err)
{
    bool made = mkdir(path, 0777) == 0;
    struct stat st;

    if (!made && (errno != EEXIST || stat(path, &st) < 0))
        return err_set(err, ERR_INTERNAL, "could not create folder \"%s\": %m", path);
    if (!made && !S_ISDIR(st.st_mode))
        return err_set(err, ERR_INTERNAL, "\"%s\" is there, but is not a folder", path);
    if (ret_made)
        *ret_made = made;
    return 0;
}

int create_beside(void *parent, const char *path, char **ret_name, int *ret_fd, struct err *err)
{
    char *name = mem_printf(parent, "%s.XXXXXX", path);
    mode_t mask = umask(0);
    int fd;

    umask(mask);
    fd = mkstemp(name);
    if (fd < 0 || fchmod(fd, 0666 & ~mask) < 0) {
        err_set(err, ERR_INTERNAL, "could not create file \"%s\": %m", path);
        if (fd >= 0) {
            close(fd);
            unlink(name);
        }
        talloc_free(name);
        return -1;
    }
    *ret_name = name;
    *ret_fd = fd;
    return 0;
}

int create_replace(const char *path, const char *name, int fd, struct err *err)
{
    bool synced = fsync(fd) == 0;
    int problem = errno;

    if (close(fd) < 0 && synced) {
        synced = false;
        problem = errno;
    }
    if (synced && rename(name, path) == 0)
        return 0;
    errno = synced ? errno : problem;
    err_set(err, ERR_INTERNAL, "could not write file \"%s\": %m", path);
    unlink(name);
    return -1;
}
