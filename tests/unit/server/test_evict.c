/* Eviction: each policy takes the right ones and spares the others, down to the last candidate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/evict.h"
#include "server/reclaim.h"
#include "tests/unit/server/store_fixture.h"

/* So many keys that a sample has something to choose from; it is a sample still, so some are chosen badly: in these
 * tests by chance a third of what should stay would go, at most a tenth may. */
enum { MANY = 100000, FEW = MANY / 20 };

static struct fixture f;

static int set_up(void **state)
{
    (void)state;
    fixture_begin(&f, EVICT_NONE, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_end(&f);
    return 0;
}

static const char *name(uint32_t i)
{
    static char key[20];
    snprintf(key, sizeof key, "key:%u", i);
    return key;
}

static void put(uint32_t i, int64_t expire_ms)
{
    assert_int_equal(fixture_put(&f, name(i), 0, "value", 5, expire_ms), STORE_OK);
}

static void touch(uint32_t i, uint32_t times)
{
    struct skey k;
    struct entry e;
    store_key(f.s, &k, name(i), strlen(name(i)), 0);
    store_lock(f.sx, &k, 1);
    while (times-- > 0)
        store_read(f.sx, &k, &e);
    store_unlock(f.sx, &k, 1);
}

static void set_policy(enum evict_policy policy)
{
    atomic_store(&f.s->policy, (int)policy);
}

static void set_tick(uint32_t tick)
{
    atomic_store(&f.s->age.tick, tick);
    store_ctx_turn(f.sx, FIXTURE_NOW_MS);
}

/* How many of the keys [first, last), in steps, are still there. */
static uint32_t left(uint32_t first, uint32_t last, uint32_t step)
{
    uint32_t n = 0;
    for (uint32_t i = first; i < last; i += step)
        n += fixture_has(&f, name(i), 0);
    return n;
}

static uint32_t evict(uint32_t n)
{
    uint64_t before = atomic_load(&f.sx->counters.evicted);
    uint32_t done = evict_some(f.sx, n);
    assert_int_equal(atomic_load(&f.sx->counters.evicted) - before, done);
    return done;
}

static void test_nothing_may_go(void **state)
{
    (void)state;
    static const enum evict_policy all[] = {EVICT_VOLATILE_LRU,   EVICT_VOLATILE_LFU, EVICT_VOLATILE_RANDOM,
                                            EVICT_VOLATILE_TTL,   EVICT_ALLKEYS_LRU,  EVICT_ALLKEYS_LFU,
                                            EVICT_ALLKEYS_RANDOM, EVICT_NONE,         EVICT_ALLKEYS_S3FIFO};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        set_policy(all[i]);
        assert_int_equal(evict(10), 0); /* an empty store */
    }
    for (uint32_t i = 0; i < 1000; i++)
        put(i, STORE_NO_EXPIRY);
    for (int policy = EVICT_VOLATILE_LRU; policy <= EVICT_VOLATILE_TTL; policy++) {
        set_policy((enum evict_policy)policy);
        assert_int_equal(evict(10), 0);
    }
    set_policy(EVICT_NONE);
    assert_int_equal(evict(10), 0);
    assert_int_equal(left(0, 1000, 1), 1000);
}

/* Whatever the policy, the last candidate is found: nothing is refused while something could go. */
static void test_the_last_candidate(void **state)
{
    (void)state;
    static const enum evict_policy all[] = {EVICT_VOLATILE_LRU,   EVICT_VOLATILE_LFU,  EVICT_VOLATILE_RANDOM,
                                            EVICT_VOLATILE_TTL,   EVICT_ALLKEYS_LRU,   EVICT_ALLKEYS_LFU,
                                            EVICT_ALLKEYS_RANDOM, EVICT_ALLKEYS_S3FIFO};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        set_policy(all[i]);
        for (uint32_t key = 0; key < 12; key++) {
            put(key, FIXTURE_NOW_MS + 1000);
            touch(key, 5); /* in small, then main, then with uses left: it goes in the end */
            assert_int_equal(evict(1), 1);
            assert_false(fixture_has(&f, name(key), 0));
        }
    }
    for (uint32_t i = 0; i < 5000; i++)
        put(i, STORE_NO_EXPIRY);
    for (int policy = EVICT_VOLATILE_LRU; policy <= EVICT_VOLATILE_TTL; policy++) {
        set_policy((enum evict_policy)policy);
        put(9999, FIXTURE_NOW_MS + 1000);
        assert_int_equal(evict(1), 1);
        assert_int_equal(evict(1), 0);
    }
    assert_int_equal(left(0, 5000, 1), 5000);
    set_policy(EVICT_ALLKEYS_RANDOM);
    uint32_t gone = 0, done;
    while ((done = evict(100)) > 0)
        gone += done;
    assert_int_equal(gone, 5000);
    assert_int_equal(fixture_tally(&f).items, 0);
}

/* One key in a hundred thousand may go: no call looks at all of them, but it is found before all were looked at twice.
 * Where there is none, nobody looks at all. */
static void test_a_rare_candidate(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < MANY; i++)
        put(i, STORE_NO_EXPIRY);
    for (int policy = EVICT_VOLATILE_LRU; policy <= EVICT_VOLATILE_TTL; policy++) {
        set_policy((enum evict_policy)policy);
        put(MANY, FIXTURE_NOW_MS + 1000);
        uint32_t since = evict_walked(f.s);
        while (evict(10) == 0)
            assert_true(evict_goes_on(f.s, since));
        assert_false(fixture_has(&f, name(MANY), 0));
        since = evict_walked(f.s);
        assert_int_equal(evict(10), 0);
        assert_false(evict_goes_on(f.s, since));
        assert_int_equal(evict_walked(f.s), since);
    }
    assert_int_equal(left(0, MANY, 1), MANY);
}

/* A walk takes one of each table and begins where the last one ended: it goes on until nothing is left that may go,
 * however often it has come round. */
static void test_all_rare_candidates(void **state)
{
    (void)state;
    enum { RARE = 300 };
    set_policy(EVICT_VOLATILE_LRU);
    for (uint32_t i = 0; i < MANY; i++)
        put(i, i % RARE == 0 ? FIXTURE_NOW_MS + 1000 : STORE_NO_EXPIRY);
    uint32_t since = evict_walked(f.s) - SHARDS, done = 0; /* a round ago */
    while (evict_goes_on(f.s, since))
        done += evict(10);
    assert_int_equal(done, (MANY + RARE - 1) / RARE);
    assert_int_equal(left(0, MANY, RARE), 0);
}

/* Half of the keys were used long after the others; a third goes. */
static void lru(enum evict_policy policy, int64_t expire_ms)
{
    set_policy(policy);
    set_tick(10);
    for (uint32_t i = 0; i < MANY; i++)
        put(i, expire_ms);
    set_tick(60);
    for (uint32_t i = 0; i < MANY; i += 2)
        touch(i, 1);
    set_tick(62);
    assert_int_equal(evict(MANY / 3), MANY / 3);
    uint32_t used = left(0, MANY, 2), unused = left(1, MANY, 2);
    assert_int_equal(used + unused, MANY - MANY / 3);
    assert_true(used > MANY / 2 - FEW);
}

static void test_allkeys_lru(void **state)
{
    (void)state;
    lru(EVICT_ALLKEYS_LRU, STORE_NO_EXPIRY);
}

static void test_volatile_lru(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < MANY; i += 4)
        assert_int_equal(fixture_put(&f, name(i), 1, "x", 1, STORE_NO_EXPIRY), STORE_OK);
    lru(EVICT_VOLATILE_LRU, FIXTURE_NOW_MS + 100000);
    assert_int_equal(store_db_keys(f.s, 1), MANY / 4);
}

/* Ages are modulo 256 ticks: the clock's wrapping turns nothing around. */
static void test_the_age_clock_wraps(void **state)
{
    (void)state;
    set_policy(EVICT_ALLKEYS_LRU);
    set_tick(250);
    for (uint32_t i = 1; i < MANY; i += 2)
        put(i, STORE_NO_EXPIRY);
    set_tick(260);
    for (uint32_t i = 0; i < MANY; i += 2)
        put(i, STORE_NO_EXPIRY);
    set_tick(300);
    evict(MANY / 3);
    assert_true(left(0, MANY, 2) > MANY / 2 - FEW);
}

static void test_lfu(void **state)
{
    (void)state;
    static const enum evict_policy both[] = {EVICT_ALLKEYS_LFU, EVICT_VOLATILE_LFU};
    for (int p = 0; p < 2; p++) {
        set_policy(both[p]);
        for (uint32_t i = 0; i < MANY; i++)
            put(i, FIXTURE_NOW_MS + 100000);
        for (uint32_t i = 0; i < MANY; i += 2)
            touch(i, 30);
        evict(MANY / 3);
        assert_true(left(0, MANY, 2) > MANY / 2 - FEW);
    }
}

static void test_volatile_ttl(void **state)
{
    (void)state;
    set_policy(EVICT_VOLATILE_TTL);
    for (uint32_t i = 0; i < MANY; i++) /* of 4: none, soon, later, much later */
        put(i, i % 4 == 0 ? STORE_NO_EXPIRY : FIXTURE_NOW_MS + (int64_t)(i % 4) * 1000000 + i);
    assert_int_equal(evict(MANY / 8), MANY / 8);
    assert_int_equal(left(0, MANY, 4), MANY / 4);
    assert_true(left(1, MANY, 4) < MANY / 4 - MANY / 8 + FEW); /* nearly all that went were due soon */
    assert_true(left(3, MANY, 4) > MANY / 4 - MANY / 200);
}

static void test_random(void **state)
{
    (void)state;
    set_policy(EVICT_VOLATILE_RANDOM);
    for (uint32_t i = 0; i < MANY; i++)
        put(i, i % 2 ? FIXTURE_NOW_MS + 1000 : STORE_NO_EXPIRY);
    assert_int_equal(evict(MANY / 4), MANY / 4);
    assert_int_equal(left(0, MANY, 2), MANY / 2);
    set_policy(EVICT_ALLKEYS_RANDOM);
    assert_int_equal(evict(MANY / 4), MANY / 4);
    assert_int_equal(left(0, MANY, 1), MANY / 2);
}

/* S3-FIFO: a scan of keys used once does not push out those used before; what comes back soon is known. */
static void test_s3fifo_resists_a_scan(void **state)
{
    (void)state;
    set_policy(EVICT_ALLKEYS_S3FIFO);
    ghost_make(&f.s->ghost, MANY);
    uint32_t hot = MANY / 4;
    set_tick(1);
    for (uint32_t i = 0; i < hot; i++)
        put(i, STORE_NO_EXPIRY);
    for (uint32_t i = 0; i < hot; i++)
        touch(i, 2);
    for (uint32_t step = 0; step < 30; step++) { /* the cache is full: as many go as come */
        set_tick(2 + step);
        for (uint32_t i = 0; i < hot / 10; i++)
            put(hot + step * (hot / 10) + i, STORE_NO_EXPIRY);
        for (uint32_t i = 0; i < hot && step % 5 == 0; i++)
            touch(i, fixture_has(&f, name(i), 0));
        if (step >= 10)
            evict(hot / 10);
    }
    assert_true(left(0, hot, 1) > hot - hot / 10);
}

static void test_s3fifo_ghosts(void **state)
{
    (void)state;
    set_policy(EVICT_ALLKEYS_S3FIFO);
    ghost_make(&f.s->ghost, 1024);
    put(1, STORE_NO_EXPIRY);
    assert_int_equal(evict(1), 1);
    struct skey k;
    store_key(f.s, &k, name(1), strlen(name(1)), 0);
    enum { MAIN_USED_ONCE = 5 };
    assert_int_equal(evict_first_freq(f.sx, k.hash), MAIN_USED_ONCE); /* evicted lately */
    assert_int_equal(evict_first_freq(f.sx, k.hash), 0);              /* and forgotten */
    put(1, STORE_NO_EXPIRY);
    touch(1, 1);
    assert_int_equal(evict(1), 1); /* from the small part to main, and out in the end */
    assert_int_equal(evict_first_freq(f.sx, k.hash), MAIN_USED_ONCE);
}

static void test_ropes_go_wholly(void **state)
{
    (void)state;
    static char value[70000];
    set_policy(EVICT_ALLKEYS_LRU);
    for (uint32_t i = 0; i < 50; i++)
        assert_int_equal(fixture_put(&f, name(i), 0, value, sizeof value, STORE_NO_EXPIRY), STORE_OK);
    while (evict(50) > 0)
        ;
    fixture_assert_empty(&f);
}

/* A few large values among 8,192 shards: the old ones go first all the same. */
static void test_few_entries(void **state)
{
    (void)state;
    static const enum evict_policy both[] = {EVICT_ALLKEYS_LRU, EVICT_ALLKEYS_S3FIFO};
    atomic_store(&f.s->samples, 20);
    for (int p = 0; p < 2; p++) {
        set_policy(both[p]);
        set_tick(10);
        for (uint32_t i = 0; i < 200; i++)
            put(i, STORE_NO_EXPIRY);
        set_tick(20);
        for (uint32_t i = 200; i < 400; i++)
            put(i, STORE_NO_EXPIRY);
        set_tick(30);
        assert_int_equal(evict(150), 150);
        assert_true(left(200, 400, 1) >= 190);
        while (evict(100) > 0)
            ;
    }
}

/* Ten generations, half of all goes: the coldest first. What is of about the same age is not told apart. */
static void test_coldest_first(void **state)
{
    (void)state;
    static const enum evict_policy both[] = {EVICT_ALLKEYS_LRU, EVICT_ALLKEYS_S3FIFO};
    for (int p = 0; p < 2; p++) {
        set_policy(both[p]);
        for (uint32_t g = 0; g < 10; g++) {
            set_tick(10 * g);
            for (uint32_t i = 0; i < MANY / 10; i++)
                put(g * (MANY / 10) + i, STORE_NO_EXPIRY);
        }
        set_tick(100);
        assert_int_equal(evict(MANY / 2), MANY / 2);
        assert_true(left(0, MANY * 3 / 10, 1) < MANY / 100); /* of three tenths, a thirtieth */
        assert_true(left(MANY * 7 / 10, MANY, 1) > MANY * 3 / 10 - MANY / 100);
        while (evict(1000) > 0)
            ;
    }
}

/* As many come as go, fewer than there are shards, and a quarter of what was there at first is main and stays: of the
 * rest nothing outlives what came when twice as many have. (A sample of neighbouring shards emptied some stretches of
 * them again and again, and left others as they were.) */
static void test_few_entries_come_and_go(void **state)
{
    (void)state;
    enum { THERE = 8000, FLOW = 400, TURNS = 4, TICK = FLOW / 50 };
    set_policy(EVICT_ALLKEYS_S3FIFO);
    set_tick(0);
    for (uint32_t i = 0; i < THERE; i++) {
        put(i, STORE_NO_EXPIRY);
        if (i % 4 == 0)
            touch(i, 3);
    }
    evict(THERE / 2);
    for (uint32_t i = 0; i < TURNS * FLOW; i++) {
        if (i % TICK == 0)
            set_tick(i / TICK);
        put(THERE + i, STORE_NO_EXPIRY);
        if (i >= FLOW)
            evict(2);
    }
    for (uint32_t i = 1; i < 4; i++)
        assert_int_equal(left(i, THERE, 4), 0);
    assert_true(left(THERE, THERE + FLOW, 1) < FLOW / 4);
    assert_true(left(THERE + 2 * FLOW, THERE + TURNS * FLOW, 1) > 2 * FLOW - FLOW / 20);
}

/* As many come as go: the index hardly grows. (By 7.6 % of its bytes in this time where one table is as good as
 * another; 4.6 % where what goes is taken from those that are about to grow.) */
static void test_tables_keep_their_sizes(void **state)
{
    (void)state;
    enum { THERE = 3 * MANY };
    set_policy(EVICT_ALLKEYS_RANDOM);
    for (uint32_t i = 0; i < THERE; i++)
        put(i, STORE_NO_EXPIRY);
    int64_t before = atomic_load(&f.sx->bytes.index_bytes);
    for (uint32_t i = 0; i < THERE / 4; i++) {
        put(THERE + i, STORE_NO_EXPIRY);
        assert_int_equal(evict(1), 1);
    }
    assert_in_range(atomic_load(&f.sx->bytes.index_bytes), before * 9 / 10, before * 106 / 100);
}

/* Two sizes, of the same age, one of which has chunks to spare: the other makes room. Where every look moves items,
 * also into larger chunks, nobody knows which class has some. */
static void test_a_class_that_is_short_makes_room(void **state)
{
    (void)state;
#ifdef FLAGSTONE_FORCE_MOVE
    skip();
#endif
    static char value[1000];
    enum { EACH = 4000, GO = 8 };
    struct class_view v[CLASS_MAX];
    set_policy(EVICT_ALLKEYS_S3FIFO);
    for (uint32_t i = 0; i < 2 * EACH; i++)
        assert_int_equal(fixture_put(&f, name(i), 0, value, i % 2 == 0 ? 1000 : 500, STORE_NO_EXPIRY), STORE_OK);
    for (uint32_t i = 0; i < EACH / 2; i += 2)
        assert_true(fixture_delete(&f, name(i), 0));
    magazines_flush(f.sx);
    uint32_t n = reclaim_views(f.s, v);
    chunk_ref aside[1000];
    uint32_t taken = 0;
    for (uint32_t k = 0; k < n; k++) /* what is short is short by all of it */
        while (v[k].chunk_size >= 500 && v[k].chunk_size < 600 && taken < 1000 &&
               (aside[taken] = slab_take_free(&f.s->slab, k)) != 0)
            taken++;
    uint32_t large = left(0, 2 * EACH, 2), went = (uint32_t)evict(GO);
    while (taken > 0)
        slab_give(&f.s->slab, aside[--taken]);
    assert_int_equal(went, GO);
    assert_int_equal(left(0, 2 * EACH, 2), large);
    assert_int_equal(left(1, 2 * EACH, 2), EACH - GO);
}

/* Classes of a full cache keep a quarter of a page's worth of free chunks more than they must, but not where nothing
 * can be evicted: a write of another size is not refused for it. */
static void test_nothing_is_refused_for_what_classes_keep(void **state)
{
    (void)state;
    struct class_view v[CLASS_MAX];
    struct decision d;
    static char value[100];
    set_policy(EVICT_VOLATILE_LRU);
    for (uint32_t i = 0; i < 4000; i++)
        assert_int_equal(fixture_put(&f, name(i), 0, value, sizeof value, STORE_NO_EXPIRY), STORE_OK);
    uint32_t class = size_class_of(&f.s->slab.classes, 4 + 8 + sizeof value);
    for (uint32_t i = 0; i == 0 || v[class].free < v[class].per_page + v[class].per_page / 8; i += 3) {
        assert_true(fixture_delete(&f, name(i), 0));
        magazines_flush(f.sx);
        reclaim_views(f.s, v);
    }
    pool_trim(&f.s->slab.pool, 0, UINT32_MAX);
    pool_set_budget(&f.s->slab.pool, pool_in_use(&f.s->slab.pool));
    atomic_store(&f.s->full, true);
    assert_false(reclaim_compact(f.sx, &d));
    assert_int_equal(reclaim_for(f.sx, size_class_of(&f.s->slab.classes, 2000), 1, UINT64_MAX), RECLAIM_DONE);
}

/* Values of `bytes` for the keys [first, last), in steps, of which an eighth each is a tick older than the next. */
static void put_sized(uint32_t first, uint32_t last, uint32_t step, size_t bytes)
{
    static const char value[20000];
    uint32_t then = atomic_load(&f.s->age.tick);
    for (uint32_t i = first; i < last; i += step) {
        set_tick(then + (i - first) * 8 / (last - first));
        assert_int_equal(fixture_put(&f, name(i), 0, value, bytes, STORE_NO_EXPIRY), STORE_OK);
    }
}

static void evict_in_bits(uint32_t n)
{
    for (uint32_t done = 0; done < n;) {
        uint32_t went = evict(n - done < 500 ? n - done : 500);
        assert_true(went > 0);
        done += went;
    }
}

/* Of entries of the same ages the larger ones go first. */
static void test_larger_ones_go_sooner(void **state)
{
    (void)state;
    set_policy(EVICT_ALLKEYS_S3FIFO);
    f.sx->background = true; /* the memory thread's: it is who learns how large entries are */
    put_sized(0, MANY, 2, 40);
    set_tick(0);
    put_sized(1, MANY, 2, 400);
    evict_in_bits(MANY / 4);
    uint32_t small = left(0, MANY, 2), large = left(1, MANY, 2);
    assert_in_range(small, large + MANY / 16, MANY / 2);
    assert_true(large > 0);
}

/* A value of several chunks is large, however small the chunk that the index names. */
static void test_large_values_are_large(void **state)
{
    (void)state;
    enum { N = 4000 };
    set_policy(EVICT_ALLKEYS_S3FIFO);
    f.sx->background = true;
    put_sized(0, N, 2, 400);
    set_tick(0);
    put_sized(1, N, 2, 20000);
    evict_in_bits(N / 4);
    assert_true(left(0, N, 2) > left(1, N, 2) + N / 16);
}

/* Only the memory thread learns sizes; other policies than S3-FIFO do not look at them. */
static void test_sizes_are_the_memory_threads(void **state)
{
    (void)state;
    put_sized(0, MANY, 2, 40);
    set_tick(0);
    put_sized(1, MANY, 2, 400);
    set_policy(EVICT_ALLKEYS_S3FIFO);
    assert_true(evict(500) > 0);
    f.sx->background = true;
    set_policy(EVICT_ALLKEYS_LRU);
    assert_true(evict(500) > 0);
    for (uint32_t i = 0; i < 2 * AGE_TICKS; i++)
        assert_int_equal(atomic_load(&f.s->mean_size[i / AGE_TICKS][i % AGE_TICKS]), 0);
}

/* Small ones that are older go before large ones. */
static void test_small_ones_do_not_outlive(void **state)
{
    (void)state;
    set_policy(EVICT_ALLKEYS_S3FIFO);
    f.sx->background = true;
    put_sized(0, MANY / 2, 1, 40);
    set_tick(8);
    put_sized(MANY / 2, MANY, 1, 400);
    evict_in_bits(MANY / 4);
    assert_in_range(left(MANY / 2, MANY, 1), MANY / 2 - FEW, MANY / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_may_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_last_candidate, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_rare_candidate, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_all_rare_candidates, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_allkeys_lru, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_volatile_lru, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_age_clock_wraps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lfu, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_volatile_ttl, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_random, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_s3fifo_resists_a_scan, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_s3fifo_ghosts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ropes_go_wholly, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_few_entries, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_coldest_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_few_entries_come_and_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_is_refused_for_what_classes_keep, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tables_keep_their_sizes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_class_that_is_short_makes_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_larger_ones_go_sooner, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_large_values_are_large, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sizes_are_the_memory_threads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_small_ones_do_not_outlive, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
