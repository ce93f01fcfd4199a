/* Emptying a page with a mover that the test plays: each chunk that is not free is offered once, in steps, and every
 * outcome is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "defrag/drain.h"

enum { PAGES = 3, CHUNKS_MAX = 4096 };

struct owner {
    struct slab slab;
    uint32_t class, per_page;
    chunk_ref refs[CHUNKS_MAX]; /* what it owns, by mark; 0: gone */
    uint32_t offered[CHUNKS_MAX], pinned_below, no_room_from;
};

static struct owner o;

static void fill(chunk_ref ref, uint32_t mark)
{
    *(uint32_t *)slab_ptr(&o.slab, ref) = mark;
    slab_set_state(&o.slab, ref, CHUNK_LIVE);
}

static int set_up(void **state)
{
    (void)state;
    memset(&o, 0, sizeof o);
    if (!slab_open(&o.slab, &slab_os_linux, 64 << 20, 24, 1.05))
        return -1;
    o.class = size_class_of(&o.slab.classes, 200);
    o.per_page = o.slab.classes.c[o.class].chunks;
    o.no_room_from = UINT32_MAX;
    for (uint32_t i = 0; i < PAGES * o.per_page; i++) {
        if (slab_take(&o.slab, o.class, &o.refs[i], 1) != 1)
            return -1;
        fill(o.refs[i], i);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char why[200];
    bool ok = slab_check(&o.slab, why, sizeof why);
    slab_close(&o.slab);
    return ok ? 0 : -1;
}

static enum move_outcome move(void *ctx, chunk_ref ref)
{
    struct owner *w = ctx;
    uint8_t state = slab_get_state(&w->slab, ref);
    uint32_t mark = *(const uint32_t *)slab_ptr(&w->slab, ref);
    if (state == CHUNK_RESERVED)
        return MOVE_RESERVED;
    w->offered[mark]++;
    if (w->refs[mark] != ref)
        return MOVE_GONE;
    if (mark < w->pinned_below)
        return MOVE_PINNED;
    if (mark >= w->no_room_from)
        return MOVE_NO_ROOM;
    chunk_ref to;
    if (slab_take(&w->slab, w->class, &to, 1) != 1)
        return MOVE_NO_ROOM;
    fill(to, mark);
    w->refs[mark] = to;
    slab_give(&w->slab, ref);
    return MOVE_MOVED;
}

/* Frees all but `left` of the first page's chunks, and as many elsewhere as are needed for them. */
static uint32_t thin_out(uint32_t left)
{
    for (uint32_t i = left; i < o.per_page; i++) {
        slab_give(&o.slab, o.refs[i]);
        o.refs[i] = 0;
    }
    for (uint32_t i = 0; i < left + 5; i++) {
        slab_give(&o.slab, o.refs[o.per_page + 2 * i]);
        o.refs[o.per_page + 2 * i] = 0;
    }
    return slab_page_of(o.refs[0]);
}

static void test_empties_a_page(void **state)
{
    (void)state;
    uint32_t left = o.per_page / 4, page = thin_out(left), at = 0;
    assert_int_equal(slab_drain_begin(&o.slab, o.class, 0, 0), page);
    struct drain_result r = drain_page(&o.slab, page, &at, UINT32_MAX, move, &o);
    assert_int_equal(r.outcomes[MOVE_MOVED], left);
    assert_true(r.emptied);
    assert_true(slab_drain_end(&o.slab, page));
    for (uint32_t i = 0; i < PAGES * o.per_page; i++) {
        assert_int_equal(o.offered[i], i < left);
        if (o.refs[i] != 0) {
            assert_int_not_equal(slab_page_of(o.refs[i]), page);
            assert_int_equal(*(const uint32_t *)slab_ptr(&o.slab, o.refs[i]), i);
        }
    }
}

static void test_in_steps(void **state)
{
    (void)state;
    uint32_t left = 50, page = thin_out(left), at = 0, moved = 0, steps = 0;
    assert_true(slab_drain_page(&o.slab, page));
    for (struct drain_result r = {.emptied = false}; !r.emptied; steps++) {
        r = drain_page(&o.slab, page, &at, 7, move, &o);
        assert_true(r.outcomes[MOVE_MOVED] <= 7);
        moved += r.outcomes[MOVE_MOVED];
    }
    assert_int_equal(moved, left);
    assert_int_equal(steps, (left + 6) / 7);
    assert_true(slab_drain_end(&o.slab, page));
}

static void test_what_cannot_be_moved_stays(void **state)
{
    (void)state;
    uint32_t left = 40, page = thin_out(left), at = 0;
    o.pinned_below = 10;
    o.no_room_from = 35;
    slab_set_state(&o.slab, o.refs[20], CHUNK_RESERVED);
    assert_true(slab_drain_page(&o.slab, page));
    struct drain_result r = drain_page(&o.slab, page, &at, UINT32_MAX, move, &o);
    assert_false(r.emptied);
    assert_int_equal(r.outcomes[MOVE_PINNED], 10);
    assert_int_equal(r.outcomes[MOVE_NO_ROOM], 5);
    assert_int_equal(r.outcomes[MOVE_RESERVED], 1);
    assert_int_equal(r.outcomes[MOVE_MOVED], 24);
    /* the next visit finds what is left */
    o.pinned_below = 0;
    o.no_room_from = UINT32_MAX;
    slab_set_state(&o.slab, o.refs[20], CHUNK_LIVE);
    at = 0;
    r = drain_page(&o.slab, page, &at, UINT32_MAX, move, &o);
    assert_int_equal(r.outcomes[MOVE_MOVED], 16);
    assert_true(r.emptied);
    assert_true(slab_drain_end(&o.slab, page));
}

static void test_whole_pages(void **state)
{
    (void)state;
    chunk_ref ref;
    uint32_t at = 0;
    assert_int_equal(slab_take(&o.slab, o.slab.classes.n - 1, &ref, 1), 1);
    uint32_t page = slab_page_of(ref);
    assert_int_equal(slab_drain_begin(&o.slab, o.slab.classes.n - 1, 0, 0), PAGE_NONE); /* nothing to gain */
    assert_true(slab_drain_page(&o.slab, page));
    struct drain_result r = drain_page(&o.slab, page, &at, UINT32_MAX, move, &o);
    assert_int_equal(r.outcomes[MOVE_RESERVED], 1);
    assert_false(r.emptied);
    slab_give(&o.slab, ref);
    assert_true(slab_drain_end(&o.slab, page));
}

static void test_names(void **state)
{
    (void)state;
    for (int i = 0; i < MOVE_OUTCOMES; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(move_outcome_name((enum move_outcome)i), move_outcome_name((enum move_outcome)j));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_empties_a_page, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_in_steps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_moved_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_whole_pages, set_up, tear_down),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
