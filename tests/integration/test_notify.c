/* Keyspace notifications of what no command says: expiry and eviction, of many keys at once. (What commands say is
 * compared with a Redis server in tests/differential/events.py.) */
#include <unistd.h>

#include "tests/integration/harness.h"

/* Reads events until one is about `last`, counts those about other keys. */
static int count_events(redisContext *c, const char *last)
{
    for (int n = 0;; n++) {
        redisReply *r = next_reply(c);
        bool over = strcmp(r->element[2]->str, last) == 0;
        assert_string_equal(r->element[0]->str, "message");
        freeReplyObject(r);
        if (over)
            return n;
    }
}

static redisContext *listen_to(struct test_server *s, const char *channel)
{
    redisContext *c = client_open(s);
    freeReplyObject(ask(c, "SUBSCRIBE %s", channel));
    return c;
}

/* All of them at one moment: each is told of once, and others are served meanwhile. */
static void test_mass_expiry(void **state)
{
    const int keys = flavour_is_sanitized() ? 20000 : 200000;
    struct test_server *s = SERVER_START("--threads", "3", "--notify-keyspace-events", "Ex", "--enable-debug-command",
                                         "yes", "--client-output-buffer-limit", "pubsub 0 0 0");
    redisContext *c = client_open(s), *other = client_open(s);
    redisContext *listener = listen_to(s, "__keyevent@0__:expired"), *deaf = listen_to(s, "__keyevent@0__:set");
    (void)state;
    freeReplyObject(ask(c, "DEBUG SET-ACTIVE-EXPIRE 0"));
    for (int i = 0; i < keys; i++)
        redisAppendCommand(c, "SET key:%d x PX 1", i);
    for (int i = 0; i < keys; i++)
        freeReplyObject(next_reply(c));
    freeReplyObject(ask(c, "DEBUG SET-ACTIVE-EXPIRE 1"));
    for (int told = 0; told < keys; told++) {
        redisReply *r = next_reply(listener);
        assert_string_equal(r->element[0]->str, "message");
        assert_int_equal(strncmp(r->element[2]->str, "key:", 4), 0);
        freeReplyObject(r);
        if (told % 1000 == 0)
            expect_status(other, "PONG", "PING");
    }
    assert_int_equal(ask_int(c, "DBSIZE"), 0);
    expect_int(c, 1, "PUBLISH __keyevent@0__:expired last");
    assert_int_equal(count_events(listener, "last"), 0);
    expect_int(c, 1, "PUBLISH __keyevent@0__:set last");
    assert_int_equal(count_events(deaf, "last"), 0);
    redisFree(deaf);
    redisFree(listener);
    redisFree(other);
    redisFree(c);
    server_stop(s);
}

static bool all_evicted_told(void *arg)
{
    redisContext *const *c = arg;
    static int told;
    long long evicted = info_number(c[0], "stats", "evicted_keys");
    expect_int(c[0], 1, "PUBLISH __keyevent@0__:evicted last");
    told += count_events(c[1], "last");
    return told > 0 && told == evicted;
}

static void test_eviction(void **state)
{
    struct test_server *s = SERVER_START("--threads", "2", "--maxmemory", "24mb", "--notify-keyspace-events", "Ee",
                                         "--client-output-buffer-limit", "pubsub 0 0 0");
    redisContext *c = client_open(s), *listener = listen_to(s, "__keyevent@0__:evicted");
    char value[500];
    (void)state;
    memset(value, 'x', sizeof value);
    for (int i = 0; i < 60000; i++) {
        redisAppendCommand(c, "SET key:%d %b", i, value, sizeof value);
        if (i % 100 == 99)
            for (int n = 0; n < 100; n++)
                freeReplyObject(next_reply(c));
    }
    eventually(all_evicted_told, (redisContext *[]){c, listener}, "an event for every evicted key");
    redisFree(listener);
    redisFree(c);
    server_stop(s);
}

static bool was_cut(void *arg)
{
    redisContext *c = arg;
    for (int i = 0; i < 1000; i++)
        redisAppendCommand(c, "SET key:%d x", i);
    for (int i = 0; i < 1000; i++)
        freeReplyObject(next_reply(c));
    return info_number(c, "stats", "client_output_buffer_limit_disconnections") > 0;
}

/* A listener that never reads is cut by its limit; who writes goes on. */
static void test_deaf_listener(void **state)
{
    struct test_server *s = SERVER_START("--threads", "2", "--notify-keyspace-events", "KEA",
                                         "--client-output-buffer-limit", "pubsub 2mb 1mb 60");
    redisContext *c = client_open(s);
    (void)state;
    int deaf = raw_open(s);
    raw_send_text(deaf, "PSUBSCRIBE __key*\r\n");
    raw_expect(deaf, "*3\r\n$10\r\npsubscribe\r\n$6\r\n__key*\r\n:1\r\n");
    eventually(was_cut, c, "the end of a listener that does not read");
    raw_expect_closed(deaf);
    close(deaf);
    redisFree(c);
    server_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mass_expiry),
        cmocka_unit_test(test_eviction),
        cmocka_unit_test(test_deaf_listener),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
