/* GET and SET in their plainest form, recognised by comparing words: what fills pipelines.
 *
 *   *2 CRLF $3 CRLF GET CRLF $<length> CRLF key CRLF
 *   *3 CRLF $3 CRLF SET CRLF $<length> CRLF key CRLF $<length> CRLF value CRLF */
#ifndef FLAGSTONE_PROTOCOL_RESP_QUICK_H
#define FLAGSTONE_PROTOCOL_RESP_QUICK_H

#include <stdbool.h>

#include "protocol/request.h"
#include "protocol/resp_line.h"

enum { RESP_QUICK_KEY = 255, RESP_QUICK_HEAD = 13 };

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define RESP_WORD(a, b, c, d) ((uint64_t)(a) | (uint64_t)(b) << 8 | (uint64_t)(c) << 16 | (uint64_t)(d) << 24)
#define RESP_TWO_WORDS(a, b, c, d, e, f, g, h) (RESP_WORD(a, b, c, d) | RESP_WORD(e, f, g, h) << 32)

/* The bulk string at p, of at most `max` bytes, if it is plain and wholly there. Returns what is behind it, or NULL.
 * The line of its length is compared as one word, two digits first: they are the commonest for keys. */
static inline const char *resp_quick_bulk(const char *p, const char *end, size_t max, const char **at, size_t *len)
{
    const uint64_t one = RESP_TWO_WORDS('$', 0, '\r', '\n', 0, 0, 0, 0);
    const uint64_t two = RESP_TWO_WORDS('$', 0, 0, '\r', '\n', 0, 0, 0);
    const uint64_t three = RESP_TWO_WORDS('$', 0, 0, 0, '\r', '\n', 0, 0);
    uint64_t w;
    size_t n;
    if (UNLIKELY(end - p < 8))
        return NULL;
    memcpy(&w, p, 8);
    unsigned first = (unsigned)(w >> 8 & 0xff) - '0', second = (unsigned)(w >> 16 & 0xff) - '0';
    if (LIKELY((w & RESP_TWO_WORDS(0xff, 0, 0, 0xff, 0xff, 0, 0, 0)) == two && first - 1 <= 8 && second <= 9)) {
        n = first * 10 + second;
        p += 5;
    } else if ((w & RESP_TWO_WORDS(0xff, 0, 0, 0, 0xff, 0xff, 0, 0)) == three && first - 1 <= 8 && second <= 9 &&
               (unsigned)(w >> 24 & 0xff) - '0' <= 9) {
        n = first * 100 + second * 10 + (unsigned)(w >> 24 & 0xff) - '0';
        p += 6;
    } else if ((w & RESP_TWO_WORDS(0xff, 0, 0xff, 0xff, 0, 0, 0, 0)) == one && first <= 9) {
        n = first;
        p += 4;
    } else if (*p != '$' || (p = resp_short_line(p, end, &n)) == NULL) {
        return NULL;
    }
    if (UNLIKELY(n > max || (size_t)(end - p) < n + 2))
        return NULL;
    *at = p;
    *len = n;
    return p + n + 2;
}

/* Parses a GET or a SET at p. Returns what is behind it, and fills argc (2 or 3) and v; NULL for anything else, even
 * for one that is not all there. `max`: bytes of a value. */
static inline const char *resp_quick(const char *p, const char *end, size_t max, struct arg v[3], uint32_t *argc)
{
    const uint64_t get = RESP_TWO_WORDS('*', '2', '\r', '\n', '$', '3', '\r', '\n');
    const uint64_t set = RESP_TWO_WORDS('*', '3', '\r', '\n', '$', '3', '\r', '\n');
    uint64_t head;
    uint32_t name;
    const char *at;
    size_t len;
    if (UNLIKELY(end - p < RESP_QUICK_HEAD + 5))
        return NULL;
    memcpy(&head, p, 8);
    memcpy(&name, p + 8, 4);
    name |= 0x202020; /* a letter's small form, and nothing else becomes one */
    bool is_get = head == get && name == RESP_WORD('g', 'e', 't', '\r');
    if (!is_get && (head != set || name != RESP_WORD('s', 'e', 't', '\r')))
        return NULL;
    v[0] = (struct arg){p + 8, 3, NULL};
    p = resp_quick_bulk(p + RESP_QUICK_HEAD, end, RESP_QUICK_KEY, &at, &len);
    if (UNLIKELY(p == NULL))
        return NULL;
    v[1] = (struct arg){at, len, NULL};
    *argc = 2;
    if (is_get)
        return p;
    p = resp_quick_bulk(p, end, max, &at, &len);
    if (p == NULL)
        return NULL;
    v[2] = (struct arg){at, len, NULL};
    *argc = 3;
    return p;
}
#undef RESP_WORD
#undef RESP_TWO_WORDS
#else
static inline const char *resp_quick(const char *p, const char *end, size_t max, struct arg v[3], uint32_t *argc)
{
    (void)p, (void)end, (void)max, (void)v, (void)argc;
    return NULL;
}
#endif

#endif
