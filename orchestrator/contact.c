/*
 * contact.c: from an attempt's error to its server.
 */
#include "orchestrator/contact.h"

#include "common/mem.h"

enum {
    PATIENCE_MS = 5 * 60 * 1000, /* the longest that a server is waited for */
    GAP_MS = 30 * 1000,          /* between its end and its start it refuses connections */
};

/* Of a server since it last answered; -1: never. */
struct trouble {
    int64_t restart_ms; /* the first and the last sign of a restart */
    int64_t restart_last_ms;
    int64_t full_ms; /* the first time that it had no place even for one of ours */
};

struct contacts {
    struct trouble *troubles; /* by server */
};

static const struct trouble no_trouble = {.restart_ms = -1, .full_ms = -1};

struct contacts *contacts_new(const void *parent, size_t server_count)
{
    struct contacts *contacts = mem_new(parent, struct contacts);

    contacts->troubles = mem_array(contacts, struct trouble, server_count);
    for (size_t i = 0; i < server_count; i++)
        contacts->troubles[i] = no_trouble;
    return contacts;
}

static enum schedule_contact contact_of(const struct err *err)
{
    switch (err->kind) {
    case ERR_UNREACHABLE:
        /* of a database or role: the server itself has answered */
        return strcmp(err->sqlstate, "53300") == 0 ? CONTACT_ANSWERED : CONTACT_REFUSED;
    case ERR_FULL:
        return CONTACT_FULL;
    case ERR_DEADLINE:
    case ERR_CANCELLED:
        return CONTACT_SILENT;
    default:
        return CONTACT_ANSWERED;
    }
}

/* "57P03" is the server's word that it starts or stops; the other two are its last. */
static bool is_sign_of_restart(const struct err *err)
{
    return (err->kind == ERR_LOST || err->kind == ERR_UNREACHABLE) &&
           (strcmp(err->sqlstate, "57P01") == 0 || strcmp(err->sqlstate, "57P02") == 0 ||
            strcmp(err->sqlstate, "57P03") == 0);
}

static void watch(struct trouble *trouble, const struct err *err, enum schedule_contact contact,
                  bool crowded, int64_t now_ms)
{
    if (is_sign_of_restart(err)) {
        if (trouble->restart_ms < 0)
            trouble->restart_ms = now_ms;
        trouble->restart_last_ms = now_ms;
    } else if (contact == CONTACT_FULL) {
        trouble->restart_ms = -1;
        if (!crowded && trouble->full_ms < 0)
            trouble->full_ms = now_ms;
    } else if (contact == CONTACT_ANSWERED) {
        *trouble = no_trouble;
    }
}

static bool is_restarting(const struct trouble *trouble, int64_t now_ms)
{
    return trouble->restart_ms >= 0 && now_ms - trouble->restart_ms <= PATIENCE_MS &&
           now_ms - trouble->restart_last_ms <= GAP_MS;
}

enum schedule_contact contacts_read(struct contacts *contacts, struct job *job, bool crowded,
                                    int64_t now_ms)
{
    struct trouble *trouble = &contacts->troubles[job->tenant->server->index];
    enum schedule_contact contact = contact_of(&job->err);

    watch(trouble, &job->err, contact, crowded, now_ms);
    if (contact == CONTACT_FULL && !crowded && now_ms - trouble->full_ms > PATIENCE_MS)
        return CONTACT_REFUSED;
    if (contact == CONTACT_FULL || (contact == CONTACT_REFUSED && is_restarting(trouble, now_ms)))
        job->excused++;
    return contact;
}
