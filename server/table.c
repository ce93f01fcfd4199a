/* See table.h. An entry at i has wrapped when its home is behind i (home > i): larger tags may stand at the front. */
#include "server/table.h"

#include <string.h>

#include "slab/base/assert.h"

uint32_t table_insert(const struct table *t, slot_t s)
{
    uint32_t tag = slot_tag(s), home = table_home(t, tag), i = home, d = 0;
    for (;; i = table_step(t, i), d++) {
        ASSERT(d <= t->cap);
        slot_t there = t->slots[i];
        if (there == 0)
            break;
        uint32_t other = slot_tag(there);
        if (LIKELY(other <= tag && i >= home))
            continue; /* nothing has wrapped: in the order of tags */
        uint32_t other_d = table_displacement(t, i, table_home(t, other));
        if (other_d < d || (other_d == d && other > tag))
            break;
    }
    uint32_t gap = i;
    while (t->slots[gap] != 0)
        gap = table_step(t, gap);
    slot_t *v = t->slots; /* what stands here and after moves on by one, up to the first gap */
    if (gap < i) {
        memmove(v + 1, v, gap * sizeof *v);
        v[0] = v[t->cap - 1];
        gap = t->cap - 1;
    }
    memmove(v + i + 1, v + i, (gap - i) * sizeof *v);
    v[i] = s;
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

/* Re-lays the entries of v[0 .. n) that belong to `to`; *place is where the last one before them came to stand, plus
 * one. Returns how many. */
static uint32_t relay_run(const slot_t *v, uint32_t n, const struct table *to, uint32_t first, uint32_t *place)
{
    const uint32_t mask = 0xffffu << (16 - to->depth) & 0xffff, cap = to->cap;
    uint32_t count = 0, at = *place;
    for (uint32_t i = 0; i < n; i++) {
        slot_t s = v[i];
        if (s == 0 || (slot_tag(s) & mask) != first)
            continue;
        count++;
        uint32_t home = table_home(to, slot_tag(s));
        at = home > at ? home : at;
        if (LIKELY(at < cap))
            to->slots[at++] = s; /* they come in order: no search, no shifting */
        else
            table_insert(to, s);
    }
    *place = at;
    return count;
}

uint32_t table_relay(const struct table *from, const struct table *to, uint32_t first)
{
    uint32_t begin = order_begin(from), place = 0;
    memset(to->slots, 0, to->cap * sizeof *to->slots);
    uint32_t n = relay_run(from->slots + begin, from->cap - begin, to, first, &place);
    return n + relay_run(from->slots, begin, to, first, &place);
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
