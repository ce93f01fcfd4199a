/* The server: what main.c puts together, one struct, passed to whoever needs it. No other globals exist.
 *
 * Members are set up by main before threads start and stay until all threads are joined; what changes meanwhile is
 * atomic, or says by which lock it is guarded. */
#ifndef FLAGSTONE_SERVER_SERVER_H
#define FLAGSTONE_SERVER_SERVER_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/client_room.h"
#include "server/ticks.h"
#include "slab/base/lock.h"

struct acl;
struct acl_log;
struct event_base;
struct latency;
struct listener;
struct memthread;
struct options;
struct pubsub;
struct slowlog;
struct stats;
struct store;
struct worker;

/* THREADS_MAX counts workers, the main and the memory thread. */
enum { WORKERS_MAX = 256, THREADS_MAX = WORKERS_MAX + 2, SERVER_RUN_ID_CHARS = 40 };

/* A thread's stack, for the accounting of memory: what of [base, base + size) is resident is counted. base NULL:
 * unused entry. Written by thread_start (server/thread.h) and never changed after. */
struct thread_stack {
    _Atomic(char *) base;
    size_t size;
};

/* CLIENT PAUSE: commands that write (or all) wait until the time has come. */
enum pause_mode { PAUSE_NONE, PAUSE_WRITE, PAUSE_ALL };

/* A shutdown, and how patient it is. */
enum stopping { STOPPING_NOT, STOPPING_DRAIN, STOPPING_NOW };

/* ATTENTION_MEMORY: more is in use than maxmemory leaves for pages (limit.h). */
enum attention { ATTENTION_MONITOR = 1, ATTENTION_PAUSE = 2, ATTENTION_MEMORY = 4 };

struct server {
    struct options *opt;
    struct store *store;
    struct worker **workers;
    int nworkers;
    struct memthread *memthread;
    struct listener *listener;
    struct pubsub *pubsub;
    struct acl *acl;     /* users */
    struct stats *stats; /* telemetry.h makes these four */
    struct slowlog *slowlog;
    struct latency *latency;
    struct acl_log *acl_log;
    struct ticks ticks;      /* calibrated once, workers copy it */
    struct event_base *base; /* the main thread's: listeners, signals, timers */

    int64_t start_wall_ms;
    uint64_t start_mono_ns;
    char run_id[SERVER_RUN_ID_CHARS + 1];
    const char *executable;  /* absolute path as started */
    const char *config_file; /* absolute path, "" without one */
    char unix_path[108];     /* the unix socket that is listened on, "" without one */

    struct thread_stack stacks[THREADS_MAX];
    _Atomic int nstacks;

    _Atomic uint64_t next_client_id;  /* the last one given */
    _Atomic uint32_t nclients;        /* connections open now */
    _Atomic uint32_t nmonitors;       /* of them in MONITOR */
    _Atomic uint32_t leaving;         /* of them being closed for the memory that they hold (client_room.h) */
    _Atomic int64_t leaving_since_ms; /* when the last of them were told */
    struct room_vain room_vain;       /* client_room.h */

    struct lock pause_lock; /* held over a change of the pause; rank LOCK_CLIENTS */
    _Atomic int pause_mode; /* enum pause_mode */
    _Atomic int64_t pause_until_ms;

    _Atomic int64_t cross_protocol_ms; /* when an HTTP request was last logged, 0: never */

    _Atomic int stopping;         /* enum stopping: a shutdown has begun */
    _Atomic int workers_to_drain; /* of it: workers whose clients still wait for replies */
    int wake_fd;                  /* eventfd: the main loop looks at these two */

    /* Bits of enum attention: what a worker has to look at before each command; nearly always 0, and alone on its line
     * because every command reads it. */
    alignas(64) _Atomic uint32_t attention;
    _Atomic uint32_t gate_closed; /* a worker has the store to itself (gate.h); read once a batch */
    _Atomic uint32_t acl_epoch;   /* raised when users changed (acl.h); read once a batch */
};

/* Begins a clean shutdown (shutdown.h) that lets replies drain, or (`now`) does not wait for that; returns at once. Any
 * thread. */
void server_stop(struct server *s, bool now);

/* Makes the main loop look at `stopping` and `workers_to_drain`. Any thread. */
void server_wake(struct server *s);

#endif
