/* The registry of connections: one list a worker, under a lock of rank LOCK_CLIENTS.
 *
 * Only the owning worker adds and removes; a thread that holds the lock may read the fields of struct conn that are
 * marked shared (atomics), and the strings, which their owner changes under the same lock. */
#ifndef FLAGSTONE_SERVER_CLIENTS_H
#define FLAGSTONE_SERVER_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "slab/base/lock.h"

struct conn;
struct server;
struct worker;

struct clients {
    struct lock lock;
    struct conn *first; /* newest first */
    _Atomic uint32_t count;
    _Atomic size_t memory_normal; /* sum of the connections' `memory`, kept current by the worker */
    _Atomic size_t incoming;      /* of it: values on their way in, which are in pages */
    _Atomic size_t stalled;       /* of those: nothing came of them for a while; as of the last second */
    struct lock pins_lock;        /* rank LOCK_PINS: lists of pins (pin.h), written by the worker alone */
    _Atomic uint32_t npins;       /* written under it */
};

void clients_add(struct clients *c, struct conn *conn);
void clients_remove(struct clients *c, struct conn *conn);

/* Calls each(arg, conn) for the connections of all workers, with the lock of the conn's worker held. `each` returns
 * false to stop. */
typedef bool (*clients_each)(void *arg, struct conn *conn);
void clients_walk(struct server *s, clients_each each, void *arg);

/* Totals over all workers, for INFO. */
struct clients_totals {
    uint32_t connected, blocked, pubsub, monitors;
    size_t memory_normal, memory_pubsub; /* bytes */
    size_t max_input, max_output;        /* the largest query buffer and reply list now */
};
void clients_totals(struct server *s, struct clients_totals *t);

/* Asks the owner of `conn` to close it and marks it so that CLIENT LIST shows it no more. The lock of its worker is
 * held (inside clients_walk). False: no memory for the letter. */
bool clients_kill(struct conn *conn);

/* Closes the heaviest clients until all weigh no more than `down_to` together, where they weigh more than `above`;
 * those of CLIENT NO-EVICT stay. No lock held; weigh(arg, conn) is called with the lock of its worker. Returns how
 * many; server.leaving counts them until they are gone. */
typedef size_t (*clients_weigh)(void *arg, struct conn *conn);
unsigned clients_cut(struct server *s, size_t above, size_t down_to, clients_weigh weigh, void *arg);

/* The same by what they are charged: maxmemory-clients. */
unsigned clients_evict(struct server *s, size_t limit);

/* One line of CLIENT LIST without line break, in Redis's format, into buf; returns its length (< size). The lock of
 * its worker is held, or it is the calling worker's own connection. */
size_t clients_line(const struct conn *conn, int64_t now_ms, char *buf, size_t size);
enum { CLIENTS_LINE_MAX = 2048 };

#endif
