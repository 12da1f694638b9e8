/*
 * create.c: makes files and folders that are not there yet.
 */
#include "orchestrator/create.h"

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
