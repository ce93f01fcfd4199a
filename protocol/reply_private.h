/* Blocks of a reply: what reply_block.c (memory, sending) offers to reply.c (encoding). */
#ifndef FLAGSTONE_PROTOCOL_REPLY_PRIVATE_H
#define FLAGSTONE_PROTOCOL_REPLY_PRIVATE_H

#include "protocol/reply.h"

/* Makes the window hold n (<= REPLY_ROOM_MAX) more bytes. False: memory is short and the reply has failed. */
bool reply_grow(struct reply *r, size_t n);

/* True where n more bytes fit, after growing if need be; false where what is appended must be dropped. */
static inline bool reply_fits(struct reply *r, size_t n)
{
    if (__builtin_expect(r->muted, 0))
        return false;
    if (__builtin_expect((size_t)(r->end - r->at) >= n, 1))
        return true;
    return reply_grow(r, n);
}

/* Fills in the text of a deferred head. */
void reply_fill_head(struct reply *r, reply_mark m, const char *text, size_t n);

#endif
