/* Fetching ahead: each key's items are asked for before it runs, a block at a time, never beyond the last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "server/ahead.h"
#include "server/index_find.h"
#include "tests/unit/server/store_fixture.h"

enum { KEYS = 100 };

static struct fixture f;
static struct skey keys[KEYS];

static int set_up(void **state)
{
    static char name[KEYS][16];
    (void)state;
    fixture_begin(&f, EVICT_NONE, 0);
    for (int i = 0; i < KEYS; i++) {
        snprintf(name[i], sizeof name[i], "key:%d", i);
        store_key(f.s, &keys[i], name[i], strlen(name[i]), 0);
        if (i % 3 != 0)
            assert_int_equal(fixture_put(&f, name[i], 0, "value", 5, STORE_NO_EXPIRY), STORE_OK);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_end(&f);
    return 0;
}

/* A stage is at the end, or where it has to be, and less than a block beyond. */
static void expect_stage(const struct ahead *a, size_t at, size_t least)
{
    assert_true(at == a->n || (at >= least && at < least + a->block));
}

/* Of the keys whose items are asked for in part it is known where these are. */
static void expect_places(const struct ahead *a)
{
    assert_true(a->items - a->rests <= AHEAD_PLACES);
    for (size_t i = a->rests; i < a->items; i++) {
        const slot_t *slot = index_find(f.s, &keys[i]);
        assert_int_equal(a->place[i % AHEAD_PLACES], slot == NULL ? 0 : slot_ref(*slot));
    }
}

/* Commands of `step` keys each. */
static void run(size_t n, size_t step, bool large)
{
    struct ahead a;
    atomic_store(&f.s->index_large, large);
    ahead_begin(&a, f.s, n);
    for (size_t done = 0; done < n; done += step) {
        size_t next = done + step < n ? done + step : n, before = a.items;
        ahead_of(&a, f.s, keys, next);
        assert_true(a.items >= before && a.items <= n && a.tables <= n);
        if (n == 1)
            continue; /* nothing to overlap with */
        assert_true(a.tables >= a.items && a.items >= a.rests && a.rests >= next);
        expect_stage(&a, a.tables, next + AHEAD_TABLES);
        expect_stage(&a, a.items, next + AHEAD_ITEMS);
        expect_stage(&a, a.rests, next + AHEAD_RESTS);
        expect_places(&a);
    }
}

static void test_all_are_fetched_in_time(void **state)
{
    (void)state;
    for (size_t n = 1; n <= KEYS; n++)
        for (size_t step = 1; step <= n; step++) {
            run(n, step, false);
            run(n, step, true);
        }
}

/* Where a key's entry was seen is noted, and holds as long as its shard does not change. */
static void test_what_was_seen_is_noted(void **state)
{
    (void)state;
    run(KEYS, 1, false);
    for (int i = 0; i < KEYS; i++) {
        slot_t *seen = index_seen(shard_of(f.s, keys[i].hash), &keys[i]);
        assert_ptr_equal(index_find(f.s, &keys[i]), i % 3 != 0 ? seen : NULL);
    }
}

static void test_blocks_follow_the_index(void **state)
{
    (void)state;
    struct ahead a;
    ahead_measure(f.s);
    ahead_begin(&a, f.s, KEYS);
    assert_int_equal(a.block, AHEAD_BLOCK);
    counter_add(&f.sx->bytes.index_bytes, 100 << 20);
    ahead_measure(f.s);
    ahead_begin(&a, f.s, KEYS);
    assert_int_equal(a.block, AHEAD_BLOCK_MAX);
    counter_add(&f.sx->bytes.index_bytes, -(100 << 20));
    ahead_measure(f.s);
    ahead_begin(&a, f.s, KEYS);
    assert_int_equal(a.block, AHEAD_BLOCK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_are_fetched_in_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_was_seen_is_noted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_blocks_follow_the_index, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
