/* The memory thread: reserve of pages, reclaim, compaction, expiry, lazy freeing. */
#ifndef FLAGSTONE_SERVER_MEMTHREAD_H
#define FLAGSTONE_SERVER_MEMTHREAD_H

#include <stdbool.h>

struct server;
struct memthread;

/* Made before the workers, which wake it, and freed after them; NULL and a log line when something is short. */
struct memthread *memthread_new(struct server *srv);
void memthread_free(struct memthread *m);

/* Runs it, once the workers stand; false and a log line when there is no thread to be had. Stop waits for its end. */
bool memthread_start(struct memthread *m);
void memthread_stop(struct memthread *m);

#endif
