/* A thread's door to the store: its magazines of chunks, its counters, its clock. One a worker, one for the memory
 * thread; a context is used by its thread alone, but its counters are read by others. */
#ifndef FLAGSTONE_SERVER_STORE_CTX_H
#define FLAGSTONE_SERVER_STORE_CTX_H

#include <stdatomic.h>
#include <stdint.h>

#include "server/store.h"

/* Counters of one context: written by its thread, read by anyone (relaxed), summed on demand. */
struct store_counters {
    _Atomic uint64_t hits, misses;
    _Atomic uint64_t expired, evicted;
    _Atomic uint64_t reclaim_direct; /* pages or chunks won back by a worker itself */
    _Atomic uint64_t reclaim_failed; /* a write was refused: nothing could be evicted */
};

/* NULL when memory is short. */
struct store_ctx *store_ctx_new(struct store *s);
void store_ctx_free(struct store_ctx *sx); /* its chunks go back to their pages; no thread may use it any more */

/* Once a loop turn: sets the clock that expiry is judged by, and returns chunks that a draining page waits for. */
void store_ctx_turn(struct store_ctx *sx, int64_t now_ms);

/* After CMD_RETRY, with no shard locked: wins memory for what was found short (evicts by the policy, or compacts).
 * STORE_OK: call the command again. STORE_SHORT: nothing can be evicted: answer OOM. STORE_LATER: a large value needs
 * more than half a millisecond of it: let others be served, and call the command again then. */
enum store_status store_reclaim(struct store_ctx *sx);

/* Staged lookups: bring the shards of n keys, then their tables, then their items, towards the cache. Never needed. No
 * lock held. */
void store_prefetch_shard(struct store_ctx *sx, const struct skey *k);
void store_prefetch_tables(struct store_ctx *sx, const struct skey *k, size_t n);

/* Counters of all contexts together (relaxed sums). */
void store_counters_sum(const struct store *s, struct store_counters *sum);

#endif
