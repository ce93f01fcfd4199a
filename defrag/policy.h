/* Which class gives a page, and why: pure decisions on a snapshot.
 *
 * The question is the kernel's (fragmentation index, mm/compaction): is memory short because it is full, or because it
 * is scattered? Scattered: a class has a page's worth of free chunks, so its sparsest page can be emptied into the
 * others and nothing is lost. */
#ifndef FLAGSTONE_DEFRAG_POLICY_H
#define FLAGSTONE_DEFRAG_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct class_view {
    uint32_t chunk_size;  /* bytes */
    uint32_t per_page;    /* chunks of a page */
    uint64_t pages, free; /* pages in use; free chunks in pages that are not draining */
    uint64_t draining;    /* of the pages */
    bool quiet;           /* no chunk was asked for lately: for policy_pack */
    bool cache_full;      /* a page that is given has to be taken from another class when it is missed */
};

enum policy_why {
    WHY_COMPACT,         /* the sparsest page of `class` can be emptied */
    WHY_NOTHING_TO_GAIN, /* no class has a page's worth of free chunks */
    WHY_BELOW_IGNORE,    /* less is scattered than active-defrag-ignore-bytes */
    WHY_BELOW_THRESHOLD, /* the share is under active-defrag-threshold-lower */
    WHY_LATENCY_GUARD,   /* commands are late: less effort than is due */
    WHY_OFF,             /* activedefrag no */
    WHY_STOPPED,         /* MEMORY DEFRAG STOP */
    WHY_HELD,            /* what could be moved is pinned or reserved: tried again */
    WHY_COUNT
};

struct decision {
    enum policy_why why;
    uint32_t class;
};

const char *policy_why_name(enum policy_why w);

/* The class whose compaction yields most for what it moves: the largest share of free chunks among those that have a
 * page's worth and a little more. */
struct decision policy_compact(const struct class_view *v, uint32_t n);

/* May `larger` chunks hold what was made for chunks of this size, to win a page? Up to half as much more. */
static inline bool policy_packs_into(uint32_t size, uint32_t larger)
{
    return larger > size && larger <= size + size / 2;
}

/* The smallest quiet class whose pages are half a page or more too many, where free chunks of somewhat larger classes
 * can take in what its own cannot. A class may leave a page nearly empty; where many classes hold little, that is
 * most of what is lost. `n` is without the class of whole pages. */
struct decision policy_pack(const struct class_view *v, uint32_t n);

/* Bytes that compaction could give back: free chunks beyond a page's worth in each class. */
size_t policy_scattered_bytes(const struct class_view *v, uint32_t n);

/* Free chunks that a class of a full cache is to have at hand, so that its writes need no page that others would have
 * to give: an eighth of a page's worth; none where it has few pages. */
uint32_t policy_at_hand(const struct class_view *v);

/* Chunks that classes have less than that, in sum, if one of them is down to a quarter of it; else 0. */
uint64_t policy_missing(const struct class_view *v, uint32_t n);

/* 0 (short because full) to 1000 (short because scattered) for one class. */
uint32_t policy_frag_index(const struct class_view *v);

/* The share of a core that defragmentation may take, in per mille: 0 below the lower threshold, then rising linearly
 * from cycle_min to cycle_max (per cent) at the upper one. `scattered` and `used` in bytes, thresholds in per cent. */
uint32_t policy_effort(size_t scattered, size_t used, size_t ignore_bytes, uint32_t lower, uint32_t upper,
                       uint32_t cycle_min, uint32_t cycle_max, enum policy_why *why);

enum { POLICY_WHOLE = 1000 }; /* per mille */

/* The share of the effort, per mille, that the latency guard leaves, from the last one: halved while more than one
 * command in a thousand (and more than one) was `late`, else rising by a twentieth up to the whole. */
uint32_t policy_guard(uint32_t share, uint64_t calls, uint64_t late);

#endif
