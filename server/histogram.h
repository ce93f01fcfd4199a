/* Histogram of durations in nanoseconds: log-linear, two significant digits, as HdrHistogram lays it out.
 *
 * Values of one power of two share a group of 128 linear buckets, so a bucket is at most 1/128 of its value wide:
 *
 *     group 0: 0..127, 1 ns each · group 1: 128..255, 1 ns · group 2: 256..511, 2 ns · ... · group 23: to 1.07 s, 4 us
 *
 * A group is allocated when its first value comes, so a command whose calls take 1 to 8 us costs 3 KiB.
 * One thread records; any thread may read meanwhile (relaxed: a sum may lack the last few values). */
#ifndef FLAGSTONE_SERVER_HISTOGRAM_H
#define FLAGSTONE_SERVER_HISTOGRAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HISTOGRAM_GROUPS = 24, HISTOGRAM_GROUP_BUCKETS = 128 };
#define HISTOGRAM_MAX_NS UINT64_C(1000000000) /* longer ones count as this */

struct histogram_group {
    _Atomic uint64_t count[HISTOGRAM_GROUP_BUCKETS];
};

struct histogram {
    struct histogram_group *_Atomic group[HISTOGRAM_GROUPS];
};

/* NULL when memory is short. A zeroed struct histogram is an empty one, too; histogram_clear gives back what it
 * holds. */
struct histogram *histogram_new(void);
void histogram_clear(struct histogram *h);
void histogram_free(struct histogram *h); /* NULL is allowed */

/* Allocates the group, NULL when memory is short. For histogram_record only. */
struct histogram_group *histogram_grow(struct histogram *h, unsigned group);

static inline unsigned histogram_group_of(uint64_t ns)
{
    return ns < HISTOGRAM_GROUP_BUCKETS ? 0 : 57u - (unsigned)__builtin_clzll(ns);
}

/* Counts n values of `ns`. When memory is short, they are lost. */
static inline void histogram_record(struct histogram *h, uint64_t ns, uint64_t n)
{
    if (ns > HISTOGRAM_MAX_NS)
        ns = HISTOGRAM_MAX_NS;
    unsigned g = histogram_group_of(ns);
    unsigned bucket = (unsigned)(ns >> (g > 0 ? g - 1 : 0)) & (HISTOGRAM_GROUP_BUCKETS - 1);
    struct histogram_group *p = atomic_load_explicit(&h->group[g], memory_order_relaxed);
    if (__builtin_expect(p == NULL, 0) && (p = histogram_grow(h, g)) == NULL)
        return;
    uint64_t old = atomic_load_explicit(&p->count[bucket], memory_order_relaxed);
    atomic_store_explicit(&p->count[bucket], old + n, memory_order_relaxed);
}

/* to += from; to -= from (what was recorded since `from` was taken; never below zero). The caller owns `to`.
 * histogram_add returns false when memory was short. */
bool histogram_add(struct histogram *to, const struct histogram *from);
void histogram_subtract(struct histogram *to, const struct histogram *from);

uint64_t histogram_count(const struct histogram *h);

/* The greatest value, in ns, of the bucket within which the percentile (0..100) lies; 0 when empty. */
uint64_t histogram_percentile(const struct histogram *h, double percentile);

/* The cumulative counts at 1024 ns, 2048 ns, 4096 ns ...: LATENCY HISTOGRAM's. Calls `each` for every step whose bucket
 * range has values, with the step's greatest value in ns and how many values are not above it. Returns the calls
 * made. */
typedef void (*histogram_each)(void *arg, uint64_t up_to_ns, uint64_t cumulative);
unsigned histogram_steps(const struct histogram *h, histogram_each each, void *arg);

#endif
