/* maxmemory: writes go on under every evicting policy, are refused in Redis's words under noeviction, and what is
 * read is right or absent. */
#include "tests/integration/harness.h"

static void fill(redisContext *c, int keys, int size, const char *options)
{
    char *value = malloc((size_t)size);
    for (int i = 0; i < keys; i++) {
        memset(value, 'a' + i % 26, (size_t)size);
        if (*options)
            redisAppendCommand(c, "SET key:%d %b EX %d", i, value, (size_t)size, 10000 + i);
        else
            redisAppendCommand(c, "SET key:%d %b", i, value, (size_t)size);
        if (i % 100 == 99 || i == keys - 1) {
            for (int n = i % 100 + 1; n > 0; n--) {
                redisReply *r = next_reply(c);
                if (r->type != REDIS_REPLY_STATUS)
                    fail_msg("key %d of %d B: %s", i, size, r->str);
                freeReplyObject(r);
            }
        }
    }
    free(value);
}

/* Every value that is still there is the one that was written; returns how many are. */
static int verify(redisContext *c, int keys, int size)
{
    enum { PIPELINE = 100 };
    int there = 0;
    char *want = malloc((size_t)size);
    for (int i = 0; i < keys; i++) {
        if (i % PIPELINE == 0)
            for (int k = i; k < i + PIPELINE && k < keys; k++)
                redisAppendCommand(c, "GET key:%d", k);
        redisReply *r = next_reply(c);
        if (r->type == REDIS_REPLY_STRING) {
            there++;
            assert_int_equal(r->len, size);
            memset(want, 'a' + i % 26, (size_t)size);
            if (memcmp(r->str, want, (size_t)size) != 0)
                fail_msg("key %d is wrong", i);
        } else if (r->type != REDIS_REPLY_NIL) {
            fail_msg("key %d: a reply of type %d", i, r->type);
        }
        freeReplyObject(r);
    }
    free(want);
    return there;
}

enum { POLICY_KEYS = 60000 };

/* Eviction may go on between the two questions. */
static bool adds_up(void *arg)
{
    return ask_int(arg, "DBSIZE") + info_number(arg, "stats", "evicted_keys") == POLICY_KEYS;
}

static void test_every_policy(void **state)
{
    static const char *const policies[] = {"allkeys-s3fifo", "allkeys-lru",  "allkeys-lfu",     "allkeys-random",
                                           "volatile-lru",   "volatile-lfu", "volatile-random", "volatile-ttl"};
    enum { KEYS = POLICY_KEYS, SIZE = 700 };
    (void)state;
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        struct test_server *s = SERVER_START("--maxmemory", "24mb", "--maxmemory-policy", policies[i]);
        redisContext *c = client_open(s);
        int there;
        fill(c, KEYS, SIZE, strncmp(policies[i], "volatile", 8) == 0 ? "EX" : "");
        there = verify(c, KEYS, SIZE);
        assert_true(there > 10000 && there < KEYS);
        eventually(adds_up, c, "keys that are there and keys that were evicted are all keys");
        redisFree(c);
        server_stop(s);
    }
}

/* Sizes shift from small to large to huge: no class starves, no error. */
static void test_shifting_sizes(void **state)
{
    struct test_server *s = SERVER_START("--maxmemory", "32mb");
    redisContext *c = client_open(s);
    (void)state;
    fill(c, 150000, 60, "");
    fill(c, 40000, 900, "");
    fill(c, 4000, 9000, "");
    fill(c, 300, 300000, "");
    fill(c, 20, 4000000, "");
    fill(c, 150000, 60, "");
    assert_true(verify(c, 150000, 60) > 20000);
    redisFree(c);
    server_stop(s);
}

static void test_noeviction(void **state)
{
    struct test_server *s = SERVER_START("--maxmemory", "24mb", "--maxmemory-policy", "noeviction");
    redisContext *c = client_open(s);
    char value[4000];
    int stored = 0;
    (void)state;
    memset(value, 'x', sizeof(value));
    for (;; stored++) {
        redisReply *r = redisCommand(c, "SET key:%d %b", stored, value, sizeof(value));
        assert_non_null(r);
        if (r->type == REDIS_REPLY_ERROR) {
            assert_string_equal(r->str, "OOM command not allowed when used memory > 'maxmemory'.");
            freeReplyObject(r);
            break;
        }
        freeReplyObject(r);
        assert_true(stored < 10000);
    }
    assert_true(stored > 1000);
    for (int i = 0; i < stored; i++)
        expect_bulk_n(c, value, sizeof(value), "GET key:%d", i);
    expect_int(c, stored, "DBSIZE");
    expect_status(c, "OK", "FLUSHALL");
    expect_status(c, "OK", "CONFIG SET maxmemory 0");
    expect_status(c, "OK", "SET key 1");
    redisFree(c);
    server_stop(s);
}

/* volatile-* without anything volatile is as noeviction. */
static void test_nothing_volatile(void **state)
{
    struct test_server *s = SERVER_START("--maxmemory", "20mb", "--maxmemory-policy", "volatile-lru");
    redisContext *c = client_open(s);
    char value[4000];
    int stored = 0;
    (void)state;
    memset(value, 'x', sizeof(value));
    for (redisReply *r; stored < 10000; stored++) {
        bool refused;
        r = redisCommand(c, "SET key:%d %b", stored, value, sizeof(value));
        assert_non_null(r);
        refused = r->type == REDIS_REPLY_ERROR;
        if (refused)
            assert_int_equal(strncmp(r->str, "OOM command not allowed", 23), 0);
        freeReplyObject(r);
        if (refused)
            break;
    }
    assert_true(stored < 10000);
    expect_int(c, stored, "DBSIZE");
    redisFree(c);
    server_stop(s);
}

static bool fits(void *arg)
{
    return info_number(arg, "memory", "accounted_total") <= 24 << 20;
}

/* The balloon: lowered at run time, memory follows; raised, it is usable at once. */
static void test_balloon(void **state)
{
    struct test_server *s = SERVER_START("--maxmemory", "64mb");
    redisContext *c = client_open(s);
    (void)state;
    fill(c, 60000, 700, "");
    expect_status(c, "OK", "CONFIG SET maxmemory 24mb");
    eventually(fits, c, "memory follows maxmemory");
    assert_true(verify(c, 60000, 700) > 5000);
    expect_status(c, "OK", "CONFIG SET maxmemory 64mb");
    fill(c, 60000, 700, "");
    assert_true(verify(c, 60000, 700) > 50000);
    redisFree(c);
    server_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_policy), cmocka_unit_test(test_shifting_sizes),
        cmocka_unit_test(test_noeviction),   cmocka_unit_test(test_nothing_volatile),
        cmocka_unit_test(test_balloon),
    };
    return cmocka_run_group_tests_name("limit", tests, NULL, NULL);
}
