/* Fetching ahead of execution: while the commands of some keys run, the items of keys behind them are on their way to
 * the cache, and the tables of keys yet further behind.
 *
 *     keys of a batch    ... done | run | items are fetched      | tables are fetched | not looked at ...
 *                                        AHEAD_ITEMS, a block more   AHEAD_TABLES
 *
 * A block of keys at a time, in tight loops: their shards are locked, those that are free; their slots are looked at;
 * the locks are let go; their items are asked for. A locked instruction waits for all loads before it, so that with one
 * between any two keys their cache misses, and their walks of the page table, would queue. Locks are only tried, so
 * their order is free, and held for half a microsecond. Fetching all of a batch at once is worse: the last lines evict
 * the first. The items of eight keys are more lines than a core can wait for at a time, so while tables are found in
 * its cache blocks are of half as many; where they come from memory, too, the wait for their locks is what counts. */
#ifndef FLAGSTONE_SERVER_AHEAD_H
#define FLAGSTONE_SERVER_AHEAD_H

#include "server/store_private.h"

enum { AHEAD_ITEMS = 8, AHEAD_TABLES = 8, AHEAD_BLOCK = 4, AHEAD_BLOCK_MAX = 8 };

struct ahead {
    size_t tables, items; /* keys whose tables, items were asked for */
    size_t n, block;      /* keys; of them in a block */
    size_t due;           /* the next block is, once more keys than this run or have run */
};

/* Where there is but one key, there is nothing to overlap with. */
static inline void ahead_begin(struct ahead *a, const struct store *s, size_t n)
{
    bool large = atomic_load_explicit(&s->index_large, memory_order_relaxed);
    *a = (struct ahead){.n = n, .block = large ? AHEAD_BLOCK_MAX : AHEAD_BLOCK, .due = n > 1 ? 0 : SIZE_MAX};
}

/* Looks how large the index is. The memory thread, now and then. */
void ahead_measure(struct store *s);

/* Asks for the next block: keys up to `items`, not less than a->items. */
void ahead_block(struct ahead *a, const struct store *s, struct skey *keys, size_t items);

/* The command of the keys before `next` is about to run. */
static inline void ahead_of(struct ahead *a, const struct store *s, struct skey *keys, size_t next)
{
    size_t items = next + AHEAD_ITEMS + a->block - 1;
    if (UNLIKELY(next > a->due))
        ahead_block(a, s, keys, items < a->n ? items : a->n);
}

#endif
