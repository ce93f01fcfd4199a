/* Compaction for MEMORY PURGE: past pages that are held, and not at the cost of who is short of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/reclaim.h"
#include "tests/unit/server/store_fixture.h"

/* The last chunk of a large value is of the plain ones' class, TAILS to a page. */
enum { HELD = 40, TAILS = 16, TAILED = 266000, PLAIN = 320, PLAIN_BYTES = 4050 };

static struct fixture f;
static uint32_t pinned[HELD]; /* ids of ropes */
static char value[TAILED];

static const char *key_of(const char *what, int i)
{
    static char key[32];
    snprintf(key, sizeof key, "%s:%d", what, i);
    return key;
}

static uint32_t pin(const char *key)
{
    struct skey k;
    struct entry e;
    store_key(f.s, &k, key, strlen(key), 0);
    store_lock(f.sx, &k, 1);
    assert_true(store_find(f.sx, &k, &e));
    uint32_t id = item_rope_id(e.item, item_head(e.item));
    assert_non_null(rope_pin(e.rope));
    store_unlock(f.sx, &k, 1);
    return id;
}

static enum store_status put_plain(const char *what, int i)
{
    return fixture_put(&f, key_of(what, i), 0, value, PLAIN_BYTES, STORE_NO_EXPIRY);
}

/* One of each page of tails is left, and pinned; of plain ones a quarter. */
static int set_up(void **state)
{
    (void)state;
    fixture_begin(&f, EVICT_NONE, 0);
    for (int i = 0; i < HELD * TAILS; i++)
        assert_int_equal(fixture_put(&f, key_of("large", i), 0, value, TAILED, STORE_NO_EXPIRY), STORE_OK);
    for (int i = 0; i < PLAIN; i++)
        assert_int_equal(put_plain("plain", i), STORE_OK);
    for (int i = 0; i < HELD * TAILS; i++)
        if (i % TAILS != 0)
            fixture_delete(&f, key_of("large", i), 0);
    for (int i = 0; i < PLAIN; i++)
        if (i % 4 != 0)
            fixture_delete(&f, key_of("plain", i), 0);
    while (rope_free_lazy(f.sx, UINT32_MAX) > 0)
        ;
    magazines_flush(f.sx);
    for (int i = 0; i < HELD; i++)
        pinned[i] = pin(key_of("large", i * TAILS));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < HELD; i++)
        rope_unpin(f.sx, pinned[i]);
    fixture_end(&f);
    return 0;
}

static int purge_all(int *held)
{
    enum drain_end end;
    int won = 0;
    while ((end = reclaim_purge(f.sx)) != DRAIN_NONE) {
        won += end == DRAIN_WON;
        *held += end == DRAIN_HELD;
    }
    return won;
}

static void test_past_what_is_held(void **state)
{
    (void)state;
    int held = 0;
#ifdef FLAGSTONE_FORCE_MOVE
    skip(); /* what is written or deleted has moved to fuller pages before */
#endif
    assert_true(purge_all(&held) >= PLAIN / TAILS / 2);
    assert_true(held > 0);
    assert_true(f.s->nwaiting >= HELD / 2);
    reclaim_purge_end(f.sx);
    assert_int_equal(f.s->nwaiting, 0);
}

/* Puts until one is refused. */
static int puts_until_refused(const char *what)
{
    int n = 0, tries = 0;
    while (n < HELD * TAILS && tries < 50) {
        enum store_status status = put_plain(what, n);
        if (status == STORE_OK) {
            n++;
            tries = 0;
            continue;
        }
        tries++;
        status = store_reclaim(f.sx);
        if (status != STORE_OK && status != STORE_LATER)
            break;
    }
    return n;
}

/* Memory is full, but for the free chunks of the pages that the purge holds. */
static void test_who_is_short_gets_what_is_held(void **state)
{
    (void)state;
    int held = 0;
    purge_all(&held);
    uint32_t waiting = f.s->nwaiting;
    pool_set_budget(&f.s->slab.pool, pool_in_use(&f.s->slab.pool));
    assert_true(puts_until_refused("new") >= (int)waiting * (TAILS - 1) / 2);
    assert_int_equal(reclaim_purge(f.sx), DRAIN_NONE); /* it goes no further */
    reclaim_purge_end(f.sx);
    pool_set_budget(&f.s->slab.pool, f.s->slab.pool.pages);
    reclaim_purge(f.sx);
    assert_int_equal(f.s->purge_holding, PURGE_HOLDS); /* the next one does */
    reclaim_purge_end(f.sx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_past_what_is_held, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_who_is_short_gets_what_is_held, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
