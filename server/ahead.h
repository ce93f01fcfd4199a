/* Fetching ahead of execution: while the commands of some keys run, the items of keys behind them are on their way to
 * the cache, and the tables of keys yet further behind.
 *
 *     keys of a batch    ... done | run |   items' other lines | items' first lines | tables | not looked at ...
 *                                      AHEAD_RESTS          AHEAD_ITEMS        AHEAD_TABLES
 *
 * Each stage goes on by a block of keys at a time, in tight loops. For items' first lines that is: their shards are
 * locked, those that are free; their slots are looked at; the locks are let go; the lines are asked for. A locked
 * instruction waits for all loads before it, so that with one between any two keys their cache misses would queue.
 * Locks are only tried, so their order is free, and held for half a microsecond.
 *
 * The first line of a page that is not in the TLB holds the core until its walk of the page table is over; the others
 * of a block walk meanwhile. Lines whose page is known do not hold it, but more than a core can have on their way, some
 * 16 to 24, wait: so an item's other lines come apart from its first, and blocks are small. Where tables come from
 * memory, too, the wait for locks is what counts, and blocks are twice as large. Fetching all of a batch at once is
 * worse: the last lines evict the first. */
#ifndef FLAGSTONE_SERVER_AHEAD_H
#define FLAGSTONE_SERVER_AHEAD_H

#include <assert.h>

#include "server/store_private.h"

enum {
    AHEAD_TABLES = 16, /* keys ahead, at least */
    AHEAD_ITEMS = 8,
    AHEAD_RESTS = 4,
    AHEAD_BLOCK = 4,
    AHEAD_BLOCK_MAX = 8,
    AHEAD_PLACES = 32,
};
static_assert(AHEAD_PLACES >= AHEAD_ITEMS + 2 * AHEAD_BLOCK_MAX && AHEAD_PLACES % AHEAD_BLOCK_MAX == 0,
              "a block's items find room when those before AHEAD_ITEMS have been asked for");

struct ahead {
    size_t tables, items, rests;   /* keys whose tables, items' first lines, items' other lines were asked for */
    size_t n, block;               /* keys; of them in a block */
    size_t due;                    /* the next block is, once more keys than this run or have run */
    chunk_ref place[AHEAD_PLACES]; /* of key i's item, rests <= i < items, at i % AHEAD_PLACES; 0: it has none */
};

/* Where there is but one key, there is nothing to overlap with. */
static inline void ahead_begin(struct ahead *a, const struct store *s, size_t n)
{
    bool large = atomic_load_explicit(&s->index_large, memory_order_relaxed);
    a->tables = a->items = a->rests = 0; /* one by one: places need not be cleared */
    a->n = n;
    a->block = large ? AHEAD_BLOCK_MAX : AHEAD_BLOCK;
    a->due = n > 1 ? 0 : SIZE_MAX;
}

/* Looks how large the index is. The memory thread, now and then. */
void ahead_measure(struct store *s);

/* Asks for all that is due when the command of the keys before `next` is about to run. */
void ahead_block(struct ahead *a, const struct store *s, struct skey *keys, size_t next);

/* The command of the keys before `next` is about to run. */
static inline void ahead_of(struct ahead *a, const struct store *s, struct skey *keys, size_t next)
{
    if (UNLIKELY(next > a->due))
        ahead_block(a, s, keys, next);
}

#endif
