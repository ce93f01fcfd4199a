/* Watched keys: who is to hear when a key is changed (WATCH). A store without any pays a look at its shard a write.
 *
 * A watcher belongs to one connection and its thread; whoever changes a key that it watches sets `touched`, under the
 * registry's lock (rank LOCK_WATCH), under which watchers come and go, too. Moving an item is no change.
 * Databases: a key is watched by its logical number. Where that names another physical one than it did (FLUSHDB,
 * SWAPDB), the key is touched unless it neither existed then nor does now: watch_intact tells. */
#ifndef FLAGSTONE_SERVER_WATCH_H
#define FLAGSTONE_SERVER_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/store.h"

struct watch;

struct watcher {
    _Atomic bool touched;
    struct watch *first; /* its owner's thread */
    uint32_t n;
    size_t bytes; /* of memory */
};

/* Watches the key, which is in logical database `db` and exists or not; nothing where it is watched already. Its shard
 * is locked. False: memory is short. */
bool watch_add(struct store_ctx *sx, struct watcher *w, const struct skey *k, int db, bool exists);

/* Forgets all keys. No shard locked. */
void watch_clear(struct store *s, struct watcher *w);

/* Fills `keys` (room for two a key) with the watched keys, and as they are named now where that differs; returns how
 * many. Locked all together, watch_intact tells whether nothing has changed: expired ones have. */
uint32_t watch_keys(const struct store *s, const struct watcher *w, struct skey *keys);
bool watch_intact(struct store_ctx *sx, const struct watcher *w);

#endif
