/* A range of bits is a first byte, of which the low bits count, whole bytes, and a last byte, of which the high bits
 * count. The whole bytes are gone through eight at a time, piece after piece. */
#include "server/bit_range.h"

#include <string.h>

uint8_t value_byte(struct store_ctx *sx, const struct entry *e, size_t at)
{
    size_t n;
    return at < store_value_len(e) ? (uint8_t)*store_value_piece(sx, e, at, &n) : 0;
}

static inline uint64_t word_at(const char *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

/* Bits set in a word, by adding neighbours (Warren, "Hacker's Delight", 5-1): no instruction is taken for granted, and
 * compilers make vector code of it. */
static inline uint64_t bits_set(uint64_t w)
{
    w -= (w >> 1) & 0x5555555555555555u;
    w = (w & 0x3333333333333333u) + ((w >> 2) & 0x3333333333333333u);
    w = (w + (w >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (w * 0x0101010101010101u) >> 56;
}

static uint64_t count_bytes(const char *p, size_t n)
{
    uint64_t sum = 0;
    for (; n >= 8; p += 8, n -= 8)
        sum += bits_set(word_at(p));
    for (; n > 0; p++, n--)
        sum += bits_set((uint8_t)*p);
    return sum;
}

/* Which bits of the byte at `at` are in the range first .. last. */
static uint8_t mask_of(size_t at, int64_t first, int64_t last)
{
    unsigned mask = 0xff;
    if (at == (size_t)(first >> 3))
        mask &= 0xffu >> (first & 7);
    if (at == (size_t)(last >> 3))
        mask &= 0xffu << (7 - (last & 7));
    return (uint8_t)mask;
}

int64_t bit_range_count(struct store_ctx *sx, const struct entry *e, int64_t first, int64_t last)
{
    size_t a = (size_t)(first >> 3), b = (size_t)(last >> 3), n;
    int64_t sum = (int64_t)bits_set(value_byte(sx, e, a) & mask_of(a, first, last));
    for (size_t at = a + 1; at < b; at += n) {
        const char *p = store_value_piece(sx, e, at, &n);
        n = n < b - at ? n : b - at;
        sum += (int64_t)count_bytes(p, n);
    }
    if (b > a)
        sum += (int64_t)bits_set(value_byte(sx, e, b) & mask_of(b, first, last));
    return sum;
}

/* How many bytes at p are `none`. */
static size_t skip_bytes(const char *p, size_t n, uint8_t none)
{
    uint64_t word = none ? UINT64_MAX : 0;
    size_t i = 0;
    while (i + 8 <= n && word_at(p + i) == word)
        i += 8;
    while (i < n && (uint8_t)p[i] == none)
        i++;
    return i;
}

int64_t bit_range_find(struct store_ctx *sx, const struct entry *e, int64_t first, int64_t last, int bit)
{
    size_t a = (size_t)(first >> 3), b = (size_t)(last >> 3), at = a;
    uint8_t none = bit ? 0x00 : 0xff; /* a byte that has no such bit */
    while (at <= b) {
        unsigned hits = (value_byte(sx, e, at) ^ none) & mask_of(at, first, last);
        if (hits)
            return (int64_t)at * 8 + __builtin_clz(hits) - 24;
        at++;
        while (at < b) {
            size_t n;
            const char *p = store_value_piece(sx, e, at, &n);
            n = n < b - at ? n : b - at;
            size_t skipped = skip_bytes(p, n, none);
            at += skipped;
            if (skipped < n)
                break;
        }
    }
    return -1;
}
