/* CLIENT PAUSE: what waits, in which order it goes on, and what the pause itself does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/pause.h"
#include "slab/base/clock.h"
#include "tests/unit/server/worker_fixture.h"

/* Ends the pause as CLIENT UNPAUSE does. */
static void unpause(struct fixture *f)
{
    pause_end(f->srv);
    fixture_turn(f);
}

static void test_writes_wait(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("");
    int a = fixture_connect(f, 0), b = fixture_connect(f, 1);
    assert_asks(f, a, "CLIENT PAUSE 1000000 WRITE\r\n", "+OK\r\n");
    assert_asks(f, a, "PING\r\nGET k\r\n", "+PONG\r\n$-1\r\n");
    assert_asks(f, a, "PING\r\nSET k 1\r\nPING\r\nnonsense\r\nGET k\r\n", "+PONG\r\n");
    assert_asks(f, a, "SET k 2\r\n", ""); /* it is not read any more */
    assert_asks(f, b, "INCR k\r\n", "");
    unpause(f);
    assert_int_equal(atomic_load(&f->srv->attention), 0);
    fixture_receive(f, a);
    assert_string_equal(f->reply,
                        "+OK\r\n+PONG\r\n-ERR unknown command 'nonsense', with args beginning with: \r\n$1\r\n1\r\n"
                        "+OK\r\n");
    fixture_receive(f, b);
    assert_true(f->reply[0] == ':');
    assert_asks(f, a, "SET k 3\r\n", "+OK\r\n");
    close(a);
    close(b);
    fixture_free(f);
}

static void test_everything_waits(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("");
    int a = fixture_connect(f, 0);
    assert_asks(f, a, "CLIENT PAUSE 1000000\r\nPING\r\nPING\r\n", "+OK\r\n");
    unpause(f);
    assert_asks(f, a, "", "+PONG\r\n+PONG\r\n");
    close(a);
    fixture_free(f);
}

static void test_large_value_waits(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("");
    int a = fixture_connect(f, 0);
    char *request = malloc(100100);
    int n = sprintf(request, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000\r\n");
    memset(request + n, 'x', 100000);
    strcpy(request + n + 100000, "\r\nSTRLEN k\r\n");
    assert_asks(f, a, "CLIENT PAUSE 1000000 WRITE\r\n", "+OK\r\n");
    assert_asks(f, a, request, "");
    unpause(f);
    assert_asks(f, a, "", "+OK\r\n:100000\r\n");
    free(request);
    close(a);
    fixture_free(f);
}

static void test_paused_connections_die(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("");
    int a = fixture_connect(f, 0), b = fixture_connect(f, 0), c = fixture_connect(f, 0);
    assert_asks(f, a, "CLIENT PAUSE 1000000 WRITE\r\n", "+OK\r\n");
    assert_asks(f, b, "SET k b\r\n", "");
    assert_asks(f, c, "SET k c\r\nSET k c\r\n", "");
    assert_asks(f, a, "CLIENT KILL TYPE normal\r\n", ":2\r\n");
    assert_closed(f, b);
    assert_closed(f, c);
    unpause(f);
    assert_asks(f, a, "GET k\r\n", "$-1\r\n");
    close(a);
    fixture_free(f);
}

static void test_pauses_only_get_stricter(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("");
    struct server *s = f->srv;
    pause_begin(s, PAUSE_WRITE, 1000);
    pause_begin(s, PAUSE_ALL, 500);
    assert_int_equal(atomic_load(&s->pause_mode), PAUSE_ALL);
    assert_int_equal(atomic_load(&s->pause_until_ms), 1000);
    pause_begin(s, PAUSE_WRITE, 2000);
    assert_int_equal(atomic_load(&s->pause_mode), PAUSE_ALL);
    pause_expire(s, 1999);
    assert_int_equal(atomic_load(&s->attention), ATTENTION_PAUSE);
    pause_expire(s, 2000);
    assert_int_equal(atomic_load(&s->attention), 0);
    assert_int_equal(atomic_load(&s->pause_mode), PAUSE_NONE);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes_wait),
        cmocka_unit_test(test_everything_waits),
        cmocka_unit_test(test_large_value_waits),
        cmocka_unit_test(test_paused_connections_die),
        cmocka_unit_test(test_pauses_only_get_stricter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
