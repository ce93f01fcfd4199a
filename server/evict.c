/* See evict.h. A sample is a run of slots that lie together in a table: hashes are random, so neighbours are strangers,
 * and sixteen of them cost two cache lines. It is looked at, and its worst entry evicted, under one shard's lock.
 *
 * The frequency bits (3) by policy:
 *   allkeys-s3fifo  main 1 | uses 2. A new entry is in the small part (main 0). The oldest of the part that is over its
 *                   share goes: from the small part to main if it was used meanwhile, else out, leaving a ghost; in
 *                   main it stays, younger, as long as it has uses left. The age is the age of insertion.
 *   *-lfu           a logarithmic counter of uses; the age is the age of the last use, and decays it
 *   others          not used; the age is the age of the last use */
#include "server/evict.h"

#include "slab/base/assert.h"

enum {
    S3_MAIN = 4,
    S3_USES = 3,
    S3_SMALL_SHARE = 10, /* per cent of entries */
    SAMPLE_MAX = 64,
    SAMPLE_SHARDS = 48, /* locked at once */
    EVICT_TRIES = 64,   /* samples without a candidate before giving up */
};

static uint32_t slot_freq(slot_t s)
{
    return (uint32_t)(s >> SLOT_FREQ_SHIFT) & SLOT_FREQ_MAX;
}

static uint32_t slot_age(const struct store_ctx *sx, slot_t s)
{
    return (sx->age_now - (uint32_t)(s >> SLOT_AGE_SHIFT)) & SLOT_AGE_MASK;
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
    return ghost_take(&sx->store->ghost, hash) ? (uint32_t)S3_MAIN : 0;
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

static void evict_slot(struct store_ctx *sx, slot_t *slot)
{
    const struct item *it = slab_ptr(&sx->store->slab, slot_ref(*slot));
    uint64_t hash = item_hash(sx->store, it);
    note_item(sx, NOTICE_EVICTED, it);
    uint32_t class = slab_class_of_ref(&sx->store->slab, slot_ref(*slot)), age = slot_age(sx, *slot);
    sx->evict_age_sum += age;
    sx->evict_age_n++;
    uint64_t age_ms = (uint64_t)age * atomic_load_explicit(&sx->store->age_tick_ms, memory_order_relaxed);
    atomic_store_explicit(&sx->evicted[class].age_ms,
                          atomic_load_explicit(&sx->evicted[class].age_ms, memory_order_relaxed) + age_ms,
                          memory_order_relaxed);
    counter_inc(&sx->evicted[class].n);
    entry_drop(sx, hash, slot);
    counter_inc(&sx->counters.evicted);
}

/* S3-FIFO on a sample: the oldest of the part that is over its share; it is promoted, given another round, or evicted.
 * Returns true when one was evicted. */
static bool evict_s3(struct store_ctx *sx, slot_t **sample, uint32_t n)
{
    slot_t *oldest[2] = {NULL, NULL};
    uint32_t small = 0;
    ASSERT(n > 0);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t part = slot_freq(*sample[i]) & S3_MAIN ? 1 : 0;
        small += part == 0;
        if (oldest[part] == NULL || slot_age(sx, *sample[i]) > slot_age(sx, *oldest[part]))
            oldest[part] = sample[i];
    }
    /* the small share of the whole cache, as a running mean of the samples (16.16) */
    sx->small_share += (int32_t)((small << 16) / n - (uint32_t)sx->small_share) / 64;
    bool from_small = oldest[0] != NULL && (oldest[1] == NULL || sx->small_share * 100 > S3_SMALL_SHARE << 16);
    slot_t *victim = oldest[from_small ? 0 : 1];
    if (victim == NULL)
        victim = oldest[0];
    uint32_t freq = slot_freq(*victim);
    if (from_small && (freq & S3_USES) > 0) {
        *victim = with_age_now(sx, with_freq(*victim, S3_MAIN));
        return false;
    }
    if (!from_small && (freq & S3_USES) > 0) {
        *victim = with_age_now(sx, with_freq(*victim, freq - 1));
        return false;
    }
    if (from_small)
        ghost_add(&sx->store->ghost, item_hash(sx->store, slab_ptr(&sx->store->slab, slot_ref(*victim))));
    evict_slot(sx, victim);
    return true;
}

struct sample {
    slot_t *slot[SAMPLE_MAX];
    uint32_t n;
    slot_t *worst; /* by the policy's score */
    int64_t highest;
};

/* Adds candidates of the table that the hash belongs to, from its place on, up to `size`. Shard locked. */
static void sample_table(struct store_ctx *sx, int policy, uint64_t hash, uint32_t size, struct sample *p)
{
    struct table t;
    if (!index_table_of(sx->store, hash, &t))
        return;
    uint32_t at = table_home(&t, hash_tag(hash));
    for (uint32_t i = 0; i < t.cap && p->n < size; i++) {
        slot_t *slot = &t.slots[at + i < t.cap ? at + i : at + i - t.cap];
        int64_t sc = *slot == 0 ? -1 : score(sx, policy, *slot, p->n);
        if (sc < 0)
            continue;
        p->slot[p->n++] = slot;
        if (sc > p->highest) {
            p->highest = sc;
            p->worst = slot;
        }
    }
}

/* One sample at a random hash: of one table, or, where tables are small, of as many shards in a row as it takes, all
 * locked (ascending) until the worst has gone. Returns 1 when an entry went, 0 when the sample had candidates but none
 * went, -1 when it had none. */
static int evict_sample(struct store_ctx *sx, int policy, uint32_t size)
{
    struct store *s = sx->store;
    struct sample p = {.n = 0, .highest = -1};
    uint64_t hash = ctx_random(sx);
    struct shard *first = shard_of(s, hash), *end = s->shards + SHARDS, *sh = first;
    int went = -1;
    for (; sh < end && sh < first + SAMPLE_SHARDS && p.n < size; sh++) {
        lock_take(&sh->lock, LOCK_SHARD);
        sample_table(sx, policy, hash + ((uint64_t)(sh - first) << (64 - SHARD_BITS)), size, &p);
    }
    if (p.n > 0 && policy == EVICT_ALLKEYS_S3FIFO) {
        went = evict_s3(sx, p.slot, p.n);
    } else if (p.worst != NULL) {
        evict_slot(sx, p.worst);
        went = 1;
    }
    while (sh-- > first)
        lock_release(&sh->lock, LOCK_SHARD);
    return went;
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

/* The first candidate of one table; true: it went. Shard locked. */
static bool evict_first(struct store_ctx *sx, int policy, const struct table *t)
{
    for (uint32_t i = 0; i < t->cap; i++) {
        if (t->slots[i] == 0 || score(sx, policy, t->slots[i], 0) < 0)
            continue;
        evict_slot(sx, &t->slots[i]);
        return true;
    }
    return false;
}

/* Where candidates are too few for samples to find them: all tables, from a random shard on, one entry of each. */
static uint32_t evict_walk(struct store_ctx *sx, int policy, uint32_t n)
{
    struct store *s = sx->store;
    uint32_t start = (uint32_t)ctx_random(sx), done = 0;
    for (uint32_t i = 0; i < SHARDS && done < n; i++) {
        struct shard *sh = &s->shards[(start + i) % SHARDS];
        struct table t;
        uint32_t first;
        lock_take(&sh->lock, LOCK_SHARD);
        for (uint32_t j = 0; j < shard_entries(sh) && done < n; j++)
            done += index_table(s, sh, j, &t, &first) && evict_first(sx, policy, &t);
        shard_release(sx, sh);
    }
    return done;
}

uint32_t evict_some(struct store_ctx *sx, uint32_t n)
{
    int policy = atomic_load_explicit(&sx->store->policy, memory_order_relaxed);
    int asked = atomic_load_explicit(&sx->store->samples, memory_order_relaxed);
    uint32_t size = policy == EVICT_ALLKEYS_S3FIFO ? 16 : (uint32_t)(asked < 1 ? 1 : asked > 64 ? 64 : asked) * 3;
    uint32_t done = 0, barren = 0;
    size = size > 64 ? 64 : size;
    if (policy == EVICT_NONE)
        return 0;
    if (policy == EVICT_ALLKEYS_S3FIFO && UNLIKELY(atomic_load(&sx->store->ghost.table) == NULL))
        make_ghosts(sx->store);
    /* few keys in many shards: a miss says little, so many are allowed */
    uint32_t most = EVICT_TRIES * (policy <= EVICT_VOLATILE_TTL ? 64 : 256);
    for (uint32_t tries = 0; done < n && barren < most && tries < n * 64 + most; tries++) {
        int went = evict_sample(sx, policy, size);
        if (went < 0 && ++barren == EVICT_TRIES && !candidates_exist(sx->store, policy))
            return done;
        if (went >= 0)
            done += (uint32_t)went;
    }
    if (done == 0 && candidates_exist(sx->store, policy))
        done = evict_walk(sx, policy, n);
    return done;
}

unsigned store_entry_freq(const struct entry *e)
{
    /* eight steps onto Redis's scale, where a new key has 5 */
    static const uint8_t scale[SLOT_FREQ_MAX + 1] = {5, 10, 20, 40, 80, 130, 190, 255};
    return scale[slot_freq(*e->slot)];
}

int64_t store_entry_idle_s(const struct store *s, const struct entry *e)
{
    uint32_t now = atomic_load_explicit(&s->age_tick, memory_order_relaxed);
    uint32_t age = (now - (uint32_t)(*e->slot >> SLOT_AGE_SHIFT)) & SLOT_AGE_MASK;
    return (int64_t)age * atomic_load_explicit(&s->age_tick_ms, memory_order_relaxed) / 1000;
}
