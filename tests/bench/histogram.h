/* A latency histogram from 1 ns to 64 s: a bucket is 1/64 of its value wide, so a percentile is within 1.6 %. */
#ifndef FLAGSTONE_BENCH_HISTOGRAM_H
#define FLAGSTONE_BENCH_HISTOGRAM_H

#include <stdint.h>

enum { BENCH_SUB_BITS = 6, BENCH_BUCKETS = (36 - BENCH_SUB_BITS + 1) << BENCH_SUB_BITS };

struct bench_histogram {
    uint64_t count;
    uint64_t max_ns;
    uint32_t buckets[BENCH_BUCKETS];
};

/* Counts `times` observations of `ns`. */
void bench_histogram_add(struct bench_histogram *h, uint64_t ns, uint32_t times);

/* The value that the share `p` (0 to 1) of the observations does not exceed, in ns; 0 if there are none. */
uint64_t bench_histogram_percentile(const struct bench_histogram *h, double p);

void bench_histogram_merge(struct bench_histogram *into, const struct bench_histogram *from);

#endif
