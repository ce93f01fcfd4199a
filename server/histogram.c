/* See histogram.h. Bucket b of group g > 0 covers the 2^(g-1) values from (128 + b) << (g - 1); group 0 covers 0..127.
 *
 * Only the recording thread makes groups; it publishes them with release order, so a reader that sees one sees it
 * zeroed. histogram_add and histogram_subtract belong to the owner of `to`; `from` may be recorded into meanwhile. */
#include "server/histogram.h"

#include <assert.h>
#include <stdlib.h>

enum { GROUP_BITS = 7 };
static_assert(1 << GROUP_BITS == HISTOGRAM_GROUP_BUCKETS, "a group has one bucket for each value of its leading bits");
static_assert(HISTOGRAM_MAX_NS >> (GROUP_BITS + HISTOGRAM_GROUPS - 1) == 0, "the last group holds the greatest value");

/* LATENCY HISTOGRAM's first step, in ns. */
static const uint64_t first_step = 1024;

struct histogram *histogram_new(void)
{
    return calloc(1, sizeof(struct histogram));
}

void histogram_clear(struct histogram *h)
{
    for (unsigned g = 0; g < HISTOGRAM_GROUPS; g++)
        free(atomic_exchange_explicit(&h->group[g], NULL, memory_order_relaxed));
}

void histogram_free(struct histogram *h)
{
    if (h == NULL)
        return;
    histogram_clear(h);
    free(h);
}

struct histogram_group *histogram_grow(struct histogram *h, unsigned group)
{
    struct histogram_group *p = calloc(1, sizeof *p);
    if (p != NULL)
        atomic_store_explicit(&h->group[group], p, memory_order_release);
    return p;
}

static struct histogram_group *group_at(const struct histogram *h, unsigned group)
{
    return atomic_load_explicit(&h->group[group], memory_order_acquire);
}

static uint64_t count_at(const struct histogram_group *p, unsigned bucket)
{
    return atomic_load_explicit(&p->count[bucket], memory_order_relaxed);
}

/* The greatest value that is counted in this bucket. */
static uint64_t bucket_last(unsigned group, unsigned bucket)
{
    if (group == 0)
        return bucket;
    return ((uint64_t)(HISTOGRAM_GROUP_BUCKETS + bucket + 1) << (group - 1)) - 1;
}

bool histogram_add(struct histogram *to, const struct histogram *from)
{
    for (unsigned g = 0; g < HISTOGRAM_GROUPS; g++) {
        const struct histogram_group *f = group_at(from, g);
        if (f == NULL)
            continue;
        struct histogram_group *t = group_at(to, g);
        if (t == NULL && (t = histogram_grow(to, g)) == NULL)
            return false;
        for (unsigned b = 0; b < HISTOGRAM_GROUP_BUCKETS; b++)
            atomic_store_explicit(&t->count[b], count_at(t, b) + count_at(f, b), memory_order_relaxed);
    }
    return true;
}

void histogram_subtract(struct histogram *to, const struct histogram *from)
{
    for (unsigned g = 0; g < HISTOGRAM_GROUPS; g++) {
        const struct histogram_group *f = group_at(from, g);
        struct histogram_group *t = group_at(to, g);
        if (f == NULL || t == NULL)
            continue;
        for (unsigned b = 0; b < HISTOGRAM_GROUP_BUCKETS; b++) {
            uint64_t have = count_at(t, b), less = count_at(f, b);
            atomic_store_explicit(&t->count[b], have > less ? have - less : 0, memory_order_relaxed);
        }
    }
}

/* Walks the buckets that have values, lowest first, until `see` returns false. */
typedef bool (*see_bucket)(void *arg, uint64_t last, uint64_t count);

static void walk(const struct histogram *h, see_bucket see, void *arg)
{
    for (unsigned g = 0; g < HISTOGRAM_GROUPS; g++) {
        const struct histogram_group *p = group_at(h, g);
        for (unsigned b = 0; p != NULL && b < HISTOGRAM_GROUP_BUCKETS; b++) {
            uint64_t n = count_at(p, b);
            if (n > 0 && !see(arg, bucket_last(g, b), n))
                return;
        }
    }
}

static bool sum_bucket(void *arg, uint64_t last, uint64_t count)
{
    (void)last;
    *(uint64_t *)arg += count;
    return true;
}

uint64_t histogram_count(const struct histogram *h)
{
    uint64_t n = 0;
    walk(h, sum_bucket, &n);
    return n;
}

struct rank_search {
    uint64_t left; /* values still to be passed */
    uint64_t last; /* of the bucket come to */
};

static bool search_bucket(void *arg, uint64_t last, uint64_t count)
{
    struct rank_search *r = arg;
    r->last = last;
    if (count >= r->left)
        return false;
    r->left -= count;
    return true;
}

uint64_t histogram_percentile(const struct histogram *h, double percentile)
{
    uint64_t n = histogram_count(h);
    if (n == 0)
        return 0;
    double p = percentile < 0 ? 0 : percentile > 100 ? 100 : percentile;
    uint64_t rank = (uint64_t)(p / 100.0 * (double)n + 0.5);
    struct rank_search r = {.left = rank == 0 ? 1 : rank};
    walk(h, search_bucket, &r);
    return r.last;
}

struct step_walk {
    uint64_t step;       /* a power of two times first_step */
    uint64_t cumulative; /* of the buckets passed */
    uint64_t told;       /* what was told last */
    unsigned calls;
    histogram_each each;
    void *arg;
};

/* The last value of the bucket that `ns` falls into. */
static uint64_t last_of(uint64_t ns)
{
    unsigned g = histogram_group_of(ns);
    return bucket_last(g, (unsigned)(ns >> (g > 0 ? g - 1 : 0)) & (HISTOGRAM_GROUP_BUCKETS - 1));
}

static void tell_step(struct step_walk *s)
{
    if (s->cumulative > s->told) {
        s->each(s->arg, last_of(s->step), s->cumulative);
        s->told = s->cumulative;
        s->calls++;
    }
}

static bool step_bucket(void *arg, uint64_t last, uint64_t count)
{
    struct step_walk *s = arg;
    while (last > last_of(s->step)) {
        tell_step(s);
        s->step *= 2;
    }
    s->cumulative += count;
    return true;
}

unsigned histogram_steps(const struct histogram *h, histogram_each each, void *arg)
{
    struct step_walk s = {.step = first_step, .each = each, .arg = arg};
    walk(h, step_bucket, &s);
    tell_step(&s);
    return s.calls;
}
