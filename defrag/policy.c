/* See policy.h. A snapshot in, a decision out: no state, no clock, no lock. */
#include "defrag/policy.h"

const char *policy_why_name(enum policy_why w)
{
    static const char *const names[WHY_COUNT] = {
        "compacting",    "nothing to gain",     "below ignore-bytes", "below threshold-lower",
        "latency guard", "activedefrag is off", "stopped by hand",    "pinned or reserved"};
    return names[w];
}

/* A class that can spare a page: the free chunks of the others take what the sparsest page holds, and some are left. In
 * a full cache enough of them that the class does not take the page back at once. */
static int can_spare(const struct class_view *v)
{
    uint32_t left = v->cache_full ? v->per_page / 4 : v->per_page / 32;
    return v->pages - v->draining >= 2 && v->free > v->per_page + left;
}

struct decision policy_compact(const struct class_view *v, uint32_t n)
{
    struct decision d = {WHY_NOTHING_TO_GAIN, 0};
    uint64_t best = 0;
    for (uint32_t k = 0; k < n; k++) {
        if (!can_spare(&v[k]))
            continue;
        uint64_t share = v[k].free * 1000000 / ((v[k].pages - v[k].draining) * v[k].per_page);
        if (d.why != WHY_COMPACT || share > best) {
            d = (struct decision){WHY_COMPACT, k};
            best = share;
        }
    }
    return d;
}

struct decision policy_pack(const struct class_view *v, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        if (!v[k].quiet || v[k].pages <= v[k].draining || v[k].free < (v[k].per_page + 1) / 2)
            continue;
        uint64_t upward = v[k].free < v[k].per_page ? v[k].per_page - v[k].free : 0, room = 0;
        for (uint32_t j = k + 1; j < n && policy_packs_into(v[k].chunk_size, v[j].chunk_size); j++)
            room += v[j].free;
        if (room >= upward)
            return (struct decision){WHY_COMPACT, k};
    }
    return (struct decision){WHY_NOTHING_TO_GAIN, 0};
}

size_t policy_scattered_bytes(const struct class_view *v, uint32_t n)
{
    size_t bytes = 0;
    for (uint32_t k = 0; k < n; k++)
        if (can_spare(&v[k]))
            bytes += (v[k].free - v[k].per_page) * v[k].chunk_size;
    return bytes;
}

uint32_t policy_at_hand(const struct class_view *v)
{
    enum { PAGES_LEAST = 8 };
    return v->pages < PAGES_LEAST ? 0 : v->per_page / 8;
}

uint64_t policy_missing(const struct class_view *v, uint32_t n)
{
    uint64_t missing = 0;
    bool urgent = false;
    for (uint32_t k = 0; k < n; k++) {
        uint32_t at_hand = policy_at_hand(&v[k]);
        missing += v[k].free < at_hand ? at_hand - v[k].free : 0;
        urgent = urgent || v[k].free < (at_hand + 3) / 4;
    }
    return urgent ? missing : 0;
}

uint32_t policy_frag_index(const struct class_view *v)
{
    uint64_t pages = v->per_page == 0 ? 0 : v->free / v->per_page; /* pages that could be won */
    if (pages == 0 || v->pages == 0)
        return 0;
    return (uint32_t)(pages >= v->pages ? 1000 : pages * 1000 / v->pages);
}

uint32_t policy_effort(size_t scattered, size_t used, size_t ignore_bytes, uint32_t lower, uint32_t upper,
                       uint32_t cycle_min, uint32_t cycle_max, enum policy_why *why)
{
    uint64_t percent = used == 0 ? 1000 : (uint64_t)scattered * 100 / used;
    *why = scattered < ignore_bytes ? WHY_BELOW_IGNORE : percent < lower ? WHY_BELOW_THRESHOLD : WHY_COMPACT;
    if (*why != WHY_COMPACT)
        return 0;
    if (percent >= upper || upper <= lower)
        return cycle_max * 10;
    return (uint32_t)(cycle_min * 10 + (cycle_max - cycle_min) * 10 * (percent - lower) / (upper - lower));
}

uint32_t policy_guard(uint32_t share, uint64_t calls, uint64_t late)
{
    enum { LEAST = 10, STEP = 50 };
    if (late > 1 && late * 1000 > calls)
        return share / 2 > LEAST ? share / 2 : LEAST;
    return share + STEP < POLICY_WHOLE ? share + STEP : POLICY_WHOLE;
}
