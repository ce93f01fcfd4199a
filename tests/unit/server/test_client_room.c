/* Who goes when clients take more than their room: those that stopped sending in the middle of a value, but not those
 * that still send or wait; and a look that found nobody is not repeated for every page that is wanted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/client_room.h"
#include "slab/base/clock.h"
#include "tests/unit/server/worker_fixture.h"

enum { MB = 1 << 20, HOUR_MS = 3600 * 1000 };

/* A client in the middle of a value of 4 MB, of which 2 have come: more than the room of 64 MB. */
static int begin_value(struct fixture *f, const char *key)
{
    static char half[2 * MB];
    int fd = fixture_connect(f, 0);
    memset(half, 'x', sizeof half);
    int n = snprintf(half, sizeof half, "*3\r\n$3\r\nSET\r\n$1\r\n%s\r\n$%d\r\n", key, 4 * MB);
    half[n] = 'x';
    fixture_send(f, fd, half, sizeof half);
    fixture_turn(f);
    return fd;
}

/* The newest connection of worker 0. */
static struct conn *newest(struct fixture *f)
{
    return f->srv->workers[0]->clients.first;
}

static void seem_stalled(struct conn *c)
{
    atomic_store(&c->active_ms, clock_wall_ms() - HOUR_MS);
}

/* However long the test takes. */
static void seem_sending(struct conn *c)
{
    atomic_store(&c->active_ms, clock_wall_ms() + HOUR_MS);
}

/* Until worker 0 has looked through its clients: its next tick is waited for in its loop. */
static void let_tick(struct fixture *f, bool stalled)
{
    const _Atomic size_t *sum = &f->srv->workers[0]->clients.stalled;
    while ((atomic_load(sum) != 0) != stalled)
        event_base_loop(f->srv->workers[0]->base, EVLOOP_ONCE);
}

static void assert_cut(struct fixture *f, struct conn *c, bool cut)
{
    client_room_make(f->srv, NULL);
    assert_int_equal(conn_has(c, CONN_CUT), cut);
}

static void test_who_stalls_is_cut(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("maxmemory 64mb\n");
    int sending = begin_value(f, "a"), stalled = begin_value(f, "b");
    struct conn *b = newest(f), *a = b->next;
    seem_sending(a);
    seem_sending(b);
    assert_cut(f, b, false);
    seem_stalled(b);
    let_tick(f, true);
    assert_cut(f, b, true);
    assert_false(conn_has(a, CONN_CUT)); /* it still sends */
    assert_closed(f, stalled);
    let_tick(f, false);
    assert_cut(f, a, false);
    close(sending);
    fixture_turn(f);
    fixture_free(f);
}

static void test_who_waits_is_not_cut(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("maxmemory 64mb\n");
    int stalled = begin_value(f, "a"), waiting = begin_value(f, "b");
    struct conn *b = newest(f), *a = b->next;
    seem_stalled(a);
    seem_stalled(b);
    conn_set(b, CONN_PAUSED);
    let_tick(f, true);
    assert_cut(f, a, true);
    assert_false(conn_has(b, CONN_CUT));
    assert_closed(f, stalled);
    conn_clear(b, CONN_PAUSED);
    close(waiting);
    fixture_turn(f);
    fixture_free(f);
}

static void test_in_vain_once(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("maxmemory 64mb\n");
    int fd = begin_value(f, "a");
    struct conn *a = newest(f);
    struct room_vain *vain = &f->srv->room_vain;
    conn_set(a, CONN_NO_EVICT);
    seem_stalled(a);
    let_tick(f, true);
    assert_int_equal(atomic_load(&vain->until_ms), 0);
    assert_cut(f, a, false);
    assert_true(atomic_load(&vain->until_ms) > 0);
    assert_true(atomic_load(&vain->taken) > 2 * MB);
    atomic_store(&vain->until_ms, INT64_MAX);
    atomic_store(&vain->taken, 100 * MB);
    assert_cut(f, a, false); /* they take less since: somebody else left */
    assert_true(atomic_load(&vain->taken) < 4 * MB);
    atomic_store(&vain->until_ms, INT64_MAX);
    conn_clear(a, CONN_NO_EVICT);
    assert_cut(f, a, false); /* nobody is looked at */
    atomic_store(&vain->taken, MB);
    assert_cut(f, a, true); /* they take more than when it was in vain */
    assert_closed(f, fd);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_stalls_is_cut),
        cmocka_unit_test(test_who_waits_is_not_cut),
        cmocka_unit_test(test_in_vain_once),
    };
    return cmocka_run_group_tests_name("client_room", tests, NULL, NULL);
}
