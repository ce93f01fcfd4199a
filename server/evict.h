/* Eviction: which entry goes, by sampling. No queues: an entry's recency and frequency are a few bits of its slot. */
#ifndef FLAGSTONE_SERVER_EVICT_H
#define FLAGSTONE_SERVER_EVICT_H

#include "server/store_private.h"

/* Evicts up to n entries, or a 256th of the pages' budget, each the worst of a sample by the policy; returns how many
 * went. 0: nothing may be evicted (noeviction, no keys, or volatile-* without any), or, where few keys may, none of
 * those was found in the part of the tables that this call looked at: evict_goes_on. No shard locked. */
uint32_t evict_some(struct store_ctx *sx, uint32_t n);

/* After a call that evicted nothing: may the next one? Not when all tables were walked since evict_walked said `since`
 * and since anybody found one. */
bool evict_goes_on(const struct store *s, uint32_t since);
uint32_t evict_walked(const struct store *s);

/* The same, but only of classes that are short of chunks (policy_at_hand), as far as some are found soon. */
uint32_t evict_wanted(struct store_ctx *sx, uint32_t n);

/* What a new key's frequency bits are to be: S3-FIFO lets one that comes back soon into the main part at once. */
uint32_t evict_first_freq(struct store_ctx *sx, uint64_t hash);

enum { S3_USES = 3 }; /* of the frequency bits: S3-FIFO counts to three */

/* slot_touch would change nothing: by S3-FIFO, an entry whose uses are counted full. `policy` is the store's. */
static inline bool slot_is_touched(int policy, slot_t s)
{
    return policy == EVICT_ALLKEYS_S3FIFO && ((s >> SLOT_FREQ_SHIFT) & S3_USES) == S3_USES;
}

#endif
