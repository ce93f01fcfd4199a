/* See durations.h.
 *
 * Why no priority inheritance: a shard's lock held by the memory thread is held for one copy. Where it is descheduled
 * with it, the worker that wants that very shard sleeps in the futex, which is what gives the memory thread the core;
 * its release wakes the sleeper: one hand-over. The memory thread keeps the workers' own weight: SCHED_IDLE or a high
 * nice value would let any other process keep the core from it while a worker waits, and the kernel's
 * priority-inheriting futex raises no thread for a waiter of the same class. It yields by resting (memthread.c) and by
 * not preempting anybody when it wakes up (thread_yield_at_wake), not by priority. */
#include "server/durations.h"

#include "server/store_private.h"
#include "slab/base/clock.h"

void durations_add(struct durations *d, uint64_t ns)
{
    unsigned b = ns == 0 ? 0 : 64u - (unsigned)__builtin_clzll(ns);
    counter_inc(&d->count[b < DURATION_BUCKETS ? b : DURATION_BUCKETS - 1]);
}

void durations_lock_slow(struct durations *waits, struct lock *l)
{
    uint64_t begin = clock_mono_ns();
    lock_slow(l);
    durations_add(waits, clock_mono_ns() - begin);
}

void durations_sum(const struct store *s, enum duration_kind kind, uint64_t count[DURATION_BUCKETS])
{
    for (int b = 0; b < DURATION_BUCKETS; b++)
        count[b] = 0;
    for (const struct store_ctx *x = atomic_load(&s->contexts); x != NULL; x = x->next)
        for (int b = 0; b < DURATION_BUCKETS; b++)
            count[b] += atomic_load_explicit(&x->durations[kind].count[b], memory_order_relaxed);
}

void durations_summary(const struct store *s, enum duration_kind kind, struct durations_summary *out)
{
    uint64_t count[DURATION_BUCKETS], seen = 0;
    *out = (struct durations_summary){0};
    durations_sum(s, kind, count);
    for (int b = 0; b < DURATION_BUCKETS; b++)
        out->count += count[b];
    for (int b = 0; b < DURATION_BUCKETS; b++) {
        if (count[b] == 0)
            continue;
        uint64_t bound = UINT64_C(1) << b;
        seen += count[b];
        if (out->p50_ns == 0 && seen * 2 >= out->count)
            out->p50_ns = bound;
        if (out->p99_ns == 0 && seen * 100 >= out->count * 99)
            out->p99_ns = bound;
        out->max_ns = bound;
    }
}
