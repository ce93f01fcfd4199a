/* See evict.h. A sample is a run of slots that lie together in a table: hashes are random, so neighbours are strangers,
 * and sixty-four of them cost eight lines in a row. It is looked at, and its worst entry evicted, under one shard's
 * lock. Where entries are few (large values) a table has less than a sample: then shard after shard is looked at, one
 * lock at a time, and the one that was chosen is looked up again by its chunk.
 *
 * The frequency bits (3) by policy:
 *   allkeys-s3fifo  main 1 | uses 2. A new entry is in the small part (main 0). The worst, by age and size, of the part
 *                   that is over its share goes: from the small part to main if it was used meanwhile, else out; in
 *                   main it stays, younger, as long as it has uses left. The age is the age of insertion. What went
 *                   leaves a ghost: if it comes back it is in main at once, with a use.
 *   *-lfu           a logarithmic counter of uses; the age is the age of the last use, and decays it
 *   others          not used; the age is the age of the last use */
#include "server/evict.h"

#include "server/index_find.h"
#include "server/reclaim.h"
#include "slab/base/assert.h"
#include "slab/base/clock.h"

enum {
    S3_MAIN = 4,
    S3_SMALL_SHARE = 35, /* per cent of entries; a tenth serves as well while what is asked for stays the same, but not
                            where it changes */
    S3_SAMPLE = 64,
    SAMPLE_MAX = 64,
    HASTE_PAGES = 256, /* over the budget: a limit was lowered by a lot */
    HASTE_SAMPLE = 8, /* candidates then for each that goes: several of a table at once, fetched together, since waiting
                          for memory is most of an eviction's cost */
    HASTE_LEAST = 16, /* candidates of a table, and others are looked at as well if it has fewer */
    HASTE_AT_ONCE = SAMPLE_MAX / HASTE_SAMPLE,
    SIZE_SIXTEENTHS = 12,   /* of its score an entry's size adds or takes away, at most: see larger_goes */
    NEAR = 8,               /* scores that differ by less than this part of them are about the same */
    SAMPLE_SHARDS = SHARDS, /* looked at for one sample, and as many slots of them: */
    SAMPLE_SLOTS = 16384,
    WANTED_TRIES = 16, /* samples for an entry of a class that is short */
    EVICT_TRIES = 64,  /* samples without a candidate before giving up */
    /* Of volatile policies, whose candidates may be one key in a million: */
    VOLATILE_SLOTS = 2048, /* looked at for a sample, but SAMPLE_SLOTS where some were found, and fewer than */
    VOLATILE_FEW = 5,
    VOLATILE_TRIES = 4, /* samples without a candidate before all tables are walked, */
    WALK_SLOTS = 65536, /* so many slots a call: some milliseconds */
    WALK_AHEAD = 16,    /* slots whose chunks' states are fetched before they are looked at */
};

/* One call of evict_some. */
struct eviction {
    struct store_ctx *sx;
    int policy;
    uint32_t size;     /* of a sample */
    bool haste;        /* several go of a sample: see HASTE_SAMPLE */
    bool wanted_only;  /* nothing goes of a class that is not short */
    uint64_t n, bytes; /* what went */
    uint64_t enough;   /* bytes: no more is evicted at once, however large entries are */
    uint64_t now_ms;
    int32_t wanted[CLASS_MAX]; /* chunks that each class is short of: see policy_at_hand */
};

/* Candidates as they were seen. */
struct sample {
    uint32_t n, looked; /* looked: slots, empty and spared ones too */
    slot_t seen[SAMPLE_MAX];
    slot_t *slot[SAMPLE_MAX];                      /* to be used while their shard is locked */
    uint16_t shard[SAMPLE_MAX], class[SAMPLE_MAX]; /* of their chunks then: they may move while no shard is locked */
    int64_t score[SAMPLE_MAX];                     /* how much it deserves to go, higher first */
};

static uint32_t slot_freq(slot_t s)
{
    return (uint32_t)(s >> SLOT_FREQ_SHIFT) & SLOT_FREQ_MAX;
}

static uint32_t slot_age(const struct store_ctx *sx, slot_t s)
{
    return age_between(sx->age_now, (uint32_t)(s >> SLOT_AGE_SHIFT));
}

static slot_t with_freq(slot_t s, uint32_t freq)
{
    return (s & ~((slot_t)SLOT_FREQ_MAX << SLOT_FREQ_SHIFT)) | (slot_t)freq << SLOT_FREQ_SHIFT;
}

static slot_t with_age_now(const struct store_ctx *sx, slot_t s)
{
    return (s & ~((slot_t)SLOT_AGE_MASK << SLOT_AGE_SHIFT)) | (slot_t)sx->age_now << SLOT_AGE_SHIFT;
}

/* One use in 4^freq counts with the default lfu-log-factor of 10, so that eight steps span 16k uses; in proportion with
 * another one, and every use with 0. */
static bool lfu_counts(struct store_ctx *sx, uint32_t freq)
{
    uint64_t factor = (uint64_t)atomic_load_explicit(&sx->store->lfu_factor, memory_order_relaxed);
    uint64_t period = (UINT64_C(1) << (2 * freq)) * factor / 10;
    return period <= 1 || ctx_random(sx) % period == 0;
}

void slot_touch(struct store_ctx *sx, slot_t *slot)
{
    slot_t s = *slot;
    uint32_t freq = slot_freq(s);
    switch (atomic_load_explicit(&sx->store->policy, memory_order_relaxed)) {
    case EVICT_ALLKEYS_S3FIFO:
        if ((freq & S3_USES) < S3_USES)
            *slot = with_freq(s, freq + 1);
        return;
    case EVICT_ALLKEYS_LFU:
    case EVICT_VOLATILE_LFU:
        if (freq < SLOT_FREQ_MAX && lfu_counts(sx, freq))
            s = with_freq(s, freq + 1);
        break;
    default:
        break;
    }
    s = with_age_now(sx, s);
    if (s != *slot)
        *slot = s;
}

uint32_t evict_first_freq(struct store_ctx *sx, uint64_t hash)
{
    if (atomic_load_explicit(&sx->store->policy, memory_order_relaxed) != EVICT_ALLKEYS_S3FIFO)
        return 0;
    return ghost_take(&sx->store->ghost, hash) ? (uint32_t)S3_MAIN + 1 : 0;
}

/* How much an entry deserves to go, higher first; -1: the policy spares it. */
static int64_t score(const struct store_ctx *sx, int policy, slot_t s, uint32_t nth)
{
    const struct slab *slab = &sx->store->slab;
    if (policy <= EVICT_VOLATILE_TTL && slab_get_state(slab, slot_ref(s)) < CHUNK_EXPIRES)
        return -1;
    switch (policy) {
    case EVICT_VOLATILE_TTL: {
        const struct item *it = slab_ptr(slab, slot_ref(s));
        return (INT64_C(1) << 50) - item_expiry(it, item_head(it));
    }
    case EVICT_ALLKEYS_LFU:
    case EVICT_VOLATILE_LFU:
        return (int64_t)(SLOT_FREQ_MAX - slot_freq(s)) * 256 + slot_age(sx, s);
    case EVICT_ALLKEYS_RANDOM:
    case EVICT_VOLATILE_RANDOM:
        return (int64_t)nth;
    default:
        return slot_age(sx, s);
    }
}

/* The bytes that a candidate counts with: its chunk, or, of a rope, the largest one. Only where heads of ropes are
 * among the chunks of its class the item itself has to be looked at. Shard locked. */
static uint32_t weight(const struct store *s, slot_t slot, uint32_t class)
{
    if (UNLIKELY(atomic_load_explicit(&s->has_ropes[class], memory_order_relaxed)) &&
        item_kind(item_head(slab_ptr(&s->slab, slot_ref(slot)))) == KIND_ROPE)
        return CHUNK_MAX;
    return s->slab.classes.c[class].size;
}

/* For the room of a large entry several small ones can stay, so the larger an entry is, the sooner it goes, the
 * smaller, the later: by the difference to the mean size of the entries of its part and age. The mean of all would do
 * as well where sizes stay the same; where they change, what is small would outlive what is asked for. Shard locked. */
static int64_t larger_goes(const struct eviction *v, slot_t s, uint32_t class, int64_t age)
{
    struct store *store = v->sx->store;
    uint32_t part = slot_freq(s) & S3_MAIN ? 1 : 0;
    _Atomic uint32_t *known = &store->mean_size[part][s >> SLOT_AGE_SHIFT & SLOT_AGE_MASK];
    int64_t size = (int64_t)weight(store, s, class) * 16;
    int64_t mean = atomic_load_explicit(known, memory_order_relaxed);
    if (mean == 0)
        mean = size;
    if (v->sx->background)
        atomic_store_explicit(known, (uint32_t)(mean + (size - mean) / 32), memory_order_relaxed);
    return age * (256 + SIZE_SIXTEENTHS * 16 * (size - mean) / (size + mean));
}

/* Bytes of chunks that an item takes. */
static uint64_t entry_bytes(const struct store *s, slot_t slot)
{
    struct item *it = slab_ptr(&s->slab, slot_ref(slot));
    uint32_t head = item_head(it);
    uint64_t bytes = slab_chunk_size(&s->slab, slot_ref(slot));
    if (item_kind(head) == KIND_ROPE)
        bytes += rope_get(&s->ropes, item_rope_id(it, head))->chunk_bytes;
    return bytes;
}

static void evict_slot(struct eviction *v, slot_t *slot)
{
    struct store_ctx *sx = v->sx;
    struct store *s = sx->store;
    const struct item *it = slab_ptr(&s->slab, slot_ref(*slot));
    uint64_t hash = item_hash(s, it);
    if (v->policy == EVICT_ALLKEYS_S3FIFO)
        ghost_add(&s->ghost, hash);
    note_item(sx, NOTICE_EVICTED, it);
    uint32_t class = slab_class_of_ref(&s->slab, slot_ref(*slot)), age = slot_age(sx, *slot);
    v->n++;
    v->bytes += entry_bytes(s, *slot);
    atomic_store_explicit(&sx->evicted[class].age_ms,
                          atomic_load_explicit(&sx->evicted[class].age_ms, memory_order_relaxed) +
                              age_ms(&s->age, age, v->now_ms),
                          memory_order_relaxed);
    counter_inc(&sx->evicted[class].n);
    v->wanted[class]--;
    entry_drop(sx, hash, slot);
    counter_inc(&sx->counters.evicted);
}

/* S3-FIFO on a sample: the worst of the part that is over its share. */
static uint32_t choose_s3(struct store_ctx *sx, const struct sample *p)
{
    uint32_t worst[2] = {SAMPLE_MAX, SAMPLE_MAX}, small = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        uint32_t part = slot_freq(p->seen[i]) & S3_MAIN ? 1 : 0;
        small += part == 0;
        if (worst[part] == SAMPLE_MAX || p->score[i] > p->score[worst[part]])
            worst[part] = i;
    }
    /* the small share of the whole cache, as a running mean of the samples (16.16) */
    if (p->n > 0)
        sx->small_share += (int32_t)((small << 16) / p->n - (uint32_t)sx->small_share) / 64;
    bool from_small =
        worst[1] == SAMPLE_MAX || (worst[0] != SAMPLE_MAX && sx->small_share * 100 > S3_SMALL_SHARE << 16);
    return worst[from_small ? 0 : 1];
}

/* Among those about as bad as the worst, and of its part, the worst whose class is short of chunks: it makes room where
 * room is needed, while others' holes would have to be emptied pages first. So a steady mix moves hardly any page. */
static uint32_t prefer_wanted(const struct eviction *v, const struct sample *p, uint32_t worst)
{
    bool s3 = v->policy == EVICT_ALLKEYS_S3FIFO, lru = v->policy == EVICT_ALLKEYS_LRU;
    bool random = v->policy == EVICT_ALLKEYS_RANDOM || v->policy == EVICT_VOLATILE_RANDOM;
    int64_t least = random ? 0 : p->score[worst] - p->score[worst] / NEAR;
    uint32_t best = SAMPLE_MAX;
    if (!(s3 || lru || random || v->policy == EVICT_VOLATILE_LRU) || v->wanted[p->class[worst]] > 0)
        return worst;
    for (uint32_t i = 0; i < p->n; i++) {
        bool near = p->score[i] >= least && (best == SAMPLE_MAX || p->score[i] > p->score[best]);
        if (near && (!s3 || ((slot_freq(p->seen[i]) ^ slot_freq(p->seen[worst])) & S3_MAIN) == 0) &&
            v->wanted[p->class[i]] > 0)
            best = i;
    }
    return best == SAMPLE_MAX ? worst : best;
}

static uint32_t choose(struct eviction *v, const struct sample *p)
{
    uint32_t worst = 0;
    REQUIRE(p->n > 0);
    if (v->policy == EVICT_ALLKEYS_S3FIFO)
        worst = choose_s3(v->sx, p);
    for (uint32_t i = 1; i < p->n && v->policy != EVICT_ALLKEYS_S3FIFO; i++)
        if (p->score[i] > p->score[worst])
            worst = i;
    return prefer_wanted(v, p, worst);
}

/* What is chosen is evicted, or, the S3-FIFO way, goes from the small part to main if it was used meanwhile, and in
 * main is given another round while it has uses left. True: it is gone. */
static bool settle(struct eviction *v, slot_t *slot)
{
    uint32_t freq = slot_freq(*slot), uses = freq & S3_USES;
    if (v->wanted_only && v->wanted[slab_class_of_ref(&v->sx->store->slab, slot_ref(*slot))] <= 0)
        return false;
    if (v->policy == EVICT_ALLKEYS_S3FIFO && uses > 0) {
        *slot = with_age_now(v->sx, with_freq(*slot, freq & S3_MAIN ? freq - 1 : (uint32_t)S3_MAIN));
        return false;
    }
    evict_slot(v, slot);
    return true;
}

/* The worst of a sample and then the next worst, one for each HASTE_SAMPLE candidates, are settled. Returns how many
 * went. Shard locked. */
static int settle_some(struct eviction *v, struct sample *p)
{
    struct store *s = v->sx->store;
    chunk_ref ref[HASTE_AT_ONCE];
    uint32_t n = p->n / HASTE_SAMPLE;
    int went = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t chosen = choose(v, p), last = --p->n;
        ref[i] = slot_ref(p->seen[chosen]);
        index_prefetch_first(s, ref[i]);
        index_prefetch_rest(s, ref[i]);
        slab_prefetch_give(&s->slab, ref[i]);
        p->seen[chosen] = p->seen[last];
        p->class[chosen] = p->class[last];
        p->score[chosen] = p->score[last];
    }
    for (uint32_t i = 0; i < n; i++) { /* slots move as entries go */
        slot_t *slot = index_find_ref(s, item_hash(s, slab_ptr(&s->slab, ref[i])), ref[i]);
        ASSERT(slot != NULL);
        went += settle(v, slot);
    }
    return went;
}

/* Adds candidates of the table that the hash belongs to, from its place on. Shard locked. */
static void sample_table(struct eviction *v, uint64_t hash, struct sample *p)
{
    struct table t;
    if (!index_table_of(v->sx->store, hash, &t))
        return;
    uint32_t at = table_home(&t, hash_tag(hash));
    for (uint32_t i = 0; i < t.cap && p->n < v->size; i++) {
        slot_t *slot = &t.slots[at + i < t.cap ? at + i : at + i - t.cap];
        int64_t sc = *slot == 0 ? -1 : score(v->sx, v->policy, *slot, p->n);
        p->looked++;
        if (sc < 0)
            continue;
        p->seen[p->n] = *slot;
        p->slot[p->n] = slot;
        p->shard[p->n] = (uint16_t)(hash >> (64 - SHARD_BITS));
        p->class[p->n] = (uint16_t)slab_class_of_ref(&v->sx->store->slab, slot_ref(*slot));
        p->score[p->n] = v->policy == EVICT_ALLKEYS_S3FIFO ? larger_goes(v, *slot, p->class[p->n], sc) : sc;
        p->n++;
    }
}

/* The slot of the chunk in this shard, which has few; NULL: it is gone. Shard locked. */
static slot_t *slot_in(const struct store *s, const struct shard *sh, chunk_ref ref)
{
    struct table t;
    uint32_t first;
    for (uint32_t e = 0; e < shard_entries(sh); e++)
        for (uint32_t i = 0; index_table(s, sh, e, &t, &first) && i < t.cap; i++)
            if (slot_ref(t.slots[i]) == ref)
                return t.slots + i;
    return NULL;
}

static uint32_t slots_for(const struct eviction *v, const struct sample *p)
{
    bool enough = p->n == 0 || p->n >= VOLATILE_FEW;
    return v->policy <= EVICT_VOLATILE_TTL && enough ? (uint32_t)VOLATILE_SLOTS : SAMPLE_SLOTS;
}

/* Goes on with a sample that one table did not fill, in the shards after it, and settles what it chose. As evict_sample
 * returns. No shard locked. */
static int evict_far(struct eviction *v, uint64_t hash, struct sample *p)
{
    struct store *s = v->sx->store;
    int went = 0;
    /* from shard to shard by an odd number: each once, and not neighbours, of which whole stretches empty while others
     * keep nothing but main */
    const uint64_t stride = (ctx_random(v->sx) | 1) << (64 - SHARD_BITS);
    uint64_t next = hash;
    for (uint32_t i = 1; i < SAMPLE_SHARDS && p->looked < slots_for(v, p) && p->n < v->size; i++) {
        next += stride;
        if (shard_is_bare(shard_of(s, next)))
            continue;
        lock_take(&shard_of(s, next)->lock, LOCK_SHARD);
        sample_table(v, next, p);
        lock_release(&shard_of(s, next)->lock, LOCK_SHARD);
    }
    if (p->n == 0)
        return -1;
    uint32_t chosen = choose(v, p);
    struct shard *sh = &s->shards[p->shard[chosen]];
    lock_take(&sh->lock, LOCK_SHARD);
    slot_t *slot = slot_in(s, sh, slot_ref(p->seen[chosen]));
    if (slot != NULL && score(v->sx, v->policy, *slot, 0) >= 0)
        went = settle(v, slot);
    lock_release(&sh->lock, LOCK_SHARD);
    return went;
}

/* Entries that the table of the hash takes before it grows. No lock: an estimate. */
static uint32_t room_at(const struct store *s, uint64_t hash)
{
    struct entry_bits b = index_glimpse(s, hash);
    uint32_t limit = table_limit(b.cap);
    limit = limit < TABLE_FULL ? limit : TABLE_FULL;
    return b.ref == 0 ? UINT32_MAX : limit > b.count ? limit - b.count : 0;
}

/* A random hash: of two, the one whose table is nearer to growing (the power of two choices). By chance alone tables
 * of a full cache would grow one after the other, each to the most it ever had. */
static uint64_t evict_where(struct store_ctx *sx)
{
    uint64_t a = ctx_random(sx), b = ctx_random(sx);
    return room_at(sx->store, a) <= room_at(sx->store, b) ? a : b;
}

/* One sample at a random hash. Returns how many entries went, 0 when the sample had candidates but none went, -1 when
 * it had none. */
static int evict_sample(struct eviction *v)
{
    struct sample p;
    uint64_t hash = evict_where(v->sx);
    struct shard *sh = shard_of(v->sx->store, hash);
    int went = 0;
    p.n = p.looked = 0;
    lock_take(&sh->lock, LOCK_SHARD);
    sample_table(v, hash, &p);
    bool whole = p.n > 0 && p.n >= (v->haste && v->size > HASTE_LEAST ? (uint32_t)HASTE_LEAST : v->size);
    if (whole)
        went = v->haste ? settle_some(v, &p) : settle(v, p.slot[choose(v, &p)]);
    lock_release(&sh->lock, LOCK_SHARD);
    return whole ? went : evict_far(v, hash, &p);
}

/* Room for as many ghosts as there are keys, or would be of a kilobyte each. */
static void make_ghosts(struct store *s)
{
    uint64_t n = (uint64_t)atomic_load_explicit(&s->slab.pool.budget, memory_order_relaxed) * (PAGE_SIZE / 1024);
    uint64_t keys = 0;
    for (const struct store_ctx *x = atomic_load(&s->contexts); x != NULL; x = x->next)
        keys += (uint64_t)atomic_load_explicit(&x->bytes.items, memory_order_relaxed);
    ghost_make(&s->ghost, (int64_t)keys > (int64_t)n ? keys : n);
}

/* Something is there that may be evicted. */
static bool candidates_exist(const struct store *s, int policy)
{
    for (uint32_t db = 0; db < DB_PHYSICAL; db++)
        if ((policy <= EVICT_VOLATILE_TTL ? store_db_expires(s, (uint16_t)db) : store_db_keys(s, (uint16_t)db)) > 0)
            return true;
    return false;
}

uint32_t evict_walked(const struct store *s)
{
    return atomic_load_explicit(&s->evict_walk, memory_order_relaxed);
}

bool evict_goes_on(const struct store *s, uint32_t since)
{
    int policy = atomic_load_explicit(&s->policy, memory_order_relaxed);
    uint32_t walked = evict_walked(s), found = walked - atomic_load_explicit(&s->evict_found, memory_order_relaxed);
    /* where one was found there may be another: a walk takes one of each table */
    return policy != EVICT_NONE && (walked - since < SHARDS || found < SHARDS) && candidates_exist(s, policy);
}

/* The first candidate of one table goes, if there is one. Shard locked. */
static void evict_first(struct eviction *v, const struct table *t)
{
    for (uint32_t i = 0; i < t->cap; i++) {
        if (i + WALK_AHEAD < t->cap && t->slots[i + WALK_AHEAD] != 0)
            slab_prefetch_state(&v->sx->store->slab, slot_ref(t->slots[i + WALK_AHEAD]));
        if (t->slots[i] == 0 || score(v->sx, v->policy, t->slots[i], 0) < 0)
            continue;
        evict_slot(v, &t->slots[i]);
        return;
    }
}

/* Where candidates are too few for samples to find them: table after table, from where the last walk ended, one entry
 * of each. A part of them at a call, so that nobody is held up for long: see evict_goes_on. */
static void evict_walk(struct eviction *v, uint32_t n)
{
    struct store *s = v->sx->store;
    uint32_t looked = 0;
    for (uint32_t i = 0; i < SHARDS && v->n < n && looked < WALK_SLOTS; i++) {
        struct shard *sh = &s->shards[atomic_fetch_add_explicit(&s->evict_walk, 1, memory_order_relaxed) % SHARDS];
        struct table t;
        uint32_t first;
        lock_take(&sh->lock, LOCK_SHARD);
        for (uint32_t j = 0; j < shard_entries(sh) && v->n < n; j++)
            if (index_table(s, sh, j, &t, &first)) {
                evict_first(v, &t);
                looked += t.cap;
            }
        shard_release(v->sx, sh);
    }
}

static void evict_samples(struct eviction *v, uint32_t n)
{
    /* few keys in many shards: a miss says little, so many are allowed */
    uint32_t most = v->policy <= EVICT_VOLATILE_TTL ? VOLATILE_TRIES : EVICT_TRIES * 16, barren = 0;
    uint32_t tries_most = v->wanted_only ? n * WANTED_TRIES : n * 64 + most;
    for (uint32_t tries = 0; v->n < n && v->bytes < v->enough && barren < most && tries < tries_most; tries++)
        if (evict_sample(v) < 0 && ++barren == EVICT_TRIES && !candidates_exist(v->sx->store, v->policy))
            return;
    if (v->n == 0 && !v->wanted_only && candidates_exist(v->sx->store, v->policy))
        evict_walk(v, n);
    if (v->n > 0 && v->policy <= EVICT_VOLATILE_TTL)
        atomic_store_explicit(&v->sx->store->evict_found, evict_walked(v->sx->store), memory_order_relaxed);
}

static void find_wanted(struct eviction *v)
{
    struct class_view view[CLASS_MAX];
    uint32_t n = reclaim_views(v->sx->store, view);
    for (uint32_t k = 0; k < n; k++)
        v->wanted[k] = (int32_t)policy_at_hand(&view[k]) - (int32_t)view[k].free;
}

static uint32_t evict(struct store_ctx *sx, uint32_t n, bool wanted_only)
{
    struct eviction v = {.sx = sx, .policy = atomic_load_explicit(&sx->store->policy, memory_order_relaxed)};
    int asked = atomic_load_explicit(&sx->store->samples, memory_order_relaxed);
    if (v.policy == EVICT_NONE || !candidates_exist(sx->store, v.policy))
        return 0;
    v.size = v.policy == EVICT_ALLKEYS_S3FIFO ? S3_SAMPLE : (uint32_t)(asked < 1 ? 1 : asked > 64 ? 64 : asked) * 3;
    v.size = v.size > SAMPLE_MAX ? (uint32_t)SAMPLE_MAX : v.size;
    if (v.policy == EVICT_ALLKEYS_S3FIFO && UNLIKELY(atomic_load(&sx->store->ghost.table) == NULL))
        make_ghosts(sx->store);
    struct pool *pool = &sx->store->slab.pool;
    uint64_t budget = atomic_load_explicit(&pool->budget, memory_order_relaxed);
    v.haste = v.size >= HASTE_SAMPLE && pool_in_use(pool) > budget + HASTE_PAGES;
    v.enough = budget * PAGE_SIZE / 256;
    v.wanted_only = wanted_only;
    sx->age_now = atomic_load_explicit(&sx->store->age.tick, memory_order_relaxed) & SLOT_AGE_MASK;
    v.now_ms = clock_mono_ns() / 1000000;
    find_wanted(&v);
    evict_samples(&v, n);
    if (v.n > 0)
        age_evicted(sx, v.bytes);
    return (uint32_t)v.n;
}

uint32_t evict_some(struct store_ctx *sx, uint32_t n)
{
    return evict(sx, n, false);
}

uint32_t evict_wanted(struct store_ctx *sx, uint32_t n)
{
    return evict(sx, n, true);
}

unsigned store_entry_freq(const struct entry *e)
{
    /* eight steps onto Redis's scale, where a new key has 5 */
    static const uint8_t scale[SLOT_FREQ_MAX + 1] = {5, 10, 20, 40, 80, 130, 190, 255};
    return scale[slot_freq(*e->slot)];
}

int64_t store_entry_idle_s(const struct store *s, const struct entry *e)
{
    uint32_t now = atomic_load_explicit(&s->age.tick, memory_order_relaxed);
    uint32_t age = age_between(now, (uint32_t)(*e->slot >> SLOT_AGE_SHIFT));
    return (int64_t)age_ms(&s->age, age, clock_mono_ns() / 1000000) / 1000;
}
