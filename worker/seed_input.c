/*
 * seed_input.c: a file, or a part of one, read in pieces of 64 KiB.
 */
#include "worker/seed_input.h"

#include "common/mem.h"
#include "common/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { PIECE = 64 * 1024 };

struct seed_input {
    const char *file;
    int fd;
    int64_t left; /* bytes of its part of the file; INT64_MAX: to the end */
    int failed;   /* errno of the read that failed, or 0 */
    int line;
    bool summed; /* sum has been ended */
    struct sha256 sum;
    size_t at; /* next byte in piece */
    size_t len;
    unsigned char piece[PIECE];
};

static int close_input(struct seed_input *input)
{
    unsigned char unused[32];

    close(input->fd);
    if (!input->summed)
        sha256_end(&input->sum, unused);
    return 0;
}

/* Reads the next piece. False: there is none. */
static bool refill(struct seed_input *input)
{
    ssize_t got;

    do
        got = read(input->fd, input->piece, input->left < PIECE ? (size_t)input->left : PIECE);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        input->failed = errno;
    else if (input->left < INT64_MAX)
        input->left -= got;
    input->at = 0;
    input->len = got > 0 ? (size_t)got : 0;
    sha256_add(&input->sum, input->piece, input->len);
    return input->len > 0;
}

int seed_input_open(void *parent, const struct seed_file *seed, struct seed_input **ret,
                    struct err *err)
{
    int fd = open(seed->path, O_RDONLY | O_CLOEXEC);
    struct seed_input *input;

    if (fd < 0 || lseek(fd, seed->offset, SEEK_SET) < 0) {
        err_set_at(err, ERR_NOINPUT, seed->file, 0, 0, "cannot open seed: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    input = mem_new(parent, struct seed_input);
    input->file = mem_strdup(input, seed->file);
    input->fd = fd;
    input->left = seed->offset ? seed->size : INT64_MAX;
    input->line = 1;
    sha256_init(&input->sum);
    talloc_set_destructor(input, close_input);
    if (refill(input) && input->len >= 3 && memcmp(input->piece, "\xEF\xBB\xBF", 3) == 0)
        input->at = 3;
    *ret = input;
    return 0;
}

int seed_input_peek(struct seed_input *input)
{
    if (input->at == input->len && !refill(input))
        return SEED_INPUT_END;
    return input->piece[input->at];
}

int seed_input_get(struct seed_input *input)
{
    int c = seed_input_peek(input);

    if (c != SEED_INPUT_END)
        input->at++;
    if (c == '\n')
        input->line++;
    return c;
}

int seed_input_line(const struct seed_input *input)
{
    return input->line;
}

int seed_input_status(const struct seed_input *input, struct err *err)
{
    if (!input->failed)
        return 0;
    return err_set_at(err, ERR_NOINPUT, input->file, 0, 0, "cannot read it: %s",
                      strerror(input->failed));
}

const char *seed_input_file(const struct seed_input *input)
{
    return input->file;
}

int seed_input_verify(struct seed_input *input, const char *checksum, struct err *err)
{
    char *sum;
    bool same;

    while (refill(input))
        ;
    sum = sha256_end_text(&input->sum, input);
    input->summed = true;
    same = strcmp(sum, checksum) == 0;
    talloc_free(sum);
    if (seed_input_status(input, err) < 0)
        return -1;
    return same ? 0 : seed_input_changed(input->file, err);
}

int seed_input_changed(const char *file, struct err *err)
{
    err_set_at(err, ERR_DATA, file, 0, 0, "the file has changed since the run began");
    err_hint(err, "Run the same command again.");
    return -1;
}
