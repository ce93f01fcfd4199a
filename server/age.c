/* See age.h. Ticks are made by whoever evicts the last byte of one, so that they come in time also while the memory
 * thread waits for a core. */
#include "server/age.h"

#include "server/store_private.h"
#include "slab/base/clock.h"

enum {
    SWEEP_TICKS = 32,                                   /* every slot is looked at once in so many */
    LATE_TICKS = AGE_AHEAD - AGE_OLD - SWEEP_TICKS - 1, /* the sweep may be behind by so many */
    TICK_MS_LEAST = 1000,
    TICK_MS_MOST = 3600 * 1000,
};

static uint64_t mono_ms(void)
{
    return clock_mono_ns() / 1000000;
}

void age_open(struct age_clock *a)
{
    atomic_store(&a->tick_ms, TICK_MS_LEAST);
    for (int i = 0; i < AGE_TICKS; i++)
        atomic_store_explicit(&a->at_ms[i], mono_ms(), memory_order_relaxed);
}

/* Not while the sweep is late: then ages are coarser for a while. */
static void step(struct age_clock *a, uint64_t at_ms)
{
    uint32_t tick = atomic_load(&a->tick);
    do {
        if (tick - atomic_load(&a->swept) >= LATE_TICKS)
            return;
        atomic_store_explicit(&a->at_ms[(tick + 1) % AGE_TICKS], at_ms, memory_order_relaxed);
    } while (!atomic_compare_exchange_weak(&a->tick, &tick, tick + 1));
}

uint64_t age_ms(const struct age_clock *a, uint32_t age, uint64_t now_ms)
{
    uint32_t tick = atomic_load_explicit(&a->tick, memory_order_relaxed);
    uint64_t then = atomic_load_explicit(&a->at_ms[(tick - age) % AGE_TICKS], memory_order_relaxed);
    return now_ms > then ? now_ms - then : 0;
}

/* When the next tick is due by time. */
static uint64_t due_ms(const struct age_clock *a)
{
    return atomic_load(&a->at_ms[atomic_load(&a->tick) % AGE_TICKS]) + atomic_load(&a->tick_ms);
}

void age_evicted(struct store_ctx *sx, uint64_t bytes)
{
    struct age_clock *a = &sx->store->age;
    uint64_t budget = (uint64_t)atomic_load_explicit(&sx->store->slab.pool.budget, memory_order_relaxed) * PAGE_SIZE;
    uint64_t sum = atomic_fetch_add_explicit(&a->bytes, bytes, memory_order_relaxed) + bytes, now = mono_ms();
    while (sum >= budget / AGE_TURN)
        if (atomic_compare_exchange_weak(&a->bytes, &sum, 0)) {
            uint32_t tick_ms = atomic_load(&a->tick_ms);
            if (now + tick_ms / 4 * 3 < due_ms(a) && tick_ms > TICK_MS_LEAST) /* it took less than a quarter */
                atomic_store(&a->tick_ms, tick_ms / 2);
            step(a, now);
            sx->age_now = atomic_load(&a->tick) & SLOT_AGE_MASK;
            return;
        }
}

void age_grown(struct store *s)
{
    struct age_clock *a = &s->age;
    uint32_t used = pool_in_use(&s->slab.pool);
    uint32_t part = atomic_load_explicit(&s->slab.pool.budget, memory_order_relaxed) / AGE_GROWTH + 1;
    uint32_t grown = atomic_load_explicit(&a->grown, memory_order_relaxed);
    while (used >= grown + part)
        if (atomic_compare_exchange_weak(&a->grown, &grown, used)) {
            step(a, mono_ms());
            return;
        }
}

/* Holds old entries at AGE_OLD, and lets LFU counters decay. */
static void sweep_shard(struct store_ctx *sx, struct shard *sh, bool decay)
{
    struct table t;
    uint32_t first;
    lock_take(&sh->lock, LOCK_SHARD);
    for (uint32_t i = 0; i < shard_entries(sh); i++) {
        if (!index_table(sx->store, sh, i, &t, &first))
            continue;
        for (uint32_t j = 0; j < t.cap; j++) {
            slot_t s = t.slots[j];
            if (s == 0)
                continue;
            if (age_between(sx->age_now, (uint32_t)(s >> SLOT_AGE_SHIFT)) > AGE_OLD)
                s = (s & ~((slot_t)SLOT_AGE_MASK << SLOT_AGE_SHIFT)) | (slot_t)((sx->age_now - AGE_OLD) & SLOT_AGE_MASK)
                                                                           << SLOT_AGE_SHIFT;
            if (decay && (s >> SLOT_FREQ_SHIFT & SLOT_FREQ_MAX) != 0)
                s -= (slot_t)1 << SLOT_FREQ_SHIFT;
            if (s != t.slots[j])
                t.slots[j] = s;
        }
    }
    shard_release(sx, sh);
}

static void sweep(struct store_ctx *sx, struct age_keeper *k, uint32_t ticks, uint64_t lfu_decay_ms)
{
    struct store *s = sx->store;
    int policy = atomic_load(&s->policy);
    bool lfu = policy == EVICT_ALLKEYS_LFU || policy == EVICT_VOLATILE_LFU;
    ticks = ticks < SWEEP_TICKS ? ticks : SWEEP_TICKS;
    for (uint32_t i = 0; i < ticks * (SHARDS / SWEEP_TICKS); i++) {
        if (k->shard == 0) { /* a pass begins: does it lower frequencies? */
            k->lfu_decays = lfu && mono_ms() - k->lfu_decayed_ms >= lfu_decay_ms;
            k->lfu_decayed_ms = k->lfu_decays ? mono_ms() : k->lfu_decayed_ms;
        }
        if (!shard_is_bare(&s->shards[k->shard]))
            sweep_shard(sx, &s->shards[k->shard], k->lfu_decays);
        k->shard = (k->shard + 1) % SHARDS;
    }
}

/* What was emptied fills again. Less than half: a page that comes and goes is no growth. */
static void follow_down(struct age_clock *a, uint32_t used)
{
    if (used < atomic_load_explicit(&a->grown, memory_order_relaxed) / 2)
        atomic_store_explicit(&a->grown, used, memory_order_relaxed);
}

uint64_t age_keep(struct store_ctx *sx, struct age_keeper *k, uint64_t lfu_decay_ms)
{
    struct age_clock *a = &sx->store->age;
    uint64_t now = mono_ms();
    follow_down(a, pool_in_use(&sx->store->slab.pool));
    if (now >= due_ms(a)) {
        uint32_t tick_ms = atomic_load(&a->tick_ms);
        if (atomic_load(&a->bytes) > 0 && tick_ms <= TICK_MS_MOST / 2) /* time was quicker than eviction is */
            atomic_store(&a->tick_ms, tick_ms * 2);
        step(a, now);
    }
    uint32_t tick = atomic_load(&a->tick), passed = tick - k->tick;
    if (passed > 0) {
        k->tick = tick;
        sx->age_now = tick & SLOT_AGE_MASK;
        sweep(sx, k, passed, lfu_decay_ms);
        atomic_store(&a->swept, tick);
    }
    return (due_ms(a) > now ? due_ms(a) : now + 1) * 1000000;
}
