/* A store without a server, for one thread: the clock is the test's, and what the chunks say is compared with what the
 * counters say. */
#ifndef FLAGSTONE_TESTS_UNIT_SERVER_STORE_FIXTURE_H
#define FLAGSTONE_TESTS_UNIT_SERVER_STORE_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include "server/options.h"
#include "server/relocate.h"
#include "server/store_debug.h"
#include "server/store_open.h"
#include "server/store_private.h"

enum { FIXTURE_NOW_MS = 1000000 };

struct fixture {
    struct options *o;
    struct store *s;
    struct store_ctx *sx;
    uint64_t random;
};

/* Chunks of all pages by state, and what the store's counters say of them. */
struct tally {
    uint64_t live, reserved, orphaned;
    uint64_t live_bytes;
    int64_t items, segments, tables, orphans;
};

static inline uint32_t fixture_below(struct fixture *f, uint32_t n)
{
    f->random = f->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((f->random >> 32) * n >> 32);
}

/* The hash seed is fixed, so that a run can be repeated. budget in pages, 0: none; growth of classes, 0: as usual. */
static inline void fixture_begin_growing(struct fixture *f, int policy, uint64_t budget, double growth)
{
    char why[256] = "";
    *f = (struct fixture){.o = options_new(), .random = 1};
    assert_non_null(f->o);
    atomic_store(&f->o->maxmemory_policy, policy);
    if (growth > 0)
        f->o->slab_growth_factor = growth;
    f->s = store_open(f->o, why, sizeof why);
    if (f->s == NULL)
        fail_msg("%s", why);
    f->s->secret = hash_secret_of(1, 2);
    f->sx = store_ctx_new(f->s);
    assert_non_null(f->sx);
    f->sx->random = 88172645463325252u;
    store_ctx_turn(f->sx, FIXTURE_NOW_MS);
    if (budget > 0)
        pool_set_budget(&f->s->slab.pool, budget);
}

static inline void fixture_begin(struct fixture *f, int policy, uint64_t budget)
{
    fixture_begin_growing(f, policy, budget, 0);
}

static inline struct tally fixture_tally(struct fixture *f)
{
    struct tally t = {0};
    for (uint32_t page = 0; page < slab_page_count(&f->s->slab); page++) {
        struct page_counts c;
        slab_page_counts(&f->s->slab, page, &c);
        if (c.class == CLASS_NONE)
            continue;
        t.live += c.live;
        t.reserved += c.reserved;
        t.orphaned += c.orphaned;
        t.live_bytes += (uint64_t)c.live * f->s->slab.classes.c[c.class].size;
    }
    for (struct store_ctx *x = atomic_load(&f->s->contexts); x != NULL; x = x->next) {
        t.items += atomic_load(&x->bytes.items);
        t.segments += atomic_load(&x->bytes.segments);
        t.tables += atomic_load(&x->bytes.tables);
        t.orphans += atomic_load(&x->bytes.orphans);
    }
    return t;
}

/* The structures hold, every live chunk is an item, a segment or a table, and no reserved chunk is lost: each is in a
 * magazine. */
static inline void fixture_assert_sound(struct fixture *f)
{
    char why[256] = "";
    if (!store_check(f->sx, why, sizeof why))
        fail_msg("%s", why);
    struct tally t = fixture_tally(f);
    int64_t chunk_bytes = 0, item_bytes = 0;
    uint64_t held = 0;
    for (struct store_ctx *x = atomic_load(&f->s->contexts); x != NULL; x = x->next) {
        chunk_bytes += atomic_load(&x->bytes.chunk_bytes) + atomic_load(&x->bytes.index_bytes) +
                       atomic_load(&x->bytes.orphan_bytes);
        item_bytes += atomic_load(&x->bytes.item_bytes) + atomic_load(&x->bytes.index_bytes);
        held += x->held;
    }
    assert_int_equal(t.live + t.orphaned, t.items + t.segments + t.tables + t.orphans);
    assert_int_equal(t.reserved, held);
    assert_true(t.orphaned > 0 || chunk_bytes == (int64_t)t.live_bytes);
    assert_true(item_bytes <= chunk_bytes && item_bytes >= 0);
}

/* Nothing is left but what was said: no key, no orphan, no chunk. */
static inline void fixture_assert_empty(struct fixture *f)
{
    while (rope_free_lazy(f->sx, UINT32_MAX) > 0)
        ;
    magazines_flush(f->sx);
    fixture_assert_sound(f);
    struct tally t = fixture_tally(f);
    assert_int_equal(t.live + t.reserved + t.orphaned, 0);
    assert_int_equal(pool_in_use(&f->s->slab.pool), 1 + f->s->nwaiting);
}

static inline void fixture_end(struct fixture *f)
{
    fixture_assert_sound(f);
    store_ctx_free(f->sx);
    store_close(f->s);
    options_free(f->o);
}

/* Stores a value under its own lock. */
static inline enum store_status fixture_put(struct fixture *f, const char *key, uint16_t db, const char *p, size_t len,
                                            int64_t expire_ms)
{
    struct skey k;
    struct entry e;
    struct part part = {p, len};
    store_key(f->s, &k, key, strlen(key), db);
    store_lock(f->sx, &k, 1);
    store_find(f->sx, &k, &e);
    enum store_status status = store_put(f->sx, &k, &e, &part, 1, NULL, expire_ms, 0);
    store_unlock(f->sx, &k, 1);
    return status;
}

static inline bool fixture_has(struct fixture *f, const char *key, uint16_t db)
{
    struct skey k;
    struct entry e;
    store_key(f->s, &k, key, strlen(key), db);
    store_lock(f->sx, &k, 1);
    bool found = store_find(f->sx, &k, &e);
    store_unlock(f->sx, &k, 1);
    return found;
}

static inline bool fixture_delete(struct fixture *f, const char *key, uint16_t db)
{
    struct skey k;
    struct entry e;
    store_key(f->s, &k, key, strlen(key), db);
    store_lock(f->sx, &k, 1);
    bool found = store_find(f->sx, &k, &e);
    if (found)
        store_delete(f->sx, &k, &e);
    store_unlock(f->sx, &k, 1);
    return found;
}

#endif
