/* Memory accounting: what the process holds, part by part, and the budget that `maxmemory` leaves for pages. */
#ifndef FLAGSTONE_SERVER_MEMORY_H
#define FLAGSTONE_SERVER_MEMORY_H

#include <stddef.h>
#include <stdint.h>

struct server;

/* All in bytes, unless named otherwise. total = pages + tables + jemalloc + stacks + base. */
struct memory_parts {
    size_t pages;    /* committed pages, free ones included */
    size_t tables;   /* page descriptors, page maps, shards: resident part */
    size_t jemalloc; /* stats.resident of jemalloc */
    size_t stacks;   /* resident part of the threads' stacks */
    size_t base;     /* the program itself: its file-backed pages and static data */
    size_t total;
    size_t rss;       /* the operating system's figure */
    size_t used;      /* live data and structures: total less what is free inside it */
    size_t dataset;   /* chunks of live items and segments: what MEMORY USAGE says of all keys together */
    size_t live;      /* of it, what was asked for */
    size_t waste;     /* and what was not: lost inside chunks */
    size_t index;     /* chunks of index tables */
    size_t page_free; /* free chunks and page tails in pages that are in use */
    size_t reserved;  /* chunks in magazines or being filled */
    size_t orphaned;  /* deleted values that sockets still send from */
    size_t reserve;   /* committed free pages */
    size_t clients;   /* connections: structs, buffers, values on their way in */
    size_t startup;   /* used at start-up */
    size_t peak_used, peak_rss;
    size_t jemalloc_allocated, jemalloc_active;
    uint64_t n_pages_used, n_pages_free, n_pages_draining; /* in pages */
    uint64_t keys;
    size_t limit;                                    /* maxmemory, 0: none */
    uint64_t pages_moved, chunks_moved, bytes_moved; /* since start */
    uint64_t reclaim_background, reclaim_direct;     /* events */
    uint64_t lazyfree_pending;                       /* large values and flushed databases to be freed */
};

/* Takes some tens of microseconds (statm, jemalloc's statistics, counters of classes). Any thread, no lock held. */
void memory_parts(struct server *srv, struct memory_parts *m);

/* A row of INFO slabs. */
struct memory_class_row {
    uint32_t chunk_size; /* bytes */
    uint32_t chunks_per_page;
    uint64_t pages, live, free, reserved, orphaned; /* pages; chunks */
    uint32_t frag_index;                            /* 0 full ... 1000 scattered */
    uint64_t evicted, evicted_age_ms;               /* items since the start, and the sum of their ages */
};
/* Fills up to max rows of classes that have pages, returns how many there are. */
int memory_class_rows(struct server *srv, struct memory_class_row *rows, int max);

/* Called after maxmemory was changed. */
void memory_limit_changed(struct server *srv);

#endif
