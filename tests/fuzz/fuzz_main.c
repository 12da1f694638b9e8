/*
 * fuzz_main.c: runs a fuzz target without libFuzzer: over the files named, and with
 * "-n COUNT [-s SEED]" over that many random changes of them.
 */
#include "common/base.h"

#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { MOST_CHANGES = 16, EXTRA = 4096 };

struct input {
    uint8_t *bytes;
    size_t len;
};

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static struct input read_input(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct input input = {0};
    long size;

    if (!file || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0) {
        perror(path);
        exit(1);
    }
    rewind(file);
    input.len = (size_t)size;
    input.bytes = malloc(input.len + 1);
    if (!input.bytes || fread(input.bytes, 1, input.len, file) != input.len) {
        perror(path);
        exit(1);
    }
    fclose(file);
    return input;
}

/* Overwrites, repeats or removes a few random pieces; `copy` has EXTRA bytes to spare. */
static size_t mutate(uint8_t *copy, size_t len, uint64_t *state)
{
    static const uint8_t special[] = "{}[]:,&*-?|<>=!%@`'\"#\\\n\t $0~";
    size_t room = len + EXTRA;
    size_t changes = 1 + next_random(state) % MOST_CHANGES;

    for (size_t i = 0; i < changes && len > 0; i++) {
        size_t at = next_random(state) % len;
        size_t piece = 1 + next_random(state) % 32;

        if (piece > len - at)
            piece = len - at;
        switch (next_random(state) % 4) {
        case 0:
            copy[at] = (uint8_t)next_random(state);
            break;
        case 1:
            copy[at] = special[next_random(state) % (sizeof(special) - 1)];
            break;
        case 2:
            memmove(copy + at, copy + at + piece, len - at - piece);
            len -= piece;
            break;
        default:
            if (len + piece > room)
                break;
            memmove(copy + at + piece, copy + at, len - at);
            len += piece;
        }
    }
    return len;
}

static void run_exactly(const uint8_t *bytes, size_t len)
{
    uint8_t *exact = malloc(len ? len : 1); /* so that reading past the end is noticed */

    if (!exact)
        exit(1);
    memcpy(exact, bytes, len);
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
}

static void run_mutations(struct input input, long count, uint64_t seed)
{
    uint8_t *copy = malloc(input.len + EXTRA);

    if (!copy)
        exit(1);
    for (long i = 0; i < count; i++) {
        memcpy(copy, input.bytes, input.len);
        run_exactly(copy, mutate(copy, input.len, &seed));
    }
    free(copy);
}

int main(int argc, char **argv)
{
    uint64_t seed = 88172645463325252u;
    long count = 0;
    int option;

    while ((option = getopt(argc, argv, "n:s:")) != -1) {
        if (option == 'n')
            count = strtol(optarg, NULL, 10);
        else if (option == 's')
            seed ^= strtoull(optarg, NULL, 10);
        else
            return 64;
    }
    for (int i = optind; i < argc; i++) {
        struct input input = read_input(argv[i]);

        run_exactly(input.bytes, input.len);
        run_mutations(input, count, seed);
        free(input.bytes);
    }
    return 0;
}
