/* Ropes: how lengths are cut, growth in every pattern against a byte array, copies, pins, and lazy freeing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/server/store_fixture.h"

enum { MOST = 5 * SEGMENT_WHOLE, HASH = 12345 };

static struct fixture f;
static char *model; /* MOST bytes: what the rope should hold */

static int set_up(void **state)
{
    (void)state;
    fixture_begin(&f, EVICT_NONE, 0);
    model = malloc(MOST);
    for (size_t i = 0; i < MOST; i++)
        model[i] = (char)(i * 31 + i / 251);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(model);
    fixture_assert_empty(&f);
    fixture_end(&f);
    return 0;
}

static struct rope *rope(uint32_t id)
{
    return rope_get(&f.s->ropes, id);
}

static void assert_content(uint32_t id, size_t len)
{
    char *copy = malloc(len + 1);
    assert_int_equal(rope(id)->len, len);
    rope_read(f.s, rope(id), 0, len, copy);
    assert_memory_equal(copy, model, len);
    free(copy);
    size_t at = 0, run;
    while (at < len) { /* every piece's length is honest */
        const char *p = rope_piece(f.s, rope(id), at, &run);
        assert_true(run > 0 && at + run <= len);
        assert_memory_equal(p, model + at, run);
        at += run;
    }
}

/* A private rope of this length with the model's bytes. */
static uint32_t make(size_t len)
{
    uint32_t id = rope_new(f.sx);
    assert_true(id != 0 && rope_grow(f.sx, id, len, false));
    rope_write(f.s, rope(id), 0, model, len);
    return id;
}

static void test_shapes(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        struct rope_shape sh;
    } cases[] = {
        {0, {0, 0, 0, 0}},
        {1, {0, 0, 1, 1}},
        {SEGMENT_MID - 1, {0, 0, SEGMENT_MID - 1, 1}},
        {SEGMENT_MID, {0, 1, 0, 1}},
        {SEGMENT_MID + 1, {0, 1, 1, 2}},
        {SEGMENT_WHOLE - 1, {0, 16, SEGMENT_WHOLE - 1 - 16 * SEGMENT_MID, 17}},
        {SEGMENT_WHOLE, {1, 0, 0, 1}},
        {3 * SEGMENT_WHOLE + SEGMENT_MID + 5, {3, 1, 5, 5}},
        {UINT64_C(512) << 20, {8194, 0, 32, 8195}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rope_shape sh = rope_shape(cases[i].len);
        assert_memory_equal(&sh, &cases[i].sh, sizeof sh);
    }
    for (size_t len = 0; len < (UINT64_C(1) << 33); len = len * 5 / 4 + 777) {
        struct rope_shape sh = rope_shape(len);
        assert_int_equal((size_t)sh.whole * SEGMENT_WHOLE + (size_t)sh.mid * SEGMENT_MID + sh.tail, len);
        assert_int_equal(sh.nsegs, sh.whole + sh.mid + (sh.tail > 0));
        assert_true(sh.tail < SEGMENT_MID && (size_t)sh.mid * SEGMENT_MID + sh.tail < SEGMENT_WHOLE);
    }
}

/* Lengths at which the cut changes. */
static const size_t edges[] = {
    0,
    1,
    15,
    16,
    17,
    100,
    SEGMENT_MID - 1,
    SEGMENT_MID,
    SEGMENT_MID + 1,
    2 * SEGMENT_MID,
    10 * SEGMENT_MID + 7,
    SEGMENT_WHOLE - 1,
    SEGMENT_WHOLE,
    SEGMENT_WHOLE + 1,
    SEGMENT_WHOLE + SEGMENT_MID,
    SEGMENT_WHOLE + SEGMENT_MID + 1,
    2 * SEGMENT_WHOLE - 1,
    2 * SEGMENT_WHOLE,
    2 * SEGMENT_WHOLE + 3 * SEGMENT_MID + 99,
    4 * SEGMENT_WHOLE,
};
enum { EDGES = sizeof edges / sizeof *edges };

/* From every edge to every later one, private and live, with zeros and without. */
static void test_growth_between_edges(void **state)
{
    (void)state;
    static char zeros[MOST];
    for (int i = 0; i < EDGES; i++)
        for (int j = i; j < EDGES; j++) {
            uint32_t id = make(edges[i]);
            bool live = (i + j) % 2 == 0;
            if (live)
                rope_adopt(f.sx, id, HASH);
            assert_true(rope_grow(f.sx, id, edges[j], true));
            assert_int_equal(rope(id)->len, edges[j]);
            char *copy = malloc(edges[j] + 1);
            rope_read(f.s, rope(id), 0, edges[j], copy);
            assert_memory_equal(copy, model, edges[i]);
            assert_memory_equal(copy + edges[i], zeros, edges[j] - edges[i]);
            free(copy);
            if (live)
                fixture_assert_sound(&f);
            rope_free(f.sx, id);
        }
}

static void grow_in_steps(size_t step, bool live)
{
    uint32_t id = make(0);
    if (live)
        rope_adopt(f.sx, id, HASH);
    size_t len = 0;
    while (len + step < MOST / 2) {
        assert_true(rope_grow(f.sx, id, len + step, false));
        rope_write(f.s, rope(id), len, model + len, step);
        len += step;
    }
    assert_content(id, len);
    rope_free(f.sx, id);
}

static void test_growth_in_steps(void **state)
{
    (void)state;
    static const size_t steps[] = {13, 100, 1000, 4079, 4080, 4081, 30000, 65519, 65521, 100000};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        grow_in_steps(steps[i], i % 2 == 1);
}

/* Growth by random amounts and writes at random places. */
static void test_random_writes(void **state)
{
    (void)state;
    char *bytes = malloc(MOST);
    for (int round = 0; round < 12; round++) {
        size_t len = 0;
        uint32_t id = make(0);
        rope_adopt(f.sx, id, HASH);
        while (len < MOST - 100000) {
            size_t more = fixture_below(&f, fixture_below(&f, 4) == 0 ? 70000 : 3000);
            assert_true(rope_grow(f.sx, id, len + more, true));
            memset(bytes + len, 0, more);
            len += more;
            for (int i = 0; i < 3 && len > 0; i++) {
                size_t at = fixture_below(&f, (uint32_t)len), n = fixture_below(&f, (uint32_t)(len - at) + 1);
                n = fixture_below(&f, 4) == 0 ? n : n % 5000;
                const char *from = fixture_below(&f, 5) == 0 ? NULL : model + fixture_below(&f, (uint32_t)(MOST - n));
                rope_write(f.s, rope(id), at, from, n);
                if (from != NULL)
                    memcpy(bytes + at, from, n);
                else
                    memset(bytes + at, 0, n);
            }
        }
        char *copy = malloc(len);
        rope_read(f.s, rope(id), 0, len, copy);
        assert_memory_equal(copy, bytes, len);
        free(copy);
        fixture_assert_sound(&f);
        rope_free(f.sx, id);
    }
    free(bytes);
}

static void test_clone(void **state)
{
    (void)state;
    static char zeros[MOST];
    for (int i = 0; i < EDGES; i++)
        for (int more = 0; more < 3; more++) {
            size_t len = edges[i], want = more == 0 ? 0 : len + (more == 1 ? 1 : SEGMENT_MID + 3);
            uint32_t id = make(len), copy = rope_clone(f.sx, id, want);
            assert_true(copy != 0 && copy != id);
            assert_int_equal(rope(copy)->len, want > len ? want : len);
            rope_write(f.s, rope(id), 0, NULL, len); /* the copy is its own */
            rope_free(f.sx, id);
            char *bytes = malloc(rope(copy)->len + 1);
            rope_read(f.s, rope(copy), 0, rope(copy)->len, bytes);
            assert_memory_equal(bytes, model, len);
            assert_memory_equal(bytes + len, zeros, rope(copy)->len - len);
            free(bytes);
            rope_free(f.sx, copy);
        }
}

/* Chunks run out at every point of a growth: it is all or nothing. */
static void test_short_of_chunks(void **state)
{
    (void)state;
    for (int live = 0; live < 2; live++)
        for (int i = 3; i < EDGES - 1; i += 2) {
            size_t len = edges[i];
            uint32_t id = make(len), refused = 0;
            if (live)
                rope_adopt(f.sx, id, HASH);
            magazines_flush(f.sx);
            uint32_t used = pool_in_use(&f.s->slab.pool);
            struct tally before = fixture_tally(&f);
            for (uint32_t pages = 0;; pages++) {
                pool_set_budget(&f.s->slab.pool, used + pages);
                if (rope_grow(f.sx, id, MOST, false))
                    break;
                refused++;
                assert_content(id, len);
                magazines_flush(f.sx);
                struct tally after = fixture_tally(&f);
                assert_memory_equal(&after, &before, sizeof after);
                assert_int_equal(pool_in_use(&f.s->slab.pool), used);
            }
            assert_true(refused >= 1);
            pool_set_budget(&f.s->slab.pool, UINT64_MAX);
            rope_free(f.sx, id);
        }
    uint32_t id = make(3 * SEGMENT_WHOLE);
    pool_set_budget(&f.s->slab.pool, pool_in_use(&f.s->slab.pool) + 1);
    assert_int_equal(rope_clone(f.sx, id, 0), 0);
    rope_free(f.sx, id);
    pool_set_budget(&f.s->slab.pool, UINT64_MAX);
}

static void test_pins_keep_an_orphan(void **state)
{
    (void)state;
    static const size_t lengths[] = {5000, 40000, 3 * SEGMENT_WHOLE + 5};
    for (int i = 0; i < 3; i++) {
        uint32_t id = make(lengths[i]);
        rope_adopt(f.sx, id, HASH);
        rope_pin(rope(id));
        rope_pin(rope(id));
        rope_drop(f.sx, id);
        struct tally t = fixture_tally(&f);
        assert_int_equal(t.orphaned, rope(id)->nsegs);
        assert_int_equal(t.live, 0);
        assert_content(id, lengths[i]);
        rope_unpin(f.sx, id);
        assert_content(id, lengths[i]);
        rope_unpin(f.sx, id);
        t = fixture_tally(&f);
        assert_int_equal(t.orphaned + t.live, 0);
    }
}

/* What a reader saw when it pinned: references, and the bytes as they were. */
struct reader {
    struct rope_shape shape;
    size_t len;
    chunk_ref *refs;
    char *bytes;
};

static void reader_begin(struct reader *rd, uint32_t id)
{
    struct rope *r = rope(id);
    assert_non_null(rope_pin(r));
    *rd = (struct reader){rope_shape(r->len), r->len, malloc((r->nsegs + 1) * sizeof *rd->refs), malloc(r->len + 1)};
    memcpy(rd->refs, r->refs, r->nsegs * sizeof *rd->refs);
    rope_read(f.s, r, 0, r->len, rd->bytes);
}

static void reader_check(const struct reader *rd)
{
    for (size_t at = 0, run; at < rd->len; at += run) {
        const char *p = rope_piece_of(f.s, rd->refs, 0, &rd->shape, at, &run);
        run = run < rd->len - at ? run : rd->len - at;
        assert_memory_equal(p, rd->bytes + at, run);
    }
}

static void reader_end(struct reader *rd, uint32_t id)
{
    reader_check(rd);
    rope_unpin(f.sx, id);
    free(rd->refs);
    free(rd->bytes);
    rd->refs = NULL;
}

static void overwrite(uint32_t id, char *bytes)
{
    struct rope *r = rope(id);
    size_t at = fixture_below(&f, (uint32_t)r->len), most = r->len - at;
    size_t n = fixture_below(&f, (uint32_t)(most < 9000 || fixture_below(&f, 5) == 0 ? most : 9000)) + 1;
    const char *from = model + fixture_below(&f, (uint32_t)(MOST - n));
    assert_true(rope_own(f.sx, id, at, n));
    rope_write(f.s, r, at, from, n);
    memcpy(bytes + at, from, n);
}

/* Writes and growth under readers that came at different times: each sees what was there when it came, the value is
 * what was written, and nothing is left of what was replaced. */
static void test_readers_see_the_past(void **state)
{
    enum { READERS = 6 };
    (void)state;
    char *bytes = malloc(MOST);
    for (int i = 0; i < EDGES; i++) {
        size_t len = edges[i] + 1;
        if (len > MOST / 2)
            continue;
        struct reader readers[READERS] = {0};
        uint32_t id = make(len);
        memcpy(bytes, model, len);
        rope_adopt(f.sx, id, HASH);
        for (int turn = 0; turn < 60; turn++) {
            struct reader *rd = &readers[fixture_below(&f, READERS)];
            if (rd->refs == NULL)
                reader_begin(rd, id);
            else if (fixture_below(&f, 2) == 0)
                reader_end(rd, id);
            overwrite(id, bytes);
            if (fixture_below(&f, 8) == 0) {
                size_t more = fixture_below(&f, (uint32_t)(MOST - len) / 8 + 1);
                assert_true(rope_grow(f.sx, id, len + more, true));
                memset(bytes + len, 0, more);
                len += more;
            }
            fixture_assert_sound(&f);
        }
        char *now = malloc(len);
        rope_read(f.s, rope(id), 0, len, now);
        assert_memory_equal(now, bytes, len);
        free(now);
        rope_drop(f.sx, id);
        for (int k = 0; k < READERS; k++)
            if (readers[k].refs != NULL)
                reader_end(&readers[k], id);
        while (rope_free_lazy(f.sx, 7) > 0)
            ;
        struct tally t = fixture_tally(&f);
        assert_int_equal(t.live + t.orphaned + (uint64_t)t.orphans, 0);
    }
    free(bytes);
}

/* A write copies what it touches, once for all writes between two pins. */
static void test_a_write_copies_what_it_touches(void **state)
{
    (void)state;
    enum { SEGMENTS = 200 };
    uint32_t id = rope_new(f.sx);
    assert_true(rope_grow(f.sx, id, (size_t)SEGMENTS * SEGMENT_WHOLE, true));
    rope_adopt(f.sx, id, HASH);
    struct rope_hold *h = rope_pin(rope(id));
    for (int i = 0; i < 10; i++)
        assert_true(rope_own(f.sx, id, (size_t)7 * SEGMENT_WHOLE - 1, 2)); /* two segments */
    assert_int_equal(fixture_tally(&f).orphaned, 2);
    assert_int_equal(atomic_load(&h->kept), 2 * CHUNK_WHOLE);
    assert_ptr_equal(rope_pin(rope(id)), h);
    assert_true(rope_own(f.sx, id, (size_t)7 * SEGMENT_WHOLE - 1, 2));
    assert_int_equal(fixture_tally(&f).orphaned, 4);
    assert_true(rope_own(f.sx, id, 0, (size_t)SEGMENTS * SEGMENT_WHOLE));
    assert_int_equal(fixture_tally(&f).orphaned, 2 + SEGMENTS);
    rope_unpin(f.sx, id);
    assert_int_equal(fixture_tally(&f).orphaned, 2 + SEGMENTS);
    rope_unpin(f.sx, id); /* as many as that are the memory thread's */
    assert_int_equal(fixture_tally(&f).orphans, 2 + SEGMENTS);
    assert_int_equal(rope_free_lazy(f.sx, 1000), 2 + SEGMENTS);
    assert_int_equal(fixture_tally(&f).segments, SEGMENTS);
    rope_free(f.sx, id);
}

/* A write that is refused for want of chunks, after some of its segments were copied, has changed nothing. */
static void test_a_refused_write_changes_nothing(void **state)
{
    (void)state;
    uint32_t id = make(MOST);
    rope_adopt(f.sx, id, HASH);
    assert_non_null(rope_pin(rope(id)));
    pool_set_budget(&f.s->slab.pool, pool_in_use(&f.s->slab.pool) + 2);
    assert_false(rope_own(f.sx, id, 0, MOST));
    assert_true(fixture_tally(&f).orphaned > 0);
    assert_content(id, MOST);
    pool_set_budget(&f.s->slab.pool, 1000);
    assert_true(rope_own(f.sx, id, 0, MOST));
    assert_content(id, MOST);
    rope_unpin(f.sx, id);
    rope_free(f.sx, id);
}

/* Dropping looks at no chunk of a long rope, whatever its length; neither does adopting one that came in steps. */
static void test_length_does_not_matter(void **state)
{
    (void)state;
    enum { SEGMENTS = 300 };
    uint32_t id = rope_new(f.sx);
    for (uint32_t i = 1; i <= SEGMENTS; i += 4)
        assert_true(rope_grow(f.sx, id, (size_t)i * SEGMENT_WHOLE, false));
    assert_true(rope(id)->marked >= rope(id)->nsegs - 4);
    uint32_t n = rope(id)->nsegs;
    rope_adopt(f.sx, id, HASH);
    assert_non_null(rope_pin(rope(id)));
    rope_drop(f.sx, id);
    assert_int_equal(fixture_tally(&f).orphaned, 0);
    assert_int_equal(fixture_tally(&f).orphans, n);
    assert_int_equal(rope_free_lazy(f.sx, 10), 10); /* marked, not freed: it is pinned */
    assert_int_equal(fixture_tally(&f).orphaned, 10);
    rope_free_lazy(f.sx, 10000);
    assert_int_equal(rope_free_lazy(f.sx, 10000), 0);
    assert_int_equal(fixture_tally(&f).orphaned, n);
    assert_int_equal(atomic_load(&f.s->lazy_ropes), 0);
    rope_unpin(f.sx, id);
    assert_int_equal(atomic_load(&f.s->lazy_ropes), 1);
    assert_int_equal(rope_free_lazy(f.sx, 10000), n);
    assert_int_equal(fixture_tally(&f).orphans, 0);
}

static void count_wakes(void *arg)
{
    ++*(int *)arg;
}

static void test_long_ones_are_freed_lazily(void **state)
{
    (void)state;
    int wakes = 0;
    f.s->wake = count_wakes;
    f.s->wake_arg = &wakes;
    uint32_t id[3];
    for (int i = 0; i < 3; i++) {
        id[i] = rope_new(f.sx);
        assert_true(rope_grow(f.sx, id[i], (size_t)70 * SEGMENT_WHOLE, false));
        rope_adopt(f.sx, id[i], HASH);
    }
    rope_drop(f.sx, id[0]);
    rope_pin(rope(id[1]));
    rope_drop(f.sx, id[1]);
    rope_unpin(f.sx, id[1]);
    rope_drop(f.sx, id[2]);
    assert_int_equal(wakes, 3);
    assert_int_equal(atomic_load(&f.s->lazy_ropes), 3);
    assert_int_equal(fixture_tally(&f).segments, 0);
    assert_int_equal(fixture_tally(&f).orphans, 3 * 70);
    assert_int_equal(rope_free_lazy(f.sx, 1), 1); /* in steps */
    assert_int_equal(rope_free_lazy(f.sx, 100), 100);
    assert_int_equal(fixture_tally(&f).orphans, 3 * 70 - 101);
    assert_int_equal(rope_free_lazy(f.sx, 1000), 109);
    assert_int_equal(rope_free_lazy(f.sx, 100), 0);
    assert_int_equal(atomic_load(&f.s->lazy_ropes), 0);
}

/* Ids are used again, and blocks of handles are made as they are needed. */
static void test_many_handles(void **state)
{
    (void)state;
    enum { MANY = 1000 };
    uint32_t id[MANY];
    for (uint32_t i = 0; i < MANY; i++) {
        id[i] = make(i % 50);
        assert_int_equal(id[i], i + 1);
    }
    for (uint32_t i = 0; i < MANY; i++)
        assert_content(id[i], i % 50);
    for (uint32_t i = 0; i < MANY; i += 2)
        rope_free(f.sx, id[i]);
    for (uint32_t i = 0; i < MANY; i += 2) {
        id[i] = make(7);
        assert_true(id[i] <= MANY);
    }
    assert_int_equal(f.s->ropes.used, MANY);
    for (uint32_t i = 0; i < MANY; i++)
        rope_free(f.sx, id[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test_setup_teardown(test_growth_between_edges, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_growth_in_steps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_random_writes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_clone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_short_of_chunks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pins_keep_an_orphan, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_readers_see_the_past, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_write_copies_what_it_touches, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_refused_write_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_length_does_not_matter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_ones_are_freed_lazily, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_handles, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
