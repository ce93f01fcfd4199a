/* See value_reply.h. Up to PIN_BYTES a copy is cheaper than a pin: the value may move on at once. */
#include "server/value_reply.h"

#include <stdlib.h>

#include "server/big.h"
#include "server/pin.h"
#include "server/store_private.h"
#include "slab/base/assert.h"

enum {
    PIN_BYTES = 64 * 1024,
    PILE_BYTES = 64 * 1024, /* a reply that holds so much already is not being read: it gets no copies of any rope */
};

static void copy_pieces(struct cmd_ctx *c, const struct entry *e, size_t at, size_t n)
{
    while (n > 0) {
        size_t run;
        const char *p = store_value_piece(c->sx, e, at, &run);
        run = run < n ? run : n;
        reply_bytes(c->out, p, run);
        at += run;
        n -= run;
    }
}

void reply_value_range(struct cmd_ctx *c, const struct entry *e, size_t at, size_t n)
{
    if (e->rope == NULL) {
        reply_bulk(c->out, item_value(e->item, item_head(e->item)) + at, n);
        return;
    }
    reply_bulk_begin(c->out, n);
    if ((n < PIN_BYTES && (c->out->owned < PILE_BYTES || n == 0)) || !pin_send(c, e, at, n))
        copy_pieces(c, e, at, n);
    reply_bulk_end(c->out);
}

void reply_value(struct cmd_ctx *c, const struct entry *e)
{
    reply_value_range(c, e, 0, e->len);
}

void reply_arg(struct cmd_ctx *c, const struct arg *a)
{
    if (a->big == NULL) {
        reply_bulk(c->out, a->p, a->len);
        return;
    }
    reply_bulk_begin(c->out, a->len);
    for (size_t at = 0; at < a->len;) {
        size_t n = a->len - at < 32768 ? a->len - at : 32768;
        big_copy(a->big, at, n, reply_room(c->out, n));
        reply_advance(c->out, n);
        at += n;
    }
    reply_bulk_end(c->out);
}

const char *arg_flatten(struct cmd_ctx *c, struct arg *a)
{
    (void)c;
    if (a->p != NULL || a->big == NULL)
        return a->p;
    char *p = malloc(a->len + 1);
    if (p == NULL)
        return NULL;
    big_copy(a->big, 0, a->len, p);
    return a->p = p;
}
