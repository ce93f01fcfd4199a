/* The index: 8,192 shards, each a directory of tables (extendible hashing: Fagin and others, 1979). See store_private.h
 * for the bits, table.h for a table.
 *
 * Tables are chunks like any other (kind TABLE; header: shard and first tag), so they live in the same pages, grow by
 * size classes and are relocated. A table grows by a tenth when its limit is reached, a small one by eight slots, and
 * splits in two beyond TABLE_FULL entries; so an insertion re-lays at most 465 entries, and tables are 0.86 to 0.95
 * full.
 * All is guarded by the shard's lock, but the directory may be peeked at (index_prefetch_table). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/index_find.h"
#include "slab/base/assert.h"

enum { TABLE_FIRST_SLOTS = 3, TINY_TABLE = 8, SMALL_TABLE = 64 };

/* A table's header: kind 3 | shard 13 from bit 3 | first tag 16. The slots begin at the next multiple of 8. */
enum { HEADER_SHARD_SHIFT = 3, HEADER_FIRST_SHIFT = 16 };

static uint64_t pack(struct entry_bits b)
{
    return b.ref | (uint64_t)b.cap << ENTRY_CAP_SHIFT | (uint64_t)b.count << ENTRY_COUNT_SHIFT |
           (uint64_t)b.depth << ENTRY_DEPTH_SHIFT;
}

/* Sets every directory entry of the table that holds `tag`. Whatever moves slots ends here, or in index_insert_at. */
static void dir_put(struct shard *sh, uint32_t tag, struct entry_bits b)
{
    sh->changes++;
    uint32_t depth = shard_depth(sh), span = 1u << (depth - b.depth), first = (tag >> (16 - depth)) & ~(span - 1);
    _Atomic uint64_t *dir = shard_dir(sh) + first;
    uint64_t packed = pack(b);
    do
        atomic_store_explicit(dir++, packed, memory_order_relaxed);
    while (UNLIKELY(--span > 0));
}

static struct dir *dir_new(struct store *s, uint32_t depth, struct dir *older)
{
    size_t bytes = sizeof(struct dir) + (sizeof(uint64_t) << depth);
    struct dir *d = calloc(1, bytes);
    if (d == NULL)
        return NULL;
    d->depth = depth;
    d->older = older;
    atomic_fetch_add_explicit(&s->table_heap, bytes, memory_order_relaxed);
    return d;
}

static bool dir_double(struct store *s, struct shard *sh)
{
    uint32_t depth = shard_depth(sh) + 1;
    _Atomic uint64_t *from = shard_dir(sh), *to = sh->entry;
    struct dir *d = NULL;
    if (depth > DIR_INLINE_DEPTH) {
        d = dir_new(s, depth, atomic_load_explicit(&sh->dir, memory_order_relaxed));
        if (d == NULL)
            return false;
        to = d->entry;
    }
    for (uint32_t i = 1u << depth; i-- > 0;) /* from the end: the shard's own entries are spread in place */
        atomic_store_explicit(&to[i], atomic_load_explicit(&from[i / 2], memory_order_relaxed), memory_order_relaxed);
    if (d != NULL)
        atomic_store_explicit(&sh->dir, d, memory_order_release);
    atomic_store_explicit(&sh->depth, depth, memory_order_relaxed);
    return true;
}

void store_prefetch_shard(struct store_ctx *sx, const struct skey *k)
{
    __builtin_prefetch(shard_of(sx->store, k->hash));
}

void store_prefetch_tables(struct store_ctx *sx, const struct skey *k, size_t n)
{
    for (size_t i = 0; i < n; i++)
        index_prefetch_table(sx->store, &k[i]);
}

static bool same_key(const struct item *it, const struct skey *k)
{
    uint32_t head = item_head(it);
    return item_key_len(it, head) == k->len && bytes_equal(item_key(it, head), k->p, k->len) &&
           item_db(it, head) == k->db;
}

bool index_table_of(const struct store *s, uint64_t hash, struct table *t)
{
    *t = shard_table(s, shard_of(s, hash), hash);
    return t->cap != 0;
}

slot_t *index_find(const struct store *s, const struct skey *k)
{
    const struct shard *sh = shard_of(s, k->hash);
    uint32_t tag = hash_tag(k->hash);
    slot_t *seen = index_seen(sh, k);
    if (LIKELY(seen != NULL)) {
        if (!slot_has_tag(*seen, tag))
            return NULL;
        if (LIKELY(same_key(slab_ptr(&s->slab, slot_ref(*seen)), k)))
            return seen;
    }
    struct table t = shard_table(s, sh, k->hash);
    if (t.cap == 0)
        return NULL;
    for (uint32_t i = table_first(&t, tag); i != TABLE_NONE; i = table_next(&t, tag, i))
        if (same_key(slab_ptr(&s->slab, slot_ref(t.slots[i])), k))
            return &t.slots[i];
    return NULL;
}

slot_t *index_find_ref(const struct store *s, uint64_t hash, chunk_ref ref)
{
    struct table t = shard_table(s, shard_of(s, hash), hash);
    if (t.cap == 0)
        return NULL;
    uint32_t tag = hash_tag(hash);
    for (uint32_t i = table_first(&t, tag); i != TABLE_NONE; i = table_next(&t, tag, i))
        if (slot_ref(t.slots[i]) == ref)
            return &t.slots[i];
    return NULL;
}

/* Small tables have few sizes, 3, 7, 15, 23 and so on: each may leave most of a page free, more than the tables gain by
 * fine steps, and a shard's first entries are re-laid half as often. */
static uint32_t in_steps(uint32_t slots)
{
    return slots >= SMALL_TABLE ? slots : slots < TINY_TABLE ? slots | 3 : slots | 7;
}

/* A fresh chunk for a table of at least `slots`, its header written; cap is what it holds. 0: short. */
static chunk_ref table_new(struct store_ctx *sx, const struct shard *sh, uint32_t slots, uint32_t first, uint32_t *cap)
{
    struct slab *slab = &sx->store->slab;
    uint32_t class = size_class_of(&slab->classes, TABLE_HEADER + in_steps(slots) * sizeof(slot_t));
    chunk_ref ref = chunk_take_spare(sx, class);
    if (ref == 0)
        return 0;
    uint32_t fit = (slab->classes.c[class].size - TABLE_HEADER) / (uint32_t)sizeof(slot_t);
    *(uint32_t *)slab_ptr(slab, ref) =
        KIND_TABLE | (uint32_t)(sh - sx->store->shards) << HEADER_SHARD_SHIFT | first << HEADER_FIRST_SHIFT;
    *cap = fit < TABLE_CAP_MAX ? fit : TABLE_CAP_MAX;
    return ref;
}

static void table_account(struct store_ctx *sx, chunk_ref ref, int sign)
{
    counter_add(&sx->bytes.index_bytes, sign * (int64_t)slab_chunk_size(&sx->store->slab, ref));
    counter_add(&sx->bytes.tables, sign);
}

static void table_publish(struct store_ctx *sx, struct shard *sh, uint32_t first, struct entry_bits b)
{
    slab_set_state(&sx->store->slab, b.ref, CHUNK_LIVE);
    table_account(sx, b.ref, 1);
    dir_put(sh, first, b);
}

static void table_discard(struct store_ctx *sx, chunk_ref ref)
{
    table_account(sx, ref, -1);
    chunk_give(sx, ref);
}

static uint32_t first_of(uint32_t tag, uint32_t depth)
{
    return tag & (0xffffu << (16 - depth)) & 0xffff;
}

/* Re-lays the table into one of about `slots`; false: short of a chunk. */
static bool table_resize(struct store_ctx *sx, struct shard *sh, uint32_t tag, struct entry_bits old, uint32_t slots)
{
    struct entry_bits b = old;
    uint32_t first = first_of(tag, old.depth);
    b.ref = table_new(sx, sh, slots, first, &b.cap);
    if (b.ref == 0)
        return false;
    struct table to = entry_table(sx->store, b);
    if (old.ref != 0) {
        struct table from = entry_table(sx->store, old);
        b.count = table_relay(&from, &to, first);
        ASSERT(b.count == old.count);
    } else {
        memset(to.slots, 0, to.cap * sizeof *to.slots);
    }
    table_publish(sx, sh, first, b);
    if (old.ref != 0)
        table_discard(sx, old.ref);
    return true;
}

/* Slots for n entries at a load that leaves room to grow. */
static uint32_t slots_for(uint32_t n)
{
    uint32_t slots = n + n / 8 + TABLE_FIRST_SLOTS;
    return slots < TABLE_CAP_MAX ? slots : TABLE_CAP_MAX;
}

static bool table_split(struct store_ctx *sx, struct shard *sh, uint32_t tag, struct entry_bits old)
{
    if (old.depth == shard_depth(sh) && (old.depth == DIR_DEPTH_MAX || !dir_double(sx->store, sh)))
        return false;
    struct table from = entry_table(sx->store, old);
    uint32_t half[2] = {first_of(tag, old.depth), first_of(tag, old.depth) | 0x8000u >> old.depth};
    struct entry_bits b[2];
    uint32_t upper = 0;
    for (uint32_t i = 0; i < from.cap; i++)
        upper += from.slots[i] != 0 && slot_tag(from.slots[i]) >= half[1];
    for (int h = 0; h < 2; h++) {
        b[h] = (struct entry_bits){.depth = old.depth + 1};
        b[h].ref = table_new(sx, sh, slots_for(h ? upper : old.count - upper), half[h], &b[h].cap);
        if (b[h].ref == 0) {
            if (h == 1)
                chunk_give(sx, b[0].ref);
            return false;
        }
    }
    for (int h = 0; h < 2; h++) {
        struct table to = entry_table(sx->store, b[h]);
        b[h].count = table_relay(&from, &to, half[h]);
        table_publish(sx, sh, half[h], b[h]);
    }
    ASSERT(b[0].count + b[1].count == old.count);
    table_discard(sx, old.ref);
    return true;
}

/* One step towards room for another entry in the table of `tag`; false: short of a chunk. */
static bool make_room(struct store_ctx *sx, struct shard *sh, uint32_t tag, struct entry_bits b)
{
    if (b.ref == 0)
        return table_resize(sx, sh, tag, b, TABLE_FIRST_SLOTS);
    if (b.count >= TABLE_FULL || b.cap == TABLE_CAP_MAX)
        return table_split(sx, sh, tag, b);
    uint32_t slots = b.cap + 1 + b.cap / 11;
    return table_resize(sx, sh, tag, b, slots < TABLE_CAP_MAX ? slots : TABLE_CAP_MAX);
}

bool index_room(struct store_ctx *sx, uint64_t hash, uint32_t n)
{
    struct shard *sh = shard_of(sx->store, hash);
    uint32_t tag = hash_tag(hash);
    for (;;) {
        struct entry_bits b = dir_get(sh, dir_index(sh, tag));
        if (index_has_room(b, n))
            return true;
        /* short of memory a table may fill up to its last slot but one: slower, but nothing is refused */
        if (!make_room(sx, sh, tag, b))
            return b.ref != 0 && b.count + n < b.cap;
    }
}

void index_insert_at(struct shard *sh, uint32_t tag, struct index_place *p, slot_t slot)
{
    ASSERT(p->b.count < p->t.cap);
    table_insert_at(&p->t, p->at, slot);
    p->b.count++;
    sh->keys++;
    if (UNLIKELY(p->b.depth != shard_depth(sh))) {
        dir_put(sh, tag, p->b);
        return;
    }
    sh->changes++;
    _Atomic uint64_t *e = &shard_dir(sh)[dir_index(sh, tag)];
    atomic_store_explicit(e, atomic_load_explicit(e, memory_order_relaxed) + (UINT64_C(1) << ENTRY_COUNT_SHIFT),
                          memory_order_relaxed);
}

slot_t *index_insert(struct store_ctx *sx, uint64_t hash, chunk_ref ref, uint32_t freq)
{
    struct shard *sh = shard_of(sx->store, hash);
    uint32_t tag = hash_tag(hash);
    struct entry_bits b = dir_get(sh, dir_index(sh, tag));
    struct table t = entry_table(sx->store, b);
    ASSERT(b.count < t.cap);
    uint32_t i = table_insert(&t, index_slot(sx, hash, ref, freq));
    b.count++;
    dir_put(sh, tag, b);
    sh->keys++;
    return &t.slots[i];
}

void index_remove(struct store_ctx *sx, uint64_t hash, slot_t *slot)
{
    struct shard *sh = shard_of(sx->store, hash);
    uint32_t tag = hash_tag(hash);
    struct entry_bits b = dir_get(sh, dir_index(sh, tag));
    struct table t = entry_table(sx->store, b);
    table_remove(&t, (uint32_t)(slot - t.slots));
    sh->keys--;
    b.count--;
    dir_put(sh, tag, b);
    if (b.count == 0) {
        struct entry_bits none = {.depth = b.depth};
        dir_put(sh, tag, none);
        table_discard(sx, b.ref);
    } else if (in_steps(slots_for(b.count)) < b.cap - b.cap / 5) {
        /* where no chunk is at hand the table stays as it is: the next removal tries again */
        (void)table_resize(sx, sh, tag, b, slots_for(b.count));
    }
}

chunk_ref index_table_ref(const struct store *s, uint64_t hash)
{
    const struct shard *sh = shard_of(s, hash);
    return dir_get(sh, dir_index(sh, hash_tag(hash))).ref;
}

struct shard *index_table_shard(struct store *s, chunk_ref ref)
{
    return &s->shards[*(const uint32_t *)slab_ptr(&s->slab, ref) >> HEADER_SHARD_SHIFT & (SHARDS - 1)];
}

bool index_move_table(struct store *s, chunk_ref ref, chunk_ref to)
{
    uint32_t head = *(const uint32_t *)slab_ptr(&s->slab, ref), first = head >> HEADER_FIRST_SHIFT;
    struct shard *sh = index_table_shard(s, ref);
    struct entry_bits b = dir_get(sh, dir_index(sh, first)), moved = b;
    if (b.ref != ref || slab_get_state(&s->slab, ref) < CHUNK_LIVE)
        return false;
    moved.ref = to;
    *(uint32_t *)slab_ptr(&s->slab, to) = head;
    memcpy(entry_table(s, moved).slots, entry_table(s, b).slots, b.cap * sizeof(slot_t));
    slab_set_state(&s->slab, to, CHUNK_LIVE);
    dir_put(sh, first, moved);
    return true;
}

bool index_table_at(const struct store *s, const struct shard *sh, uint32_t n, struct table *t)
{
    struct entry_bits b = dir_get(sh, n);
    if (b.ref == 0)
        return false;
    *t = entry_table(s, b);
    return true;
}

bool index_table(const struct store *s, const struct shard *sh, uint32_t n, struct table *t, uint32_t *first)
{
    struct entry_bits b = dir_get(sh, n);
    if (b.ref == 0 || (n & ((1u << (shard_depth(sh) - b.depth)) - 1)) != 0)
        return false;
    *t = entry_table(s, b);
    *first = n << (16 - shard_depth(sh));
    return true;
}

void index_drop_table(struct store_ctx *sx, struct shard *sh, uint32_t n)
{
    struct entry_bits b = dir_get(sh, n), none = {.depth = b.depth};
    sh->keys -= b.count;
    dir_put(sh, n << (16 - shard_depth(sh)), none);
    table_discard(sx, b.ref);
}

static const char *check_slot(const struct store *s, uint32_t shard, slot_t slot)
{
    chunk_ref ref = slot_ref(slot);
    if (slab_class_of_ref(&s->slab, ref) >= s->slab.classes.n)
        return "points to a page that is not in use";
    if (slab_get_state(&s->slab, ref) < CHUNK_LIVE)
        return "points to a chunk that is not live";
    const struct item *it = slab_ptr(&s->slab, ref);
    uint32_t kind = item_kind(item_head(it));
    if (kind != KIND_STRING && kind != KIND_ROPE)
        return "points to a chunk that is no item";
    uint64_t hash = item_hash(s, it);
    if (hash >> (64 - SHARD_BITS) != shard || hash_tag(hash) != slot_tag(slot))
        return "points to an item with another hash";
    if (slab_get_state(&s->slab, ref) != chunk_expiry_state(item_expiry(it, item_head(it))))
        return "points to an item whose state byte is not its expiry's";
    return NULL;
}

bool index_check(struct store *s, uint32_t shard, uint64_t *entries, char *why, size_t n)
{
    const struct shard *sh = &s->shards[shard];
    uint64_t seen = 0;
    for (uint32_t i = 0; i < shard_entries(sh); i++) {
        struct table t;
        uint32_t first;
        if (!index_table(s, sh, i, &t, &first))
            continue;
        int count = table_check(&t);
        if (count < 0 || (uint32_t)count != dir_get(sh, i).count) {
            snprintf(why, n, "shard %u table %u: %d entries in order, %u counted", shard, i, count,
                     dir_get(sh, i).count);
            return false;
        }
        seen += (uint64_t)count;
        for (uint32_t j = 0; j < t.cap; j++) {
            const char *wrong = t.slots[j] == 0 ? NULL : check_slot(s, shard, t.slots[j]);
            if (wrong != NULL) {
                snprintf(why, n, "shard %u table %u slot %u %s", shard, i, j, wrong);
                return false;
            }
        }
    }
    if (seen != sh->keys) {
        snprintf(why, n, "shard %u: %llu entries, its count says %llu", shard, (unsigned long long)seen,
                 (unsigned long long)sh->keys);
        return false;
    }
    *entries += seen;
    return true;
}

void index_free(struct store *s)
{
    for (uint32_t i = 0; i < SHARDS; i++)
        for (struct dir *d = atomic_load(&s->shards[i].dir), *older; d != NULL; d = older) {
            older = d->older;
            free(d);
        }
}
