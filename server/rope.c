/* See rope.h. */
#include "server/rope.h"

#include <stdlib.h>
#include <string.h>

#include "server/store_private.h"
#include "slab/base/assert.h"

enum { ROPE_LAZY_SEGMENTS = 64 }; /* more are freed or marked by the memory thread */

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
    r->marked = 0;
    r->chunk_bytes = 0;
    r->hold = NULL;
    r->lazy = false;
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

/* Counts a live rope in (+1) or out (-1), as it is now. */
static void account(struct store_ctx *sx, const struct rope *r, int sign)
{
    counter_add(&sx->bytes.item_bytes, sign * (int64_t)(r->len + (size_t)r->nsegs * SEGMENT_HEADER));
    counter_add(&sx->bytes.chunk_bytes, sign * (int64_t)r->chunk_bytes);
    counter_add(&sx->bytes.segments, sign * (int64_t)r->nsegs);
}

static void account_orphans(struct store_ctx *sx, int64_t bytes, int64_t n)
{
    counter_add(&sx->bytes.orphan_bytes, bytes);
    counter_add(&sx->bytes.orphans, n);
}

char *rope_piece_of(const struct store *s, const chunk_ref *refs, uint32_t first, const struct rope_shape *sh,
                    size_t at, size_t *len)
{
    uint32_t offset, size, i = locate(sh, at, &offset, &size);
    *len = size - offset;
    return ((struct segment *)slab_ptr(&s->slab, refs[i - first]))->bytes + offset;
}

uint32_t rope_segment_at(const struct rope_shape *sh, size_t at)
{
    uint32_t offset, size;
    return locate(sh, at, &offset, &size);
}

char *rope_piece(const struct store *s, const struct rope *r, size_t at, size_t *len)
{
    struct rope_shape sh = rope_shape(r->len);
    return rope_piece_of(s, r->refs, 0, &sh, at, len);
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
                       uint32_t first, size_t start)
{
    struct rope_shape from = rope_shape(r->len);
    for (size_t at = start; at < r->len;) {
        size_t have, room, left = r->len - at;
        const char *src = rope_piece_of(s, r->refs, 0, &from, at, &have);
        char *dst = rope_piece_of(s, refs, first, to, at, &room);
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

/* ---- what pins have seen ---------------------------------------------------------------------------------------- */

static bool is_fresh(const struct rope_hold *h, uint32_t i)
{
    return h == NULL || (h->any_fresh && i / 64 < h->nwords && (h->fresh[i / 64] >> (i % 64) & 1) != 0);
}

/* Room to note that `n` segments are replaced in a rope of `nsegs`; false: no memory. */
static bool hold_room(struct rope_hold *h, uint32_t nsegs, uint32_t n)
{
    uint32_t words = (nsegs + 63) / 64;
    if (h->nold + n > h->cap) {
        uint32_t cap = h->nold + n + h->cap / 2;
        chunk_ref *old = realloc(h->old, cap * sizeof *old);
        if (old == NULL)
            return false;
        h->old = old;
        h->cap = cap;
    }
    if (words > h->nwords) {
        uint64_t *fresh = realloc(h->fresh, words * sizeof *fresh);
        if (fresh == NULL)
            return false;
        memset(fresh + h->nwords, 0, (words - h->nwords) * sizeof *fresh);
        h->fresh = fresh;
        h->nwords = words;
    }
    return true;
}

/* A segment leaves its rope: pins keep it, or its chunk is given back. The room is there. */
static void put_aside(struct store_ctx *sx, struct rope *r, uint32_t i)
{
    struct rope_hold *h = r->hold;
    chunk_ref ref = r->refs[i];
    size_t size = slab_chunk_size(&sx->store->slab, ref);
    r->chunk_bytes -= size;
    if (is_fresh(h, i)) {
        chunk_give(sx, ref);
        return;
    }
    slab_set_state(&sx->store->slab, ref, CHUNK_ORPHAN);
    h->old[h->nold++] = ref;
    atomic_fetch_add_explicit(&h->kept, size, memory_order_relaxed);
    account_orphans(sx, (int64_t)size, 1);
}

static void set_fresh(struct rope_hold *h, uint32_t first, uint32_t end)
{
    for (uint32_t i = first; h != NULL && i < end; i++)
        h->fresh[i / 64] |= UINT64_C(1) << (i % 64);
    if (h != NULL)
        h->any_fresh = true;
}

bool rope_own(struct store_ctx *sx, uint32_t id, size_t at, size_t n)
{
    struct store *s = sx->store;
    struct rope *r = rope_get(&s->ropes, id);
    struct rope_shape sh = rope_shape(r->len);
    if (r->hold == NULL || n == 0)
        return true;
    uint32_t first = rope_segment_at(&sh, at), last = rope_segment_at(&sh, at + n - 1);
    if (!hold_room(r->hold, r->nsegs, last - first + 1))
        return false;
    for (uint32_t i = first; i <= last; i++) {
        if (is_fresh(r->hold, i))
            continue;
        chunk_ref ref = chunk_take(sx, segment_class(s, &sh, i));
        if (ref == 0) { /* what was done is no change of the value */
            sx->short_count = i < sh.whole ? (last < sh.whole ? last : sh.whole) - i + 1 : 1;
            return false;
        }
        /* also what will be overwritten: where a later segment is short, the value is read as it was meanwhile */
        memcpy(slab_ptr(&s->slab, ref), slab_ptr(&s->slab, r->refs[i]), SEGMENT_HEADER + segment_bytes(&sh, i));
        account(sx, r, -1);
        put_aside(sx, r, i);
        r->refs[i] = ref;
        r->chunk_bytes += slab_chunk_size(&s->slab, ref);
        account(sx, r, 1);
        slab_set_state(&s->slab, ref, CHUNK_LIVE);
        set_fresh(r->hold, i, i + 1);
    }
    return true;
}

/* ------------------------------------------------------------------------------------------------------------------ */

/* The chunks of the first `upto` segments of a private rope are filled: marking them is not left to rope_adopt. */
static void mark_live(struct store *s, struct rope *r, uint32_t upto)
{
    for (; r->marked < upto; r->marked++)
        slab_set_state(&s->slab, r->refs[r->marked], CHUNK_LIVE);
}

/* Puts fresh segments from `keep` on into the rope's list; what was there goes. */
static void replace_tail(struct store_ctx *sx, struct rope *r, const struct rope_shape *to, uint32_t keep,
                         const chunk_ref *refs)
{
    struct store *s = sx->store;
    struct rope_shape from = rope_shape(r->len);
    uint32_t fresh = to->nsegs - keep;
    if (keep < from.nsegs) {
        carry_over(s, r, to, refs, keep, segment_start(&from, keep));
        for (uint32_t i = keep; i < from.nsegs; i++)
            put_aside(sx, r, i);
        r->marked = r->marked < keep ? r->marked : keep;
    }
    if (fresh > 0) /* an empty rope has no list */
        memcpy(r->refs + keep, refs, fresh * sizeof *refs);
    for (uint32_t i = 0; i < fresh; i++)
        r->chunk_bytes += slab_chunk_size(&s->slab, refs[i]);
    if (fresh > 0)
        set_fresh(r->hold, keep, to->nsegs);
}

bool rope_grow(struct store_ctx *sx, uint32_t id, size_t len, bool zero)
{
    struct store *s = sx->store;
    struct rope *r = rope_get(&s->ropes, id);
    struct rope_shape from = rope_shape(r->len), to = rope_shape(len);
    uint32_t keep = kept(s, r, &from, &to), fresh = to.nsegs - keep;
    bool live = atomic_load_explicit(&r->state, memory_order_relaxed) == ROPE_LIVE;
    ASSERT(len >= r->len);
    chunk_ref few[24], *refs = few;
    if (fresh > 24 && (refs = malloc(fresh * sizeof *refs)) == NULL)
        return false;
    if (!reserve_refs(r, to.nsegs) || (r->hold != NULL && !hold_room(r->hold, to.nsegs, from.nsegs - keep)) ||
        !take_segments(sx, &to, keep, id, refs)) {
        if (refs != few)
            free(refs);
        return false;
    }
    if (live)
        account(sx, r, -1);
    else
        mark_live(s, r, keep < from.nsegs ? keep : from.nsegs);
    replace_tail(sx, r, &to, keep, refs);
    if (refs != few)
        free(refs);
    size_t old = r->len;
    r->len = len;
    r->nsegs = to.nsegs;
    if (live) {
        for (uint32_t i = keep; i < to.nsegs; i++)
            slab_set_state(&s->slab, r->refs[i], CHUNK_LIVE);
        account(sx, r, 1);
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
    atomic_store_explicit(&r->hash, hash, memory_order_relaxed);
    atomic_store_explicit(&r->state, ROPE_LIVE, memory_order_release);
    mark_live(sx->store, r, r->nsegs);
    account(sx, r, 1);
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static void lazy_push(struct store *s, uint32_t id)
{
    struct ropes *rs = &s->ropes;
    atomic_fetch_add_explicit(&s->lazy_ropes, 1, memory_order_relaxed); /* first: it may be taken at once */
    lock_take(&rs->lock, LOCK_ROPES);
    rope_get(rs, id)->next = rs->lazy_head;
    rs->lazy_head = id;
    lock_release(&rs->lock, LOCK_ROPES);
    s->wake(s->wake_arg);
}

/* Gives back the chunks of up to `most` segments of an orphan, the last ones first; returns how many. */
static uint32_t give_segments(struct store_ctx *sx, struct rope *r, uint32_t most)
{
    uint32_t n = r->nsegs < most ? r->nsegs : most;
    size_t bytes = 0;
    for (uint32_t i = 0; i < n; i++) {
        chunk_ref ref = r->refs[--r->nsegs];
        bytes += slab_chunk_size(&sx->store->slab, ref);
        chunk_give(sx, ref);
    }
    account_orphans(sx, -(int64_t)bytes, -(int64_t)n);
    return n;
}

static void free_orphan(struct store_ctx *sx, uint32_t id)
{
    give_segments(sx, rope_get(&sx->store->ropes, id), UINT32_MAX);
    id_give(&sx->store->ropes, id);
}

/* An orphan without pins. A long one goes to the memory thread, unless it is there already. */
static void release_orphan(struct store_ctx *sx, uint32_t id)
{
    struct rope *r = rope_get(&sx->store->ropes, id);
    if (r->lazy)
        return;
    r->lazy = r->nsegs > ROPE_LAZY_SEGMENTS;
    if (r->lazy)
        lazy_push(sx->store, id);
    else
        free_orphan(sx, id);
}

/* Nobody names it any more: what it holds counts as orphaned. */
static void make_orphan(struct store_ctx *sx, struct rope *r)
{
    if (atomic_load_explicit(&r->state, memory_order_relaxed) == ROPE_LIVE)
        account(sx, r, -1);
    account_orphans(sx, (int64_t)r->chunk_bytes, r->nsegs);
    r->marked = 0;
    atomic_store_explicit(&r->state, ROPE_ORPHAN, memory_order_release);
}

void rope_free(struct store_ctx *sx, uint32_t id)
{
    struct rope *r = rope_get(&sx->store->ropes, id);
    ASSERT(r->hold == NULL);
    make_orphan(sx, r);
    release_orphan(sx, id);
}

/* Marks up to `most` more segments of an orphan; returns how many. */
static uint32_t mark_orphan(struct store *s, struct rope *r, uint32_t most)
{
    uint32_t begin = r->marked, end = r->nsegs - begin < most ? r->nsegs : begin + most;
    for (; r->marked < end; r->marked++)
        slab_set_state(&s->slab, r->refs[r->marked], CHUNK_ORPHAN);
    return end - begin;
}

void rope_drop(struct store_ctx *sx, uint32_t id)
{
    struct rope *r = rope_get(&sx->store->ropes, id);
    make_orphan(sx, r);
    if (r->hold == NULL) {
        release_orphan(sx, id);
        return;
    }
    atomic_fetch_add_explicit(&r->hold->kept, r->chunk_bytes, memory_order_relaxed);
    r->lazy = r->nsegs > ROPE_LAZY_SEGMENTS;
    if (r->lazy)
        lazy_push(sx->store, id);
    else
        mark_orphan(sx->store, r, UINT32_MAX);
}

static uint32_t lazy_pop(struct ropes *rs)
{
    lock_take(&rs->lock, LOCK_ROPES);
    uint32_t id = rs->lazy_head;
    if (id != 0)
        rs->lazy_head = rope_get(rs, id)->next;
    lock_release(&rs->lock, LOCK_ROPES);
    return id;
}

/* A rope from the lazy list: frees or marks at most `most` of it; returns how many. */
static uint32_t lazy_step(struct store_ctx *sx, uint32_t id, uint32_t most)
{
    struct store *s = sx->store;
    struct rope *r = rope_get(&s->ropes, id);
    struct shard *sh = shard_of(s, atomic_load_explicit(&r->hash, memory_order_relaxed)); /* an orphan's stays */
    uint32_t done = 0;
    lock_take(&sh->lock, LOCK_SHARD);
    bool pinned = r->hold != NULL;
    if (pinned && r->marked == r->nsegs)
        r->lazy = false; /* whoever unpins it last brings it back */
    bool again = r->lazy;
    lock_release(&sh->lock, LOCK_SHARD);
    /* its segments and marks are touched by nobody else while it is `lazy` */
    if (again && pinned)
        done = mark_orphan(s, r, most);
    else if (again)
        done = give_segments(sx, r, most);
    if (again && !pinned && r->nsegs == 0) {
        id_give(&s->ropes, id);
        again = false;
    }
    if (again)
        lazy_push(s, id);
    atomic_fetch_sub_explicit(&s->lazy_ropes, 1, memory_order_relaxed);
    return done;
}

uint32_t rope_free_lazy(struct store_ctx *sx, uint32_t most)
{
    uint32_t done = 0, id;
    while (done < most && (id = lazy_pop(&sx->store->ropes)) != 0)
        done += lazy_step(sx, id, most - done);
    return done;
}

/* ---- pins -------------------------------------------------------------------------------------------------------- */

struct rope_hold *rope_pin(struct rope *r)
{
    if (r->hold == NULL)
        r->hold = calloc(1, sizeof *r->hold);
    struct rope_hold *h = r->hold;
    if (h == NULL)
        return NULL;
    if (h->any_fresh) {
        memset(h->fresh, 0, h->nwords * sizeof *h->fresh);
        h->any_fresh = false;
    }
    atomic_fetch_add_explicit(&h->pins, 1, memory_order_relaxed);
    return h;
}

/* What writes replaced goes back: at once, or as a rope of its own that the memory thread frees. */
static void release_old(struct store_ctx *sx, uint64_t hash, struct rope_hold *h)
{
    struct store *s = sx->store;
    uint32_t id = h->nold > ROPE_LAZY_SEGMENTS ? rope_new(sx) : 0;
    if (id != 0) {
        struct rope *r = rope_get(&s->ropes, id);
        r->refs = h->old;
        r->cap = h->cap;
        r->nsegs = r->marked = h->nold;
        atomic_store_explicit(&r->hash, hash, memory_order_relaxed);
        atomic_store_explicit(&r->state, ROPE_ORPHAN, memory_order_release);
        release_orphan(sx, id);
        return;
    }
    size_t bytes = 0;
    for (uint32_t i = 0; i < h->nold; i++) {
        bytes += slab_chunk_size(&s->slab, h->old[i]);
        chunk_give(sx, h->old[i]);
    }
    account_orphans(sx, -(int64_t)bytes, -(int64_t)h->nold);
    free(h->old);
}

void rope_unpin_locked(struct store_ctx *sx, uint32_t id)
{
    struct rope *r = rope_get(&sx->store->ropes, id);
    struct rope_hold *h = r->hold;
    ASSERT(h != NULL && atomic_load(&h->pins) > 0);
    if (atomic_fetch_sub_explicit(&h->pins, 1, memory_order_relaxed) > 1)
        return;
    r->hold = NULL;
    release_old(sx, atomic_load_explicit(&r->hash, memory_order_relaxed), h);
    free(h->fresh);
    free(h);
    if (atomic_load_explicit(&r->state, memory_order_relaxed) == ROPE_ORPHAN)
        release_orphan(sx, id);
}

void rope_unpin(struct store_ctx *sx, uint32_t id)
{
    struct rope *r = rope_get(&sx->store->ropes, id);
    for (;;) {
        uint64_t hash = atomic_load_explicit(&r->hash, memory_order_relaxed);
        struct shard *sh = shard_of(sx->store, hash);
        lock_take(&sh->lock, LOCK_SHARD);
        bool there = atomic_load_explicit(&r->hash, memory_order_relaxed) == hash; /* RENAME may have been faster */
        if (there)
            rope_unpin_locked(sx, id);
        lock_release(&sh->lock, LOCK_SHARD);
        if (there)
            return;
    }
}

size_t rope_bytes(const struct rope *r)
{
    return sizeof *r + r->cap * sizeof *r->refs + r->chunk_bytes +
           (r->hold == NULL ? 0 : r->hold->nold * sizeof *r->hold->old);
}

void ropes_free_all(struct ropes *rs)
{
    for (uint32_t id = 1; id <= rs->used; id++)
        free(rope_get(rs, id)->refs);
    for (int b = 0; b < ROPE_BLOCKS; b++)
        free(atomic_load(&rs->blocks[b]));
}
