/*
 * text_file.c: reads a text file whole, or sums it up without holding it.
 */
#include "catalog/text_file.h"

#include "common/mem.h"
#include "common/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail_read(const char *shown, struct err *err)
{
    return err_set_at(err, ERR_NOINPUT, shown, 0, 0, "cannot read the file: %s", strerror(errno));
}

/* An open descriptor of a regular file and its size. */
static int open_file(const char *path, const char *shown, int64_t *ret_size, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;

    if (fd < 0)
        return fail_read(shown, err);
    if (fstat(fd, &st) < 0) {
        fail_read(shown, err);
        close(fd);
        return -1;
    }
    if (!S_ISREG(st.st_mode)) {
        err_set_at(err, ERR_DATA, shown, 0, 0, "not a regular file");
        close(fd);
        return -1;
    }
    *ret_size = st.st_size;
    return fd;
}

/* Bytes read, 0 at the end, -1 with errno. */
static ssize_t read_some(int fd, char *buffer, size_t room)
{
    ssize_t got;

    do {
        got = read(fd, buffer, room);
    } while (got < 0 && errno == EINTR);
    return got;
}

int text_file_check_size(int64_t size, const char *shown, struct err *err)
{
    if (size <= TEXT_FILE_MOST)
        return 0;
    err_set_at(err, ERR_DATA, shown, 0, 0, "file of %lld MiB, the most is %lld MiB",
               (long long)(size >> 20), (long long)(TEXT_FILE_MOST >> 20));
    err_hint(err, "Cut it into several files; rows are better loaded as a seed in CSV or JSON.");
    return -1;
}

int text_file_read(void *parent, const char *path, const char *shown, char **ret_bytes,
                   size_t *ret_len, struct err *err)
{
    int64_t size = 0;
    int fd = open_file(path, shown, &size, err);
    size_t len = 0;
    ssize_t got;
    char *bytes;

    if (fd < 0)
        return -1;
    if (text_file_check_size(size, shown, err) < 0) {
        close(fd);
        return -1;
    }
    bytes = mem_array(parent, char, (size_t)size + 1);
    while (len < (size_t)size && (got = read_some(fd, bytes + len, (size_t)size - len)) != 0) {
        if (got < 0) {
            fail_read(shown, err);
            close(fd);
            talloc_free(bytes);
            return -1;
        }
        len += (size_t)got;
    }
    close(fd);
    *ret_bytes = bytes;
    *ret_len = len;
    return 0;
}

int text_file_checksum(void *parent, const char *path, const char *shown, const char **ret_checksum,
                       int64_t *ret_size, struct err *err)
{
    int64_t size;
    int fd = open_file(path, shown, &size, err);
    struct sha256 sum;
    char buffer[65536];
    char *checksum;
    ssize_t got;

    if (fd < 0)
        return -1;
    size = 0;
    sha256_init(&sum);
    while ((got = read_some(fd, buffer, sizeof(buffer))) > 0) {
        sha256_add(&sum, buffer, (size_t)got);
        size += got;
    }
    checksum = sha256_end_text(&sum, parent);
    if (got < 0) {
        fail_read(shown, err);
        talloc_free(checksum);
        close(fd);
        return -1;
    }
    close(fd);
    *ret_checksum = checksum;
    *ret_size = size;
    return 0;
}

char *text_file_normalise(void *parent, const char *bytes, size_t len, size_t *ret_len)
{
    char *text = mem_array(parent, char, len + 1);
    size_t from = len >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    size_t to = 0;

    while (from < len) {
        const char *found = memchr(bytes + from, '\r', len - from);
        size_t run = found ? (size_t)(found - bytes) - from : len - from;

        memcpy(text + to, bytes + from, run);
        to += run;
        from += run;
        if (found && (from + 1 == len || bytes[from + 1] != '\n'))
            text[to++] = '\r'; /* not a line end: it stays */
        from += found != NULL;
    }
    *ret_len = to;
    return text;
}
