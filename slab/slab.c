/* Chunk allocation. Each class has its pages in bins by how much of them is free, and hands out from the lowest bin
 * that is not bin "none free": the fullest page first, so that sparse pages drain by themselves.
 * bin 0: no free chunk (in no list). Draining pages are in no list either, but stay in the class's array. */
#include "slab/slab.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "slab/base/assert.h"
#include "slab/slab_private.h"

static_assert(sizeof(struct page) <= 20, "descriptors cost 20 bytes per 64 KiB");

/* Makes sure that the page has a descriptor and a place in the class map; false: no memory. */
static bool describe(struct slab *s, uint32_t page)
{
    bool ok = true;
    lock_take(&s->grow, LOCK_POOL);
    if (page >= s->described) {
        uint32_t upto = (page + 256) & ~255u;
        ok = vspace_grow(&s->class_of, upto) && vspace_grow(&s->descriptors, (size_t)upto * sizeof(struct page));
        if (ok) {
            memset(s->class_of.base + s->described, CLASS_NONE, upto - s->described);
            s->described = upto;
        }
    }
    lock_release(&s->grow, LOCK_POOL);
    return ok;
}

bool slab_open(struct slab *s, const struct slab_os *os, size_t range_bytes, uint32_t chunk_min, double factor)
{
    memset(s, 0, sizeof *s);
    size_classes_make(&s->classes, chunk_min, factor);
    for (uint32_t k = 0; k < CLASS_MAX; k++)
        for (int b = 0; b < SLAB_BINS; b++)
            s->class[k].bin[b] = PAGE_NONE;
    if (!pool_open(&s->pool, os, range_bytes))
        return false;
    size_t pages = (size_t)s->pool.pages + 256; /* descriptors come 256 at a time */
    if (!vspace_open(&s->descriptors, os, pages * sizeof(struct page)) || !vspace_open(&s->class_of, os, pages) ||
        pool_take(&s->pool) != 0 /* page 0 makes ref 0 mean "none" */ || !describe(s, 0)) {
        slab_close(s);
        return false;
    }
    return true;
}

void slab_close(struct slab *s)
{
    for (uint32_t k = 0; k < CLASS_MAX; k++) {
        for (uint32_t i = 0; i < s->class[k].npages; i++)
            slab_unpoison_page(s, s->class[k].pages[i]); /* the addresses may be mapped again */
        free(s->class[k].pages);
    }
    vspace_close(&s->descriptors);
    vspace_close(&s->class_of);
    pool_close(&s->pool);
}

/* All chunks free; the padding after the last state never looks free. */
static void states_clear(char *states, const struct size_class *c)
{
    for (uint32_t i = 0; i < c->first; i += 8) {
        uint32_t left = i < c->chunks ? c->chunks - i : 0;
        uint64_t word = left >= 8 ? 0 : UINT64_MAX << (left * 8);
        atomic_store_explicit((_Atomic uint64_t *)(void *)(states + i), word, memory_order_relaxed);
    }
}

static void publish(struct slab_class *k)
{
    atomic_store_explicit(&k->free_now, k->free, memory_order_relaxed);
    atomic_store_explicit(&k->pages_now, k->npages, memory_order_relaxed);
    atomic_store_explicit(&k->draining_now, k->draining, memory_order_relaxed);
}

static uint8_t bin_for(const struct size_class *c, uint32_t free)
{
    return free == 0 ? 0 : (uint8_t)(1 + (free - 1) * (SLAB_BINS - 1) / c->chunks);
}

static void bin_remove(struct slab *s, struct slab_class *k, uint32_t page)
{
    struct page *d = slab_page(s, page);
    if (d->bin == 0)
        return;
    if (d->prev != PAGE_NONE)
        slab_page(s, d->prev)->next = d->next;
    else
        k->bin[d->bin] = d->next;
    if (d->next != PAGE_NONE)
        slab_page(s, d->next)->prev = d->prev;
    if (k->bin[d->bin] == PAGE_NONE)
        k->bins_used &= (uint16_t) ~(1u << d->bin);
    d->bin = 0;
}

static void bin_insert(struct slab *s, struct slab_class *k, uint32_t page, uint8_t bin)
{
    struct page *d = slab_page(s, page);
    d->bin = bin;
    if (bin == 0)
        return;
    d->prev = PAGE_NONE;
    d->next = k->bin[bin];
    if (d->next != PAGE_NONE)
        slab_page(s, d->next)->prev = page;
    k->bin[bin] = page;
    k->bins_used |= (uint16_t)(1u << bin);
}

static void bin_update(struct slab *s, struct slab_class *k, const struct size_class *c, uint32_t page)
{
    struct page *d = slab_page(s, page);
    uint8_t bin = bin_for(c, d->free);
    if (bin != d->bin) {
        bin_remove(s, k, page);
        bin_insert(s, k, page, bin);
    }
}

/* Room for one more page in the class's array. Class lock held. */
static bool class_grow(struct slab_class *k)
{
    if (k->npages < k->cap)
        return true;
    uint32_t cap = k->cap == 0 ? 4 : k->cap + k->cap / 4 + 4;
    uint32_t *pages = realloc(k->pages, cap * sizeof *pages);
    if (pages == NULL)
        return false;
    k->pages = pages;
    k->cap = cap;
    return true;
}

/* Gets the class a fresh page. The class lock is released meanwhile: populating takes a while. */
static bool class_add_page(struct slab *s, uint32_t class)
{
    struct slab_class *k = &s->class[class];
    const struct size_class *c = &s->classes.c[class];
    lock_release(&k->lock, LOCK_CLASS);
    uint32_t page = pool_take(&s->pool);
    bool ok = page != PAGE_NONE && describe(s, page);
    if (ok)
        states_clear(slab_page_ptr(s, page), c);
    lock_take(&k->lock, LOCK_CLASS);
    if (!ok || !class_grow(k)) {
        if (page != PAGE_NONE)
            pool_give(&s->pool, page);
        return false;
    }
    struct page *d = slab_page(s, page);
    *d = (struct page){.prev = PAGE_NONE, .next = PAGE_NONE, .place = k->npages, .state = PAGE_ACTIVE};
    d->free = (uint16_t)c->chunks;
    k->pages[k->npages++] = page;
    k->free += c->chunks;
    slab_poison_page(s, class, page);
    atomic_store_explicit((_Atomic uint8_t *)(void *)(s->class_of.base + page), (uint8_t) class, memory_order_release);
    bin_insert(s, k, page, bin_for(c, d->free));
    return true;
}

/* A wholly free page leaves the class. Class lock held. */
static void class_drop_page(struct slab *s, uint32_t class, uint32_t page)
{
    struct slab_class *k = &s->class[class];
    struct page *d = slab_page(s, page);
    bin_remove(s, k, page);
    uint32_t last = k->pages[--k->npages];
    k->pages[d->place] = last;
    slab_page(s, last)->place = d->place;
    if (d->state == PAGE_DRAINING)
        k->draining--;
    else
        k->free -= d->free;
    d->state = PAGE_UNUSED;
    slab_unpoison_page(s, page);
    atomic_store_explicit((_Atomic uint8_t *)(void *)(s->class_of.base + page), CLASS_NONE, memory_order_release);
    pool_give(&s->pool, page);
}

/* Reserves up to max of the free chunks in the page's w-th word of states. Returns how many. Class locked. Owners
 * change their own chunks' states without the lock, so this reads words of eight states atomically. */
static uint32_t take_from_word(struct slab *s, const struct size_class *c, char *page, uint32_t w, chunk_ref *out,
                               uint32_t max)
{
    const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f), reserved = UINT64_C(0x0101010101010101) * CHUNK_RESERVED;
    _Atomic uint64_t *word = (_Atomic uint64_t *)(void *)(page + (size_t)w * 8);
    uint64_t v = atomic_load_explicit(word, memory_order_relaxed), free = ~(((v & low) + low) | v | low);
    chunk_ref first = slab_ref(s, page + c->first + (size_t)w * 8 * c->size);
    uint32_t n = 0, step = c->size >> REF_SHIFT;
    if (v == 0 && max >= 8) { /* nobody else changes the state of a free chunk, but of others their owners do */
        atomic_store_explicit(word, reserved, memory_order_relaxed);
        for (; n < 8; n++)
            out[n] = first + (chunk_ref)n * step;
        return n;
    }
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "state bytes are searched in little-endian words"
#endif
    for (; free != 0 && n < max; free &= free - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(free) / 8;
        atomic_store_explicit((_Atomic uint8_t *)word + i, CHUNK_RESERVED, memory_order_relaxed);
        out[n++] = first + (chunk_ref)i * step;
    }
    return n;
}

/* Up to max free chunks of the class's fullest page that has any. Class locked. */
static uint32_t take_from_fullest(struct slab *s, uint32_t class, chunk_ref *out, uint32_t max)
{
    struct slab_class *k = &s->class[class];
    const struct size_class *c = &s->classes.c[class];
    if (k->bins_used == 0)
        return 0;
    uint32_t page = k->bin[__builtin_ctz(k->bins_used)], n = 0;
    struct page *d = slab_page(s, page);
    uint32_t want = max < d->free ? max : d->free, w = d->hint / 8;
    for (;; w++) {
        REQUIRE(w * 8 < c->chunks);
        n += take_from_word(s, c, slab_page_ptr(s, page), w, out + n, want - n);
        if (n == want)
            break;
    }
    for (uint32_t i = 0; i < n; i++)
        slab_unpoison(s, out[i], c->size);
    d->free -= (uint16_t)n;
    d->hint = (uint16_t)(slab_chunk_index(c, out[n - 1]) + 1);
    k->free -= n;
    bin_update(s, k, c, page);
    return n;
}

uint32_t slab_take(struct slab *s, uint32_t class, chunk_ref *out, uint32_t max)
{
    struct slab_class *k = &s->class[class];
    lock_take(&k->lock, LOCK_CLASS);
    while (k->bins_used == 0 && class_add_page(s, class))
        ;
    uint32_t n = take_from_fullest(s, class, out, max);
    atomic_store_explicit(&k->takes, atomic_load_explicit(&k->takes, memory_order_relaxed) + 1, memory_order_relaxed);
    publish(k);
    lock_release(&k->lock, LOCK_CLASS);
    return n;
}

chunk_ref slab_take_free(struct slab *s, uint32_t class)
{
    struct slab_class *k = &s->class[class];
    chunk_ref ref = 0;
    lock_take(&k->lock, LOCK_CLASS);
    take_from_fullest(s, class, &ref, 1);
    publish(k);
    lock_release(&k->lock, LOCK_CLASS);
    return ref;
}

void slab_give(struct slab *s, chunk_ref ref)
{
    uint32_t page = slab_page_of(ref), class = slab_page_class(s, page);
    REQUIRE(class < s->classes.n);
    struct slab_class *k = &s->class[class];
    const struct size_class *c = &s->classes.c[class];
    uint32_t i = slab_chunk_index(c, ref);
    _Atomic uint8_t *state = (_Atomic uint8_t *)(void *)(slab_page_ptr(s, page) + i);
    lock_take(&k->lock, LOCK_CLASS);
    struct page *d = slab_page(s, page);
    REQUIRE(atomic_load_explicit(state, memory_order_relaxed) != CHUNK_FREE);
    atomic_store_explicit(state, CHUNK_FREE, memory_order_relaxed);
    d->free++;
    if (i < d->hint)
        d->hint = (uint16_t)i;
    if (d->state == PAGE_ACTIVE) {
        k->free++;
        slab_poison(s, ref, c->size);
        bin_update(s, k, c, page);
    }
    if (d->free == c->chunks && d->state == PAGE_ACTIVE)
        class_drop_page(s, class, page);
    publish(k);
    lock_release(&k->lock, LOCK_CLASS);
}

uint32_t slab_page_count(struct slab *s)
{
    lock_take(&s->grow, LOCK_POOL);
    uint32_t n = s->described;
    lock_release(&s->grow, LOCK_POOL);
    return n;
}

static void drain(struct slab *s, struct slab_class *k, uint32_t page)
{
    struct page *d = slab_page(s, page);
    bin_remove(s, k, page);
    d->state = PAGE_DRAINING;
    k->draining++;
    k->free -= d->free;
    publish(k);
}

enum {
    DRAIN_LOOKS = 16,  /* pages of which the sparsest is chosen: all lie in the same fifteenth by how full they are */
    DRAIN_REJECTS = 4, /* so many may be about to empty themselves */
    DRAIN_SAMPLE = 64, /* chunks of a page that are looked at for that */
};

/* The sparsest of the first pages of the last bin, those that were rejected left out. Class locked. */
static uint32_t sparsest(const struct slab *s, const struct slab_class *k, const uint32_t *rejected, int n)
{
    uint32_t best = PAGE_NONE;
    int looked = 0;
    if (k->bins_used == 0)
        return PAGE_NONE;
    uint32_t first = k->bin[31 - (uint32_t)__builtin_clz(k->bins_used)];
    for (uint32_t p = first; p != PAGE_NONE && looked < DRAIN_LOOKS; p = slab_page(s, p)->next, looked++) {
        bool out = best != PAGE_NONE && slab_page(s, p)->free <= slab_page(s, best)->free;
        for (int i = 0; i < n; i++)
            out = out || rejected[i] == p;
        best = out ? best : p;
    }
    return best;
}

/* Do more than half of a page's items expire soon? By a sample. Class locked. */
static bool empties_itself(const struct slab *s, const struct size_class *c, uint32_t page, uint8_t soon,
                           uint32_t nsoon)
{
    const _Atomic uint8_t *states = (const _Atomic uint8_t *)(const void *)slab_page_ptr(s, page);
    uint32_t step = c->chunks / DRAIN_SAMPLE + 1, live = 0, dying = 0;
    for (uint32_t i = 0; i < c->chunks; i += step)
        __builtin_prefetch((const void *)&states[i]); /* all misses at once: others wait for this lock */
    for (uint32_t i = 0; i < c->chunks; i += step) {
        uint32_t state = atomic_load_explicit(&states[i], memory_order_relaxed);
        live += state >= CHUNK_LIVE;
        dying += state >= CHUNK_EXPIRES && (state + CHUNK_EXPIRY_STATES - soon) % CHUNK_EXPIRY_STATES < nsoon;
    }
    return dying * 2 > live;
}

/* Sets the page draining if it is still what it was when it was chosen, and the others have room. Class locked. */
static bool drain_chosen(struct slab *s, uint32_t class, uint32_t page)
{
    struct slab_class *k = &s->class[class];
    if (slab_page_class(s, page) != class || slab_page(s, page)->state != PAGE_ACTIVE)
        return false;
    uint32_t free = slab_page(s, page)->free, to_move = s->classes.c[class].chunks - free;
    if (k->free - free < to_move)
        return false;
    drain(s, k, page);
    return true;
}

uint32_t slab_drain_begin(struct slab *s, uint32_t class, uint8_t soon, uint32_t nsoon)
{
    struct slab_class *k = &s->class[class];
    const struct size_class *c = &s->classes.c[class];
    uint32_t page = PAGE_NONE, rejected[DRAIN_REJECTS];
    bool found = false;
    for (int n = 0; !found; n++) { /* the lock is let go of between two looks */
        lock_take(&k->lock, LOCK_CLASS);
        page = sparsest(s, k, rejected, n);
        bool last = n > 0 && (page == PAGE_NONE || n == DRAIN_REJECTS);
        if (last)
            page = rejected[0];
        found = last || page == PAGE_NONE || nsoon == 0 || !empties_itself(s, c, page, soon, nsoon);
        if (!found)
            rejected[n] = page;
        else if (page == PAGE_NONE || !drain_chosen(s, class, page))
            page = PAGE_NONE;
        lock_release(&k->lock, LOCK_CLASS);
    }
    return page;
}

uint32_t slab_drain_sparsest(struct slab *s, uint32_t class)
{
    struct slab_class *k = &s->class[class];
    uint32_t page = PAGE_NONE;
    lock_take(&k->lock, LOCK_CLASS);
    if (k->bins_used != 0) {
        page = sparsest(s, k, NULL, 0);
        drain(s, k, page);
    }
    lock_release(&k->lock, LOCK_CLASS);
    return page;
}

bool slab_drain_page(struct slab *s, uint32_t page)
{
    uint32_t class = slab_page_class(s, page);
    if (class >= s->classes.n)
        return false;
    struct slab_class *k = &s->class[class];
    lock_take(&k->lock, LOCK_CLASS);
    bool ok = slab_page_class(s, page) == class && slab_page(s, page)->state == PAGE_ACTIVE;
    if (ok)
        drain(s, k, page);
    lock_release(&k->lock, LOCK_CLASS);
    return ok;
}

bool slab_drain_end(struct slab *s, uint32_t page)
{
    uint32_t class = slab_page_class(s, page);
    REQUIRE(class < s->classes.n);
    struct slab_class *k = &s->class[class];
    const struct size_class *c = &s->classes.c[class];
    lock_take(&k->lock, LOCK_CLASS);
    struct page *d = slab_page(s, page);
    REQUIRE(d->state == PAGE_DRAINING);
    bool empty = d->free == c->chunks;
    if (empty) {
        class_drop_page(s, class, page);
    } else {
        d->state = PAGE_ACTIVE;
        k->draining--;
        k->free += d->free;
        bin_insert(s, k, page, bin_for(c, d->free));
    }
    publish(k);
    lock_release(&k->lock, LOCK_CLASS);
    return empty;
}

bool slab_drained(struct slab *s, uint32_t page)
{
    uint32_t class = slab_page_class(s, page);
    struct slab_class *k = &s->class[class];
    lock_take(&k->lock, LOCK_CLASS);
    bool empty = slab_page(s, page)->free == s->classes.c[class].chunks;
    lock_release(&k->lock, LOCK_CLASS);
    return empty;
}

typedef uint8_t states16 __attribute__((vector_size(16)));
typedef uint64_t words2 __attribute__((vector_size(16)));

/* Collects chunks whose state is one of `first` to `last`, sixteen states at a step. Class lock held. */
static uint32_t find_states(const struct slab *s, uint32_t class, uint32_t page, uint32_t first, uint32_t last,
                            chunk_ref *out, uint32_t max)
{
    const struct size_class *c = &s->classes.c[class];
    const char *base = slab_page_ptr(s, page);
    const _Atomic uint64_t *states = (const _Atomic uint64_t *)(const void *)base;
    const states16 from = (states16){0} + (uint8_t)first, span = (states16){0} + (uint8_t)(last - first);
    uint32_t n = 0;
    for (uint32_t w = 0; w < c->first / 8; w += 2) {
        words2 v = {atomic_load_explicit(&states[w], memory_order_relaxed), 0};
        if (w + 1 < c->first / 8)
            v[1] = atomic_load_explicit(&states[w + 1], memory_order_relaxed);
        words2 found = (words2)((states16)v - from <= span);
        if (LIKELY((found[0] | found[1]) == 0))
            continue;
        for (uint32_t b = 0; b < 16 && n < max; b++)
            if ((found[b / 8] >> (b % 8 * 8) & 1) != 0 && w * 8 + b < c->chunks)
                out[n++] = slab_ref(s, base + c->first + (size_t)(w * 8 + b) * c->size);
    }
    return n;
}

uint32_t slab_hold_states(struct slab *s, uint32_t page, uint8_t first, uint32_t n, chunk_ref *out, uint32_t max)
{
    uint32_t class = slab_page_class(s, page), found = 0;
    if (class >= s->classes.n)
        return 0;
    struct slab_class *k = &s->class[class];
    lock_take(&k->lock, LOCK_CLASS);
    if (slab_page_class(s, page) == class && slab_page(s, page)->state == PAGE_ACTIVE) {
        uint32_t end = first + n - 1, last = end < 256 ? end : 255;
        found = find_states(s, class, page, first, last, out, max);
        if (end > last) /* round the last state */
            found += find_states(s, class, page, CHUNK_EXPIRES, end - CHUNK_EXPIRY_STATES, out + found, max - found);
        if (found > 0)
            drain(s, k, page);
    }
    lock_release(&k->lock, LOCK_CLASS);
    return found;
}
