/*
 * port.c: picks ports at random and tries them, so that test programs side by side rarely meet.
 */
#include "tests/harness/port.h"

#include "tests/harness/harness.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST_PORT = 15000, PORTS = 17000, TRIES = 1000, BACKLOG = 256 };

static int random_port(void)
{
    uint32_t bits;

    if (getrandom(&bits, sizeof(bits), 0) != (ssize_t)sizeof(bits))
        harness_die("no random numbers");
    return FIRST_PORT + (int)(bits % PORTS);
}

static int listen_on(int port, bool reuse)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;

    if (fd < 0)
        harness_die("no socket");
    if (reuse)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    close(fd);
    return -1;
}

int port_listen(int port)
{
    return listen_on(port, true);
}

int port_listen_any(int *ret_port)
{
    for (int tries = 0; tries < TRIES; tries++) {
        int port = random_port();
        int fd = listen_on(port, false);

        if (fd >= 0) {
            *ret_port = port;
            return fd;
        }
    }
    harness_die("no free port found in %d to %d", FIRST_PORT, FIRST_PORT + PORTS - 1);
}

int port_pick(void)
{
    int port;

    close(port_listen_any(&port));
    return port;
}
