/*
 * proxy.c: the proxy's thread.
 *
 * One thread polls all sockets. What is read waits in a stream until it is due and the other
 * socket takes it. One mutex guards everything a test may set or
 * read (`control` below); the thread holds it while it handles events, not while it waits. Links
 * belong to the thread alone.
 */
#include "tests/harness/proxy.h"

#include "common/mem.h"
#include "tests/harness/harness.h"
#include "tests/harness/port.h"
#include "tests/harness/proxy_stream.h"
#include "tests/harness/proxy_wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    READ_SIZE = 64 * 1024,
    MAX_QUEUED = 4 * 1024 * 1024, /* a side that reads slowly stops the other */
    POLL_MS = 2,
};

/* A client's connection and its connection to the server. */
struct link {
    struct link *next;
    int client;
    int server;
    struct proxy_stream to_server;
    struct proxy_stream to_client;
    struct proxy_wire wire;
    bool in_flight; /* the client has asked, the server not answered yet */
    bool stalled;
    bool cut_sent; /* cut the client when to_server is empty */
    bool cut_done; /* cut the client when the server is ready again */
    bool lose;     /* and leave the server's side open */
    bool drain;    /* the client is gone; leave when the server is ready again */
    bool dead;
    size_t poll_index; /* of the client's entry; the server's is the next */
};

struct proxy {
    struct sockaddr_in target;
    int port;
    int wake_fd;
    pthread_t thread;
    struct link *links; /* the thread's */

    pthread_mutex_t control; /* guards all below */
    bool stop;
    int listen_fd; /* -1: refusing */
    int64_t delay_us;
    bool stall;
    bool unplug;
    bool cut_all;
    char *trigger; /* NULL: none */
    int skip;
    enum proxy_action action;
    bool triggered;
    struct proxy_stats stats;
};

/* When what arrives now is passed on. */
static int64_t due(const struct proxy *proxy)
{
    return proxy_stream_now_us() + proxy->delay_us;
}

/* --- links ---------------------------------------------------------------------------------- */

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int connect_server(const struct proxy *proxy)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0)
        harness_die("no socket: %s", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, (const struct sockaddr *)&proxy->target, sizeof(proxy->target)) < 0)
        close_fd(&fd);
    return fd;
}

static void link_open(struct proxy *proxy, int client)
{
    int server = connect_server(proxy);
    struct link *link;
    int on = 1;

    if (server < 0) {
        close(client);
        return;
    }
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    link = mem_new(NULL, struct link);
    link->client = client;
    link->server = server;
    proxy_wire_init(&link->wire, link);
    link->next = proxy->links;
    proxy->links = link;
}

static void link_free(struct link *link)
{
    close_fd(&link->client);
    close_fd(&link->server);
    proxy_stream_clear(&link->to_server);
    proxy_stream_clear(&link->to_client);
    talloc_free(link);
}

static void cut_client(struct proxy *proxy, struct link *link)
{
    close_fd(&link->client);
    proxy_stream_clear(&link->to_client);
    proxy->triggered = true;
}

/* The kernel drops what arrives at `fd` from now on, unacknowledged. */
static int drop_all(int fd)
{
    struct sock_filter keep_nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    const struct sock_fprog filter = {.len = 1, .filter = &keep_nothing};

    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
}

bool proxy_can_unplug(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool can = fd >= 0 && drop_all(fd) == 0;

    close_fd(&fd);
    return can;
}

static void unplug_links(struct proxy *proxy)
{
    for (struct link *link = proxy->links; link; link = link->next) {
        if (drop_all(link->client) < 0)
            harness_die("cannot unplug a connection: %s", strerror(errno));
        close_fd(&link->server);
        link->stalled = true;
    }
    proxy->unplug = false;
}

/* --- what the client sends -------------------------------------------------------------------- */

static bool matches(struct proxy *proxy, const struct proxy_wire_message *message)
{
    if (!proxy->trigger || (message->kind != PROXY_WIRE_QUERY && message->kind != PROXY_WIRE_PARSE))
        return false;
    if (!memmem(message->bytes, message->len, proxy->trigger, strlen(proxy->trigger)))
        return false;
    return proxy->skip-- == 0;
}

static void count_message(struct proxy *proxy, struct link *link,
                          const struct proxy_wire_message *message)
{
    if (message->kind == PROXY_WIRE_STARTUP)
        proxy->stats.connections++;
    if (message->kind == PROXY_WIRE_CANCEL)
        proxy->stats.cancels++;
    if (message->kind == PROXY_WIRE_QUERY)
        proxy->stats.queries++;
    if (message->kind != PROXY_WIRE_TERMINATE && message->kind != PROXY_WIRE_CANCEL)
        link->in_flight = true;
}

/* Does what was ordered for this message. True: it is to be forwarded. */
static bool pull_trigger(struct proxy *proxy, struct link *link)
{
    talloc_free(proxy->trigger);
    proxy->trigger = NULL;
    switch (proxy->action) {
    case PROXY_CUT_BEFORE:
        link->dead = true;
        cut_client(proxy, link);
        return false;
    case PROXY_CUT_AFTER:
        link->cut_sent = true;
        return true;
    case PROXY_CUT_DONE:
        link->cut_done = true;
        return true;
    case PROXY_LOSE:
        link->cut_done = link->lose = true;
        return true;
    case PROXY_STALL:
        link->stalled = true;
        proxy->triggered = true;
        return false;
    }
    return true;
}

static void handle_client_bytes(struct proxy *proxy, struct link *link, const char *bytes,
                                size_t len)
{
    struct proxy_wire_message message;

    proxy_wire_feed(&link->wire, bytes, len);
    while (!link->dead && !link->stalled && proxy_wire_take(&link->wire, &message)) {
        bool match = matches(proxy, &message);

        if (match && !pull_trigger(proxy, link))
            return;
        count_message(proxy, link, &message);
        proxy->stats.to_server += (int64_t)message.len;
        proxy_stream_push(&link->to_server, message.bytes, message.len, due(proxy));
    }
}

/* --- what the server sends -------------------------------------------------------------------- */

static void handle_server_bytes(struct proxy *proxy, struct link *link, const char *bytes,
                                size_t len)
{
    bool was_ready = link->wire.ready;
    bool ready = proxy_wire_server(&link->wire, bytes, len);

    if (link->in_flight) {
        link->in_flight = false;
        if (was_ready)
            proxy->stats.round_trips++;
        else
            proxy->stats.connect_trips++;
    }
    if (!link->drain && !link->cut_done && !link->cut_sent) {
        proxy->stats.to_client += (int64_t)len;
        proxy_stream_push(&link->to_client, bytes, len, due(proxy));
    } else if (ready && !link->cut_sent) {
        cut_client(proxy, link);
        link->dead = !link->lose;
        link->stalled = link->lose;
    }
}

/* --- sockets ---------------------------------------------------------------------------------- */

static void read_side(struct proxy *proxy, struct link *link, bool from_client)
{
    struct proxy_stream *stream = from_client ? &link->to_server : &link->to_client;
    char bytes[READ_SIZE];
    ssize_t n = recv(from_client ? link->client : link->server, bytes, sizeof(bytes), MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        proxy_stream_end(stream, due(proxy));
    else if (from_client)
        handle_client_bytes(proxy, link, bytes, (size_t)n);
    else
        handle_server_bytes(proxy, link, bytes, (size_t)n);
}

static bool is_stalled(const struct proxy *proxy, const struct link *link)
{
    return proxy->stall || link->stalled;
}

static void serve_link(struct proxy *proxy, struct link *link, const struct pollfd *polled)
{
    if (is_stalled(proxy, link))
        return;
    if (polled[link->poll_index].revents)
        read_side(proxy, link, true);
    if (!link->dead && polled[link->poll_index + 1].revents)
        read_side(proxy, link, false);
    if (!link->dead && !proxy_stream_write(&link->to_server, link->server))
        link->dead = true;
    if (!link->dead && !proxy_stream_write(&link->to_client, link->client))
        link->dead = true;
    if (!link->dead && link->cut_sent && !link->to_server.first) {
        link->cut_sent = false;
        link->drain = true;
        cut_client(proxy, link);
    }
}

/* What to poll for on the socket that `in` reads from and `out` writes to. */
static struct pollfd poll_entry(int fd, const struct proxy_stream *in,
                                const struct proxy_stream *out)
{
    struct pollfd entry = {.fd = fd};

    if (!in->ended && in->queued < MAX_QUEUED)
        entry.events |= POLLIN;
    if (proxy_stream_is_due(out))
        entry.events |= POLLOUT;
    if (!entry.events)
        entry.fd = -1;
    return entry;
}

struct poll_set {
    struct pollfd *entries;
    size_t capacity;
    size_t count;
    int64_t due_us; /* of what is to be sent next */
};

static void add_entry(struct poll_set *set, struct pollfd entry)
{
    mem_grow(NULL, &set->entries, &set->capacity, set->count + 1);
    set->entries[set->count++] = entry;
}

static void collect(const struct proxy *proxy, struct poll_set *set)
{
    set->count = 0;
    set->due_us = INT64_MAX;
    add_entry(set, (struct pollfd){.fd = proxy->wake_fd, .events = POLLIN});
    add_entry(set, (struct pollfd){.fd = proxy->stall ? -1 : proxy->listen_fd, .events = POLLIN});
    for (struct link *link = proxy->links; link; link = link->next) {
        const struct pollfd nothing = {.fd = -1};
        bool stalled = is_stalled(proxy, link);

        link->poll_index = set->count;
        add_entry(set, stalled || link->cut_sent || link->client < 0
                           ? nothing
                           : poll_entry(link->client, &link->to_server, &link->to_client));
        add_entry(set,
                  stalled ? nothing : poll_entry(link->server, &link->to_client, &link->to_server));
        if (!stalled) {
            set->due_us = proxy_stream_due(&link->to_server, set->due_us);
            set->due_us = proxy_stream_due(&link->to_client, set->due_us);
        }
    }
}

static void wait_events(const struct poll_set *set)
{
    int64_t left = set->due_us == INT64_MAX ? INT64_MAX : set->due_us - proxy_stream_now_us();
    struct timespec timeout = {.tv_sec = 0};

    if (left > 0 && left != INT64_MAX)
        timeout = (struct timespec){.tv_sec = left / 1000000, .tv_nsec = left % 1000000 * 1000};
    ppoll(set->entries, set->count, left == INT64_MAX ? NULL : &timeout, NULL);
}

static void accept_clients(struct proxy *proxy)
{
    int client;

    while (proxy->listen_fd >= 0 &&
           (client = accept4(proxy->listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
        link_open(proxy, client);
}

static void bury_links(struct proxy *proxy, bool all)
{
    struct link **place = &proxy->links;

    while (*place) {
        struct link *link = *place;

        if (all || link->dead) {
            *place = link->next;
            link_free(link);
        } else {
            place = &link->next;
        }
    }
}

static void handle_events(struct proxy *proxy, const struct poll_set *set)
{
    eventfd_t ignored;

    if (set->entries[0].revents)
        eventfd_read(proxy->wake_fd, &ignored);
    if (proxy->unplug)
        unplug_links(proxy);
    for (struct link *link = proxy->links; link; link = link->next)
        serve_link(proxy, link, set->entries);
    if (!proxy->stall)
        accept_clients(proxy);
    bury_links(proxy, proxy->cut_all);
    proxy->cut_all = false;
}

static void *proxy_main(void *arg)
{
    struct proxy *proxy = arg;
    struct poll_set set = {.entries = NULL};

    pthread_mutex_lock(&proxy->control);
    while (!proxy->stop) {
        collect(proxy, &set);
        pthread_mutex_unlock(&proxy->control);
        wait_events(&set);
        pthread_mutex_lock(&proxy->control);
        handle_events(proxy, &set);
    }
    bury_links(proxy, true);
    pthread_mutex_unlock(&proxy->control);
    talloc_free(set.entries);
    return NULL;
}

/* --- the test's side -------------------------------------------------------------------------- */

static void begin(struct proxy *proxy)
{
    pthread_mutex_lock(&proxy->control);
}

static void end(struct proxy *proxy)
{
    pthread_mutex_unlock(&proxy->control);
    eventfd_write(proxy->wake_fd, 1);
}

static int destroy(struct proxy *proxy)
{
    begin(proxy);
    proxy->stop = true;
    end(proxy);
    pthread_join(proxy->thread, NULL);
    close_fd(&proxy->listen_fd);
    close_fd(&proxy->wake_fd);
    pthread_mutex_destroy(&proxy->control);
    talloc_free(proxy->trigger);
    return 0;
}

struct proxy *proxy_new(void *parent, const char *host, int port)
{
    struct proxy *proxy = mem_new(parent, struct proxy);

    proxy->target.sin_family = AF_INET;
    proxy->target.sin_port = htons((uint16_t)port);
    if (inet_pton(AF_INET, host, &proxy->target.sin_addr) != 1)
        harness_die("not an IPv4 address: \"%s\"", host);
    proxy->listen_fd = port_listen_any(&proxy->port);
    proxy->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&proxy->control, NULL);
    if (pthread_create(&proxy->thread, NULL, proxy_main, proxy) != 0)
        harness_die("cannot start the proxy's thread");
    talloc_set_destructor(proxy, destroy);
    return proxy;
}

int proxy_port(const struct proxy *proxy)
{
    return proxy->port;
}

void proxy_delay(struct proxy *proxy, int ms)
{
    begin(proxy);
    proxy->delay_us = (int64_t)ms * 1000;
    end(proxy);
}

void proxy_on_query(struct proxy *proxy, const char *text, int skip, enum proxy_action action)
{
    begin(proxy);
    talloc_free(proxy->trigger);
    proxy->trigger = text ? mem_strdup(NULL, text) : NULL;
    proxy->skip = skip;
    proxy->action = action;
    proxy->triggered = false;
    end(proxy);
}

bool proxy_triggered(struct proxy *proxy)
{
    bool triggered;

    begin(proxy);
    triggered = proxy->triggered;
    end(proxy);
    return triggered;
}

bool proxy_wait_triggered(struct proxy *proxy, int64_t timeout_ms)
{
    int64_t deadline = proxy_stream_now_us() + timeout_ms * 1000;

    while (!proxy_triggered(proxy)) {
        if (proxy_stream_now_us() >= deadline)
            return false;
        harness_pause(POLL_MS);
    }
    return true;
}

void proxy_refuse(struct proxy *proxy, bool refuse)
{
    begin(proxy);
    if (refuse && proxy->listen_fd >= 0) {
        shutdown(proxy->listen_fd, SHUT_RDWR); /* close() alone waits for the thread's poll() */
        close_fd(&proxy->listen_fd);
    }
    if (!refuse && proxy->listen_fd < 0)
        proxy->listen_fd = port_listen(proxy->port);
    if (!refuse && proxy->listen_fd < 0)
        harness_die("port %d of the proxy was taken meanwhile", proxy->port);
    end(proxy);
}

void proxy_stall(struct proxy *proxy, bool stall)
{
    begin(proxy);
    proxy->stall = stall;
    end(proxy);
}

void proxy_unplug(struct proxy *proxy)
{
    begin(proxy);
    proxy->unplug = true;
    end(proxy);
}

void proxy_cut_all(struct proxy *proxy)
{
    begin(proxy);
    proxy->cut_all = true;
    end(proxy);
}

void proxy_read_stats(struct proxy *proxy, struct proxy_stats *ret)
{
    begin(proxy);
    *ret = proxy->stats;
    end(proxy);
}

void proxy_reset_stats(struct proxy *proxy)
{
    begin(proxy);
    proxy->stats = (struct proxy_stats){0};
    end(proxy);
}
