/*
 * proxy_wire.c: message framing. The client's first packets have a length and a code; all other
 * messages a type byte and a length that counts itself.
 */
#include "tests/harness/proxy_wire.h"

#include "tests/harness/harness.h"

enum {
    CODE_CANCEL = 80877102,
    CODE_SSL = 80877103,
    CODE_GSS = 80877104,
    MAX_MESSAGE = 1 << 30,
};

static size_t number_at(const char *bytes)
{
    const unsigned char *b = (const unsigned char *)bytes;

    return (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];
}

void proxy_wire_init(struct proxy_wire *wire, const void *parent)
{
    *wire = (struct proxy_wire){.started = false};
    strbuf_init(&wire->client, parent);
}

void proxy_wire_feed(struct proxy_wire *wire, const char *bytes, size_t len)
{
    strbuf_add(&wire->client, bytes, len);
}

/* Forgets what has been given out. */
static void compact(struct proxy_wire *wire)
{
    size_t left = wire->client.len - wire->taken;

    memmove(wire->client.text, wire->client.text + wire->taken, left);
    wire->client.len = left;
    wire->client.text[left] = '\0';
    wire->taken = 0;
}

static enum proxy_wire_kind first_packet(struct proxy_wire *wire, const char *bytes, size_t len)
{
    size_t code = len >= 8 ? number_at(bytes + 4) : 0;

    if (code == CODE_CANCEL)
        return PROXY_WIRE_CANCEL;
    if (code == CODE_SSL || code == CODE_GSS) {
        wire->one_byte = true;
        return PROXY_WIRE_ENCRYPTION;
    }
    wire->started = true;
    return PROXY_WIRE_STARTUP;
}

static enum proxy_wire_kind kind_of(char type)
{
    switch (type) {
    case 'Q':
        return PROXY_WIRE_QUERY;
    case 'P':
        return PROXY_WIRE_PARSE;
    case 'X':
        return PROXY_WIRE_TERMINATE;
    default:
        return PROXY_WIRE_OTHER;
    }
}

bool proxy_wire_take(struct proxy_wire *wire, struct proxy_wire_message *ret)
{
    const char *bytes = wire->client.text + wire->taken;
    size_t left = wire->client.len - wire->taken;
    size_t type_len = wire->started ? 1 : 0;
    size_t len;

    if (left < type_len + 4) {
        compact(wire);
        return false;
    }
    len = type_len + number_at(bytes + type_len);
    if (len < type_len + 4 || len > MAX_MESSAGE)
        harness_die("the client does not speak protocol 3");
    if (left < len) {
        compact(wire);
        return false;
    }
    *ret = (struct proxy_wire_message){.bytes = bytes, .len = len};
    ret->kind = wire->started ? kind_of(bytes[0]) : first_packet(wire, bytes, len);
    wire->taken += len;
    return true;
}

bool proxy_wire_server(struct proxy_wire *wire, const char *bytes, size_t len)
{
    bool ready = false;

    while (len > 0) {
        if (wire->one_byte) {
            wire->one_byte = false;
            bytes++, len--;
        } else if (wire->header_len < sizeof(wire->header)) {
            wire->header[wire->header_len++] = (unsigned char)*bytes;
            bytes++, len--;
            if (wire->header_len == sizeof(wire->header))
                wire->body_left = number_at((const char *)wire->header + 1) - 4;
        } else {
            size_t step = len < wire->body_left ? len : wire->body_left;

            wire->body_left -= step;
            bytes += step, len -= step;
        }
        if (wire->header_len == sizeof(wire->header) && wire->body_left == 0) {
            ready = ready || wire->header[0] == 'Z';
            wire->header_len = 0;
        }
    }
    wire->ready = wire->ready || ready;
    return ready;
}
