/* Writes that may grow: under noeviction Redis refuses them as soon as more is in use than maxmemory, before anything
 * runs short, and under any policy when there is nothing left that could be evicted for them. */
#ifndef FLAGSTONE_SERVER_LIMIT_H
#define FLAGSTONE_SERVER_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct server;
struct store_ctx;

/* After a measurement: `pages` is what maxmemory leaves for pages, UINT64_MAX without maxmemory. Raises or lowers
 * ATTENTION_MEMORY. Any thread. */
void limit_measured(struct server *srv, uint64_t pages);

/* Is a write that may grow to be refused? Asked when ATTENTION_MEMORY is up. No shard locked. */
bool limit_refuses(struct server *srv, struct store_ctx *sx);

#endif
