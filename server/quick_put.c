/* See quick_put.h. Three cases: the key is new, its value is replaced where it is, anything else. The order of what is
 * written is store.c's: the chunk is taken and filled, its state says that it is live, then the index names it. */
#include "server/quick_put.h"

#include <string.h>

#include "server/evict.h"
#include "server/index_find.h"

/* Anything else: an expiry, a rope, another size class, somebody who watches. */
static bool put_any(struct store_ctx *sx, const struct skey *k, const struct arg *value)
{
    struct entry e;
    struct part part = {value->p, value->len};
    store_find(sx, k, &e);
    return store_put(sx, k, &e, &part, 1, NULL, STORE_NO_EXPIRY, 0) == STORE_OK;
}

static bool is_short(const struct store *s, const struct skey *k, const struct arg *value)
{
    return 4u + k->len + value->len <= CHUNK_MAX &&
           value->len <= atomic_load_explicit(&s->max_value, memory_order_relaxed);
}

/* A new key, for which there is room at `place`. False: short of a chunk. */
static inline bool insert(struct store_ctx *sx, struct shard *sh, const struct skey *k, const struct arg *value,
                          struct index_place *place)
{
    const struct slab *slab = &sx->store->slab;
    uint32_t before = 4 + k->len, bytes = before + (uint32_t)value->len, class = size_class_of(&slab->classes, bytes);
    const struct size_class *c = &slab->classes.c[class];
    chunk_ref ref = chunk_take(sx, class);
    if (UNLIKELY(ref == 0))
        return false;
    struct item *it = slab_ptr(slab, ref);
    atomic_store_explicit(&it->head, item_set_slack(item_plain_head(k), c->size - bytes), memory_order_relaxed);
    memcpy(it->data, k->p, k->len);
    memcpy((char *)it + before, value->p, value->len);
    slab_set_state_in(slab, c, ref, CHUNK_LIVE);
    counter_add(&sx->bytes.item_bytes, bytes);
    counter_add(&sx->bytes.chunk_bytes, c->size);
    counter_add(&sx->bytes.items, 1);
    counter_add(&sx->dbs[k->db].keys, 1);
    index_insert_at(sh, hash_tag(k->hash), place, index_slot(sx, k->hash, ref, evict_first_freq(sx, k->hash)));
    return true;
}

/* Overwrites the value where it is. False: it is not plain, not the key's, or of another size class. */
static bool overwrite(struct store_ctx *sx, const struct skey *k, const struct arg *value, slot_t *slot)
{
    const struct slab *slab = &sx->store->slab;
    chunk_ref ref = slot_ref(*slot);
    struct item *it = slab_ptr(slab, ref);
    uint32_t head = item_head(it), before = 4 + k->len, bytes = before + (uint32_t)value->len;
    if (UNLIKELY(((head ^ item_plain_head(k)) & ~ITEM_PLAIN_ANY) != 0 || !bytes_equal(it->data, k->p, k->len)))
        return false;
    uint32_t class = slab_class_of_ref(slab, ref), size = slab->classes.c[class].size;
    if (size_class_of(&slab->classes, bytes) != class)
        return false;
    memcpy((char *)it + before, value->p, value->len);
    counter_add(&sx->bytes.item_bytes, (int64_t)bytes - (int64_t)(size - item_slack(head)));
    atomic_store_explicit(&it->head, item_set_slack(head, size - bytes) & ~(uint32_t)ITEM_MARKS, memory_order_relaxed);
    slot_touch(sx, slot);
    return true;
}

bool quick_put(struct store_ctx *sx, struct shard *sh, const struct skey *k, const struct arg *value)
{
    struct store *s = sx->store;
    struct index_place place;
    bool room = false;
    if (UNLIKELY(!is_short(s, k, value) || atomic_load_explicit(&sh->watched, memory_order_relaxed) != 0))
        return put_any(sx, k, value);
    while (!index_seek(s, sh, k, &place)) {
        if (LIKELY(room || index_has_room(place.b, 1)))
            return insert(sx, sh, k, value, &place) || put_any(sx, k, value);
        room = index_room(sx, k->hash, 1);
        if (!room)
            return put_any(sx, k, value);
    }
    return overwrite(sx, k, value, &place.t.slots[place.at]) || put_any(sx, k, value);
}
