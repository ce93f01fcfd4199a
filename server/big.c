/* See big.h: a private rope, and how much of it has arrived. Its segments are taken a few pages ahead of the bytes, so
 * that a value that is announced and never sent costs nothing. */
#include "server/big.h"

#include <stdlib.h>

#include "server/store_private.h"
#include "slab/base/assert.h"

enum { BIG_STEP = 4 * SEGMENT_WHOLE }; /* bytes taken ahead */

struct big {
    struct store *store;
    size_t len, arrived;
    uint32_t rope;
};

struct big *big_new(struct store_ctx *sx, size_t len)
{
    if (len > atomic_load_explicit(&sx->store->max_value, memory_order_relaxed) ||
        len / PAGE_SIZE >= atomic_load_explicit(&sx->store->slab.pool.budget, memory_order_relaxed))
        return NULL;
    struct big *b = malloc(sizeof *b);
    if (b == NULL)
        return NULL;
    *b = (struct big){.store = sx->store, .len = len, .rope = rope_new(sx)};
    if (b->rope == 0) {
        free(b);
        return NULL;
    }
    return b;
}

int big_iov(struct store_ctx *sx, struct big *b, struct iovec *iov, int max)
{
    struct rope *r = rope_get(&b->store->ropes, b->rope);
    if (b->arrived == b->len)
        return 0;
    if (r->len == b->arrived) {
        /* whole pages as long as there are any, then what remains in one step: the cut depends on the length */
        size_t whole_end = b->len / SEGMENT_WHOLE * SEGMENT_WHOLE;
        size_t upto = r->len + BIG_STEP < whole_end ? r->len + BIG_STEP : r->len < whole_end ? whole_end : b->len;
        if (!rope_grow(sx, b->rope, upto, false))
            return -1;
    }
    int n = 0;
    for (size_t at = b->arrived; at < r->len && n < max; n++) {
        size_t run;
        iov[n].iov_base = rope_piece(b->store, r, at, &run);
        iov[n].iov_len = run < r->len - at ? run : r->len - at;
        at += iov[n].iov_len;
    }
    return n;
}

void big_filled(struct big *b, size_t n)
{
    b->arrived += n;
    ASSERT(b->arrived <= rope_get(&b->store->ropes, b->rope)->len);
}

size_t big_len(const struct big *b)
{
    return b->len;
}

size_t big_memory(const struct big *b)
{
    return sizeof *b + rope_bytes(rope_get(&b->store->ropes, b->rope));
}

void big_copy(const struct big *b, size_t at, size_t n, char *to)
{
    rope_read(b->store, rope_get(&b->store->ropes, b->rope), at, n, to);
}

void big_free(struct store_ctx *sx, struct big *b)
{
    if (b == NULL)
        return;
    rope_free(sx, b->rope);
    free(b);
}

uint32_t big_rope(const struct big *b)
{
    return b->rope;
}

void big_taken(struct big *b)
{
    free(b);
}
