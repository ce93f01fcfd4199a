/* Reading entries: values in pieces, expiry, recency. */
#include <string.h>

#include "server/store_private.h"

size_t store_value_len(const struct entry *e)
{
    return e->len;
}

const char *store_value_flat(const struct entry *e, size_t *len)
{
    *len = e->len;
    return e->rope == NULL ? item_value(e->item, item_head(e->item)) : NULL;
}

const char *store_value_piece(struct store_ctx *sx, const struct entry *e, size_t at, size_t *len)
{
    if (e->rope != NULL)
        return rope_piece(sx->store, e->rope, at, len);
    *len = e->len - at;
    return item_value(e->item, item_head(e->item)) + at;
}

void store_value_copy(struct store_ctx *sx, const struct entry *e, size_t at, size_t n, char *to)
{
    if (n == 0)
        return;
    if (e->rope != NULL)
        rope_read(sx->store, e->rope, at, n, to);
    else
        memcpy(to, item_value(e->item, item_head(e->item)) + at, n);
}

bool store_value_is_raw(const struct entry *e)
{
    return item_head(e->item) & ITEM_RAW;
}

bool store_value_is_text(const struct entry *e)
{
    return item_head(e->item) & ITEM_MARKS;
}

int64_t store_expiry(const struct entry *e)
{
    return item_expiry(e->item, item_head(e->item));
}

bool store_probe(struct store_ctx *sx, const struct skey *k, struct entry *e)
{
    bool found = store_find(sx, k, e);
    counter_inc(found ? &sx->counters.hits : &sx->counters.misses);
    if (!found)
        note_key(sx, NOTICE_MISS, k);
    return found;
}

bool store_read(struct store_ctx *sx, const struct skey *k, struct entry *e)
{
    if (!store_find(sx, k, e)) {
        counter_inc(&sx->counters.misses);
        note_key(sx, NOTICE_MISS, k);
        return false;
    }
    counter_inc(&sx->counters.hits);
    if (sx->touch)
        slot_touch(sx, e->slot);
    return true;
}

void store_touch(struct store_ctx *sx, const struct entry *e)
{
    slot_touch(sx, e->slot);
}

void store_ctx_touch(struct store_ctx *sx, bool touch)
{
    sx->touch = touch;
}

size_t store_orphan_bytes(const struct store *s)
{
    int64_t sum = 0;
    for (const struct store_ctx *x = atomic_load(&s->contexts); x != NULL; x = x->next)
        sum += atomic_load_explicit(&x->bytes.orphan_bytes, memory_order_relaxed);
    return sum > 0 ? (size_t)sum : 0;
}

size_t store_entry_bytes(struct store_ctx *sx, const struct entry *e)
{
    return slab_chunk_size(&sx->store->slab, slot_ref(*e->slot)) + (e->rope != NULL ? e->rope->chunk_bytes : 0);
}
