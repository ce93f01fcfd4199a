/* Statistics: counters that each thread writes for itself and whoever asks adds up.
 *
 *     worker 0 ── stats_worker 0 ─┐
 *     worker 1 ── stats_worker 1 ─┼─ sum − baseline (taken by CONFIG RESETSTAT) = what INFO shows
 *     main     ── stats_worker n ─┘
 *
 * A stats_worker has one writer. Its counters are atomics of a single writer: relaxed load, add, relaxed store, which
 * compile to a plain add; readers on other threads see values that are at most a moment old. Nothing is ever written
 * by anybody but the owner: a reset notes the present sums as the baseline that is subtracted from then on.
 *
 * How the dispatcher uses it, w being its worker's:
 *     ran:          stats_call(w, cmd->id, ns, replied an error)   duration from its own clock, nanoseconds
 *     refused:      stats_rejected(w, cmd->id)                     arity, auth, OOM: before the handler ran
 *     either error: stats_error(w, "WRONGTYPE")                    the code, from reply.last_error
 *     slow:         if (ns >= slow_command_ns(srv)) slow_command(c, ns)             see slow_command.h
 * What is counted elsewhere (keyspace hits, misses, expired and evicted keys, by the store's contexts) comes in through
 * the source function, so that one reset and one set of names cover all. */
#ifndef FLAGSTONE_SERVER_STATS_H
#define FLAGSTONE_SERVER_STATS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/histogram.h"

struct stats; /* the server's */

enum stats_counter {
    STATS_CONNECTIONS,          /* total_connections_received; by the main thread: stats_worker(s, workers) */
    STATS_CONNECTIONS_REJECTED, /* rejected_connections: maxclients */
    STATS_INPUT_BYTES,          /* total_net_input_bytes */
    STATS_OUTPUT_BYTES,         /* total_net_output_bytes */
    STATS_READS,                /* total_reads_processed: reads from sockets that gave something */
    STATS_WRITES,               /* total_writes_processed */
    STATS_ERRORS,               /* total_error_replies; stats_error counts it */
    STATS_UNEXPECTED_ERRORS,    /* unexpected_error_replies */
    STATS_PROTOCOL_ERRORS,      /* connections closed because of one */
    STATS_DENIED_AUTH,          /* acl_access_denied_auth, and so on */
    STATS_DENIED_COMMAND,
    STATS_DENIED_KEY,
    STATS_DENIED_CHANNEL,
    STATS_CLIENTS_EVICTED,      /* evicted_clients: maxmemory-clients, client_room.h */
    STATS_QUERY_LIMIT_CLOSED,   /* client_query_buffer_limit_disconnections */
    STATS_OUTPUT_LIMIT_CLOSED,  /* client_output_buffer_limit_disconnections */
    STATS_LOOPS,                /* eventloop_cycles */
    STATS_LOOP_NS,              /* eventloop_duration_sum, shown in microseconds */
    STATS_LOOP_CMD_NS,          /* eventloop_duration_cmd_sum */
    STATS_LATE,                 /* commands over active-defrag-latency-target */
    STATS_OWN,                  /* those above are counted here, by stats_add */
    STATS_COMMANDS = STATS_OWN, /* total_commands_processed: the sum over the commands */
    STATS_HITS,                 /* this and the rest come from the source */
    STATS_MISSES,
    STATS_EXPIRED,
    STATS_EVICTED,
    STATS_RECLAIM_DIRECT,
    STATS_RECLAIM_FAILED,
    STATS_CHUNKS_MOVED, /* active_defrag_hits */
    STATS_CHUNKS_LEFT,  /* active_defrag_misses: tried, and gone, pinned, reserved or without room */
    STATS_KEYS_MOVED,   /* active_defrag_key_hits, _misses: of them, items */
    STATS_KEYS_LEFT,
    STATS_COUNTERS
};

/* Adds what is counted elsewhere to total[STATS_HITS ... STATS_COUNTERS - 1]. Any thread. */
typedef void (*stats_source)(void *arg, uint64_t total[STATS_COUNTERS]);

enum { STATS_ERROR_KINDS = 128, STATS_ERROR_NAME = 40 };

struct stats_cmd {
    _Atomic uint64_t calls, ns, rejected, failed;
    struct histogram *_Atomic latency; /* made at the first call */
};

struct stats_kind { /* an error's code and how often it was answered */
    char name[STATS_ERROR_NAME];
    _Atomic uint64_t count;
};

struct stats_worker {
    _Atomic uint64_t counter[STATS_OWN];
    struct stats_cmd *cmd; /* [commands] */
    unsigned commands;
    struct stats_kind *_Atomic kind; /* [STATS_ERROR_KINDS + 1], made at the first error; the last is "all others" */
    _Atomic unsigned kinds;
    const _Atomic int64_t *track_latency; /* the option latency-tracking */
} __attribute__((aligned(64)));

/* For `workers` workers, the main thread (number `workers`) and commands with ids below `commands`. `track` is the
 * option that says whether latencies are kept; it outlives the statistics. NULL: no memory. */
struct stats *stats_new(unsigned workers, unsigned commands, const _Atomic int64_t *track);
void stats_free(struct stats *s); /* NULL is allowed */
struct stats_worker *stats_worker(struct stats *s, unsigned number);
void stats_set_source(struct stats *s, stats_source source, void *arg); /* before threads start */

/* Made when the command's first call comes; NULL when memory is short. For stats_calls only. */
struct histogram *stats_latency_new(struct stats_worker *w, uint16_t id);

static inline void stats_bump(_Atomic uint64_t *v, uint64_t n)
{
    atomic_store_explicit(v, atomic_load_explicit(v, memory_order_relaxed) + n, memory_order_relaxed);
}

/* Owner only. Adds n to a counter. */
static inline void stats_add(struct stats_worker *w, enum stats_counter c, uint64_t n)
{
    stats_bump(&w->counter[c], n);
}

/* Owner only. `n` calls of a command ran, of which each took `ns` nanoseconds (a dispatcher that times a run of equal
 * commands by one clock reading gives the mean). */
static inline void stats_calls(struct stats_worker *w, uint16_t id, uint64_t n, uint64_t ns)
{
    struct stats_cmd *c = &w->cmd[id];
    stats_bump(&c->calls, n);
    stats_bump(&c->ns, ns * n);
    if (!atomic_load_explicit(w->track_latency, memory_order_relaxed))
        return;
    struct histogram *h = atomic_load_explicit(&c->latency, memory_order_relaxed);
    if (h != NULL || (h = stats_latency_new(w, id)) != NULL)
        histogram_record(h, ns, n);
}

/* Owner only. A command ran for `ns` nanoseconds; failed: it replied an error. */
static inline void stats_call(struct stats_worker *w, uint16_t id, uint64_t ns, bool failed)
{
    stats_calls(w, id, 1, ns);
    if (__builtin_expect(failed, 0))
        stats_bump(&w->cmd[id].failed, 1);
}

/* Owner only. A command was refused before it ran. */
static inline void stats_rejected(struct stats_worker *w, uint16_t id)
{
    stats_bump(&w->cmd[id].rejected, 1);
}

/* Owner only. An error with this code ("ERR", terminated) was answered. */
void stats_error(struct stats_worker *w, const char *code);

/* Any thread: sums over the workers since the last reset. */
struct stats_command {
    uint64_t calls, ns, rejected, failed;
};
struct stats_error_kind {
    char name[STATS_ERROR_NAME];
    uint64_t count;
};
void stats_totals(struct stats *s, uint64_t total[STATS_COUNTERS]);
void stats_command(struct stats *s, uint16_t id, struct stats_command *out);
/* Adds the command's latencies to `out` (cleared or zeroed by the caller, who clears it afterwards). */
void stats_command_latency(struct stats *s, uint16_t id, struct histogram *out);
/* Fills in at most STATS_ERROR_KINDS + 1 kinds, by name; returns how many. */
unsigned stats_errors(struct stats *s, struct stats_error_kind *out);

/* CONFIG RESETSTAT: all sums begin at zero again. False: memory is short and nothing was reset. */
bool stats_reset(struct stats *s);

/* Instantaneous rates: the main thread's timer calls stats_sample every 100 ms or so; the rate is the mean of the last
 * 16 samples. In units a second. */
enum stats_rate {
    STATS_RATE_COMMANDS,
    STATS_RATE_INPUT,
    STATS_RATE_OUTPUT,
    STATS_RATE_LOOPS,
    STATS_RATE_LOOP_NS,
    STATS_RATES
};
void stats_sample(struct stats *s, uint64_t now_ns);
double stats_rate(struct stats *s, enum stats_rate which);

#endif
