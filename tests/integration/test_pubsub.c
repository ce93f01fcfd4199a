/* Pub/sub: every subscriber of every worker gets every message, in order; who reads too slowly is cut, others are
 * served. */
#include <pthread.h>
#include <unistd.h>

#include "tests/integration/harness.h"

static struct test_server *server;

static void expect_push(redisContext *c, const char *what, const char *name, const char *text)
{
    redisReply *r = next_reply(c);
    assert_int_equal(r->type, REDIS_REPLY_ARRAY);
    assert_string_equal(r->element[0]->str, what);
    assert_string_equal(r->element[1]->str, name);
    assert_string_equal(r->element[r->elements - 1]->str, text);
    freeReplyObject(r);
}

/* Closed connections are noticed a little later. */
static bool has_none(void *arg)
{
    redisReply *r = ask(arg, "PUBSUB NUMSUB news");
    long long n = r->element[1]->integer + ask_int(arg, "PUBSUB NUMPAT");
    freeReplyObject(r);
    return n == 0;
}

static void test_many_subscribers(void **state)
{
    enum { SUBSCRIBERS = 300, MESSAGES = 50 };
    redisContext *c[SUBSCRIBERS], *publisher;
    (void)state;
    server = SERVER_START("--threads", "4");
    publisher = client_open(server);
    for (int i = 0; i < SUBSCRIBERS; i++) {
        c[i] = client_open(server);
        freeReplyObject(ask(c[i], i % 3 == 2 ? "PSUBSCRIBE n?ws" : "SUBSCRIBE news"));
    }
    for (int m = 0; m < MESSAGES; m++)
        redisAppendCommand(publisher, "PUBLISH news m%d", m);
    for (int m = 0; m < MESSAGES; m++) {
        redisReply *r = next_reply(publisher);
        assert_int_equal(r->integer, SUBSCRIBERS);
        freeReplyObject(r);
    }
    for (int i = 0; i < SUBSCRIBERS; i++)
        for (int m = 0; m < MESSAGES; m++) {
            char text[16];
            snprintf(text, sizeof text, "m%d", m);
            expect_push(c[i], i % 3 == 2 ? "pmessage" : "message", i % 3 == 2 ? "n?ws" : "news", text);
        }
    assert_int_equal(info_number(publisher, "stats", "pubsub_channels"), 1);
    assert_int_equal(info_number(publisher, "stats", "pubsub_patterns"), 1);
    for (int i = 0; i < SUBSCRIBERS; i++)
        redisFree(c[i]);
    eventually(has_none, publisher, "subscriptions of closed connections");
    expect_int(publisher, 0, "PUBLISH news gone");
    redisFree(publisher);
    server_stop(server);
}

static bool was_cut(void *arg)
{
    redisContext *c = arg;
    char text[10000];
    memset(text, 'x', sizeof text);
    for (int i = 0; i < 100; i++)
        redisAppendCommand(c, "PUBLISH news %b", text, sizeof text);
    for (int i = 0; i < 100; i++)
        freeReplyObject(next_reply(c));
    return info_number(c, "stats", "client_output_buffer_limit_disconnections") > 0;
}

static void test_slow_subscriber(void **state)
{
    (void)state;
    server = SERVER_START("--threads", "2", "--client-output-buffer-limit", "pubsub 4mb 2mb 60");
    redisContext *publisher = client_open(server), *reader = client_open(server);
    freeReplyObject(ask(reader, "SUBSCRIBE other"));
    int slow = raw_open(server);
    raw_send_text(slow, "SUBSCRIBE news\r\n");
    raw_expect(slow, "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
    eventually(was_cut, publisher, "the end of a subscriber that does not read");
    expect_int(publisher, 1, "PUBLISH other hello");
    expect_push(reader, "message", "other", "hello");
    eventually(has_none, publisher, "its subscription");
    close(slow);
    redisFree(reader);
    redisFree(publisher);
    server_stop(server);
}

enum { FLOOD = 1500, FLOOD_BYTES = 20000, READERS = 4 };

static void *flood(void *arg)
{
    redisContext *c = client_open(arg);
    char text[FLOOD_BYTES];
    memset(text, 'x', sizeof text);
    for (int i = 0; i < FLOOD; i++) {
        memcpy(text, &i, sizeof i);
        redisAppendCommand(c, "PUBLISH news %b", text, sizeof text);
    }
    for (int i = 0; i < FLOOD; i++)
        freeReplyObject(next_reply(c));
    redisFree(c);
    return NULL;
}

/* Who publishes faster than other workers deliver is not read on meanwhile; nothing is lost. */
static void test_a_flood(void **state)
{
    (void)state;
    server = SERVER_START("--threads", "4", "--client-output-buffer-limit", "pubsub 0 0 0");
    redisContext *c[READERS];
    pthread_t publisher;
    for (int i = 0; i < READERS; i++) {
        c[i] = client_open(server);
        freeReplyObject(ask(c[i], "SUBSCRIBE news"));
    }
    assert_int_equal(pthread_create(&publisher, NULL, flood, server), 0);
    for (int m = 0; m < FLOOD; m++)
        for (int i = 0; i < READERS; i++) {
            redisReply *r = next_reply(c[i]);
            assert_int_equal(r->element[2]->len, FLOOD_BYTES);
            assert_memory_equal(r->element[2]->str, &m, sizeof m);
            freeReplyObject(r);
        }
    pthread_join(publisher, NULL);
    for (int i = 0; i < READERS; i++)
        redisFree(c[i]);
    server_stop(server);
}

/* Large messages, every byte; subscribers that die. */
static void test_the_rest(void **state)
{
    (void)state;
    server = SERVER_START("--threads", "3");
    redisContext *publisher = client_open(server), *c = client_open(server);
    char *large = malloc(300000);
    for (int i = 0; i < 300000; i++)
        large[i] = (char)(i * 31 + i / 257);
    freeReplyObject(ask(c, "SUBSCRIBE news"));
    expect_int(publisher, 1, "PUBLISH news %b", large, (size_t)300000);
    redisReply *r = next_reply(c);
    assert_int_equal(r->element[2]->len, 300000);
    assert_memory_equal(r->element[2]->str, large, 300000);
    freeReplyObject(r);
    expect_error(c, "ERR Can't execute 'get'", "GET a");
    freeReplyObject(ask(c, "UNSUBSCRIBE"));
    expect_nil(c, "GET a");
    for (int i = 0; i < 200; i++) {
        int fd = raw_open(server);
        raw_send_text(fd, "SUBSCRIBE news a b\r\nPSUBSCRIBE *\r\nSSUBSCRIBE s\r\n");
        freeReplyObject(ask(publisher, "PUBLISH news %d", i));
        close(fd);
    }
    eventually(has_none, publisher, "the end of dead subscribers");
    free(large);
    redisFree(c);
    redisFree(publisher);
    server_stop(server);
}

/* Messages that come until the reply to SUBSCRIBE or UNSUBSCRIBE does. */
static long long messages_before(redisContext *c, const char *what)
{
    for (long long n = 0;; n++) {
        redisReply *r = next_reply(c);
        bool over = strcmp(r->element[0]->str, what) == 0;
        freeReplyObject(r);
        if (over)
            return n;
    }
}

enum { CHURNERS = 6, TURNS = 400 };

struct churner {
    pthread_t thread;
    long long heard;
};

static void *churn(void *arg)
{
    struct churner *me = arg;
    redisContext *c = client_open(server);
    for (int i = 0; i < TURNS; i++) {
        redisAppendCommand(c, "SUBSCRIBE news");
        assert_int_equal(messages_before(c, "subscribe"), 0);
        redisAppendCommand(c, i % 2 == 0 ? "UNSUBSCRIBE news" : "UNSUBSCRIBE");
        me->heard += messages_before(c, "unsubscribe");
    }
    redisFree(c);
    return NULL;
}

/* What PUBLISH counts is what subscribers hear, however they come and go on all workers. */
static void test_counts_are_deliveries(void **state)
{
    struct churner churners[CHURNERS] = {0};
    (void)state;
    server = SERVER_START("--threads", "4");
    redisContext *publisher = client_open(server), *always = client_open(server);
    freeReplyObject(ask(always, "SUBSCRIBE news"));
    long long counted = 0, heard = 0, published = 0;
    for (int i = 0; i < CHURNERS; i++)
        assert_int_equal(pthread_create(&churners[i].thread, NULL, churn, &churners[i]), 0);
    for (; published < CHURNERS * TURNS; published++)
        counted += ask_int(publisher, "PUBLISH news x") - 1;
    for (int i = 0; i < CHURNERS; i++) {
        pthread_join(churners[i].thread, NULL);
        heard += churners[i].heard;
    }
    assert_true(counted == heard);
    for (; published > 0; published--)
        expect_push(always, "message", "news", "x");
    redisFree(always);
    redisFree(publisher);
    server_stop(server);
}

/* An answer arrives after what it answers, everywhere. */
static void test_answers_come_second(void **state)
{
    enum { OBSERVERS = 8, QUESTIONS = 300 };
    redisContext *c[OBSERVERS];
    (void)state;
    server = SERVER_START("--threads", "4");
    redisContext *asker = client_open(server), *listener = client_open(server), *answerer = client_open(server);
    for (int i = 0; i < OBSERVERS; i++) {
        c[i] = client_open(server);
        freeReplyObject(ask(c[i], i % 2 == 0 ? "SUBSCRIBE question" : "PSUBSCRIBE q*"));
        freeReplyObject(ask(c[i], i % 4 < 2 ? "SUBSCRIBE answer" : "PSUBSCRIBE a*"));
    }
    freeReplyObject(ask(listener, "SUBSCRIBE question"));
    for (int q = 0; q < QUESTIONS; q++) {
        char text[16];
        snprintf(text, sizeof text, "%d", q);
        redisAppendCommand(asker, "PUBLISH question %d", q);
        int done = 0;
        while (!done)
            assert_int_equal(redisBufferWrite(asker, &done), REDIS_OK);
        expect_push(listener, "message", "question", text);
        expect_int(answerer, OBSERVERS, "PUBLISH answer %d", q);
        freeReplyObject(next_reply(asker));
        for (int i = 0; i < OBSERVERS; i++) {
            redisReply *first = next_reply(c[i]), *second = next_reply(c[i]);
            assert_string_equal(first->element[first->elements - 2]->str, "question");
            assert_string_equal(second->element[second->elements - 2]->str, "answer");
            assert_string_equal(second->element[second->elements - 1]->str, text);
            freeReplyObject(first);
            freeReplyObject(second);
        }
    }
    for (int i = 0; i < OBSERVERS; i++)
        redisFree(c[i]);
    redisFree(answerer);
    redisFree(listener);
    redisFree(asker);
    server_stop(server);
}

static void test_many_channels(void **state)
{
    enum { CHANNELS = 20000 };
    (void)state;
    server = SERVER_START("--threads", "2");
    redisContext *c = client_open(server), *other = client_open(server);
    for (int i = 0; i < CHANNELS; i++)
        redisAppendCommand(c, "SUBSCRIBE channel:%d", i);
    for (int i = 0; i < CHANNELS; i++) {
        redisReply *r = next_reply(c);
        assert_int_equal(r->element[2]->integer, i + 1);
        freeReplyObject(r);
    }
    for (int i = 0; i < CHANNELS; i += 777) {
        char name[32];
        snprintf(name, sizeof name, "channel:%d", i);
        expect_int(other, 1, "PUBLISH %s x", name);
        expect_push(c, "message", name, "x");
    }
    redisReply *r = ask(other, "PUBSUB CHANNELS *");
    assert_int_equal(r->elements, CHANNELS);
    freeReplyObject(r);
    redisAppendCommand(c, "UNSUBSCRIBE");
    for (int i = CHANNELS; i > 0; i--) {
        r = next_reply(c);
        assert_string_equal(r->element[0]->str, "unsubscribe");
        assert_int_equal(strncmp(r->element[1]->str, "channel:", 8), 0);
        assert_int_equal(r->element[2]->integer, i - 1);
        freeReplyObject(r);
    }
    assert_int_equal(info_number(other, "stats", "pubsub_channels"), 0);
    redisFree(other);
    redisFree(c);
    server_stop(server);
}

/* Reads up to and with this text, which no beginning of itself precedes. */
static void skip_past(int fd, const char *text)
{
    for (size_t at = 0; text[at] != '\0';) {
        char byte;
        raw_read(fd, &byte, 1);
        at = byte == text[at] ? at + 1 : byte == text[0];
    }
}

/* Messages come behind the reply of EXEC, never in the middle of it. */
static void test_exec_replies_in_one_piece(void **state)
{
    (void)state;
    server = SERVER_START("--threads", "1", "--notify-keyspace-events", "KEA");
    int fd = raw_open(server);
    raw_send_text(fd, "HELLO 3\r\nSUBSCRIBE news __keyspace@0__:a\r\n");
    raw_send_text(fd, "MULTI\r\nPUBLISH news 1\r\nSET a 1\r\nSPUBLISH other 2\r\nDBSIZE\r\nEXEC\r\nPING\r\n");
    for (int i = 0; i < 4; i++)
        skip_past(fd, "+QUEUED\r\n");
    raw_expect(fd, "*4\r\n:1\r\n+OK\r\n:0\r\n:1\r\n");
    raw_expect(fd, ">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\n1\r\n");
    raw_expect(fd, ">3\r\n$7\r\nmessage\r\n$16\r\n__keyspace@0__:a\r\n$3\r\nset\r\n");
    raw_expect(fd, "+PONG\r\n");
    close(fd);
    server_stop(server);
}

/* CLIENT REPLY is about replies: subscriptions are confirmed, as messages come. */
static void test_reply_off_hears(void **state)
{
    (void)state;
    server = SERVER_START("--threads", "2");
    redisContext *publisher = client_open(server);
    int fd = raw_open(server);
    raw_send_text(fd, "CLIENT REPLY OFF\r\nPING\r\nSUBSCRIBE news\r\n");
    raw_expect(fd, "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
    expect_int(publisher, 1, "PUBLISH news 1");
    raw_expect(fd, "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\n1\r\n");
    raw_send_text(fd, "UNSUBSCRIBE\r\n");
    raw_expect(fd, "*3\r\n$11\r\nunsubscribe\r\n$4\r\nnews\r\n:0\r\n");
    close(fd);
    redisFree(publisher);
    server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_subscribers),
        cmocka_unit_test(test_slow_subscriber),
        cmocka_unit_test(test_a_flood),
        cmocka_unit_test(test_the_rest),
        cmocka_unit_test(test_counts_are_deliveries),
        cmocka_unit_test(test_answers_come_second),
        cmocka_unit_test(test_many_channels),
        cmocka_unit_test(test_exec_replies_in_one_piece),
        cmocka_unit_test(test_reply_off_hears),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
