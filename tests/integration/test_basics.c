/* The thin path: set, get, delete, count, with every byte there is; inline commands; many commands at once. */
#include "tests/integration/harness.h"

#include <unistd.h>

#include "server/store.h"

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

static void test_set_get_del(void **state)
{
    redisContext *c = client_open(*state);
    expect_status(c, "PONG", "PING");
    expect_nil(c, "GET a");
    expect_status(c, "OK", "SET a 1");
    expect_bulk(c, "1", "GET a");
    expect_int(c, 1, "DBSIZE");
    expect_int(c, 1, "DEL a");
    expect_int(c, 0, "DEL a");
    expect_int(c, 0, "DBSIZE");
    redisFree(c);
}

static void test_every_byte(void **state)
{
    redisContext *c = client_open(*state);
    char bytes[256];
    for (int i = 0; i < 256; i++)
        bytes[i] = (char)i;
    expect_status(c, "OK", "SET %b %b", bytes, sizeof(bytes), bytes, sizeof(bytes));
    expect_bulk_n(c, bytes, sizeof(bytes), "GET %b", bytes, sizeof(bytes));
    expect_int(c, 256, "STRLEN %b", bytes, sizeof(bytes));
    expect_status(c, "OK", "SET %b %b", "", (size_t)0, "", (size_t)0);
    expect_bulk(c, "", "GET %b", "", (size_t)0);
    expect_status(c, "OK", "FLUSHALL");
    redisFree(c);
}

/* Sizes around every boundary there may be: chunk classes, the largest chunk, pages, reply blocks. */
static void test_every_size(void **state)
{
    enum { MOST = 300000 };
    redisContext *c = client_open(*state);
    char *value = malloc(MOST);
    for (size_t i = 0; i < MOST; i++)
        value[i] = (char)(i * 7 + i / 251);
    for (size_t n = 0; n <= MOST; n = n < 600 ? n + 7 : n + n / 9) {
        expect_status(c, "OK", "SET size %b", value, n);
        expect_bulk_n(c, value, n, "GET size");
        expect_int(c, (long long)n, "STRLEN size");
    }
    free(value);
    redisFree(c);
}

static void test_databases(void **state)
{
    redisContext *c = client_open(*state);
    expect_status(c, "OK", "SET k zero");
    expect_status(c, "OK", "SELECT 1");
    expect_nil(c, "GET k");
    expect_status(c, "OK", "SET k one");
    expect_status(c, "OK", "SWAPDB 0 1");
    expect_bulk(c, "zero", "GET k");
    expect_int(c, 1, "MOVE k 2");
    expect_status(c, "OK", "SELECT 2");
    expect_bulk(c, "zero", "GET k");
    expect_status(c, "OK", "FLUSHALL");
    expect_int(c, 0, "DBSIZE");
    redisFree(c);
}

static void test_inline(void **state)
{
    int fd = raw_open(*state);
    raw_send_text(fd, "SET a \"x \\x41\\n\"\r\nGET a\nPING\r\n\r\nQUIT\r\n");
    raw_expect(fd, "+OK\r\n$4\r\nx A\n\r\n+PONG\r\n+OK\r\n");
    raw_expect_closed(fd);
}

/* One request in pieces of every size; each piece arrives by itself. */
static void test_partial_frames(void **state)
{
    static const char request[] = "*3\r\n$3\r\nSET\r\n$4\r\nfrag\r\n$6\r\nab\r\ncd\r\n"
                                  "*2\r\n$3\r\nGET\r\n$4\r\nfrag\r\n";
    for (size_t step = 1; step < 20; step++) {
        int fd = raw_open(*state);
        for (size_t at = 0; at < sizeof(request) - 1; at += step) {
            size_t n = sizeof(request) - 1 - at < step ? sizeof(request) - 1 - at : step;
            raw_send(fd, request + at, n);
        }
        raw_expect(fd, "+OK\r\n$6\r\nab\r\ncd\r\n");
        close(fd);
    }
}

static void test_pipeline(void **state)
{
    enum { N = 50000 };
    redisContext *c = client_open(*state);
    for (int i = 0; i < N; i++)
        redisAppendCommand(c, "INCRBY pipeline %d", i % 3);
    for (int i = 0, sum = 0; i < N; i++) {
        redisReply *r = next_reply(c);
        sum += i % 3;
        assert_int_equal(r->integer, sum);
        freeReplyObject(r);
    }
    redisFree(c);
}

/* Replies far beyond any socket buffer, to a client that reads only when it has sent everything. */
static void test_pipeline_of_large_replies(void **state)
{
    enum { N = 300, SIZE = 100000 };
    redisContext *c = client_open(*state);
    char *value = malloc(SIZE);
    memset(value, 'v', SIZE);
    expect_status(c, "OK", "SET large %b", value, (size_t)SIZE);
    for (int i = 0; i < N; i++)
        redisAppendCommand(c, "GET large");
    for (int i = 0; i < N; i++) {
        redisReply *r = next_reply(c);
        assert_int_equal(r->len, SIZE);
        assert_memory_equal(r->str, value, SIZE);
        freeReplyObject(r);
    }
    free(value);
    redisFree(c);
}

static void test_keys_too_long(void **state)
{
    redisContext *c = client_open(*state);
    const size_t longest = STORE_KEY_MAX;
    char *key = malloc(longest + 1);
    memset(key, 'k', longest + 1);
    expect_status(c, "OK", "SET %b v", key, longest);
    expect_bulk(c, "v", "GET %b", key, longest);
    expect_error(c, "ERR key is longer", "SET %b v", key, longest + 1);
    expect_status(c, "PONG", "PING");
    free(key);
    redisFree(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_get_del),   cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_every_size),    cmocka_unit_test(test_databases),
        cmocka_unit_test(test_inline),        cmocka_unit_test(test_partial_frames),
        cmocka_unit_test(test_pipeline),      cmocka_unit_test(test_pipeline_of_large_replies),
        cmocka_unit_test(test_keys_too_long),
    };
    return cmocka_run_group_tests_name("basics", tests, start, stop);
}
