/* SCAN and RANDOMKEY. A cursor is a position in the order of hashes: shard (12 bits), tag (16 bits), and 0 the start.
 * A key keeps its hash, so wherever tables grow, split or move, each key has one place in that order, and a walk
 * passes it once. Keys of the same tag are given together. */
#include <string.h>

#include "server/store_private.h"

/* The table's entries with tags from `tag` on, in order of tags; returns how many. Entries that have wrapped (home
 * behind their place) stand at the front of the table and come last. */
static uint32_t entries_in_order(const struct table *t, uint32_t tag, slot_t **out)
{
    uint32_t n = 0;
    for (int wrapped = 0; wrapped < 2; wrapped++)
        for (uint32_t i = 0; i < t->cap; i++) {
            slot_t s = t->slots[i];
            if (s != 0 && slot_tag(s) >= tag && (table_home(t, slot_tag(s)) > i) == (wrapped == 1))
                out[n++] = &t->slots[i];
        }
    return n;
}

struct walk {
    struct store_ctx *sx;
    uint16_t db;
    uint64_t looked, count;
    store_each each;
    void *arg;
};

static void visit(struct walk *w, slot_t *slot)
{
    struct entry e = {.slot = slot, .item = slab_ptr(&w->sx->store->slab, slot_ref(*slot))};
    uint32_t head = item_head(e.item);
    int64_t expiry = item_expiry(e.item, head);
    w->looked++;
    if (item_db(e.item, head) != w->db || (expiry != STORE_NO_EXPIRY && expiry <= w->sx->now_ms))
        return;
    entry_fill(w->sx->store, &e);
    w->each(w->arg, item_key(e.item, head), item_key_len(e.item, head), &e);
}

/* Walks one shard from a tag on; returns the tag to go on with, 0x10000: the shard is done. Shard locked. */
static uint32_t walk_shard(struct walk *w, const struct shard *sh, uint32_t tag)
{
    slot_t *slots[TABLE_CAP_MAX];
    uint32_t depth = atomic_load_explicit(&sh->depth, memory_order_relaxed);
    for (uint32_t i = tag >> (16 - depth); i < shard_entries(sh); i++) {
        struct table t;
        uint32_t first;
        if (!index_table(w->sx->store, sh, i, &t, &first)) {
            /* a table that began before `tag` appears at an earlier entry */
            if (i != tag >> (16 - depth) || !index_table_at(w->sx->store, sh, i, &t))
                continue;
        }
        uint32_t n = entries_in_order(&t, tag, slots);
        for (uint32_t j = 0; j < n; j++) {
            if (w->looked >= w->count && j > 0 && slot_tag(*slots[j]) != slot_tag(*slots[j - 1]))
                return slot_tag(*slots[j]);
            if (w->looked >= w->count && j == 0)
                return slot_tag(*slots[0]);
            visit(w, slots[j]);
        }
    }
    return 0x10000;
}

uint64_t store_scan(struct store_ctx *sx, uint16_t db, uint64_t cursor, uint64_t count, store_each each, void *arg)
{
    struct walk w = {sx, db, 0, count, each, arg};
    uint64_t shard = cursor >> 16;
    uint32_t tag = (uint32_t)cursor & 0xffff;
    for (; shard < SHARDS; shard++, tag = 0) {
        struct shard *sh = &sx->store->shards[shard];
        if (shard_is_bare(sh))
            continue;
        lock_take(&sh->lock, LOCK_SHARD);
        tag = walk_shard(&w, sh, tag);
        lock_release(&sh->lock, LOCK_SHARD);
        if (tag < 0x10000)
            return shard << 16 | tag;
        if (w.looked >= count)
            return shard + 1 < SHARDS ? (shard + 1) << 16 : 0;
    }
    return 0;
}

struct pick {
    char *key;
    size_t len;
    uint64_t random, seen;
    bool found;
};

/* Each of the keys seen is picked with the same chance (reservoir of one). */
static void pick_each(void *arg, const char *key, size_t len, const struct entry *e)
{
    struct pick *p = arg;
    (void)e;
    if (p->random++ % ++p->seen == 0) {
        memcpy(p->key, key, len);
        p->len = len;
        p->found = true;
    }
    p->random = p->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    p->random ^= p->random >> 29;
}

bool store_random(struct store_ctx *sx, uint16_t db, char *key, size_t *len)
{
    if (store_db_keys(sx->store, db) == 0)
        return false;
    struct pick p = {.key = key, .random = ctx_random(sx) >> 8};
    uint64_t at = ctx_random(sx) & ((UINT64_C(1) << (SHARD_BITS + 16)) - 1);
    /* a run of keys from a random position, then, should it have none of this database, all from the start */
    while (at != 0 && !p.found)
        at = store_scan(sx, db, at, 8, pick_each, &p);
    while (!p.found && (at = store_scan(sx, db, at, 8, pick_each, &p)) != 0)
        ;
    *len = p.len;
    return p.found;
}
