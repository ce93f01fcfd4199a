/* Slabs: pages cut into chunks of a size class, and where they are free. Knows nothing of keys.
 *
 * A page:   | state byte of chunk 0 .. n-1 | pad | chunk 0 | chunk 1 | ... | chunk n-1 |
 * The state byte is the whole truth about a chunk, so the page's equation can be proved by reading n bytes:
 *
 *     indexed + reserved + orphaned + free = chunks
 *
 *   CHUNK_FREE      in nobody's use. Free <-> other only under the class's lock.
 *   CHUNK_RESERVED  handed out: in a magazine, or being filled
 *   CHUNK_ORPHAN    unlinked, but a socket still sends from it
 *   CHUNK_LIVE and above: reachable from the store. CHUNK_LIVE has no expiry, the higher values are the coarse second
 *                   of expiry (see chunk_expiry_state), so finding what is due is a search in n bytes.
 * The owner of a chunk moves it between the last three without a lock: one byte, stored with release, so that who
 * reads LIVE (acquire) sees the contents.
 *
 * A chunk is named by a ref: its offset in the range / 4 (37 bits for 512 GiB). 0 is no chunk: page 0 is never used.
 * Chunks are handed out from the fullest page that has one; a draining page hands out none. */
#ifndef FLAGSTONE_SLAB_SLAB_H
#define FLAGSTONE_SLAB_SLAB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "slab/base/lock.h"
#include "slab/pool.h"
#include "slab/size_class.h"

typedef uint64_t chunk_ref;

enum chunk_state {
    CHUNK_FREE,
    CHUNK_RESERVED,
    CHUNK_ORPHAN,
    CHUNK_LIVE,
    CHUNK_EXPIRES, /* and above */
};
enum { CHUNK_EXPIRY_STATES = 256 - CHUNK_EXPIRES };

enum page_state { PAGE_UNUSED, PAGE_ACTIVE, PAGE_DRAINING };

enum { SLAB_BINS = 16, REF_SHIFT = 2 };

struct page {
    uint32_t prev, next;   /* in the bin's list; class lock */
    uint32_t place;        /* in the class's array of pages; class lock */
    uint16_t free;         /* free chunks; class lock */
    uint16_t hint;         /* no lower chunk is free; class lock */
    _Atomic uint8_t state; /* enum page_state; written under the class lock, read anywhere */
    uint8_t bin;           /* class lock */
};

struct slab_class {
    struct lock lock;
    uint16_t bins_used;             /* bit b: bin b has pages */
    uint32_t bin[SLAB_BINS];        /* heads: bin b holds pages with about b/16 of their chunks free */
    uint32_t *pages;                /* every page of the class, in no order */
    uint32_t npages, cap, draining; /* draining: of npages */
    uint64_t free;                  /* free chunks in pages that are not draining */
    _Atomic uint64_t free_now, pages_now, draining_now; /* copies to be read without the lock */
    _Atomic uint32_t takes;                             /* calls of slab_take; written under the lock, read anywhere */
} __attribute__((aligned(64)));

struct slab {
    struct pool pool;
    struct size_classes classes;
    struct vspace descriptors; /* struct page each; grown under grow */
    struct vspace class_of;    /* a byte a page, CLASS_NONE: not in use; atomic */
    struct lock grow;          /* rank LOCK_POOL, never with the pool's */
    uint32_t described;        /* pages that have a descriptor */
    struct slab_class class[CLASS_MAX];
};

/* Opens a slab over `range_bytes` of address space. false: no address space or memory. */
bool slab_open(struct slab *s, const struct slab_os *os, size_t range_bytes, uint32_t chunk_min, double factor);
void slab_close(struct slab *s);

/* Takes up to max free chunks of the class (state RESERVED), all of one page; returns how many, 0: no page is to be
 * had. The caller fills a chunk, then slab_set_state. Contents are undefined. */
uint32_t slab_take(struct slab *s, uint32_t class, chunk_ref *out, uint32_t max);
/* The same, one chunk, without beginning a page; 0: the class has no free chunk. */
chunk_ref slab_take_free(struct slab *s, uint32_t class);
/* Gives a chunk back, whatever its state; an active page that becomes wholly free goes to the
 * pool. Nobody uses the chunk any more. */
void slab_give(struct slab *s, chunk_ref ref);

static inline void *slab_ptr(const struct slab *s, chunk_ref ref)
{
    return s->pool.base + (ref << REF_SHIFT);
}

static inline chunk_ref slab_ref(const struct slab *s, const void *p)
{
    return (chunk_ref)((const char *)p - s->pool.base) >> REF_SHIFT;
}

static inline uint32_t slab_page_of(chunk_ref ref)
{
    return (uint32_t)(ref >> (PAGE_SHIFT - REF_SHIFT));
}

static inline char *slab_page_ptr(const struct slab *s, uint32_t page)
{
    return s->pool.base + ((size_t)page << PAGE_SHIFT);
}

static inline struct page *slab_page(const struct slab *s, uint32_t page)
{
    return (struct page *)(void *)s->descriptors.base + page;
}

/* The page's class, CLASS_NONE for one that is not in use. Any thread; old at worst. */
static inline uint32_t slab_page_class(const struct slab *s, uint32_t page)
{
    return atomic_load_explicit((_Atomic uint8_t *)(void *)(s->class_of.base + page), memory_order_relaxed);
}

static inline uint32_t slab_class_of_ref(const struct slab *s, chunk_ref ref)
{
    return slab_page_class(s, slab_page_of(ref));
}

static inline uint32_t slab_chunk_size(const struct slab *s, chunk_ref ref)
{
    return s->classes.c[slab_class_of_ref(s, ref)].size;
}

/* The index of a chunk in its page. */
static inline uint32_t slab_chunk_index(const struct size_class *c, chunk_ref ref)
{
    uint32_t offset = (uint32_t)(ref << REF_SHIFT) & (PAGE_SIZE - 1);
    return (uint32_t)(((uint64_t)(offset - c->first) * c->inverse) >> 32);
}

static inline _Atomic uint8_t *slab_state_of(const struct slab *s, chunk_ref ref)
{
    uint32_t page = slab_page_of(ref);
    const struct size_class *c = &s->classes.c[slab_page_class(s, page)];
    return (_Atomic uint8_t *)(void *)(slab_page_ptr(s, page) + slab_chunk_index(c, ref));
}

static inline void slab_set_state(const struct slab *s, chunk_ref ref, uint8_t state)
{
    atomic_store_explicit(slab_state_of(s, ref), state, memory_order_release);
}

/* The same where the chunk's class is known. */
static inline void slab_set_state_in(const struct slab *s, const struct size_class *c, chunk_ref ref, uint8_t state)
{
    char *states = slab_page_ptr(s, slab_page_of(ref));
    atomic_store_explicit((_Atomic uint8_t *)(void *)(states + slab_chunk_index(c, ref)), state, memory_order_release);
}

static inline uint8_t slab_get_state(const struct slab *s, chunk_ref ref)
{
    return atomic_load_explicit(slab_state_of(s, ref), memory_order_acquire);
}

static inline void slab_prefetch_state(const struct slab *s, chunk_ref ref)
{
    __builtin_prefetch((const void *)slab_state_of(s, ref));
}

/* Starts to fetch what slab_give will change. The chunk is not free. */
static inline void slab_prefetch_give(const struct slab *s, chunk_ref ref)
{
    __builtin_prefetch((const void *)slab_state_of(s, ref), 1);
    __builtin_prefetch(slab_page(s, slab_page_of(ref)), 1);
}

/* Starts to fetch the states of a page, for slab_hold_states. No lock; the page may be in use or not. */
static inline void slab_prefetch_states(const struct slab *s, uint32_t page)
{
    uint32_t class = slab_page_class(s, page), bytes = class < s->classes.n ? s->classes.c[class].first : 0;
    for (uint32_t i = 0; i < bytes; i += 64)
        __builtin_prefetch(slab_page_ptr(s, page) + i);
}

/* Number of pages that ever had a descriptor: the bound for walks. */
uint32_t slab_page_count(struct slab *s);

/* --- Relocation: for the memory thread alone, one thread at a time ------------------------------------------------ */

/* Sets the sparsest page of the class draining, if the class's other pages have room for what it holds. One whose items
 * are about to expire will empty itself: it comes after a few others that are as sparse. About to expire is who has the
 * state `soon` or one of the `nsoon` - 1 after it (as in slab_hold_states; nsoon 0: nobody). Returns it, or PAGE_NONE.
 * Who set a page draining is the only one that may end it: until then it hands no chunk out, and does not
 * leave its class even when the last chunk is free. So what is read there is old at worst, never foreign. */
uint32_t slab_drain_begin(struct slab *s, uint32_t class, uint8_t soon, uint32_t nsoon);
/* Sets the sparsest page of the class draining, wherever what it holds may go; PAGE_NONE: none has a free chunk. */
uint32_t slab_drain_sparsest(struct slab *s, uint32_t class);
/* Sets this page draining; false: it is not an active page. */
bool slab_drain_page(struct slab *s, uint32_t page);
/* True when a draining page holds nothing any more. */
bool slab_drained(struct slab *s, uint32_t page);
/* Ends the draining: a page that is wholly free goes to the pool (true), another is active again. */
bool slab_drain_end(struct slab *s, uint32_t page);
/* Once this is false again, what was read of the page while it was draining is behind: its chunks may be written. */
static inline bool slab_is_draining(const struct slab *s, chunk_ref ref)
{
    return atomic_load_explicit(&slab_page(s, slab_page_of(ref))->state, memory_order_acquire) == PAGE_DRAINING;
}

/* Finds the chunks of an active page whose state is `first`, or one of the `n` - 1 values after it (from CHUNK_EXPIRES
 * up, wrapping): stores their refs (at most max) and, if there are any, sets the page draining, so that they can be
 * read. Returns how many. */
uint32_t slab_hold_states(struct slab *s, uint32_t page, uint8_t first, uint32_t n, chunk_ref *out, uint32_t max);

/* Counts of one page by state, for policy and checks. */
struct page_counts {
    uint32_t class, state; /* CLASS_NONE: not in use */
    uint32_t chunks, live, reserved, orphaned, free;
    uint32_t first_free; /* chunks: none */
};
void slab_page_counts(struct slab *s, uint32_t page, struct page_counts *c);
/* The same of class, state, chunks and free alone (the rest is 0): from the descriptor, so the page is not touched and
 * the class's lock hardly held. */
void slab_page_glance(struct slab *s, uint32_t page, struct page_counts *c);

/* Proves the pool's counts, the equation of every page, that each is one the pool has handed out, and the sums of every
 * class; false: `why` says which. Holds one class at a time, so pages may come and go meanwhile. */
bool slab_check(struct slab *s, char *why, size_t n);

/* Resident bytes of descriptors and maps. */
size_t slab_table_bytes(struct slab *s);

#endif
