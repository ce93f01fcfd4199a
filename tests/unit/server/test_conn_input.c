/* Input: pipelines of every length, requests in pieces, large values, protocol errors, closed sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/batch.h"
#include "tests/unit/server/worker_fixture.h"

static void test_pipeline_longer_than_a_batch(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("");
    int fd = fixture_connect(f, 0);
    enum { N = 5 * BATCH_REQUESTS + 3 };
    for (int i = 0; i < N; i++)
        fixture_send(f, fd, "INCR n\r\n", 8);
    fixture_receive(f, fd);
    const char *at = f->reply;
    for (int i = 1; i <= N; i++) {
        char line[32];
        int n = sprintf(line, ":%d\r\n", i);
        assert_memory_equal(at, line, (size_t)n);
        at += n;
    }
    assert_true(*at == '\0');
    close(fd);
    fixture_free(f);
}

static void test_byte_by_byte(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("");
    int fd = fixture_connect(f, 0);
    static const char bytes[] = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nhello\r\nGET k\r\n*1\r\n$4\r\nPING\r\n";
    for (size_t i = 0; i + 1 < sizeof bytes; i++) {
        fixture_send(f, fd, bytes + i, 1);
        fixture_turn(f);
    }
    assert_asks(f, fd, "", "+OK\r\n$5\r\nhello\r\n+PONG\r\n");
    close(fd);
    fixture_free(f);
}

static void test_two_connections_in_one_turn(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("");
    int a = fixture_connect(f, 0), b = fixture_connect(f, 0);
    fixture_send(f, a, "SET x 1\r\nINCR x\r\n*2\r\n$3\r\nGE", 27);
    fixture_send(f, b, "PING\r\nECHO b\r\n", 14);
    fixture_receive(f, b);
    assert_string_equal(f->reply, "+PONG\r\n$1\r\nb\r\n");
    fixture_receive(f, a);
    assert_string_equal(f->reply, "+OK\r\n:2\r\n");
    assert_asks(f, a, "T\r\n$1\r\nx\r\n", "$1\r\n2\r\n");
    close(a);
    close(b);
    fixture_free(f);
}

/* A value of `len` bytes, sent in pieces of `piece`, comes back as it was. */
static void round_trip(struct fixture *f, int fd, size_t len, size_t piece)
{
    char *bytes = malloc(len + 128), *expected = malloc(len + 128);
    size_t n = (size_t)sprintf(bytes, "SET before 1\r\n*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$%zu\r\n", len);
    for (size_t i = 0; i < len; i++)
        bytes[n++] = (char)('a' + i % 23);
    n += (size_t)sprintf(bytes + n, "\r\nGET before\r\n");
    for (size_t at = 0; at < n; at += piece) {
        fixture_send(f, fd, bytes + at, piece < n - at ? piece : n - at);
        fixture_turn(f);
    }
    fixture_receive(f, fd);
    assert_string_equal(f->reply, "+OK\r\n+OK\r\n$1\r\n1\r\n");
    size_t e = (size_t)sprintf(expected, "$%zu\r\n", len);
    for (size_t i = 0; i < len; i++)
        expected[e++] = (char)('a' + i % 23);
    e += (size_t)sprintf(expected + e, "\r\n");
    fixture_ask(f, fd, "GET big\r\n");
    assert_int_equal(f->reply_len, e);
    assert_memory_equal(f->reply, expected, e);
    free(bytes);
    free(expected);
}

static void test_large_values(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("");
    int fd = fixture_connect(f, 0);
    round_trip(f, fd, 65535, 1 << 20);
    round_trip(f, fd, 65536, 1 << 20);
    round_trip(f, fd, 65537, 700);
    round_trip(f, fd, 300000, 4001);
    round_trip(f, fd, 2000000, 1 << 20);
    close(fd);
    fixture_free(f);
}

static void test_protocol_error_comes_last(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("");
    int fd = fixture_connect(f, 0), other = fixture_connect(f, 0);
    assert_asks(f, fd, "PING\r\nSET a 1\r\n*1\r\n$x\r\nPING\r\n",
                "+PONG\r\n+OK\r\n-ERR Protocol error: invalid bulk length\r\n");
    assert_closed(f, fd);
    assert_asks(f, other, "GET a\r\n", "$1\r\n1\r\n");
    close(other);
    fixture_free(f);
}

static void test_quit_stops_the_pipeline(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("");
    int fd = fixture_connect(f, 0), other = fixture_connect(f, 1);
    assert_asks(f, fd, "SET a 1\r\nQUIT\r\nSET a 2\r\n", "+OK\r\n+OK\r\n");
    assert_closed(f, fd);
    assert_asks(f, other, "GET a\r\n", "$1\r\n1\r\n");
    close(other);
    assert_int_equal(atomic_load(&f->srv->nclients), 1);
    fixture_turn(f);
    assert_int_equal(atomic_load(&f->srv->nclients), 0);
    fixture_free(f);
}

static void test_sockets_that_die(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("");
    static const char *const halves[] = {"*3\r\n$3\r\nSET\r\n$1\r\n", "SET a",
                                         "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100000\r\nxxx", "PING\r\nPING\r\n*1\r\n"};
    for (size_t i = 0; i < sizeof halves / sizeof *halves; i++) {
        int fd = fixture_connect(f, (int)(i % FIXTURE_WORKERS));
        fixture_send(f, fd, halves[i], strlen(halves[i]));
        if (i % 2 == 0)
            fixture_turn(f);
        close(fd);
        fixture_turn(f);
    }
    assert_int_equal(atomic_load(&f->srv->nclients), 0);
    for (int i = 0; i < FIXTURE_WORKERS; i++)
        assert_int_equal(atomic_load(&f->srv->workers[i]->clients.memory_normal), 0);
    fixture_free(f);
}

static void test_query_buffer_limit(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("client-query-buffer-limit 1mb\n");
    int fd = fixture_connect(f, 0);
    fixture_send(f, fd, "*100\r\n", 6);
    bool closed = false;
    for (int i = 0; i < 40 && !closed; i++) {
        char arg[60010];
        memcpy(arg, "$60000\r\n", 8);
        memset(arg + 8, 'x', 60000);
        memcpy(arg + 60008, "\r\n", 2);
        for (size_t at = 0; at < sizeof arg && !closed;) {
            ssize_t sent = send(fd, arg + at, sizeof arg - at, MSG_NOSIGNAL);
            if (sent > 0)
                at += (size_t)sent;
            else
                closed = errno != EAGAIN;
            fixture_turn(f);
        }
    }
    assert_true(closed);
    close(fd);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pipeline_longer_than_a_batch),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_two_connections_in_one_turn),
        cmocka_unit_test(test_large_values),
        cmocka_unit_test(test_protocol_error_comes_last),
        cmocka_unit_test(test_quit_stops_the_pipeline),
        cmocka_unit_test(test_sockets_that_die),
        cmocka_unit_test(test_query_buffer_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
