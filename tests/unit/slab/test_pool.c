/* The page pool over a counted operating system: what is committed, what the budget allows, what goes back, and that a
 * refusal leaves everything as it was. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "slab/base/assert.h"
#include "slab/pool.h"
#include "tests/unit/slab/fake_os.h"

enum { MIB = 1 << 20 };

static struct pool pool;

static int set_up(void **state)
{
    (void)state;
    fake_begin();
    return pool_open(&pool, &fake_hooks, UINT64_C(64) * MIB) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    pool_close(&pool);
    return fake_end() ? 0 : -1;
}

static void assert_counts(uint32_t in_use, uint32_t free)
{
    assert_int_equal(pool_in_use(&pool), in_use);
    assert_int_equal(atomic_load(&pool.free), free);
    assert_int_equal(atomic_load(&pool.committed), in_use + free);
    assert_int_equal(fake.populated - fake.released, in_use + free);
}

static void test_opening_makes_do_with_less(void **state)
{
    (void)state;
    fake_begin();
    fake.reserve_limit = UINT64_C(300) * MIB;
    assert_true(pool_open(&pool, &fake_hooks, UINT64_C(1) << 40));
    assert_int_equal(pool.pages, UINT64_C(256) * MIB / PAGE_SIZE);
    assert_int_equal((uintptr_t)pool.base % (REGION_PAGES * PAGE_SIZE), 0);
    pool_close(&pool);
    assert_true(fake_end());

    fake_begin();
    fake.reserve_limit = UINT64_C(32) * MIB;
    assert_false(pool_open(&pool, &fake_hooks, UINT64_C(1) << 40));
    assert_true(fake_end());
}

/* Whichever reservation fails, the ones before it are given back. */
static void test_opening_leaves_nothing_behind(void **state)
{
    (void)state;
    for (uint32_t call = 1; call <= 3; call++) {
        fake_begin();
        fake.reserve_fails = call;
        assert_false(pool_open(&pool, &fake_hooks, UINT64_C(64) * MIB));
        assert_true(fake_end());
    }
}

static void test_lowest_page_first(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(pool_take(&pool), i);
    assert_counts(100, 0);
    pool_give(&pool, 70);
    pool_give(&pool, 7);
    pool_give(&pool, 64);
    assert_counts(97, 3);
    assert_int_equal(pool_take(&pool), 7);
    assert_int_equal(pool_take(&pool), 64);
    assert_int_equal(pool_take(&pool), 70);
    assert_int_equal(pool_take(&pool), 100);
    assert_counts(101, 0);
    assert_int_equal(fake.populated, 101);
}

static void test_pages_are_resident_and_zero_at_first(void **state)
{
    (void)state;
    uint32_t page = pool_take(&pool);
    char *p = pool.base + (size_t)page * PAGE_SIZE;
    for (size_t i = 0; i < PAGE_SIZE; i++)
        assert_int_equal(p[i], 0);
    memset(p, 1, PAGE_SIZE);
    pool_give(&pool, page);
    assert_int_equal(pool_trim(&pool, 0, 10), 1);
    /* a stale look at a page that was given back reads zeros */
    for (size_t i = 0; i < PAGE_SIZE; i += 512)
        assert_int_equal(p[i], 0);
    assert_int_equal(atomic_load(&pool.released), 1);
}

static void test_budget(void **state)
{
    (void)state;
    pool_set_budget(&pool, 10);
    for (uint32_t i = 0; i < 10; i++)
        assert_int_not_equal(pool_take(&pool), PAGE_NONE);
    assert_int_equal(pool_take(&pool), PAGE_NONE);
    assert_counts(10, 0);
    pool_give(&pool, 3);
    assert_int_equal(pool_take(&pool), 3);
    /* lowered: nothing is handed out until enough came back, free pages or not */
    pool_set_budget(&pool, 5);
    for (uint32_t i = 0; i < 5; i++) {
        pool_give(&pool, i);
        assert_int_equal(pool_take(&pool), PAGE_NONE);
    }
    assert_counts(5, 5);
    assert_int_equal(pool_trim(&pool, 5, 100), 5); /* committed goes under the budget, whatever is to be kept */
    assert_counts(5, 0);
    pool_give(&pool, 9);
    assert_int_equal(pool_take(&pool), 9);
    /* raised: usable at once */
    pool_set_budget(&pool, UINT64_MAX);
    assert_int_equal(atomic_load(&pool.budget), pool.pages);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(pool_take(&pool), i);
    assert_int_equal(pool_take(&pool), 10);
}

static void test_fill_and_trim(void **state)
{
    (void)state;
    assert_int_equal(pool_fill(&pool, 8), 8);
    assert_int_equal(pool_fill(&pool, 4), 8);
    assert_counts(0, 8);
    uint64_t populated = fake.populated;
    for (uint32_t i = 0; i < 8; i++)
        assert_int_equal(pool_take(&pool), i);
    assert_int_equal(fake.populated, populated); /* the reserve cost no call */
    pool_set_budget(&pool, 12);
    assert_int_equal(pool_fill(&pool, 100), 4);
    assert_counts(8, 4);
    assert_int_equal(pool_trim(&pool, 4, 100), 0);
    assert_int_equal(pool_trim(&pool, 1, 2), 2); /* bounded */
    assert_counts(8, 2);
    assert_int_equal(pool_trim(&pool, 1, 100), 1);
    assert_counts(8, 1);
    /* the highest went: the range stays dense at its beginning */
    assert_int_equal(pool_take(&pool), 8);
}

static void test_trim_takes_runs(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 200; i++)
        pool_take(&pool);
    for (uint32_t i = 0; i < 200; i++)
        if (i % 50 != 0)
            pool_give(&pool, i);
    assert_counts(4, 196);
    assert_int_equal(pool_trim(&pool, 0, UINT32_MAX), 196);
    assert_counts(4, 0);
    for (uint32_t i = 0; i < 200; i++)
        if (i % 50 != 0)
            assert_int_equal(pool_take(&pool), i);
    assert_counts(200, 0);
}

static void test_no_memory_to_populate(void **state)
{
    (void)state;
    assert_int_equal(pool_take(&pool), 0);
    fake.populate_left = 0;
    for (int i = 0; i < 100; i++)
        assert_int_equal(pool_take(&pool), PAGE_NONE);
    assert_counts(1, 0);
    assert_int_equal(pool_fill(&pool, 3), 0);
    assert_counts(1, 0);
    fake.populate_left = 2;
    assert_int_equal(pool_fill(&pool, 3), 2);
    fake.populate_left = -1;
    assert_int_equal(pool_take(&pool), 1);
    assert_int_equal(pool_take(&pool), 2);
    assert_int_equal(pool_take(&pool), 3); /* the page that failed is the lowest absent one */
    assert_counts(4, 0);
}

static void test_no_memory_to_protect(void **state)
{
    (void)state;
    fake.protect_left = 0;
    assert_int_equal(pool_take(&pool), PAGE_NONE);
    assert_counts(0, 0);
    fake.protect_left = 3; /* both maps and the first region */
    for (uint32_t i = 0; i < REGION_PAGES; i++)
        assert_int_equal(pool_take(&pool), i);
    assert_int_equal(pool_take(&pool), PAGE_NONE);
    assert_counts(REGION_PAGES, 0);
    fake.protect_left = -1;
    assert_int_equal(pool_take(&pool), REGION_PAGES);
}

static void test_the_range_ends(void **state)
{
    (void)state;
    uint32_t n = 0;
    while (pool_take(&pool) != PAGE_NONE)
        n++;
    assert_int_equal(n, pool.pages);
    assert_counts(n, 0);
    for (uint32_t i = 0; i < n; i++)
        pool_give(&pool, i);
    assert_int_equal(pool_trim(&pool, 0, UINT32_MAX), n);
    assert_counts(0, 0);
}

/* Random operations against three sets. */
static void test_against_a_model(void **state)
{
    (void)state;
    enum { PAGES = 300, ABSENT = 0, FREE, USED };
    uint8_t model[PAGES] = {0};
    uint32_t used = 0, free_pages = 0, high = 0, seed = 12345, budget = PAGES;
    for (int step = 0; step < 30000; step++) {
        seed = seed * 1664525 + 1013904223;
        uint32_t op = seed >> 28, at = (seed >> 8) % PAGES;
        if (op < 8 && used < PAGES - 1) {
            uint32_t want = PAGE_NONE, page;
            for (uint32_t i = 0; i < high && want == PAGE_NONE; i++)
                want = model[i] == FREE ? i : want;
            for (uint32_t i = 0; free_pages == 0 && i < high && want == PAGE_NONE; i++)
                want = model[i] == ABSENT ? i : want;
            want = want == PAGE_NONE ? high : want;
            page = pool_take(&pool);
            if (used >= budget) {
                assert_int_equal(page, PAGE_NONE);
                continue;
            }
            assert_int_equal(page, want);
            free_pages -= model[page] == FREE;
            model[page] = USED;
            high = page + 1 > high ? page + 1 : high;
            used++;
        } else if (op < 13 && model[at] == USED) {
            pool_give(&pool, at);
            model[at] = FREE;
            used--;
            free_pages++;
        } else if (op == 13) {
            uint32_t keep = at % 20, over = free_pages > keep ? free_pages - keep : 0;
            if (used + free_pages > budget && used + free_pages - budget > over)
                over = used + free_pages - budget < free_pages ? used + free_pages - budget : free_pages;
            assert_int_equal(pool_trim(&pool, keep, UINT32_MAX), over);
            for (uint32_t i = high; i-- > 0 && over > 0;)
                if (model[i] == FREE) {
                    model[i] = ABSENT;
                    free_pages--;
                    over--;
                }
        } else if (op == 14) {
            budget = 50 + at % 250;
            pool_set_budget(&pool, budget);
        }
        assert_counts(used, free_pages);
    }
}

enum { HELD_MOST = 100, KEEPER_TURNS = 1000 };

/* A thread that takes pages, writes into them, and finds that again before it gives them back. */
struct user {
    pthread_t thread;
    uint64_t seed;
    uint32_t page[HELD_MOST], n;
    _Atomic bool *over;
};

static _Atomic uint64_t *word_of(uint32_t page, size_t at)
{
    return (_Atomic uint64_t *)(void *)(pool.base + (size_t)page * PAGE_SIZE + at);
}

static void *use_pages(void *arg)
{
    struct user *u = arg;
    for (uint32_t turn = 0; !atomic_load(u->over); turn++) {
        u->seed = u->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint32_t r = (uint32_t)(u->seed >> 33), waning = turn / 512 % 2;
        if (u->n < HELD_MOST && r % 8 < (waning ? 3 : 6)) {
            uint32_t page = pool_take(&pool);
            if (page == PAGE_NONE)
                continue;
            atomic_store(word_of(page, 0), (uint64_t)(uintptr_t)u + page);
            atomic_store(word_of(page, PAGE_SIZE - 8), (uint64_t)(uintptr_t)u - page);
            u->page[u->n++] = page;
        } else if (u->n > 0) {
            uint32_t i = r / 8 % u->n, page = u->page[i];
            REQUIRE(atomic_load(word_of(page, 0)) == (uint64_t)(uintptr_t)u + page);
            REQUIRE(atomic_load(word_of(page, PAGE_SIZE - 8)) == (uint64_t)(uintptr_t)u - page);
            u->page[i] = u->page[--u->n];
            pool_give(&pool, page);
        }
    }
    return NULL;
}

static void give_pages_of(struct user *u)
{
    while (u->n > 0)
        pool_give(&pool, u->page[--u->n]);
}

/* Over the system itself: pages in use keep what is in them, whatever of the rest goes back. */
static void test_trimmed_while_in_use(void **state)
{
    (void)state;
    static struct user users[2];
    static _Atomic bool over;
    uint32_t held = 0;
    assert_true(pool_open(&pool, &slab_os_linux, UINT64_C(64) * MIB));
    pool_set_budget(&pool, 3 * HELD_MOST / 2);
    for (int i = 0; i < 2; i++) {
        users[i] = (struct user){.seed = (uint64_t)i + 1, .over = &over};
        assert_int_equal(pthread_create(&users[i].thread, NULL, use_pages, &users[i]), 0);
    }
    while (pool_in_use(&pool) < HELD_MOST)
        sched_yield();
    for (uint32_t turn = 0; turn < KEEPER_TURNS; turn++)
        pool_trim(&pool, turn % 8, 1 + turn % 64);
    atomic_store(&over, true);
    for (int i = 0; i < 2; i++) {
        pthread_join(users[i].thread, NULL);
        held += users[i].n;
    }
    assert_int_equal(pool_in_use(&pool), held);
    for (int i = 0; i < 2; i++)
        give_pages_of(&users[i]);
    assert_int_equal(pool_in_use(&pool), 0);
    pool_trim(&pool, 0, UINT32_MAX);
    assert_int_equal(atomic_load(&pool.committed), 0);
    pool_close(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opening_makes_do_with_less),
        cmocka_unit_test(test_opening_leaves_nothing_behind),
        cmocka_unit_test_setup_teardown(test_lowest_page_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pages_are_resident_and_zero_at_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_budget, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fill_and_trim, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_trim_takes_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_memory_to_populate, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_memory_to_protect, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_range_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_against_a_model, set_up, tear_down),
        cmocka_unit_test(test_trimmed_while_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
