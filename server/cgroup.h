/* How much memory this process may have: cgroup v2 limits and the machine's own. */
#ifndef FLAGSTONE_SERVER_CGROUP_H
#define FLAGSTONE_SERVER_CGROUP_H

#include <stdint.h>

/* The least of memory.max and memory.high of this process's cgroup and all its parents, in bytes; 0: no limit (or no
 * cgroup v2). `root` is prefixed to /proc and /sys: "" for the system's own. */
int64_t cgroup_memory_limit(const char *root);

/* What there is to have: that limit, or the machine's memory where that is less. */
int64_t memory_available(const char *root);

#endif
