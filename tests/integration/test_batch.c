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

/* The keys of plain GETs and SETs are looked at, under locks of several shards, before those that precede them have
 * run: of two workers' clients that name the same few keys again and again, each still sees its own writes in order. */
enum { RUNNERS = 4, RUN_KEYS = 5, RUN_ROUNDS = 60, RUN_LENGTH = 100, RUN_VALUE = 1500 };

struct runner {
    redisContext *c;
    size_t len[RUN_KEYS]; /* of its keys' values, as of what was sent; 0: there is none */
    size_t expected[RUN_LENGTH];
};

static size_t run_size(int turn)
{
    return turn % 7 == 0 ? RUN_VALUE : 1 + (size_t)(turn * 31) % 200;
}

static void run_append(struct runner *r, int who, int round, const char *value)
{
    for (int i = 0; i < RUN_LENGTH; i++) {
        int turn = round * RUN_LENGTH + i, key = (turn * turn + who) % RUN_KEYS;
        if (turn % 3 == who % 3) {
            r->len[key] = run_size(turn);
            redisAppendCommand(r->c, "SET %d:%d %b", who, key, value, r->len[key]);
            r->expected[i] = SIZE_MAX;
        } else if (turn % 3 == (who + 1) % 3) {
            redisAppendCommand(r->c, "GET shared");
            r->expected[i] = 10;
        } else {
            redisAppendCommand(r->c, "GET %d:%d", who, key);
            r->expected[i] = r->len[key];
        }
    }
    for (int done = 0; !done;)
        assert_int_equal(redisBufferWrite(r->c, &done), REDIS_OK);
}

static void run_check(struct runner *r)
{
    for (int i = 0; i < RUN_LENGTH; i++) {
        redisReply *reply = next_reply(r->c);
        if (r->expected[i] == SIZE_MAX) {
            assert_int_equal(reply->type, REDIS_REPLY_STATUS);
        } else if (r->expected[i] == 0) {
            assert_int_equal(reply->type, REDIS_REPLY_NIL);
        } else {
            assert_int_equal(reply->type, REDIS_REPLY_STRING);
            assert_int_equal(reply->len, r->expected[i]);
        }
        freeReplyObject(reply);
    }
}

static void test_runs_share_keys(void **state)
{
    (void)state;
    struct test_server *s = SERVER_START("--threads", "2");
    static struct runner r[RUNNERS];
    char value[RUN_VALUE];
    memset(value, 'v', sizeof value);
    for (int i = 0; i < RUNNERS; i++)
        r[i] = (struct runner){.c = client_open(s)};
    freeReplyObject(redisCommand(r[0].c, "SET shared 0123456789"));
    for (int round = 0; round < RUN_ROUNDS; round++) {
        for (int i = 0; i < RUNNERS; i++)
            run_append(&r[i], i, round, value);
        for (int i = 0; i < RUNNERS; i++)
            run_check(&r[i]);
    }
    for (int i = 0; i < RUNNERS; i++)
        redisFree(r[i].c);
    server_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_in_one_turn),
        cmocka_unit_test(test_killed_in_the_same_turn),
        cmocka_unit_test(test_runs_share_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
