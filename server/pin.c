/* See pin.h. A pin has the references of the segments that it sends, 8 bytes for 64 KB: writes may put others into the
 * rope meanwhile, and what they replace stays until the last pin has gone (rope.h). */
#include "server/pin.h"

#include <stdlib.h>
#include <string.h>

#include "server/conn_private.h"
#include "server/store_private.h"
#include "server/worker.h"
#include "slab/base/assert.h"

struct pin {
    struct store_ctx *sx;
    struct conn *conn;
    struct pin *prev, *next; /* of the connection; pins lock of its worker */
    struct rope_hold *hold;
    uint32_t rope, first, count; /* count segments, first is the number of the one that refs begin with */
    size_t at;                   /* of the value, where the reply's bytes begin */
    struct rope_shape shape;
    chunk_ref refs[];
};

static void link_pin(struct pin *p)
{
    struct conn_io *io = conn_io(p->conn);
    struct clients *cl = &p->conn->wkr->clients;
    lock_take(&cl->pins_lock, LOCK_PINS);
    p->next = io->pins;
    if (p->next != NULL)
        p->next->prev = p;
    io->pins = p;
    atomic_fetch_add_explicit(&cl->npins, 1, memory_order_relaxed);
    lock_release(&cl->pins_lock, LOCK_PINS);
}

static void unlink_pin(struct pin *p)
{
    struct clients *cl = &p->conn->wkr->clients;
    lock_take(&cl->pins_lock, LOCK_PINS);
    if (p->next != NULL)
        p->next->prev = p->prev;
    if (p->prev != NULL)
        p->prev->next = p->next;
    else
        conn_io(p->conn)->pins = p->next;
    atomic_fetch_sub_explicit(&cl->npins, 1, memory_order_relaxed);
    lock_release(&cl->pins_lock, LOCK_PINS);
}

/* The whole reply was sent, or dropped. */
static void pin_release(void *owner)
{
    struct pin *p = owner;
    unlink_pin(p);
    rope_unpin(p->sx, p->rope);
    free(p);
}

static const char *pin_piece(void *owner, size_t at, size_t *len)
{
    const struct pin *p = owner;
    return rope_piece_of(p->sx->store, p->refs, p->first, &p->shape, p->at + at, len);
}

bool pin_send(struct cmd_ctx *c, const struct entry *e, size_t at, size_t n)
{
    struct rope *r = e->rope;
    struct rope_shape sh = rope_shape(r->len);
    uint32_t first = rope_segment_at(&sh, at), count = rope_segment_at(&sh, at + n - 1) - first + 1;
    if (!reply_can_attach(c->out))
        return false;
    struct pin *p = malloc(sizeof *p + count * sizeof *p->refs);
    if (p == NULL || (p->hold = rope_pin(r)) == NULL) {
        free(p);
        return false;
    }
    p->sx = c->sx;
    p->conn = c->conn;
    p->prev = NULL;
    p->rope = item_rope_id(e->item, item_head(e->item));
    p->first = first;
    p->count = count;
    p->at = at;
    p->shape = sh;
    memcpy(p->refs, r->refs + first, count * sizeof *p->refs);
    if (!reply_attach(c->out, n, pin_piece, pin_release, p)) {
        rope_unpin_locked(c->sx, p->rope);
        free(p);
        return false;
    }
    link_pin(p);
    return true;
}

size_t pins_charge(struct conn *c)
{
    struct clients *cl = &c->wkr->clients;
    size_t sum = 0;
    if (atomic_load_explicit(&cl->npins, memory_order_relaxed) == 0)
        return 0;
    lock_take(&cl->pins_lock, LOCK_PINS);
    for (const struct pin *p = conn_io(c)->pins; p != NULL; p = p->next) {
        uint32_t pins = atomic_load_explicit(&p->hold->pins, memory_order_relaxed);
        size_t share = atomic_load_explicit(&p->hold->kept, memory_order_relaxed) / (pins > 0 ? pins : 1);
        sum += sizeof *p + p->count * sizeof *p->refs + share;
    }
    lock_release(&cl->pins_lock, LOCK_PINS);
    return sum;
}
