/* SCAN's guarantee: a key that is there from begin to end is seen, exactly as often as it is there, while the table
 * grows, shrinks and moves between the steps; made-up cursors end. RANDOMKEY. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/reclaim.h"
#include "tests/unit/server/store_fixture.h"

enum { STEADY = 4000, PASSING = 30000 };

static struct fixture f;
static uint32_t seen[STEADY];
static uint64_t strangers;

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

/* Steady keys are "s<number>", passing ones "p<number>". */
static void put(char kind, uint32_t i, uint16_t db)
{
    char key[20];
    snprintf(key, sizeof key, "%c%u", kind, i);
    assert_int_equal(fixture_put(&f, key, db, key, strlen(key), STORE_NO_EXPIRY), STORE_OK);
}

static void see(void *arg, const char *key, size_t len, const struct entry *e)
{
    char text[20] = "";
    (void)arg;
    assert_true(len < sizeof text);
    memcpy(text, key, len);
    size_t n;
    const char *value = store_value_flat(e, &n);
    assert_int_equal(n, len); /* the entry is the key's */
    assert_memory_equal(value, key, n);
    if (key[0] == 's')
        seen[strtoul(text + 1, NULL, 10)]++;
    else
        strangers++;
}

static void begin_walk(void)
{
    memset(seen, 0, sizeof seen);
    strangers = 0;
}

static void assert_each_seen_once(void)
{
    for (uint32_t i = 0; i < STEADY; i++)
        if (seen[i] != 1)
            fail_msg("key s%u was seen %u times", i, seen[i]);
}

static void test_nothing_changes(void **state)
{
    (void)state;
    static const uint64_t counts[] = {1, 2, 10, 777, UINT64_MAX};
    for (uint32_t i = 0; i < STEADY; i++)
        put('s', i, 0);
    for (uint32_t i = 0; i < 1000; i++)
        put('p', i, 1); /* another database's keys are passed over */
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        uint64_t cursor = 0, steps = 0;
        begin_walk();
        do {
            cursor = store_scan(f.sx, 0, cursor, counts[c], see, NULL);
            steps++;
        } while (cursor != 0);
        assert_each_seen_once();
        assert_int_equal(strangers, 0);
        assert_true(counts[c] > 10 || steps >= STEADY / counts[c] / 2);
        assert_true(counts[c] != UINT64_MAX || steps == 1);
    }
}

/* All keys in two shards: tables split many times while the walk is in them. */
static bool crowded(const char *key)
{
    struct skey k;
    store_key(f.s, &k, key, strlen(key), 0);
    return k.hash >> (64 - SHARD_BITS) < 2;
}

static uint32_t crowd[STEADY]; /* numbers of steady keys that lie in the two shards */

static void find_crowd(char kind, uint32_t *number, uint32_t n)
{
    char key[20];
    for (uint32_t i = 0, found = 0; found < n; i++) {
        snprintf(key, sizeof key, "%c%u", kind, i);
        if (crowded(key))
            number[found++] = i;
    }
}

static void see_crowd(void *arg, const char *key, size_t len, const struct entry *e)
{
    char text[20] = "";
    (void)arg, (void)e;
    memcpy(text, key, len);
    uint32_t number = (uint32_t)strtoul(text + 1, NULL, 10);
    for (uint32_t i = 0, n = 400; key[0] == 's' && i < n; i++)
        seen[i] += crowd[i] == number;
}

static void test_in_a_crowd(void **state)
{
    (void)state;
    enum { KEPT = 400, COMING = 3000 };
    static uint32_t coming[COMING];
    char key[20];
    find_crowd('s', crowd, KEPT);
    find_crowd('p', coming, COMING);
    for (uint32_t i = 0; i < KEPT; i++)
        put('s', crowd[i], 0);
    for (int round = 0; round < 3; round++) {
        uint64_t cursor = 0, last = 0;
        uint32_t there = round == 1 ? COMING : 0; /* grows, shrinks, grows */
        begin_walk();
        do {
            cursor = store_scan(f.sx, 0, cursor, 3, see_crowd, NULL);
            assert_true(cursor == 0 || cursor > last);
            last = cursor;
            for (int i = 0; i < 25; i++) {
                if (round != 1 && there < COMING)
                    put('p', coming[there++], 0);
                if (round == 1 && there > 0) {
                    snprintf(key, sizeof key, "p%u", coming[--there]);
                    assert_true(fixture_delete(&f, key, 0));
                }
            }
        } while (cursor != 0);
        for (uint32_t i = 0; i < KEPT; i++)
            assert_int_equal(seen[i], 1);
        for (uint32_t i = 0; i < COMING; i++) {
            snprintf(key, sizeof key, "p%u", coming[i]);
            if (round != 1 && !fixture_has(&f, key, 0))
                put('p', coming[i], 0);
            if (round == 1)
                fixture_delete(&f, key, 0);
        }
        fixture_assert_sound(&f);
    }
}

/* Keys come and go by the thousand, pages are compacted, between any two steps. */
static void test_growth_shrinkage_and_moves(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < STEADY; i++)
        put('s', i, 0);
    for (int round = 0; round < 3; round++) {
        uint64_t cursor = 0;
        uint32_t next = round % 2 == 0 ? 0 : PASSING;
        char key[20];
        begin_walk();
        do {
            cursor = store_scan(f.sx, 0, cursor, 20, see, NULL);
            for (int i = 0; i < 40; i++) {
                if (round % 2 == 0 && next < PASSING)
                    put('p', next++, 0);
                if (round % 2 == 1 && next > 0) {
                    snprintf(key, sizeof key, "p%u", --next);
                    fixture_delete(&f, key, 0);
                }
            }
            struct decision d;
            reclaim_compact(f.sx, &d);
            if (fixture_below(&f, 10) == 0)
                magazines_flush(f.sx);
        } while (cursor != 0);
        assert_each_seen_once();
        fixture_assert_sound(&f);
    }
}

static void test_cursors_made_up(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < STEADY; i++)
        put('s', i, 0);
    for (int i = 0; i < 100; i++) {
        uint64_t cursor = (uint64_t)fixture_below(&f, UINT32_MAX) << fixture_below(&f, 33) | fixture_below(&f, 1 << 20);
        uint32_t steps = 0;
        begin_walk();
        do {
            cursor = store_scan(f.sx, 0, cursor, 100, see, NULL);
            assert_true(++steps < 3 * STEADY);
        } while (cursor != 0);
        for (uint32_t k = 0; k < STEADY; k++)
            assert_true(seen[k] <= 1);
    }
    assert_int_equal(store_scan(f.sx, 0, UINT64_MAX, 100, see, NULL), 0);
}

static void test_what_has_expired_is_passed_over(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < STEADY; i++) {
        char key[20];
        snprintf(key, sizeof key, "s%u", i);
        fixture_put(&f, key, 0, key, strlen(key), i % 2 ? FIXTURE_NOW_MS + 10 : STORE_NO_EXPIRY);
    }
    store_ctx_turn(f.sx, FIXTURE_NOW_MS + 10);
    begin_walk();
    assert_int_equal(store_scan(f.sx, 0, 0, UINT64_MAX, see, NULL), 0);
    for (uint32_t i = 0; i < STEADY; i++)
        assert_int_equal(seen[i], i % 2 == 0);
}

static void test_random_keys(void **state)
{
    (void)state;
    enum { FEW = 20 };
    static char key[STORE_KEY_MAX];
    size_t len = 0;
    uint32_t drawn[FEW] = {0};
    assert_false(store_random(f.sx, 0, key, &len));
    for (uint32_t i = 0; i < FEW; i++)
        put('s', i, 0);
    put('p', 1, 1);
    for (int i = 0; i < 4000; i++) {
        assert_true(store_random(f.sx, 0, key, &len) && len < 20);
        key[len] = '\0';
        assert_int_equal(key[0], 's');
        drawn[strtoul(key + 1, NULL, 10)]++;
    }
    for (uint32_t i = 0; i < FEW; i++)
        assert_true(drawn[i] > 0);
    assert_true(store_random(f.sx, 1, key, &len));
    assert_memory_equal(key, "p1", 2);
    /* all that is left has expired */
    assert_true(fixture_delete(&f, "p1", 1));
    fixture_put(&f, "gone", 1, "x", 1, FIXTURE_NOW_MS + 1);
    store_ctx_turn(f.sx, FIXTURE_NOW_MS + 1);
    assert_false(store_random(f.sx, 1, key, &len));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_changes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_in_a_crowd, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_growth_shrinkage_and_moves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cursors_made_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_has_expired_is_passed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_random_keys, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
