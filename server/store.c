/* The store: look-up, writing, deletion. See store.h for the contract and store_private.h for the structures.
 *
 * Writing never leaves a half: all chunks are taken and filled first (RESERVED, seen by nobody), then the slot is
 * changed, then the old chunks are given back. A value that fits its old chunk's class is overwritten where it is. */
#include "server/store.h"

#include <assert.h>
#include <string.h>

#include "server/big.h"
#include "server/evict.h"
#include "server/store_private.h"
#include "slab/base/assert.h"

static_assert(CHUNK_LIVE == 3 && CHUNK_EXPIRES == 4 && CHUNK_EXPIRY_STATES == 252, "see chunk_expiry_state");

void store_key(const struct store *s, struct skey *k, const char *p, size_t len, uint16_t db)
{
    *k = (struct skey){.p = p, .len = (uint16_t)len, .db = db, .hash = hash_bytes(&s->secret, p, len, db)};
}

uint64_t item_hash(const struct store *s, const struct item *it)
{
    uint32_t head = item_head(it);
    return hash_bytes(&s->secret, item_key(it, head), item_key_len(it, head), item_db(it, head));
}

bool item_hash_unlocked(const struct store *s, chunk_ref ref, uint64_t *hash)
{
    const struct item *it = slab_ptr(&s->slab, ref);
    uint32_t head = item_head(it), offset = item_key_offset(head), len = item_key_len(it, head);
    if (4 + offset + len > slab_chunk_size(&s->slab, ref))
        return false;
    *hash = hash_bytes(&s->secret, it->data + offset, len, item_db(it, head));
    return true;
}

static_assert((uint32_t)CLASS_STEP_MAX <= (uint32_t)ITEM_SLACK_MAX, "an item's head says how much its chunk has left");

/* Counts a live item in (+1) or out (-1). */
static void account_item(struct store_ctx *sx, struct item *it, chunk_ref ref, int sign)
{
    uint32_t head = item_head(it), size = slab_chunk_size(&sx->store->slab, ref);
    uint32_t used =
        item_kind(head) == KIND_ROPE ? item_value_offset(it, head) + ITEM_ROPE_BYTES : size - item_slack(head);
    struct db_counters *db = &sx->dbs[item_db(it, head)];
    int64_t expiry = item_expiry(it, head);
    counter_add(&sx->bytes.item_bytes, sign * (int64_t)used);
    counter_add(&sx->bytes.chunk_bytes, sign * (int64_t)size);
    counter_add(&sx->bytes.items, sign);
    counter_add(&db->keys, sign);
    if (expiry != STORE_NO_EXPIRY) {
        counter_add(&db->expires, sign);
        counter_add(&db->expire_sum_s, sign * (expiry / 1000));
    }
}

void payload_drop(struct store_ctx *sx, chunk_ref ref)
{
    struct item *it = slab_ptr(&sx->store->slab, ref);
    uint32_t head = item_head(it);
    account_item(sx, it, ref, -1);
    if (item_kind(head) == KIND_ROPE)
        rope_drop(sx, item_rope_id(it, head));
    chunk_give(sx, ref);
}

void entry_drop(struct store_ctx *sx, uint64_t hash, slot_t *slot)
{
    chunk_ref ref = slot_ref(*slot);
    item_changed(sx->store, hash, slab_ptr(&sx->store->slab, ref));
    index_remove(sx, hash, slot);
    payload_drop(sx, ref);
}

void entry_fill(const struct store *s, struct entry *e)
{
    uint32_t head = item_head(e->item);
    if (item_kind(head) == KIND_ROPE) {
        e->rope = rope_get(&s->ropes, item_rope_id(e->item, head));
        e->len = e->rope->len;
    } else {
        e->rope = NULL;
        e->len = slab_chunk_size(&s->slab, slot_ref(*e->slot)) - item_slack(head) - item_value_offset(e->item, head);
    }
}

bool store_find(struct store_ctx *sx, const struct skey *k, struct entry *e)
{
    struct store *s = sx->store;
    e->slot = index_find(s, k);
    if (e->slot == NULL) {
        e->item = NULL;
        return false;
    }
    e->item = slab_ptr(&s->slab, slot_ref(*e->slot));
    uint32_t head = item_head(e->item);
    if (UNLIKELY(head & ITEM_EXPIRES)) {
        int64_t expiry = item_expiry(e->item, head);
        if (expiry != STORE_NO_EXPIRY && expiry <= sx->now_ms) {
            entry_drop(sx, k->hash, e->slot);
            counter_inc(&sx->counters.expired);
            note_key(sx, NOTICE_EXPIRED, k);
            *e = (struct entry){0};
            return false;
        }
    }
    entry_fill(s, e);
    return true;
}

void store_delete(struct store_ctx *sx, const struct skey *k, struct entry *e)
{
    entry_drop(sx, k->hash, e->slot);
    *e = (struct entry){0};
}

/* What a new value is to be: one chunk, or an item chunk and a rope. */
struct plan {
    size_t len;     /* of the value */
    int64_t expiry; /* STORE_NO_EXPIRY: none */
    uint32_t marks; /* of ITEM_MARKS */
    bool rope;
    uint32_t class; /* of the item's chunk */
    uint32_t bytes; /* of it that are used */
};

static bool plan_value(const struct store *s, const struct skey *k, size_t len, int64_t expiry, uint32_t marks,
                       struct plan *p)
{
    size_t fixed = item_overhead(k, expiry != STORE_NO_EXPIRY);
    *p = (struct plan){.len = len, .expiry = expiry, .marks = marks};
    p->rope = fixed + len > CHUNK_MAX;
    size_t bytes = fixed + (p->rope ? (size_t)ITEM_ROPE_BYTES : len);
    p->class = size_class_of(&s->slab.classes, bytes);
    p->bytes = (uint32_t)bytes;
    return len <= atomic_load_explicit(&s->max_value, memory_order_relaxed);
}

/* The plan of an item that names a rope, whatever the rope's length: a short value that came under a shorter key by
 * RENAME or COPY stays a rope. */
static struct plan plan_handle(const struct store *s, const struct skey *k, size_t len, int64_t expiry, uint32_t marks)
{
    struct plan p = {.len = len, .expiry = expiry, .marks = marks, .rope = true};
    p.bytes = (uint32_t)(item_overhead(k, expiry != STORE_NO_EXPIRY) + ITEM_ROPE_BYTES);
    p.class = size_class_of(&s->slab.classes, p.bytes);
    return p;
}

/* Makes a filled chunk the key's: replaces what `e` names, or inserts (room in the index is there). */
static void link_item(struct store_ctx *sx, const struct skey *k, struct entry *e, chunk_ref ref, int64_t expiry)
{
    struct slab *slab = &sx->store->slab;
    struct item *it = slab_ptr(slab, ref);
    account_item(sx, it, ref, 1);
    slab_set_state(slab, ref, chunk_expiry_state(expiry));
    if (e->item != NULL) {
        chunk_ref old = slot_ref(*e->slot);
        *e->slot = (*e->slot & ~SLOT_REF_MASK) | ref;
        slot_touch(sx, e->slot);
        payload_drop(sx, old);
    } else {
        e->slot = index_insert(sx, k->hash, ref, evict_first_freq(sx, k->hash));
        note_key(sx, NOTICE_NEW, k);
    }
    e->item = it;
    entry_fill(sx->store, e);
    item_changed(sx->store, k->hash, it);
}

/* A chunk with the item's head and key, and room for an insertion where the key is new; 0: short. */
static chunk_ref new_item(struct store_ctx *sx, const struct skey *k, const struct entry *e, const struct plan *p)
{
    struct slab *slab = &sx->store->slab;
    chunk_ref ref = chunk_take(sx, p->class);
    if (ref == 0)
        return 0;
    if (e->item == NULL && !index_room(sx, k->hash, 1)) {
        chunk_give(sx, ref);
        return 0;
    }
    uint32_t slack = p->rope ? 0 : slab->classes.c[p->class].size - p->bytes;
    if (p->rope)
        store_has_rope(sx->store, p->class);
    item_write(slab_ptr(slab, ref), p->rope ? KIND_ROPE : KIND_STRING, k, p->expiry, slack, p->marks);
    return ref;
}

/* Links an item for a private rope, which becomes the key's; the rope is the caller's still when this is SHORT. */
static enum store_status put_rope(struct store_ctx *sx, const struct skey *k, struct entry *e, const struct plan *p,
                                  uint32_t id)
{
    chunk_ref ref = new_item(sx, k, e, p);
    if (ref == 0)
        return STORE_SHORT;
    struct item *it = slab_ptr(&sx->store->slab, ref);
    memcpy(item_value(it, item_head(it)), &id, sizeof id);
    rope_adopt(sx, id, k->hash);
    link_item(sx, k, e, ref, p->expiry);
    return STORE_OK;
}

static void join(char *to, const struct part *parts, int nparts)
{
    for (int i = 0; i < nparts; i++) {
        if (parts[i].len > 0)
            memmove(to, parts[i].p, parts[i].len);
        to += parts[i].len;
    }
}

static enum store_status put_parts_rope(struct store_ctx *sx, const struct skey *k, struct entry *e,
                                        const struct plan *p, const struct part *parts, int nparts)
{
    struct store *s = sx->store;
    uint32_t id = rope_new(sx);
    if (id == 0 || !rope_grow(sx, id, p->len, false)) {
        if (id != 0)
            rope_free(sx, id);
        return STORE_SHORT;
    }
    size_t at = 0;
    for (int i = 0; i < nparts; at += parts[i++].len)
        rope_write(s, rope_get(&s->ropes, id), at, parts[i].p, parts[i].len);
    enum store_status status = put_rope(sx, k, e, p, id);
    if (status != STORE_OK)
        rope_free(sx, id);
    return status;
}

/* Overwrites the value where it is, if it fits the chunk as if made for it. */
static bool put_in_place(struct store_ctx *sx, const struct skey *k, struct entry *e, const struct plan *p,
                         const struct part *parts, int nparts)
{
    struct slab *slab = &sx->store->slab;
    uint32_t head = item_head(e->item);
    chunk_ref ref = slot_ref(*e->slot);
    if (p->rope || item_kind(head) != KIND_STRING || slab_class_of_ref(slab, ref) != p->class ||
        ((head & ITEM_EXPIRES) != 0) != (p->expiry != STORE_NO_EXPIRY) || nparts > 1)
        return false;
    account_item(sx, e->item, ref, -1);
    join(item_value(e->item, head), parts, nparts);
    head = item_set_slack(head, slab->classes.c[p->class].size - p->bytes) & ~(uint32_t)ITEM_MARKS;
    atomic_store_explicit(&e->item->head, head | p->marks, memory_order_relaxed);
    if (head & ITEM_EXPIRES) {
        item_set_expiry(e->item, head, p->expiry);
        slab_set_state(slab, ref, chunk_expiry_state(p->expiry));
    }
    account_item(sx, e->item, ref, 1);
    slot_touch(sx, e->slot);
    e->len = p->len;
    item_changed(sx->store, k->hash, e->item);
    return true;
}

/* An expiry that has passed is as good as now; an old one's coarse second would come round only minutes later. */
static int64_t not_past(const struct store_ctx *sx, int64_t expire_ms)
{
    return expire_ms != STORE_NO_EXPIRY && expire_ms < sx->now_ms ? sx->now_ms : expire_ms;
}

enum store_status store_put(struct store_ctx *sx, const struct skey *k, struct entry *e, const struct part *parts,
                            int nparts, void **big, int64_t expire_ms, unsigned flags)
{
    struct plan p;
    size_t len = 0;
    if (flags & STORE_KEEPTTL)
        expire_ms = e->item != NULL ? store_expiry(e) : STORE_NO_EXPIRY;
    expire_ms = not_past(sx, expire_ms);
    if (flags & STORE_TAKE_BIG)
        len = big_len(*big);
    for (int i = 0; i < nparts; i++)
        len += parts[i].len;
    if (!plan_value(sx->store, k, len, expire_ms, item_marks(flags), &p))
        return STORE_TOO_BIG;
    if (flags & STORE_TAKE_BIG) {
        p = plan_handle(sx->store, k, len, expire_ms, item_marks(flags)); /* however short it is */
        enum store_status status = put_rope(sx, k, e, &p, big_rope(*big));
        if (status == STORE_OK) {
            big_taken(*big);
            *big = NULL;
        }
        return status;
    }
    if (p.rope)
        return put_parts_rope(sx, k, e, &p, parts, nparts);
    if (e->item != NULL && put_in_place(sx, k, e, &p, parts, nparts))
        return STORE_OK;
    chunk_ref ref = new_item(sx, k, e, &p);
    if (ref == 0)
        return STORE_SHORT;
    struct item *it = slab_ptr(&sx->store->slab, ref);
    join(item_value(it, item_head(it)), parts, nparts);
    link_item(sx, k, e, ref, p.expiry);
    return STORE_OK;
}

enum store_status store_reserve(struct store_ctx *sx, const struct skey *k, size_t value_len, bool expires)
{
    struct plan p;
    if (!plan_value(sx->store, k, value_len, expires ? 0 : STORE_NO_EXPIRY, 0, &p))
        return STORE_TOO_BIG;
    /* the keys of a shard may all belong to one table; more of them at once than that holds are not provided for */
    struct shard *sh = shard_of(sx->store, k->hash);
    if (sh->reserved < TABLE_FULL / 2)
        sh->reserved++;
    sx->planning = true;
    bool ok = index_room(sx, k->hash, sh->reserved) && chunk_plan(sx, p.class, 1);
    if (ok && p.rope) {
        struct rope_shape cut = rope_shape(value_len);
        const struct size_classes *c = &sx->store->slab.classes;
        ok = (cut.whole == 0 || chunk_plan(sx, c->n - 1, cut.whole)) &&
             (cut.mid == 0 || chunk_plan(sx, size_class_of(c, CHUNK_MAX), cut.mid)) &&
             (cut.tail == 0 || chunk_plan(sx, size_class_of(c, cut.tail + SEGMENT_HEADER), 1));
    }
    return ok ? STORE_OK : STORE_SHORT;
}

/* Puts a copy of the item, with the value's bytes [0, keep) and zeros up to p->len, into a chunk of the plan's class.
 * For a rope the id is carried over. */
static enum store_status rewrite(struct store_ctx *sx, const struct skey *k, struct entry *e, const struct plan *p,
                                 size_t keep)
{
    struct slab *slab = &sx->store->slab;
    uint32_t head = item_head(e->item);
    chunk_ref old = slot_ref(*e->slot), ref = new_item(sx, k, e, p);
    if (ref == 0)
        return STORE_SHORT;
    struct item *it = slab_ptr(slab, ref);
    char *value = item_value(it, item_head(it));
    memcpy(value, item_value(e->item, head), p->rope ? (size_t)ITEM_ROPE_BYTES : keep);
    if (!p->rope)
        memset(value + keep, 0, p->len - keep);
    account_item(sx, e->item, old, -1);
    account_item(sx, it, ref, 1);
    slab_set_state(slab, ref, chunk_expiry_state(p->expiry));
    *e->slot = (*e->slot & ~SLOT_REF_MASK) | ref;
    e->item = it;
    entry_fill(sx->store, e);
    chunk_give(sx, old);
    item_changed(sx->store, k->hash, it);
    return STORE_OK;
}

enum store_status store_expire(struct store_ctx *sx, const struct skey *k, struct entry *e, int64_t expire_ms)
{
    uint32_t head = item_head(e->item);
    chunk_ref ref = slot_ref(*e->slot);
    expire_ms = not_past(sx, expire_ms);
    if (head & ITEM_EXPIRES) {
        account_item(sx, e->item, ref, -1);
        item_set_expiry(e->item, head, expire_ms);
        account_item(sx, e->item, ref, 1);
        slab_set_state(&sx->store->slab, ref, chunk_expiry_state(expire_ms));
        item_changed(sx->store, k->hash, e->item);
        return STORE_OK;
    }
    if (expire_ms == STORE_NO_EXPIRY)
        return STORE_OK;
    struct plan p;
    size_t len = e->len;
    if (item_kind(head) == KIND_ROPE) {
        p = plan_handle(sx->store, k, len, expire_ms, head & ITEM_MARKS);
        return rewrite(sx, k, e, &p, len);
    }
    plan_value(sx->store, k, len, expire_ms, head & ITEM_MARKS, &p);
    if (!p.rope)
        return rewrite(sx, k, e, &p, len);
    /* the six bytes of the expiry make it too long for one chunk */
    struct part value = {item_value(e->item, head), len};
    return put_parts_rope(sx, k, e, &p, &value, 1);
}

/* Grows a flat value to `len` bytes with zeros: in its chunk's slack, in a larger chunk, or into a rope. */
static enum store_status grow_flat(struct store_ctx *sx, const struct skey *k, struct entry *e, size_t len)
{
    uint32_t head = item_head(e->item);
    size_t old = e->len;
    struct plan p;
    if (len - old <= item_slack(head)) {
        memset(item_value(e->item, head) + old, 0, len - old);
        counter_add(&sx->bytes.item_bytes, (int64_t)(len - old));
        head = item_set_slack(head, item_slack(head) - (uint32_t)(len - old));
        atomic_store_explicit(&e->item->head, head, memory_order_relaxed);
        e->len = len;
        return STORE_OK;
    }
    plan_value(sx->store, k, len, store_expiry(e), ITEM_RAW, &p);
    if (!p.rope)
        return rewrite(sx, k, e, &p, old);
    uint32_t id = rope_new(sx);
    if (id == 0 || !rope_grow(sx, id, len, false)) {
        if (id != 0)
            rope_free(sx, id);
        return STORE_SHORT;
    }
    struct rope *r = rope_get(&sx->store->ropes, id);
    rope_write(sx->store, r, 0, item_value(e->item, head), old);
    rope_write(sx->store, r, old, NULL, len - old);
    enum store_status status = put_rope(sx, k, e, &p, id);
    if (status != STORE_OK)
        rope_free(sx, id);
    return status;
}

/* Makes a rope at least `end` long, and the bytes [at, end) nobody else's to read. */
static enum store_status own_rope(struct store_ctx *sx, struct entry *e, size_t at, size_t end)
{
    uint32_t id = item_rope_id(e->item, item_head(e->item));
    struct rope *r = e->rope;
    size_t there = end < r->len ? end : r->len;
    if ((at < there && !rope_own(sx, id, at, there - at)) || (end > r->len && !rope_grow(sx, id, end, true)))
        return STORE_SHORT;
    e->len = r->len;
    return STORE_OK;
}

enum store_status store_write(struct store_ctx *sx, const struct skey *k, struct entry *e, size_t at, const char *p,
                              size_t n)
{
    size_t len = e->len, end = at + n;
    if (end < at || end > atomic_load_explicit(&sx->store->max_value, memory_order_relaxed))
        return STORE_TOO_BIG;
    enum store_status status = STORE_OK;
    if (item_kind(item_head(e->item)) == KIND_ROPE)
        status = own_rope(sx, e, at, end);
    else if (end > len)
        status = grow_flat(sx, k, e, end);
    if (status != STORE_OK)
        return status;
    uint32_t head = item_head(e->item) | ITEM_RAW;
    atomic_store_explicit(&e->item->head, head, memory_order_relaxed);
    slot_touch(sx, e->slot);
    item_changed(sx->store, k->hash, e->item);
    if (e->rope == NULL)
        memmove(item_value(e->item, head) + at, p, n);
    else
        rope_write(sx->store, e->rope, at, p, n);
    return STORE_OK;
}

/* The item chunk of `to` for the value of `from`; ropes are shared in by id, which the caller settles. */
static enum store_status carry_item(struct store_ctx *sx, const struct skey *to, struct entry *te, struct entry *fe,
                                    uint32_t id)
{
    struct plan p;
    uint32_t head = item_head(fe->item);
    size_t len = fe->len;
    if (id != 0) {
        p = plan_handle(sx->store, to, len, store_expiry(fe), head & ITEM_MARKS);
        return put_rope(sx, to, te, &p, id);
    }
    plan_value(sx->store, to, len, store_expiry(fe), head & ITEM_MARKS, &p);
    if (p.rope) {
        struct part value = {item_value(fe->item, head), len};
        return put_parts_rope(sx, to, te, &p, &value, 1);
    }
    chunk_ref ref = new_item(sx, to, te, &p);
    if (ref == 0)
        return STORE_SHORT;
    struct item *it = slab_ptr(&sx->store->slab, ref);
    memcpy(item_value(it, item_head(it)), item_value(fe->item, head), len);
    link_item(sx, to, te, ref, p.expiry);
    return STORE_OK;
}

enum store_status store_copy(struct store_ctx *sx, const struct skey *from, struct entry *fe, const struct skey *to,
                             struct entry *te)
{
    (void)from;
    uint32_t head = item_head(fe->item), id = 0;
    if (item_kind(head) == KIND_ROPE && (id = rope_clone(sx, item_rope_id(fe->item, head), 0)) == 0)
        return STORE_SHORT;
    enum store_status status = carry_item(sx, to, te, fe, id);
    if (status != STORE_OK && id != 0)
        rope_free(sx, id);
    return status;
}

enum store_status store_rename(struct store_ctx *sx, const struct skey *from, struct entry *fe, const struct skey *to,
                               struct entry *te)
{
    struct store *s = sx->store;
    uint32_t head = item_head(fe->item), id = item_kind(head) == KIND_ROPE ? item_rope_id(fe->item, head) : 0;
    chunk_ref old = slot_ref(*fe->slot);
    struct rope *r = id != 0 ? rope_get(&s->ropes, id) : NULL;
    enum store_status status;
    if (id == 0) {
        status = carry_item(sx, to, te, fe, 0);
    } else {
        struct plan p = plan_handle(s, to, r->len, store_expiry(fe), head & ITEM_MARKS);
        chunk_ref ref = new_item(sx, to, te, &p);
        status = ref == 0 ? STORE_SHORT : STORE_OK;
        if (ref != 0) {
            struct item *it = slab_ptr(&s->slab, ref);
            memcpy(item_value(it, item_head(it)), &id, sizeof id);
            atomic_store_explicit(&r->hash, to->hash, memory_order_release);
            link_item(sx, to, te, ref, p.expiry);
        }
    }
    if (status != STORE_OK)
        return status;
    /* the insertion may have moved the slots of its table */
    slot_t *slot = index_find_ref(s, from->hash, old);
    REQUIRE(slot != NULL);
    item_changed(s, from->hash, slab_ptr(&s->slab, old));
    index_remove(sx, from->hash, slot);
    account_item(sx, slab_ptr(&s->slab, old), old, -1);
    chunk_give(sx, old);
    *fe = (struct entry){0};
    te->slot = index_find(s, to); /* the removal may have moved them again */
    return STORE_OK;
}
