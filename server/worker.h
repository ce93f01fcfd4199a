/* Workers: threads that serve connections, each with its own event loop.
 *
 * A connection is given to a worker once (worker_adopt) and stays there. Everything of a worker is touched by its own
 * thread alone, but what is atomic or says otherwise. Other threads talk to it through its mailbox (mailbox.h) or
 * look at its connections through the registry (clients.h). */
#ifndef FLAGSTONE_SERVER_WORKER_H
#define FLAGSTONE_SERVER_WORKER_H

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

#include "server/clients.h"
#include "slab/base/lock.h"

struct batch;
struct conn;
struct event;
struct event_base;
struct mailbox;
struct server;
struct stats_worker;
struct store_ctx;

/* Counters of the network side. One writer, the worker; anybody reads (relaxed). */
struct worker_net {
    _Atomic uint64_t bytes_in, bytes_out;
    _Atomic uint64_t reads, writes;        /* system calls that moved bytes */
    _Atomic uint64_t query_limit_closed;   /* client_query_buffer_limit_disconnections */
    _Atomic uint64_t output_limit_closed;  /* client_output_buffer_limit_disconnections */
    _Atomic uint64_t evicted_clients;      /* closed for maxmemory-clients */
    _Atomic uint64_t protocol_errors;
};

struct worker {
    uint32_t magic;
    int index; /* 0 .. nworkers-1 */
    struct server *srv;
    struct event_base *base;
    struct store_ctx *sx;
    struct stats_worker *stats; /* stats_worker(srv->stats, index) */
    struct mailbox *mail;
    struct batch *batch; /* requests parsed and not yet executed, the shared buffers */
    int64_t now_ms;      /* Unix time at the begin of this loop turn */
    struct event *turn_ev, *tick_ev, *mail_ev;
    uint32_t turn_flags;
    pthread_t thread;

    alignas(64) struct clients clients; /* registry of this worker's connections */
    alignas(64) struct worker_net net;
};

/* Makes worker `index` of `s` with its loop, store context and statistics; NULL: memory or descriptors are short
 * (errno). worker_run starts its thread (0 or errno); worker_stop asks it to end, joins it and closes its
 * connections; worker_free the rest. */
struct worker *worker_new(struct server *s, int index);
int worker_run(struct worker *w);
void worker_stop(struct worker *w);
void worker_free(struct worker *w);

/* Adds to a counter that only this thread writes: no locked instruction. */
static inline void worker_count(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

#endif
