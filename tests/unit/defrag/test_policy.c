/* The policy is a pure function: tables of cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "defrag/policy.h"

enum { VIEWS = 3 };

static void test_which_class_gives_a_page(void **state)
{
    (void)state;
    /* {chunk size, chunks a page, pages, free chunks, pages draining} */
    static const struct {
        const char *what;
        struct class_view v[VIEWS];
        enum policy_why why;
        uint32_t class;
    } cases[] = {
        {"nothing there", {{0}}, WHY_NOTHING_TO_GAIN, 0},
        {"all full", {{64, 1000, 10, 0, 0, false, false}, {512, 127, 9, 0, 0, false, false}}, WHY_NOTHING_TO_GAIN, 0},
        {"less than a page's worth", {{64, 1000, 10, 999, 0, false, false}}, WHY_NOTHING_TO_GAIN, 0},
        {"a page's worth, and no more", {{64, 1000, 10, 1000, 0, false, false}}, WHY_NOTHING_TO_GAIN, 0},
        {"a little more", {{64, 1000, 10, 1032, 0, false, false}}, WHY_COMPACT, 0},
        {"one page: nowhere to move to", {{64, 1000, 1, 990, 0, false, false}}, WHY_NOTHING_TO_GAIN, 0},
        {"the other page is draining", {{64, 1000, 2, 1500, 1, false, false}}, WHY_NOTHING_TO_GAIN, 0},
        {"two of three are active", {{64, 1000, 3, 1500, 1, false, false}}, WHY_COMPACT, 0},
        {"all are draining", {{64, 1000, 3, 0, 3, false, false}}, WHY_NOTHING_TO_GAIN, 0},
        {"the sparsest class",
         {{64, 1000, 10, 2000, 0, false, false},
          {512, 127, 10, 800, 0, false, false},
          {4088, 16, 10, 30, 0, false, false}},
         WHY_COMPACT,
         1},
        {"share counts, not number",
         {{64, 1000, 100, 9000, 0, false, false}, {4088, 16, 4, 40, 0, false, false}},
         WHY_COMPACT,
         1},
        {"draining pages are no pages",
         {{64, 1000, 10, 4000, 5, false, false}, {512, 100, 10, 500, 0, false, false}},
         WHY_COMPACT,
         0},
        {"whole pages never", {{65528, 1, 1000, 0, 0, false, false}}, WHY_NOTHING_TO_GAIN, 0},
        {"a first class without pages", {{0}, {64, 1000, 10, 5000, 0, false, false}}, WHY_COMPACT, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct decision d = policy_compact(cases[i].v, VIEWS);
        if (d.why != cases[i].why || (d.why == WHY_COMPACT && d.class != cases[i].class))
            fail_msg("%s: %s, class %u", cases[i].what, policy_why_name(d.why), d.class);
    }
}

static void test_which_class_is_packed(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct class_view v[VIEWS];
        enum policy_why why;
        uint32_t class;
    } cases[] = {
        {"nothing there", {{0}}, WHY_NOTHING_TO_GAIN, 0},
        {"in use", {{64, 1000, 1, 990, 0, false, false}, {72, 900, 4, 100, 0, false, false}}, WHY_NOTHING_TO_GAIN, 0},
        {"ten items find room",
         {{64, 1000, 1, 990, 0, true, false}, {72, 900, 4, 100, 0, false, false}},
         WHY_COMPACT,
         0},
        {"eleven would not",
         {{64, 1000, 1, 989, 0, true, false}, {72, 900, 4, 10, 0, false, false}},
         WHY_NOTHING_TO_GAIN,
         0},
        {"room in two classes",
         {{64, 1000, 1, 989, 0, true, false}, {72, 900, 4, 10, 0, false, false}, {80, 800, 1, 1, 0, false, false}},
         WHY_COMPACT,
         0},
        {"chunks that are too large",
         {{64, 1000, 1, 990, 0, true, false}, {100, 600, 4, 100, 0, true, false}},
         WHY_NOTHING_TO_GAIN,
         0},
        {"more than half a page is needed",
         {{64, 1000, 1, 499, 0, true, false}, {72, 900, 4, 900, 0, false, false}},
         WHY_NOTHING_TO_GAIN,
         0},
        {"half a page of several",
         {{64, 1000, 7, 500, 0, true, false}, {72, 900, 4, 500, 0, false, false}},
         WHY_COMPACT,
         0},
        {"all of it fits its own class", {{64, 1000, 7, 1000, 0, true, false}, {0}}, WHY_COMPACT, 0},
        {"draining", {{64, 1000, 1, 990, 1, true, false}, {72, 900, 4, 900, 0, false, false}}, WHY_NOTHING_TO_GAIN, 0},
        {"the second",
         {{64, 1000, 1, 10, 0, true, false}, {72, 900, 1, 890, 0, true, false}, {80, 800, 2, 10, 0, true, false}},
         WHY_COMPACT,
         1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct decision d = policy_pack(cases[i].v, VIEWS);
        if (d.why != cases[i].why || (d.why == WHY_COMPACT && d.class != cases[i].class))
            fail_msg("%s: %s, class %u", cases[i].what, policy_why_name(d.why), d.class);
    }
}

static void test_scattered_bytes(void **state)
{
    (void)state;
    static const struct {
        struct class_view v[VIEWS];
        size_t bytes;
    } cases[] = {
        {{{0}}, 0},
        {{{64, 1000, 10, 900, 0, false, false}}, 0},
        {{{64, 1000, 10, 3000, 0, false, false}}, 2000 * 64},
        {{{64, 1000, 10, 3000, 0, false, false}, {512, 100, 5, 400, 0, false, false}}, 2000 * 64 + 300 * 512},
        {{{64, 1000, 1, 3000, 0, false, false}}, 0},
        {{{65528, 1, UINT64_C(1) << 30, 0, 0, false, false}}, 0},
        {{{4088, 16, UINT64_C(1) << 24, UINT64_C(1) << 27, 0, false, false}}, ((UINT64_C(1) << 27) - 16) * 4088},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(policy_scattered_bytes(cases[i].v, VIEWS), cases[i].bytes);
}

/* A class that gives a page of a full cache keeps as much as to live on for a while. */
static void test_a_full_cache_is_not_stirred(void **state)
{
    (void)state;
    struct class_view v = {.chunk_size = 200, .per_page = 320, .pages = 5, .free = 400};
    assert_int_equal(policy_compact(&v, 1).why, WHY_COMPACT);
    v.cache_full = true;
    assert_int_equal(policy_compact(&v, 1).why, WHY_NOTHING_TO_GAIN);
    assert_int_equal(policy_scattered_bytes(&v, 1), 0);
    v.free = 401;
    assert_int_equal(policy_compact(&v, 1).why, WHY_COMPACT);
}

static void test_full_or_scattered(void **state)
{
    (void)state;
    static const struct {
        struct class_view v;
        uint32_t index;
    } cases[] = {
        {{0}, 0},
        {{64, 1000, 10, 0, 0, false, false}, 0},
        {{64, 1000, 10, 999, 0, false, false}, 0},
        {{64, 1000, 10, 1000, 0, false, false}, 100},
        {{64, 1000, 10, 5999, 0, false, false}, 500},
        {{64, 1000, 10, 10000, 0, false, false}, 1000},
        {{64, 1000, 2, 5000, 0, false, false}, 1000},
        {{64, 1000, 0, 1000, 0, false, false}, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(policy_frag_index(&cases[i].v), cases[i].index);
}

static void test_effort(void **state)
{
    (void)state;
    enum { MB = 1 << 20 };
    static const struct {
        size_t scattered, used, ignore;
        uint32_t lower, upper, min, max, effort;
        enum policy_why why;
    } cases[] = {
        {0, 100 * MB, MB, 10, 100, 1, 25, 0, WHY_BELOW_IGNORE},
        {MB - 1, 100, MB, 10, 100, 1, 25, 0, WHY_BELOW_IGNORE},
        {9 * MB, 100 * MB, MB, 10, 100, 1, 25, 0, WHY_BELOW_THRESHOLD},
        {10 * MB, 100 * MB, MB, 10, 100, 1, 25, 10, WHY_COMPACT},
        {55 * MB, 100 * MB, MB, 10, 100, 1, 25, 130, WHY_COMPACT},
        {100 * MB, 100 * MB, MB, 10, 100, 1, 25, 250, WHY_COMPACT},
        {900 * (size_t)MB, 100 * MB, MB, 10, 100, 1, 25, 250, WHY_COMPACT},
        {10 * MB, 0, MB, 10, 100, 1, 25, 250, WHY_COMPACT},    /* nothing is used: all of it is waste */
        {10 * MB, 100 * MB, 0, 0, 0, 1, 25, 250, WHY_COMPACT}, /* thresholds that meet */
        {10 * MB, 100 * MB, 0, 5, 5, 20, 20, 200, WHY_COMPACT},
        {0, 100 * MB, 0, 0, 100, 5, 25, 50, WHY_COMPACT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum policy_why why;
        uint32_t effort = policy_effort(cases[i].scattered, cases[i].used, cases[i].ignore, cases[i].lower,
                                        cases[i].upper, cases[i].min, cases[i].max, &why);
        assert_int_equal(why, cases[i].why);
        assert_int_equal(effort, cases[i].effort);
    }
}

/* More scattered is never less effort. */
static void test_effort_rises(void **state)
{
    (void)state;
    uint32_t last = 0;
    for (size_t scattered = 0; scattered < 2000; scattered++) {
        enum policy_why why;
        uint32_t effort = policy_effort(scattered, 1000, 0, 10, 100, 1, 25, &why);
        assert_true(effort >= last && effort <= 250);
        last = effort;
    }
    assert_int_equal(last, 250);
}

static void test_guard(void **state)
{
    (void)state;
    static const struct {
        uint32_t share;
        uint64_t calls, late;
        uint32_t next;
    } cases[] = {
        {1000, 0, 0, 1000},         {1000, 1000000, 1000, 1000},
        {1000, 1000000, 1001, 500}, {1000, 10, 1, 1000},
        {1000, 10, 2, 500},         {500, 1000, 0, 550},
        {980, 1000, 0, 1000},       {15, 10, 10, 10},
        {10, 10, 10, 10},           {10, 0, 0, 60},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(policy_guard(cases[i].share, cases[i].calls, cases[i].late), cases[i].next);
}

/* A class as pages with a number of live chunks each: the sparsest is emptied into the fullest while the policy says
 * so. Whatever it begins with, it ends, and moves no more than twice what it wins. */
static void compact_pages(uint32_t *live, uint32_t pages, uint32_t per_page)
{
    uint64_t moved = 0, won = 0;
    for (uint32_t turn = 0;; turn++) {
        struct class_view v = {64, per_page, pages, 0, 0, false, false};
        uint32_t sparsest = 0;
        for (uint32_t i = 0; i < pages; i++) {
            v.free += per_page - live[i];
            if (live[i] < live[sparsest])
                sparsest = i;
        }
        if (policy_compact(&v, 1).why != WHY_COMPACT)
            break;
        assert_true(turn <= 200);
        uint32_t left = live[sparsest];
        moved += left;
        won += per_page;
        live[sparsest] = live[--pages];
        for (uint32_t i = 0; i < pages && left > 0; i++) {
            uint32_t room = per_page - live[i], n = left < room ? left : room;
            live[i] += n;
            left -= n;
        }
        assert_int_equal(left, 0);
    }
    assert_true(moved <= 2 * won);
}

static void test_moves_no_more_than_it_wins(void **state)
{
    (void)state;
    uint64_t random = 88172645463325252u;
    for (int run = 0; run < 5000; run++) {
        uint32_t live[200];
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        uint32_t pages = 1 + (uint32_t)(random % 200), per_page = 1 + (uint32_t)(random >> 20) % 2700;
        uint32_t fill = 1 + (uint32_t)(random >> 40) % 100;
        for (uint32_t i = 0; i < pages; i++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            live[i] = (uint32_t)(random % (per_page * fill / 100 + 1));
        }
        compact_pages(live, pages, per_page);
    }
}

static void test_what_a_full_class_keeps_at_hand(void **state)
{
    (void)state;
    struct class_view v[2] = {{.chunk_size = 200, .per_page = 320, .pages = 100, .free = 80},
                              {.chunk_size = 4080, .per_page = 16, .pages = 100, .free = 4}};
    assert_int_equal(policy_at_hand(&v[0]), 40); /* an eighth of a page */
    assert_int_equal(policy_at_hand(&v[1]), 2);
    assert_int_equal(policy_missing(v, 2), 0);
    v[0].free = 10;
    assert_int_equal(policy_missing(v, 2), 0); /* not urgent yet */
    v[0].free = 9;
    assert_int_equal(policy_missing(v, 2), 31);
    v[1].free = 1;
    assert_int_equal(policy_missing(v, 2), 32); /* all that are short, while one is urgent */
    struct class_view few = {.chunk_size = 200, .per_page = 320, .pages = 2, .free = 0};
    assert_int_equal(policy_at_hand(&few), 0);
    struct class_view whole = {.chunk_size = 65528, .per_page = 1, .pages = 1000, .free = 0}; /* the pool's pages */
    assert_int_equal(policy_at_hand(&whole), 0);
    assert_int_equal(policy_missing(&whole, 1), 0);
}

static void test_names(void **state)
{
    (void)state;
    for (int i = 0; i < WHY_COUNT; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(policy_why_name((enum policy_why)i), policy_why_name((enum policy_why)j));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which_class_gives_a_page),
        cmocka_unit_test(test_which_class_is_packed),
        cmocka_unit_test(test_scattered_bytes),
        cmocka_unit_test(test_a_full_cache_is_not_stirred),
        cmocka_unit_test(test_full_or_scattered),
        cmocka_unit_test(test_effort),
        cmocka_unit_test(test_effort_rises),
        cmocka_unit_test(test_guard),
        cmocka_unit_test(test_moves_no_more_than_it_wins),
        cmocka_unit_test(test_what_a_full_class_keeps_at_hand),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
