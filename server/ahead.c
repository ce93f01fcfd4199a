/* See ahead.h. Apart from what calls it, so that the loops of both keep their variables in registers. */
#include "server/ahead.h"

#include "server/index_find.h"
#include "slab/base/assert.h"

enum { LARGE = 24 << 20 }; /* bytes of tables: 18 MB were found in a last cache of 32 MB, 36 were not */

static inline size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Where a stage is to get to while the keys before `next` run: whole blocks. */
static inline size_t stage_end(const struct ahead *a, size_t next, size_t distance)
{
    return least((next + distance + a->block - 1) & ~(a->block - 1), a->n);
}

/* Asks for the first lines of n keys' items. */
static inline void ahead_items(struct ahead *a, const struct store *s, struct skey *k, size_t n)
{
    chunk_ref ref[AHEAD_BLOCK_MAX];
    struct shard *held[AHEAD_BLOCK_MAX];
    for (size_t i = 0; i < n; i++) {
        struct shard *sh = shard_of(s, k[i].hash);
        held[i] = LIKELY(lock_try(&sh->lock, LOCK_SHARD)) ? sh : NULL;
    }
    for (size_t i = 0; i < n; i++)
        ref[i] = LIKELY(held[i] != NULL) ? index_peek(s, held[i], &k[i]) : 0;
    for (size_t i = 0; i < n; i++)
        if (LIKELY(held[i] != NULL))
            lock_release(&held[i]->lock, LOCK_SHARD);
    for (size_t i = 0; i < n; i++) {
        index_prefetch_first(s, ref[i]);
        a->place[a->items++ % AHEAD_PLACES] = ref[i];
    }
}

static inline void ahead_rests(struct ahead *a, const struct store *s, size_t end)
{
    for (; a->rests < end; a->rests++)
        index_prefetch_rest(s, a->place[a->rests % AHEAD_PLACES]);
}

void ahead_block(struct ahead *a, const struct store *s, struct skey *keys, size_t next)
{
    const size_t tables = stage_end(a, next, AHEAD_TABLES), items = stage_end(a, next, AHEAD_ITEMS);
    for (; a->tables < tables; a->tables++)
        index_prefetch_table(s, &keys[a->tables]);
    REQUIRE(a->block > 0);
    while (a->items < items) {
        if (UNLIKELY(a->items - a->rests > AHEAD_PLACES - AHEAD_BLOCK_MAX)) /* a command of many keys */
            ahead_rests(a, s, a->items - AHEAD_ITEMS);
        ahead_items(a, s, keys + a->items, least(items - a->items, a->block));
    }
    ahead_rests(a, s, stage_end(a, next, AHEAD_RESTS));
    size_t due = a->rests < a->n ? a->rests - AHEAD_RESTS : SIZE_MAX;
    due = a->items < a->n ? least(due, a->items - AHEAD_ITEMS) : due;
    a->due = a->tables < a->n ? least(due, a->tables - AHEAD_TABLES) : due;
}

void ahead_measure(struct store *s)
{
    int64_t bytes = 0;
    for (const struct store_ctx *x = atomic_load(&s->contexts); x != NULL; x = x->next)
        bytes += atomic_load_explicit(&x->bytes.index_bytes, memory_order_relaxed);
    atomic_store_explicit(&s->index_large, bytes > LARGE, memory_order_relaxed);
}
