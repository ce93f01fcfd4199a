/* Active expiry: what is due goes, what is not stays, also where its coarse second is the same; a round may come in
 * steps. Expiries are set relative to the time of the test, so nothing waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/expiry.h"
#include "slab/base/clock.h"
#include "tests/unit/server/store_fixture.h"

static struct fixture f;
static int64_t now_s;

static int set_up(void **state)
{
    (void)state;
    fixture_begin(&f, EVICT_NONE, 0);
    now_s = clock_wall_ms() / 1000;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_end(&f);
    return 0;
}

/* The context's clock stands at the beginning of time: lookups find whatever was not actively removed. */
static void put(const char *kind, uint32_t i, int64_t expire_ms)
{
    char key[30];
    snprintf(key, sizeof key, "%s:%u", kind, i);
    store_ctx_turn(f.sx, FIXTURE_NOW_MS);
    assert_int_equal(fixture_put(&f, key, 0, "some value", i % 11, expire_ms), STORE_OK);
}

static bool there(const char *kind, uint32_t i)
{
    char key[30];
    snprintf(key, sizeof key, "%s:%u", kind, i);
    store_ctx_turn(f.sx, FIXTURE_NOW_MS);
    return fixture_has(&f, key, 0);
}

static void run(struct expiry *x, uint32_t pages)
{
    while (expiry_step(f.sx, x, pages))
        ;
}

/* Every second of the last five minutes, with neighbours 252 seconds on, whose state bytes are the same. */
static void test_due_and_not_due(void **state)
{
    (void)state;
    enum { SECONDS = 300 };
    for (uint32_t i = 0; i < SECONDS; i++) {
        put("due", i, (now_s - 2 - i) * 1000 + i * 3);
        put("far", i, (now_s + 10 + i) * 1000);
        put("same", i, (now_s - 2 - i % 200 + 2 * CHUNK_EXPIRY_STATES) * 1000);
        put("never", i, STORE_NO_EXPIRY);
    }
    struct expiry x = {.done_s = now_s - SECONDS - 10};
    run(&x, 3);
    assert_int_equal(x.page, 0);
    assert_true(x.done_s >= now_s - 2);
    for (uint32_t i = 0; i < SECONDS; i++) {
        assert_false(there("due", i));
        assert_true(there("far", i));
        assert_true(there("same", i));
        assert_true(there("never", i));
    }
    assert_int_equal(atomic_load(&f.sx->counters.expired), SECONDS);
    assert_int_equal(store_db_expires(f.s, 0), 2 * SECONDS);
    fixture_assert_sound(&f);
}

static void test_a_round_is_once_a_second(void **state)
{
    (void)state;
    put("due", 0, (now_s - 5) * 1000);
    struct expiry x = {.done_s = clock_wall_ms() / 1000 + 5};
    assert_false(expiry_step(f.sx, &x, 1000)); /* that second was looked for already */
    assert_true(there("due", 0));
    x = (struct expiry){.done_s = now_s - 10};
    atomic_store(&f.s->active_expire, false); /* DEBUG SET-ACTIVE-EXPIRE 0 */
    assert_false(expiry_step(f.sx, &x, 1000));
    assert_true(there("due", 0));
    atomic_store(&f.s->active_expire, true);
    assert_false(expiry_step(f.sx, &x, 1000));
    assert_false(there("due", 0));
}

/* A page full of the smallest items that are all due, and large values. */
static void test_many_at_once(void **state)
{
    (void)state;
    static char value[20000];
    for (uint32_t i = 0; i < 20000; i++)
        put("due", i, (now_s - 3) * 1000);
    for (uint32_t i = 0; i < 30; i++) {
        char key[30];
        snprintf(key, sizeof key, "rope:%u", i);
        fixture_put(&f, key, 0, value, sizeof value, (now_s - 3) * 1000);
    }
    struct expiry x = {.done_s = now_s - 10};
    run(&x, 10);
    assert_int_equal(store_db_keys(f.s, 0), 0);
    fixture_assert_empty(&f);
}

/* What was changed since: later, never, deleted, overwritten. */
static void test_expiries_that_changed(void **state)
{
    (void)state;
    char key[30];
    for (uint32_t i = 0; i < 400; i++) {
        struct skey k;
        struct entry e;
        put("key", i, (now_s - 3) * 1000);
        snprintf(key, sizeof key, "key:%u", i);
        store_key(f.s, &k, key, strlen(key), 0);
        store_lock(f.sx, &k, 1);
        assert_true(store_find(f.sx, &k, &e));
        if (i % 4 == 0)
            assert_int_equal(store_expire(f.sx, &k, &e, STORE_NO_EXPIRY), STORE_OK);
        else if (i % 4 == 1)
            assert_int_equal(store_expire(f.sx, &k, &e, (now_s + 100) * 1000), STORE_OK);
        else if (i % 4 == 2)
            store_delete(f.sx, &k, &e);
        store_unlock(f.sx, &k, 1);
        if (i % 8 == 2)
            put("key", i, STORE_NO_EXPIRY);
    }
    struct expiry x = {.done_s = now_s - 10};
    run(&x, 1);
    for (uint32_t i = 0; i < 400; i++)
        assert_int_equal(there("key", i), i % 4 < 2 || i % 8 == 2);
    assert_int_equal(atomic_load(&f.sx->counters.expired), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_due_and_not_due, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_round_is_once_a_second, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_expiries_that_changed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
