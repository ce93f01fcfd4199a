/* Bytes drive a slab: chunks are taken and given, pages drained with a mover, states searched, pages filled and
 * trimmed, memory refused. A model knows what each chunk must hold, and that none is handed out twice; the page
 * equations are proved every few steps. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "defrag/drain.h"
#include "slab/base/assert.h"
#include "slab/slab.h"
#include "tests/unit/slab/fake_os.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RANGE = 64 << 20, HELD = 4096, CHECK_EVERY = 16, STEPS_MAX = 4000 };

struct held { /* a chunk that was taken: `mark` is at its start and its end */
    chunk_ref ref;
    uint32_t class, mark;
};

struct fuzz {
    struct slab slab;
    struct held held[HELD];
    uint32_t n, marks;
    uint32_t draining, at; /* PAGE_NONE: none */
    const uint8_t *data, *end;
};

static uint32_t next(struct fuzz *f)
{
    return f->data < f->end ? *f->data++ : 0;
}

static void put_mark(struct fuzz *f, struct held *h)
{
    char *p = slab_ptr(&f->slab, h->ref);
    memcpy(p, &h->mark, 4);
    memcpy(p + f->slab.classes.c[h->class].size - 4, &h->mark, 4);
}

static void check_mark(struct fuzz *f, const struct held *h)
{
    const char *p = slab_ptr(&f->slab, h->ref);
    REQUIRE(slab_class_of_ref(&f->slab, h->ref) == h->class);
    REQUIRE(memcmp(p, &h->mark, 4) == 0);
    REQUIRE(memcmp(p + f->slab.classes.c[h->class].size - 4, &h->mark, 4) == 0);
    REQUIRE(slab_get_state(&f->slab, h->ref) != CHUNK_FREE);
}

static void take(struct fuzz *f, uint32_t class, uint32_t most)
{
    chunk_ref refs[256];
    most = most < HELD - f->n ? most : HELD - f->n;
    uint32_t got = most == 0 ? 0 : slab_take(&f->slab, class, refs, most);
    REQUIRE(got <= most);
    for (uint32_t i = 0; i < got; i++) {
        REQUIRE(slab_page_of(refs[i]) == slab_page_of(refs[0]) && slab_page_of(refs[i]) != f->draining);
        REQUIRE(slab_get_state(&f->slab, refs[i]) == CHUNK_RESERVED);
        struct held *h = &f->held[f->n++];
        *h = (struct held){refs[i], class, ++f->marks};
        put_mark(f, h);
        slab_set_state(&f->slab, h->ref, CHUNK_LIVE);
    }
}

static void give(struct fuzz *f, uint32_t i)
{
    check_mark(f, &f->held[i]);
    slab_give(&f->slab, f->held[i].ref);
    f->held[i] = f->held[--f->n];
}

static struct held *find(struct fuzz *f, chunk_ref ref)
{
    for (uint32_t i = 0; i < f->n; i++)
        if (f->held[i].ref == ref)
            return &f->held[i];
    return NULL;
}

/* The mover: what the store does under a shard's lock. */
static enum move_outcome move(void *ctx, chunk_ref ref)
{
    struct fuzz *f = ctx;
    struct held *h = find(f, ref);
    chunk_ref to;
    REQUIRE(h != NULL);
    check_mark(f, h);
    uint8_t state = slab_get_state(&f->slab, ref);
    if (state == CHUNK_RESERVED)
        return MOVE_RESERVED;
    if (state == CHUNK_ORPHAN)
        return MOVE_PINNED;
    if (slab_take(&f->slab, h->class, &to, 1) != 1)
        return MOVE_NO_ROOM;
    REQUIRE(find(f, to) == NULL && slab_page_of(to) != f->draining);
    memcpy(slab_ptr(&f->slab, to), slab_ptr(&f->slab, ref), f->slab.classes.c[h->class].size);
    slab_set_state(&f->slab, to, state);
    slab_give(&f->slab, ref);
    h->ref = to;
    return MOVE_MOVED;
}

static void drain(struct fuzz *f, uint32_t what, uint32_t value)
{
    if (f->draining == PAGE_NONE) {
        uint32_t page = f->n > 0 ? slab_page_of(f->held[value % f->n].ref) : 0;
        if (what % 2 == 0)
            f->draining = slab_drain_begin(&f->slab, value % f->slab.classes.n, 0, 0);
        else if (slab_drain_page(&f->slab, page))
            f->draining = page;
        f->at = 0;
    } else if (what % 4 == 3) {
        bool empty = slab_drained(&f->slab, f->draining);
        REQUIRE(slab_drain_end(&f->slab, f->draining) == empty);
        f->draining = PAGE_NONE;
    } else {
        struct drain_result r = drain_page(&f->slab, f->draining, &f->at, value, move, f);
        REQUIRE(r.outcomes[MOVE_GONE] == 0);
        REQUIRE(r.emptied == slab_drained(&f->slab, f->draining));
    }
}

/* Every held chunk of the page in one of the states is found, and nothing else. */
static void search(struct fuzz *f, uint32_t which, uint8_t first, uint32_t n)
{
    chunk_ref out[HELD];
    if (f->n == 0)
        return;
    uint32_t page = slab_page_of(f->held[which % f->n].ref), want = 0;
    first = first < CHUNK_EXPIRES ? CHUNK_EXPIRES : first;
    n = n < CHUNK_EXPIRY_STATES ? n : CHUNK_EXPIRY_STATES;
    uint32_t found = slab_hold_states(&f->slab, page, first, n, out, HELD);
    for (uint32_t i = 0; i < f->n; i++) {
        uint8_t state = slab_get_state(&f->slab, f->held[i].ref);
        want += slab_page_of(f->held[i].ref) == page && state >= CHUNK_EXPIRES &&
                (uint32_t)(state - first + CHUNK_EXPIRY_STATES) % CHUNK_EXPIRY_STATES < n;
    }
    REQUIRE(found == (page == f->draining ? 0 : want));
    for (uint32_t i = 0; i < found; i++)
        REQUIRE(find(f, out[i]) != NULL);
    if (found > 0)
        REQUIRE(!slab_drain_end(&f->slab, page));
}

static void pages(struct fuzz *f, uint32_t what, uint32_t value)
{
    struct pool *p = &f->slab.pool;
    switch (what % 4) {
    case 0:
        pool_set_budget(p, 1 + value);
        break;
    case 1:
        pool_fill(p, value % 16);
        break;
    case 2:
        pool_trim(p, value % 8, value);
        break;
    default:
        fake.populate_left = value % 8 == 7 ? -1 : (int64_t)(value % 8);
        break;
    }
}

static void step(struct fuzz *f)
{
    uint32_t what = next(f), value = next(f);
    switch (what % 8) {
    case 0:
    case 1:
        take(f, value % f->slab.classes.n, 1 + what / 8 * 8);
        break;
    case 2:
        take(f, f->slab.classes.n - 1 - value % 3, 1 + what / 32);
        break;
    case 3:
        for (uint32_t i = 0; i < 1 + what / 8 && f->n > 0; i++)
            give(f, (value * 17 + i * 5) % f->n);
        break;
    case 4:
        drain(f, what / 8, value);
        break;
    case 5:
        if (f->n > 0)
            slab_set_state(&f->slab, f->held[value % f->n].ref, (uint8_t)(CHUNK_RESERVED + next(f) % 255));
        break;
    case 6:
        search(f, value, (uint8_t)next(f), 1 + what);
        break;
    default:
        pages(f, what / 8, value);
        break;
    }
}

static void check(struct fuzz *f)
{
    char why[256];
    if (!slab_check(&f->slab, why, sizeof why)) {
        fprintf(stderr, "%s\n", why);
        abort();
    }
    REQUIRE(!fake.broken);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz f;
    fake_begin();
    memset(&f, 0, sizeof f);
    f.draining = PAGE_NONE;
    f.data = data;
    f.end = data + size;
    uint32_t chunk_min = 24 + next(&f) * 4 % 1001;
    REQUIRE(slab_open(&f.slab, &fake_hooks, RANGE, chunk_min, 1.01 + next(&f) / 256.0));
    for (uint32_t i = 0; f.data < f.end && i < STEPS_MAX; i++) {
        step(&f);
        if (i % CHECK_EVERY == 0)
            check(&f);
    }
    check(&f);
    while (f.n > 0)
        give(&f, f.n - 1);
    if (f.draining != PAGE_NONE)
        REQUIRE(slab_drain_end(&f.slab, f.draining));
    check(&f);
    REQUIRE(pool_in_use(&f.slab.pool) == 1);
    slab_close(&f.slab);
    REQUIRE(fake_end());
    return 0;
}
