/* A table of the index against a list: all capacities and depths, equal tags, wrap-around, re-laying. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/table.h"

/* The table under test and the entries that should be in it, in no order. */
struct model {
    slot_t slots[TABLE_CAP_MAX + 2]; /* one on either side must stay as it is */
    struct table t;
    slot_t entries[TABLE_CAP_MAX];
    uint32_t n;
};

static const slot_t guard = UINT64_C(0xdeadbeefdeadbeef);
static uint64_t seed;

static uint32_t random_below(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((seed >> 32) * n >> 32);
}

static void model_make(struct model *m, uint32_t cap, uint32_t depth)
{
    memset(m, 0, sizeof *m);
    m->slots[0] = m->slots[cap + 1] = guard;
    m->t = (struct table){m->slots + 1, cap, depth};
}

static slot_t entry(uint32_t tag, uint32_t ref)
{
    return (slot_t)tag << SLOT_TAG_SHIFT | ref;
}

/* Every entry is found by its tag once, nothing else is, and the order holds. */
static void model_check(const struct model *m)
{
    assert_int_equal(table_check(&m->t), m->n);
    assert_true(m->slots[0] == guard && m->slots[m->t.cap + 1] == guard);
    for (uint32_t i = 0; i < m->n; i++) {
        uint32_t tag = slot_tag(m->entries[i]), found = 0, same = 0, looked = 0;
        for (uint32_t at = table_first(&m->t, tag); at != TABLE_NONE; at = table_next(&m->t, tag, at)) {
            assert_true(at < m->t.cap && looked++ <= m->n);
            assert_int_equal(slot_tag(m->t.slots[at]), tag);
            found += m->t.slots[at] == m->entries[i];
        }
        for (uint32_t j = 0; j < m->n; j++)
            same += slot_tag(m->entries[j]) == tag;
        assert_int_equal(found, 1);
        assert_int_equal(looked, same);
    }
}

static void model_insert(struct model *m, slot_t s)
{
    uint32_t at = table_insert(&m->t, s);
    assert_true(m->t.slots[at] == s);
    m->entries[m->n++] = s;
}

static void model_remove(struct model *m, uint32_t i)
{
    uint32_t tag = slot_tag(m->entries[i]), at = table_first(&m->t, tag);
    while (at != TABLE_NONE && m->t.slots[at] != m->entries[i])
        at = table_next(&m->t, tag, at);
    assert_true(at != TABLE_NONE);
    table_remove(&m->t, at);
    m->entries[i] = m->entries[--m->n];
}

/* A tag of the table whose first tag is `first`: `spread` many of them, at the low end, the high end or anywhere. */
static uint32_t tag_in(uint32_t first, uint32_t depth, uint32_t where, uint32_t spread)
{
    uint32_t span = 0x10000u >> depth, some = spread < span ? spread : span;
    uint32_t at = random_below(some);
    return first + (where == 0 ? at : where == 1 ? span - 1 - at : random_below(span));
}

static void play(uint32_t cap, uint32_t depth, uint32_t where, uint32_t spread, uint32_t steps, uint32_t fill)
{
    static struct model m;
    uint32_t first = random_below(1u << depth) << (16 - depth), ref = 1;
    model_make(&m, cap, depth);
    for (uint32_t step = 0; step < steps; step++) {
        bool insert = m.n == 0 || (m.n < fill && random_below(100) < (step / (2 * cap) % 2 ? 40u : 70u));
        if (insert)
            model_insert(&m, entry(tag_in(first, depth, where, spread), ref++));
        else
            model_remove(&m, random_below(m.n));
        if (step % (cap / 8 + 1) == 0)
            model_check(&m);
    }
    model_check(&m);
    while (m.n > 0)
        model_remove(&m, m.n - 1);
    for (uint32_t i = 0; i < cap; i++)
        assert_true(m.t.slots[i] == 0);
}

static void test_every_capacity(void **state)
{
    (void)state;
    seed = 1;
    for (uint32_t cap = 2; cap <= TABLE_CAP_MAX; cap += cap < 40 ? 1 : 23)
        for (uint32_t where = 0; where < 3; where++)
            play(cap, random_below(17), where, 0x10000, cap * 3, cap - 1);
    play(TABLE_CAP_MAX, 0, 2, 0x10000, 3000, TABLE_FULL);
}

static void test_every_depth(void **state)
{
    (void)state;
    seed = 2;
    for (uint32_t depth = 0; depth <= 16; depth++)
        for (uint32_t where = 0; where < 3; where++) {
            play(37, depth, where, 0x10000, 400, 36);
            play(130, depth, where, 0x10000, 600, 120);
        }
}

/* Few tags, at the front or at the end: long runs that wrap. */
static void test_equal_tags_and_wrapping(void **state)
{
    (void)state;
    seed = 3;
    static const uint32_t spreads[] = {1, 2, 3, 10};
    for (uint32_t s = 0; s < 4; s++)
        for (uint32_t where = 0; where < 2; where++)
            for (uint32_t cap = 3; cap < 100; cap += 16)
                play(cap, random_below(14), where, spreads[s], cap * 4, cap - 1);
}

/* A table may be filled to its last slot. */
static void test_full(void **state)
{
    (void)state;
    seed = 4;
    for (uint32_t cap = 2; cap < 80; cap += 7) {
        static struct model m;
        for (uint32_t where = 0; where < 3; where++) {
            model_make(&m, cap, 2);
            while (m.n < cap)
                model_insert(&m, entry(tag_in(0x4000, 2, where, 20), m.n + 1));
            model_check(&m);
            for (uint32_t tag = 0x4000; tag < 0x8000; tag += 97) {
                uint32_t same = 0, at = table_first(&m.t, tag);
                for (uint32_t i = 0; i < m.n; i++)
                    same += slot_tag(m.entries[i]) == tag;
                assert_int_equal(at != TABLE_NONE, same > 0);
            }
            while (m.n > 0) {
                model_remove(&m, random_below(m.n));
                model_check(&m);
            }
        }
    }
}

static void test_absent_tags(void **state)
{
    (void)state;
    static struct model m;
    seed = 5;
    model_make(&m, 200, 0);
    bool *there = calloc(0x10000, sizeof *there);
    while (m.n < 180) {
        uint32_t tag = tag_in(0, 0, m.n % 3, 300);
        there[tag] = true;
        model_insert(&m, entry(tag, m.n + 1));
    }
    for (uint32_t tag = 0; tag < 0x10000; tag++)
        assert_int_equal(table_first(&m.t, tag) != TABLE_NONE, there[tag]);
    free(there);
}

/* Into every other capacity, and into the two halves of a split; age and frequency are carried along. */
static void test_relay(void **state)
{
    (void)state;
    static struct model from, to;
    seed = 6;
    for (uint32_t round = 0; round < 60; round++) {
        uint32_t depth = random_below(16), cap = 2 + random_below(TABLE_CAP_MAX - 2), where = round % 3;
        uint32_t first = random_below(1u << depth) << (16 - depth), n = 1 + random_below(cap - 1);
        model_make(&from, cap, depth);
        for (uint32_t i = 0; i < n; i++)
            model_insert(&from, entry(tag_in(first, depth, where, 1 + random_below(500)), i + 1) |
                                    (slot_t)random_below(2048) << SLOT_FREQ_SHIFT);
        uint32_t other = n + 1 + random_below(TABLE_CAP_MAX - n);
        model_make(&to, other, depth);
        to.t.slots[0] = to.t.slots[other - 1] = 77; /* cleared first */
        assert_int_equal(table_relay(&from.t, &to.t, first), n);
        memcpy(to.entries, from.entries, sizeof to.entries);
        to.n = n;
        model_check(&to);
        uint32_t moved = 0;
        for (uint32_t half = 0; half < 2; half++) {
            uint32_t begin = first | (half ? 0x8000u >> depth : 0);
            model_make(&to, cap + 1, depth + 1);
            for (uint32_t i = 0; i < n; i++)
                if ((slot_tag(from.entries[i]) & (0xffff8000u >> depth & 0xffff)) == begin)
                    to.entries[to.n++] = from.entries[i];
            assert_int_equal(table_relay(&from.t, &to.t, begin), to.n);
            model_check(&to);
            moved += to.n;
        }
        assert_int_equal(moved, n);
    }
}

/* ---- small tables, every step compared with the plain way ------------------------------------------------------- */

static uint32_t plain_home(const struct table *t, slot_t s)
{
    return (uint32_t)((uint64_t)(slot_tag(s) << t->depth & 0xffff) * t->cap / 0x10000);
}

/* From its home on: takes the place of the first who is less far from its own, or as far with a larger tag; that one
 * goes on in the same way. */
static void plain_insert(const struct table *t, slot_t s)
{
    for (uint32_t i = plain_home(t, s), d = 0;; i = (i + 1) % t->cap, d++) {
        slot_t there = t->slots[i];
        if (there == 0) {
            t->slots[i] = s;
            return;
        }
        uint32_t other = (i + t->cap - plain_home(t, there)) % t->cap;
        if (other < d || (other == d && slot_tag(there) > slot_tag(s))) {
            t->slots[i] = s;
            s = there;
            d = other;
        }
    }
}

/* The table's tags stand where those of the entries of m would that begin with `first`, put there one by one. */
static void assert_plain(const struct table *t, const struct model *m, uint32_t first)
{
    static struct model plain;
    model_make(&plain, t->cap, t->depth);
    for (uint32_t i = 0; i < m->n; i++)
        if (slot_tag(m->entries[i]) >> (16 - t->depth) == first >> (16 - t->depth))
            plain_insert(&plain.t, m->entries[i]);
    for (uint32_t i = 0; i < t->cap; i++)
        assert_int_equal(slot_tag(t->slots[i]), slot_tag(plain.t.slots[i]));
    for (uint32_t i = 0; i < t->cap; i++)
        assert_int_equal(t->slots[i] == 0, plain.t.slots[i] == 0);
}

/* A tag is found at the first of its entries; one that is not there, where it would be inserted. */
static void assert_sought(const struct model *m, uint32_t tag, uint32_t first)
{
    static struct model more;
    uint32_t same = 0, at;
    for (uint32_t i = 0; i < m->n; i++)
        same += slot_tag(m->entries[i]) == tag;
    assert_int_equal(table_seek(&m->t, tag, &at), same > 0);
    if (same > 0) {
        assert_int_equal(slot_tag(m->t.slots[at]), tag);
        assert_true(same == m->t.cap || slot_tag(m->t.slots[(at + m->t.cap - 1) % m->t.cap]) != tag ||
                    m->t.slots[(at + m->t.cap - 1) % m->t.cap] == 0);
    } else if (m->n < m->t.cap) {
        more = *m;
        more.t.slots = more.slots + 1;
        more.entries[more.n++] = entry(tag, 0xffff);
        table_insert_at(&more.t, at, entry(tag, 0xffff));
        assert_plain(&more.t, &more, first);
    }
}

static void assert_relays(const struct model *m, uint32_t first)
{
    static struct model to;
    for (uint32_t cap = m->n > 0 ? m->n : 1; cap < m->n + 5; cap++)
        for (uint32_t part = 0; part < (m->t.depth < 16 ? 3 : 1); part++) { /* all, and either half */
            uint32_t begin = first | (part == 2 ? 0x8000u >> m->t.depth : 0), n = 0;
            model_make(&to, cap, m->t.depth + (part > 0));
            for (uint32_t i = 0; i < cap; i++)
                to.t.slots[i] = guard;
            for (uint32_t i = 0; i < m->n; i++)
                n += slot_tag(m->entries[i]) >> (16 - to.t.depth) == begin >> (16 - to.t.depth);
            assert_int_equal(table_relay(&m->t, &to.t, begin), n);
            assert_plain(&to.t, m, begin);
            assert_true(to.slots[0] == guard && to.slots[cap + 1] == guard);
        }
}

static void play_plainly(uint32_t cap, uint32_t depth, uint32_t where, uint32_t spread)
{
    static struct model m;
    uint32_t first = random_below(1u << depth) << (16 - depth);
    model_make(&m, cap, depth);
    for (uint32_t step = 0; step < 4 * cap; step++) {
        if (m.n == 0 || (m.n < cap && random_below(100) < 65))
            model_insert(&m, entry(tag_in(first, depth, where, spread), step + 1));
        else
            model_remove(&m, random_below(m.n));
        assert_plain(&m.t, &m, first);
        for (uint32_t i = 0; i < 4; i++)
            assert_sought(&m, tag_in(first, depth, where, spread), first);
        assert_relays(&m, first);
        assert_true(m.slots[0] == guard && m.slots[cap + 1] == guard);
    }
}

/* Up to the last slot, and re-laid into tables that have no slot to spare. */
static void test_small_tables_plainly(void **state)
{
    (void)state;
    static const uint32_t spreads[] = {1, 3, 40, 0x10000};
    seed = 8;
    for (uint32_t cap = 1; cap <= 8; cap++)
        for (uint32_t depth = 0; depth <= 16; depth++)
            for (uint32_t i = 0; i < sizeof spreads / sizeof *spreads; i++)
                for (uint32_t where = 0; where < 3; where++)
                    play_plainly(cap, depth, where, spreads[i]);
}

static void test_the_limit_leaves_gaps(void **state)
{
    (void)state;
    for (uint32_t cap = 2; cap <= TABLE_CAP_MAX; cap++) {
        assert_true(table_limit(cap) >= 1 && table_limit(cap) < cap);
        assert_true(table_limit(cap) >= cap - cap / 14 - 1);
    }
    assert_true(table_limit(TABLE_CAP_MAX) >= TABLE_FULL);
}

static void test_the_check_sees(void **state)
{
    (void)state;
    static struct model m;
    seed = 7;
    model_make(&m, 64, 0);
    while (m.n < 50)
        model_insert(&m, entry(random_below(0x10000), m.n + 1));
    uint32_t unseen = 0;
    for (uint32_t i = 0; i < 64; i++)
        for (uint32_t j = 0; j < i; j++) {
            slot_t a = m.t.slots[i], b = m.t.slots[j];
            if (slot_tag(a) == slot_tag(b))
                continue;
            m.t.slots[i] = b;
            m.t.slots[j] = a;
            unseen += table_check(&m.t) == (int)m.n && a != 0 && b != 0;
            m.t.slots[i] = a;
            m.t.slots[j] = b;
        }
    assert_int_equal(unseen, 0);
    model_check(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_capacity),
        cmocka_unit_test(test_every_depth),
        cmocka_unit_test(test_equal_tags_and_wrapping),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_absent_tags),
        cmocka_unit_test(test_relay),
        cmocka_unit_test(test_small_tables_plainly),
        cmocka_unit_test(test_the_limit_leaves_gaps),
        cmocka_unit_test(test_the_check_sees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
