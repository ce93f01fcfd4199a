/* The age clock: eviction makes it tick, at any rate; old entries are never lapped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/server/store_fixture.h"

enum { BUDGET_PAGES = AGE_TURN }; /* so a page's worth is a tick */

static struct fixture f;

static int set_up(void **state)
{
    (void)state;
    fixture_begin(&f, EVICT_ALLKEYS_LRU, BUDGET_PAGES);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_end(&f);
    return 0;
}

static uint32_t tick(void)
{
    return atomic_load(&f.s->age.tick);
}

static uint32_t age_of(const char *key)
{
    struct skey k;
    store_key(f.s, &k, key, strlen(key), 0);
    slot_t *slot = index_find(f.s, &k);
    assert_non_null(slot);
    return age_between(tick(), (uint32_t)(*slot >> SLOT_AGE_SHIFT));
}

/* A 32nd of the budget and a page is a tick; what is given back and taken again is none, but what was emptied is. */
static void test_growth_makes_it_tick(void **state)
{
    (void)state;
    enum { PART = BUDGET_PAGES / AGE_GROWTH + 1, PAGES = 10 * PART };
    struct age_keeper keeper = {0};
    struct pool *pool = &f.s->slab.pool;
    uint32_t pages[PAGES], first;
    age_grown(f.s);
    atomic_store(&f.s->age.grown, pool_in_use(pool));
    for (int round = 0; round < 2; round++) {
        first = tick();
        for (uint32_t i = 0; i < PAGES; i++) {
            pages[i] = pool_take(pool);
            assert_true(pages[i] != PAGE_NONE);
            age_grown(f.s);
            assert_int_equal(tick(), first + (i + 1) / PART);
        }
        pool_give(pool, pages[0]);
        age_keep(f.sx, &keeper, UINT64_MAX); /* where a second has passed it makes a tick, too */
        first = tick();
        pages[0] = pool_take(pool);
        age_grown(f.s);
        assert_int_equal(tick(), first);
        for (uint32_t i = 0; i < PAGES; i++)
            pool_give(pool, pages[i]);
        age_keep(f.sx, &keeper, UINT64_MAX);
    }
}

static void test_eviction_makes_it_tick(void **state)
{
    (void)state;
    struct age_keeper keeper = {0};
    for (uint32_t i = 0; i < 300; i++) {
        age_keep(f.sx, &keeper, UINT64_MAX); /* where a second has passed it makes a tick, too */
        uint32_t before = tick();
        age_evicted(f.sx, PAGE_SIZE / 2);
        assert_int_equal(tick(), before);
        age_evicted(f.sx, PAGE_SIZE / 2);
        assert_int_equal(tick(), before + 1);
        assert_int_equal(f.sx->age_now, (before + 1) % AGE_TICKS);
    }
    uint32_t before = tick();
    age_evicted(f.sx, (uint64_t)PAGE_SIZE * BUDGET_PAGES); /* one large value is one tick: it went at one moment */
    assert_int_equal(tick(), before + 1);
}

/* Who sweeps does not come to it: ages grow no further, so that no entry is lapped. */
static void test_it_waits_for_the_sweep(void **state)
{
    (void)state;
    struct age_keeper keeper = {0};
    assert_int_equal(fixture_put(&f, "old", 0, "x", 1, STORE_NO_EXPIRY), STORE_OK);
    for (int round = 0; round < 20; round++) {
        uint32_t last = age_of("old");
        for (uint32_t i = 0; i < AGE_TICKS; i++) {
            age_evicted(f.sx, PAGE_SIZE);
            assert_true(age_of("old") >= last);
        }
        assert_true(age_of("old") < AGE_AHEAD);
        age_keep(f.sx, &keeper, UINT64_MAX);
        assert_true(age_of("old") >= (last < AGE_OLD ? last : AGE_OLD));
    }
    assert_true(age_of("old") >= AGE_OLD);
}

static void test_ages(void **state)
{
    (void)state;
    for (uint32_t now = 0; now < AGE_TICKS; now++) {
        for (uint32_t age = 0; age < AGE_AHEAD; age++)
            assert_int_equal(age_between(now, (now - age) % AGE_TICKS), age);
        for (uint32_t ahead = 1; ahead <= AGE_TICKS - AGE_AHEAD; ahead++) /* by another thread's later tick */
            assert_int_equal(age_between(now, (now + ahead) % AGE_TICKS), 0);
    }
}

/* An entry that is never used gets older and stays old, while the clock goes round and round. */
static void test_nothing_is_lapped(void **state)
{
    (void)state;
    struct age_keeper keeper = {0};
    uint32_t last = 0;
    assert_int_equal(fixture_put(&f, "old", 0, "x", 1, STORE_NO_EXPIRY), STORE_OK);
    for (int i = 0; i < 3 * AGE_TICKS; i++) {
        age_evicted(f.sx, PAGE_SIZE);
        if (i % 20 == 0) /* the memory thread may be late */
            age_keep(f.sx, &keeper, UINT64_MAX);
        uint32_t age = age_of("old");
        assert_true(age >= last || age >= AGE_OLD);
        last = age;
    }
    assert_int_equal(fixture_put(&f, "new", 0, "x", 1, STORE_NO_EXPIRY), STORE_OK);
    assert_int_equal(age_of("new"), 0);
}

static void test_frequencies_decay(void **state)
{
    (void)state;
    struct age_keeper keeper = {0};
    struct skey k;
    atomic_store(&f.s->policy, EVICT_ALLKEYS_LFU);
    assert_int_equal(fixture_put(&f, "key", 0, "x", 1, STORE_NO_EXPIRY), STORE_OK);
    store_key(f.s, &k, "key", 3, 0);
    slot_t *slot = index_find(f.s, &k);
    *slot |= (slot_t)SLOT_FREQ_MAX << SLOT_FREQ_SHIFT;
    for (int i = 0; i < AGE_TICKS; i++) {
        age_evicted(f.sx, PAGE_SIZE);
        age_keep(f.sx, &keeper, 0); /* each pass */
    }
    assert_int_equal(*slot >> SLOT_FREQ_SHIFT & SLOT_FREQ_MAX, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_growth_makes_it_tick, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_eviction_makes_it_tick, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_it_waits_for_the_sweep, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_is_lapped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_frequencies_decay, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
