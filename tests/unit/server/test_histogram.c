/* The histogram: buckets, percentiles, the steps of LATENCY HISTOGRAM, sums and differences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/histogram.h"

static void an_empty_one_has_nothing(void **state)
{
    (void)state;
    struct histogram *h = histogram_new();
    assert_int_equal(histogram_count(h), 0);
    assert_int_equal(histogram_percentile(h, 50), 0);
    assert_int_equal(histogram_steps(h, NULL, NULL), 0);
    histogram_free(h);
    histogram_free(NULL);
}

/* A single value is told back as the end of its bucket: never less, at most 1/128 more. */
static void a_value_stays_within_its_bucket(void **state)
{
    (void)state;
    for (uint64_t v = 0; v <= HISTOGRAM_MAX_NS; v = v < 300 ? v + 1 : v + v / 97) {
        struct histogram h;
        memset(&h, 0, sizeof h);
        histogram_record(&h, v, 1);
        uint64_t told = histogram_percentile(&h, 100);
        assert_true(told >= v);
        assert_true(told - v <= v / 128);
        assert_int_equal(histogram_count(&h), 1);
        histogram_clear(&h);
    }
}

static void what_is_longer_than_a_second_counts_as_one(void **state)
{
    (void)state;
    struct histogram h;
    memset(&h, 0, sizeof h);
    histogram_record(&h, UINT64_MAX, 2);
    histogram_record(&h, HISTOGRAM_MAX_NS, 1);
    assert_int_equal(histogram_count(&h), 3);
    assert_int_equal(histogram_percentile(&h, 1), histogram_percentile(&h, 100));
    assert_true(histogram_percentile(&h, 100) >= HISTOGRAM_MAX_NS);
    histogram_clear(&h);
}

static void percentiles_go_by_rank(void **state)
{
    (void)state;
    struct histogram h;
    memset(&h, 0, sizeof h);
    for (uint64_t v = 1; v <= 100; v++)
        histogram_record(&h, v, 1);
    assert_int_equal(histogram_percentile(&h, 0), 1);
    assert_int_equal(histogram_percentile(&h, 50), 50);
    assert_int_equal(histogram_percentile(&h, 99), 99);
    assert_int_equal(histogram_percentile(&h, 100), 100);
    assert_int_equal(histogram_percentile(&h, -5), 1);
    assert_int_equal(histogram_percentile(&h, 200), 100);
    histogram_clear(&h);
}

/* The values that redis-server 7.0 shows for the same durations. */
static void buckets_end_where_redis_has_them(void **state)
{
    (void)state;
    static const struct {
        uint64_t ns, told;
    } cases[] = {{88000, 88063}, {27000, 27007}, {1000, 1003}, {8000, 8031}, {20000, 20095}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct histogram h;
        memset(&h, 0, sizeof h);
        histogram_record(&h, cases[i].ns, 1);
        assert_int_equal(histogram_percentile(&h, 50), cases[i].told);
        histogram_clear(&h);
    }
}

struct steps {
    unsigned n;
    uint64_t usec[32], cumulative[32];
};

static void note_step(void *arg, uint64_t up_to_ns, uint64_t cumulative)
{
    struct steps *s = arg;
    assert_true(s->n < 32);
    s->usec[s->n] = up_to_ns / 1000;
    s->cumulative[s->n++] = cumulative;
}

static void steps_are_powers_of_two_that_gained(void **state)
{
    (void)state;
    struct steps s = {0};
    struct histogram h;
    memset(&h, 0, sizeof h);
    histogram_record(&h, 10, 1);
    histogram_record(&h, 900, 2);
    histogram_record(&h, 3000, 4);
    histogram_record(&h, 20000, 8);
    histogram_record(&h, 20000000, 16);
    assert_int_equal(histogram_steps(&h, note_step, &s), 4);
    static const uint64_t usec[] = {1, 4, 33, 33816};
    static const uint64_t cumulative[] = {3, 7, 15, 31};
    assert_memory_equal(s.usec, usec, sizeof usec);
    assert_memory_equal(s.cumulative, cumulative, sizeof cumulative);
    histogram_clear(&h);
}

static void sums_and_differences(void **state)
{
    (void)state;
    struct histogram a, b, sum;
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    memset(&sum, 0, sizeof sum);
    histogram_record(&a, 100, 3);
    histogram_record(&b, 100, 4);
    histogram_record(&b, 1000000, 5);
    assert_true(histogram_add(&sum, &a));
    assert_true(histogram_add(&sum, &b));
    assert_int_equal(histogram_count(&sum), 12);
    histogram_subtract(&sum, &a);
    assert_int_equal(histogram_count(&sum), 9);
    histogram_subtract(&a, &b); /* never below zero */
    assert_int_equal(histogram_count(&a), 0);
    histogram_clear(&a);
    histogram_clear(&b);
    histogram_clear(&sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_one_has_nothing),
        cmocka_unit_test(a_value_stays_within_its_bucket),
        cmocka_unit_test(what_is_longer_than_a_second_counts_as_one),
        cmocka_unit_test(percentiles_go_by_rank),
        cmocka_unit_test(buckets_end_where_redis_has_them),
        cmocka_unit_test(steps_are_powers_of_two_that_gained),
        cmocka_unit_test(sums_and_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
