/* See value_reply.h. Up to PIN_BYTES a copy is cheaper than a pin: the value may move on at once. */
#include "server/value_reply.h"

#include <stdlib.h>

#include "server/big.h"
#include "server/store_private.h"
#include "slab/base/assert.h"

enum { PIN_BYTES = 64 * 1024 };

/* One pin of a rope for all pieces of a reply. Used by the connection's worker alone. */
struct pin {
    struct store_ctx *sx;
    uint32_t rope, pieces;
};

static void pin_release(void *owner)
{
    struct pin *p = owner;
    if (--p->pieces > 0)
        return;
    rope_unpin(p->sx, p->rope);
    free(p);
}

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

/* Attaches the pieces of a rope's range; false: no memory for the pin. */
static bool attach_pieces(struct cmd_ctx *c, const struct entry *e, size_t at, size_t n)
{
    struct pin *pin = malloc(sizeof *pin);
    if (pin == NULL)
        return false;
    /* one more than there are pieces, until all are attached: a release may come at once */
    *pin = (struct pin){c->sx, item_rope_id(e->item, item_head(e->item)), 1};
    rope_pin(e->rope);
    while (n > 0) {
        size_t run;
        const char *p = store_value_piece(c->sx, e, at, &run);
        run = run < n ? run : n;
        pin->pieces++;
        reply_attach(c->out, p, run, pin_release, pin);
        at += run;
        n -= run;
    }
    if (pin->pieces > 1) {
        pin->pieces--;
        return true;
    }
    /* everything was dropped at once; the shard is locked, so the pin goes without rope_unpin's lock */
    e->rope->pins--;
    free(pin);
    return true;
}

void reply_value_range(struct cmd_ctx *c, const struct entry *e, size_t at, size_t n)
{
    if (e->rope == NULL) {
        reply_bulk(c->out, item_value(e->item, item_head(e->item)) + at, n);
        return;
    }
    reply_bulk_begin(c->out, n);
    if (n < PIN_BYTES || c->out->muted || !attach_pieces(c, e, at, n))
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
