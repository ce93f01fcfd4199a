/* The store: keys and values in slab chunks. What handlers use; how it is done is for store.c, item.h, rope.h, index.h.
 *
 * Locks: a function that takes a `struct skey` needs the key's shard locked (store_lock), unless it says otherwise.
 * The dispatcher does that for handlers. What an `entry` points to may be read until the shard is unlocked or the next
 * store_* call that changes the same key: items move.
 * Memory: a function that returns STORE_SHORT has changed nothing; the caller returns CMD_RETRY. */
#ifndef FLAGSTONE_SERVER_STORE_H
#define FLAGSTONE_SERVER_STORE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;
struct store_ctx; /* one a thread: chunk magazines and counters; never shared */
struct item;
struct rope;

enum { STORE_KEY_MAX = 65500 };
#define STORE_NO_EXPIRY INT64_C(-1)

/* A key: its bytes, physical database and hash (which covers both). */
struct skey {
    const char *p;
    uint64_t hash;
    uint64_t *seen;     /* its slot when index_peek looked, or the place where it would be; NULL: nobody looked */
    uint32_t seen_when; /* the shard's changes then: where there are more now, `seen` points anywhere */
    uint16_t len, db;
};
static_assert(STORE_KEY_MAX <= UINT16_MAX, "a key's length fits");

/* A key that was found. item NULL: it was not (the other fields then are the store's own business). */
struct entry {
    struct item *item;
    uint64_t *slot;
    struct rope *rope; /* NULL: the value is in the item's chunk */
    size_t len;        /* of the value */
};

enum store_status {
    STORE_OK,
    STORE_SHORT,   /* no chunk at hand: return CMD_RETRY */
    STORE_LATER,   /* store_reclaim's: see there */
    STORE_TOO_BIG, /* larger than proto-max-bulk-len or than maxmemory could ever hold */
};

/* A part of a value to be written; values are given as a list of parts, so that callers need not join them. */
struct part {
    const char *p;
    size_t len;
};

enum store_put_flag {
    STORE_KEEPTTL = 1,  /* keep the old entry's expiry; expire_ms is not looked at */
    STORE_RAW = 2,      /* OBJECT ENCODING says raw: made by APPEND, SETRANGE, SETBIT and the like */
    STORE_TEXT = 8,     /* OBJECT ENCODING never says int: made by INCRBYFLOAT */
    STORE_TAKE_BIG = 4, /* the value is *big, wholly; it is taken over and set to NULL at STORE_OK */
};

/* Hashes a key and fills `k`. See hash.h; the secret comes from hash-seed, or is random per process. */
void store_key(const struct store *s, struct skey *k, const char *p, size_t len, uint16_t db);

/* Locks the shards of n keys in ascending order, each once; store_unlock releases the same set. */
void store_lock(struct store_ctx *sx, const struct skey *keys, uint32_t n);
void store_unlock(struct store_ctx *sx, const struct skey *keys, uint32_t n);

/* What a command had reserved (store_reserve) is over, and its shards stay locked: for one of several commands that run
 * under locks taken once. */
void store_settle(struct store_ctx *sx, const struct skey *keys, uint32_t n);

/* Before shards are locked for `commands` commands with `bytes` of arguments together: wins as many pages as they may
 * take, and lets the budget be overdrawn by that where others are quicker. Returns the loan in pages, 0: nothing could
 * be won; store_repay ends it. No shard locked. */
uint32_t store_loan(struct store_ctx *sx, size_t bytes, uint32_t commands);
void store_repay(struct store_ctx *sx, uint32_t pages);

/* Looks a key up. One that has expired is deleted and not found. store_find leaves recency and statistics alone;
 * store_probe counts a hit or a miss; store_read counts a hit or a miss and, unless the client said CLIENT NO-TOUCH
 * (store_ctx_touch), marks the access. */
bool store_find(struct store_ctx *sx, const struct skey *k, struct entry *e);
bool store_probe(struct store_ctx *sx, const struct skey *k, struct entry *e);
bool store_read(struct store_ctx *sx, const struct skey *k, struct entry *e);
void store_touch(struct store_ctx *sx, const struct entry *e);
void store_ctx_touch(struct store_ctx *sx, bool touch);

/* The value of a found entry. store_value_flat gives its bytes where it is one piece in memory, else NULL.
 * store_value_piece gives the contiguous run that starts at byte `at` (< length): pointer and its length.
 * store_value_copy copies [at, at+n) out. */
size_t store_value_len(const struct entry *e);
const char *store_value_flat(const struct entry *e, size_t *len);
const char *store_value_piece(struct store_ctx *sx, const struct entry *e, size_t at, size_t *len);
void store_value_copy(struct store_ctx *sx, const struct entry *e, size_t at, size_t n, char *to);
bool store_value_is_raw(const struct entry *e);
bool store_value_is_text(const struct entry *e); /* STORE_TEXT or STORE_RAW: not an int whatever its digits are */

/* Milliseconds of Unix time, or STORE_NO_EXPIRY. */
int64_t store_expiry(const struct entry *e);

/* Writes key := the parts joined (or *big, see STORE_TAKE_BIG), replacing what is there. `e` must be the result of a
 * store_find of the key under this lock (found or not); it is made to name the new value. The parts may point into
 * the old value of the same entry. */
enum store_status store_put(struct store_ctx *sx, const struct skey *k, struct entry *e, const struct part *parts,
                            int nparts, void **big, int64_t expire_ms, unsigned flags);

/* Makes sure that the next store_puts of values of these lengths cannot come back STORE_SHORT, so that a command that
 * writes several keys is all or nothing. Call once a key, all before the first store_put; `expires`: with an expiry. */
enum store_status store_reserve(struct store_ctx *sx, const struct skey *k, size_t value_len, bool expires);

/* Overwrites [at, at+n) of a found value with p, filling with zero bytes up to `at` where it is shorter, and marks it
 * raw. SETRANGE, APPEND (at = length) and bits: a large value is not copied. */
enum store_status store_write(struct store_ctx *sx, const struct skey *k, struct entry *e, size_t at, const char *p,
                              size_t n);

/* Sets or (STORE_NO_EXPIRY) removes the expiry of a found entry. */
enum store_status store_expire(struct store_ctx *sx, const struct skey *k, struct entry *e, int64_t expire_ms);

/* Deletes a found entry; a large value's memory is given back by the memory thread. */
void store_delete(struct store_ctx *sx, const struct skey *k, struct entry *e);

/* RENAME, MOVE (`to` in another database): value and expiry of the found `from` go to `to` (its old value, if any, is
 * replaced; te is its store_find). COPY: the same, and `from` stays. Both keys' shards are locked. from != to. */
enum store_status store_rename(struct store_ctx *sx, const struct skey *from, struct entry *fe, const struct skey *to,
                               struct entry *te);
enum store_status store_copy(struct store_ctx *sx, const struct skey *from, struct entry *fe, const struct skey *to,
                             struct entry *te);

/* Walks the keys of a database in the order of their hashes: calls `each` for some entries beginning at `cursor`
 * (0: the start) until at least `count` were looked at, and returns the next cursor, 0 at the end. Every key that is
 * there from begin to end is seen, whatever grows, shrinks or moves meanwhile. No shard is locked by the caller;
 * `each` runs with the key's shard locked and must not call store_*, but the value and expiry readers. */
typedef void (*store_each)(void *arg, const char *key, size_t len, const struct entry *e);
uint64_t store_scan(struct store_ctx *sx, uint16_t db, uint64_t cursor, uint64_t count, store_each each, void *arg);

/* A random live key of the database, copied to `key` (STORE_KEY_MAX bytes); false when it has none. Caller holds no
 * shard lock. */
bool store_random(struct store_ctx *sx, uint16_t db, char *key, size_t *len);

/* Live keys of a physical database, and those with an expiry: sums of per-thread counters, no lock. */
int64_t store_db_keys(const struct store *s, uint16_t db);
int64_t store_db_expires(const struct store *s, uint16_t db);
/* False: no key of any database has an expiry. True may be said too often, while threads are writing. */
bool store_may_expire(const struct store *s);

/* Logical databases (SELECT) map to physical numbers. Flush maps the logical one to an empty physical one and lets the
 * memory thread free what the old one held; both are O(1). No shard lock held. */
uint16_t store_db(const struct store *s, int logical);
void store_db_swap(struct store *s, int a, int b);
void store_db_flush(struct store_ctx *sx, int logical);
int64_t store_db_ttl_avg_ms(const struct store *s, uint16_t db); /* estimate from samples, 0: none */

/* MEMORY USAGE: bytes of the chunks that the entry takes. Their sum over all keys is memory_parts.dataset. */
size_t store_entry_bytes(struct store_ctx *sx, const struct entry *e);

/* Bytes of values that were deleted, replaced or written to and are still sent, or wait to be freed. Any thread. */
size_t store_orphan_bytes(const struct store *s);

/* OBJECT FREQ (0-255 on Redis's logarithmic scale), OBJECT IDLETIME (seconds). */
unsigned store_entry_freq(const struct entry *e);
int64_t store_entry_idle_s(const struct store *s, const struct entry *e);

#endif
