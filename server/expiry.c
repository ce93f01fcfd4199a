/* See expiry.h. A round takes up the second that runs and those since the last round. A page with something due is held
 * (set draining) while its chunks are read, so that none of them can become another item's meanwhile; then the entry is
 * deleted under its shard's lock, if it still is due. An expiry more than 252 seconds away shares its byte with a
 * nearer one: it is looked at, and left. Where no key has an expiry, no page is looked at. */
#include "server/expiry.h"

#include "slab/base/clock.h"

enum {
    DUE_MAX = PAGE_SIZE / 24, /* all chunks of a page of the smallest */
    ROUND_MS = 400,
};

static void expire_chunk(struct store_ctx *sx, chunk_ref ref)
{
    struct store *s = sx->store;
    if (slab_get_state(&s->slab, ref) < CHUNK_EXPIRES)
        return;
    uint64_t hash;
    if (!item_hash_unlocked(s, ref, &hash))
        return;
    struct shard *sh = shard_of(s, hash);
    lock_take(&sh->lock, LOCK_SHARD);
    slot_t *slot = slab_get_state(&s->slab, ref) < CHUNK_EXPIRES ? NULL : index_find_ref(s, hash, ref);
    if (slot != NULL) {
        const struct item *it = slab_ptr(&s->slab, ref);
        int64_t expiry = item_expiry(it, item_head(it));
        if (expiry != STORE_NO_EXPIRY && expiry <= sx->now_ms) {
            note_item(sx, NOTICE_EXPIRED, it);
            entry_drop(sx, hash, slot);
            counter_inc(&sx->counters.expired);
        }
    }
    lock_release(&sh->lock, LOCK_SHARD);
}

static void expire_page(struct store_ctx *sx, uint32_t page, int64_t from_s, int64_t to_s)
{
    struct store *s = sx->store;
    chunk_ref due[DUE_MAX];
    int64_t span = to_s - from_s + 1;
    uint32_t n = span >= CHUNK_EXPIRY_STATES ? (uint32_t)CHUNK_EXPIRY_STATES : (uint32_t)span;
    uint32_t found = slab_hold_states(&s->slab, page, chunk_expiry_state(from_s * 1000), n, due, DUE_MAX);
    if (found == 0)
        return;
    for (uint32_t i = 0; i < found; i++)
        expire_chunk(sx, due[i]);
    slab_drain_end(&s->slab, page);
}

bool expiry_step(struct store_ctx *sx, struct expiry *x, uint32_t pages)
{
    struct store *s = sx->store;
    int64_t now = clock_wall_ms();
    if (!atomic_load_explicit(&s->active_expire, memory_order_relaxed))
        return false;
    if (x->page == 0) {
        if (now < x->next_ms && now > x->next_ms - ROUND_MS)
            return false;
        if (x->done_s == 0 || now / 1000 - 1 < x->done_s) /* the first round, or the clock was set back */
            x->done_s = now / 1000 - 2;
        x->round_s = now / 1000;
        x->next_ms = now + ROUND_MS;
        x->page = 1;
        sx->now_ms = now;
    }
    uint32_t end = slab_page_count(&s->slab);
    if (x->page == 1 && !store_may_expire(s))
        x->page = end; /* reading all state bytes for nothing would be half a per cent of a core at a million items */
    for (; pages > 0 && x->page < end; pages--, x->page++)
        expire_page(sx, x->page, x->done_s + 1, x->round_s);
    if (x->page < end)
        return true;
    /* the second in which the round began is not over; and one more, for what was moved behind the round's back */
    x->done_s = x->round_s - 2;
    x->page = 0;
    return false;
}
