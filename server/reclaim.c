/* See reclaim.h. What loses nothing comes first: freeing what nobody can reach any more, then compaction while a class
 * has a page's worth of free chunks; then eviction, a batch at a time, until the wanted chunks can be had or nothing
 * is left to evict. Relocation is done under the store's reclaim lock, by one thread at a time; eviction takes shard
 * locks only. */
#include "server/reclaim.h"

#include <unistd.h>

#include "server/evict.h"
#include "slab/base/assert.h"
#include "slab/base/clock.h"

enum {
    EVICT_BATCH = 32,
    COMPACT_TRIES = 8,
    ROUNDS_LEAST = 4096,
    ROUNDS_A_PAGE = 256, /* a page's worth of the smallest chunks takes 85 batches; others take of what is won */
    LAZY_SEGMENTS = 1024,
    LAZY_PAUSE_US = 50,
    SPARES_MAX = 20, /* so many times */
    SWEEPS_A_ROUND = 512,
    SWEEPS_MAX = 2 * SWEEPS_A_ROUND,
    ASSIST_PAGES = 16,  /* a turn, at most */
    ASSIST_NS = 500000, /* and no page is begun after this: other clients of the worker wait */
    ASSIST_SHARE = 256, /* of what is in use: so much may be scattered before writers help */
};

uint32_t reclaim_views(struct store *s, struct class_view *v)
{
    uint32_t n = s->slab.classes.n;
    bool full = atomic_load_explicit(&s->full, memory_order_relaxed);
    for (uint32_t k = 0; k < n; k++) {
        const struct slab_class *c = &s->slab.class[k];
        v[k] = (struct class_view){s->slab.classes.c[k].size,
                                   s->slab.classes.c[k].chunks,
                                   atomic_load_explicit(&c->pages_now, memory_order_relaxed),
                                   atomic_load_explicit(&c->free_now, memory_order_relaxed),
                                   atomic_load_explicit(&c->draining_now, memory_order_relaxed),
                                   false,
                                   full};
        if (v[k].draining > v[k].pages)
            v[k].draining = v[k].pages; /* the copies are not one snapshot */
    }
    return n;
}

uint32_t reclaim_pages_left(struct store *s)
{
    uint32_t used = pool_in_use(&s->slab.pool);
    uint32_t budget = atomic_load_explicit(&s->slab.pool.budget, memory_order_relaxed);
    return budget > used ? budget - used : 0;
}

/* `all`: also of what classes of a full cache keep for themselves. Reclaim lock held. */
static bool compact(struct store_ctx *sx, struct decision *d, bool all)
{
    struct class_view v[CLASS_MAX];
    bool won = false;
    if (sx->store->nwaiting > 0 && sx->store->purge_holding != PURGE_HOLDS)
        won = relocate_revisit(sx) > 0;
    uint32_t n = reclaim_views(sx->store, v);
    for (uint32_t k = 0; k < n && all; k++)
        v[k].cache_full = false;
    *d = policy_compact(v, n);
    for (int tries = 0; !won && d->why == WHY_COMPACT && tries < COMPACT_TRIES; tries++) {
        enum drain_end end = relocate_drain(sx, d->class);
        won = end == DRAIN_WON;
        if (!won && (end == DRAIN_NONE || tries >= COMPACT_TRIES / 2)) { /* another class may have a page */
            v[d->class].free = 0;
            *d = policy_compact(v, n);
        }
    }
    return won;
}

static bool compact_locked(struct store_ctx *sx, struct decision *d, bool all)
{
    lock_take(&sx->store->reclaim, LOCK_RECLAIM);
    bool won = compact(sx, d, all);
    lock_release(&sx->store->reclaim, LOCK_RECLAIM);
    return won;
}

bool reclaim_compact(struct store_ctx *sx, struct decision *d)
{
    return compact_locked(sx, d, false);
}

bool reclaim_compact_all(struct store_ctx *sx, struct decision *d)
{
    return compact_locked(sx, d, true);
}

enum drain_end reclaim_purge(struct store_ctx *sx)
{
    struct store *s = sx->store;
    struct decision d;
    enum drain_end end = DRAIN_NONE;
    lock_take(&s->reclaim, LOCK_RECLAIM);
    if (s->purge_holding != PURGE_CUT) {
        uint32_t before = s->nwaiting;
        s->purge_holding = PURGE_HOLDS;
        end = compact(sx, &d, true) ? DRAIN_WON : s->nwaiting > before ? DRAIN_HELD : DRAIN_NONE;
    }
    lock_release(&s->reclaim, LOCK_RECLAIM);
    return end;
}

bool reclaim_cut_purge(struct store_ctx *sx)
{
    struct store *s = sx->store;
    lock_take(&s->reclaim, LOCK_RECLAIM);
    bool held = s->purge_holding == PURGE_HOLDS && s->nwaiting > 0;
    if (held) {
        s->purge_holding = PURGE_CUT;
        relocate_revisit(sx);
    }
    lock_release(&s->reclaim, LOCK_RECLAIM);
    return held;
}

uint32_t reclaim_purge_end(struct store_ctx *sx)
{
    struct store *s = sx->store;
    lock_take(&s->reclaim, LOCK_RECLAIM);
    s->purge_holding = PURGE_HOLDS_NOTHING;
    uint32_t won = s->nwaiting > 0 ? relocate_revisit(sx) : 0;
    lock_release(&s->reclaim, LOCK_RECLAIM);
    return won;
}

bool reclaim_pack(struct store_ctx *sx, uint32_t class)
{
    lock_take(&sx->store->reclaim, LOCK_RECLAIM);
    bool won = relocate_pack(sx, class);
    lock_release(&sx->store->reclaim, LOCK_RECLAIM);
    return won;
}

void reclaim_assist(struct store_ctx *sx, uint32_t pages)
{
    struct store *s = sx->store;
    struct class_view v[CLASS_MAX];
    struct decision d;
    bool won = true;
    uint64_t until = clock_mono_ns() + ASSIST_NS;
    pages = pages < ASSIST_PAGES ? pages : ASSIST_PAGES;
    while (won && pages-- > 0 && clock_mono_ns() < until) {
        size_t scattered = policy_scattered_bytes(v, reclaim_views(s, v));
        if (scattered * ASSIST_SHARE < (size_t)pool_in_use(&s->slab.pool) * PAGE_SIZE ||
            !lock_try(&s->reclaim, LOCK_RECLAIM)) /* somebody is at it: no client waits for that */
            return;
        won = compact(sx, &d, false);
        lock_release(&s->reclaim, LOCK_RECLAIM);
    }
}

static bool available(struct store *s, uint32_t class, uint32_t count)
{
    const struct size_class *c = &s->slab.classes.c[class];
    uint64_t free = atomic_load_explicit(&s->slab.class[class].free_now, memory_order_relaxed);
    if (c->chunks == 1)
        return reclaim_pages_left(s) >= count;
    return free >= count || reclaim_pages_left(s) > count / c->chunks;
}

/* Frees what nobody can reach any more: nothing is lost by it. False: there is no such thing, or too little of it was
 * found in this many sweeps. */
static bool free_unreachable(struct store_ctx *sx, uint32_t *sweeps)
{
    if (rope_free_lazy(sx, LAZY_SEGMENTS) > 0)
        return true;
    return *sweeps < SWEEPS_MAX && ++*sweeps > 0 && store_sweep(sx, SHARDS / SWEEPS_A_ROUND);
}

/* Gets ready for reclaiming: what is at hand and not needed goes back. */
static void begin(struct store_ctx *sx)
{
    struct store *s = sx->store;
    s->wake(s->wake_arg);
    if (!sx->planned)        /* a plan keeps what it has, to be short of less when it is made again */
        magazines_flush(sx); /* a chunk at hand holds a whole page */
    atomic_fetch_add(&s->flush_seq, 1);
}

enum reclaim_result reclaim_for(struct store_ctx *sx, uint32_t class, uint32_t count, uint64_t slice_ns)
{
    struct store *s = sx->store;
    struct decision d;
    uint32_t sweeps = 0, spared = 0, walked = evict_walked(s);
    uint64_t pages = (uint64_t)count * s->slab.classes.c[class].size / PAGE_SIZE, last = 0;
    uint64_t begun = clock_mono_ns(), rounds = ROUNDS_LEAST + pages * ROUNDS_A_PAGE;
    if (pages >= atomic_load(&s->slab.pool.budget))
        return RECLAIM_NONE;
    begin(sx);
    for (uint64_t round = 0; round < rounds; round++) {
        if (round > 0 && available(s, class, count))
            return RECLAIM_DONE;
        if (round > 0 && clock_mono_ns() - begun > slice_ns)
            return RECLAIM_MORE;
        if (free_unreachable(sx, &sweeps) || reclaim_compact(sx, &d) || reclaim_cut_purge(sx))
            continue;
        if (spared < SPARES_MAX && s->spare(s->wake_arg, sx)) {
            spared++;
            usleep(LAZY_PAUSE_US); /* other workers' clients are on their way out */
            continue;
        }
        last = evict_some(sx, EVICT_BATCH);
        if (last > 0 || reclaim_compact_all(sx, &d))
            continue;
        if (evict_goes_on(s, walked)) {
            rounds++;
            continue;
        }
        if (atomic_load(&s->lazy_ropes) == 0)
            break;
        usleep(LAZY_PAUSE_US); /* the memory thread has taken up the last of them */
    }
    bool done = available(s, class, count) && (last > 0 || reclaim_pages_left(s) > 0);
    return done ? RECLAIM_DONE : RECLAIM_NONE;
}
