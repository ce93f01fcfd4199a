/* See relocate.h. A chunk is copied under its shard's lock, and every way to it goes through that lock; so nobody ever
 * sees it half moved, and nobody waits for more than one copy (4 KiB; 64 KiB for a whole-page segment).
 *
 * What is read before the lock is taken (kind, key, database; rope id; shard of a table) never changes while the chunk
 * lives, and a draining page hands no chunk out: it may be old, then the chunk is found gone. A chunk that is in a
 * magazine already may still be filled while it is read: so nothing that is read is trusted before the lock. */
#include "server/relocate.h"

#include <string.h>

#include "defrag/drain.h"
#include "defrag/policy.h"
#include "slab/base/assert.h"
#include "slab/base/clock.h"

enum {
    VISITS_MAX = 16,  /* to a page that waits for chunks in others' hands */
    SOON_S = 8,       /* items that expire so soon are not worth being moved */
    HOLDS_TIMED = 16, /* one of so many relocations is timed */
    AHEAD = 32,       /* chunks whose lines are fetched before they are moved */
};

struct segment_head {
    uint32_t head, rope;
};

static enum move_outcome count(struct store *s, enum move_outcome o, size_t bytes)
{
    atomic_fetch_add_explicit(&s->outcomes[o], 1, memory_order_relaxed);
    if (o == MOVE_MOVED)
        atomic_fetch_add_explicit(&s->moved_bytes, bytes, memory_order_relaxed);
    return o;
}

/* Shard locked from here on; `to` is a reserved chunk, of the same class or one that take_packed
 * chose, left alone unless moved. */
static enum move_outcome move_item(struct store *s, uint64_t hash, chunk_ref ref, chunk_ref to)
{
    slot_t *slot = index_find_ref(s, hash, ref);
    if (slot == NULL)
        return MOVE_GONE;
    const struct item *it = slab_ptr(&s->slab, ref);
    uint32_t head = item_head(it), size = slab_chunk_size(&s->slab, ref);
    uint32_t used =
        item_kind(head) == KIND_ROPE ? item_value_offset(it, head) + ITEM_ROPE_BYTES : size - item_slack(head);
    uint32_t room = slab_chunk_size(&s->slab, to);
    if (used > room || (item_kind(head) == KIND_STRING && room - used > ITEM_SLACK_MAX))
        return MOVE_NO_ROOM; /* written since `to` was chosen */
    struct item *copy = slab_ptr(&s->slab, to);
    memcpy(copy, it, used);
    if (item_kind(head) == KIND_STRING) /* a larger chunk has more slack */
        atomic_store_explicit(&copy->head, item_set_slack(head, room - used), memory_order_relaxed);
    else
        store_has_rope(s, slab_class_of_ref(&s->slab, to));
    slab_set_state(&s->slab, to, slab_get_state(&s->slab, ref));
    *slot = (*slot & ~SLOT_REF_MASK) | to;
    return MOVE_MOVED;
}

static enum move_outcome move_segment(struct store *s, struct rope *r, uint64_t hash, chunk_ref ref, chunk_ref to)
{
    const struct segment_head *h = slab_ptr(&s->slab, ref);
    uint8_t state = atomic_load_explicit(&r->state, memory_order_acquire);
    if (state == ROPE_PRIVATE)
        return MOVE_RESERVED; /* filled, and not linked yet */
    if (state == ROPE_ORPHAN)
        return MOVE_PINNED;
    if (state != ROPE_LIVE || atomic_load_explicit(&r->hash, memory_order_relaxed) != hash)
        return MOVE_GONE;
    uint32_t ordinal = h->head >> 3;
    if (ordinal >= r->nsegs || r->refs[ordinal] != ref)
        return MOVE_GONE;
    if (rope_pinned(r))
        return MOVE_PINNED;
    memcpy(slab_ptr(&s->slab, to), h, slab_chunk_size(&s->slab, ref));
    slab_set_state(&s->slab, to, CHUNK_LIVE);
    r->refs[ordinal] = to;
    r->chunk_bytes += (size_t)slab_chunk_size(&s->slab, to) - slab_chunk_size(&s->slab, ref);
    return MOVE_MOVED;
}

/* Counts what a larger chunk takes more. */
static void account_move(struct store_ctx *sx, uint32_t kind, chunk_ref from, chunk_ref to)
{
    const struct slab *slab = &sx->store->slab;
    int64_t more = (int64_t)slab_chunk_size(slab, to) - slab_chunk_size(slab, from);
    counter_add(kind == KIND_TABLE ? &sx->bytes.index_bytes : &sx->bytes.chunk_bytes, more);
}

/* Finds the shard by the header, locks it, moves. */
static enum move_outcome move_to(struct store_ctx *sx, chunk_ref ref, chunk_ref to)
{
    struct store *s = sx->store;
    const struct item *it = slab_ptr(&s->slab, ref);
    uint32_t head = item_head(it);
    struct rope *r = NULL;
    uint64_t hash = 0;
    struct shard *sh;
    enum move_outcome o = MOVE_GONE;
    if (item_kind(head) == KIND_SEGMENT) {
        r = rope_peek(&s->ropes, ((const struct segment_head *)(const void *)it)->rope);
        if (r == NULL)
            return MOVE_GONE;
        hash = atomic_load_explicit(&r->hash, memory_order_acquire);
        sh = shard_of(s, hash);
    } else if (item_kind(head) == KIND_TABLE) {
        sh = index_table_shard(s, ref);
    } else {
        if (!item_hash_unlocked(s, ref, &hash))
            return MOVE_GONE;
        sh = shard_of(s, hash);
    }
    bool timed = ++sx->hold_turn % HOLDS_TIMED == 0;
    lock_take(&sh->lock, LOCK_SHARD);
    uint64_t begin = timed ? clock_mono_ns() : 0;
    if (slab_get_state(&s->slab, ref) >= CHUNK_LIVE) {
        if (item_kind(head) != KIND_STRING && item_kind(head) != KIND_ROPE &&
            slab_chunk_size(&s->slab, to) < slab_chunk_size(&s->slab, ref))
            o = MOVE_NO_ROOM; /* it was an item when the chunk was chosen */
        else if (item_kind(head) == KIND_SEGMENT)
            o = move_segment(s, r, hash, ref, to);
        else if (item_kind(head) == KIND_TABLE)
            o = index_move_table(s, ref, to) ? MOVE_MOVED : MOVE_GONE;
        else
            o = move_item(s, hash, ref, to);
    }
    if (o == MOVE_MOVED)
        account_move(sx, item_kind(head), ref, to);
    shard_release(sx, sh);
    if (timed)
        durations_add(&sx->durations[DURATION_HOLD], clock_mono_ns() - begin);
    if (item_kind(head) != KIND_SEGMENT && item_kind(head) != KIND_TABLE)
        atomic_fetch_add_explicit(o == MOVE_MOVED ? &s->keys_moved : &s->keys_left, 1, memory_order_relaxed);
    return o;
}

/* A free chunk for what lies in `ref`: of the smallest class that has one, from the one that an item is made for up to
 * what policy_packs_into allows for that (or where it is already: else what was packed once would move up and up), and
 * no more than the head can tell as slack: with a slab-growth-factor of 1.34 and more the next class may be too large
 * for that. Begins no page; 0: none. */
static chunk_ref take_packed(struct store_ctx *sx, chunk_ref ref)
{
    struct slab *slab = &sx->store->slab;
    uint32_t class = slab_class_of_ref(slab, ref), size = slab->classes.c[class].size;
    uint32_t head = item_head(slab_ptr(slab, ref)), slack = item_kind(head) == KIND_STRING ? item_slack(head) : 0;
    uint32_t used = slack < size ? size - slack : size;
    uint32_t k = size_class_of(&slab->classes, used), made_for = slab->classes.c[k].size;
    chunk_ref to = 0;
    for (; to == 0 && (k <= class || (policy_packs_into(made_for, slab->classes.c[k].size) &&
                                      slab->classes.c[k].size - used <= ITEM_SLACK_MAX));
         k++)
        to = slab_take_free(slab, k);
    return to;
}

static chunk_ref take_same(struct store_ctx *sx, chunk_ref ref)
{
    return chunk_take(sx, slab_class_of_ref(&sx->store->slab, ref));
}

/* Moves a chunk of a draining page. No shard locked, the store's reclaim lock held. One shard's lock is taken, for one
 * copy. Outcomes are counted. `take` finds the new chunk. */
static enum move_outcome relocate_by(struct store_ctx *sx, chunk_ref ref,
                                     chunk_ref (*take)(struct store_ctx *sx, chunk_ref ref))
{
    struct store *s = sx->store;
    uint8_t state = slab_get_state(&s->slab, ref);
    if (state < CHUNK_LIVE)
        return count(s, state == CHUNK_FREE ? MOVE_GONE : state == CHUNK_ORPHAN ? MOVE_PINNED : MOVE_RESERVED, 0);
    uint32_t size = slab_chunk_size(&s->slab, ref);
    chunk_ref to = take(sx, ref);
    if (to == 0)
        return count(s, MOVE_NO_ROOM, 0);
    enum move_outcome o = move_to(sx, ref, to);
    if (o == MOVE_MOVED)
        slab_give(&s->slab, ref);
    else
        chunk_give(sx, to);
    return count(s, o, size);
}

static enum move_outcome relocate_chunk(void *ctx, chunk_ref ref)
{
    return relocate_by(ctx, ref, take_same);
}

static enum move_outcome relocate_chunk_packed(void *ctx, chunk_ref ref)
{
    return relocate_by(ctx, ref, take_packed);
}
/* Pages that were set draining and still hold something; guarded by the reclaim lock. */
static void remember(struct store *s, uint32_t page)
{
    if (s->nwaiting < WAITING_PAGES)
        s->waiting[s->nwaiting++] = (struct waiting){page, 0};
    else
        slab_drain_end(&s->slab, page);
}

/* Fetches what moving the next chunks will touch: their heads and keys, then their shards, then their lines of the
 * index. So the misses overlap, and are over before a shard is locked: half of the time of a move was waiting for them,
 * most of it under the lock. */
static void fetch(struct store_ctx *sx, uint32_t page, uint32_t at)
{
    struct store *s = sx->store;
    const struct size_class *c = &s->slab.classes.c[slab_page_class(&s->slab, page)];
    const char *base = slab_page_ptr(&s->slab, page) + c->first;
    chunk_ref ref[AHEAD];
    struct skey key[AHEAD];
    uint32_t n = 0, keys = 0;
    for (; at < c->chunks && n < AHEAD; at++) {
        const char *p = base + (size_t)at * c->size;
        if (slab_get_state(&s->slab, slab_ref(&s->slab, p)) < CHUNK_LIVE)
            continue;
        ref[n++] = slab_ref(&s->slab, p);
        __builtin_prefetch(p);
        __builtin_prefetch(p + 64);
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t kind = item_kind(item_head(slab_ptr(&s->slab, ref[i])));
        if (kind == KIND_SEGMENT || kind == KIND_TABLE || !item_hash_unlocked(s, ref[i], &key[keys].hash))
            continue;
        store_prefetch_shard(sx, &key[keys++]);
    }
    store_prefetch_tables(sx, key, keys);
}

/* Offers all chunks of a draining page to `move`, some at a time. */
static struct drain_result drain_by(struct store_ctx *sx, uint32_t page, drain_move move)
{
    struct slab *slab = &sx->store->slab;
    uint32_t at = 0, chunks = slab->classes.c[slab_page_class(slab, page)].chunks;
    struct drain_result r = {0};
    magazine_expel(sx, page);
    while (at < chunks) {
        fetch(sx, page, at);
        struct drain_result part = drain_page(slab, page, &at, AHEAD, move, sx);
        for (int o = 0; o < MOVE_OUTCOMES; o++)
            r.outcomes[o] += part.outcomes[o];
        r.emptied = part.emptied;
    }
    return r;
}

/* Drains one page as far as it goes. */
static bool drain_all(struct store_ctx *sx, uint32_t page, struct drain_result *r)
{
    struct store *s = sx->store;
    *r = drain_by(sx, page, relocate_chunk);
    if (!r->emptied && r->outcomes[MOVE_RESERVED] > 0) {
        atomic_fetch_add(&s->flush_seq, 1);
        s->wake_workers(s->wake_arg);
    }
    if (r->emptied)
        slab_drain_end(&s->slab, page);
    return r->emptied;
}

enum drain_end relocate_drain(struct store_ctx *sx, uint32_t class)
{
    struct store *s = sx->store;
    uint32_t page = slab_drain_begin(&s->slab, class, chunk_expiry_state(sx->now_ms), SOON_S);
    struct drain_result r;
    if (page == PAGE_NONE)
        return DRAIN_NONE;
    if (drain_all(sx, page, &r))
        return DRAIN_WON;
    remember(s, page);
    return DRAIN_HELD;
}

bool relocate_pack(struct store_ctx *sx, uint32_t class)
{
    struct store *s = sx->store;
    uint32_t page = slab_drain_sparsest(&s->slab, class);
    if (page == PAGE_NONE)
        return false;
    drain_by(sx, page, relocate_chunk_packed);
    return slab_drain_end(&s->slab, page);
}

uint32_t relocate_revisit(struct store_ctx *sx)
{
    struct store *s = sx->store;
    struct drain_result r;
    uint32_t won = 0;
    for (uint32_t i = 0; i < s->nwaiting;) {
        struct waiting *w = &s->waiting[i];
        if (drain_all(sx, w->page, &r)) {
            won++;
            *w = s->waiting[--s->nwaiting];
        } else if (r.outcomes[MOVE_NO_ROOM] > 0 ||
                   (s->purge_holding != PURGE_HOLDS && (r.outcomes[MOVE_PINNED] > 0 || ++w->visits == VISITS_MAX))) {
            /* its class needs its free chunks, or a slow reader or a slow writer holds it: not now */
            slab_drain_end(&s->slab, w->page);
            *w = s->waiting[--s->nwaiting];
        } else {
            i++;
        }
    }
    return won;
}

static void move_segments(struct store_ctx *sx, struct rope *r, uint64_t hash)
{
    struct slab *slab = &sx->store->slab;
    for (uint32_t i = 0; i < r->nsegs; i++) {
        chunk_ref old = r->refs[i], to = chunk_take(sx, slab_class_of_ref(slab, old));
        if (to == 0)
            return;
        bool moved = move_segment(sx->store, r, hash, old, to) == MOVE_MOVED;
        chunk_give(sx, moved ? old : to);
        if (!moved)
            return;
    }
}

enum move_outcome relocate_entry(struct store_ctx *sx, const struct skey *k, struct entry *e)
{
    struct store *s = sx->store;
    chunk_ref old = slot_ref(*e->slot), to = chunk_take(sx, slab_class_of_ref(&s->slab, old));
    if (e->rope != NULL)
        move_segments(sx, e->rope, k->hash);
    chunk_ref table = index_table_ref(s, k->hash);
    chunk_ref fresh = chunk_take(sx, slab_class_of_ref(&s->slab, table));
    if (fresh != 0)
        chunk_give(sx, index_move_table(s, table, fresh) ? table : fresh);
    enum move_outcome o = to == 0 ? MOVE_NO_ROOM : move_item(s, k->hash, old, to);
    if (to != 0)
        chunk_give(sx, o == MOVE_MOVED ? old : to);
    e->slot = index_find(s, k);
    REQUIRE(e->slot != NULL);
    e->item = slab_ptr(&s->slab, slot_ref(*e->slot));
    entry_fill(s, e);
    return o;
}
