/* Clients that break the protocol, vanish in the middle, or do not read: an error each, that connection only. */
#include "tests/integration/harness.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int start(void **state)
{
    *state = SERVER_START_PLAIN();
    return 0;
}

static int stop(void **state)
{
    server_stop(*state);
    return 0;
}

static void test_protocol_errors(void **state)
{
    static const char *const cases[][2] = {
        {"*x\r\n", "-ERR Protocol error: invalid multibulk length\r\n"},
        {"*1048577\r\n", "-ERR Protocol error: invalid multibulk length\r\n"},
        {"*1\r\nPING\r\n", "-ERR Protocol error: expected '$', got 'P'\r\n"},
        {"*1\r\n$-1\r\n", "-ERR Protocol error: invalid bulk length\r\n"},
        {"*1\r\n$536870913\r\n", "-ERR Protocol error: invalid bulk length\r\n"},
        {"*1\r\n$x\r\n", "-ERR Protocol error: invalid bulk length\r\n"},
        {"SET a \"b\r\n", "-ERR Protocol error: unbalanced quotes in request\r\n"},
    };
    redisContext *other = client_open(*state);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int fd = raw_open(*state);
        raw_send_text(fd, "PING\r\n");
        raw_send_text(fd, cases[i][0]);
        raw_expect(fd, "+PONG\r\n");
        raw_expect(fd, cases[i][1]);
        raw_expect_closed(fd);
        expect_status(other, "PONG", "PING");
    }
    redisFree(other);
}

static bool nobody_else(void *arg)
{
    return info_number(arg, "clients", "connected_clients") == 1;
}

/* A half-sent command, then a closed socket: at every byte of it. */
static void test_cut_off(void **state)
{
    static const char request[] = "*3\r\n$3\r\nSET\r\n$3\r\ncut\r\n$10\r\n0123456789\r\n";
    redisContext *c = client_open(*state);
    for (size_t n = 1; n < sizeof(request) - 1; n++) {
        int fd = raw_open(*state);
        raw_send(fd, request, n);
        close(fd);
    }
    eventually(nobody_else, c, "the server drops connections that were cut off");
    expect_nil(c, "GET cut");
    redisFree(c);
}

/* The same with a value that is received into its own memory. */
static void test_cut_off_large(void **state)
{
    enum { ANNOUNCED = 8 << 20, SENT = 5 << 20 };
    redisContext *c = client_open(*state);
    char *bytes = calloc(1, SENT);
    for (int i = 0; i < 10; i++) {
        int fd = raw_open(*state);
        raw_send_text(fd, "*3\r\n$3\r\nSET\r\n$3\r\ncut\r\n$8388608\r\n");
        raw_send(fd, bytes, (size_t)SENT - (size_t)i * 1000);
        close(fd);
    }
    eventually(nobody_else, c, "the server drops connections that were cut off");
    expect_nil(c, "GET cut");
    free(bytes);
    redisFree(c);
}

/* kill -9 of a client process in the middle of its pipeline. */
static void test_killed_client(void **state)
{
    redisContext *c = client_open(*state);
    for (int i = 0; i < 5; i++) {
        int gate[2];
        char byte;
        assert_int_equal(pipe(gate), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            int fd = raw_open(*state);
            for (int n = 0;; n++) {
                raw_send_text(fd, "*2\r\n$4\r\nINCR\r\n$6\r\nkilled\r\n*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$4\r\nval");
                if (n == 100 && write(gate[1], "x", 1) != 1)
                    _exit(1);
                raw_send_text(fd, "u\r\n");
            }
        }
        assert_int_equal(read(gate[0], &byte, 1), 1);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        close(gate[0]);
        close(gate[1]);
        eventually(nobody_else, c, "the server drops the killed client");
        /* How many of them arrived is the network's to say. */
        assert_true(ask_int(c, "INCRBY killed 0") >= 0);
    }
    redisFree(c);
}

/* One that asks and never reads: it is cut off at its limit, or just waits; others are served meanwhile. */
static void test_no_reader(void **state)
{
    enum { SIZE = 1 << 20, TIMES = 64 };
    redisContext *c = client_open(*state);
    char *value = calloc(1, SIZE);
    int fd;
    expect_status(c, "OK", "SET big %b", value, (size_t)SIZE);
    expect_status(c, "OK", "CONFIG SET client-output-buffer-limit %s", "normal 8mb 0 0");
    fd = raw_open(*state);
    /* All in one piece: the server may close at any moment after it. */
    for (int i = 0; i < TIMES; i++)
        memcpy(value + i * 9, "GET big\r\n", 9);
    raw_send(fd, value, (size_t)TIMES * 9);
    /* Cut off at 8 MB: the connection ends, though not all was read. */
    raw_expect_closed(fd);
    eventually(nobody_else, c, "the server drops the client that does not read");
    expect_status(c, "OK", "CONFIG SET client-output-buffer-limit %s", "normal 0 0 0");
    expect_status(c, "PONG", "PING");
    free(value);
    redisFree(c);
}

static void test_query_buffer_limit(void **state)
{
    redisContext *c = client_open(*state);
    char *filler = malloc(1 << 20);
    int fd;
    memset(filler, 'a', 1 << 20);
    expect_status(c, "OK", "CONFIG SET client-query-buffer-limit 1mb");
    fd = raw_open(*state);
    /* Many arguments, none of them large, in one request that never ends. */
    raw_send_text(fd, "*1000\r\n");
    for (int i = 0; i < 64; i++) {
        char head[] = "$30000\r\n";
        if (send(fd, head, strlen(head), MSG_NOSIGNAL) < 0 || send(fd, filler, 30000, MSG_NOSIGNAL) < 0 ||
            send(fd, "\r\n", 2, MSG_NOSIGNAL) < 0)
            break;
    }
    raw_expect_closed(fd);
    expect_status(c, "OK", "CONFIG SET client-query-buffer-limit 1gb");
    free(filler);
    redisFree(c);
}

static void test_hostile_cursors(void **state)
{
    static const char *const cursors[] = {"1", "18446744073709551615", "9223372036854775808", "12345678901234567890"};
    redisContext *c = client_open(*state);
    for (int i = 0; i < 1000; i++) {
        redisReply *r = ask(c, "SET cursor:%d x", i);
        freeReplyObject(r);
    }
    for (size_t i = 0; i < sizeof(cursors) / sizeof(cursors[0]); i++) {
        redisReply *r = ask(c, "SCAN %s COUNT 100", cursors[i]);
        assert_int_equal(r->type, REDIS_REPLY_ARRAY);
        assert_int_equal(r->elements, 2);
        freeReplyObject(r);
    }
    expect_error(c, "ERR invalid cursor", "SCAN nonsense");
    redisFree(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_protocol_errors), cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_cut_off_large),   cmocka_unit_test(test_killed_client),
        cmocka_unit_test(test_no_reader),       cmocka_unit_test(test_query_buffer_limit),
        cmocka_unit_test(test_hostile_cursors),
    };
    return cmocka_run_group_tests_name("bad clients", tests, start, stop);
}
