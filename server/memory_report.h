/* The accounting of memory as Redis's fields name it, and what is wrong with it, if anything.
 *
 * The store's parts (memory.h) are gathered here and nowhere else in the reports. How they map:
 *
 *     allocated   what was handed out and not given back: live chunks (with the waste inside), index, reserved and
 *                 orphaned chunks, what jemalloc has allocated
 *     active      pages that hold any of that: pages in use, jemalloc's active pages
 *     resident    all that the two allocators hold: committed pages, tables, jemalloc's resident
 *     rss         what the system says that the process has
 */
#ifndef FLAGSTONE_SERVER_MEMORY_REPORT_H
#define FLAGSTONE_SERVER_MEMORY_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/memory.h"
#include "server/text.h"

struct server;

struct memory_report {
    struct memory_parts m;              /* peak_used and peak_rss here are at least used and rss */
    size_t overhead;                    /* used and not dataset, bytes */
    double dataset_perc;                /* dataset of what was used since start-up, per cent */
    double peak_perc;                   /* used of peak_used, per cent */
    size_t allocated, active, resident; /* bytes */
    double frag_ratio;                  /* active / allocated */
    double rss_ratio;                   /* resident / active */
    double overhead_ratio;              /* rss / resident */
    double fragmentation_ratio;         /* rss / used */
    int64_t frag_bytes, rss_bytes, overhead_bytes, fragmentation_bytes; /* the differences */
};

void memory_report(struct server *srv, struct memory_report *r);

/* What MEMORY DOCTOR looks at besides. */
struct memory_facts {
    size_t swapped;       /* bytes of the process in swap */
    int64_t cgroup_limit; /* bytes, 0: none */
    int64_t machine;      /* bytes of RAM */
    int overcommit;       /* vm.overcommit_memory, -1: unknown */
    uint32_t clients;     /* connections */
    bool activedefrag;    /* the option */
    bool evicts;          /* maxmemory-policy is not noeviction */
};
void memory_facts(struct server *srv, struct memory_facts *f);

/* Appends the findings, each with what to do. Pure. Returns how many there are; with none the text says so. */
unsigned memory_diagnose(struct text *t, const struct memory_report *r, const struct memory_facts *f);

/* The RAM of the machine. */
int64_t memory_machine_bytes(void);

#endif
