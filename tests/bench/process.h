/* What the kernel says of another process: CPU time and resident memory, from /proc/<pid>. */
#ifndef FLAGSTONE_BENCH_PROCESS_H
#define FLAGSTONE_BENCH_PROCESS_H

#include <stdint.h>

struct process_cpu {
    uint64_t total_ns;   /* all threads, run time as the scheduler counts it */
    uint64_t busiest_ns; /* of the thread with the most */
};

/* CPU time of the process so far. Zero if it is gone. Threads that have ended are not in the sum. */
struct process_cpu process_cpu(int pid);

/* VmRSS and VmHWM in bytes; 0 if it is gone. */
uint64_t process_rss(int pid);
uint64_t process_peak_rss(int pid);

/* Time that the hypervisor took from all processors of this machine since it started, in ns, counted in ticks of 10 ms;
 * 0 where there is none. */
uint64_t process_stolen_ns(void);

/* CLOCK_MONOTONIC in ns. */
uint64_t bench_now(void);

#endif
