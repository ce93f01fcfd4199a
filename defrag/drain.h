/* Emptying a page: every live chunk of it is offered to whoever knows its owner. Mechanism only; which page, policy.h
 * says, and when, the memory thread. */
#ifndef FLAGSTONE_DEFRAG_DRAIN_H
#define FLAGSTONE_DEFRAG_DRAIN_H

#include "defrag/outcome.h"
#include "slab/slab.h"

/* Moves one chunk to another of its class and frees it; called without locks. */
typedef enum move_outcome (*drain_move)(void *ctx, chunk_ref ref);

struct drain_result {
    uint32_t outcomes[MOVE_OUTCOMES]; /* chunks by outcome */
    bool emptied;                     /* nothing is left in it: slab_drain_end gives it to the pool */
};

/* Offers up to `most` live chunks of a draining page, from *at on (0 at first; where to go on is stored there). It
 * stays draining: the caller comes back, or ends it. */
struct drain_result drain_page(struct slab *s, uint32_t page, uint32_t *at, uint32_t most, drain_move move, void *ctx);

#endif
