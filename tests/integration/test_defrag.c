/* Active defragmentation as clients see it: by hand, its status, the picture of the pages, and what INFO counts. */
#include "tests/integration/harness.h"

#include <unistd.h>

enum { KEYS = 20000, KEEP = 4, VALUE = 400 };

static int start(void **state)
{
    *state = SERVER_START("--activedefrag", "no", "--enable-debug-command", "yes");
    return 0;
}

static int stop(void **state)
{
    server_stop(*state);
    return 0;
}

static void fragment(redisContext *c)
{
    char value[VALUE];
    memset(value, 'x', sizeof value);
    for (int i = 0; i < KEYS; i++)
        redisAppendCommand(c, "SET k%d %b", i, value, sizeof value);
    for (int i = 0; i < KEYS; i++)
        if (i % KEEP != 0)
            redisAppendCommand(c, "DEL k%d", i);
    for (int i = 0; i < KEYS + KEYS - KEYS / KEEP; i++) {
        redisReply *r;
        assert_int_equal(redisGetReply(c, (void **)&r), REDIS_OK);
        freeReplyObject(r);
    }
}

static long long status_int(redisContext *c, const char *name)
{
    redisReply *r = ask(c, "MEMORY DEFRAG STATUS");
    long long v = -1;
    for (size_t i = 0; i + 1 < r->elements; i += 2)
        if (strcmp(r->element[i]->str, name) == 0)
            v = r->element[i + 1]->integer;
    freeReplyObject(r);
    assert_true(v >= 0);
    return v;
}

struct expected_why {
    redisContext *c;
    const char *why;
};

static bool is_why(void *arg)
{
    struct expected_why *e = arg;
    redisReply *r = ask(e->c, "MEMORY DEFRAG");
    bool is = r->elements > 3 && strcmp(r->element[3]->str, e->why) == 0;
    freeReplyObject(r);
    return is;
}

static void expect_why(redisContext *c, const char *why)
{
    struct expected_why e = {.c = c, .why = why};
    eventually(is_why, &e, why);
}

static bool has_run(void *arg)
{
    return status_int(arg, "runs") > 0;
}

static void await_run(redisContext *c)
{
    eventually(has_run, c, "defragmentation has run");
}

static void test_by_hand(void **state)
{
    redisContext *c = client_open(*state);
    fragment(c);
    expect_why(c, "activedefrag is off");
    assert_true(status_int(c, "scattered-bytes") > KEYS * (VALUE / 2));
    assert_int_equal(status_int(c, "runs"), 0);
    expect_status(c, "OK", "MEMORY DEFRAG STOP");
    expect_status(c, "OK", "CONFIG SET activedefrag yes");
    expect_why(c, "stopped by hand");
    assert_int_equal(status_int(c, "runs"), 0);
    expect_status(c, "OK", "CONFIG SET activedefrag no");
    expect_status(c, "OK", "MEMORY DEFRAG START");
    await_run(c);
    expect_why(c, "activedefrag is off"); /* done: START is over when nothing is left to gain */
    assert_true(status_int(c, "runs") >= 1);
    assert_true(status_int(c, "run-pages-won") >= 50);
    assert_true(status_int(c, "run-bytes-moved") > 0);
    assert_true(status_int(c, "scattered-bytes") < KEYS * (VALUE / 10));
    expect_status(c, "OK", "DEBUG CHECK");
    expect_int(c, KEYS / KEEP, "DBSIZE");
    redisReply *r = ask(c, "INFO stats");
    assert_null(strstr(r->str, "active_defrag_hits:0\r"));
    assert_null(strstr(r->str, "active_defrag_key_hits:0\r"));
    assert_non_null(strstr(r->str, "shard_lock_waits:count="));
    assert_non_null(strstr(r->str, "reclaim_direct_latency:count="));
    freeReplyObject(r);
    redisFree(c);
}

static void test_wrong_words(void **state)
{
    redisContext *c = client_open(*state);
    expect_error(c, "ERR syntax error", "MEMORY DEFRAG NOW");
    expect_error(c, "ERR syntax error", "MEMORY DEFRAG START x");
    redisFree(c);
}

struct purged {
    redisContext *c;
    long long pages, chunks, pinned;
};

static void next_purged(struct purged *p)
{
    redisReply *r = next_reply(p->c);
    assert_int_equal(r->type, REDIS_REPLY_ARRAY);
    assert_int_equal(r->elements, 24);
    assert_string_equal(r->element[4]->str, "pages.emptied");
    assert_string_equal(r->element[8]->str, "chunks.moved");
    assert_string_equal(r->element[12]->str, "chunks.pinned");
    p->pages += r->element[5]->integer;
    p->chunks += r->element[9]->integer;
    p->pinned += r->element[13]->integer;
    freeReplyObject(r);
}

/* It ends where no page can be won at once; a worker that is slow to give back its chunks may hold some. */
static bool much_is_purged(void *arg)
{
    struct purged *p = arg;
    if (p->pages >= 50 && p->chunks > 0)
        return true;
    assert_int_equal(redisAppendCommand(p->c, "MEMORY PURGE VERBOSE"), REDIS_OK);
    next_purged(p);
    return false;
}

/* The answer comes when it is done, and what was sent behind it after that. */
static void test_purge_verbose(void **state)
{
    redisContext *c = client_open(*state), *other = client_open(*state);
    struct purged p = {.c = c};
    redisReply *r;
    fragment(c);
    redisAppendCommand(c, "MEMORY PURGE VERBOSE");
    redisAppendCommand(c, "MEMORY PURGE verbose");
    redisAppendCommand(c, "PING");
    next_purged(&p);
    next_purged(&p);
    assert_int_equal(redisGetReply(c, (void **)&r), REDIS_OK);
    assert_string_equal(r->str, "PONG");
    freeReplyObject(r);
    eventually(much_is_purged, &p, "pages are emptied");
    expect_error(c, "ERR wrong number of arguments for 'memory|purge' command", "MEMORY PURGE LOUDLY");
    expect_error(c, "ERR wrong number of arguments for 'memory|purge' command", "MEMORY PURGE VERBOSE x");
    expect_status(c, "OK", "MULTI");
    expect_status(c, "QUEUED", "MEMORY PURGE VERBOSE");
    expect_status(c, "QUEUED", "MEMORY PURGE");
    r = ask(c, "EXEC");
    assert_int_equal(r->elements, 2);
    assert_int_equal(r->element[0]->type, REDIS_REPLY_ERROR);
    assert_int_equal(r->element[1]->type, REDIS_REPLY_STATUS);
    freeReplyObject(r);
    redisAppendCommand(c, "MEMORY PURGE VERBOSE"); /* who asked is gone before the answer */
    int done;
    assert_int_equal(redisBufferWrite(c, &done), REDIS_OK);
    redisFree(c);
    freeReplyObject(ask(other, "MEMORY PURGE VERBOSE"));
    expect_status(other, "OK", "DEBUG CHECK");
    expect_int(other, KEYS / KEEP, "DBSIZE");
    redisFree(other);
}

enum { HELD = 12, TAILS = 16, TAILED = 266000, PLAIN = 320, PLAIN_BYTES = 4050 };

/* Large values whose last chunks, of 4 KB, share their size class with plain ones. Of each page of them one is left,
 * and of each page of plain ones a quarter: so the sparsest pages are those of the large. */
static void scatter(redisContext *c)
{
    char *value = malloc(TAILED);
    memset(value, 'v', TAILED);
    for (int i = 0; i < HELD * TAILS; i++)
        freeReplyObject(ask(c, "SET large:%d %b", i, value, (size_t)TAILED));
    for (int i = 0; i < PLAIN; i++)
        freeReplyObject(ask(c, "SET plain:%d %b", i, value, (size_t)PLAIN_BYTES));
    free(value);
    for (int i = 0; i < HELD * TAILS; i++)
        if (i % TAILS != 0)
            expect_int(c, 1, "DEL large:%d", i);
    for (int i = 0; i < PLAIN; i++)
        if (i % 4 != 0)
            expect_int(c, 1, "DEL plain:%d", i);
}

/* Slow readers hold the sparsest pages: the others are won. */
static void test_purge_past_what_is_held(void **state)
{
    (void)state;
    struct test_server *s = SERVER_START("--activedefrag", "no", "--enable-debug-command", "yes", "--threads", "1",
                                         "--unixsocket", "socket");
    redisContext *c = client_open(s);
    int fd[HELD];
    char request[64];
    struct purged p = {.c = c};
    scatter(c);
    for (int i = 0; i < HELD; i++) {
        fd[i] = raw_open_unix(s);
        snprintf(request, sizeof request, "GET large:%d\r\n", i * TAILS);
        raw_send_text(fd[i], request);
        raw_expect(fd[i], "$266000\r\n"); /* what is behind it does not fit into the socket */
    }
    assert_int_equal(redisAppendCommand(c, "MEMORY PURGE VERBOSE"), REDIS_OK);
    next_purged(&p);
#ifndef FLAGSTONE_FORCE_MOVE /* there what is read or written has moved to fuller pages before */
    assert_true(p.pinned > 0);
    assert_true(p.pages >= PLAIN / 16 / 2);
#endif
    expect_status(c, "OK", "DEBUG CHECK");
    for (int i = 0; i < HELD; i++)
        close(fd[i]);
    redisFree(c);
    server_stop(s);
}

/* Lines: a heading, the picture, its legend. Of the class of values, more pages are shown as `many` than as `few`. */
static void map_shows(redisContext *c, char many, char few)
{
    redisReply *r = ask(c, "MEMORY MAP");
    size_t i = 1, counted[2] = {0};
    assert_int_equal(r->type, REDIS_REPLY_ARRAY);
    assert_non_null(strstr(r->element[0]->str, "pages of 64 KiB in use"));
    for (; i < r->elements && strstr(r->element[i]->str, "not in use") == NULL; i++) {
        assert_true(r->element[i]->len <= 64);
        for (const char *p = r->element[i]->str; *p != '\0'; p++) {
            counted[0] += *p == many;
            counted[1] += *p == few;
        }
    }
    assert_true(i < r->elements);
    assert_non_null(strstr(r->element[r->elements - 1]->str, "E chunks up to 512 bytes"));
    assert_true(counted[0] > counted[1]);
    freeReplyObject(r);
}

static void test_map(void **state)
{
    redisContext *c = client_open(*state);
    fragment(c);
    map_shows(c, 'e', 'E'); /* sparse */
    expect_status(c, "OK", "MEMORY DEFRAG START");
    await_run(c);
    expect_why(c, "activedefrag is off");
    map_shows(c, 'E', 'e');
    redisFree(c);
}

static bool hardly_scattered(void *arg)
{
    return status_int(arg, "scattered-bytes") < 512 * 1024;
}

/* Every command is late: the guard leaves less than all of the effort, and it is done nevertheless. */
static void test_latency_guard(void **state)
{
    redisContext *c = client_open(*state);
    expect_status(c, "OK", "CONFIG SET active-defrag-latency-target 1 activedefrag yes");
    fragment(c);
    eventually(hardly_scattered, c, "it is defragmented");
    expect_status(c, "OK", "CONFIG SET active-defrag-latency-target 0");
    expect_status(c, "OK", "DEBUG CHECK");
    redisFree(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_by_hand, start, stop),
        cmocka_unit_test_setup_teardown(test_wrong_words, start, stop),
        cmocka_unit_test_setup_teardown(test_purge_verbose, start, stop),
        cmocka_unit_test(test_purge_past_what_is_held),
        cmocka_unit_test_setup_teardown(test_map, start, stop),
        cmocka_unit_test_setup_teardown(test_latency_guard, start, stop),
    };
    return cmocka_run_group_tests_name("defrag", tests, NULL, NULL);
}
