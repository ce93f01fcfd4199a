/* Size classes: they tile a page, steps are small, every size finds the smallest class that holds it, and an index is
 * found by multiplication as by division. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "slab/pool.h"
#include "slab/size_class.h"
#include "slab/slab.h"

/* Every combination of the options' ranges that could matter. */
static const uint32_t minima[] = {24, 25, 32, 48, 64, 100, 500, 1000, 1024};
static const double factors[] = {1.01, 1.02, 1.03, 1.05, 1.08, 1.125, 1.25, 1.5, 1.99, 2.0};
enum { MINIMA = sizeof minima / sizeof *minima, FACTORS = sizeof factors / sizeof *factors };

/* The slack of an item is kept in 11 bits: no chunk may be larger than the largest of the class before by more. */
enum { SLACK_MAX = 2047 };

static void check_class(const struct size_class *c)
{
    assert_true(c->chunks > 0);
    assert_int_equal(c->size % 4, 0);
    assert_int_equal(c->first % 8, 0);
    assert_true(c->first >= c->chunks);
    assert_true(c->first + c->size * c->chunks <= PAGE_SIZE);
    /* no larger chunk of this number fits, unless it is the largest there is */
    assert_true(c->size >= CHUNK_MAX || c->first + (c->size + 4) * c->chunks > PAGE_SIZE);
}

static void test_classes_tile_the_page(void **state)
{
    (void)state;
    for (int m = 0; m < MINIMA; m++)
        for (int f = 0; f < FACTORS; f++) {
            struct size_classes s;
            size_classes_make(&s, minima[m], factors[f]);
            assert_true(s.n >= 2 && s.n <= CLASS_MAX);
            assert_true(s.c[0].size >= minima[m]);
            for (uint32_t k = 0; k < s.n; k++)
                check_class(&s.c[k]);
            assert_int_equal(s.c[s.n - 1].size, CHUNK_WHOLE);
            assert_int_equal(s.c[s.n - 1].chunks, 1);
            assert_int_equal(s.c[s.n - 2].size, CHUNK_MAX);
        }
}

static void test_sizes_rise_in_small_steps(void **state)
{
    (void)state;
    for (uint32_t least = 24; least <= 1024; least += 4)
        for (int percent = 101; percent <= 200; percent++) {
            struct size_classes s;
            size_classes_make(&s, least, percent / 100.0);
            for (uint32_t k = 1; k + 1 < s.n; k++) {
                assert_true(s.c[k].size > s.c[k - 1].size);
                assert_true(s.c[k].size - s.c[k - 1].size <= SLACK_MAX);
            }
            assert_int_equal(s.c[s.n - 2].size, CHUNK_MAX);
        }
}

/* What the design promises: at most 3 % lost inside a chunk on average, with the factor that is the default. */
static void test_little_is_lost_with_fine_steps(void **state)
{
    (void)state;
    struct size_classes s;
    size_classes_make(&s, 24, 1.03);
    uint64_t asked = 0, given = 0;
    for (uint32_t bytes = 24; bytes <= CHUNK_MAX; bytes++) {
        const struct size_class *c = &s.c[size_class_of(&s, bytes)];
        asked += bytes;
        given += c->size;
        /* the tail of the page belongs to its chunks */
        assert_true((PAGE_SIZE - c->size * c->chunks) * 100 <= PAGE_SIZE * 6);
    }
    assert_true((given - asked) * 100 <= given * 3);
}

static void test_the_smallest_class_that_holds_it(void **state)
{
    (void)state;
    for (int m = 0; m < MINIMA; m++)
        for (int f = 0; f < FACTORS; f++) {
            struct size_classes s;
            size_classes_make(&s, minima[m], factors[f]);
            for (uint32_t bytes = 0; bytes <= CHUNK_MAX + 4; bytes++) {
                uint32_t k = size_class_of(&s, bytes);
                assert_true(k < s.n);
                assert_true(s.c[k].size >= bytes);
                assert_true(k == 0 || s.c[k - 1].size < bytes);
            }
            assert_int_equal(size_class_of(&s, CHUNK_WHOLE), s.n - 1);
        }
}

static void test_index_by_multiplication(void **state)
{
    (void)state;
    for (int m = 0; m < MINIMA; m++)
        for (int f = 0; f < FACTORS; f += 3) {
            struct size_classes s;
            size_classes_make(&s, minima[m], factors[f]);
            for (uint32_t k = 0; k < s.n; k++)
                for (uint32_t i = 0; i < s.c[k].chunks; i++) {
                    uint64_t at = (UINT64_C(7) << PAGE_SHIFT) + s.c[k].first + (uint64_t)i * s.c[k].size;
                    assert_int_equal(slab_chunk_index(&s.c[k], at >> REF_SHIFT), i);
                    /* any place inside the chunk gives the same */
                    assert_int_equal(slab_chunk_index(&s.c[k], (at + s.c[k].size - 4) >> REF_SHIFT), i);
                }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes_tile_the_page),          cmocka_unit_test(test_sizes_rise_in_small_steps),
        cmocka_unit_test(test_little_is_lost_with_fine_steps), cmocka_unit_test(test_the_smallest_class_that_holds_it),
        cmocka_unit_test(test_index_by_multiplication),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
