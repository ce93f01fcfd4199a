/* Winning memory: compaction where it is scattered, eviction where it is full. Done by the memory thread ahead of need,
 * by a worker when that was not enough (direct reclaim). */
#ifndef FLAGSTONE_SERVER_RECLAIM_H
#define FLAGSTONE_SERVER_RECLAIM_H

#include "defrag/policy.h"
#include "server/relocate.h"
#include "server/store_private.h"

enum reclaim_result {
    RECLAIM_DONE,
    RECLAIM_MORE, /* something was won, and the time is up */
    RECLAIM_NONE, /* nothing can be evicted, or so much could never be had */
};

/* Makes `count` chunks of the class available; what takes longer than slice_ns is left to a further call. No shard
 * locked. */
enum reclaim_result reclaim_for(struct store_ctx *sx, uint32_t class, uint32_t count, uint64_t slice_ns);

/* One page by compaction; false: no class can spare one. */
bool reclaim_compact(struct store_ctx *sx, struct decision *d);

/* The same where nothing can be evicted, or it was asked for: also of what classes of a full cache would keep, so that
 * they need not take it back. */
bool reclaim_compact_all(struct store_ctx *sx, struct decision *d);

/* The same for MEMORY PURGE: a page on which something is pinned or reserved stays draining until reclaim_purge_end, so
 * that the next call finds another. DRAIN_HELD: there were only such pages, and there may be others. */
enum drain_end reclaim_purge(struct store_ctx *sx);
/* Before anything is evicted or refused: what a purge that goes on holds is let go of, and it goes no further. True:
 * there was something. */
bool reclaim_cut_purge(struct store_ctx *sx);
/* What was held is tried once more; returns how many pages were won by it. */
uint32_t reclaim_purge_end(struct store_ctx *sx);

/* One page of a class by packing what it holds into its other pages and into larger chunks; false: it could not be
 * emptied. */
bool reclaim_pack(struct store_ctx *sx, uint32_t class);

/* A writer that took fresh pages helps to win as many, where so much is scattered that the memory thread has fallen
 * behind: so what is scattered stays bounded at any rate of writing. No shard locked. */
void reclaim_assist(struct store_ctx *sx, uint32_t pages);

/* The classes as the policy sees them; returns how many. `v` has room for CLASS_MAX. */
uint32_t reclaim_views(struct store *s, struct class_view *v);

/* Pages that could be handed out without winning any. */
uint32_t reclaim_pages_left(struct store *s);

#endif
