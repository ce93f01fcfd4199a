/* Output: what the socket does not take, limits, and requests that wait while replies pile up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/server/worker_fixture.h"

enum { VALUE = 200 * 1000 };

static void set_value(struct fixture *f, int fd)
{
    char *request = malloc(VALUE + 64);
    int n = sprintf(request, "*3\r\n$3\r\nSET\r\n$1\r\nv\r\n$%d\r\n", VALUE);
    memset(request + n, 'v', VALUE);
    memcpy(request + n + VALUE, "\r\n", 3);
    assert_asks(f, fd, request, "+OK\r\n");
    free(request);
}

static size_t count_bytes(struct fixture *f, int fd)
{
    size_t got = 0;
    for (ssize_t n; (n = fixture_receive(f, fd)) > 0;)
        got += (size_t)n;
    return got;
}

static void test_slow_reader_gets_everything(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("");
    int fd = fixture_connect(f, 0);
    set_value(f, fd);
    for (int i = 0; i < 50; i++)
        fixture_send(f, fd, "GET v\r\n", 7);
    fixture_turn(f);
    assert_int_equal(count_bytes(f, fd), 50 * (VALUE + 11));
    assert_asks(f, fd, "PING\r\n", "+PONG\r\n");
    assert_true(atomic_load(&f->srv->workers[0]->clients.memory_normal) < 1024);
    close(fd);
    fixture_free(f);
}

static size_t charges(struct fixture *f)
{
    struct clients_totals t;
    clients_totals(f->srv, &t);
    return t.memory_normal;
}

/* A value that is stored is nobody's charge, however many are sent it; deleted, it is theirs together, once. */
static void test_readers_share_what_they_keep(void **state)
{
    (void)state;
    enum { READERS = 20, GETS = 5 };
    struct fixture *f = fixture_new("");
    int setter = fixture_connect(f, 0), fd[READERS];
    set_value(f, setter);
    size_t before = charges(f);
    for (int i = 0; i < READERS; i++) {
        fd[i] = fixture_connect(f, i % 2);
        for (int n = 0; n < GETS; n++)
            fixture_send(f, fd[i], "GET v\r\n", 7);
        fixture_turn(f);
    }
    assert_true(charges(f) < before + READERS * 4096);
    assert_asks(f, setter, "DEL v\r\n", ":1\r\n");
    size_t kept = charges(f) - before;
    assert_true(kept > VALUE && kept < VALUE + VALUE / 10 + READERS * 4096);
    for (int i = 0; i < READERS; i++) {
        assert_true(count_bytes(f, fd[i]) == (size_t)GETS * (VALUE + 11));
        close(fd[i]);
    }
    fixture_turn(f);
    assert_true(charges(f) <= before);
    close(setter);
    fixture_free(f);
}

static void test_requests_wait_while_memory_is_short(void **state)
{
    (void)state;
    enum { REQUESTS = 2000 };
    struct fixture *f = fixture_new("maxmemory 32mb\n");
    int fd = fixture_connect(f, 0), other = fixture_connect(f, 0);
    set_value(f, fd);
    assert_asks(f, other, "SET n 0\r\n", "+OK\r\n");
    char *all = malloc(REQUESTS * 15 + 1);
    for (int i = 0; i < REQUESTS; i++)
        memcpy(all + i * 15, "INCR n\r\nGET v\r\n", 16);
    size_t sent = 0, got = 0;
    for (ssize_t n; (n = send(fd, all + sent, REQUESTS * 15 - sent, MSG_NOSIGNAL)) > 0;)
        sent += (size_t)n;
    fixture_turn(f);
    fixture_ask(f, other, "GET n\r\n");
    assert_true(strtol(strchr(f->reply, '\n') + 1, NULL, 10) < REQUESTS); /* not all of them ran */
    while (sent < REQUESTS * 15 || got == 0) {
        got += (size_t)fixture_receive(f, fd);
        ssize_t n = send(fd, all + sent, REQUESTS * 15 - sent, MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
    }
    got += count_bytes(f, fd);
    assert_true(got > (size_t)REQUESTS * (VALUE + 11));
    assert_asks(f, other, "GET n\r\n", "$4\r\n2000\r\n");
    free(all);
    close(fd);
    close(other);
    fixture_free(f);
}

static void test_hard_limit_closes(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("client-output-buffer-limit normal 1mb 0 0\n");
    int fd = fixture_connect(f, 0), other = fixture_connect(f, 0);
    set_value(f, fd);
    for (int i = 0; i < 30; i++)
        fixture_send(f, fd, "GET v\r\n", 7);
    fixture_turn(f);
    assert_int_equal(atomic_load(&f->srv->nclients), 1);
    assert_asks(f, other, "PING\r\n", "+PONG\r\n");
    close(fd);
    close(other);
    fixture_free(f);
}

static void test_large_value_goes_while_it_is_overwritten(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("");
    int fd = fixture_connect(f, 0), other = fixture_connect(f, 1);
    set_value(f, fd);
    for (int i = 0; i < 10; i++)
        fixture_send(f, fd, "GET v\r\n", 7);
    fixture_turn(f);
    assert_asks(f, other, "SET v x\r\nDEL v\r\n", "+OK\r\n:1\r\n");
    assert_int_equal(count_bytes(f, fd), 10 * (VALUE + 11));
    close(fd);
    close(other);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slow_reader_gets_everything),
        cmocka_unit_test(test_readers_share_what_they_keep),
        cmocka_unit_test(test_requests_wait_while_memory_is_short),
        cmocka_unit_test(test_hard_limit_closes),
        cmocka_unit_test(test_large_value_goes_while_it_is_overwritten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
