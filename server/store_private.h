/* The store's inside, shared by the files that make it: shards and their directories, a thread's context, databases.
 *
 * A key's hash (64 bits):  shard 13 | tag 16 | -
 * A shard's directory has 2^depth entries, found by the first bits of the tag; several may name the same table, when
 * that is less deep. Up to four entries are in the shard itself: with ten million keys that is nearly always so, and a
 * look-up reads one line for the lock and the directory. A table that is full splits in two; a directory that is too
 * small is doubled, and an old one is kept until the store closes: whoever peeks at it without the lock reads an old
 * table's place at worst.
 *   directory entry: ref 37 | slots 9 | entries 9 | depth 5       0: no table */
#ifndef FLAGSTONE_SERVER_STORE_PRIVATE_H
#define FLAGSTONE_SERVER_STORE_PRIVATE_H

#include <stdatomic.h>

#include "server/age.h"
#include "server/defrag_run.h"
#include "server/durations.h"
#include "server/ghost.h"
#include "server/item.h"
#include "server/memory_state.h"
#include "server/notice.h"
#include "server/rope.h"
#include "server/hash.h"
#include "server/store_ctx.h"
#include "server/table.h"
#include "slab/slab.h"

enum {
    SHARD_BITS = 13,
    SHARDS = 1 << SHARD_BITS,
    DIR_DEPTH_MAX = 16,
    DB_PHYSICAL = 64 + 1000, /* physical databases at most */
    MAGAZINE_MAX = 8,
    MAGAZINE_TRIM_MS = 200,
    WAITING_PAGES = 256,
    WATCH_BUCKETS = 1024,
};

enum { DIR_INLINE_DEPTH = 2 };

struct dir {
    struct dir *older; /* kept for peeks; freed with the store */
    uint32_t depth;
    _Atomic uint64_t entry[];
};

struct shard {
    struct lock lock;
    uint32_t keys;             /* shard lock */
    uint32_t changes;          /* of where its slots are: entries come and go, tables re-laid or moved; shard lock */
    uint32_t reserved;         /* entries that the command that holds the lock has reserved room for; shard lock */
    _Atomic uint32_t depth;    /* of the directory; written under the shard lock */
    _Atomic uint32_t watched;  /* keys that somebody watches; raised under the shard lock */
    _Atomic(struct dir *) dir; /* NULL as long as the depth is at most DIR_INLINE_DEPTH */
    _Atomic uint64_t entry[1 << DIR_INLINE_DEPTH];
} __attribute__((aligned(64)));

/* True when the shard has no table, as far as can be seen without its lock: walks pass it by, and the pages of shards
 * that never had a key stay untouched. */
static inline bool shard_is_bare(const struct shard *sh)
{
    return atomic_load_explicit(&sh->depth, memory_order_relaxed) == 0 &&
           atomic_load_explicit(&sh->entry[0], memory_order_relaxed) == 0;
}

/* Unlocks the one shard that the caller holds; the memory thread makes way for who slept for it. */
void shard_release(struct store_ctx *sx, struct shard *sh);

/* Entries of a shard's directory. Shard locked. */
static inline uint32_t shard_entries(const struct shard *sh)
{
    return 1u << atomic_load_explicit(&sh->depth, memory_order_relaxed);
}

struct db_counters {
    _Atomic int64_t keys, expires;
    _Atomic int64_t expire_sum_s; /* sum of the expiries' Unix seconds: for avg_ttl */
};

/* Bytes, signed: a context may free what another one stored. Summed over all contexts they are the store's. */
struct byte_counters {
    _Atomic int64_t item_bytes;   /* asked for by live items and segments, headers included */
    _Atomic int64_t chunk_bytes;  /* chunks that hold them */
    _Atomic int64_t index_bytes;  /* chunks of tables */
    _Atomic int64_t orphan_bytes; /* chunks of large values that were unlinked and are not freed yet */
    _Atomic int64_t items, segments, tables, orphans; /* orphans: segments of orphan_bytes */
};

struct magazine {
    uint32_t n, cap;
    bool used;        /* since the last magazines_trim */
    uint32_t planned; /* of them for the command that runs, see chunk_plan */
    chunk_ref *c;
};

/* What was noted and is not told yet (notice.h). */
struct notices {
    char *p;
    size_t n, cap;
};

struct store_ctx {
    struct store *store;
    struct store_ctx *next; /* in the store's list; immutable once linked */
    int64_t now_ms;
    uint32_t age_now;     /* the age clock's tick, modulo 256 */
    uint32_t short_class; /* of which a chunk was missing last */
    uint32_t short_count; /* and how many */
    uint64_t flush_seen;
    int64_t trimmed_ms; /* when the magazines were trimmed last */
    uint64_t random;    /* state of an xorshift generator */
    bool touch;
    bool background;            /* the memory thread's: it makes way for others, see shard_release */
    struct magazine *magazines; /* one a class */
    uint32_t held;              /* chunks in them */
    uint32_t fresh_pages;       /* that its writes took since it last helped to compact */
    bool planned;               /* a command has planned: trim at the end of the turn */
    bool planning;              /* the command that runs has; until its keys are unlocked */
    struct store_counters counters;
    struct {
        _Atomic uint64_t n, age_ms;
    } evicted[CLASS_MAX]; /* the same by the class of the item's chunk, since the start */
    int32_t small_share;  /* S3-FIFO: 16.16 share of entries in the small part */
    struct durations durations[DURATION_KINDS];
    uint32_t hold_turn; /* counts relocations: one of sixteen is timed */
    struct notices notices;
    struct byte_counters bytes;
    struct db_counters *dbs; /* DB_PHYSICAL */
};

enum evict_policy {
    EVICT_VOLATILE_LRU,
    EVICT_VOLATILE_LFU,
    EVICT_VOLATILE_RANDOM,
    EVICT_VOLATILE_TTL,
    EVICT_ALLKEYS_LRU,
    EVICT_ALLKEYS_LFU,
    EVICT_ALLKEYS_RANDOM,
    EVICT_NONE,
    EVICT_ALLKEYS_S3FIFO,
};

/* What a purge does with draining pages that it could not empty. */
enum purge_holding {
    PURGE_HOLDS_NOTHING, /* there is none */
    PURGE_HOLDS,         /* they stay draining until it is over, so that it finds others */
    PURGE_CUT,           /* somebody was short of memory: they were let go, and it goes no further */
};

struct store {
    struct slab slab;
    struct hash_secret secret;
    struct vspace shard_space; /* SHARDS of them, resident as they come into use */
    struct shard *shards;
    struct ropes ropes;
    struct ghost ghost;
    struct memory_state memory;
    _Atomic(struct store_ctx *) contexts;
    _Atomic uint16_t *db_map; /* logical -> physical */
    int databases;
    struct lock db_lock;          /* rank LOCK_DB: flush and swap */
    int db_turn;                  /* which number is handed out next; db_lock */
    uint8_t db_dead[DB_PHYSICAL]; /* flushed, being swept; db_lock */
    _Atomic uint32_t dead_count;  /* physical databases to be swept */
    _Atomic uint64_t flush_seq;   /* raised when a draining page waits for chunks in magazines */
    struct lock reclaim;          /* rank LOCK_RECLAIM: one thread at a time relocates or sweeps */
    struct waiting {
        uint32_t page, visits;
    } waiting[WAITING_PAGES]; /* draining pages to come back to; reclaim lock */
    uint32_t nwaiting;
    enum purge_holding purge_holding; /* reclaim lock */
    uint32_t sweep_shard;             /* where the sweep goes on; reclaim lock */
    uint8_t sweep_dead[DB_PHYSICAL];  /* what this round of it frees; reclaim lock */
    _Atomic uint32_t evict_walk;      /* shards walked for rare candidates since the start: the next is this one */
    _Atomic uint32_t evict_found;     /* evict_walk when one was found last */
    struct age_clock age;
    _Atomic bool full;  /* little more than the reserve is left, and entries are evicted: who finds a class running out
                           wakes the memory thread, and pages stay where they are */
    _Atomic int policy; /* enum evict_policy */
    _Atomic bool index_large; /* its tables do not stay in a processor's cache: see ahead.h */
    _Atomic uint32_t notices; /* enum notice_class: what is to be noted, 0: nothing */
    _Atomic int samples;
    _Atomic int64_t lfu_factor;  /* lfu-log-factor */
    _Atomic size_t max_value;    /* bytes: proto-max-bulk-len, and what maxmemory can hold */
    _Atomic uint64_t lazy_ropes; /* orphaned large values waiting for the memory thread */
    _Atomic bool active_expire;
    _Atomic uint64_t table_heap;   /* bytes of directories */
    _Atomic uint64_t outcomes[16]; /* relocations by enum move_outcome; written by who relocates */
    _Atomic uint64_t moved_bytes;
    struct lock watch_lock; /* rank LOCK_WATCH */
    struct watch *watch_bucket[WATCH_BUCKETS];
    _Atomic uint64_t keys_moved, keys_left; /* of the outcomes, those of items */
    struct defrag_run defrag;
    void (*wake)(void *);                      /* wakes the memory thread */
    void (*wake_workers)(void *);              /* makes every worker turn its loop once */
    bool (*spare)(void *, struct store_ctx *); /* before keys go: true, clients give back memory (client_room.h) */
    void *wake_arg;
    _Atomic bool has_ropes[CLASS_MAX]; /* classes in whose chunks heads of ropes have been put; never cleared */
    /* What eviction knows of sizes (larger_goes in evict.c): sixteenths of a byte, by part and by tick of the age.
     * Written by the memory thread, all the time, so on lines of their own. */
    char apart[64];
    _Atomic uint32_t mean_size[2][AGE_TICKS];
};

/* To be called wherever the head of a rope is put into a chunk of the class. */
static inline void store_has_rope(struct store *s, uint32_t class)
{
    if (__builtin_expect(!atomic_load_explicit(&s->has_ropes[class], memory_order_relaxed), 0))
        atomic_store_explicit(&s->has_ropes[class], true, memory_order_relaxed);
}

static inline struct shard *shard_of(const struct store *s, uint64_t hash)
{
    return &s->shards[hash >> (64 - SHARD_BITS)];
}

static inline uint32_t hash_tag(uint64_t hash)
{
    return (uint32_t)(hash >> (64 - SHARD_BITS - 16)) & 0xffff;
}

static inline void counter_add(_Atomic int64_t *c, int64_t v)
{
    /* single writer: no locked instruction is needed */
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + v, memory_order_relaxed);
}

static inline void counter_inc(_Atomic uint64_t *c)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + 1, memory_order_relaxed);
}

static inline uint64_t ctx_random(struct store_ctx *sx)
{
    uint64_t x = sx->random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return sx->random = x;
}

/* What wakes the memory thread, or workers, where there are none. */
void store_wake_nobody(void *arg);
bool store_spare_nobody(void *arg, struct store_ctx *sx);

/* Frees a context's memory; its chunks are nobody's concern any more (store_close). */
void store_ctx_release(struct store_ctx *sx);

/* --- magazine.c: chunks at hand ----------------------------------------------------------------------------------- */

/* Gets n chunks of the class at hand, at least; false: they are not to be had (noted for store_reclaim). */
bool magazine_fill(struct store_ctx *sx, uint32_t class, uint32_t n);

/* A reserved chunk of the class, 0: none is to be had (the class is noted for store_reclaim). */
static inline chunk_ref chunk_take(struct store_ctx *sx, uint32_t class)
{
    struct magazine *m = &sx->magazines[class];
    if (__builtin_expect(m->n == 0, 0) && !magazine_fill(sx, class, 1))
        return 0;
    sx->held--;
    m->used = true;
    m->planned -= m->planned > 0;
    return m->c[--m->n];
}

/* The same, but none of those that the running command has planned for. */
chunk_ref chunk_take_spare(struct store_ctx *sx, uint32_t class);
/* Adds n to what the running command plans to take of the class; true when all that is at hand. chunk_plan_forget
 * begins anew and keeps what is at hand, so that a command that is called again is short of less each time;
 * chunk_plan_end gives back what was not used, too. */
bool chunk_plan(struct store_ctx *sx, uint32_t class, uint32_t n);
void chunk_plan_forget(struct store_ctx *sx);
void chunk_plan_end(struct store_ctx *sx);
/* Gives a chunk back that nothing refers to any more. */
void chunk_give(struct store_ctx *sx, chunk_ref ref);
/* Returns the chunks of this page. */
void magazine_expel(struct store_ctx *sx, uint32_t page);
/* Empties those magazines that were not used since the last call: a chunk at hand holds a whole page. */
void magazines_trim(struct store_ctx *sx);
/* Empties the magazines into their pages. */
void magazines_flush(struct store_ctx *sx);

/* --- index.c: shard locked ---------------------------------------------------------------------------------------- */

/* The key's slot, or NULL. */
slot_t *index_find(const struct store *s, const struct skey *k);
/* Makes sure that n more entries fit for this hash; false: short of a chunk. */
bool index_room(struct store_ctx *sx, uint64_t hash, uint32_t n);
/* Inserts; index_room was true for it under this lock. Returns its slot; other slots of the shard may have moved. */
slot_t *index_insert(struct store_ctx *sx, uint64_t hash, chunk_ref ref, uint32_t freq);
void index_remove(struct store_ctx *sx, uint64_t hash, slot_t *slot);
/* The slot of the chunk, for one that knows only the hash; NULL: the chunk is not indexed (any more). */
slot_t *index_find_ref(const struct store *s, uint64_t hash, chunk_ref ref);
/* The chunk of the hash's table, 0: none. */
chunk_ref index_table_ref(const struct store *s, uint64_t hash);
/* The table that a hash belongs to; false: there is none. */
bool index_table_of(const struct store *s, uint64_t hash, struct table *t);
/* The shard of the table in this chunk, by its header. */
struct shard *index_table_shard(struct store *s, chunk_ref ref);
/* Relocates the table in `ref` into chunk `to`; false: it is no table of this shard any more. */
bool index_move_table(struct store *s, chunk_ref ref, chunk_ref to);
/* Unlinks a whole table and gives its chunk back; its items are the caller's to drop. */
void index_drop_table(struct store_ctx *sx, struct shard *sh, uint32_t n);
/* The n-th directory entry's table of a shard (tables that span several entries appear once, at the first); false:
 * there is none at this entry. */
bool index_table(const struct store *s, const struct shard *sh, uint32_t n, struct table *t, uint32_t *first);
/* The table that the n-th entry names, wherever it begins. */
bool index_table_at(const struct store *s, const struct shard *sh, uint32_t n, struct table *t);
/* Proves the order of the shard's tables, and that each entry's chunk is live; counts them. */
bool index_check(struct store *s, uint32_t shard, uint64_t *entries, char *why, size_t n);
void index_free(struct store *s);

/* --- store_db.c --------------------------------------------------------------------------------------------------- */

/* Frees entries of flushed databases in the next shards; true while there is more to do. No shard locked. */
bool store_sweep(struct store_ctx *sx, uint32_t shards);

/* --- entries (store.c): shard locked ------------------------------------------------------------------------------ */

/* Tells who watches the item's key that it changes. For item_changed only. */
void watch_touch(struct store *s, uint64_t hash, const struct item *it);

/* To be called wherever a key's value or expiry is changed, with the item that names the key. */
static inline void item_changed(struct store *s, uint64_t hash, const struct item *it)
{
    if (__builtin_expect(atomic_load_explicit(&shard_of(s, hash)->watched, memory_order_relaxed) != 0, 0))
        watch_touch(s, hash, it);
}

/* Notes (notice.h) what happens to a key, or to the key of an item. */
static inline void note_key(struct store_ctx *sx, enum notice what, const struct skey *k)
{
    if (__builtin_expect(atomic_load_explicit(&sx->store->notices, memory_order_relaxed) != 0, 0))
        notice_add(sx, what, k->db, k->p, k->len);
}

static inline void note_item(struct store_ctx *sx, enum notice what, const struct item *it)
{
    if (__builtin_expect(atomic_load_explicit(&sx->store->notices, memory_order_relaxed) != 0, 0)) {
        uint32_t head = item_head(it);
        notice_add(sx, what, item_db(it, head), item_key(it, head), item_key_len(it, head));
    }
}

/* Hash of the item in a chunk, from its key and database. */
uint64_t item_hash(const struct store *s, const struct item *it);
/* The same without the shard's lock, of a chunk of a draining page. What is read may be changing: a chunk that was in a
 * magazine when the page was set draining may become another item. Then the hash is good for nothing, but for locking a
 * shard and finding nothing there. False: it is no item now. */
bool item_hash_unlocked(const struct store *s, chunk_ref ref, uint64_t *hash);
/* Unlinks and frees the item at the slot; a rope goes to the memory thread when it is large. */
void entry_drop(struct store_ctx *sx, uint64_t hash, slot_t *slot);
/* The same for an item that no slot names any more. */
void payload_drop(struct store_ctx *sx, chunk_ref ref);
/* Fills an entry's rope and len from its item and slot. */
void entry_fill(const struct store *s, struct entry *e);
/* Marks an access in the slot, as the policy wants it. */
void slot_touch(struct store_ctx *sx, slot_t *slot);

#endif
