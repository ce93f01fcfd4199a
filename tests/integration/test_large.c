/* Large values: whole, in pieces, in parts; 64 MB always, 512 MB where FLAGSTONE_TEST_HUGE is set. */
#include "tests/integration/harness.h"

#include <unistd.h>

enum { MB = 1 << 20 };

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

/* Bytes that tell where they belong. */
static char *pattern(size_t n)
{
    char *p = malloc(n);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        p[i] = (char)((i * 2654435761u) >> 13);
    return p;
}

static void roundtrip(void **state, size_t n)
{
    redisContext *c = client_open(*state);
    char *value = pattern(n);
    expect_status(c, "OK", "SET large %b", value, n);
    expect_int(c, (long long)n, "STRLEN large");
    expect_bulk_n(c, value, n, "GET large");
    expect_bulk_n(c, value + n - 10, 10, "GETRANGE large -10 -1");
    expect_bulk_n(c, value + n / 2, 1000, "GETRANGE large %llu %llu", (unsigned long long)n / 2,
                  (unsigned long long)n / 2 + 999);
    expect_int(c, 1, "DEL large");
    free(value);
    redisFree(c);
}

static void test_1mb(void **state)
{
    roundtrip(state, MB);
    roundtrip(state, MB + 1);
}

static void test_64mb(void **state)
{
    roundtrip(state, 64 * (size_t)MB);
}

static void test_512mb(void **state)
{
    if (!getenv("FLAGSTONE_TEST_HUGE"))
        skip();
    roundtrip(state, 512 * (size_t)MB);
}

/* 16 MB in pieces of a kilobyte, while another client is served. */
static void test_in_pieces(void **state)
{
    size_t n = 16 * (size_t)MB;
    redisContext *c = client_open(*state);
    char *value = pattern(n);
    int fd = raw_open(*state);
    raw_send_text(fd, "*3\r\n$3\r\nSET\r\n$6\r\npieces\r\n$16777216\r\n");
    for (size_t at = 0; at < n; at += 1024) {
        raw_send(fd, value + at, 1024);
        if (at % (2 * MB) == 0)
            expect_status(c, "PONG", "PING");
    }
    raw_send_text(fd, "\r\n");
    raw_expect(fd, "+OK\r\n");
    expect_bulk_n(c, value, n, "GET pieces");
    close(fd);
    free(value);
    redisFree(c);
}

/* A change while the value is on its way to a slow reader: the reader gets the value as it was. */
static void change_while_sent(void **state, const char *change)
{
    size_t n = 32 * (size_t)MB;
    redisContext *c = client_open(*state);
    char *value = pattern(n), *got = malloc(n), head[16];
    int fd = raw_open(*state);
    expect_status(c, "OK", "SET sent %b", value, n);
    raw_send_text(fd, "GET sent\r\n");
    raw_read(fd, head, strlen("$33554432\r\n"));
    freeReplyObject(ask(c, change));
    raw_read(fd, got, n);
    assert_memory_equal(got, value, n);
    raw_expect(fd, "\r\n");
    close(fd);
    free(got);
    free(value);
    redisFree(c);
}

static void test_overwrite_while_sent(void **state)
{
    change_while_sent(state, "SET sent x");
    change_while_sent(state, "DEL sent");
    change_while_sent(state, "SETRANGE sent 33554000 changed");
    change_while_sent(state, "SETBIT sent 200000000 1");
    change_while_sent(state, "APPEND sent more");
    change_while_sent(state, "FLUSHALL");
    change_while_sent(state, "RENAME sent other");
}

static void test_grow(void **state)
{
    enum { PIECE = 10007, TIMES = 900 };
    redisContext *c = client_open(*state);
    char *all = pattern((size_t)PIECE * TIMES);
    expect_int(c, 0, "DEL grow");
    for (int i = 0; i < TIMES; i++)
        expect_int(c, (long long)PIECE * (i + 1), "APPEND grow %b", all + (size_t)i * PIECE, (size_t)PIECE);
    expect_bulk_n(c, all, (size_t)PIECE * TIMES, "GET grow");
    expect_int(c, 1, "COPY grow copy");
    memset(all + 5000000, 'z', 300000);
    expect_int(c, (long long)PIECE * TIMES, "SETRANGE grow 5000000 %b", all + 5000000, (size_t)300000);
    expect_bulk_n(c, all, (size_t)PIECE * TIMES, "GET grow");
    expect_status(c, "OK", "RENAME copy grow");
    expect_int(c, 20000010, "SETRANGE grow 20000000 0123456789");
    expect_bulk_n(c, "\0\0\0000123", 7, "GETRANGE grow 19999997 20000003");
    free(all);
    redisFree(c);
}

static void test_too_long(void **state)
{
    redisContext *c = client_open(*state);
    expect_error(c, "ERR string exceeds maximum allowed size", "SETRANGE a 536870911 xy");
    expect_error(c, "ERR bit offset", "SETBIT a 4294967296 1");
    expect_status(c, "OK", "CONFIG SET proto-max-bulk-len 1mb");
    expect_status(c, "OK", "SET a x");
    expect_error(c, "ERR string exceeds maximum allowed size", "SETRANGE a 1048576 x");
    expect_status(c, "OK", "CONFIG SET proto-max-bulk-len 512mb");
    redisFree(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_1mb),
        cmocka_unit_test(test_64mb),
        cmocka_unit_test(test_512mb),
        cmocka_unit_test(test_in_pieces),
        cmocka_unit_test(test_overwrite_while_sent),
        cmocka_unit_test(test_grow),
        cmocka_unit_test(test_too_long),
    };
    return cmocka_run_group_tests_name("large values", tests, start, stop);
}
