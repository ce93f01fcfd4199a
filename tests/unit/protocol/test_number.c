/* Numbers: strict reading, exact writing, at every edge; floating point as redis-server 7.0.15 answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "protocol/number.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Parses from a block of exactly the text's size, so that a sanitizer sees an overread. */
static bool parse_i64(const char *s, size_t n, int64_t *v)
{
    char *p = malloc(n ? n : 1);
    memcpy(p, s, n);
    bool ok = number_parse_i64(p, n, v);
    free(p);
    return ok;
}

static void integers_are_read_strictly(void **state)
{
    static const struct {
        const char *text;
        int64_t v;
    } good[] = {
        {"0", 0},
        {"7", 7},
        {"-1", -1},
        {"10", 10},
        {"1234567", 1234567},
        {"-9223372036854775808", INT64_MIN},
        {"9223372036854775807", INT64_MAX},
        {"9223372036854775799", INT64_MAX - 8},
        {"999999999999999999", 999999999999999999},
    };
    static const char *const bad[] = {
        "",
        "-",
        "+1",
        " 1",
        "1 ",
        "01",
        "-0",
        "-01",
        "00",
        "1a",
        "a",
        "0x1",
        "1.0",
        "--1",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999",
        "100000000000000000000",
        "1\n",
        "/",
        ":",
        "1/",
        "1:",
    };
    int64_t v;
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_true(parse_i64(good[i].text, strlen(good[i].text), &v));
        assert_true(v == good[i].v);
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(parse_i64(bad[i], strlen(bad[i]), &v));
    assert_false(parse_i64("1\0", 2, &v));
}

static void unsigned_integers_are_read_strictly(void **state)
{
    uint64_t v;
    (void)state;
    assert_true(number_parse_u64("18446744073709551615", 20, &v));
    assert_true(v == UINT64_MAX);
    assert_true(number_parse_u64("0", 1, &v));
    assert_true(v == 0);
    assert_false(number_parse_u64("18446744073709551616", 20, &v));
    assert_false(number_parse_u64("28446744073709551615", 20, &v));
    assert_false(number_parse_u64("1844674407370955161a", 20, &v));
    assert_false(number_parse_u64("-1", 2, &v));
    assert_false(number_parse_u64("", 0, &v));
}

static void check_integer(int64_t v)
{
    char want[32], got[NUMBER_INT_MAX_CHARS];
    int64_t back;
    uint64_t uback, u = (uint64_t)v;
    size_t n = number_write_i64(got, v);
    assert_int_equal(n, snprintf(want, sizeof want, "%" PRId64, v));
    assert_memory_equal(got, want, n);
    assert_true(parse_i64(got, n, &back));
    assert_true(back == v);
    n = number_write_u64(got, u);
    assert_int_equal(n, snprintf(want, sizeof want, "%" PRIu64, u));
    assert_memory_equal(got, want, n);
    assert_true(number_parse_u64(got, n, &uback));
    assert_true(uback == u);
}

static void integers_survive_a_round_trip(void **state)
{
    uint64_t seed = 88172645463325252u;
    (void)state;
    check_integer(INT64_MIN);
    check_integer(INT64_MAX);
    for (int64_t v = -2000; v <= 2000; v++)
        check_integer(v);
    for (int64_t p = 1; p <= INT64_MAX / 10; p *= 10) {
        for (int64_t d = -1; d <= 1; d++) {
            check_integer(p * 10 + d);
            check_integer(-p * 10 + d);
        }
    }
    for (int i = 0; i < 100000; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        check_integer((int64_t)(seed >> (seed & 63)));
    }
}

static void long_doubles_are_read_and_written_as_incrbyfloat_does(void **state)
{
    static const struct {
        const char *text, *written;
    } good[] = {
        {"1", "1"},        {"+1", "1"},
        {"0x10", "16"},    {"1e5", "100000"},
        {"-0", "0"},       {"0.1", "0.1"},
        {"3.0", "3"},      {".5", "0.5"},
        {"5.", "5"},       {"1.5e-10", "0.00000000015"},
        {"1e-18", "0"},    {"0x1p3", "8"},
        {"-.5e1", "-5"},   {"1e17", "100000000000000000"},
        {"5e-324", "0"},   {"inf", "inf"},
        {"-inf", "-inf"},  {"infinity", "inf"},
        {"10.50", "10.5"}, {"-1e-30", "0"},
    };
    static const char *const bad[] = {"",       " 1",      "1 ",      "nan", "-",  "1_0",
                                      "1e5000", "-1e5000", "1e-5000", "\t1", "1x", "0x"};
    static char text[NUMBER_DOUBLE_MAX_CHARS];
    long double v;
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_true(number_parse_ld(good[i].text, strlen(good[i].text), &v));
        size_t n = number_write_ld(text, v);
        assert_int_equal(n, strlen(good[i].written));
        assert_memory_equal(text, good[i].written, n);
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(number_parse_ld(bad[i], strlen(bad[i]), &v));
    assert_false(number_parse_ld("1\0", 2, &v));
    size_t n = number_write_ld(text, -LDBL_MAX);
    assert_true(n > 4900 && n < NUMBER_DOUBLE_MAX_CHARS);
    memset(text, '1', sizeof text);
    assert_false(number_parse_ld(text, sizeof text, &v));
}

static void doubles_are_written_with_17_digits(void **state)
{
    static const struct {
        double v;
        const char *text;
    } cases[] = {
        {0.1, "0.10000000000000001"},
        {3.141, "3.141"},
        {1e17, "1e+17"},
        {1e-7, "9.9999999999999995e-08"},
        {100, "100"},
        {1e16, "10000000000000000"},
        {-2.5, "-2.5"},
        {INFINITY, "inf"},
        {-INFINITY, "-inf"},
        {NAN, "nan"},
        {-NAN, "nan"},
        {0, "0"},
        {DBL_TRUE_MIN, "4.9406564584124654e-324"},
        {-DBL_MAX, "-1.7976931348623157e+308"},
    };
    char text[NUMBER_SHORT_DOUBLE_MAX_CHARS];
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t n = number_write_double(text, cases[i].v);
        assert_int_equal(n, strlen(cases[i].text));
        assert_memory_equal(text, cases[i].text, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_read_strictly),
        cmocka_unit_test(unsigned_integers_are_read_strictly),
        cmocka_unit_test(integers_survive_a_round_trip),
        cmocka_unit_test(long_doubles_are_read_and_written_as_incrbyfloat_does),
        cmocka_unit_test(doubles_are_written_with_17_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
