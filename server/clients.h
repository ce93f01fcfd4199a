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
    _Atomic size_t memory_normal; /* bytes of all connections' buffers and structs, kept current by the worker */
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
 * held (inside clients_walk). */
void clients_kill(struct conn *conn);

/* Closes the largest clients until their memory is under `limit` bytes. No lock held. Returns how many. */
unsigned clients_evict(struct server *s, size_t limit);

/* One line of CLIENT LIST without line break, in Redis's format, into buf; returns its length (< size). The lock of
 * its worker is held, or it is the calling worker's own connection. */
size_t clients_line(const struct conn *conn, int64_t now_ms, char *buf, size_t size);
enum { CLIENTS_LINE_MAX = 2048 };

#endif
