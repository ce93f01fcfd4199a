/* The memory thread: reserve of pages, reclaim, compaction, expiry, lazy freeing. */
#ifndef FLAGSTONE_SERVER_MEMTHREAD_H
#define FLAGSTONE_SERVER_MEMTHREAD_H

struct server;
struct memthread;

/* Starts it; NULL and a log line when the thread cannot be made. Stop waits for its end. */
struct memthread *memthread_start(struct server *srv);
void memthread_stop(struct memthread *m);

#endif
