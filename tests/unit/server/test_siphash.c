/* SipHash-1-3 against vectors computed from the paper's definition by a program of its own (which gives the paper's
 * vector for SipHash-2-4, too): every length of the last block, and the tweak. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/siphash.h"

/* The paper's key: bytes 00 to 0f. */
static const struct siphash_seed seed = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};

/* The first n of the bytes 00, 01, 02 ... in memory of their own, so that a read beyond them is seen. */
static unsigned char *bytes(size_t n)
{
    unsigned char *p = malloc(n > 0 ? n : 1);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        p[i] = (unsigned char)i;
    return p;
}

static void test_vectors(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        uint64_t hash;
    } cases[] = {
        {0, UINT64_C(0xabac0158050fc4dc)},   {1, UINT64_C(0xc9f49bf37d57ca93)},   {2, UINT64_C(0x82cb9b024dc7d44d)},
        {3, UINT64_C(0x8bf80ab8e7ddf7fb)},   {4, UINT64_C(0xcf75576088d38328)},   {5, UINT64_C(0xdef9d52f49533b67)},
        {6, UINT64_C(0xc50d2b50c59f22a7)},   {7, UINT64_C(0xd3927d989bb11140)},   {8, UINT64_C(0x369095118d299a8e)},
        {9, UINT64_C(0x25a48eb36c063de4)},   {10, UINT64_C(0x79de85ee92ff097f)},  {11, UINT64_C(0x70c118c1f94dc352)},
        {12, UINT64_C(0x78a384b157b4d9a2)},  {13, UINT64_C(0x306f760c1229ffa7)},  {14, UINT64_C(0x605aa111c0f95d34)},
        {15, UINT64_C(0xd320d86d2a519956)},  {16, UINT64_C(0xcc4fdd1a7d908b66)},  {17, UINT64_C(0x9cf2689063dbd80c)},
        {18, UINT64_C(0x8ffc389cb473e63e)},  {19, UINT64_C(0xf21f9de58d297d1c)},  {20, UINT64_C(0xc0dc2f46a6cce040)},
        {21, UINT64_C(0xb992abfe2b45f844)},  {22, UINT64_C(0x7ffe7b9ba320872e)},  {23, UINT64_C(0x525a0e7fdae6c123)},
        {24, UINT64_C(0xf464aeb267349c8c)},  {25, UINT64_C(0x45cd5928705b0979)},  {26, UINT64_C(0x3a3e35e3ca9913a5)},
        {27, UINT64_C(0xa91dc74e4ade3b35)},  {28, UINT64_C(0xfb0bed02ef6cd00d)},  {29, UINT64_C(0x88d93cb44ab1e1f4)},
        {30, UINT64_C(0x540f11d643c5e663)},  {31, UINT64_C(0x2370dd1f8c21d1bc)},  {32, UINT64_C(0x81157b6c16a7b60d)},
        {33, UINT64_C(0x4d54b9e57a8ff9bf)},  {63, UINT64_C(0x9d199062b7bbb3a8)},  {64, UINT64_C(0xf17997ec4b4a6065)},
        {255, UINT64_C(0xf76214e3153c4a15)}, {256, UINT64_C(0x75b3e64e167de370)}, {257, UINT64_C(0x5d8ffca6213c73b8)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned char *p = bytes(cases[i].len);
        assert_true(siphash13(&seed, p, cases[i].len, 0) == cases[i].hash);
        free(p);
    }
}

static void test_tweak(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        uint64_t tweak, hash;
    } cases[] = {
        {0, 1, UINT64_C(0xbf78bde537a83d9b)},     {5, 1, UINT64_C(0x449cd23743e23e15)},
        {16, 1, UINT64_C(0x650c1263362be9c9)},    {0, 2, UINT64_C(0x71dd52c391915b31)},
        {5, 2, UINT64_C(0xa56de9a2223d0287)},     {16, 2, UINT64_C(0x1f2284390c478983)},
        {0, 1063, UINT64_C(0x5dc9674c9a117d89)},  {5, 1063, UINT64_C(0x2b81acb81f04be6d)},
        {16, 1063, UINT64_C(0xbbed00477733ce00)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned char *p = bytes(cases[i].len);
        assert_true(siphash13(&seed, p, cases[i].len, cases[i].tweak) == cases[i].hash);
        free(p);
    }
}

/* Where the bytes lie does not matter. */
static void test_alignment(void **state)
{
    (void)state;
    unsigned char room[64];
    for (size_t len = 0; len < 40; len++) {
        uint64_t first = 0;
        for (size_t at = 0; at < 8; at++) {
            for (size_t i = 0; i < len; i++)
                room[at + i] = (unsigned char)(i * 7);
            uint64_t hash = siphash13(&seed, room + at, len, 3);
            assert_true(at == 0 || hash == first);
            first = hash;
        }
    }
}

static void test_the_seed_matters(void **state)
{
    (void)state;
    struct siphash_seed other[2] = {seed, seed};
    other[0].k0 ^= 1;
    other[1].k1 ^= UINT64_C(1) << 63;
    for (size_t len = 0; len < 20; len++) {
        unsigned char *p = bytes(len);
        uint64_t hash = siphash13(&seed, p, len, 0);
        assert_true(siphash13(&other[0], p, len, 0) != hash);
        assert_true(siphash13(&other[1], p, len, 0) != hash);
        assert_true(siphash13(&seed, p, len, 1) != hash);
        free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_tweak),
        cmocka_unit_test(test_alignment),
        cmocka_unit_test(test_the_seed_matters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
