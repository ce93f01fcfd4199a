/* MEMORY PURGE: who asks, what the memory thread did for it, and who waits to be told.
 *
 * The asker never works and no worker waits: the memory thread compacts page by page, gives back what is free, and
 * tells the workers; a connection that asked with VERBOSE is held until then. */
#ifndef FLAGSTONE_SERVER_PURGE_H
#define FLAGSTONE_SERVER_PURGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conn;
struct letter;
struct server;
struct worker;

/* What one purge did. Also the body of LETTER_PURGED. */
struct purge_report {
    uint64_t ms;                                     /* from its begin to its end */
    uint64_t pages_scanned;                          /* in use when it began */
    uint64_t pages_emptied;                          /* by moving what was on them */
    uint64_t chunks_moved, bytes_moved;              /* meanwhile; by active defrag too */
    uint64_t chunks_pinned, chunks_reserved;         /* attempts on chunks that sockets or writers hold */
    uint64_t pages_released;                         /* to the system */
    int64_t heap_released;                           /* bytes of jemalloc's, negative: it grew */
    uint64_t rss_before, rss_after, scattered_bytes; /* left: free chunks that would make pages, were they together */
};

/* The memory thread's state of the purge that goes on. */
struct purge {
    uint32_t asked; /* number of the last that was seen */
    uint32_t done;  /* number of the last that is over; store->memory.purges counts those asked for */
    bool running;
    uint32_t held; /* steps that found only pages that something is pinned on */
    uint64_t begun_ns;
    uint64_t pages_before, moved_before, bytes_before, pinned_before, reserved_before, released_before, heap_before;
    struct purge_report report;
};

/* Asks the memory thread; the number of this purge. Any thread. */
uint32_t purge_ask(struct server *srv);

/* Is there one to be worked on? Begins it. The memory thread. */
bool purge_due(struct server *srv, struct purge *p);
/* May a further page be compacted? As many as there were pages at its begin, so that writers cannot keep it going, and
 * as many steps without one as pages can be held. */
bool purge_goes_on(const struct purge *p);
/* Gives back and tells all workers. The memory thread. */
void purge_end(struct server *srv, struct purge *p);

/* Holds the connection until the purge is over. Its worker. */
void purge_wait(struct conn *c, uint32_t number);
/* Answers those that waited. The worker's thread. */
void purge_told(struct worker *w, const struct letter *l);

#endif
