/* Fetching ahead of execution: while the commands of some keys run, the items of keys behind them are on their way to
 * the cache, and the tables of keys yet further behind.
 *
 *     keys of a batch    ... done | run | items are fetched | tables are fetched | not looked at ...
 *                                        AHEAD_ITEMS, up to AHEAD_BLOCK more      AHEAD_BLOCK
 *
 * A block of keys at a time, in tight loops: their shards are locked, those that are free; their slots are looked at;
 * the locks are let go; their items are asked for. A locked instruction waits for all loads before it, so that with one
 * between any two keys their cache misses, and their walks of the page table, would queue. Locks are only tried, so
 * their order is free, and held for half a microsecond. Fetching all of a batch at once is worse: the last lines evict
 * the first. */
#ifndef FLAGSTONE_SERVER_AHEAD_H
#define FLAGSTONE_SERVER_AHEAD_H

#include "server/index_find.h"

enum { AHEAD_ITEMS = 8, AHEAD_BLOCK = 8 };

struct ahead {
    size_t tables, items; /* keys whose tables, items were asked for */
    size_t n;             /* keys, 0: nothing to overlap with */
};

static inline void ahead_begin(struct ahead *a, size_t n)
{
    *a = (struct ahead){.n = n > 1 ? n : 0};
}

/* Asks for the items of n keys. */
static inline void ahead_items(const struct store *s, struct skey *k, size_t n)
{
    chunk_ref ref[AHEAD_BLOCK];
    uint32_t held = 0;
    for (size_t i = 0; i < n; i++)
        held |= (uint32_t)lock_try(&shard_of(s, k[i].hash)->lock, LOCK_SHARD) << i;
    for (size_t i = 0; i < n; i++)
        ref[i] = LIKELY(held >> i & 1) ? index_peek(s, &k[i]) : 0;
    for (size_t i = 0; i < n; i++)
        if (LIKELY(held >> i & 1))
            lock_release(&shard_of(s, k[i].hash)->lock, LOCK_SHARD);
    for (size_t i = 0; i < n; i++)
        index_prefetch_item(s, ref[i]);
}

/* The next block: keys up to `items`, not less than a->items. */
static inline void ahead_block(struct ahead *a, const struct store *s, struct skey *keys, size_t items)
{
    size_t tables = items + AHEAD_BLOCK < a->n ? items + AHEAD_BLOCK : a->n;
    for (; a->tables < tables; a->tables++)
        index_prefetch_table(s, &keys[a->tables]);
    while (a->items < items) {
        size_t n = items - a->items < AHEAD_BLOCK ? items - a->items : AHEAD_BLOCK;
        ahead_items(s, keys + a->items, n);
        a->items += n;
    }
}

/* The command of the keys before `next` is about to run. */
static inline void ahead_of(struct ahead *a, const struct store *s, struct skey *keys, size_t next)
{
    size_t items = next + AHEAD_ITEMS;
    if (LIKELY(items <= a->items || a->items == a->n))
        return;
    items += AHEAD_BLOCK - 1;
    ahead_block(a, s, keys, items < a->n ? items : a->n);
}

#endif
