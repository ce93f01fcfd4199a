/* Looking a key up in the index, as code to be inlined: what every command does, and the prefetching before it. See
 * index.c and store_private.h for the structures. All but index_glimpse and what
 * prefetches needs the shard locked. */
#ifndef FLAGSTONE_SERVER_INDEX_FIND_H
#define FLAGSTONE_SERVER_INDEX_FIND_H

#include "server/store_private.h"
#include "slab/base/assert.h"

enum { ENTRY_CAP_SHIFT = 37, ENTRY_COUNT_SHIFT = 46, ENTRY_DEPTH_SHIFT = 55 };

/* One directory entry, taken apart. */
struct entry_bits {
    chunk_ref ref;
    uint32_t cap, count, depth;
};

static inline struct entry_bits entry_unpack(uint64_t e)
{
    return (struct entry_bits){e & SLOT_REF_MASK, (uint32_t)(e >> ENTRY_CAP_SHIFT) & 511,
                               (uint32_t)(e >> ENTRY_COUNT_SHIFT) & 511, (uint32_t)(e >> ENTRY_DEPTH_SHIFT) & 31};
}

static inline uint32_t shard_depth(const struct shard *sh)
{
    return atomic_load_explicit(&sh->depth, memory_order_relaxed);
}

/* The directory's entries. */
static inline _Atomic uint64_t *shard_dir(struct shard *sh)
{
    struct dir *d = atomic_load_explicit(&sh->dir, memory_order_relaxed);
    return LIKELY(d == NULL) ? sh->entry : d->entry;
}

static inline uint32_t dir_index(const struct shard *sh, uint32_t tag)
{
    return tag >> (16 - shard_depth(sh));
}

static inline struct entry_bits dir_get(const struct shard *sh, uint32_t i)
{
    return entry_unpack(atomic_load_explicit(&shard_dir((struct shard *)(uintptr_t)sh)[i], memory_order_relaxed));
}

static inline struct table entry_table(const struct store *s, struct entry_bits b)
{
    uintptr_t slots = ((uintptr_t)slab_ptr(&s->slab, b.ref) + 4 + 7) & ~(uintptr_t)7;
    return (struct table){(slot_t *)slots, b.cap, b.depth};
}

/* The table that a hash belongs to; cap 0: there is none yet. */
static inline struct table shard_table(const struct store *s, const struct shard *sh, uint64_t hash)
{
    struct entry_bits b = dir_get(sh, dir_index(sh, hash_tag(hash)));
    return b.ref == 0 ? (struct table){0} : entry_table(s, b);
}

/* Where a key is in the index, or would be. Holds until the shard is unlocked or its index changes. */
struct index_place {
    struct entry_bits b;
    struct table t;
    uint32_t at;
};

/* What index_seek would find, as index_peek saw it: its slot, or the place for it. NULL: that may have moved since, or
 * nobody looked. (Changes are counted in 32 bits: one shard cannot see so many while a batch runs.) */
static inline slot_t *index_seen(const struct shard *sh, const struct skey *k)
{
    return LIKELY(k->seen_when == sh->changes) ? k->seen : NULL;
}

/* True: at p->at is an entry with the key's tag, the first of them. False: there is none; p->at is where it would be
 * inserted. */
static inline bool index_seek(const struct store *s, const struct shard *sh, const struct skey *k,
                              struct index_place *p)
{
    uint32_t tag = hash_tag(k->hash);
    p->b = dir_get(sh, dir_index(sh, tag));
    if (UNLIKELY(p->b.ref == 0))
        return false;
    p->t = entry_table(s, p->b);
    const slot_t *seen = index_seen(sh, k);
    if (UNLIKELY(seen == NULL))
        return table_seek(&p->t, tag, &p->at);
    p->at = (uint32_t)(seen - p->t.slots);
    return slot_has_tag(*seen, tag);
}

/* The table takes n more entries as it is. */
static inline bool index_has_room(struct entry_bits b, uint32_t n)
{
    uint32_t last = b.count + n - 1; /* entries before the last of them comes */
    return b.ref != 0 && last < table_limit(b.cap) && last < TABLE_FULL;
}

/* Inserts where index_seek has said, index_has_room was true. Other slots of the table may have moved. */
void index_insert_at(struct shard *sh, uint32_t tag, struct index_place *p, slot_t slot);

/* A new entry's slot. */
static inline slot_t index_slot(const struct store_ctx *sx, uint64_t hash, chunk_ref ref, uint32_t freq)
{
    return ref | (slot_t)freq << SLOT_FREQ_SHIFT | (slot_t)sx->age_now << SLOT_AGE_SHIFT |
           (slot_t)hash_tag(hash) << SLOT_TAG_SHIFT;
}

/* Short keys without a call. */
static inline bool bytes_equal(const void *a, const void *b, uint32_t n)
{
    const char *p = a, *q = b;
    uint64_t x, y, diff = 0;
    if (UNLIKELY(n < 8 || n > 64))
        return memcmp(p, q, n) == 0;
    for (uint32_t i = 0; i + 8 < n; i += 8) {
        memcpy(&x, p + i, 8);
        memcpy(&y, q + i, 8);
        diff |= x ^ y;
    }
    memcpy(&x, p + n - 8, 8);
    memcpy(&y, q + n - 8, 8);
    return (diff | (x ^ y)) == 0;
}

/* The directory entry that a hash belongs to. No lock: depth and entry need not belong together, and then it is another
 * one. */
static inline struct entry_bits index_glimpse(const struct store *s, uint64_t hash)
{
    const struct shard *sh = shard_of(s, hash);
    const struct dir *d = atomic_load_explicit(&sh->dir, memory_order_acquire);
    uint32_t tag = hash_tag(hash);
    return entry_unpack(
        LIKELY(d == NULL)
            ? atomic_load_explicit(&sh->entry[dir_index(sh, tag) % (1 << DIR_INLINE_DEPTH)], memory_order_relaxed)
            : atomic_load_explicit(&d->entry[tag >> (16 - d->depth)], memory_order_relaxed));
}

/* Starts to fetch the part of its table that the key's slot is in. No lock: a wrong line may be fetched. */
static inline void index_prefetch_table(const struct store *s, const struct skey *k)
{
    struct entry_bits b = index_glimpse(s, k->hash);
    uint32_t tag = hash_tag(k->hash);
    if (UNLIKELY(b.ref == 0))
        return;
    struct table t = entry_table(s, b);
    const slot_t *home = t.slots + table_home(&t, tag);
    __builtin_prefetch(home);
    __builtin_prefetch(home + 8);
}

enum { PREFETCH_BYTES = 320 };

/* Starts to fetch what an insertion at t->slots[i] will shift, or, where the table is to grow for it, all of that. */
static inline void index_prefetch_insertion(struct entry_bits b, const struct table *t, uint32_t i)
{
    enum { LINE = 64 / sizeof(slot_t), AHEAD = 4 };
    uint32_t end = i + AHEAD * LINE;
    if (UNLIKELY(!index_has_room(b, 1)))
        i = 0, end = t->cap;
    for (; i < end; i += LINE)
        __builtin_prefetch(&t->slots[i]);
}

/* Notes where the key's slot is now and returns the chunk that it names. 0: there is none; then the key may be about to
 * come: its place is noted, and what that will shift is fetched. Shard locked. */
static inline chunk_ref index_peek(const struct store *s, const struct shard *sh, struct skey *k)
{
    uint32_t tag = hash_tag(k->hash), at;
    struct entry_bits b = dir_get(sh, dir_index(sh, tag));
    if (UNLIKELY(b.ref == 0))
        return 0;
    struct table t = entry_table(s, b);
    bool found = table_seek(&t, tag, &at);
    k->seen = &t.slots[at];
    k->seen_when = sh->changes;
    if (LIKELY(found))
        return slot_ref(t.slots[at]);
    index_prefetch_insertion(b, &t, at);
    return 0;
}

/* Starts to fetch the first line of an item, which makes the processor look for its page. No lock: the chunk may be
 * anybody's by now. */
static inline void index_prefetch_first(const struct store *s, chunk_ref ref)
{
    if (LIKELY(ref != 0))
        __builtin_prefetch(slab_ptr(&s->slab, ref));
}

/* Starts to fetch its other lines: all of a small item; of a large one the first few, the processor sees the rest
 * coming. No lock. */
static inline void index_prefetch_rest(const struct store *s, chunk_ref ref)
{
    const struct slab *slab = &s->slab;
    if (UNLIKELY(ref == 0))
        return;
    const char *p = slab_ptr(slab, ref);
    uint32_t class = slab_class_of_ref(slab, ref), n = PREFETCH_BYTES;
    if (LIKELY(class < slab->classes.n) && slab->classes.c[class].size < PREFETCH_BYTES)
        n = slab->classes.c[class].size;
    const char *last = p + n - 1;
    for (p += 64; p < last; p += 64)
        __builtin_prefetch(p);
    __builtin_prefetch(last);
}

#endif
