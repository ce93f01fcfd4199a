/* See expiry.h. A round takes up the second that runs and those since the last round; one that begins with a second
 * leaves that one out, since hardly anything of it is due. A page with something due is held (set draining) while its
 * chunks are read, so that none of them can become another item's meanwhile; then the entry is deleted under its
 * shard's lock, if it still is due. An expiry more than 252 seconds away shares its byte with a nearer one: it is
 * looked at, and left. Where no key has an expiry, no page is looked at.
 *
 * What an expired key costs is cache misses, so each is begun long before it is waited for: the states of a page while
 * those before it are searched, an item when it is found, its shard when it is hashed, its table some keys ahead. */
#include "server/expiry.h"

#include "slab/base/clock.h"

enum {
    DUE_MAX = PAGE_SIZE / 24, /* all chunks of a page of the smallest */
    ROUND_MS = 500,           /* rounds begin with a second and in its middle */
    WINDOW = 64,
    PAGES_HELD = 32,
    PAGES_AHEAD = 4,   /* pages whose states are fetched before they are searched */
    TABLES_AHEAD = 12, /* keys whose tables are fetched before they are deleted */
};

static void expire_chunk(struct store_ctx *sx, chunk_ref ref, uint64_t hash)
{
    struct store *s = sx->store;
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
            durations_add(&sx->durations[DURATION_EXPIRY], (uint64_t)(sx->now_ms - expiry) * 1000000);
        }
    }
    shard_release(sx, sh);
}

/* Up to WINDOW chunks, whose items are being fetched. Those that are due later in the second that runs, or in minutes,
 * are left before a shard is locked; unless the last round was so long ago (`lately` false) that the hint may be
 * wrong. */
static void expire_window(struct store_ctx *sx, const chunk_ref *ref, uint32_t n, bool lately)
{
    struct store *s = sx->store;
    struct skey key[WINDOW];
    chunk_ref due[WINDOW];
    uint32_t ndue = 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct item *it = slab_ptr(&s->slab, ref[i]);
        if (slab_get_state(&s->slab, ref[i]) < CHUNK_EXPIRES ||
            (lately && !item_seems_due(it, item_head(it), sx->now_ms)) ||
            !item_hash_unlocked(s, ref[i], &key[ndue].hash))
            continue;
        store_prefetch_shard(sx, &key[ndue]);
        due[ndue++] = ref[i];
    }
    for (uint32_t i = 0; i < ndue + TABLES_AHEAD; i++) {
        if (i < ndue)
            store_prefetch_tables(sx, &key[i], 1);
        if (i >= TABLES_AHEAD)
            expire_chunk(sx, due[i - TABLES_AHEAD], key[i - TABLES_AHEAD].hash);
    }
}

/* Pages from x->page on, up to `end`: as many as it takes to find a window's worth. */
static void expire_pages(struct store_ctx *sx, struct expiry *x, uint32_t end)
{
    struct store *s = sx->store;
    chunk_ref due[WINDOW + DUE_MAX];
    uint32_t held[PAGES_HELD], nheld = 0, found = 0;
    int64_t from_s = x->done_s + 1, span = x->until_s - from_s + 1;
    uint32_t n = span >= CHUNK_EXPIRY_STATES ? (uint32_t)CHUNK_EXPIRY_STATES : (uint32_t)span;
    for (; x->page < end && found < WINDOW && nheld < PAGES_HELD; x->page++) {
        if (x->page + PAGES_AHEAD < end)
            slab_prefetch_states(&s->slab, x->page + PAGES_AHEAD);
        uint32_t more = slab_hold_states(&s->slab, x->page, chunk_expiry_state(from_s * 1000), n, due + found, DUE_MAX);
        for (uint32_t i = 0; i < more && i < WINDOW; i++)
            __builtin_prefetch(slab_ptr(&s->slab, due[found + i]));
        found += more;
        if (more > 0)
            held[nheld++] = x->page;
    }
    for (uint32_t i = 0; i < found; i += WINDOW)
        expire_window(sx, due + i, found - i < WINDOW ? found - i : WINDOW, span < CHUNK_EXPIRY_STATES);
    while (nheld > 0)
        slab_drain_end(&s->slab, held[--nheld]);
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
        if (x->done_s == 0 || now / 1000 - 2 < x->done_s) /* the first round, or the clock was set back */
            x->done_s = now / 1000 - 2;
        x->round_s = now / 1000;
        x->until_s = now % 1000 < ROUND_MS / 2 ? x->round_s - 1 : x->round_s;
        x->next_ms = now - now % ROUND_MS + ROUND_MS;
        x->page = 1;
        sx->now_ms = now;
    }
    uint32_t end = slab_page_count(&s->slab);
    if (x->page == 1 && !store_may_expire(s))
        x->page = end; /* reading all state bytes for nothing would be half a per cent of a core at a million items */
    for (uint32_t most = x->page + pages < end ? x->page + pages : end; x->page < most;)
        expire_pages(sx, x, most);
    if (x->page < end)
        return true;
    /* the second in which the round began is not over; and one more, for what was moved behind the round's back */
    x->done_s = x->round_s - 2;
    x->page = 0;
    return false;
}
