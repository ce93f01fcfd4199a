/* The page pool: one range of address space, cut into pages of 64 KiB, and which of them are free.
 *
 * A page is absent (no memory behind it), free (resident, in nobody's use) or used. in_use + free = committed.
 * The budget bounds pages: none is handed out when budget pages are in use, and pool_trim brings committed under it.
 * The lowest free page is handed out first, so that the range stays dense at its beginning.
 * Never unmapped: a stale look at a page that was given back reads zeros. */
#ifndef FLAGSTONE_SLAB_POOL_H
#define FLAGSTONE_SLAB_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "slab/base/lock.h"
#include "slab/os.h"

enum { PAGE_SHIFT = 16, PAGE_SIZE = 1 << PAGE_SHIFT, REGION_PAGES = 32 };
#define PAGE_NONE UINT32_MAX

struct pool {
    char *base;  /* address of page 0; constant */
    void *range; /* what was reserved, of which page 0 is the first aligned part; constant */
    size_t range_bytes;
    uint32_t pages; /* in the range; constant */
    struct lock lock;
    uint32_t high;                        /* pages ever used; lock */
    uint32_t protected_pages;             /* readable and writable; lock */
    uint32_t hint_free, hint_absent;      /* no lower word of the bitmap has a bit; lock */
    struct vspace free_bits, absent_bits; /* of 64-bit words; lock */
    uint32_t leaving;                     /* committed, no longer free, on their way to the system; lock */
    const struct slab_os *os;
    _Atomic uint32_t free, committed; /* written under the lock, read anywhere */
    _Atomic uint32_t budget;          /* pages */
    _Atomic uint32_t overdraft;       /* pages that may be taken beyond it for a while */
    _Atomic uint64_t released;        /* pages given back to the system since the start */
};

/* Reserves range_bytes (rounded down to regions), or half of it and so on down to 64 MiB where address space is short
 * (ulimit -v). false: not even that. */
bool pool_open(struct pool *p, const struct slab_os *os, size_t range_bytes);
void pool_close(struct pool *p);

/* A resident page's number, or PAGE_NONE: the budget is used up or the system has no memory. Contents are undefined
 * when it had been used before. Thread-safe; may take 10 us when a page has to be populated. */
uint32_t pool_take(struct pool *p);
void pool_give(struct pool *p, uint32_t page);

/* Makes pages resident until `want` are free or the budget is reached; returns how many are free. */
uint32_t pool_fill(struct pool *p, uint32_t want);
/* Gives free pages back to the system until at most `keep` are free and committed <= budget, at most `most` pages;
 * returns how many. */
uint32_t pool_trim(struct pool *p, uint32_t keep, uint32_t most);
void pool_set_budget(struct pool *p, uint64_t pages);

/* Both as they are at one moment; what is on its way to the system counts as free. */
void pool_counts(struct pool *p, uint32_t *committed, uint32_t *free);
/* Is the page handed out: below the high-water mark, neither free nor absent? */
bool pool_is_used(struct pool *p, uint32_t page);
/* Proves that `free` and `committed` are what the bitmaps say; false: `why` (n bytes) says which is not. */
bool pool_check(struct pool *p, char *why, size_t n);

/* Resident bytes of the pool's own tables. */
size_t pool_table_bytes(struct pool *p);

static inline uint32_t pool_in_use(struct pool *p)
{
    uint32_t committed = atomic_load_explicit(&p->committed, memory_order_relaxed);
    uint32_t free = atomic_load_explicit(&p->free, memory_order_relaxed);
    return committed > free ? committed - free : 0;
}

#endif
