/* The reply of a value, as code to be inlined. */
#ifndef FLAGSTONE_PROTOCOL_REPLY_INLINE_H
#define FLAGSTONE_PROTOCOL_REPLY_INLINE_H

#include "protocol/number.h"
#include "protocol/reply.h"
#include "slab/base/assert.h"

/* Writes `type`, the number and CR LF, returns the position behind. */
static inline char *reply_write_head(char *to, char type, uint64_t n)
{
    *to++ = type;
    if (LIKELY(n < 10)) {
        *to++ = (char)('0' + n);
    } else if (n < 100) {
        *to++ = (char)('0' + n / 10);
        *to++ = (char)('0' + n % 10);
    } else if (n < 1000) {
        *to++ = (char)('0' + n / 100);
        *to++ = (char)('0' + n / 10 % 10);
        *to++ = (char)('0' + n % 10);
    } else {
        to += number_write_u64(to, n);
    }
    memcpy(to, "\r\n", 2);
    return to + 2;
}

/* Appends a bulk string, if it fits the window of a reply that is not muted; false: nothing has happened. */
static inline bool reply_bulk_fits(struct reply *r, const void *p, size_t n)
{
    /* The sum cannot overflow: no object in memory is that long. */
    if (UNLIKELY((size_t)(r->end - r->at) < n + REPLY_HEAD_MAX + 2 || r->muted))
        return false;
    char *to = reply_write_head(r->at, '$', n);
    if (n > 0)
        memcpy(to, p, n);
    memcpy(to + n, "\r\n", 2);
    r->at = to + n + 2;
    return true;
}

#endif
