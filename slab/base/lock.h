/* Locks: a short spin, then a futex; ranks are checked at run time in debug builds.
 *
 * A lock is 4 bytes: 0 free, 1 held, 2 held and somebody sleeps (Drepper, "Futexes Are Tricky", mutex 2).
 * It never spins for long: a descheduled holder must get the core.
 * Ranks: a thread takes locks in ascending rank only; locks of rank LOCK_SHARD also in ascending address. */
#ifndef FLAGSTONE_SLAB_BASE_LOCK_H
#define FLAGSTONE_SLAB_BASE_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum lock_rank {
    LOCK_CONFIG = 1, /* string options, CONFIG REWRITE */
    LOCK_ACL,        /* the registry of users */
    LOCK_CLIENTS,    /* registry of connections of one worker */
    LOCK_TOPICS,     /* subscribers of some channels (pubsub.h) */
    LOCK_RECLAIM,    /* one thread at a time reclaims pages */
    LOCK_DB,         /* which databases are mapped, which wait for the sweep */
    LOCK_SHARD,      /* a shard of the index; several, ascending */
    LOCK_WATCH,      /* who watches which keys */
    LOCK_ROPES,      /* the handle table's free list */
    LOCK_PINS,       /* what the connections of one worker have pinned */
    LOCK_CLASS,      /* a size class's page lists and its pages' chunk states */
    LOCK_POOL,       /* free pages, regions */
    LOCK_STATS,      /* slow log, latency events, error table */
    LOCK_MAILBOX,    /* a worker's mailbox */
    LOCK_LOG,        /* the log file */
    LOCK_RANKS
};

struct lock {
    _Atomic uint32_t word;
};

void lock_slow(struct lock *l);
void lock_wake(struct lock *l);

#ifdef FLAGSTONE_DEBUG
void lock_rank_enter(const struct lock *l, enum lock_rank rank);
void lock_rank_try(const struct lock *l, enum lock_rank rank);
void lock_rank_leave(const struct lock *l, enum lock_rank rank);
bool lock_is_held(const struct lock *l);
#else
#define lock_rank_enter(l, r) ((void)0)
#define lock_rank_try(l, r) ((void)0)
#define lock_rank_leave(l, r) ((void)0)
#endif

/* Takes a lock that is free; false: it is held, and lock_slow must follow. */
static inline bool lock_take_free(struct lock *l, enum lock_rank rank)
{
    uint32_t free_word = 0;
    (void)rank;
    lock_rank_enter(l, rank);
    return atomic_compare_exchange_strong_explicit(&l->word, &free_word, 1, memory_order_acquire, memory_order_relaxed);
}

static inline void lock_take(struct lock *l, enum lock_rank rank)
{
    if (!lock_take_free(l, rank))
        lock_slow(l);
}

/* Returns false at once where the lock is held by somebody. */
static inline bool lock_try(struct lock *l, enum lock_rank rank)
{
    uint32_t free_word = 0;
    (void)rank;
    if (!atomic_compare_exchange_strong_explicit(&l->word, &free_word, 1, memory_order_acquire, memory_order_relaxed))
        return false;
    lock_rank_try(l, rank);
    return true;
}

/* True: somebody slept for it, and was woken. */
static inline bool lock_release(struct lock *l, enum lock_rank rank)
{
    (void)rank;
    lock_rank_leave(l, rank);
    if (__builtin_expect(atomic_exchange_explicit(&l->word, 0, memory_order_release) != 2, 1))
        return false;
    lock_wake(l);
    return true;
}

#endif
