/* Length lines of requests, "$100" and the like, as code to be inlined: the plain ones, which nearly all are. What is
 * not plain is for resp_parse.c. */
#ifndef FLAGSTONE_PROTOCOL_RESP_LINE_H
#define FLAGSTONE_PROTOCOL_RESP_LINE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "slab/base/assert.h"

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* Reads a number of one to seven digits that a CR ends: eight bytes at once. Returns its digits, 0 where it is not
 * that plain (or too near to the end to look). */
static inline size_t resp_short_number(const char *p, const char *end, size_t *v)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t w;
    if (UNLIKELY(end - p < 10)) /* eight to look at; with seven digits and CR, LF too */
        return 0;
    memcpy(&w, p, 8);
    uint64_t cr = w ^ (ones * '\r');
    cr = (cr - ones) & ~cr & highs; /* the lowest set bit is in the first byte that is CR */
    if (UNLIKELY((cr & ~(uint64_t)0xff) == 0 || (cr & 0xff) != 0))
        return 0;
    unsigned digits = (unsigned)__builtin_ctzll(cr) / 8;
    uint64_t d = (w ^ (ones * '0')) << (8 * (8 - digits)); /* the digits' values, zeros before them */
    if (UNLIKELY((((d + ones * 0x76) | d) & highs) != 0 || (digits > 1 && (w & 0xff) == '0')))
        return 0;
    d = (d * 10 + (d >> 8)) & 0x00ff00ff00ff00ffu;
    d = (d * 100 + (d >> 16)) & 0x0000ffff0000ffffu;
    *v = (size_t)((d * 10000 + (d >> 32)) & 0xffffffffu);
    return digits;
}
#else
static inline size_t resp_short_number(const char *p, const char *end, size_t *v)
{
    (void)p, (void)end, (void)v;
    return 0;
}
#endif

/* Reads the line of a type byte, a number of one to seven digits, CR and LF at p. Returns the position behind it; NULL
 * where it is not that plain. The first byte is not looked at. */
static inline const char *resp_short_line(const char *p, const char *end, size_t *v)
{
    if (UNLIKELY(end - p < 5))
        return NULL;
    unsigned first = (unsigned char)p[1] - '0', second = (unsigned char)p[2] - '0';
    if (p[2] == '\r' && first <= 9) {
        *v = first;
        return p + 4;
    }
    if (p[3] == '\r' && first - 1 <= 8 && second <= 9) {
        *v = first * 10 + second;
        return p + 5;
    }
    unsigned third = (unsigned char)p[3] - '0';
    if (end - p >= 6 && p[4] == '\r' && first - 1 <= 8 && second <= 9 && third <= 9) {
        *v = first * 100 + second * 10 + third;
        return p + 6;
    }
    size_t digits = resp_short_number(p + 1, end, v);
    return digits ? p + 1 + digits + 2 : NULL;
}

#endif
