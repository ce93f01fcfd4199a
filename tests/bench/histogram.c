/*
 * Log-linear buckets: values below 64 are counted exactly; above, the exponent and the next six bits of the value
 * choose the bucket. A percentile answers the upper edge of its bucket, but never more than the largest value seen.
 */
#include "tests/bench/histogram.h"

static inline uint32_t bucket_of(uint64_t ns)
{
    if (ns < (1u << BENCH_SUB_BITS)) {
        return (uint32_t)ns;
    }
    uint32_t shift = 63 - (uint32_t)__builtin_clzll(ns) - BENCH_SUB_BITS;
    uint32_t bucket = ((shift + 1) << BENCH_SUB_BITS) + (uint32_t)((ns >> shift) - (1u << BENCH_SUB_BITS));
    return bucket < BENCH_BUCKETS ? bucket : BENCH_BUCKETS - 1;
}

static uint64_t upper_edge(uint32_t bucket)
{
    if (bucket < (1u << BENCH_SUB_BITS)) {
        return bucket;
    }
    uint32_t shift = (bucket >> BENCH_SUB_BITS) - 1;
    uint64_t base = (uint64_t)((bucket & ((1u << BENCH_SUB_BITS) - 1)) + (1u << BENCH_SUB_BITS));
    return ((base + 1) << shift) - 1;
}

void bench_histogram_add(struct bench_histogram *h, uint64_t ns, uint32_t times)
{
    h->buckets[bucket_of(ns)] += times;
    h->count += times;
    if (ns > h->max_ns) {
        h->max_ns = ns;
    }
}

uint64_t bench_histogram_percentile(const struct bench_histogram *h, double p)
{
    uint64_t rank = (uint64_t)(p * (double)h->count);
    uint64_t seen = 0;
    for (uint32_t i = 0; i < BENCH_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen > rank) {
            uint64_t edge = upper_edge(i);
            return edge < h->max_ns ? edge : h->max_ns;
        }
    }
    return h->max_ns;
}

void bench_histogram_merge(struct bench_histogram *into, const struct bench_histogram *from)
{
    for (uint32_t i = 0; i < BENCH_BUCKETS; i++) {
        into->buckets[i] += from->buckets[i];
    }
    into->count += from->count;
    if (from->max_ns > into->max_ns) {
        into->max_ns = from->max_ns;
    }
}
