/* See watch.h. One hash table of fixed size in the store: those who watch are few. */
#include "server/watch.h"

#include <stdlib.h>
#include <string.h>

#include "server/store_private.h"

struct watch {
    struct watch *next;    /* in its bucket; LOCK_WATCH */
    struct watch *sibling; /* of the same watcher */
    struct watcher *owner;
    uint64_t hash;
    int logical;
    uint32_t len;
    uint16_t db; /* the physical database that `logical` was */
    bool existed;
    char key[];
};

static struct watch **bucket_of(struct store *s, uint64_t hash)
{
    return &s->watch_bucket[hash >> (64 - SHARD_BITS) & (WATCH_BUCKETS - 1)];
}

static struct skey name_of(const struct watch *x)
{
    return (struct skey){.p = x->key, .len = x->len, .db = x->db, .hash = x->hash};
}

bool watch_add(struct store_ctx *sx, struct watcher *w, const struct skey *k, int db, bool exists)
{
    struct store *s = sx->store;
    struct watch **b = bucket_of(s, k->hash), *x;
    lock_take(&s->watch_lock, LOCK_WATCH);
    for (x = *b; x != NULL; x = x->next) /* its own are few there, however many it watches */
        if (x->owner == w && x->hash == k->hash && x->logical == db && x->len == k->len &&
            memcmp(x->key, k->p, k->len) == 0)
            break;
    lock_release(&s->watch_lock, LOCK_WATCH);
    if (x != NULL)
        return true;
    x = malloc(sizeof *x + k->len);
    if (x == NULL)
        return false;
    *x = (struct watch){
        .sibling = w->first, .owner = w, .hash = k->hash, .logical = db, .len = k->len, .db = k->db, .existed = exists};
    memcpy(x->key, k->p, k->len);
    w->first = x;
    w->n++;
    w->bytes += sizeof *x + k->len;
    lock_take(&s->watch_lock, LOCK_WATCH);
    x->next = *b;
    *b = x;
    lock_release(&s->watch_lock, LOCK_WATCH);
    atomic_fetch_add_explicit(&shard_of(s, k->hash)->watched, 1, memory_order_relaxed);
    return true;
}

void watch_clear(struct store *s, struct watcher *w)
{
    for (struct watch *x = w->first, *sibling; x != NULL; x = sibling) {
        sibling = x->sibling;
        lock_take(&s->watch_lock, LOCK_WATCH);
        struct watch **at = bucket_of(s, x->hash);
        while (*at != x)
            at = &(*at)->next;
        *at = x->next;
        lock_release(&s->watch_lock, LOCK_WATCH);
        atomic_fetch_sub_explicit(&shard_of(s, x->hash)->watched, 1, memory_order_relaxed);
        free(x);
    }
    w->first = NULL;
    w->n = 0;
    w->bytes = 0;
    atomic_store_explicit(&w->touched, false, memory_order_relaxed);
}

void watch_touch(struct store *s, uint64_t hash, const struct item *it)
{
    uint32_t head = item_head(it), len = item_key_len(it, head);
    lock_take(&s->watch_lock, LOCK_WATCH);
    for (struct watch *x = *bucket_of(s, hash); x != NULL; x = x->next)
        if (x->hash == hash && x->len == len && x->db == item_db(it, head) &&
            memcmp(x->key, item_key(it, head), len) == 0)
            atomic_store_explicit(&x->owner->touched, true, memory_order_relaxed);
    lock_release(&s->watch_lock, LOCK_WATCH);
}

uint32_t watch_keys(const struct store *s, const struct watcher *w, struct skey *keys)
{
    uint32_t n = 0;
    for (const struct watch *x = w->first; x != NULL; x = x->sibling) {
        uint16_t now = store_db(s, x->logical);
        keys[n++] = name_of(x);
        if (now != x->db)
            store_key(s, &keys[n++], x->key, x->len, now);
    }
    return n;
}

bool watch_intact(struct store_ctx *sx, const struct watcher *w)
{
    struct entry e;
    for (const struct watch *x = w->first; x != NULL; x = x->sibling) {
        uint16_t now = store_db(sx->store, x->logical);
        struct skey k = name_of(x);
        if (now == x->db) {
            store_find(sx, &k, &e); /* deletes what has expired, which touches */
            continue;
        }
        store_key(sx->store, &k, x->key, x->len, now);
        if (x->existed || store_find(sx, &k, &e))
            return false;
    }
    return !atomic_load_explicit(&w->touched, memory_order_relaxed);
}
