/* The keyed hash: all that goes in matters, nothing beyond it is read, and its high bits, which the index uses, spread
 * keys that differ little. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/hash.h"

enum { LONGEST = 100 };

static struct hash_secret secret;

static int begin(void **state)
{
    (void)state;
    secret = hash_secret_of(1, 2);
    return 0;
}

/* The first n of the bytes 00, 01, 02 ... in memory of their own, so that a read beyond them is seen. */
static unsigned char *bytes(size_t n)
{
    unsigned char *p = malloc(n > 0 ? n : 1);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        p[i] = (unsigned char)i;
    return p;
}

static void test_all_matters(void **state)
{
    (void)state;
    uint64_t before = 0;
    for (size_t len = 0; len <= LONGEST; len++) {
        unsigned char *p = bytes(len);
        uint64_t hash = hash_bytes(&secret, p, len, 0);
        assert_true(hash != before);
        assert_true(hash == hash_bytes(&secret, p, len, 0));
        assert_true(hash != hash_bytes(&secret, p, len, 1));
        for (int i = 0; i < 4; i++) {
            struct hash_secret other = secret;
            other.word[i] ^= UINT64_C(1) << (len % 64);
            assert_true(hash != hash_bytes(&other, p, len, 0));
        }
        before = hash;
        free(p);
    }
}

/* Of a bit that changes, about half of the result's bits change with it. */
static void test_every_bit_spreads(void **state)
{
    (void)state;
    for (size_t len = 1; len <= 40; len++) {
        unsigned char *p = bytes(len);
        uint64_t hash = hash_bytes(&secret, p, len, 0);
        unsigned changed = 0;
        for (size_t bit = 0; bit < len * 8; bit++) {
            p[bit / 8] ^= (unsigned char)(1U << bit % 8);
            unsigned n = (unsigned)__builtin_popcountll(hash ^ hash_bytes(&secret, p, len, 0));
            assert_in_range(n, 10, 54);
            changed += n;
            p[bit / 8] ^= (unsigned char)(1U << bit % 8);
        }
        double mean = changed / (len * 8.0);
        assert_true(mean > 28 && mean < 36);
        free(p);
    }
}

/* Of 2^16 keys that count up, 8,192 shards get 8 each, give or take what chance does; and of the 29 bits that a shard
 * and a tag take, four pairs are expected to be equal. */
static void test_shards_are_even(void **state)
{
    (void)state;
    enum { KEYS = 1 << 16, SHARDS = 1 << 13 };
    static const char *const forms[] = {"%d", "key:%08d", "user:%d:session", "a-prefix-longer-than-a-block:%d"};
    uint8_t *seen = malloc(UINT32_C(1) << 29 >> 3);
    assert_non_null(seen);
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        uint32_t count[SHARDS] = {0}, most = 0, none = 0, equal = 0;
        memset(seen, 0, UINT32_C(1) << 29 >> 3);
        for (int i = 0; i < KEYS; i++) {
            char key[64];
            int len = snprintf(key, sizeof key, forms[f], i);
            uint64_t hash = hash_bytes(&secret, key, (size_t)len, 0), place = hash >> 35;
            count[hash >> 51]++;
            equal += seen[place >> 3] >> (place & 7) & 1;
            seen[place >> 3] |= (uint8_t)(1U << (place & 7));
        }
        for (int i = 0; i < SHARDS; i++) {
            most = count[i] > most ? count[i] : most;
            none += count[i] == 0;
        }
        assert_in_range(most, 16, 26);
        assert_in_range(none, 0, 12);
        assert_in_range(equal, 0, 16);
    }
    free(seen);
}

static void test_secret_of_a_seed(void **state)
{
    (void)state;
    struct hash_secret a = hash_secret_of(0, 0), b = hash_secret_of(0, 1), c = hash_secret_of(1, 0);
    for (int i = 0; i < 4; i++) {
        assert_true(a.word[i] != b.word[i] && a.word[i] != c.word[i] && b.word[i] != c.word[i]);
        for (int j = 0; j < i; j++)
            assert_true(a.word[i] != a.word[j]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_matters),
        cmocka_unit_test(test_every_bit_spreads),
        cmocka_unit_test(test_shards_are_even),
        cmocka_unit_test(test_secret_of_a_seed),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}
