/* See rope.h. */
#include "server/rope.h"

#include <stdlib.h>
#include <string.h>

#include "server/store_private.h"
#include "slab/base/assert.h"

enum { ROPE_LAZY_SEGMENTS = 64 }; /* more are freed by the memory thread */

struct segment {
    uint32_t head; /* kind 3 | ordinal 29; constant while the chunk lives, as is the rope */
    uint32_t rope;
    char bytes[];
};

struct rope_shape rope_shape(size_t len)
{
    struct rope_shape sh = {.whole = (uint32_t)(len / SEGMENT_WHOLE)};
    uint32_t rest = (uint32_t)(len % SEGMENT_WHOLE);
    sh.mid = rest / SEGMENT_MID;
    sh.tail = rest % SEGMENT_MID;
    sh.nsegs = sh.whole + sh.mid + (sh.tail > 0);
    return sh;
}

struct rope *rope_get(const struct ropes *rs, uint32_t id)
{
    uint32_t n = id / ROPE_BLOCK_FIRST + 1, b = 31 - (uint32_t)__builtin_clz(n);
    struct rope *block = atomic_load_explicit(&rs->blocks[b], memory_order_acquire);
    return block + (id - (((1u << b) - 1) * ROPE_BLOCK_FIRST));
}

struct rope *rope_peek(const struct ropes *rs, uint32_t id)
{
    uint32_t b = 31 - (uint32_t)__builtin_clz(id / ROPE_BLOCK_FIRST + 1);
    bool known = b < ROPE_BLOCKS && atomic_load_explicit(&rs->blocks[b], memory_order_acquire) != NULL;
    return known ? rope_get(rs, id) : NULL;
}

/* An unused id. Ropes lock held; 0: no memory. */
static uint32_t id_take(struct ropes *rs)
{
    uint32_t id = rs->free_head;
    if (id != 0) {
        rs->free_head = rope_get(rs, id)->next;
        return id;
    }
    id = rs->used + 1;
    uint32_t b = 31 - (uint32_t)__builtin_clz(id / ROPE_BLOCK_FIRST + 1);
    if (b >= ROPE_BLOCKS)
        return 0;
    if (atomic_load_explicit(&rs->blocks[b], memory_order_relaxed) == NULL) {
        struct rope *block = calloc((size_t)ROPE_BLOCK_FIRST << b, sizeof *block);
        if (block == NULL)
            return 0;
        atomic_store_explicit(&rs->blocks[b], block, memory_order_release);
    }
    return rs->used = id;
}

uint32_t rope_new(struct store_ctx *sx)
{
    struct ropes *rs = &sx->store->ropes;
    lock_take(&rs->lock, LOCK_ROPES);
    uint32_t id = id_take(rs);
    lock_release(&rs->lock, LOCK_ROPES);
    if (id == 0)
        return 0;
    struct rope *r = rope_get(rs, id);
    r->len = 0;
    r->nsegs = 0;
    r->pins = 0;
    atomic_store_explicit(&r->state, ROPE_PRIVATE, memory_order_release);
    return id;
}

static void id_give(struct ropes *rs, uint32_t id)
{
    struct rope *r = rope_get(rs, id);
    free(r->refs);
    r->refs = NULL;
    r->cap = 0;
    atomic_store_explicit(&r->state, ROPE_FREE, memory_order_release);
    lock_take(&rs->lock, LOCK_ROPES);
    r->next = rs->free_head;
    rs->free_head = id;
    lock_release(&rs->lock, LOCK_ROPES);
}

/* Where byte `at` is: segment, offset in it, and the bytes that the segment may hold in all. */
static uint32_t locate(const struct rope_shape *sh, size_t at, uint32_t *offset, uint32_t *size)
{
    size_t whole_bytes = (size_t)sh->whole * SEGMENT_WHOLE;
    if (at < whole_bytes) {
        *offset = (uint32_t)(at % SEGMENT_WHOLE);
        *size = SEGMENT_WHOLE;
        return (uint32_t)(at / SEGMENT_WHOLE);
    }
    uint32_t rest = (uint32_t)(at - whole_bytes), mid = rest / SEGMENT_MID;
    *offset = rest % SEGMENT_MID;
    *size = mid < sh->mid ? SEGMENT_MID : sh->tail;
    return sh->whole + mid;
}

static uint32_t segment_bytes(const struct rope_shape *sh, uint32_t i)
{
    return i < sh->whole ? SEGMENT_WHOLE : i < sh->whole + sh->mid ? SEGMENT_MID : sh->tail;
}

static uint32_t segment_class(const struct store *s, const struct rope_shape *sh, uint32_t i)
{
    return size_class_of(&s->slab.classes, (size_t)segment_bytes(sh, i) + SEGMENT_HEADER);
}

/* Counts a segment of a live rope in (+1) or out (-1). */
static void account(struct store_ctx *sx, const struct rope_shape *sh, uint32_t i, chunk_ref ref, int sign)
{
    counter_add(&sx->bytes.item_bytes, sign * (int64_t)(segment_bytes(sh, i) + SEGMENT_HEADER));
    counter_add(&sx->bytes.chunk_bytes, sign * (int64_t)slab_chunk_size(&sx->store->slab, ref));
    counter_add(&sx->bytes.segments, sign);
}

static void account_orphan(struct store_ctx *sx, chunk_ref ref, int sign)
{
    counter_add(&sx->bytes.orphan_bytes, sign * (int64_t)slab_chunk_size(&sx->store->slab, ref));
    counter_add(&sx->bytes.orphans, sign);
}

static char *piece_of(const struct store *s, const chunk_ref *refs, const struct rope_shape *sh, size_t at, size_t *len)
{
    uint32_t offset, size, i = locate(sh, at, &offset, &size);
    *len = size - offset;
    return ((struct segment *)slab_ptr(&s->slab, refs[i]))->bytes + offset;
}

char *rope_piece(const struct store *s, const struct rope *r, size_t at, size_t *len)
{
    struct rope_shape sh = rope_shape(r->len);
    return piece_of(s, r->refs, &sh, at, len);
}

void rope_read(const struct store *s, const struct rope *r, size_t at, size_t n, char *to)
{
    while (n > 0) {
        size_t run;
        const char *p = rope_piece(s, r, at, &run);
        run = run < n ? run : n;
        memcpy(to, p, run);
        to += run;
        at += run;
        n -= run;
    }
}

void rope_write(const struct store *s, const struct rope *r, size_t at, const char *from, size_t n)
{
    while (n > 0) {
        size_t run;
        char *p = rope_piece(s, r, at, &run);
        run = run < n ? run : n;
        if (from != NULL) {
            memcpy(p, from, run);
            from += run;
        } else {
            memset(p, 0, run);
        }
        at += run;
        n -= run;
    }
}

/* Room for n references. */
static bool reserve_refs(struct rope *r, uint32_t n)
{
    if (n <= r->cap)
        return true;
    uint32_t cap = n < 4 ? n : n + n / 8;
    chunk_ref *refs = realloc(r->refs, cap * sizeof *refs);
    if (refs == NULL)
        return false;
    r->refs = refs;
    r->cap = cap;
    return true;
}

/* How many of the rope's first segments stay as they are when its shape becomes `to` (never shorter). A tail may lie in
 * a larger chunk than its class's. */
static uint32_t kept(const struct store *s, const struct rope *r, const struct rope_shape *from,
                     const struct rope_shape *to)
{
    if (to->whole != from->whole)
        return from->whole;
    uint32_t keep = from->whole + from->mid;
    if (from->tail > 0 && segment_bytes(to, keep) + SEGMENT_HEADER <= slab_chunk_size(&s->slab, r->refs[keep]))
        keep++;
    return keep;
}

/* Takes the chunks of segments [first, nsegs) into `out`; all or none. */
static bool take_segments(struct store_ctx *sx, const struct rope_shape *sh, uint32_t first, uint32_t id,
                          chunk_ref *out)
{
    for (uint32_t i = first; i < sh->nsegs; i++) {
        uint32_t class = segment_class(sx->store, sh, i);
        out[i - first] = chunk_take(sx, class);
        if (out[i - first] == 0) {
            /* all of them are given back: what is wanted in all tells whether it can ever be had */
            sx->short_count = class == sx->store->slab.classes.n - 1 ? sh->whole - first : 1;
            while (i-- > first)
                chunk_give(sx, out[i - first]);
            return false;
        }
        struct segment *seg = slab_ptr(&sx->store->slab, out[i - first]);
        seg->head = KIND_SEGMENT | i << 3;
        seg->rope = id;
    }
    return true;
}

/* Moves the bytes [start, len) of the old segments into the new ones. */
static void carry_over(struct store *s, const struct rope *r, const struct rope_shape *to, const chunk_ref *refs,
                       size_t start)
{
    struct rope_shape from = rope_shape(r->len);
    for (size_t at = start; at < r->len;) {
        size_t have, room, left = r->len - at;
        const char *src = piece_of(s, r->refs, &from, at, &have);
        char *dst = piece_of(s, refs, to, at, &room);
        size_t n = have < room ? have : room;
        n = n < left ? n : left;
        memcpy(dst, src, n);
        at += n;
    }
}

static size_t segment_start(const struct rope_shape *sh, uint32_t i)
{
    if (i <= sh->whole)
        return (size_t)i * SEGMENT_WHOLE;
    return (size_t)sh->whole * SEGMENT_WHOLE + (size_t)(i - sh->whole) * SEGMENT_MID;
}

bool rope_grow(struct store_ctx *sx, uint32_t id, size_t len, bool zero)
{
    struct store *s = sx->store;
    struct rope *r = rope_get(&s->ropes, id);
    struct rope_shape from = rope_shape(r->len), to = rope_shape(len);
    uint32_t keep = kept(s, r, &from, &to);
    bool live = atomic_load_explicit(&r->state, memory_order_relaxed) == ROPE_LIVE;
    ASSERT(len >= r->len && r->pins == 0);
    uint32_t fresh = to.nsegs - keep;
    chunk_ref few[24], *refs = few;
    if (fresh > 24 && (refs = malloc(fresh * sizeof *refs)) == NULL)
        return false;
    if (!reserve_refs(r, to.nsegs) || !take_segments(sx, &to, keep, id, refs)) {
        if (refs != few)
            free(refs);
        return false;
    }
    if (live)
        for (uint32_t i = 0; i < from.nsegs; i++)
            if (i >= keep || i + 1 == from.nsegs)
                account(sx, &from, i, r->refs[i], -1);
    size_t start = segment_start(&from, keep < from.nsegs ? keep : from.nsegs);
    if (keep < from.nsegs) {
        /* what is carried over is addressed through a list that starts at the first kept segment */
        chunk_ref *all = refs - keep;
        carry_over(s, r, &to, all, start);
        for (uint32_t i = keep; i < from.nsegs; i++)
            chunk_give(sx, r->refs[i]);
    }
    if (fresh > 0) /* an empty rope has no list */
        memcpy(r->refs + keep, refs, fresh * sizeof *refs);
    if (refs != few)
        free(refs);
    size_t old = r->len;
    r->len = len;
    r->nsegs = to.nsegs;
    if (live) {
        for (uint32_t i = keep; i < to.nsegs; i++)
            slab_set_state(&s->slab, r->refs[i], CHUNK_LIVE);
        for (uint32_t i = 0; i < to.nsegs; i++)
            if (i >= keep || i + 1 == from.nsegs)
                account(sx, &to, i, r->refs[i], 1);
    }
    if (zero)
        rope_write(s, r, old, NULL, len - old);
    return true;
}

uint32_t rope_clone(struct store_ctx *sx, uint32_t id, size_t len)
{
    struct store *s = sx->store;
    const struct rope *r = rope_get(&s->ropes, id);
    uint32_t copy = rope_new(sx);
    if (copy == 0)
        return 0;
    size_t total = len > r->len ? len : r->len;
    if (!rope_grow(sx, copy, total, false)) {
        rope_free(sx, copy);
        return 0;
    }
    struct rope *c = rope_get(&s->ropes, copy);
    for (size_t at = 0; at < r->len;) {
        size_t run;
        const char *p = rope_piece(s, r, at, &run);
        run = run < r->len - at ? run : r->len - at;
        rope_write(s, c, at, p, run);
        at += run;
    }
    rope_write(s, c, r->len, NULL, total - r->len);
    return copy;
}

void rope_adopt(struct store_ctx *sx, uint32_t id, uint64_t hash)
{
    struct rope *r = rope_get(&sx->store->ropes, id);
    struct rope_shape sh = rope_shape(r->len);
    atomic_store_explicit(&r->hash, hash, memory_order_relaxed);
    atomic_store_explicit(&r->state, ROPE_LIVE, memory_order_release);
    for (uint32_t i = 0; i < r->nsegs; i++) {
        account(sx, &sh, i, r->refs[i], 1);
        slab_set_state(&sx->store->slab, r->refs[i], CHUNK_LIVE);
    }
}

void rope_free(struct store_ctx *sx, uint32_t id)
{
    struct rope *r = rope_get(&sx->store->ropes, id);
    uint8_t state = atomic_load_explicit(&r->state, memory_order_relaxed);
    struct rope_shape sh = rope_shape(r->len);
    ASSERT(r->pins == 0);
    for (uint32_t i = 0; i < r->nsegs; i++) {
        if (state == ROPE_ORPHAN)
            account_orphan(sx, r->refs[i], -1);
        else if (state == ROPE_LIVE)
            account(sx, &sh, i, r->refs[i], -1);
        chunk_give(sx, r->refs[i]);
    }
    id_give(&sx->store->ropes, id);
}

static void lazy_push(struct store *s, uint32_t id)
{
    struct ropes *rs = &s->ropes;
    lock_take(&rs->lock, LOCK_ROPES);
    rope_get(rs, id)->next = rs->lazy_head;
    rs->lazy_head = id;
    lock_release(&rs->lock, LOCK_ROPES);
    atomic_fetch_add_explicit(&s->lazy_ropes, 1, memory_order_relaxed);
    s->wake(s->wake_arg);
}

static void release_orphan(struct store_ctx *sx, uint32_t id)
{
    if (rope_get(&sx->store->ropes, id)->nsegs > ROPE_LAZY_SEGMENTS)
        lazy_push(sx->store, id);
    else
        rope_free(sx, id);
}

void rope_drop(struct store_ctx *sx, uint32_t id)
{
    struct slab *slab = &sx->store->slab;
    struct rope *r = rope_get(&sx->store->ropes, id);
    struct rope_shape sh = rope_shape(r->len);
    atomic_store_explicit(&r->state, ROPE_ORPHAN, memory_order_release);
    for (uint32_t i = 0; i < r->nsegs; i++) {
        account(sx, &sh, i, r->refs[i], -1);
        account_orphan(sx, r->refs[i], 1);
        if (r->pins > 0)
            slab_set_state(slab, r->refs[i], CHUNK_ORPHAN);
    }
    if (r->pins == 0)
        release_orphan(sx, id);
}

uint32_t rope_free_lazy(struct store_ctx *sx, uint32_t most)
{
    struct ropes *rs = &sx->store->ropes;
    uint32_t done = 0;
    while (done < most) {
        lock_take(&rs->lock, LOCK_ROPES);
        uint32_t id = rs->lazy_head;
        if (id != 0)
            rs->lazy_head = rope_get(rs, id)->next;
        lock_release(&rs->lock, LOCK_ROPES);
        if (id == 0)
            break;
        /* an orphan has no pins and no name: whoever relocates looks at the state first, and leaves it alone */
        done += rope_get(rs, id)->nsegs;
        rope_free(sx, id);
        atomic_fetch_sub_explicit(&sx->store->lazy_ropes, 1, memory_order_relaxed);
    }
    return done;
}

void rope_pin(struct rope *r)
{
    r->pins++;
}

void rope_unpin(struct store_ctx *sx, uint32_t id)
{
    struct rope *r = rope_get(&sx->store->ropes, id);
    for (;;) {
        uint64_t hash = atomic_load_explicit(&r->hash, memory_order_relaxed);
        struct shard *sh = shard_of(sx->store, hash);
        lock_take(&sh->lock, LOCK_SHARD);
        if (atomic_load_explicit(&r->hash, memory_order_relaxed) == hash) { /* RENAME may have been faster */
            ASSERT(r->pins > 0);
            if (--r->pins == 0 && atomic_load_explicit(&r->state, memory_order_relaxed) == ROPE_ORPHAN)
                release_orphan(sx, id);
            lock_release(&sh->lock, LOCK_SHARD);
            return;
        }
        lock_release(&sh->lock, LOCK_SHARD);
    }
}

size_t rope_bytes(const struct store *s, const struct rope *r)
{
    size_t n = sizeof *r + r->cap * sizeof *r->refs;
    for (uint32_t i = 0; i < r->nsegs; i++)
        n += slab_chunk_size(&s->slab, r->refs[i]);
    return n;
}

void ropes_free_all(struct ropes *rs)
{
    for (uint32_t id = 1; id <= rs->used; id++)
        free(rope_get(rs, id)->refs);
    for (int b = 0; b < ROPE_BLOCKS; b++)
        free(atomic_load(&rs->blocks[b]));
}
