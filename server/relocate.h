/* Relocation of one chunk: whoever it belongs to is found by its header, under that shard's lock. */
#ifndef FLAGSTONE_SERVER_RELOCATE_H
#define FLAGSTONE_SERVER_RELOCATE_H

#include "defrag/outcome.h"
#include "server/store_private.h"

/* Moves an item, its segments and its table, whose shard is locked; wherever they lie. Returns the item's outcome. */
enum move_outcome relocate_entry(struct store_ctx *sx, const struct skey *k, struct entry *e);

enum drain_end {
    DRAIN_WON,  /* a page */
    DRAIN_HELD, /* something on the page is pinned or reserved: it is remembered, another page may do */
    DRAIN_NONE, /* no page of the class can be emptied into the others */
};

/* Drains the sparsest page of the class. Reclaim lock held. */
enum drain_end relocate_drain(struct store_ctx *sx, uint32_t class);

/* Empties the sparsest page of the class into free chunks of its others, and of larger classes (policy_packs_into);
 * true when the page was won. Reclaim lock held. */
bool relocate_pack(struct store_ctx *sx, uint32_t class);

/* Comes back to pages that could not be emptied before; returns how many were won. Reclaim lock held. */
uint32_t relocate_revisit(struct store_ctx *sx);

#endif
