/* Two bitmaps over the range (free: resident; absent: below the high-water mark without memory), each with a hint of
 * the lowest word worth looking at. System calls are made with the lock released, on pages that are in neither. */
#include "slab/pool.h"

#include <stdio.h>

#include "slab/base/assert.h"

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
    if (!vspace_open(&p->free_bits, os, p->pages / 8) || !vspace_open(&p->absent_bits, os, p->pages / 8)) {
        pool_close(p);
        return false;
    }
    return true;
}

void pool_close(struct pool *p)
{
    vspace_close(&p->free_bits);
    vspace_close(&p->absent_bits);
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

/* Takes out the highest run of free pages within one word; returns its length. Lock held. */
static uint32_t take_high_run(struct pool *p, uint32_t most, uint32_t *first)
{
    for (uint32_t w = (p->high + 63) / 64; w-- > p->hint_free;) {
        uint64_t word = bits(&p->free_bits)[w];
        if (word == 0)
            continue;
        uint32_t top = 63 - (uint32_t)__builtin_clzll(word), n = 0;
        while (n < most && n <= top && (word >> (top - n) & 1))
            n++;
        uint32_t low = top - n + 1;
        uint64_t mask = n == 64 ? UINT64_MAX : ((UINT64_C(1) << n) - 1) << low;
        bits(&p->free_bits)[w] &= ~mask;
        *first = w * 64 + low;
        return n;
    }
    return 0;
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

uint32_t pool_trim(struct pool *p, uint32_t keep, uint32_t most)
{
    uint32_t done = 0;
    while (done < most) {
        uint32_t first, n, want;
        lock_take(&p->lock, LOCK_POOL);
        want = excess(p, keep);
        want = want < most - done ? want : most - done;
        n = want == 0 ? 0 : take_high_run(p, want, &first);
        atomic_fetch_sub_explicit(&p->free, n, memory_order_relaxed);
        p->leaving += n;
        lock_release(&p->lock, LOCK_POOL);
        if (n == 0)
            break;
        p->os->release(p->base + (size_t)first * PAGE_SIZE, (size_t)n * PAGE_SIZE);
        lock_take(&p->lock, LOCK_POOL);
        for (uint32_t i = 0; i < n; i++)
            bit_set(&p->absent_bits, &p->hint_absent, first + i);
        atomic_fetch_sub_explicit(&p->committed, n, memory_order_relaxed);
        p->leaving -= n;
        lock_release(&p->lock, LOCK_POOL);
        done += n;
    }
    atomic_fetch_add_explicit(&p->released, done, memory_order_relaxed);
    return done;
}

void pool_set_budget(struct pool *p, uint64_t pages)
{
    atomic_store(&p->budget, pages < p->pages ? (uint32_t)pages : p->pages);
}

void pool_counts(struct pool *p, uint32_t *committed, uint32_t *free)
{
    lock_take(&p->lock, LOCK_POOL);
    *committed = atomic_load_explicit(&p->committed, memory_order_relaxed);
    *free = atomic_load_explicit(&p->free, memory_order_relaxed) + p->leaving;
    lock_release(&p->lock, LOCK_POOL);
}

static bool bit_is_set(struct vspace *v, uint32_t page)
{
    return (bits(v)[page / 64] >> (page % 64) & 1) != 0;
}

static uint32_t bits_set(struct vspace *v, uint32_t high)
{
    uint32_t n = 0;
    for (uint32_t w = 0; w < (high + 63) / 64; w++)
        n += (uint32_t)__builtin_popcountll(bits(v)[w]);
    return n;
}

bool pool_is_used(struct pool *p, uint32_t page)
{
    lock_take(&p->lock, LOCK_POOL);
    bool used = page < p->high && !bit_is_set(&p->free_bits, page) && !bit_is_set(&p->absent_bits, page);
    lock_release(&p->lock, LOCK_POOL);
    return used;
}

bool pool_check(struct pool *p, char *why, size_t n)
{
    lock_take(&p->lock, LOCK_POOL);
    uint32_t high = p->high, free = bits_set(&p->free_bits, high), absent = bits_set(&p->absent_bits, high);
    uint32_t says_free = atomic_load(&p->free), says_committed = atomic_load(&p->committed);
    lock_release(&p->lock, LOCK_POOL);
    bool ok = free == says_free && high - absent == says_committed;
    if (!ok)
        snprintf(why, n, "of %u pages %u are free and %u absent; the counts say %u free, %u committed", high, free,
                 absent, says_free, says_committed);
    return ok;
}

size_t pool_table_bytes(struct pool *p)
{
    lock_take(&p->lock, LOCK_POOL);
    size_t words = (size_t)(p->high + 63) / 64 * 8;
    lock_release(&p->lock, LOCK_POOL);
    return 2 * ((words + 4095) & ~(size_t)4095);
}
