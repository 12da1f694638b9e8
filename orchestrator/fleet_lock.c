/*
 * fleet_lock.c: a lock on a file whose one line says who has it.
 *
 * It is one of an open file description (F_OFD_SETLK), which can be asked for without being taken.
 * The lock is the kernel's and goes when its process goes, so the line of a run that was killed is
 * in nobody's way: it is believed only while somebody holds the lock.
 */
#include "orchestrator/fleet_lock.h"

#include "common/clock.h"
#include "common/mem.h"
#include "common/text.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_folder(const char *folder, struct err *err)
{
    struct stat info;

    if (mkdir(folder, 0700) < 0 && errno != EEXIST) {
        err_set(err, ERR_INTERNAL, "could not create the state folder \"%s\": %s", folder,
                strerror(errno));
        err_hint(err, "Create it, or name another folder as \"state\" in fleet.yaml.");
        return -1;
    }
    if (stat(folder, &info) == 0 && !S_ISDIR(info.st_mode)) {
        err_set(err, ERR_INTERNAL, "the state folder \"%s\" is not a directory", folder);
        err_hint(err, "Move that file away, or name another folder as \"state\" in fleet.yaml.");
        return -1;
    }
    return 0;
}

/* "run 20261123T061500Z-4f2a, pid 4711 on ops1, since ..." */
static void read_owner(int fd, char *line, size_t size)
{
    ssize_t len = pread(fd, line, size - 1, 0);

    line[len > 0 ? len : 0] = '\0';
    line[strcspn(line, "\n")] = '\0';
}

/* Somebody else has the lock: who, by the file. One line, since cron jobs meet each other often. */
static int busy(void *mem, int fd, struct err *err)
{
    char line[512];

    read_owner(fd, line, sizeof(line));
    return err_set(err, ERR_BUSY, "another run of this fleet is going on%s%s", line[0] ? ": " : "",
                   text_printable(mem, line));
}

static int write_owner(void *mem, int fd, const char *path, const char *run_id, struct err *err)
{
    char host[256] = "";
    char *line;
    size_t len;

    if (gethostname(host, sizeof(host) - 1) < 0)
        host[0] = '\0';
    line = mem_printf(mem, "run %s, pid %ld on %s, since %s\n", run_id, (long)getpid(),
                      host[0] ? host : "an unknown host", clock_iso(mem, clock_wall_ms()));
    len = strlen(line);
    if (ftruncate(fd, 0) < 0 || pwrite(fd, line, len, 0) != (ssize_t)len)
        return err_set(err, ERR_INTERNAL, "could not write \"%s\": %s", path, strerror(errno));
    return 0;
}

static int take(void *mem, int fd, const char *path, const char *run_id, struct err *err)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return write_owner(mem, fd, path, run_id, err);
    if (errno == EAGAIN || errno == EACCES)
        return busy(mem, fd, err);
    return err_set(err, ERR_INTERNAL, "could not lock \"%s\": %s", path, strerror(errno));
}

static int open_and_take(void *mem, const char *path, const char *run_id, int *ret_fd,
                         struct err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0) {
        err_set(err, ERR_INTERNAL, "could not open the fleet's lock \"%s\": %s", path,
                strerror(errno));
        err_hint(err, "This user must be able to write in the state folder.");
        return -1;
    }
    if (take(mem, fd, path, run_id, err) < 0) {
        close(fd);
        return -1;
    }
    *ret_fd = fd;
    return 0;
}

int fleet_lock_take(const char *state_folder, const char *run_id, int *ret_fd, struct err *err)
{
    void *mem;
    int rc;

    if (make_folder(state_folder, err) < 0)
        return -1;
    mem = mem_context(NULL);
    rc = open_and_take(mem, mem_printf(mem, "%s/lock", state_folder), run_id, ret_fd, err);
    talloc_free(mem);
    return rc;
}

/* NULL: nobody has it. */
static char *find_holder(void *parent, int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char line[512];

    if (fcntl(fd, F_OFD_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
        return NULL;
    read_owner(fd, line, sizeof(line));
    if (strncmp(line, "run ", 4) != 0)
        return NULL;
    return mem_strndup(parent, line + 4, strcspn(line + 4, ","));
}

char *fleet_lock_holder(void *parent, const char *state_folder)
{
    char *path = mem_printf(NULL, "%s/lock", state_folder);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char *holder = fd >= 0 ? find_holder(parent, fd) : NULL;

    if (fd >= 0)
        close(fd);
    talloc_free(path);
    return holder;
}
