/*
 * delay_proxy.c: stands between PostgreSQL clients and a server on this machine, makes the way as
 * long as that to a far data centre, and counts what travels.
 *
 *     delay_proxy SERVER_PORT DELAY_MS
 *
 * Listens on a free port of 127.0.0.1 and prints its number. Every byte arrives DELAY_MS late, in
 * both directions; what a client sends first also waits for the handshake that a real network
 * would have needed. On SIGUSR1 prints one line and counts from zero again:
 *
 *     CONNECTIONS ROUND_TRIPS QUERIES
 *
 * A round trip is a message that a client waits on: startup, password, Query, Sync, end of COPY;
 * the TCP handshake is not in it. Ends on SIGTERM.
 *
 * DESIGN: one thread. Both sockets of a connection are in one edge-triggered epoll; an event only
 * marks its connection as ready, and a sweep over all connections does the work: read what is
 * there, queue it with the time it is due, write what is due. Queues are not limited.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NEVER INT64_MAX

struct chunk {
    struct chunk *next;
    int64_t due; /* ns */
    size_t len;
    size_t written;
    char bytes[];
};

/* One direction of a connection. */
struct stream {
    int from;
    int to;
    struct chunk *head;
    struct chunk **tail;
    bool ended;   /* nothing more to read */
    bool closed;  /* and `to` has been told */
    bool blocked; /* `to` takes no more at the moment */
};

/* Where in the client's stream of messages we are: a header (of the first message of a connection
 * 4 bytes of length, of others a type before it), then a body to skip. */
struct wire {
    bool started; /* the startup packet is behind us */
    unsigned char header[5];
    size_t header_len;
    size_t skip;
};

struct link {
    struct link *next;
    struct stream up;
    struct stream down;
    struct wire wire;
    int64_t open_at; /* ns: before this a real network would still shake hands */
    bool ready;
};

struct proxy {
    int epoll;
    int listener;
    uint16_t server_port;
    int64_t delay;
    struct link *links;
    long connections;
    long round_trips;
    long queries;
};

static volatile sig_atomic_t report_wanted;
static volatile sig_atomic_t stop_wanted;

static void on_signal(int signal)
{
    if (signal == SIGUSR1)
        report_wanted = 1;
    else
        stop_wanted = 1;
}

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* --- counting --------------------------------------------------------------------------------- */

static uint32_t be32(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* A header is complete: count it, and know how much to skip. Messages before the startup packet
 * (requests for SSL or GSS encryption, of 8 bytes) look like it. */
static void count_message(struct proxy *proxy, struct wire *wire)
{
    bool typed = wire->started;
    uint32_t len = be32(wire->header + (typed ? 1 : 0));
    int type = typed ? wire->header[0] : 0;

    wire->skip = len > 4 ? len - 4 : 0;
    wire->header_len = 0;
    if (!typed)
        wire->started = len != 8;
    if (!typed || strchr("pQScf", type))
        proxy->round_trips++;
    if (type == 'Q')
        proxy->queries++;
}

static void count_bytes(struct proxy *proxy, struct wire *wire, const char *bytes, size_t len)
{
    size_t i = 0;
    while (i < len) {
        if (wire->skip > 0) {
            size_t step = wire->skip < len - i ? wire->skip : len - i;
            wire->skip -= step;
            i += step;
            continue;
        }
        wire->header[wire->header_len++] = (unsigned char)bytes[i++];
        if (wire->header_len == (wire->started ? 5 : 4))
            count_message(proxy, wire);
    }
}

/* --- moving bytes ----------------------------------------------------------------------------- */

static void stream_queue(struct stream *stream, const char *bytes, size_t len, int64_t due)
{
    struct chunk *chunk = malloc(sizeof(*chunk) + len);
    if (!chunk)
        die("malloc");
    *chunk = (struct chunk){.due = due, .len = len};
    memcpy(chunk->bytes, bytes, len);
    *stream->tail = chunk;
    stream->tail = &chunk->next;
}

static void stream_pop(struct stream *stream)
{
    struct chunk *chunk = stream->head;
    stream->head = chunk->next;
    if (!stream->head)
        stream->tail = &stream->head;
    free(chunk);
}

/* The other side is gone: what is under way falls on the floor. */
static void stream_break(struct stream *stream)
{
    while (stream->head)
        stream_pop(stream);
    stream->ended = true;
}

static void stream_read(struct proxy *proxy, struct link *link, struct stream *stream, int64_t now)
{
    char bytes[65536];
    int64_t from = now > link->open_at ? now : link->open_at;
    ssize_t len;

    while (!stream->ended && (len = recv(stream->from, bytes, sizeof(bytes), MSG_DONTWAIT)) != 0) {
        if (len < 0) {
            if (errno != EAGAIN && errno != EINTR)
                stream_break(stream);
            return;
        }
        if (stream == &link->up)
            count_bytes(proxy, &link->wire, bytes, (size_t)len);
        stream_queue(stream, bytes, (size_t)len, from + proxy->delay);
    }
    if (!stream->ended) { /* an empty chunk carries the end, as late as everything else */
        stream->ended = true;
        stream_queue(stream, "", 0, from + proxy->delay);
    }
}

static void stream_write(struct stream *stream, int64_t now)
{
    stream->blocked = false;
    while (stream->head && stream->head->due <= now) {
        struct chunk *chunk = stream->head;
        if (chunk->len > 0) {
            ssize_t len = send(stream->to, chunk->bytes + chunk->written,
                               chunk->len - chunk->written, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (len < 0) {
                if (errno == EAGAIN) {
                    stream->blocked = true;
                    return;
                }
                stream_break(stream);
                break;
            }
            chunk->written += (size_t)len;
            if (chunk->written < chunk->len)
                continue;
        }
        stream_pop(stream);
    }
    if (stream->ended && !stream->head && !stream->closed) {
        shutdown(stream->to, SHUT_WR);
        stream->closed = true;
    }
}

static int64_t stream_due(const struct stream *stream)
{
    return stream->head && !stream->blocked ? stream->head->due : NEVER;
}

/* --- connections ------------------------------------------------------------------------------ */

static void watch(const struct proxy *proxy, int fd, struct link *link)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = link};
    int on = 1;
    if (epoll_ctl(proxy->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll_ctl");
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
        die("setsockopt");
}

static int connect_to_server(const struct proxy *proxy)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(proxy->server_port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        die("connecting to the server");
    return fd;
}

static void accept_clients(struct proxy *proxy)
{
    int client;
    while ((client = accept4(proxy->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct link *link = calloc(1, sizeof(*link));
        if (!link)
            die("malloc");
        int server = connect_to_server(proxy);
        link->up = (struct stream){.from = client, .to = server, .tail = &link->up.head};
        link->down = (struct stream){.from = server, .to = client, .tail = &link->down.head};
        link->open_at = now_ns() + 2 * proxy->delay;
        link->next = proxy->links;
        proxy->links = link;
        proxy->connections++;
        watch(proxy, client, link);
        watch(proxy, server, link);
    }
}

static void link_work(struct proxy *proxy, struct link *link, int64_t now)
{
    if (link->ready) {
        link->ready = false;
        stream_read(proxy, link, &link->up, now);
        stream_read(proxy, link, &link->down, now);
    }
    stream_write(&link->up, now);
    stream_write(&link->down, now);
}

/* Works on all connections that have something to do; frees those that have ended. Returns when
 * the next bytes are due. */
static int64_t sweep(struct proxy *proxy)
{
    int64_t now = now_ns(), due = NEVER;
    struct link **place = &proxy->links, *link;

    while ((link = *place)) {
        if (link->ready || stream_due(&link->up) <= now || stream_due(&link->down) <= now)
            link_work(proxy, link, now);
        if (link->up.closed && link->down.closed) {
            *place = link->next;
            close(link->up.from);
            close(link->up.to);
            free(link);
            continue;
        }
        if (stream_due(&link->up) < due)
            due = stream_due(&link->up);
        if (stream_due(&link->down) < due)
            due = stream_due(&link->down);
        place = &link->next;
    }
    return due;
}

static void wait_for_events(struct proxy *proxy, int64_t due, const sigset_t *open_signals)
{
    struct epoll_event events[256];
    int64_t left = due == NEVER ? 0 : due - now_ns();
    struct timespec timeout = {0};
    if (left > 0)
        timeout = (struct timespec){.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};

    int count =
        epoll_pwait2(proxy->epoll, events, 256, due == NEVER ? NULL : &timeout, open_signals);
    if (count < 0 && errno != EINTR)
        die("epoll_pwait2");
    for (int i = 0; i < count; i++) {
        struct link *link = events[i].data.ptr;
        if (link)
            link->ready = true;
        else
            accept_clients(proxy);
    }
}

static void listen_on_free_port(struct proxy *proxy)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};

    proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    proxy->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (proxy->listener < 0 || proxy->epoll < 0 ||
        bind(proxy->listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(proxy->listener, 1024) < 0 ||
        getsockname(proxy->listener, (struct sockaddr *)&address, &len) < 0 ||
        epoll_ctl(proxy->epoll, EPOLL_CTL_ADD, proxy->listener, &event) < 0)
        die("listening");
    printf("%d\n", ntohs(address.sin_port));
}

static void report(struct proxy *proxy)
{
    report_wanted = 0;
    printf("%ld %ld %ld\n", proxy->connections, proxy->round_trips, proxy->queries);
    proxy->connections = proxy->round_trips = proxy->queries = 0;
}

int main(int argc, char **argv)
{
    struct proxy proxy = {0};
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t ours, open_signals;

    if (argc != 3) {
        fputs("usage: delay_proxy SERVER_PORT DELAY_MS\n", stderr);
        return 64;
    }
    proxy.server_port = (uint16_t)strtol(argv[1], NULL, 10);
    proxy.delay = (int64_t)(strtod(argv[2], NULL) * 1e6);

    sigemptyset(&ours);
    sigaddset(&ours, SIGUSR1);
    sigaddset(&ours, SIGTERM);
    sigprocmask(SIG_BLOCK, &ours, &open_signals);
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    listen_on_free_port(&proxy);

    while (!stop_wanted) {
        wait_for_events(&proxy, sweep(&proxy), &open_signals);
        if (report_wanted)
            report(&proxy);
    }
    return 0;
}
