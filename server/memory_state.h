/* What memory accounting remembers, and what the memory thread does with it. */
#ifndef FLAGSTONE_SERVER_MEMORY_STATE_H
#define FLAGSTONE_SERVER_MEMORY_STATE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct server;

enum {
    BUDGET_MIN_PAGES = 16, /* a server that has no page at all could not even say so */
    ROOM_UNCOUNTED = 64,   /* 1/64 of maxmemory may be taken by clients without a page having to go for it */
    BUDGET_MARGIN = 400,   /* 1/400 of maxmemory stays free for what comes between two measurements */
};

struct memory_state {
    _Atomic size_t program_bytes;  /* static data, loader, main stack: measured once at the start */
    _Atomic int64_t heap_overtold; /* what jemalloc told beyond what the kernel said, when it was asked last */
    _Atomic uint64_t heap_ask_ns;  /* when it may be asked again */
    _Atomic size_t startup_used, peak_used, peak_rss;
    _Atomic uint64_t ceiling;       /* bytes that maxmemory is held under, 0: none; memory_watch.h */
    _Atomic uint64_t budget_limit;  /* the maxmemory that the budget was last made for */
    _Atomic uint64_t pages_allowed; /* what maxmemory leaves for pages, however few; limit.h */
    _Atomic uint64_t pages_won;     /* by compaction */
    _Atomic uint64_t background;    /* rounds of background reclaim */
    _Atomic uint32_t ready_low;     /* free pages: with fewer who takes one wakes the memory thread */
    _Atomic uint64_t purges;        /* MEMORY PURGEs asked for; the memory thread compares */
};

/* Once, when all threads but the memory thread's work have started and nothing is stored. */
void memory_begin(struct server *srv);
/* Measures what is not pages and leaves the rest of maxmemory to pages. */
void memory_budget(struct server *srv);
/* maxmemory, or what the control group leaves of it; bytes, 0: none. Any thread. */
uint64_t memory_limit(struct server *srv);
/* Makes jemalloc give back what it does not use. */
void memory_heap_trim(void);

#endif
