/* Magazines: a few reserved chunks of each class in a thread's own hands, so that most writes take no class lock.
 * Small classes keep up to eight, larger ones fewer, whole pages none; a command that writes several keys may plan for
 * more (chunk_plan), and what it does not use goes back at the end of the turn. A chunk that is freed goes to the
 * magazine too, unless its page is draining: that page waits for it. */
#include <stdlib.h>

#include "defrag/policy.h"
#include "server/store_private.h"
#include "slab/base/assert.h"

static uint32_t magazine_size(const struct slab *s, uint32_t class)
{
    uint32_t size = s->classes.c[class].size;
    return size <= 512 ? MAGAZINE_MAX : size <= 1024 ? 4 : size <= CHUNK_MAX ? 2 : 0;
}

static bool magazine_grow(struct magazine *m, uint32_t n)
{
    if (n <= m->cap)
        return true;
    uint32_t cap = n < MAGAZINE_MAX ? (uint32_t)MAGAZINE_MAX : n + n / 4;
    chunk_ref *c = realloc(m->c, cap * sizeof *c);
    if (c == NULL)
        return false;
    m->c = c;
    m->cap = cap;
    return true;
}

/* In a full cache the memory thread sees to it that classes do not run out; it has to hear of it. */
static void tell_of_want(struct store *s, uint32_t class)
{
    const struct slab_class *c = &s->slab.class[class];
    const struct class_view v = {.per_page = s->slab.classes.c[class].chunks,
                                 .pages = atomic_load_explicit(&c->pages_now, memory_order_relaxed),
                                 .free = atomic_load_explicit(&c->free_now, memory_order_relaxed)};
    if (policy_missing(&v, 1) > 0)
        s->wake(s->wake_arg);
}

/* A reserve that is short is filled before writers have to populate or reclaim by themselves. */
static void took_page(struct store_ctx *sx)
{
    struct store *s = sx->store;
    sx->fresh_pages++;
    if (atomic_load_explicit(&s->slab.pool.free, memory_order_relaxed) <
        atomic_load_explicit(&s->memory.ready_low, memory_order_relaxed))
        s->wake(s->wake_arg);
}

bool magazine_fill(struct store_ctx *sx, uint32_t class, uint32_t n)
{
    struct magazine *m = &sx->magazines[class];
    uint32_t size = magazine_size(&sx->store->slab, class), want = n > size ? n : size;
    bool ok = magazine_grow(m, want);
    const _Atomic uint64_t *pages = &sx->store->slab.class[class].pages_now;
    uint64_t before = atomic_load_explicit(pages, memory_order_relaxed);
    while (ok && m->n < n) {
        uint32_t got = slab_take(&sx->store->slab, class, m->c + m->n, want - m->n);
        m->n += got;
        sx->held += got;
        ok = got > 0;
    }
    if (UNLIKELY(atomic_load_explicit(&sx->store->full, memory_order_relaxed)))
        tell_of_want(sx->store, class);
    if (UNLIKELY(atomic_load_explicit(pages, memory_order_relaxed) > before))
        took_page(sx);
    if (!ok) {
        sx->short_class = class;
        sx->short_count = n - m->n;
    }
    return ok;
}

chunk_ref chunk_take_spare(struct store_ctx *sx, uint32_t class)
{
    struct magazine *m = &sx->magazines[class];
    uint32_t planned = m->planned;
    if (UNLIKELY(m->n <= planned) && !magazine_fill(sx, class, planned + 1))
        return 0;
    chunk_ref ref = chunk_take(sx, class);
    m->planned = planned;
    return ref;
}

bool chunk_plan(struct store_ctx *sx, uint32_t class, uint32_t n)
{
    struct magazine *m = &sx->magazines[class];
    sx->planned = true;
    m->planned += n;
    if (m->n >= m->planned || magazine_fill(sx, class, m->planned))
        return true;
    /* keys are planned for one by one: as much again as up to here, so that the calls of the command are few */
    sx->short_count = m->planned;
    return false;
}

void chunk_plan_forget(struct store_ctx *sx)
{
    sx->planning = false;
    for (uint32_t k = 0; k < sx->store->slab.classes.n; k++)
        sx->magazines[k].planned = 0;
}

void chunk_plan_end(struct store_ctx *sx)
{
    for (uint32_t k = 0; k < sx->store->slab.classes.n; k++) {
        struct magazine *m = &sx->magazines[k];
        for (m->planned = 0; m->n > magazine_size(&sx->store->slab, k); sx->held--)
            slab_give(&sx->store->slab, m->c[--m->n]);
    }
    sx->planned = false;
}

void chunk_give(struct store_ctx *sx, chunk_ref ref)
{
    struct slab *s = &sx->store->slab;
    uint32_t class = slab_class_of_ref(s, ref);
    struct magazine *m = &sx->magazines[class];
#ifdef FLAGSTONE_FORCE_MOVE
    const uint32_t room = 0; /* freed chunks go where AddressSanitizer sees their use */
#else
    const uint32_t room = magazine_size(s, class);
#endif
    /* first of all it looks taken: who drains its page from now on leaves it alone, though it may be filled at once */
    slab_set_state(s, ref, CHUNK_RESERVED);
    atomic_signal_fence(memory_order_seq_cst);
    if (m->n >= room || m->n >= m->cap || slab_is_draining(s, ref)) {
        slab_give(s, ref);
        return;
    }
    m->c[m->n++] = ref;
    sx->held++;
}

void magazine_expel(struct store_ctx *sx, uint32_t page)
{
    uint32_t class = slab_page_class(&sx->store->slab, page);
    if (class >= sx->store->slab.classes.n)
        return;
    struct magazine *m = &sx->magazines[class];
    for (uint32_t i = 0; i < m->n;) {
        if (slab_page_of(m->c[i]) == page) {
            chunk_ref ref = m->c[i];
            m->c[i] = m->c[--m->n];
            sx->held--;
            slab_give(&sx->store->slab, ref);
        } else {
            i++;
        }
    }
}

void magazines_trim(struct store_ctx *sx)
{
    for (uint32_t k = 0; sx->held > 0 && k < sx->store->slab.classes.n; k++) {
        struct magazine *m = &sx->magazines[k];
        for (; !m->used && m->n > 0; sx->held--)
            slab_give(&sx->store->slab, m->c[--m->n]);
        m->used = false;
    }
}

void magazines_flush(struct store_ctx *sx)
{
    for (uint32_t k = 0; sx->held > 0 && k < sx->store->slab.classes.n; k++) {
        struct magazine *m = &sx->magazines[k];
        for (; m->n > 0; sx->held--)
            slab_give(&sx->store->slab, m->c[--m->n]);
    }
}
