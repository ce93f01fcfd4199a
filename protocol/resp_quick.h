/* GET and SET in their plainest form, recognised by comparing words: what fills pipelines.
 *
 *   *2 CRLF $3 CRLF GET CRLF $<length> CRLF key CRLF
 *   *3 CRLF $3 CRLF SET CRLF $<length> CRLF key CRLF $<length> CRLF value CRLF */
#ifndef FLAGSTONE_PROTOCOL_RESP_QUICK_H
#define FLAGSTONE_PROTOCOL_RESP_QUICK_H

#include "protocol/request.h"
#include "protocol/resp_line.h"

enum { RESP_QUICK_KEY = 255, RESP_QUICK_HEAD = 13 };

/* The bulk string at p, of at most `max` bytes, if it is plain and wholly there. Returns what is behind it, or NULL. */
static inline const char *resp_quick_bulk(const char *p, const char *end, size_t max, struct arg *v)
{
    size_t n;
    if (UNLIKELY(p >= end || *p != '$'))
        return NULL;
    p = resp_short_line(p, end, &n);
    if (UNLIKELY(p == NULL || n > max || (size_t)(end - p) < n + 2))
        return NULL;
    *v = (struct arg){p, n, NULL};
    return p + n + 2;
}

/* Parses a GET or a SET at p. Returns what is behind it, and fills argc (2 or 3) and v; NULL for anything else, even
 * for one that is not all there. `max`: bytes of a value. */
static inline const char *resp_quick(const char *p, const char *end, size_t max, struct arg v[3], uint32_t *argc)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define RESP_WORD(a, b, c, d) ((uint64_t)(a) | (uint64_t)(b) << 8 | (uint64_t)(c) << 16 | (uint64_t)(d) << 24)
    const uint64_t get = RESP_WORD('*', '2', '\r', '\n') | RESP_WORD('$', '3', '\r', '\n') << 32;
    const uint64_t set = RESP_WORD('*', '3', '\r', '\n') | RESP_WORD('$', '3', '\r', '\n') << 32;
    uint64_t head;
    uint32_t name;
    if (UNLIKELY(end - p < RESP_QUICK_HEAD + 5))
        return NULL;
    memcpy(&head, p, 8);
    memcpy(&name, p + 8, 4);
    name |= 0x202020; /* a letter's small form, and nothing else becomes one */
    if (head == get && name == RESP_WORD('g', 'e', 't', '\r'))
        *argc = 2;
    else if (head == set && name == RESP_WORD('s', 'e', 't', '\r'))
        *argc = 3;
    else
        return NULL;
#undef RESP_WORD
    v[0] = (struct arg){p + 8, 3, NULL};
    p = resp_quick_bulk(p + RESP_QUICK_HEAD, end, RESP_QUICK_KEY, &v[1]);
    if (p == NULL || *argc == 2)
        return p;
    return resp_quick_bulk(p, end, max, &v[2]);
#else
    (void)p, (void)end, (void)max, (void)v, (void)argc;
    return NULL;
#endif
}

#endif
