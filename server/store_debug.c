/* See store_debug.h. */
#include "server/store_debug.h"

#include <stdio.h>

#include "server/relocate.h"
#include "server/store_private.h"

bool store_check(struct store_ctx *sx, char *why, size_t n)
{
    struct store *s = sx->store;
    uint64_t entries = 0;
    for (uint32_t i = 0; i < SHARDS; i++) {
        struct shard *sh = &s->shards[i];
        lock_take(&sh->lock, LOCK_SHARD);
        bool ok = index_check(s, i, &entries, why, n);
        lock_release(&sh->lock, LOCK_SHARD);
        if (!ok)
            return false;
    }
    return slab_check(&s->slab, why, n);
}

const char *store_debug_move(struct store_ctx *sx, const struct skey *k, struct entry *e)
{
    return move_outcome_name(relocate_entry(sx, k, e));
}

size_t store_debug_page(struct store_ctx *sx, const struct entry *e, char *line, size_t n)
{
    static const char *const states[] = {"unused", "active", "draining"};
    struct page_counts c;
    uint32_t page = slab_page_of(slab_ref(&sx->store->slab, e->item));
    slab_page_counts(&sx->store->slab, page, &c);
    int len = snprintf(line, n,
                       "page:%u class:%u chunk_size:%u state:%s chunks:%u indexed:%u reserved:%u orphaned:%u "
                       "free:%u",
                       page, c.class, sx->store->slab.classes.c[c.class].size, states[c.state], c.chunks, c.live,
                       c.reserved, c.orphaned, c.free);
    return len < 0 ? 0 : (size_t)len < n ? (size_t)len : n - 1;
}

size_t store_debug_entry(struct store_ctx *sx, const struct entry *e, char *line, size_t n)
{
    const struct slab *slab = &sx->store->slab;
    uint32_t head = item_head(e->item);
    chunk_ref ref = slab_ref(slab, e->item);
    int len = snprintf(line, n,
                       "at:%p kind:%s page:%u chunk_size:%u header:%u key:%u value:%zu slack:%u segments:%u "
                       "pins:%u",
                       (void *)e->item, item_kind(head) == KIND_ROPE ? "rope" : "string", slab_page_of(ref),
                       slab_chunk_size(slab, ref), 4 + item_key_offset(head), item_key_len(e->item, head), e->len,
                       item_slack(head), e->rope != NULL ? e->rope->nsegs : 0,
                       e->rope != NULL && rope_pinned(e->rope) ? atomic_load(&e->rope->hold->pins) : 0);
    return len < 0 ? 0 : (size_t)len < n ? (size_t)len : n - 1;
}
