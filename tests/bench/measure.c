/*
 * measure.c: runs a command and writes what it took.
 *
 *     measure FILE COMMAND [ARGUMENT...]
 *
 * appends one line to FILE: wall clock ms, CPU ms of the command and all its descendants (user and
 * system), peak memory in KiB of the biggest one of them. Ends with the command's exit status.
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static double timeval_ms(struct timeval value)
{
    return (double)value.tv_sec * 1e3 + (double)value.tv_usec / 1e3;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fputs("usage: measure FILE COMMAND [ARGUMENT...]\n", stderr);
        return 64;
    }
    FILE *out = fopen(argv[1], "ae"); /* e: the command does not inherit it */
    if (!out) {
        perror(argv[1]);
        return 1;
    }

    double start = now_ms();
    pid_t pid = fork();
    if (pid < 0) {
        perror("fork");
        return 1;
    }
    if (pid == 0) {
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    int status;
    struct rusage usage;
    if (wait4(pid, &status, 0, &usage) < 0) {
        perror("wait4");
        return 1;
    }
    double wall = now_ms() - start;

    fprintf(out, "%.2f %.2f %ld\n", wall, timeval_ms(usage.ru_utime) + timeval_ms(usage.ru_stime),
            usage.ru_maxrss);
    if (fclose(out) != 0) {
        perror(argv[1]);
        return 1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
