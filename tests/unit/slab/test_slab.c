/* Chunks: taken and given back, fullest page first, draining, finding states, and the equation of every page. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "slab/slab.h"
#include "tests/unit/slab/fake_os.h"

enum { RANGE = 64 << 20, MANY = 8192 };

static struct slab slab;

static int set_up(void **state)
{
    (void)state;
    fake_begin();
    return slab_open(&slab, &fake_hooks, RANGE, 24, 1.05) ? 0 : -1;
}

static void assert_sound(void)
{
    char why[256] = "";
    if (!slab_check(&slab, why, sizeof why))
        fail_msg("%s", why);
}

static int tear_down(void **state)
{
    (void)state;
    assert_sound();
    slab_close(&slab);
    return fake_end() ? 0 : -1;
}

static uint32_t class_of(size_t bytes)
{
    return size_class_of(&slab.classes, bytes);
}

static chunk_ref take(uint32_t class)
{
    chunk_ref ref = 0;
    return slab_take(&slab, class, &ref, 1) == 1 ? ref : 0;
}

/* Takes n chunks, live. */
static void take_live(uint32_t class, chunk_ref *out, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        out[i] = take(class);
        assert_true(out[i] != 0);
        memset(slab_ptr(&slab, out[i]), (int)i, slab.classes.c[class].size);
        slab_set_state(&slab, out[i], CHUNK_LIVE);
    }
}

static void test_opening_leaves_nothing_behind(void **state)
{
    (void)state;
    /* the pool's three reservations, then descriptors and the class map */
    for (uint32_t call = 1; call <= 5; call++) {
        fake_begin();
        fake.reserve_fails = call;
        assert_false(slab_open(&slab, &fake_hooks, RANGE, 24, 1.05));
        assert_true(fake_end());
    }
    for (int calls = 0; calls < 5; calls++) {
        fake_begin();
        fake.protect_left = calls;
        assert_false(slab_open(&slab, &fake_hooks, RANGE, 24, 1.05));
        assert_true(fake_end());
    }
    fake_begin();
    fake.populate_left = 0;
    assert_false(slab_open(&slab, &fake_hooks, RANGE, 24, 1.05));
    assert_true(fake_end());
}

static void test_take_and_give_every_class(void **state)
{
    (void)state;
    uint32_t pages = pool_in_use(&slab.pool);
    for (uint32_t k = 0; k < slab.classes.n; k++) {
        const struct size_class *c = &slab.classes.c[k];
        chunk_ref *refs = calloc(c->chunks, sizeof *refs);
        take_live(k, refs, c->chunks);
        uint32_t page = slab_page_of(refs[0]);
        assert_int_equal(slab_page_class(&slab, page), k);
        for (uint32_t i = 0; i < c->chunks; i++) {
            assert_int_equal(slab_page_of(refs[i]), page); /* a page's worth fits one page */
            assert_int_equal(slab_chunk_index(c, refs[i]), i);
            assert_int_equal(slab_ref(&slab, slab_ptr(&slab, refs[i])), refs[i]);
            assert_int_equal(slab_chunk_size(&slab, refs[i]), c->size);
            const unsigned char *p = slab_ptr(&slab, refs[i]);
            assert_true(p[0] == (unsigned char)i && p[c->size - 1] == (unsigned char)i);
        }
        struct page_counts counts;
        slab_page_counts(&slab, page, &counts);
        assert_int_equal(counts.live, c->chunks);
        assert_int_equal(counts.free, 0);
        for (uint32_t i = 0; i < c->chunks; i++)
            slab_give(&slab, refs[i]);
        assert_int_equal(slab_page_class(&slab, page), CLASS_NONE); /* wholly free: back to the pool */
        free(refs);
    }
    assert_int_equal(pool_in_use(&slab.pool), pages);
}

static void test_take_several(void **state)
{
    (void)state;
    uint32_t k = class_of(1000), per_page = slab.classes.c[k].chunks, n = 0;
    chunk_ref refs[256];
    assert_true(per_page < 128);
    /* never more than one page's, never a chunk twice */
    for (int i = 0; i < 3; i++) {
        uint32_t got = slab_take(&slab, k, refs + n, 7);
        assert_int_equal(got, 7);
        for (uint32_t j = n; j < n + got; j++)
            assert_int_equal(slab_get_state(&slab, refs[j]), CHUNK_RESERVED);
        n += got;
    }
    n += slab_take(&slab, k, refs + n, 200);
    assert_int_equal(n, per_page);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < i; j++)
            assert_true(refs[i] != refs[j]);
    struct page_counts c;
    slab_page_counts(&slab, slab_page_of(refs[0]), &c);
    assert_int_equal(c.reserved, per_page);
    assert_sound();
}

static void test_fullest_page_first(void **state)
{
    (void)state;
    uint32_t k = class_of(500), per_page = slab.classes.c[k].chunks;
    chunk_ref refs[MANY];
    take_live(k, refs, per_page * 4);
    /* page 0 loses nearly all, page 1 half, page 2 a tenth, page 3 nothing */
    uint32_t lost[4] = {per_page - 2, per_page / 2, per_page / 10, 0};
    for (uint32_t p = 0; p < 4; p++)
        for (uint32_t i = 0; i < lost[p]; i++)
            slab_give(&slab, refs[p * per_page + i]);
    assert_sound();
    uint32_t pages[4];
    for (uint32_t p = 0; p < 4; p++)
        pages[p] = slab_page_of(refs[(p + 1) * per_page - 1]);
    for (uint32_t p = 2; p < 3; p--) /* 2, 1, 0 */
        for (uint32_t i = 0; i < lost[p]; i++)
            assert_int_equal(slab_page_of(take(k)), pages[p]);
    assert_sound();
    assert_false(slab_page_of(take(k)) == pages[0]); /* all four are full: a fifth */
    assert_int_equal(slab.class[k].npages, 5);
}

static void test_no_page_is_to_be_had(void **state)
{
    (void)state;
    uint32_t k = class_of(4000), whole = slab.classes.n - 1, n = 0;
    chunk_ref refs[256];
    pool_set_budget(&slab.pool, 4); /* page 0 is nobody's */
    while (n < 256 && (refs[n] = take(k)) != 0)
        n++;
    assert_int_equal(n, 3 * slab.classes.c[k].chunks);
    assert_true(take(whole) == 0 && take(class_of(24)) == 0);
    assert_sound();
    for (uint32_t i = 0; i < slab.classes.c[k].chunks; i++)
        slab_give(&slab, refs[i]);
    assert_true(take(whole) != 0); /* the page goes to any class */
    assert_true(take(k) == 0);
    pool_set_budget(&slab.pool, 100);
    fake.populate_left = 0;
    assert_true(take(k) == 0);
    assert_sound();
    fake.populate_left = -1;
    assert_true(take(k) != 0);
}

/* Descriptors come 256 pages at a time: when there is no memory for them the page goes back. */
static void test_no_memory_for_descriptors(void **state)
{
    (void)state;
    uint32_t whole = slab.classes.n - 1, n = 1;
    for (; n < 256; n++)
        assert_true(take(whole) != 0);
    /* 65536 / 24 = 2730 descriptors are usable at once, 65536 bytes of the class map */
    uint32_t usable = (uint32_t)(slab.descriptors.usable / sizeof(struct page));
    uint32_t limit = (usable & ~255u) < slab.pool.pages ? usable & ~255u : slab.pool.pages;
    for (; n < limit; n++)
        assert_true(take(whole) != 0);
    if (limit < slab.pool.pages) {
        fake.protect_left = n % REGION_PAGES == 0 ? 1 : 0; /* the region itself may be opened */
        uint32_t used = pool_in_use(&slab.pool);
        assert_true(take(whole) == 0);
        assert_int_equal(pool_in_use(&slab.pool), used);
        fake.protect_left = -1;
        assert_true(take(whole) != 0);
    }
    assert_true(slab_page_count(&slab) >= n);
}

/* Of two pages that are as sparse, the one whose items are about to expire is left alone. */
static void test_draining_what_does_not_empty_itself(void **state)
{
    (void)state;
    enum { SOON = CHUNK_EXPIRES + 250, NSOON = 8 }; /* the states wrap */
    uint32_t k = class_of(1500), per_page = slab.classes.c[k].chunks;
    chunk_ref refs[MANY];
    take_live(k, refs, per_page * 3);
    for (uint32_t i = 2; i < 2 * per_page; i++)
        if (i != per_page && i != per_page + 1) /* two are left on the first page and on the second */
            slab_give(&slab, refs[i]);
    slab_set_state(&slab, refs[0], CHUNK_EXPIRES + 251);
    slab_set_state(&slab, refs[1], CHUNK_EXPIRES + 3);
    uint32_t page = slab_drain_begin(&slab, k, SOON, NSOON);
    assert_int_equal(page, slab_page_of(refs[per_page]));
    assert_false(slab_drain_end(&slab, page));
    slab_set_state(&slab, refs[1], CHUNK_EXPIRES + 100); /* one of two: it is worth it */
    slab_set_state(&slab, refs[per_page], CHUNK_EXPIRES + 250);
    slab_set_state(&slab, refs[per_page + 1], CHUNK_EXPIRES + 250);
    page = slab_drain_begin(&slab, k, SOON, NSOON);
    assert_int_equal(page, slab_page_of(refs[0]));
    assert_false(slab_drain_end(&slab, page));
    slab_set_state(&slab, refs[1], CHUNK_EXPIRES + 250); /* all of them: better that than none */
    page = slab_drain_begin(&slab, k, SOON, NSOON);
    assert_true(page == slab_page_of(refs[0]) || page == slab_page_of(refs[per_page]));
    assert_false(slab_drain_end(&slab, page));
    assert_sound();
}

static void test_draining(void **state)
{
    (void)state;
    uint32_t k = class_of(700), per_page = slab.classes.c[k].chunks;
    chunk_ref refs[MANY];
    take_live(k, refs, per_page * 3);
    assert_int_equal(slab_drain_begin(&slab, k, 0, 0), PAGE_NONE); /* no room elsewhere */
    for (uint32_t i = 0; i < per_page - 3; i++)
        slab_give(&slab, refs[i]);                                 /* three are left on the first page */
    assert_int_equal(slab_drain_begin(&slab, k, 0, 0), PAGE_NONE); /* its own free chunks are no room */
    slab_give(&slab, refs[per_page]);
    slab_give(&slab, refs[per_page + 1]);
    assert_int_equal(slab_drain_begin(&slab, k, 0, 0), PAGE_NONE); /* room for two of three */
    slab_give(&slab, refs[2 * per_page]);
    uint32_t page = slab_drain_begin(&slab, k, 0, 0);
    assert_int_equal(page, slab_page_of(refs[0])); /* the sparsest */
    assert_int_equal(slab_page(&slab, page)->state, PAGE_DRAINING);
    assert_true(slab_is_draining(&slab, refs[per_page - 1]));
    assert_false(slab_is_draining(&slab, refs[per_page]));
    assert_false(slab_drain_page(&slab, page));
    assert_false(slab_drained(&slab, page));
    assert_sound();
    /* it hands nothing out, and stays when the last chunk is free */
    for (int i = 0; i < 3; i++)
        assert_int_not_equal(slab_page_of(take(k)), page);
    assert_int_not_equal(slab_page_of(take(k)), page);
    for (uint32_t i = 0; i < 3; i++)
        slab_give(&slab, refs[per_page - 1 - i]);
    assert_int_equal(slab_page_class(&slab, page), k);
    assert_true(slab_drained(&slab, page));
    assert_sound();
    assert_true(slab_drain_end(&slab, page));
    assert_int_equal(slab_page_class(&slab, page), CLASS_NONE);
    assert_int_equal(slab.class[k].draining, 0);
}

static void test_draining_ended_early(void **state)
{
    (void)state;
    uint32_t k = class_of(700), per_page = slab.classes.c[k].chunks;
    chunk_ref refs[MANY];
    take_live(k, refs, per_page * 2);
    uint32_t page = slab_page_of(refs[0]);
    assert_true(slab_drain_page(&slab, page)); /* a full page may be drained, too */
    slab_give(&slab, refs[5]);
    assert_sound();
    assert_false(slab_drain_end(&slab, page));
    assert_sound();
    assert_true(take(k) == refs[5]); /* active again */
    assert_true(slab_drain_page(&slab, page));
    assert_false(slab_drain_end(&slab, page));
    assert_false(slab_drain_page(&slab, 0));
    assert_false(slab_drain_page(&slab, slab.described - 1));
    assert_sound();
}

static void test_states(void **state)
{
    (void)state;
    uint32_t k = class_of(100), per_page = slab.classes.c[k].chunks;
    chunk_ref refs[MANY];
    take_live(k, refs, per_page);
    for (uint32_t s = 1; s < 256; s++)
        slab_set_state(&slab, refs[s % per_page], (uint8_t)s);
    for (uint32_t i = 0; i < per_page; i++)
        assert_true(slab_get_state(&slab, refs[i]) != CHUNK_FREE);
    slab_set_state(&slab, refs[0], CHUNK_ORPHAN);
    slab_set_state(&slab, refs[1], CHUNK_RESERVED);
    slab_give(&slab, refs[2]);
    struct page_counts c;
    slab_page_counts(&slab, slab_page_of(refs[0]), &c);
    assert_int_equal(c.orphaned + c.reserved + c.free + c.live, per_page);
    assert_true(c.orphaned >= 1 && c.reserved >= 1);
    assert_int_equal(c.free, 1);
    assert_int_equal(c.first_free, 2);
    assert_int_equal(c.class, k);
    slab_page_counts(&slab, 0, &c);
    assert_int_equal(c.class, CLASS_NONE);
}

/* Chunks that are due, by their state bytes: every position in a page, ranges that wrap, the bound of what is found. */
static void test_hold_states(void **state)
{
    (void)state;
    uint32_t k = class_of(24), per_page = slab.classes.c[k].chunks;
    chunk_ref refs[MANY], out[MANY];
    take_live(k, refs, per_page);
    uint32_t page = slab_page_of(refs[0]);
    assert_int_equal(slab_hold_states(&slab, page, 10, 200, out, MANY), 0);
    assert_int_equal(slab_page(&slab, page)->state, PAGE_ACTIVE); /* nothing found, nothing held */
    for (uint32_t i = 0; i < per_page; i++) {
        slab_set_state(&slab, refs[i], 77);
        assert_int_equal(slab_hold_states(&slab, page, 77, 1, out, MANY), 1);
        assert_true(out[0] == refs[i]);
        assert_int_equal(slab_page(&slab, page)->state, PAGE_DRAINING);
        assert_int_equal(slab_hold_states(&slab, page, 77, 1, out, MANY), 0); /* held: not again */
        assert_false(slab_drain_end(&slab, page));
        assert_int_equal(slab_hold_states(&slab, page, 78, CHUNK_EXPIRY_STATES - 1, out, MANY), 0);
        slab_set_state(&slab, refs[i], CHUNK_LIVE);
    }
    slab_set_state(&slab, refs[3], 255);
    slab_set_state(&slab, refs[9], CHUNK_EXPIRES);
    slab_set_state(&slab, refs[10], 254);
    assert_int_equal(slab_hold_states(&slab, page, 255, 2, out, MANY), 2);
    assert_true(out[0] == refs[3] && out[1] == refs[9]); /* after 255 comes CHUNK_EXPIRES */
    slab_drain_end(&slab, page);
    assert_int_equal(slab_hold_states(&slab, page, 100, CHUNK_EXPIRY_STATES, out, MANY), 3);
    slab_drain_end(&slab, page);
    assert_int_equal(slab_hold_states(&slab, page, 100, CHUNK_EXPIRY_STATES, out, 2), 2);
    slab_drain_end(&slab, page);
    for (uint32_t i = 0; i < per_page; i++)
        slab_set_state(&slab, refs[i], 255); /* looks like the padding behind the states */
    assert_int_equal(slab_hold_states(&slab, page, 255, 1, out, MANY), per_page);
    slab_drain_end(&slab, page);
    assert_int_equal(slab_hold_states(&slab, 0, 255, 1, out, MANY), 0);
}

/* However many are taken at once, and wherever they are free, each is handed out once and none is left over. */
static void test_taken_together(void **state)
{
    (void)state;
    static chunk_ref out[MANY];
    uint32_t k = class_of(300), chunks = slab.classes.c[k].chunks;
    pool_set_budget(&slab.pool, pool_in_use(&slab.pool) + 1);
    for (uint32_t most = 1; most < 30; most++) {
        uint32_t n = 0, got;
        while ((got = slab_take(&slab, k, out + n, most)) > 0) {
            assert_true(got == most || n + got == chunks);
            n += got;
            assert_sound();
        }
        assert_int_equal(n, chunks);
        for (uint32_t i = 0; i < n; i++)
            slab_set_state(&slab, out[i], CHUNK_LIVE); /* reserved before, or they are not what they seem */
        for (uint32_t i = 0; i < n; i++)
            if (i % 7 < most % 8)
                slab_give(&slab, out[i]);
        uint32_t there = 0, left = 0;
        for (uint32_t i = 0; i < n; i++)
            if (i % 7 >= most % 8)
                out[left++] = out[i];
        there = left;
        while ((got = slab_take(&slab, k, out + there, most)) > 0)
            there += got;
        assert_int_equal(there, chunks);
        for (uint32_t i = 0; i < there; i++)
            for (uint32_t j = 0; j < i; j++)
                assert_true(out[i] != out[j]);
        for (uint32_t i = 0; i < there; i++)
            slab_give(&slab, out[i]);
    }
}

static uint32_t random_below(uint32_t n)
{
    static uint64_t seed = 1;
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((seed >> 32) * n >> 32);
}

/* They are the lowest free ones of their page, in order, and look reserved. */
static void assert_lowest(uint32_t class, const chunk_ref *refs, uint32_t n)
{
    const struct size_class *c = &slab.classes.c[class];
    const char *states = slab_page_ptr(&slab, slab_page_of(refs[0]));
    for (uint32_t i = 0; i < n; i++) {
        assert_int_equal(slab_page_of(refs[i]), slab_page_of(refs[0]));
        assert_int_equal(slab_get_state(&slab, refs[i]), CHUNK_RESERVED);
        assert_true(i == 0 || refs[i] > refs[i - 1]);
    }
    for (uint32_t i = slab_chunk_index(c, refs[n - 1]); i-- > 0;)
        assert_true(states[i] != CHUNK_FREE);
}

/* Whatever is free in a word of eight states, and whatever its owners make of the others. */
static void test_taken_at_random(void **state)
{
    (void)state;
    static chunk_ref held[MANY];
    for (uint32_t k = 0; k < slab.classes.n; k += k + 4 < slab.classes.n ? 3 : 1) {
        uint32_t n = 0, chunks = slab.classes.c[k].chunks;
        for (uint32_t step = 0; step < 60; step++) {
            if (n < 2 * chunks) {
                uint32_t want = 1 + random_below(20), got = slab_take(&slab, k, held + n, want);
                assert_true(got > 0 && got <= want);
                assert_lowest(k, held + n, got);
                for (uint32_t i = 0; i < got; i++)
                    slab_set_state(&slab, held[n + i], (uint8_t)(CHUNK_RESERVED + random_below(255)));
                n += got;
            }
            for (uint32_t gone = random_below(n < 16 ? n + 1 : 16); gone > 0; gone--) {
                uint32_t i = random_below(n);
                slab_give(&slab, held[i]);
                held[i] = held[--n];
            }
            assert_sound();
        }
        while (n > 0)
            slab_give(&slab, held[--n]);
    }
}

/* What slab_check is for: it must see what is wrong. */
static void test_the_check_sees(void **state)
{
    (void)state;
    uint32_t k = class_of(300);
    chunk_ref refs[8];
    char why[256];
    take_live(k, refs, 8);
    struct page *d = slab_page(&slab, slab_page_of(refs[0]));
    slab_set_state(&slab, refs[2], CHUNK_FREE); /* freed behind the descriptor's back */
    assert_false(slab_check(&slab, why, sizeof why));
    slab_set_state(&slab, refs[2], CHUNK_LIVE);
    d->free++;
    assert_false(slab_check(&slab, why, sizeof why));
    d->free--;
    d->place++;
    assert_false(slab_check(&slab, why, sizeof why));
    d->place--;
    slab.class[k].free++;
    assert_false(slab_check(&slab, why, sizeof why));
    slab.class[k].free--;
    d->hint += 5;
    assert_false(slab_check(&slab, why, sizeof why));
    d->hint -= 5;
    pool_give(&slab.pool, slab_page_of(refs[0])); /* free in the pool, and yet in its class */
    assert_false(slab_check(&slab, why, sizeof why));
    assert_int_equal(pool_take(&slab.pool), slab_page_of(refs[0]));
    atomic_fetch_add(&slab.pool.committed, 1);
    assert_false(slab_check(&slab, why, sizeof why));
    atomic_fetch_sub(&slab.pool.committed, 1);
    assert_sound();
}

/* Holds up who looks at a class, until it is let go. */
struct holder {
    struct lock *lock;
    _Atomic bool held, let_go;
};

static void *hold(void *arg)
{
    struct holder *h = arg;
    lock_take(h->lock, LOCK_CLASS);
    atomic_store(&h->held, true);
    while (!atomic_load(&h->let_go))
        sched_yield();
    lock_release(h->lock, LOCK_CLASS);
    return NULL;
}

struct checker {
    char why[256];
    bool ok;
    _Atomic bool done;
};

static void *check(void *arg)
{
    struct checker *c = arg;
    c->ok = slab_check(&slab, c->why, sizeof c->why);
    atomic_store(&c->done, true);
    return NULL;
}

/* What is sound passes, though pages that were counted are no longer there when the check ends. */
static void test_checked_while_pages_leave(void **state)
{
    (void)state;
    enum { CHUNKS = 4096 }; /* 256 pages, more than there are classes */
    static chunk_ref refs[CHUNKS];
    struct holder h = {.lock = &slab.class[slab.classes.n - 1].lock};
    struct checker c = {.ok = false};
    pthread_t holder, checker;
    for (int i = 0; i < CHUNKS; i++)
        assert_true((refs[i] = take(slab.classes.n - 2)) != 0);
    assert_int_equal(pthread_create(&holder, NULL, hold, &h), 0);
    while (!atomic_load(&h.held))
        sched_yield();
    assert_int_equal(pthread_create(&checker, NULL, check, &c), 0);
    while (atomic_load(&h.lock->word) != 2 && !atomic_load(&c.done)) /* it sleeps, all classes but this counted */
        sched_yield();
    for (int i = 0; i < CHUNKS; i++)
        slab_give(&slab, refs[i]);
    pool_trim(&slab.pool, 0, UINT32_MAX);
    atomic_store(&h.let_go, true);
    pthread_join(checker, NULL);
    pthread_join(holder, NULL);
    if (!c.ok)
        fail_msg("%s", c.why);
    assert_int_equal(pool_in_use(&slab.pool), 1);
}

/* Random operations: every chunk keeps its contents, no chunk is handed out twice, the counts follow. */
static void test_against_a_model(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {20, 28, 60, 100, 500, 1200, 4088, 65000};
    enum { SIZES = sizeof sizes / sizeof *sizes, LIVE = 3000 };
    static struct {
        chunk_ref ref;
        uint32_t class, mark;
    } held[LIVE];
    uint32_t n = 0, draining = PAGE_NONE;
    uint64_t seed = 99;
    pool_set_budget(&slab.pool, 60);
    for (uint32_t step = 0; step < 60000; step++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        uint32_t r = (uint32_t)(seed >> 33), class = class_of(sizes[r % SIZES]);
        bool growing = step / 10000 % 2 == 0;
        if (r / 8 % 100 < (growing ? 65 : 35) && n < LIVE) {
            chunk_ref ref = take(class);
            if (ref == 0)
                continue;
            assert_true(draining == PAGE_NONE || slab_page_of(ref) != draining);
            uint32_t *p = slab_ptr(&slab, ref);
            p[0] = p[slab.classes.c[class].size / 4 - 1] = step;
            slab_set_state(&slab, ref, (uint8_t)(CHUNK_RESERVED + r % 255));
            held[n].ref = ref;
            held[n].class = class;
            held[n++].mark = step;
        } else if (n > 0 && r / 8 % 100 < 98) {
            uint32_t i = r / 800 % n;
            const uint32_t *p = slab_ptr(&slab, held[i].ref);
            assert_true(p[0] == held[i].mark && p[slab.classes.c[held[i].class].size / 4 - 1] == held[i].mark);
            slab_give(&slab, held[i].ref);
            held[i] = held[--n];
        } else if (draining == PAGE_NONE) {
            draining = slab_drain_begin(&slab, class, 0, 0);
        } else {
            slab_drain_end(&slab, draining);
            draining = PAGE_NONE;
        }
        if (step % 500 == 0)
            assert_sound();
    }
    while (n > 0)
        slab_give(&slab, held[--n].ref);
    if (draining != PAGE_NONE)
        assert_true(slab_drain_end(&slab, draining));
    assert_int_equal(pool_in_use(&slab.pool), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opening_leaves_nothing_behind),
        cmocka_unit_test_setup_teardown(test_take_and_give_every_class, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_take_several, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_taken_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_taken_at_random, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fullest_page_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_page_is_to_be_had, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_memory_for_descriptors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_draining, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_draining_what_does_not_empty_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_draining_ended_early, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_states, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hold_states, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_check_sees, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_checked_while_pages_leave, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_against_a_model, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
