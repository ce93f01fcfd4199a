/* hiredis as its users have it: a blocking session, and an asynchronous one on libevent; both see the server killed and
 * come back. The other tests use its blocking half all the time. */
#include "tests/integration/harness.h"

#include <event2/event.h>
#include <hiredis/adapters/libevent.h>
#include <hiredis/async.h>
#include <signal.h>

enum { TEN_MB = 10 * 1024 * 1024, PIPELINE = 10000 };
static const char *const no_options[] = {NULL};

static char *binary_value(void)
{
    char *value = malloc(TEN_MB);
    for (size_t i = 0; i < TEN_MB; i++)
        value[i] = (char)(i * 7 + i / 256);
    return value;
}

static void test_blocking(void **state)
{
    struct test_server *s = SERVER_START_PLAIN();
    redisContext *c = client_open(s), *other = client_open(s);
    char *value = binary_value();
    redisReply *r;
    (void)state;
    expect_status(c, "OK", "SET big %b", value, (size_t)TEN_MB);
    expect_bulk_n(c, value, TEN_MB, "GET big");
    for (int i = 0; i < PIPELINE; i++) {
        redisAppendCommand(c, "SET k:%d %d", i, i);
        redisAppendCommand(c, "GET k:%d", i);
    }
    for (int i = 0; i < PIPELINE; i++) {
        freeReplyObject(next_reply(c));
        r = next_reply(c);
        assert_int_equal(atoi(r->str), i);
        freeReplyObject(r);
    }
    expect_status(c, "OK", "WATCH k:1");
    expect_status(c, "OK", "MULTI");
    expect_status(c, "QUEUED", "INCR k:1");
    r = ask(c, "EXEC");
    assert_int_equal(r->element[0]->integer, 2);
    freeReplyObject(r);
    r = ask(other, "SUBSCRIBE news");
    freeReplyObject(r);
    expect_int(c, 1, "PUBLISH news %b", value, (size_t)TEN_MB);
    r = next_reply(other);
    assert_int_equal(r->element[2]->len, TEN_MB);
    assert_memory_equal(r->element[2]->str, value, TEN_MB);
    freeReplyObject(r);
    server_kill(s);
    assert_null(redisCommand(c, "GET big"));
    assert_int_not_equal(c->err, 0);
    server_again(s, no_options);
    assert_int_equal(redisReconnect(c), REDIS_OK);
    expect_nil(c, "GET big");
    free(value);
    redisFree(other);
    redisFree(c);
    server_stop(s);
}

/* One asynchronous session: a step a reply; `base` ends when the last has come. */
struct session {
    struct event_base *base;
    struct test_server *server;
    redisAsyncContext *c, *subscriber;
    char *value;
    int answered, connections; /* connections: open ones */
    bool published, told;
};

static void end_when(struct session *x, bool over)
{
    if (over)
        event_base_loopexit(x->base, NULL);
}

/* Runs the loop until a callback ends it, or the deadline fails the test. */
static void turn(struct session *x, bool (*done)(struct session *x))
{
    struct timeval deadline = {HARNESS_DEADLINE_S, 0};
    event_base_loopexit(x->base, &deadline);
    event_base_dispatch(x->base);
    assert_true(done(x));
}

static void on_disconnect(const redisAsyncContext *c, int status)
{
    struct session *x = c->data;
    (void)status;
    end_when(x, --x->connections == 0);
}

static redisAsyncContext *connect_async(struct session *x)
{
    redisAsyncContext *c = redisAsyncConnect("127.0.0.1", server_port(x->server));
    assert_non_null(c);
    assert_int_equal(c->err, 0);
    assert_int_equal(redisLibeventAttach(c, x->base), REDIS_OK);
    c->data = x;
    x->connections++;
    redisAsyncSetDisconnectCallback(c, on_disconnect);
    return c;
}

static void on_get(redisAsyncContext *c, void *reply, void *number)
{
    struct session *x = c->data;
    const redisReply *r = reply;
    assert_non_null(r);
    assert_int_equal(atoi(r->str), (int)(intptr_t)number);
    assert_int_equal(x->answered, (int)(intptr_t)number); /* in the order of asking */
    end_when(x, ++x->answered == PIPELINE);
}

static void on_big(redisAsyncContext *c, void *reply, void *unused)
{
    struct session *x = c->data;
    const redisReply *r = reply;
    (void)unused;
    assert_int_equal(r->len, TEN_MB);
    assert_memory_equal(r->str, x->value, TEN_MB);
    x->answered++;
}

static void on_exec(redisAsyncContext *c, void *reply, void *unused)
{
    struct session *x = c->data;
    const redisReply *r = reply;
    (void)unused;
    assert_int_equal(r->type, REDIS_REPLY_ARRAY);
    assert_int_equal(r->element[1]->integer, 2);
    x->answered++;
    end_when(x, true);
}

/* First that it is subscribed, then what is published. */
static void on_message(redisAsyncContext *c, void *reply, void *unused)
{
    struct session *x = c->data;
    const redisReply *r = reply;
    (void)unused;
    if (r == NULL)
        return; /* the connection is gone */
    if (strcmp(r->element[0]->str, "subscribe") == 0) {
        redisAsyncCommand(x->c, NULL, NULL, "PUBLISH news %b", x->value, (size_t)TEN_MB);
        x->published = true;
        return;
    }
    assert_string_equal(r->element[0]->str, "message");
    assert_memory_equal(r->element[2]->str, x->value, TEN_MB);
    x->told = true;
    end_when(x, true);
}

static void on_nil(redisAsyncContext *c, void *reply, void *unused)
{
    struct session *x = c->data;
    (void)unused;
    assert_int_equal(((const redisReply *)reply)->type, REDIS_REPLY_NIL);
    x->answered = 1;
    redisAsyncDisconnect(c); /* its callback ends the loop */
}

static bool all_answered(struct session *x)
{
    return x->answered == PIPELINE;
}

static bool both_answered(struct session *x)
{
    return x->answered == 2;
}

static bool was_told(struct session *x)
{
    return x->published && x->told;
}

static bool is_disconnected(struct session *x)
{
    return x->connections == 0;
}

static void test_async(void **state)
{
    struct session x = {.base = event_base_new(), .server = SERVER_START_PLAIN(), .value = binary_value()};
    (void)state;
    x.c = connect_async(&x);
    for (int i = 0; i < PIPELINE; i++) {
        redisAsyncCommand(x.c, NULL, NULL, "SET k:%d %d", i, i);
        redisAsyncCommand(x.c, on_get, (void *)(intptr_t)i, "GET k:%d", i);
    }
    turn(&x, all_answered);
    x.answered = 0;
    redisAsyncCommand(x.c, NULL, NULL, "SET big %b", x.value, (size_t)TEN_MB);
    redisAsyncCommand(x.c, on_big, NULL, "GET big");
    redisAsyncCommand(x.c, NULL, NULL, "MULTI");
    redisAsyncCommand(x.c, NULL, NULL, "SET t 1");
    redisAsyncCommand(x.c, NULL, NULL, "INCR t");
    redisAsyncCommand(x.c, on_exec, NULL, "EXEC");
    turn(&x, both_answered);
    x.subscriber = connect_async(&x);
    redisAsyncCommand(x.subscriber, on_message, NULL, "SUBSCRIBE news");
    turn(&x, was_told);
    server_kill(x.server);
    turn(&x, is_disconnected);
    server_again(x.server, no_options);
    x.c = connect_async(&x);
    redisAsyncCommand(x.c, on_nil, NULL, "GET big");
    turn(&x, is_disconnected);
    assert_int_equal(x.answered, 1);
    free(x.value);
    event_base_free(x.base);
    server_stop(x.server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocking),
        cmocka_unit_test(test_async),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("hiredis", tests, NULL, NULL);
}
