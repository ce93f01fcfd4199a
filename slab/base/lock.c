/* See lock.h. Rank checks keep the locks that a thread holds in a small thread-local stack. */
#include "slab/base/lock.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "slab/base/assert.h"

enum { LOCK_SPINS = 64 };

static inline void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

void lock_slow(struct lock *l)
{
    for (int i = 0; i < LOCK_SPINS; i++) {
        uint32_t free_word = 0;
        cpu_relax();
        if (atomic_load_explicit(&l->word, memory_order_relaxed) == 0 &&
            atomic_compare_exchange_weak_explicit(&l->word, &free_word, 1, memory_order_acquire, memory_order_relaxed))
            return;
    }
    while (atomic_exchange_explicit(&l->word, 2, memory_order_acquire) != 0)
        syscall(SYS_futex, &l->word, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0);
}

void lock_wake(struct lock *l)
{
    syscall(SYS_futex, &l->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

#ifdef FLAGSTONE_DEBUG
/* MULTI and MSET hold many shards at once: only the last taken of them is kept, with a count. */
static _Thread_local struct {
    const struct lock *last;
    uint32_t held;
} ranks[LOCK_RANKS];

static void rank_push(const struct lock *l, enum lock_rank rank)
{
    ranks[rank].last = l;
    ranks[rank].held++;
}

void lock_rank_enter(const struct lock *l, enum lock_rank rank)
{
    for (int r = (int)rank + 1; r < LOCK_RANKS; r++)
        ASSERT(ranks[r].held == 0);
    if (rank == LOCK_SHARD)
        ASSERT(ranks[rank].held == 0 || ranks[rank].last < l);
    else
        ASSERT(ranks[rank].held == 0);
    rank_push(l, rank);
}

/* A lock that is only tried cannot deadlock, so its order is free. */
void lock_rank_try(const struct lock *l, enum lock_rank rank)
{
    rank_push(l, rank);
}

void lock_rank_leave(const struct lock *l, enum lock_rank rank)
{
    ASSERT(ranks[rank].held > 0);
    ASSERT(atomic_load_explicit(&l->word, memory_order_relaxed) != 0);
    ranks[rank].held--;
}

bool lock_is_held(const struct lock *l)
{
    return atomic_load_explicit(&l->word, memory_order_relaxed) != 0;
}
#endif
