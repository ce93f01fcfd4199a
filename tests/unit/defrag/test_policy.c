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
        {"all full", {{64, 1000, 10, 0, 0}, {512, 127, 9, 0, 0}}, WHY_NOTHING_TO_GAIN, 0},
        {"less than a page's worth", {{64, 1000, 10, 999, 0}}, WHY_NOTHING_TO_GAIN, 0},
        {"a page's worth, and no more", {{64, 1000, 10, 1000, 0}}, WHY_NOTHING_TO_GAIN, 0},
        {"a little more", {{64, 1000, 10, 1032, 0}}, WHY_COMPACT, 0},
        {"one page: nowhere to move to", {{64, 1000, 1, 990, 0}}, WHY_NOTHING_TO_GAIN, 0},
        {"the other page is draining", {{64, 1000, 2, 1500, 1}}, WHY_NOTHING_TO_GAIN, 0},
        {"two of three are active", {{64, 1000, 3, 1500, 1}}, WHY_COMPACT, 0},
        {"all are draining", {{64, 1000, 3, 0, 3}}, WHY_NOTHING_TO_GAIN, 0},
        {"the sparsest class",
         {{64, 1000, 10, 2000, 0}, {512, 127, 10, 800, 0}, {4088, 16, 10, 30, 0}},
         WHY_COMPACT,
         1},
        {"share counts, not number", {{64, 1000, 100, 9000, 0}, {4088, 16, 4, 40, 0}}, WHY_COMPACT, 1},
        {"draining pages are no pages", {{64, 1000, 10, 4000, 5}, {512, 100, 10, 500, 0}}, WHY_COMPACT, 0},
        {"whole pages never", {{65528, 1, 1000, 0, 0}}, WHY_NOTHING_TO_GAIN, 0},
        {"a first class without pages", {{0}, {64, 1000, 10, 5000, 0}}, WHY_COMPACT, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct decision d = policy_compact(cases[i].v, VIEWS);
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
        {{{64, 1000, 10, 900, 0}}, 0},
        {{{64, 1000, 10, 3000, 0}}, 2000 * 64},
        {{{64, 1000, 10, 3000, 0}, {512, 100, 5, 400, 0}}, 2000 * 64 + 300 * 512},
        {{{64, 1000, 1, 3000, 0}}, 0},
        {{{65528, 1, UINT64_C(1) << 30, 0, 0}}, 0},
        {{{4088, 16, UINT64_C(1) << 24, UINT64_C(1) << 27, 0}}, ((UINT64_C(1) << 27) - 16) * 4088},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(policy_scattered_bytes(cases[i].v, VIEWS), cases[i].bytes);
}

static void test_full_or_scattered(void **state)
{
    (void)state;
    static const struct {
        struct class_view v;
        uint32_t index;
    } cases[] = {
        {{0}, 0},
        {{64, 1000, 10, 0, 0}, 0},
        {{64, 1000, 10, 999, 0}, 0},
        {{64, 1000, 10, 1000, 0}, 100},
        {{64, 1000, 10, 5999, 0}, 500},
        {{64, 1000, 10, 10000, 0}, 1000},
        {{64, 1000, 2, 5000, 0}, 1000},
        {{64, 1000, 0, 1000, 0}, 0},
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
        cmocka_unit_test(test_scattered_bytes),
        cmocka_unit_test(test_full_or_scattered),
        cmocka_unit_test(test_effort),
        cmocka_unit_test(test_effort_rises),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
