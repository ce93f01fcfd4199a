/* Every state of the store can be asked for: for tests and for people (DEBUG CHECK, MOVE, PAGE, OBJECT). */
#ifndef FLAGSTONE_SERVER_STORE_DEBUG_H
#define FLAGSTONE_SERVER_STORE_DEBUG_H

#include <stdbool.h>
#include <stddef.h>

#include "server/store_ctx.h"

/* Proves every page's equation, that every indexed chunk is reachable from exactly one place, and the counters of keys.
 * Runs while clients are served, a shard and a page at a time. false: `why` says what is wrong. No lock held. */
bool store_check(struct store_ctx *sx, char *why, size_t n);

/* Relocates the key's chunks now. The key's shard is locked. Returns the outcome's name ("moved", "pinned",
 * "no_room"). */
const char *store_debug_move(struct store_ctx *sx, const struct skey *k, struct entry *e);

/* One line of text about the page that holds the entry: number, class, state, counts. The key's shard is locked. */
size_t store_debug_page(struct store_ctx *sx, const struct entry *e, char *line, size_t n);

/* One line about the entry: address, kind, chunk, sizes. */
size_t store_debug_entry(struct store_ctx *sx, const struct entry *e, char *line, size_t n);

#endif
