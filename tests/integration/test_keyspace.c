/* The keyspace as it grows, shrinks and expires: SCAN's guarantee, active expiry, flushing while others work. */
#include "tests/integration/harness.h"

#include <sys/time.h>

enum { STAYING = 3000 };

static int start(void **state)
{
    *state = SERVER_START("--enable-debug-command", "yes");
    return 0;
}

static int stop(void **state)
{
    server_stop(*state);
    return 0;
}

static void set_range(redisContext *c, const char *prefix, int from, int to)
{
    for (int i = from; i < to; i++)
        redisAppendCommand(c, "SET %s:%d %d", prefix, i, i);
    for (int i = from; i < to; i++)
        freeReplyObject(next_reply(c));
}

static void del_range(redisContext *c, const char *prefix, int from, int to)
{
    for (int i = from; i < to; i++)
        redisAppendCommand(c, "DEL %s:%d", prefix, i);
    for (int i = from; i < to; i++)
        freeReplyObject(next_reply(c));
}

/* Keys that stay are seen, though between calls the table grows many times over, then shrinks again. */
static void test_scan_guarantee(void **state)
{
    redisContext *c = client_open(*state);
    bool seen[STAYING] = {false};
    char cursor[24] = "0";
    int turn = 0;
    expect_status(c, "OK", "FLUSHALL");
    set_range(c, "stay", 0, STAYING);
    do {
        redisReply *r = ask(c, "SCAN %s COUNT 50", cursor);
        snprintf(cursor, sizeof(cursor), "%s", r->element[0]->str);
        for (size_t i = 0; i < r->element[1]->elements; i++) {
            const char *key = r->element[1]->element[i]->str;
            if (strncmp(key, "stay:", 5) == 0)
                seen[atoi(key + 5)] = true;
        }
        freeReplyObject(r);
        if (turn < 40)
            set_range(c, "come", turn * 1000, turn * 1000 + 1000);
        else if (turn < 80)
            del_range(c, "come", (turn - 40) * 1000, (turn - 40) * 1000 + 1000);
        turn++;
        assert_true(turn < 100000);
    } while (strcmp(cursor, "0") != 0);
    for (int i = 0; i < STAYING; i++)
        if (!seen[i])
            fail_msg("stay:%d was not seen", i);
    expect_status(c, "OK", "FLUSHALL");
    redisFree(c);
}

struct expiring {
    redisContext *c;
    long long before, gone; /* expired_keys: at first, and that are to come */
};

/* A key is counted as expired a moment after it is gone. */
static bool all_gone(void *arg)
{
    const struct expiring *e = arg;
    return ask_int(e->c, "DBSIZE") == 1 && info_number(e->c, "stats", "expired_keys") - e->before >= e->gone;
}

/* Nobody touches the keys: active expiry removes them, and only them. */
static void test_active_expiry(void **state)
{
    redisContext *c = client_open(*state);
    struct expiring e = {.c = c, .before = info_number(c, "stats", "expired_keys"), .gone = 5000};
    expect_status(c, "OK", "FLUSHALL");
    expect_status(c, "OK", "SET stays 1 EX 10000");
    for (int i = 0; i < 5000; i++)
        redisAppendCommand(c, "SET goes:%d x PX %d", i, 1 + i % 300);
    for (int i = 0; i < 5000; i++)
        freeReplyObject(next_reply(c));
    eventually(all_gone, &e, "expired keys are removed");
    assert_int_equal(info_number(c, "stats", "expired_keys") - e.before, e.gone);
    expect_bulk(c, "1", "GET stays");
    redisFree(c);
}

/* Exact to the millisecond at access, by the server's clock: TIME read before and after each look. */
static void test_exact_expiry(void **state)
{
    redisContext *c = client_open(*state);
    expect_int(c, 0, "DEL exact");
    for (int round = 0; round < 20; round++) {
        struct timeval now;
        long long due_ms;
        bool gone = false;
        gettimeofday(&now, NULL);
        due_ms = (long long)now.tv_sec * 1000 + now.tv_usec / 1000 + 20;
        expect_status(c, "OK", "SET exact x PXAT %lld", due_ms);
        while (!gone) {
            struct timeval begin, end;
            redisReply *r;
            gettimeofday(&begin, NULL);
            r = ask(c, "GET exact");
            gettimeofday(&end, NULL);
            gone = r->type == REDIS_REPLY_NIL;
            /* Gone: the moment has come. There: it had not, when it was asked. (1 ms: clocks are read in ms.) */
            if (gone)
                assert_true((long long)end.tv_sec * 1000 + end.tv_usec / 1000 >= due_ms);
            else
                assert_true((long long)begin.tv_sec * 1000 + begin.tv_usec / 1000 <= due_ms + 1);
            freeReplyObject(r);
        }
    }
    redisFree(c);
}

static void test_flush_is_complete(void **state)
{
    redisContext *c = client_open(*state);
    expect_status(c, "OK", "FLUSHALL");
    for (int round = 0; round < 5; round++) {
        set_range(c, "flushed", 0, 20000);
        expect_int(c, 20000, "DBSIZE");
        expect_status(c, "OK", round % 2 ? "FLUSHALL SYNC" : "FLUSHDB ASYNC");
        expect_int(c, 0, "DBSIZE");
        expect_nil(c, "GET flushed:1");
        expect_nil(c, "RANDOMKEY");
    }
    redisFree(c);
}

static void test_check_is_clean(void **state)
{
    redisContext *c = client_open(*state);
    redisReply *r;
    set_range(c, "checked", 0, 30000);
    del_range(c, "checked", 0, 25000);
    r = ask(c, "DEBUG CHECK");
    freeReplyObject(r);
    expect_bulk(c, "29999", "GET checked:29999");
    redisFree(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan_guarantee), cmocka_unit_test(test_active_expiry),
        cmocka_unit_test(test_exact_expiry),   cmocka_unit_test(test_flush_is_complete),
        cmocka_unit_test(test_check_is_clean),
    };
    return cmocka_run_group_tests_name("keyspace", tests, start, stop);
}
