/* Proof of the page equations, by counting state bytes. See slab.h. */
#include <stdio.h>

#include "slab/base/assert.h"
#include "slab/slab.h"

/* Class lock held, so that free chunks stand still. */
static void count_states(struct slab *s, uint32_t class, uint32_t page, struct page_counts *out)
{
    const struct size_class *c = &s->classes.c[class];
    const _Atomic uint8_t *states = (const _Atomic uint8_t *)(const void *)slab_page_ptr(s, page);
    *out = (struct page_counts){
        .class = class, .state = slab_page(s, page)->state, .chunks = c->chunks, .first_free = c->chunks};
    for (uint32_t i = 0; i < c->chunks; i++) {
        uint8_t state = atomic_load_explicit(&states[i], memory_order_relaxed);
        if (state == CHUNK_FREE && out->free++ == 0)
            out->first_free = i;
        if (state == CHUNK_FREE)
            continue;
        if (state == CHUNK_RESERVED)
            out->reserved++;
        else if (state == CHUNK_ORPHAN)
            out->orphaned++;
        else
            out->live++;
    }
}

void slab_page_counts(struct slab *s, uint32_t page, struct page_counts *c)
{
    *c = (struct page_counts){.class = CLASS_NONE};
    uint32_t class = slab_page_class(s, page);
    if (class >= s->classes.n)
        return;
    struct slab_class *k = &s->class[class];
    lock_take(&k->lock, LOCK_CLASS);
    if (slab_page_class(s, page) == class)
        count_states(s, class, page, c);
    lock_release(&k->lock, LOCK_CLASS);
}

void slab_page_glance(struct slab *s, uint32_t page, struct page_counts *c)
{
    *c = (struct page_counts){.class = CLASS_NONE};
    uint32_t class = slab_page_class(s, page);
    if (class >= s->classes.n)
        return;
    struct slab_class *k = &s->class[class];
    lock_take(&k->lock, LOCK_CLASS);
    const struct page *d = slab_page(s, page);
    if (slab_page_class(s, page) == class)
        *c = (struct page_counts){
            .class = class, .state = d->state, .chunks = s->classes.c[class].chunks, .free = d->free};
    lock_release(&k->lock, LOCK_CLASS);
}

static bool check_page(struct slab *s, uint32_t class, uint32_t place, uint64_t *free, char *why, size_t n)
{
    struct slab_class *k = &s->class[class];
    uint32_t page = k->pages[place];
    const struct page *d = slab_page(s, page);
    struct page_counts c;
    count_states(s, class, page, &c);
    const char *wrong = NULL;
    if (c.live + c.reserved + c.orphaned + c.free != c.chunks)
        wrong = "indexed + reserved + orphaned + free != chunks";
    else if (c.free != d->free)
        wrong = "free chunks differ from the descriptor's count";
    else if (d->place != place || slab_page_class(s, page) != class)
        wrong = "descriptor does not name its class and place";
    else if (!pool_is_used(&s->pool, page))
        wrong = "free or absent in the pool";
    else if (d->state == PAGE_ACTIVE && (d->bin == 0) != (d->free == 0))
        wrong = "in a wrong bin";
    else if (c.first_free < d->hint)
        wrong = "a free chunk below the hint";
    if (wrong != NULL)
        snprintf(why, n, "page %u of class %u (chunks %u live %u reserved %u orphaned %u free %u/%u): %s", page, class,
                 c.chunks, c.live, c.reserved, c.orphaned, c.free, d->free, wrong);
    if (d->state == PAGE_ACTIVE)
        *free += d->free;
    return wrong == NULL;
}

bool slab_check(struct slab *s, char *why, size_t n)
{
    bool ok = pool_check(&s->pool, why, n);
    for (uint32_t class = 0; ok && class < s->classes.n; class ++) {
        struct slab_class *k = &s->class[class];
        uint64_t free = 0;
        lock_take(&k->lock, LOCK_CLASS);
        for (uint32_t i = 0; ok && i < k->npages; i++)
            ok = check_page(s, class, i, &free, why, n);
        if (ok && free != k->free) {
            snprintf(why, n, "class %u: %llu chunks free, its count says %llu", class, (unsigned long long)free,
                     (unsigned long long)k->free);
            ok = false;
        }
        lock_release(&k->lock, LOCK_CLASS);
    }
    return ok;
}

size_t slab_table_bytes(struct slab *s)
{
    size_t page = 4095;
    lock_take(&s->grow, LOCK_POOL);
    size_t bytes = (((size_t)s->described * sizeof(struct page) + page) & ~page) + ((s->described + page) & ~page);
    lock_release(&s->grow, LOCK_POOL);
    return bytes + pool_table_bytes(&s->pool);
}
