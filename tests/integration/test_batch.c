/* Requests of many connections that are ready in one turn of a worker's loop: each gets its own replies, in order. */
#include <unistd.h>

#include "tests/integration/harness.h"

enum { CONNS = 60, PAIRS = 30 };

/* Sizes that make the worker's reply buffer overflow now and then, and single replies outgrow it. */
static size_t size_of(int conn, int i)
{
    return conn % 20 == 7 && i == 3 ? 100000 : (size_t)(conn * 37 + i * 411) % 4000;
}

static void append_pairs(redisContext *c, int conn, char *value)
{
    for (int i = 0; i < PAIRS; i++) {
        memset(value, 'a' + (conn + i) % 26, size_of(conn, i));
        redisAppendCommand(c, "SET %d:%d %b", conn, i, value, size_of(conn, i));
        redisAppendCommand(c, "GET %d:%d", conn, i);
        if (i == PAIRS / 2 && conn % 10 == 3)
            redisAppendCommand(c, "DEBUG SLEEP 0"); /* what may take long is not waited for by others' replies */
    }
    int done = 0;
    while (!done)
        assert_int_equal(redisBufferWrite(c, &done), REDIS_OK);
}

static void check_pairs(redisContext *c, int conn)
{
    for (int i = 0; i < PAIRS; i++) {
        redisReply *r = next_reply(c);
        assert_string_equal(r->str, "OK");
        freeReplyObject(r);
        r = next_reply(c);
        assert_int_equal(r->type, REDIS_REPLY_STRING);
        assert_int_equal(r->len, size_of(conn, i));
        for (size_t at = 0; at < r->len; at++)
            assert_int_equal(r->str[at], 'a' + (conn + i) % 26);
        freeReplyObject(r);
        if (i == PAIRS / 2 && conn % 10 == 3)
            freeReplyObject(next_reply(c));
    }
}

static void test_many_in_one_turn(void **state)
{
    struct test_server *s = SERVER_START("--threads", "1", "--enable-debug-command", "yes");
    redisContext *c[CONNS], *sleeper = client_open(s);
    char *value = malloc(100000);
    (void)state;
    for (int i = 0; i < CONNS; i++)
        c[i] = client_open(s);
    redisAppendCommand(sleeper, "DEBUG SLEEP 0.3"); /* the others' requests are all there when it wakes */
    for (int done = 0; !done;)
        assert_int_equal(redisBufferWrite(sleeper, &done), REDIS_OK);
    for (int i = 0; i < CONNS; i++)
        append_pairs(c[i], i, value);
    for (int i = 0; i < CONNS; i++)
        check_pairs(c[i], i);
    freeReplyObject(next_reply(sleeper));
    for (int i = 0; i < CONNS; i++)
        redisFree(c[i]);
    redisFree(sleeper);
    free(value);
    server_stop(s);
}

/* A connection that is killed by another one's command in the same turn gets no reply of a later request. */
static void test_killed_in_the_same_turn(void **state)
{
    struct test_server *s = SERVER_START("--threads", "1", "--enable-debug-command", "yes");
    redisContext *sleeper = client_open(s), *first = client_open(s), *second = client_open(s);
    long long id = ask_int(first, "CLIENT ID");
    (void)state;
    redisAppendCommand(sleeper, "DEBUG SLEEP 0.3");
    redisAppendCommand(first, "SET a 1");
    redisAppendCommand(second, "CLIENT KILL ID %lld", id);
    redisAppendCommand(second, "GET a");
    redisContext *all[] = {sleeper, first, second};
    for (int i = 0; i < 3; i++)
        for (int done = 0; !done;)
            assert_int_equal(redisBufferWrite(all[i], &done), REDIS_OK);
    freeReplyObject(next_reply(sleeper));
    redisReply *r = next_reply(second);
    assert_int_equal(r->integer, 1);
    freeReplyObject(r);
    r = next_reply(second);
    assert_string_equal(r->str, "1");
    freeReplyObject(r);
    void *none = NULL;
    while (redisGetReply(first, &none) == REDIS_OK) /* +OK, perhaps, and then the end */
        freeReplyObject(none);
    for (int i = 0; i < 3; i++)
        redisFree(all[i]);
    server_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_in_one_turn),
        cmocka_unit_test(test_killed_in_the_same_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
