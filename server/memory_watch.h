/* What the operating system leaves to the process, looked at again once a second: a cgroup limit that is lowered while
 * the server runs, more asked for than the machine has, swap in use, strict overcommit. The log is told once of each,
 * and, of a cgroup's limit and swap, once when it is over. */
#ifndef FLAGSTONE_SERVER_MEMORY_WATCH_H
#define FLAGSTONE_SERVER_MEMORY_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/memory_report.h"
#include "server/text.h"

struct server;

struct memory_watch {
    bool over;       /* maxmemory is more than the cgroup allows: said */
    bool over_ram;   /* it is more than the machine has: said */
    bool overcommit; /* said */
    size_t swapped;  /* bytes in swap when that was said last */
};

/* What maxmemory may be, in bytes, 0: anything. The cgroup's limit less 1/32, for what its other processes and the
 * kernel on its behalf take. Lines for the log are appended to `said`, each ended by a line break. Pure. */
uint64_t memory_watch_step(struct memory_watch *w, const struct memory_facts *f, uint64_t maxmemory, struct text *said);

/* The whole: looks, says it in the log, follows with a maxmemory given as a share, and bounds the budget for pages
 * (memory_state.ceiling). The memory thread. */
void memory_watch(struct server *srv, struct memory_watch *w);

#endif
