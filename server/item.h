/* The layout of a chunk that is indexed: its head word says what it is, and how to find who points to it.
 *
 *   item:     head 4 | [db 2] | [key length, high byte 1] | [expiry 6] | key | value or rope id (4) | slack
 *   segment:  head 4 (kind, ordinal) | rope id 4 | payload
 *   table:    head 4 (kind, shard, first tag) | - to a multiple of 8 | slots
 *
 *   head of an item: kind 3 | expires 1 | raw 1 | long key 1 | text 1 | - 1 | key length 8 | slack 11 | db 5
 *
 * Key, database and the presence of an expiry never change while the chunk lives: the memory thread reads them without
 * a lock, to learn which shard to lock. Slack, raw and text may, so the head is read and written atomically. The
 * value's length is what remains of the chunk after the key and the slack. */
#ifndef FLAGSTONE_SERVER_ITEM_H
#define FLAGSTONE_SERVER_ITEM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "server/store.h"
#include "slab/base/assert.h"

enum item_kind { KIND_STRING = 1, KIND_ROPE, KIND_SEGMENT, KIND_TABLE };

enum {
    ITEM_KIND = 7,
    ITEM_EXPIRES = 8,
    ITEM_RAW = 16,
    ITEM_LONG_KEY = 32,
    ITEM_TEXT = 64,
    ITEM_MARKS = ITEM_RAW | ITEM_TEXT, /* what OBJECT ENCODING wants to know of how a value was made */
    ITEM_KLEN_SHIFT = 8,
    ITEM_SLACK_SHIFT = 16,
    ITEM_SLACK_MAX = 2047, /* at least CLASS_STEP_MAX; whoever chooses a larger chunk than the smallest minds it */
    ITEM_DB_SHIFT = 27,
    ITEM_DB_WIDE = 31, /* the number is in two bytes of its own */
    ITEM_ROPE_BYTES = 4,
    ITEM_FIXED_MAX = 4 + 2 + 1 + 6,
};
#define ITEM_EXPIRY_NONE ((UINT64_C(1) << 48) - 1)

struct item {
    _Atomic uint32_t head;
    unsigned char data[];
};

static inline uint32_t item_head(const struct item *it)
{
    return atomic_load_explicit(&it->head, memory_order_relaxed);
}

static inline uint32_t item_kind(uint32_t head)
{
    return head & ITEM_KIND;
}

static inline uint32_t item_db_bytes(uint32_t head)
{
    return (head >> ITEM_DB_SHIFT) == ITEM_DB_WIDE ? 2 : 0;
}

static inline uint32_t item_key_len(const struct item *it, uint32_t head)
{
    uint32_t len = head >> ITEM_KLEN_SHIFT & 0xff;
    return head & ITEM_LONG_KEY ? len | (uint32_t)it->data[item_db_bytes(head)] << 8 : len;
}

static inline uint16_t item_db(const struct item *it, uint32_t head)
{
    uint32_t db = head >> ITEM_DB_SHIFT;
    return (uint16_t)(db == ITEM_DB_WIDE ? (uint32_t)it->data[0] | (uint32_t)it->data[1] << 8 : db);
}

static inline uint32_t item_expiry_offset(uint32_t head)
{
    return item_db_bytes(head) + (head & ITEM_LONG_KEY ? 1 : 0);
}

static inline uint32_t item_key_offset(uint32_t head)
{
    return item_expiry_offset(head) + (head & ITEM_EXPIRES ? 6 : 0);
}

static inline const char *item_key(const struct item *it, uint32_t head)
{
    return (const char *)it->data + item_key_offset(head);
}

static inline int64_t item_expiry(const struct item *it, uint32_t head)
{
    uint64_t v = 0;
    if (!(head & ITEM_EXPIRES))
        return STORE_NO_EXPIRY;
    memcpy(&v, it->data + item_expiry_offset(head), 6);
    return v == ITEM_EXPIRY_NONE ? STORE_NO_EXPIRY : (int64_t)v;
}

/* What six bytes hold: up to the year 10889. */
static inline uint64_t expiry_clamp(int64_t ms)
{
    return (uint64_t)ms < ITEM_EXPIRY_NONE ? (uint64_t)ms : ITEM_EXPIRY_NONE - 1;
}

static inline void item_set_expiry(struct item *it, uint32_t head, int64_t ms)
{
    uint64_t v = ms == STORE_NO_EXPIRY ? ITEM_EXPIRY_NONE : expiry_clamp(ms);
    uint8_t *at = it->data + item_expiry_offset(head);
    memcpy(at + 3, (const char *)&v + 3, 3);
    for (int i = 0; i < 3; i++) /* item_seems_due reads these without a lock */
        atomic_store_explicit((_Atomic uint8_t *)(void *)(at + i), (uint8_t)(v >> (8 * i)), memory_order_relaxed);
}

/* Is it due, by the lowest 24 bits of its expiry? Of a chunk of a draining page, without a lock: a hint, which is right
 * for what expires, or expired, within two hours of now. */
static inline bool item_seems_due(const struct item *it, uint32_t head, int64_t now_ms)
{
    const uint8_t *at = it->data + item_expiry_offset(head);
    uint32_t low = 0;
    for (int i = 0; i < 3; i++)
        low |= (uint32_t)atomic_load_explicit((const _Atomic uint8_t *)(const void *)(at + i), memory_order_relaxed)
               << (8 * i);
    return (head & ITEM_EXPIRES) != 0 && (((uint32_t)now_ms - low) & 0xffffff) < 0x800000;
}

static inline uint32_t item_slack(uint32_t head)
{
    return head >> ITEM_SLACK_SHIFT & ITEM_SLACK_MAX;
}

static inline uint32_t item_set_slack(uint32_t head, uint32_t slack)
{
    ASSERT(slack <= ITEM_SLACK_MAX);
    return (head & ~((uint32_t)ITEM_SLACK_MAX << ITEM_SLACK_SHIFT)) | slack << ITEM_SLACK_SHIFT;
}

/* Bytes before the value. */
static inline uint32_t item_value_offset(const struct item *it, uint32_t head)
{
    return 4 + item_key_offset(head) + item_key_len(it, head);
}

static inline char *item_value(struct item *it, uint32_t head)
{
    return (char *)it + item_value_offset(it, head);
}

static inline uint32_t item_rope_id(struct item *it, uint32_t head)
{
    uint32_t id;
    memcpy(&id, item_value(it, head), sizeof id);
    return id;
}

/* The head of a flat item without expiry under this key, but for what ITEM_PLAIN_ANY masks out. The key has 255 bytes
 * at most, the database is under ITEM_DB_WIDE. */
#define ITEM_PLAIN_ANY ((uint32_t)ITEM_SLACK_MAX << ITEM_SLACK_SHIFT | ITEM_MARKS)

static inline uint32_t item_plain_head(const struct skey *k)
{
    return KIND_STRING | k->len << ITEM_KLEN_SHIFT | (uint32_t)k->db << ITEM_DB_SHIFT;
}

/* Bytes of an item without its value. */
static inline size_t item_overhead(const struct skey *k, bool expires)
{
    return 4u + (k->db >= ITEM_DB_WIDE ? 2u : 0u) + (k->len > 0xff ? 1u : 0u) + (expires ? 6u : 0u) + k->len;
}

/* The marks that store_put's flags ask for. */
static inline uint32_t item_marks(unsigned flags)
{
    return (flags & STORE_RAW ? (uint32_t)ITEM_RAW : 0) | (flags & STORE_TEXT ? (uint32_t)ITEM_TEXT : 0);
}

/* Writes head, expiry and key into a chunk; the value follows at item_value. Returns the head. */
static inline uint32_t item_write(struct item *it, enum item_kind kind, const struct skey *k, int64_t expire_ms,
                                  uint32_t slack, uint32_t marks)
{
    uint32_t db = k->db >= ITEM_DB_WIDE ? (uint32_t)ITEM_DB_WIDE : k->db;
    ASSERT(slack <= ITEM_SLACK_MAX);
    uint32_t head =
        (uint32_t)kind | (k->len & 0xff) << ITEM_KLEN_SHIFT | slack << ITEM_SLACK_SHIFT | db << ITEM_DB_SHIFT | marks;
    if (expire_ms != STORE_NO_EXPIRY)
        head |= ITEM_EXPIRES;
    if (k->len > 0xff)
        head |= ITEM_LONG_KEY;
    atomic_store_explicit(&it->head, head, memory_order_relaxed);
    if (db == ITEM_DB_WIDE) {
        it->data[0] = (unsigned char)k->db;
        it->data[1] = (unsigned char)(k->db >> 8);
    }
    if (k->len > 0xff)
        it->data[item_db_bytes(head)] = (unsigned char)(k->len >> 8);
    if (head & ITEM_EXPIRES)
        item_set_expiry(it, head, expire_ms);
    memcpy(it->data + item_key_offset(head), k->p, k->len);
    return head;
}

/* Coarse second of expiry as a chunk state: what is due now has the state of this second or of one passed. */
static inline uint8_t chunk_expiry_state(int64_t expire_ms)
{
    return expire_ms == STORE_NO_EXPIRY ? 3 : (uint8_t)(4 + expiry_clamp(expire_ms) / 1000 % 252);
}

#endif
