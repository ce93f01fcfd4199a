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
#include <stdbool.h>
#include <stdint.h>

#include "server/clients.h"
#include "server/ticks.h"
#include "slab/base/lock.h"

struct batch;
struct conn;
struct conn_origin;
struct event;
struct event_base;
struct letter;
struct mailbox;
struct patterns;
struct server;
struct stats_worker;
struct store_ctx;

struct worker {
    uint32_t magic;
    int index; /* 0 .. nworkers-1 */
    struct server *srv;
    struct event_base *base;
    struct store_ctx *sx;
    struct stats_worker *stats; /* stats_worker(srv->stats, index) */
    struct mailbox *mail;
    struct batch *batch; /* requests parsed and not yet executed, the shared buffers */
    int64_t now_ms;      /* Unix time, read once a batch */
    struct event *turn_ev, *tick_ev, *mail_ev, *pause_ev, *drain_ev;
    struct conn *paused;       /* connections that wait for the end of CLIENT PAUSE */
    struct conn *monitors;     /* connections in MONITOR */
    struct conn *delivered;    /* connections that were given messages in this turn (pubsub.h) */
    struct letter *letters;    /* mail that was taken and is not read yet */
    struct patterns *patterns; /* as it saw them last (pubsub_private.h) */
    _Atomic uint32_t nmonitors;
    uint32_t rounds;     /* of housekeeping, for what is done once in a while */
    uint64_t turn_ticks; /* when this loop turn's work began */
    bool draining;       /* the server ends: connections are parted with as they have their replies (conn_drain.c) */
    bool turn_armed;     /* turn_ev will run at the end of this loop turn */
    bool touch;          /* what store_ctx_touch was told last */
    uint32_t acl_epoch;  /* connections are up to date with this srv->acl_epoch */
    struct ticks ticks;
    pthread_t thread;
    bool running; /* `thread` is to be joined */

    bool publishers_wait;               /* some are not read, since messages pile up (pubsub.h) */
    bool holds_messages;                /* EXEC is replying: messages are delivered behind that */
    alignas(64) _Atomic uint32_t busy;  /* executes commands (gate.h) */
    alignas(64) _Atomic size_t backlog; /* bytes of messages in its mailbox */
    alignas(64) struct clients clients; /* registry of this worker's connections */
};

/* Makes worker `index` of `s` with its loop, store context and statistics; NULL: memory or descriptors are short
 * (errno). worker_run starts its thread (0 or errno); worker_stop asks it to end, joins it and closes its
 * connections; worker_free the rest. */
struct worker *worker_new(struct server *s, int index);
int worker_run(struct worker *w);
void worker_stop(struct worker *w);
void worker_free(struct worker *w);

/* Gives it a connection, which it owns from then on. False: memory is short; `fd` is still the caller's. Any thread. */
bool worker_adopt(struct worker *w, int fd, const struct conn_origin *origin);

/* Puts what was taken from the mailbox behind what is not read yet. Its thread; what stays there is read at its next
 * mail. */
void worker_take_mail(struct worker *w, struct letter *first);

/* Makes sure that the batch is run at the end of this loop turn. The worker's thread. */
void worker_turn(struct worker *w);

#endif
