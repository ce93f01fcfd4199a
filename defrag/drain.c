/* See drain.h. A draining page hands out no chunk, so one pass over its state bytes sees all that will ever have to
 * be moved from it; what could not be moved stays, and the next pass finds it. */
#include "defrag/drain.h"

const char *move_outcome_name(enum move_outcome o)
{
    static const char *const names[MOVE_OUTCOMES] = {"moved", "gone", "pinned", "reserved", "no_room"};
    return names[o];
}

struct drain_result drain_page(struct slab *s, uint32_t page, uint32_t *at, uint32_t most, drain_move move, void *ctx)
{
    struct drain_result r = {0};
    const struct size_class *c = &s->classes.c[slab_page_class(s, page)];
    const _Atomic uint8_t *states = (const _Atomic uint8_t *)(const void *)slab_page_ptr(s, page);
    for (; *at < c->chunks && most > 0; (*at)++) {
        if (atomic_load_explicit(&states[*at], memory_order_relaxed) == CHUNK_FREE)
            continue;
        chunk_ref ref = slab_ref(s, slab_page_ptr(s, page) + c->first + (size_t)*at * c->size);
        r.outcomes[move(ctx, ref)]++;
        most--;
    }
    r.emptied = slab_drained(s, page);
    return r;
}
