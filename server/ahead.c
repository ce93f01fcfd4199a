/* See ahead.h. Apart from what calls it, so that the loops of both keep their variables in registers. */
#include "server/ahead.h"

#include "server/index_find.h"
#include "slab/base/assert.h"

enum { LARGE = 24 << 20 }; /* bytes of tables: 18 MB were found in a last cache of 32 MB, 36 were not */

/* Asks for the items of n keys. */
static inline void ahead_items(const struct store *s, struct skey *k, size_t n)
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
    for (size_t i = 0; i < n; i++)
        index_prefetch_item(s, ref[i]);
}

void ahead_block(struct ahead *a, const struct store *s, struct skey *keys, size_t items)
{
    size_t tables = items + AHEAD_TABLES < a->n ? items + AHEAD_TABLES : a->n;
    for (; a->tables < tables; a->tables++)
        index_prefetch_table(s, &keys[a->tables]);
    REQUIRE(a->block > 0);
    while (a->items < items) {
        size_t n = items - a->items < a->block ? items - a->items : a->block;
        ahead_items(s, keys + a->items, n);
        a->items += n;
    }
    a->due = items < a->n ? items - AHEAD_ITEMS : SIZE_MAX;
}

void ahead_measure(struct store *s)
{
    int64_t bytes = 0;
    for (const struct store_ctx *x = atomic_load(&s->contexts); x != NULL; x = x->next)
        bytes += atomic_load_explicit(&x->bytes.index_bytes, memory_order_relaxed);
    atomic_store_explicit(&s->index_large, bytes > LARGE, memory_order_relaxed);
}
