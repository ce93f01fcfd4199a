/* Contexts, and the locking of key sets. See store_ctx.h. */
#include "server/store_ctx.h"

#include <stdlib.h>
#include <time.h>

#include "server/reclaim.h"
#include "server/relocate.h"
#include "server/store_private.h"
#include "slab/base/assert.h"
#include "slab/base/clock.h"

enum { LOCK_FEW = 32, LOAN_CLASSES = 32 };
enum { LARGE_BYTES = 2 << 20, RECLAIM_SLICE_NS = 500000 };

struct store_ctx *store_ctx_new(struct store *s)
{
    struct store_ctx *sx = aligned_alloc(64, (sizeof *sx + 63) & ~(size_t)63);
    if (sx == NULL)
        return NULL;
    memset(sx, 0, sizeof *sx);
    sx->store = s;
    sx->magazines = calloc(s->slab.classes.n, sizeof *sx->magazines);
    sx->dbs = calloc(DB_PHYSICAL, sizeof *sx->dbs);
    if (sx->magazines == NULL || sx->dbs == NULL) {
        store_ctx_release(sx);
        return NULL;
    }
    sx->now_ms = clock_wall_ms();
    sx->random = clock_mono_ns() ^ (uint64_t)(uintptr_t)sx ^ UINT64_C(0x9e3779b97f4a7c15);
    sx->touch = true;
    sx->next = atomic_load(&s->contexts);
    while (!atomic_compare_exchange_weak(&s->contexts, &sx->next, sx))
        ;
    return sx;
}

void store_ctx_release(struct store_ctx *sx)
{
    for (uint32_t k = 0; sx->magazines != NULL && k < sx->store->slab.classes.n; k++)
        free(sx->magazines[k].c);
    free(sx->magazines);
    free(sx->notices.p);
    free(sx->dbs);
    free(sx);
}

/* The context stays in the list, for its counters, until the store is closed. */
void store_ctx_free(struct store_ctx *sx)
{
    if (sx != NULL)
        magazines_flush(sx);
}

void store_ctx_turn(struct store_ctx *sx, int64_t now_ms)
{
    struct store *s = sx->store;
    sx->now_ms = now_ms;
    sx->age_now = atomic_load_explicit(&s->age.tick, memory_order_relaxed) & SLOT_AGE_MASK;
    if (UNLIKELY(sx->planned))
        chunk_plan_end(sx);
    if (UNLIKELY(now_ms - sx->trimmed_ms >= MAGAZINE_TRIM_MS || now_ms < sx->trimmed_ms)) {
        sx->trimmed_ms = now_ms;
        magazines_trim(sx);
    }
    if (UNLIKELY(sx->fresh_pages > 0)) {
        age_grown(s);
        reclaim_assist(sx, sx->fresh_pages);
        sx->fresh_pages = 0;
    }
    uint64_t seq = atomic_load_explicit(&s->flush_seq, memory_order_relaxed);
    if (UNLIKELY(seq != sx->flush_seen)) {
        sx->flush_seen = seq;
        magazines_flush(sx);
    }
}

/* Shard numbers of the keys, ascending, each once. `out` has room for n. */
static uint32_t shards_of(const struct store *s, const struct skey *keys, uint32_t n, uint16_t *out)
{
    uint64_t seen[SHARDS / 64] = {0};
    uint32_t k = 0;
    (void)s;
    if (n <= LOCK_FEW) { /* insertion into a short sorted list */
        for (uint32_t i = 0; i < n; i++) {
            uint16_t shard = (uint16_t)(keys[i].hash >> (64 - SHARD_BITS));
            uint32_t j = k;
            while (j > 0 && out[j - 1] > shard)
                j--;
            if (j > 0 && out[j - 1] == shard)
                continue;
            memmove(out + j + 1, out + j, (k - j) * sizeof *out);
            out[j] = shard;
            k++;
        }
        return k;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t shard = (uint32_t)(keys[i].hash >> (64 - SHARD_BITS));
        seen[shard / 64] |= UINT64_C(1) << (shard % 64);
    }
    for (uint32_t w = 0; w < SHARDS / 64; w++)
        for (uint64_t bits = seen[w]; bits != 0; bits &= bits - 1)
            out[k++] = (uint16_t)(w * 64 + (uint32_t)__builtin_ctzll(bits));
    return k;
}

#ifdef FLAGSTONE_FORCE_MOVE
/* Every moment at which a key's shard has just been locked is a legal one to relocate what the key has. */
static void force_move(struct store_ctx *sx, const struct skey *keys, uint32_t n)
{
    for (uint32_t i = 0; i < n && i < LOCK_FEW; i++) {
        struct entry e;
        if (store_find(sx, &keys[i], &e))
            relocate_entry(sx, &keys[i], &e);
    }
}
#endif

/* Somebody sleeps for a lock only while its holder does not run. Where both share a core, the one that was woken may
 * not get it at once: after a busy time it has had more than its share, and would wait for the next tick (4 ms, up to 8
 * were measured). A moment of sleep leaves the core to it. */
void shard_release(struct store_ctx *sx, struct shard *sh)
{
    const struct timespec moment = {.tv_nsec = 20000};
    if (UNLIKELY(lock_release(&sh->lock, LOCK_SHARD)) && sx->background)
        nanosleep(&moment, NULL);
}

void store_lock(struct store_ctx *sx, const struct skey *keys, uint32_t n)
{
    struct store *s = sx->store;
    if (LIKELY(n == 1)) {
        durations_lock(&sx->durations[DURATION_WAIT], &shard_of(s, keys[0].hash)->lock);
    } else {
        uint16_t shards[SHARDS]; /* > LOCK_FEW */
        uint32_t k = shards_of(s, keys, n, shards);
        for (uint32_t i = 0; i < k; i++)
            durations_lock(&sx->durations[DURATION_WAIT], &s->shards[shards[i]].lock);
    }
#ifdef FLAGSTONE_FORCE_MOVE
    force_move(sx, keys, n);
#endif
}

/* What the command had reserved is over. Its shards are still locked. */
static void forget_reserved(struct store_ctx *sx, const struct skey *keys, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        shard_of(sx->store, keys[i].hash)->reserved = 0;
    chunk_plan_forget(sx);
}

void store_settle(struct store_ctx *sx, const struct skey *keys, uint32_t n)
{
    if (UNLIKELY(sx->planning))
        forget_reserved(sx, keys, n);
#ifdef FLAGSTONE_FORCE_MOVE
    force_move(sx, keys, n);
#endif
}

void store_unlock(struct store_ctx *sx, const struct skey *keys, uint32_t n)
{
    struct store *s = sx->store;
    if (UNLIKELY(sx->planning))
        forget_reserved(sx, keys, n);
    if (LIKELY(n == 1)) {
        lock_release(&shard_of(s, keys[0].hash)->lock, LOCK_SHARD);
        return;
    }
    uint16_t shards[SHARDS]; /* > LOCK_FEW */
    uint32_t k = shards_of(s, keys, n, shards);
    for (uint32_t i = 0; i < k; i++)
        lock_release(&s->shards[shards[i]].lock, LOCK_SHARD);
}

enum store_status store_reclaim(struct store_ctx *sx)
{
    uint64_t begin = clock_mono_ns();
    const struct size_class *c = &sx->store->slab.classes.c[sx->short_class];
    bool large = (uint64_t)sx->short_count * c->size >= LARGE_BYTES;
    enum reclaim_result won = reclaim_for(sx, sx->short_class, sx->short_count, large ? RECLAIM_SLICE_NS : UINT64_MAX);
    durations_add(&sx->durations[DURATION_DIRECT], clock_mono_ns() - begin);
    if (won == RECLAIM_MORE)
        return STORE_LATER;
    if (won == RECLAIM_DONE) {
        counter_inc(&sx->counters.reclaim_direct);
        return STORE_OK;
    }
    if (sx->planned)
        chunk_plan_end(sx);
    counter_inc(&sx->counters.reclaim_failed);
    return STORE_SHORT;
}

uint32_t store_loan(struct store_ctx *sx, size_t bytes, uint32_t commands)
{
    struct store *s = sx->store;
    /* a page may be begun for each command's class and table */
    size_t pages = bytes / PAGE_SIZE + 2 * (size_t)(commands < LOAN_CLASSES ? commands : LOAN_CLASSES) + 2;
    if (pages > UINT32_MAX / 2 || (reclaim_pages_left(s) < pages &&
                                   reclaim_for(sx, s->slab.classes.n - 1, (uint32_t)pages, UINT64_MAX) != RECLAIM_DONE))
        return 0;
    atomic_fetch_add(&s->slab.pool.overdraft, (uint32_t)pages);
    return (uint32_t)pages;
}

void store_repay(struct store_ctx *sx, uint32_t pages)
{
    if (pages > 0)
        atomic_fetch_sub(&sx->store->slab.pool.overdraft, pages);
}

void store_counters_sum(const struct store *s, struct store_counters *sum)
{
    enum { N = sizeof(struct store_counters) / sizeof(_Atomic uint64_t) };
    _Atomic uint64_t *to = (_Atomic uint64_t *)sum;
    memset(sum, 0, sizeof *sum);
    for (struct store_ctx *sx = atomic_load(&s->contexts); sx != NULL; sx = sx->next)
        for (int i = 0; i < N; i++)
            to[i] += atomic_load_explicit((_Atomic uint64_t *)&sx->counters + i, memory_order_relaxed);
}
