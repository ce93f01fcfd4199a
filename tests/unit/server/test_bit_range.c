/* Counting and finding bits, against doing it bit by bit. The value lies in pieces of a length of the test's own: the
 * readers that bit_range.c calls are defined here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/bit_range.h"

enum { VALUE_BYTES = 97 };

static struct value {
    char bytes[VALUE_BYTES];
    size_t piece; /* bytes in one run */
} value;

size_t store_value_len(const struct entry *e)
{
    (void)e;
    return VALUE_BYTES;
}

const char *store_value_piece(struct store_ctx *sx, const struct entry *e, size_t at, size_t *len)
{
    (void)sx, (void)e;
    assert_true(at < VALUE_BYTES);
    size_t run = value.piece - at % value.piece;
    *len = run < VALUE_BYTES - at ? run : VALUE_BYTES - at;
    return value.bytes + at;
}

static int bit_at(int64_t i)
{
    return (unsigned char)value.bytes[i / 8] >> (7 - i % 8) & 1;
}

/* Bytes that are mostly all ones or all zeros, so that whole words are skipped. */
static void fill(unsigned seed)
{
    srand(seed);
    memset(value.bytes, seed % 2 ? 0xff : 0, VALUE_BYTES);
    for (unsigned n = seed % 5; n > 0; n--)
        value.bytes[rand() % VALUE_BYTES] = (char)rand();
}

static void check_range(int64_t first, int64_t last)
{
    int64_t count = 0, found[2] = {-1, -1};
    for (int64_t i = last; i >= first; i--) {
        count += bit_at(i);
        found[bit_at(i)] = i;
    }
    assert_int_equal(bit_range_count(NULL, NULL, first, last), count);
    assert_int_equal(bit_range_find(NULL, NULL, first, last, 0), found[0]);
    assert_int_equal(bit_range_find(NULL, NULL, first, last, 1), found[1]);
}

static void test_random_ranges(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 3000; seed++) {
        value.piece = 1 + seed % 40;
        fill(seed);
        int64_t first = rand() % (VALUE_BYTES * 8), last = first + rand() % (VALUE_BYTES * 8 - first);
        check_range(first, last);
        check_range(first, first);
        check_range(0, VALUE_BYTES * 8 - 1);
    }
}

static void test_every_edge_of_two_bytes(void **state)
{
    (void)state;
    value.piece = 1;
    for (unsigned bits = 0; bits < 0x10000; bits += 0x7b) {
        value.bytes[0] = (char)(bits >> 8);
        value.bytes[1] = (char)bits;
        for (int first = 0; first < 16; first++)
            for (int last = first; last < 16; last++)
                check_range(first, last);
    }
}

static void test_byte_beyond_the_end_is_zero(void **state)
{
    (void)state;
    value.piece = VALUE_BYTES;
    memset(value.bytes, 0xa5, VALUE_BYTES);
    assert_int_equal(value_byte(NULL, NULL, VALUE_BYTES - 1), 0xa5);
    assert_int_equal(value_byte(NULL, NULL, VALUE_BYTES), 0);
    assert_int_equal(value_byte(NULL, NULL, SIZE_MAX), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_ranges),
        cmocka_unit_test(test_every_edge_of_two_bytes),
        cmocka_unit_test(test_byte_beyond_the_end_is_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
