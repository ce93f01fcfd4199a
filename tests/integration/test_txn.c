/* Transactions: that nobody sees them half done, that WATCH hears of every change and of no move, and that nothing is
 * left of clients that die in the middle. Replies are compared with Redis's by the differential tests. */
#include <pthread.h>
#include <unistd.h>

#include "tests/integration/harness.h"

enum { THREADS = 4, ROUNDS = 200 };

static void queued(redisContext *c, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    redisReply *r = redisvCommand(c, format, ap);
    va_end(ap);
    assert_non_null(r);
    assert_string_equal(r->str, "QUEUED");
    freeReplyObject(r);
}

static void expect_aborted(redisContext *c)
{
    redisReply *r = ask(c, "EXEC");
    assert_int_equal(r->type, REDIS_REPLY_NIL);
    freeReplyObject(r);
}

static void expect_done(redisContext *c, size_t n)
{
    redisReply *r = ask(c, "EXEC");
    assert_int_equal(r->type, REDIS_REPLY_ARRAY);
    assert_int_equal(r->elements, n);
    freeReplyObject(r);
}

/* Adds to a counter by WATCH, GET, MULTI, SET, EXEC until it succeeds; and to two others in one transaction, with a
 * command that needs the gate now and then. */
static void *count_up(void *arg)
{
    redisContext *c = client_open(arg);
    for (int i = 0; i < ROUNDS; i++) {
        for (bool done = false; !done;) {
            expect_status(c, "OK", "WATCH watched");
            redisReply *r = ask(c, "GET watched");
            long long v = r->str == NULL ? 0 : atoll(r->str);
            freeReplyObject(r);
            expect_status(c, "OK", "MULTI");
            queued(c, "SET watched %lld", v + 1);
            r = ask(c, "EXEC");
            done = r->type == REDIS_REPLY_ARRAY;
            freeReplyObject(r);
        }
        expect_status(c, "OK", "MULTI");
        queued(c, "INCR a");
        if (i % 10 == 0)
            queued(c, "DBSIZE");
        queued(c, "INCR b");
        expect_done(c, i % 10 == 0 ? 3 : 2);
        redisReply *r = ask(c, "MGET a b");
        assert_string_equal(r->element[0]->str, r->element[1]->str);
        freeReplyObject(r);
    }
    redisFree(c);
    return NULL;
}

static void test_nobody_sees_a_half(void **state)
{
    struct test_server *s = SERVER_START("--threads", "3");
    pthread_t t[THREADS];
    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, count_up, s), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    redisContext *c = client_open(s);
    char want[32];
    snprintf(want, sizeof want, "%d", THREADS * ROUNDS);
    expect_bulk(c, want, "GET watched");
    expect_bulk(c, want, "GET a");
    redisFree(c);
    server_stop(s);
}

/* One change each: EXEC is refused. */
static void test_watch_hears(void **state)
{
    static const char *const changes[] = {
        "SET k other",  "SET k v",          "APPEND k x",     "SETRANGE k 0 z",
        "DEL k",        "UNLINK k",         "EXPIRE k 100",   "PEXPIREAT k 9999999999999",
        "RENAME k l",   "COPY j k REPLACE", "RENAME j k",     "GETDEL k",
        "GETEX k EX 9", "SETBIT k 1 1",     "MSET j 1 k 2",   "FLUSHALL",
        "FLUSHDB",      "SWAPDB 0 1",       "SET k v EX 100", "BITOP NOT k j",
        "MOVE k 2",
    };
    struct test_server *s = SERVER_START("--threads", "2");
    redisContext *c = client_open(s), *other = client_open(s);
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        expect_status(c, "OK", "FLUSHALL");
        expect_status(c, "OK", "MSET k v j w");
        expect_status(c, "OK", "WATCH k nothing k");
        freeReplyObject(ask(other, changes[i]));
        expect_status(c, "OK", "MULTI");
        queued(c, "PING");
        expect_aborted(c);
        expect_status(c, "OK", "WATCH k"); /* of the last transaction nothing is left */
        expect_status(c, "OK", "MULTI");
        queued(c, "PING");
        expect_done(c, 1);
    }
    redisFree(c);
    redisFree(other);
    server_stop(s);
}

static void test_watch_hears_no_move_and_no_other_key(void **state)
{
    struct test_server *s = SERVER_START("--enable-debug-command", "yes");
    redisContext *c = client_open(s), *other = client_open(s);
    char *large = malloc(300000);
    memset(large, 'l', 300000);
    (void)state;
    for (int i = 0; i < 2000; i++)
        expect_status(other, "OK", "SET k%d v", i);
    expect_status(c, "OK", "SET large %b", large, (size_t)300000);
    expect_status(c, "OK", "WATCH k1 large absent");
    freeReplyObject(ask(other, "DEBUG MOVE k1"));
    freeReplyObject(ask(other, "DEBUG MOVE large"));
    for (int i = 2; i < 2000; i++)
        freeReplyObject(ask(other, "DEL k%d", i));
    freeReplyObject(ask(other, "GET k1"));
    expect_status(other, "OK", "SWAPDB 3 4");
    expect_status(c, "OK", "MULTI");
    queued(c, "STRLEN large");
    expect_done(c, 1);
    redisFree(c);
    redisFree(other);
    free(large);
    server_stop(s);
}

static void test_watch_hears_expiry_and_eviction(void **state)
{
    struct test_server *s = SERVER_START("--maxmemory", "12mb", "--maxmemory-policy", "allkeys-lru");
    redisContext *c = client_open(s);
    (void)state;
    int ms = 20;
    for (bool there = false; !there; ms *= 2) { /* it must not have expired before it is watched */
        expect_status(c, "OK", "UNWATCH");
        expect_status(c, "OK", "SET e v PX %d", ms);
        expect_status(c, "OK", "WATCH e");
        there = ask_int(c, "EXISTS e") == 1;
    }
    usleep((useconds_t)ms * 1000); /* the time that is tested */
    expect_status(c, "OK", "MULTI");
    queued(c, "PING");
    expect_aborted(c);
    if (!flavour_is_sanitized()) { /* their own memory is over the limit */
        char value[4000];
        memset(value, 'v', sizeof value);
        expect_status(c, "OK", "SET first v");
        expect_status(c, "OK", "WATCH first");
        redisContext *other = client_open(s);
        for (int i = 0; ask_int(other, "EXISTS first") == 1; i++)
            expect_status(other, "OK", "SET fill%d %b", i, value, sizeof value);
        expect_status(c, "OK", "MULTI");
        queued(c, "PING");
        expect_aborted(c);
        redisFree(other);
    }
    redisFree(c);
    server_stop(s);
}

/* Large and many: what is queued survives the buffers that it came in. */
static void test_large_queues(void **state)
{
    enum { MANY = 20000 };
    struct test_server *s = SERVER_START("--client-query-buffer-limit", "8mb");
    redisContext *c = client_open(s);
    char *value = malloc(2000000);
    memset(value, 'x', 2000000);
    (void)state;
    expect_status(c, "OK", "MULTI");
    queued(c, "SET big %b", value, (size_t)2000000);
    for (int i = 0; i < MANY; i++)
        redisAppendCommand(c, "SET n:%d %d", i, i);
    for (int i = 0; i < MANY; i++)
        freeReplyObject(next_reply(c));
    queued(c, "STRLEN big");
    redisReply *r = ask(c, "EXEC");
    assert_int_equal(r->elements, MANY + 2);
    assert_int_equal(r->element[MANY + 1]->integer, 2000000);
    freeReplyObject(r);
    expect_bulk(c, "19999", "GET n:19999");
    expect_int(c, MANY + 1, "DBSIZE");
    /* a queue beyond client-query-buffer-limit: the connection is closed, as by Redis */
    expect_status(c, "OK", "MULTI");
    redisReply *last = NULL;
    for (int i = 0; i < 20 && (last = redisCommand(c, "SET big %b", value, (size_t)1000000)) != NULL; i++)
        freeReplyObject(last);
    assert_null(last);
    redisFree(c);
    c = client_open(s);
    expect_int(c, 2000000, "STRLEN big");
    redisFree(c);
    free(value);
    server_stop(s);
}

static void test_at_full_memory(void **state)
{
    if (flavour_is_sanitized())
        skip();
    struct test_server *s = SERVER_START("--maxmemory", "16mb");
    redisContext *c = client_open(s);
    char value[1000];
    memset(value, 'v', sizeof value);
    (void)state;
    for (int round = 0; round < 400; round++) {
        redisAppendCommand(c, "MULTI");
        for (int i = 0; i < 100; i++)
            redisAppendCommand(c, "SET %d:%d %b", round, i, value, (size_t)(100 + (round * 7 + i * 13) % 900));
        redisAppendCommand(c, "EXEC");
        for (int i = 0; i < 101; i++)
            freeReplyObject(next_reply(c));
        redisReply *r = next_reply(c);
        assert_int_equal(r->elements, 100);
        for (int i = 0; i < 100; i++)
            assert_string_equal(r->element[i]->str, "OK");
        freeReplyObject(r);
    }
    assert_true(info_number(c, "stats", "evicted_keys") > 0);
    expect_status(c, "OK", "CONFIG SET maxmemory-policy noeviction");
    expect_status(c, "OK", "CONFIG SET maxmemory 8mb");
    redisFree(c);
    server_stop(s);
}

static void test_clients_that_die(void **state)
{
    enum { CLIENTS = 1000 };
    struct test_server *s = SERVER_START("--threads", "2", "--maxclients", "2000");
    redisContext *c = client_open(s);
    (void)state;
    for (int i = 0; i < CLIENTS; i++) {
        int fd = raw_open(s);
        raw_send_text(fd,
                      "*2\r\n$5\r\nWATCH\r\n$1\r\nk\r\n*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nd\r\n");
        if (i % 3 == 0)
            raw_send_text(fd, "*1\r\n$4\r\nEXEC\r\n*2\r\n$3\r\nGE");
        if (i % 3 == 1)
            raw_send_text(fd, "*1\r\n$4\r\nEX");
        close(fd);
        expect_status(c, "OK", "SET k %d", i);
    }
    expect_status(c, "OK", "WATCH k");
    expect_status(c, "OK", "MULTI");
    queued(c, "SET k mine");
    freeReplyObject(ask(c, "EXEC"));
    expect_status(c, "PONG", "PING");
    redisFree(c);
    server_stop(s);
}

static bool is_alone(void *arg)
{
    return info_number(arg, "clients", "connected_clients") == 1;
}

/* A thousand at once, each with watched keys and a queue that holds a large value, some in the middle of a request:
 * when they are killed nothing is held, locked or kept. */
static void test_a_thousand_killed(void **state)
{
    enum { CLIENTS = 1000, LARGE = 40000 };
    static int fd[CLIENTS];
    struct test_server *s = SERVER_START("--threads", "3", "--maxclients", "2000", "--enable-debug-command", "yes");
    redisContext *c = client_open(s);
    char *value = malloc(LARGE);
    (void)state;
    memset(value, 'v', LARGE);
    for (int i = 0; i < CLIENTS; i++) {
        char head[200];
        fd[i] = raw_open(s);
        snprintf(head, sizeof head, "WATCH k k:%d\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$4\r\nk:%02d\r\n$%d\r\n", i, i % 100,
                 LARGE);
        raw_send_text(fd[i], head);
        raw_send(fd[i], value, LARGE);
        raw_send_text(fd[i], "\r\n");
        raw_expect(fd[i], "+OK\r\n+OK\r\n+QUEUED\r\n");
        if (i % 2 == 0)
            raw_send_text(fd[i], "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000\r\nhalf a value");
    }
    assert_true(info_number(c, "clients", "connected_clients") == CLIENTS + 1);
    assert_true(info_number(c, "memory", "mem_clients_normal") > CLIENTS * LARGE);
    for (int i = 0; i < CLIENTS; i += 3)
        close(fd[i]);
    assert_true(ask_int(c, "CLIENT KILL TYPE normal") > 0);
    eventually(is_alone, c, "the end of the others");
    for (int i = 0; i < CLIENTS; i++)
        if (i % 3 != 0)
            close(fd[i]);
    assert_true(info_number(c, "memory", "mem_clients_normal") < CLIENTS * LARGE / 100);
    assert_int_equal(ask_int(c, "DBSIZE"), 0);
    expect_status(c, "OK", "DEBUG CHECK");
    for (int i = 0; i < 100; i++)
        expect_status(c, "OK", "SET k:%02d %b", i, value, (size_t)LARGE);
    expect_status(c, "OK", "MULTI");
    queued(c, "FLUSHALL"); /* closes the gate */
    queued(c, "SET k mine");
    expect_done(c, 2);
    free(value);
    redisFree(c);
    server_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_sees_a_half),
        cmocka_unit_test(test_watch_hears),
        cmocka_unit_test(test_watch_hears_no_move_and_no_other_key),
        cmocka_unit_test(test_watch_hears_expiry_and_eviction),
        cmocka_unit_test(test_large_queues),
        cmocka_unit_test(test_at_full_memory),
        cmocka_unit_test(test_clients_that_die),
        cmocka_unit_test(test_a_thousand_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
