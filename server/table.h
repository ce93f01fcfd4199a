/* A table of the index: up to 510 slots in one chunk, ordered by tag, with gaps.
 *
 *   slot: ref 37 | freq 3 | age 8 | tag 16        0: empty
 *
 * A tag is 16 bits of the key's hash; a table holds the tags that share their first `depth` bits. An entry's home is
 * where its tag lies between the first and the last possible one: home = (tag << depth) * cap / 2^16. Entries stand at
 * their home or after it, in the order of their tags, without gaps between home and place (linear probing, ordered:
 * Amble, Knuth 1974; Celis' Robin Hood), wrapping at the end. So a look-up ends at the first larger tag, and a table
 * is re-laid into another size by streaming it, without a look at any key.
 * At loads to 0.95 a look-up reads one or two cache lines, seldom three. */
#ifndef FLAGSTONE_SERVER_TABLE_H
#define FLAGSTONE_SERVER_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

typedef uint64_t slot_t;

enum {
    SLOT_REF_BITS = 37,
    SLOT_FREQ_SHIFT = 37,
    SLOT_FREQ_MAX = 7,
    SLOT_AGE_SHIFT = 40,
    SLOT_AGE_MASK = 255,
    SLOT_TAG_SHIFT = 48,
    TABLE_HEADER = 8, /* bytes before the slots, at most */
    TABLE_CAP_MAX = 510,
    TABLE_FULL = 465, /* splits beyond */
    TABLE_NONE = 0xffff,
};
#define SLOT_REF_MASK ((UINT64_C(1) << SLOT_REF_BITS) - 1)

struct table {
    slot_t *slots;
    uint32_t cap;
    uint32_t depth;
};

static inline uint32_t slot_tag(slot_t s)
{
    return (uint32_t)(s >> SLOT_TAG_SHIFT);
}

/* A slot that is not empty, and has this tag. */
static inline bool slot_has_tag(slot_t s, uint32_t tag)
{
    return s != 0 && slot_tag(s) == tag;
}

static inline uint64_t slot_ref(slot_t s)
{
    return s & SLOT_REF_MASK;
}

static inline uint32_t table_home(const struct table *t, uint32_t tag)
{
    return ((tag << t->depth & 0xffff) * t->cap) >> 16;
}

/* The most entries that a table of this many slots takes before it grows. */
static inline uint32_t table_limit(uint32_t cap)
{
    return cap - (cap + 18) / 19;
}

static inline uint32_t table_step(const struct table *t, uint32_t i)
{
    return i + 1 == t->cap ? 0 : i + 1;
}

/* How far an entry at i is from its home, circularly. */
static inline uint32_t table_displacement(const struct table *t, uint32_t i, uint32_t home)
{
    return i >= home ? i - home : i + t->cap - home;
}

/* How many of the entries from `home` on certainly come before the tag: a look at eight slots at once, twice at most.
 * Beyond that begins a line that nobody has prefetched. */
#ifdef __SSE2__
enum { TABLE_LOOK = 8 };

/* The tags of eight slots. */
static inline __m128i table_tags(const slot_t *v)
{
    const __m128i *p = (const __m128i *)(const void *)v;
    __m128 low = _mm_shuffle_ps(_mm_castsi128_ps(_mm_loadu_si128(p)), _mm_castsi128_ps(_mm_loadu_si128(p + 1)),
                                _MM_SHUFFLE(3, 1, 3, 1));
    __m128 high = _mm_shuffle_ps(_mm_castsi128_ps(_mm_loadu_si128(p + 2)), _mm_castsi128_ps(_mm_loadu_si128(p + 3)),
                                 _MM_SHUFFLE(3, 1, 3, 1));
    return _mm_packs_epi32(_mm_srai_epi32(_mm_castps_si128(low), 16), _mm_srai_epi32(_mm_castps_si128(high), 16));
}

static inline uint32_t table_skip(const struct table *t, uint32_t home, uint32_t tag)
{
    const __m128i wanted = _mm_set1_epi16((int16_t)(uint16_t)tag), zero = _mm_setzero_si128();
    uint32_t d = 0;
    for (; d < 2 * TABLE_LOOK && home + d + TABLE_LOOK <= t->cap; d += TABLE_LOOK) {
        __m128i tags = table_tags(t->slots + home + d);
        /* what ends the search, or may: a tag that is not less than this one, or 0 as in an empty slot */
        __m128i stops = _mm_or_si128(_mm_cmpeq_epi16(_mm_subs_epu16(wanted, tags), zero), _mm_cmpeq_epi16(tags, zero));
        unsigned mask = (unsigned)_mm_movemask_epi8(stops);
        if (__builtin_expect(mask != 0, 1))
            return d + (uint32_t)__builtin_ctz(mask) / 2;
    }
    return d;
}
#else
static inline uint32_t table_skip(const struct table *t, uint32_t home, uint32_t tag)
{
    (void)t, (void)home, (void)tag;
    return 0;
}
#endif

/* table_seek from i on, where what stands at the front may have wrapped. */
bool table_seek_round(const struct table *t, uint32_t tag, uint32_t i, uint32_t *at);

/* Where the entries with this tag begin (true), or where one with it would be inserted (false). The search goes on
 * while entries belong before the tag: those of smaller tags, or of homes that come earlier on the circle. Where the
 * table is full and the tag is not there, *at means nothing. */
static inline bool table_seek(const struct table *t, uint32_t tag, uint32_t *at)
{
    const slot_t below = (slot_t)tag << SLOT_TAG_SHIFT;
    const uint32_t home = table_home(t, tag);
    uint32_t i = home + table_skip(t, home, tag);
    while (i < t->cap && t->slots[i] - 1 < below) /* smaller tags; an empty slot is the largest number here */
        i++;
    if (__builtin_expect(i < t->cap, 1)) {
        slot_t s = t->slots[i];
        *at = i;
        if (s == 0 || slot_tag(s) == tag)
            return s != 0;
        if (__builtin_expect(table_home(t, slot_tag(s)) <= i, 1)) /* a larger tag, which has not wrapped */
            return false;
    }
    return table_seek_round(t, tag, i, at);
}

/* Where the entries with this tag begin, or TABLE_NONE; the next one after i (a circular step). The caller compares
 * keys. */
static inline uint32_t table_first(const struct table *t, uint32_t tag)
{
    uint32_t at;
    return table_seek(t, tag, &at) ? at : (uint32_t)TABLE_NONE;
}

static inline uint32_t table_next(const struct table *t, uint32_t tag, uint32_t i)
{
    uint32_t next = table_step(t, i);
    return t->slots[next] != 0 && slot_tag(t->slots[next]) == tag ? next : (uint32_t)TABLE_NONE;
}

/* Inserts (there must be an empty slot); returns the place. Entries after it may have moved. */
uint32_t table_insert(const struct table *t, slot_t s);
/* The same where table_seek has said that there is no such tag, and where it would be: at `i`. */
void table_insert_at(const struct table *t, uint32_t i, slot_t s);
/* Removes the entry at i; those after it close up. */
void table_remove(const struct table *t, uint32_t i);

/* Inserts every entry of `from` that belongs to `to`, of which `first` is the first tag: all of them, where both are
 * equally deep. `to` is cleared first. Returns how many. */
uint32_t table_relay(const struct table *from, const struct table *to, uint32_t first);

/* Order and reachability of every entry; returns the count, or -1 when an entry stands wrong. For checks. */
int table_check(const struct table *t);

#endif
