/*
 * fake_server.c: a server that remembers what psql sends.
 */
#include "tests/harness/fake_server.h"

#include "common/mem.h"
#include "tests/harness/sql_text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct fake_server {
    int listener;
    int port;
};

/* One client. */
struct client {
    int socket;
    void *parent;
    struct fake_recording *recording;
    struct strbuf out;
    bool copying;
};

enum { PROTOCOL_3 = 3 << 16, MOST_MESSAGE = 64 << 20, PATIENCE_MS = 10000 };

static void must(bool ok, const char *what)
{
    if (!ok) {
        perror(what);
        abort();
    }
}

static int close_listener(struct fake_server *server)
{
    close(server->listener);
    return 0;
}

struct fake_server *fake_server_open(void *parent)
{
    struct fake_server *server = mem_new(parent, struct fake_server);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(server->listener >= 0, "socket");
    must(bind(server->listener, (struct sockaddr *)&address, len) == 0, "bind");
    must(listen(server->listener, 8) == 0, "listen");
    must(getsockname(server->listener, (struct sockaddr *)&address, &len) == 0, "getsockname");
    server->port = ntohs(address.sin_port);
    talloc_set_destructor(server, close_listener);
    return server;
}

int fake_server_port(const struct fake_server *server)
{
    return server->port;
}

/* --- messages ------------------------------------------------------------------------------- */

static void put_int32(struct strbuf *out, uint32_t value)
{
    uint32_t wire = htonl(value);

    strbuf_add(out, (const char *)&wire, sizeof(wire));
}

/* `body` includes the NULs of the strings in it. */
static void put_message(struct client *c, char type, const char *body, size_t len)
{
    strbuf_char(&c->out, type);
    put_int32(&c->out, (uint32_t)len + 4);
    strbuf_add(&c->out, body, len);
}

static void put_parameter(struct client *c, const char *name, const char *value)
{
    char *body = mem_printf(NULL, "%s%c%s", name, '\0', value);

    put_message(c, 'S', body, strlen(name) + 1 + strlen(value) + 1);
    talloc_free(body);
}

static void put_ready(struct client *c)
{
    put_message(c, 'Z', "I", 1);
}

static bool flush(struct client *c)
{
    size_t sent = 0;

    while (sent < c->out.len) {
        ssize_t n = send(c->socket, c->out.text + sent, c->out.len - sent, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        sent += (size_t)n;
    }
    strbuf_reset(&c->out);
    return true;
}

static bool read_exactly(struct client *c, void *buffer, size_t len)
{
    size_t got = 0;

    while (got < len) {
        ssize_t n = recv(c->socket, (char *)buffer + got, len - got, 0);

        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    return true;
}

static bool read_int32(struct client *c, uint32_t *ret)
{
    uint32_t wire;

    if (!read_exactly(c, &wire, sizeof(wire)))
        return false;
    *ret = ntohl(wire);
    return true;
}

/* The body behind a length word. Owned by the client's parent. */
static char *read_body(struct client *c, size_t *ret_len)
{
    uint32_t len;
    char *body;

    if (!read_int32(c, &len) || len < 4 || len > MOST_MESSAGE)
        return NULL;
    body = mem_array(c->parent, char, (size_t)len - 4 + 1);
    if (!read_exactly(c, body, len - 4))
        return NULL;
    *ret_len = len - 4;
    return body;
}

/* --- conversation --------------------------------------------------------------------------- */

static bool greet(struct client *c)
{
    size_t len;
    char *body = read_body(c, &len);
    uint32_t version;

    if (!body || len < sizeof(version))
        return false;
    memcpy(&version, body, sizeof(version));
    if (ntohl(version) != PROTOCOL_3)
        return false; /* SSL and GSS are switched off in the client's options */
    put_message(c, 'R', "\0\0\0", 4);
    put_parameter(c, "server_version", "15.0");
    put_parameter(c, "server_encoding", "UTF8");
    put_parameter(c, "client_encoding", "UTF8");
    put_parameter(c, "standard_conforming_strings", "on");
    put_message(c, 'K', "\0\0\0\1\0\0\0\1", 8);
    put_ready(c);
    return flush(c);
}

static bool take_query(struct client *c, const char *sql)
{
    struct fake_recording *r = c->recording;
    struct fake_query query = {.sql = sql, .copy = sql_text_is_copy_from_stdin(sql)};

    strbuf_init(&query.copy_data, c->parent);
    mem_grow(c->parent, &r->queries, &r->capacity, r->count + 1);
    r->queries[r->count++] = query;
    c->copying = query.copy;
    if (query.copy) {
        put_message(c, 'G', "\0\0\0", 3); /* text, no columns */
    } else {
        if (sql_text_is_empty(sql))
            put_message(c, 'I', "", 0);
        else
            put_message(c, 'C', "SET", 4);
        put_ready(c);
    }
    return flush(c);
}

static bool end_copy(struct client *c)
{
    c->copying = false;
    put_message(c, 'C', "COPY 0", 7);
    put_ready(c);
    return flush(c);
}

/* False: the conversation is over; *ret_ok says whether as it should. */
static bool take_message(struct client *c, bool *ret_ok)
{
    char type;
    char *body;
    size_t len;

    *ret_ok = !read_exactly(c, &type, 1); /* the client left */
    if (*ret_ok)
        return false;
    body = read_body(c, &len);
    if (!body)
        return false;
    switch (type) {
    case 'X':
        *ret_ok = true;
        return false;
    case 'Q':
        return !c->copying && take_query(c, body);
    case 'd':
        strbuf_add(&c->recording->queries[c->recording->count - 1].copy_data, body, len);
        return c->copying;
    case 'c':
    case 'f':
        return c->copying && end_copy(c);
    default:
        return false;
    }
}

bool fake_server_serve(struct fake_server *server, void *parent, struct fake_recording *ret)
{
    struct pollfd ready = {.fd = server->listener, .events = POLLIN};
    struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    struct client client = {.parent = parent, .recording = ret};
    bool ok = false;

    *ret = (struct fake_recording){.count = 0};
    if (poll(&ready, 1, PATIENCE_MS) != 1)
        return false;
    client.socket = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
    must(client.socket >= 0, "accept");
    setsockopt(client.socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    strbuf_init(&client.out, parent);
    if (greet(&client)) {
        while (take_message(&client, &ok))
            ;
    }
    close(client.socket);
    return ok;
}
