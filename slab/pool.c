/* Two bitmaps over the range (free: resident; absent: below the high-water mark without memory), each with a hint of
 * the lowest word worth looking at. System calls are made with the lock released, on pages that are in neither. */
#include "slab/pool.h"

#include <assert.h>

#include "slab/base/assert.h"

enum { GATHER_LOOKS = 256 /* regions under the lock */, SPLIT_COST = 16 /* pages whose release takes as long */ };

static_assert(REGION_PAGES == 32, "a region is half a word of a bitmap");

static uint64_t *bits(struct vspace *v)
{
    return (uint64_t *)(void *)v->base;
}

static void bit_set(struct vspace *v, uint32_t *hint, uint32_t page)
{
    bits(v)[page / 64] |= UINT64_C(1) << (page % 64);
    if (page / 64 < *hint)
        *hint = page / 64;
}

/* Takes out the lowest set bit below `high`; PAGE_NONE where there is none. */
static uint32_t bit_take_lowest(struct vspace *v, uint32_t *hint, uint32_t high)
{
    uint32_t words = (high + 63) / 64;
    for (uint32_t w = *hint; w < words; w++) {
        uint64_t word = bits(v)[w];
        if (word != 0) {
            *hint = w;
            bits(v)[w] = word & (word - 1);
            return w * 64 + (uint32_t)__builtin_ctzll(word);
        }
    }
    *hint = words;
    return PAGE_NONE;
}

/* The bits of a region's pages. */
static uint32_t region_bits(struct vspace *v, uint32_t region)
{
    return (uint32_t)(bits(v)[region / 2] >> (region % 2 * REGION_PAGES));
}

/* Lock held. */
static uint8_t *region_state(struct pool *p, uint32_t region)
{
    return (uint8_t *)p->regions.base + region;
}

bool pool_open(struct pool *p, const struct slab_os *os, size_t range_bytes)
{
    const size_t region = (size_t)REGION_PAGES * PAGE_SIZE;
    *p = (struct pool){.os = os};
    void *at = NULL;
    for (; range_bytes >= (UINT64_C(64) << 20); range_bytes /= 2)
        if ((at = os->reserve(range_bytes + region)) != NULL)
            break;
    if (at == NULL)
        return false;
    p->range = at;
    p->range_bytes = range_bytes + region;
    p->base = (char *)(((uintptr_t)at + region - 1) & ~(uintptr_t)(region - 1));
    p->pages = (uint32_t)(range_bytes / region * REGION_PAGES);
    atomic_store(&p->budget, p->pages);
    if (!vspace_open(&p->free_bits, os, p->pages / 8) || !vspace_open(&p->absent_bits, os, p->pages / 8) ||
        !vspace_open(&p->regions, os, p->pages / REGION_PAGES)) {
        pool_close(p);
        return false;
    }
    return true;
}

void pool_close(struct pool *p)
{
    vspace_close(&p->free_bits);
    vspace_close(&p->absent_bits);
    vspace_close(&p->regions);
    if (p->range != NULL)
        p->os->unreserve(p->range, p->range_bytes);
    p->range = p->base = NULL;
}

static uint32_t allowance(const struct pool *p)
{
    return atomic_load_explicit(&p->budget, memory_order_relaxed) +
           atomic_load_explicit(&p->overdraft, memory_order_relaxed);
}

/* A page number without memory behind it, counted as committed already; PAGE_NONE: none is left. Lock held. */
static uint32_t take_absent(struct pool *p)
{
    if (atomic_load_explicit(&p->committed, memory_order_relaxed) >= allowance(p))
        return PAGE_NONE;
    uint32_t page = bit_take_lowest(&p->absent_bits, &p->hint_absent, p->high);
    if (page == PAGE_NONE) {
        if (p->high == p->pages)
            return PAGE_NONE;
        if (p->high == p->protected_pages) {
            size_t words = (size_t)(p->high + REGION_PAGES + 63) / 64 * 8;
            if (!vspace_grow(&p->free_bits, words) || !vspace_grow(&p->absent_bits, words) ||
                !vspace_grow(&p->regions, p->high / REGION_PAGES + 1) ||
                !p->os->protect(p->base + (size_t)p->high * PAGE_SIZE, (size_t)REGION_PAGES * PAGE_SIZE))
                return PAGE_NONE;
            p->protected_pages += REGION_PAGES;
        }
        page = p->high++;
    }
    atomic_fetch_add_explicit(&p->committed, 1, memory_order_relaxed);
    return page;
}

/* Populates a page that take_absent gave; on failure it is absent again. Lock not held. */
static bool make_resident(struct pool *p, uint32_t page)
{
    if (LIKELY(p->os->populate(p->base + (size_t)page * PAGE_SIZE, PAGE_SIZE)))
        return true;
    lock_take(&p->lock, LOCK_POOL);
    bit_set(&p->absent_bits, &p->hint_absent, page);
    atomic_fetch_sub_explicit(&p->committed, 1, memory_order_relaxed);
    lock_release(&p->lock, LOCK_POOL);
    return false;
}

uint32_t pool_take(struct pool *p)
{
    uint32_t page = PAGE_NONE;
    bool absent = false;
    lock_take(&p->lock, LOCK_POOL);
    if (pool_in_use(p) < allowance(p)) {
        page = bit_take_lowest(&p->free_bits, &p->hint_free, p->high);
        if (page != PAGE_NONE)
            atomic_fetch_sub_explicit(&p->free, 1, memory_order_relaxed);
        else if ((page = take_absent(p)) != PAGE_NONE)
            absent = true;
    }
    lock_release(&p->lock, LOCK_POOL);
    if (absent && !make_resident(p, page))
        return PAGE_NONE;
    return page;
}

void pool_give(struct pool *p, uint32_t page)
{
    lock_take(&p->lock, LOCK_POOL);
    bit_set(&p->free_bits, &p->hint_free, page);
    atomic_fetch_add_explicit(&p->free, 1, memory_order_relaxed);
    lock_release(&p->lock, LOCK_POOL);
}

uint32_t pool_fill(struct pool *p, uint32_t want)
{
    while (atomic_load_explicit(&p->free, memory_order_relaxed) < want) {
        lock_take(&p->lock, LOCK_POOL);
        uint32_t page = take_absent(p);
        lock_release(&p->lock, LOCK_POOL);
        if (page == PAGE_NONE || !make_resident(p, page))
            break;
        pool_give(p, page);
    }
    return atomic_load_explicit(&p->free, memory_order_relaxed);
}

/* May what is free of a region, and wanted, go back without a split? Lock held. */
static bool goes_back_whole(struct pool *p, uint32_t region, uint32_t want)
{
    uint32_t free = region_bits(&p->free_bits, region);
    return free != 0 && (*region_state(p, region) != REGION_HUGE || (free == UINT32_MAX && want >= REGION_PAGES));
}

/* The region with most free pages, of several the highest; regions: none. Lock held. */
static uint32_t freest_region(struct pool *p, uint32_t regions)
{
    uint32_t best = regions, most = 0;
    for (uint32_t r = regions; r-- > p->hint_free * 2;) {
        uint32_t free = (uint32_t)__builtin_popcount(region_bits(&p->free_bits, r));
        if (free > most) {
            most = free;
            best = r;
        }
    }
    return best;
}

struct run {
    uint32_t first, n; /* pages, of one region */
    bool split;        /* they are part of a huge page */
};

/* Takes out the highest run of free pages of one region, at most `want`; n is 0 when there is none to be had. Regions
 * from *below on need not be looked at for what goes back whole. Lock held. */
static struct run take_high_run(struct pool *p, uint32_t want, bool split, uint32_t *below)
{
    uint32_t regions = (p->high + REGION_PAGES - 1) / REGION_PAGES, r = *below < regions ? *below : regions;
    struct run run = {0};
    while (r > p->hint_free * 2 && !goes_back_whole(p, r - 1, want))
        r--;
    *below = r;
    if (r > p->hint_free * 2)
        r--;
    else if (!split || (r = freest_region(p, regions)) == regions)
        return run;
    uint32_t free = region_bits(&p->free_bits, r), top = 31 - (uint32_t)__builtin_clz(free);
    while (run.n < want && run.n <= top && (free >> (top - run.n) & 1))
        run.n++;
    run.first = r * REGION_PAGES + top + 1 - run.n;
    bits(&p->free_bits)[run.first / 64] &= ~(((UINT64_C(1) << run.n) - 1) << (run.first % 64));
    if (*region_state(p, r) == REGION_HUGE) {
        run.split = run.n < REGION_PAGES;
        atomic_fetch_sub_explicit(&p->huge, 1, memory_order_relaxed);
        *below = r + 1;
    }
    *region_state(p, r) = REGION_LOOSE;
    return run;
}

static uint32_t excess(struct pool *p, uint32_t keep)
{
    uint32_t free = atomic_load_explicit(&p->free, memory_order_relaxed);
    uint32_t committed = atomic_load_explicit(&p->committed, memory_order_relaxed);
    uint32_t budget = atomic_load_explicit(&p->budget, memory_order_relaxed);
    uint32_t over = free > keep ? free - keep : 0;
    if (committed > budget && committed - budget > over)
        over = committed - budget < free ? committed - budget : free;
    return over;
}

static void give_back(struct pool *p, struct run run)
{
    char *at = p->base + (size_t)run.first * PAGE_SIZE;
    size_t len = (size_t)run.n * PAGE_SIZE;
    if (run.split) {
        p->os->split(at, len);
        atomic_fetch_add_explicit(&p->splits, 1, memory_order_relaxed);
    }
    p->os->release(at, len);
    lock_take(&p->lock, LOCK_POOL);
    for (uint32_t i = 0; i < run.n; i++)
        bit_set(&p->absent_bits, &p->hint_absent, run.first + i);
    atomic_fetch_sub_explicit(&p->committed, run.n, memory_order_relaxed);
    lock_release(&p->lock, LOCK_POOL);
}

uint32_t pool_trim(struct pool *p, uint32_t keep, uint32_t keep_huge, uint32_t most)
{
    uint32_t done = 0, below = UINT32_MAX;
    for (uint64_t cost = 0; cost < most;) {
        lock_take(&p->lock, LOCK_POOL);
        uint32_t over = excess(p, keep), over_huge = excess(p, keep_huge);
        uint32_t room = most - (uint32_t)cost, want = over < room ? over : room;
        struct run run = {0};
        if (want > 0)
            run = take_high_run(p, want, over_huge > 0, &below);
        atomic_fetch_sub_explicit(&p->free, run.n, memory_order_relaxed);
        lock_release(&p->lock, LOCK_POOL);
        if (run.n == 0)
            break;
        give_back(p, run);
        done += run.n;
        cost += run.n + (run.split ? SPLIT_COST : 0);
    }
    atomic_fetch_add_explicit(&p->released, done, memory_order_relaxed);
    return done;
}

/* The next region that is full and was at the last look, from `at` to `end`; what is seen of others is noted. Lock
 * held. */
static uint32_t next_full(struct pool *p, uint32_t at, uint32_t end)
{
    for (; at < end; at++) {
        uint8_t *state = region_state(p, at);
        bool full = (region_bits(&p->free_bits, at) | region_bits(&p->absent_bits, at)) == 0;
        if (*state == REGION_FULL && full)
            break;
        if (*state != REGION_HUGE)
            *state = full ? REGION_FULL : REGION_LOOSE;
    }
    return at;
}

enum pool_gathered pool_gather(struct pool *p, uint32_t *at)
{
    const size_t bytes = (size_t)REGION_PAGES * PAGE_SIZE;
    for (bool found = false; !found;) {
        lock_take(&p->lock, LOCK_POOL);
        uint32_t regions = p->high / REGION_PAGES, end = *at + GATHER_LOOKS < regions ? *at + GATHER_LOOKS : regions;
        *at = next_full(p, *at, end);
        found = *at < end;
        lock_release(&p->lock, LOCK_POOL);
        if (!found && end == regions) {
            *at = 0;
            return GATHER_NOTHING;
        }
    }
    uint32_t region = (*at)++;
    bool done = p->os->gather(p->base + region * bytes, bytes);
    lock_take(&p->lock, LOCK_POOL); /* only this thread makes a region another one */
    *region_state(p, region) = done ? REGION_HUGE : REGION_LOOSE;
    atomic_fetch_add_explicit(&p->huge, done, memory_order_relaxed);
    lock_release(&p->lock, LOCK_POOL);
    atomic_fetch_add_explicit(&p->gathers, done, memory_order_relaxed);
    return done ? GATHER_DONE : GATHER_REFUSED;
}

void pool_set_budget(struct pool *p, uint64_t pages)
{
    atomic_store(&p->budget, pages < p->pages ? (uint32_t)pages : p->pages);
}

size_t pool_table_bytes(struct pool *p)
{
    lock_take(&p->lock, LOCK_POOL);
    size_t words = (size_t)(p->high + 63) / 64 * 8;
    lock_release(&p->lock, LOCK_POOL);
    return 2 * ((words + 4095) & ~(size_t)4095) + ((words / 4 + 4095) & ~(size_t)4095);
}
