/* How long things took that are rare and of which every single one matters: waits for a shard's lock, holds of one by
 * relocation, reclaims. Histograms by powers of two, one a thread and kind; whoever asks adds up. */
#ifndef FLAGSTONE_SERVER_DURATIONS_H
#define FLAGSTONE_SERVER_DURATIONS_H

#include <stdatomic.h>
#include <stdint.h>

#include "slab/base/lock.h"

enum { DURATION_BUCKETS = 40 }; /* bucket b: below 2^b ns */

enum duration_kind {
    DURATION_WAIT,       /* for a shard's lock that somebody held */
    DURATION_HOLD,       /* of a shard's lock by relocation: one of sixteen is timed */
    DURATION_DIRECT,     /* direct reclaim: how long a command waited for its chunks */
    DURATION_BACKGROUND, /* one step of the memory thread that refills the reserve */
    DURATION_EXPIRY,     /* how long after its time an item was found and freed by active expiry */
    DURATION_KINDS
};

struct store;

/* Single writer, any reader. */
struct durations {
    _Atomic uint64_t count[DURATION_BUCKETS];
};

void durations_add(struct durations *d, uint64_t ns);

/* Takes a shard's lock that was found held, and counts the wait. */
void durations_lock_slow(struct durations *waits, struct lock *l);

/* Takes a shard's lock. One that is free is taken without being counted, so the common case costs nothing. */
static inline void durations_lock(struct durations *waits, struct lock *l)
{
    if (__builtin_expect(!lock_take_free(l, LOCK_SHARD), 0))
        durations_lock_slow(waits, l);
}

struct durations_summary {
    uint64_t count;
    uint64_t p50_ns, p99_ns, max_ns; /* upper bounds: powers of two; 0: none */
};
/* Sums over all contexts of the store. Any thread. */
void durations_sum(const struct store *s, enum duration_kind kind, uint64_t count[DURATION_BUCKETS]);
void durations_summary(const struct store *s, enum duration_kind kind, struct durations_summary *out);

#endif
