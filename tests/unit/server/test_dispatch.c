/* Dispatch: the order of checks, Redis's errors, and state that changes in the middle of a pipeline. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/command.h"
#include "server/stats.h"
#include "server/store_private.h"
#include "tests/unit/server/worker_fixture.h"

static void test_errors(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("");
    int fd = fixture_connect(f, 0);
    assert_asks(f, fd, "foo\r\n", "-ERR unknown command 'foo', with args beginning with: \r\n");
    assert_asks(f, fd, "foo a b\r\n", "-ERR unknown command 'foo', with args beginning with: 'a' 'b' \r\n");
    assert_asks(f, fd, "get\r\n", "-ERR wrong number of arguments for 'get' command\r\n");
    assert_asks(f, fd, "GET a b\r\n", "-ERR wrong number of arguments for 'get' command\r\n");
    assert_asks(f, fd, "client\r\n", "-ERR wrong number of arguments for 'client' command\r\n");
    assert_asks(f, fd, "client kill\r\n", "-ERR wrong number of arguments for 'client|kill' command\r\n");
    assert_asks(f, fd, "client nope\r\n", "-ERR unknown subcommand 'nope'. Try CLIENT HELP.\r\n");
    assert_asks(f, fd, "command nope x\r\n", "-ERR unknown subcommand 'nope'. Try COMMAND HELP.\r\n");
    close(fd);
    fixture_free(f);
}

/* What a browser may be made to send: closed, also when it comes in a command. What came before it was executed. */
static void test_http_is_cut_off(void **state)
{
    static const char *const requests[] = {"POST / HTTP/1.1\r\nSET a 2\r\n", "Host: x\r\n", "*1\r\n$4\r\nPost\r\n"};
    (void)state;
    struct fixture *f = fixture_new("");
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        int fd = fixture_connect(f, 0);
        fixture_send(f, fd, requests[i], strlen(requests[i]));
        assert_closed(f, fd);
    }
    int fd = fixture_connect(f, 0);
    assert_asks(f, fd, "EXISTS a\r\npost:\r\n", ":0\r\n-ERR unknown command 'post:', with args beginning with: \r\n");
    close(fd);
    fixture_free(f);
}

static void test_error_shows_128_characters(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("");
    int fd = fixture_connect(f, 0);
    char request[600], expected[600], name[201];
    memset(name, 'x', 200);
    name[200] = '\0';
    snprintf(request, sizeof request, "%s %s z\r\n", name, name);
    snprintf(expected, sizeof expected, "-ERR unknown command '%.128s', with args beginning with: '%.128s' \r\n", name,
             name);
    assert_asks(f, fd, request, expected);
    close(fd);
    fixture_free(f);
}

static void test_long_key(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("");
    int fd = fixture_connect(f, 0);
    size_t n = 65536;
    char *request = malloc(n + 64);
    int head = sprintf(request, "*2\r\n$3\r\nGET\r\n$%zu\r\n", n);
    memset(request + head, 'k', n);
    memcpy(request + head + n, "\r\n", 3);
    assert_asks(f, fd, request, "-ERR key is longer than 65500 bytes\r\n");
    assert_asks(f, fd, "PING\r\n", "+PONG\r\n");
    free(request);
    close(fd);
    fixture_free(f);
}

static void test_database_changes_in_a_pipeline(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("");
    int fd = fixture_connect(f, 0);
    assert_asks(f, fd, "SET k zero\r\nSELECT 1\r\nSET k one\r\nGET k\r\nSELECT 0\r\nGET k\r\nSWAPDB 0 1\r\nGET k\r\n",
                "+OK\r\n+OK\r\n+OK\r\n$3\r\none\r\n+OK\r\n$4\r\nzero\r\n+OK\r\n$3\r\none\r\n");
    assert_asks(f, fd, "SET a 1\r\nFLUSHDB\r\nGET a\r\nSET a 2\r\nGET a\r\n",
                "+OK\r\n+OK\r\n$-1\r\n+OK\r\n$1\r\n2\r\n");
    close(fd);
    fixture_free(f);
}

static void test_authentication(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("requirepass secret\n");
    int fd = fixture_connect(f, 0);
    assert_asks(f, fd, "GET a\r\n", "-NOAUTH Authentication required.\r\n");
    assert_asks(f, fd, "nonsense\r\n", "-ERR unknown command 'nonsense', with args beginning with: \r\n");
    assert_asks(f, fd, "GET\r\n", "-ERR wrong number of arguments for 'get' command\r\n");
    assert_asks(f, fd, "AUTH wrong\r\n", "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    assert_asks(f, fd, "AUTH someone secret\r\n", "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    assert_asks(f, fd, "AUTH secret\r\nPING\r\n", "+OK\r\n+PONG\r\n");
    assert_asks(f, fd, "RESET\r\nPING\r\n", "+RESET\r\n-NOAUTH Authentication required.\r\n");
    assert_asks(f, fd, "AUTH default secret\r\nPING\r\n", "+OK\r\n+PONG\r\n");
    assert_asks(f, fixture_connect(f, 1), "*11\r\n", "-ERR Protocol error: unauthenticated multibulk length\r\n");
    close(fd);
    fixture_free(f);
}

static void test_reply_modes(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("");
    int fd = fixture_connect(f, 0);
    assert_asks(f, fd, "CLIENT REPLY SKIP\r\nPING\r\nECHO a\r\n", "$1\r\na\r\n");
    assert_asks(f, fd,
                "CLIENT REPLY OFF\r\nPING\r\nnonsense\r\nCLIENT REPLY SKIP\r\nPING\r\nCLIENT REPLY ON\r\nPING\r\n",
                "+OK\r\n+PONG\r\n");
    assert_asks(f, fd, "CLIENT REPLY OFF\r\nRESET\r\nPING\r\n", "+RESET\r\n+PONG\r\n");
    close(fd);
    fixture_free(f);
}

static void test_statistics(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("");
    int fd = fixture_connect(f, 0);
    fixture_ask(f, fd, "SET a b\r\nGET a\r\nGET a\r\nGET\r\nINCR a\r\n");
    struct stats_command get, incr;
    stats_command(f->srv->stats, command_find_name("get", 3)->id, &get);
    stats_command(f->srv->stats, command_find_name("incr", 4)->id, &incr);
    assert_int_equal(get.calls, 2);
    assert_int_equal(get.rejected, 1);
    assert_int_equal(get.failed, 0);
    assert_int_equal(incr.calls, 1);
    assert_int_equal(incr.failed, 1);
    uint64_t total[STATS_COUNTERS];
    stats_totals(f->srv->stats, total);
    assert_int_equal(total[STATS_ERRORS], 2);
    close(fd);
    fixture_free(f);
}

/* Keys of a kilobyte until the pages are all in use. */
static void fill_pages(struct fixture *f, int fd)
{
    static char value[1000], request[1100];
    memset(value, 'v', sizeof value);
    for (int i = 0; i < 60000; i++) {
        int n = sprintf(request, "*3\r\n$3\r\nSET\r\n$6\r\n%06d\r\n$1000\r\n%.1000s\r\n", i, value);
        fixture_send(f, fd, request, (size_t)n);
        if (i % 500 == 499)
            fixture_receive(f, fd);
    }
}

/* The worker turns its loop until the whole of the reply has come. */
static void expect_after_turns(struct fixture *f, int fd, const char *reply)
{
    size_t n = strlen(reply), got = 0;
    for (int turns = 0; got < n && turns < 100000; turns++) {
        event_base_loop(f->srv->workers[0]->base, EVLOOP_ONCE);
        ssize_t some = recv(fd, f->reply + got, 100, 0);
        got += some > 0 ? (size_t)some : 0;
    }
    assert_int_equal(got, n);
    assert_memory_equal(f->reply, reply, n);
}

/* A command for which tens of megabytes must be evicted takes several turns of its worker, others are served between
 * them, and what its connection sent after it is answered after it. */
static void test_what_takes_long_is_put_off(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("maxmemory 64mb\nmaxmemory-policy allkeys-lru\n");
    int fd = fixture_connect(f, 0), other = fixture_connect(f, 0), leaves = fixture_connect(f, 0);
    pool_set_budget(&f->srv->store->slab.pool, 1000);
    fill_pages(f, fd);
    const char *request = "SETRANGE large 30000000 x\r\nSTRLEN large\r\nPING\r\n";
    fixture_send(f, fd, request, strlen(request));
    fixture_send(f, leaves, "SETRANGE leaves 25000000 x\r\n", 28);
    fixture_send(f, other, "STRLEN large\r\n", 14);
    event_base_loop(f->srv->workers[0]->base, EVLOOP_NONBLOCK);
    event_base_loop(f->srv->workers[0]->base, EVLOOP_NONBLOCK);
    assert_int_equal(recv(fd, f->reply, 100, 0), -1);
    assert_int_equal(recv(other, f->reply, 100, 0), 4);
    assert_memory_equal(f->reply, ":0\r\n", 4);
    close(leaves);
    expect_after_turns(f, fd, ":30000001\r\n:30000001\r\n+PONG\r\n");
    close(fd);
    close(other);
    fixture_free(f);
}

/* A command that is put off is the one that CLIENT REPLY SKIP mutes, with a large argument as with a short one. */
static void test_what_is_put_off_stays_muted(void **state)
{
    (void)state;
    enum { LARGE = 200000 };
    struct fixture *f = fixture_new("maxmemory 64mb\nmaxmemory-policy allkeys-lru\n");
    int fd = fixture_connect(f, 0);
    pool_set_budget(&f->srv->store->slab.pool, 1000);
    fill_pages(f, fd);
    char *request = malloc(LARGE + 200);
    int n = sprintf(request,
                    "CLIENT REPLY SKIP\r\n*4\r\n$8\r\nSETRANGE\r\n$5\r\nlarge\r\n$8\r\n30000000\r\n$%d\r\n%0*d\r\n",
                    LARGE, LARGE, 7);
    fixture_send(f, fd, request, (size_t)n);
    fixture_send(f, fd, "STRLEN large\r\n", 14);
    expect_after_turns(f, fd, ":30200000\r\n");
    free(request);
    close(fd);
    fixture_free(f);
}

/* What could never fit evicts nothing. */
static void test_too_large_evicts_nothing(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("maxmemory 64mb\nmaxmemory-policy allkeys-lru\n");
    int fd = fixture_connect(f, 0);
    pool_set_budget(&f->srv->store->slab.pool, 1000);
    fill_pages(f, fd);
    fixture_ask(f, fd, "DBSIZE\r\n");
    char *before = strdup(f->reply);
    assert_asks(f, fd, "SETRANGE large 70000000 x\r\n", "-OOM command not allowed when used memory > 'maxmemory'.\r\n");
    assert_asks(f, fd, "DBSIZE\r\n", before);
    free(before);
    close(fd);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_takes_long_is_put_off),
        cmocka_unit_test(test_too_large_evicts_nothing),
        cmocka_unit_test(test_what_is_put_off_stays_muted),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_http_is_cut_off),
        cmocka_unit_test(test_error_shows_128_characters),
        cmocka_unit_test(test_long_key),
        cmocka_unit_test(test_database_changes_in_a_pipeline),
        cmocka_unit_test(test_authentication),
        cmocka_unit_test(test_reply_modes),
        cmocka_unit_test(test_statistics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
