/* See table.h. An entry at i has wrapped when its home is behind i (home > i): larger tags may stand at the front. */
#include "server/table.h"

#include <string.h>

#include "slab/base/assert.h"

/* d is the distance from the tag's home. */
bool table_seek_round(const struct table *t, uint32_t tag, uint32_t i, uint32_t *at)
{
    const uint32_t home = table_home(t, tag);
    for (uint32_t d = i - home; d < t->cap; i = table_step(t, i), d++) {
        i = i == t->cap ? 0 : i;
        slot_t s = t->slots[i];
        uint32_t other = slot_tag(s);
        *at = i;
        if (s == 0 || other == tag)
            return s != 0;
        if (other < tag && i >= home)
            continue; /* nothing has wrapped */
        uint32_t other_d = table_displacement(t, i, table_home(t, other));
        if (other_d < d || (other_d == d && other > tag))
            return false;
    }
    *at = home;
    return false;
}

/* The first empty slot from i on, or the end. */
static uint32_t gap_from(const slot_t *v, uint32_t i, uint32_t end)
{
    while (i + 4 <= end && v[i] != 0 && v[i + 1] != 0 && v[i + 2] != 0 && v[i + 3] != 0)
        i += 4;
    while (i < end && v[i] != 0)
        i++;
    return i;
}

void table_insert_at(const struct table *t, uint32_t i, slot_t s)
{
    slot_t *v = t->slots; /* what stands here and after moves on by one, up to the first gap */
    uint32_t gap = gap_from(v, i, t->cap);
    if (UNLIKELY(gap == t->cap)) {
        gap = gap_from(v, 0, i);
        ASSERT(gap < i);
        memmove(v + 1, v, gap * sizeof *v);
        v[0] = v[t->cap - 1];
        gap = t->cap - 1;
    }
    memmove(v + i + 1, v + i, (gap - i) * sizeof *v);
    v[i] = s;
}

uint32_t table_insert(const struct table *t, slot_t s)
{
    uint32_t tag = slot_tag(s), i;
    if (UNLIKELY(table_seek(t, tag, &i))) /* after those of the same tag */
        do
            i = table_step(t, i);
        while (t->slots[i] != 0 && slot_tag(t->slots[i]) == tag);
    table_insert_at(t, i, s);
    return i;
}

void table_remove(const struct table *t, uint32_t i)
{
    for (;;) {
        uint32_t next = table_step(t, i);
        slot_t s = t->slots[next];
        if (s == 0 || table_home(t, slot_tag(s)) == next)
            break;
        t->slots[i] = s;
        i = next;
    }
    t->slots[i] = 0;
}

/* The first place in the order of tags: entries before it have wrapped, and come last. */
static uint32_t order_begin(const struct table *t)
{
    uint32_t i = 0;
    while (i < t->cap && t->slots[i] != 0 && table_home(t, slot_tag(t->slots[i])) > i)
        i++;
    return i == t->cap ? 0 : i;
}

/* Re-lays those entries of v[0 .. n) of which the bits in `mask` are `want`; *place is where the last one before them
 * came to stand, plus one, or how far behind the end: what does not fit wraps, in order, before what stands at the
 * front. Returns how many. Which slots are empty cannot be predicted, so nothing branches on it: an
 * empty slot, and one that does not belong, is written as 0 where the next entry will stand. */
static inline uint32_t relay_run(const slot_t *v, uint32_t n, const struct table *to, slot_t mask, slot_t want,
                                 uint32_t *place)
{
    const uint32_t cap = to->cap, scale = cap << to->depth, tags = 0xffffu >> to->depth;
    slot_t *out = to->slots;
    uint32_t count = 0, at = *place;
    for (uint32_t i = 0; i < n; i++) {
        slot_t s = mask == 0 || (v[i] & mask) == want ? v[i] : 0;
        uint32_t home = (slot_tag(s) & tags) * scale >> 16, some = s != 0; /* table_home */
        at = home > at ? home : at;
        count += some;
        if (LIKELY(at < cap))
            out[at] = s; /* they come in order: no search, no shifting */
        else if (some)
            table_insert_at(to, at - cap, s);
        at += some;
    }
    *place = at;
    return count;
}

uint32_t table_relay(const struct table *from, const struct table *to, uint32_t first)
{
    uint32_t begin = order_begin(from), place = 0, n;
    memset(to->slots, 0, to->cap * sizeof *to->slots);
    if (from->depth == to->depth) {
        n = relay_run(from->slots + begin, from->cap - begin, to, 0, 0, &place);
        return n + relay_run(from->slots, begin, to, 0, 0, &place);
    }
    slot_t mask = (slot_t)(0xffffu << (16 - to->depth) & 0xffff) << SLOT_TAG_SHIFT;
    slot_t want = (slot_t)first << SLOT_TAG_SHIFT;
    n = relay_run(from->slots + begin, from->cap - begin, to, mask, want, &place);
    return n + relay_run(from->slots, begin, to, mask, want, &place);
}

int table_check(const struct table *t)
{
    int n = 0;
    for (uint32_t i = 0; i < t->cap; i++) {
        slot_t s = t->slots[i];
        if (s == 0)
            continue;
        n++;
        uint32_t home = table_home(t, slot_tag(s)), d = table_displacement(t, i, home);
        uint32_t before = i == 0 ? t->cap - 1 : i - 1;
        slot_t prior = t->slots[before];
        if (d == 0)
            continue;
        if (prior == 0)
            return -1;
        uint32_t prior_d = table_displacement(t, before, table_home(t, slot_tag(prior)));
        if (prior_d + 1 < d || (prior_d + 1 == d && slot_tag(prior) > slot_tag(s)))
            return -1;
    }
    return n;
}
