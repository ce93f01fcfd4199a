/* What people and dashboards look at: MONITOR, SLOWLOG, LATENCY, INFO, MEMORY, COMMAND. */
#include "tests/integration/harness.h"

#include <unistd.h>

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

static void expect_line(int fd, const char *end)
{
    char line[512];
    size_t n = 0;
    do {
        assert_true(n < sizeof(line) - 1);
        raw_read(fd, line + n, 1);
    } while (line[n++] != '\n');
    line[n] = '\0';
    if (line[0] != '+' || !strstr(line, end))
        fail_msg("%s, expected %s", line, end);
}

static void test_monitor(void **state)
{
    int watcher = raw_open(*state);
    redisContext *c = client_open(*state);
    raw_send_text(watcher, "MONITOR\r\n");
    raw_expect(watcher, "+OK\r\n");
    expect_status(c, "OK", "SELECT 3");
    expect_status(c, "OK", "SET a %b", "x\"y\r\n\x01\xff", (size_t)7);
    expect_nil(c, "GET nosuch");
    expect_line(watcher, "\"SELECT\" \"3\"");
    expect_line(watcher, "\"SET\" \"a\" \"x\\\"y\\r\\n\\x01\\xff\"");
    expect_line(watcher, "[3 127.0.0.1:");
    raw_send_text(watcher, "RESET\r\n");
    raw_expect(watcher, "+RESET\r\n");
    close(watcher);
    redisFree(c);
}

static void test_slowlog(void **state)
{
    redisContext *c = client_open(*state);
    redisReply *r;
    expect_status(c, "OK", "CONFIG SET slowlog-log-slower-than 0 slowlog-max-len 3");
    expect_status(c, "OK", "SLOWLOG RESET");
    for (int i = 0; i < 5; i++)
        expect_status(c, "PONG", "PING");
    expect_bulk(c, "last", "ECHO last");
    expect_status(c, "OK", "CONFIG SET slowlog-log-slower-than -1");
    expect_int(c, 3, "SLOWLOG LEN");
    r = ask(c, "SLOWLOG GET");
    assert_int_equal(r->elements, 3);
    assert_int_equal(r->element[0]->elements, 6);
    /* The newest first; the CONFIG SET that ended it is not there. */
    assert_string_equal(r->element[0]->element[3]->element[0]->str, "ECHO");
    assert_string_equal(r->element[0]->element[3]->element[1]->str, "last");
    assert_true(r->element[0]->element[0]->integer == r->element[1]->element[0]->integer + 1);
    freeReplyObject(r);
    expect_status(c, "OK", "SLOWLOG RESET");
    expect_int(c, 0, "SLOWLOG LEN");
    redisFree(c);
}

/* Among what the memory thread may have been late with, too. */
static long long latest_most_ms(redisContext *c, const char *event)
{
    redisReply *r = ask(c, "LATENCY LATEST");
    long long most = -1;
    for (size_t i = 0; i < r->elements; i++)
        if (strcmp(r->element[i]->element[0]->str, event) == 0)
            most = r->element[i]->element[3]->integer;
    freeReplyObject(r);
    return most;
}

static void test_latency(void **state)
{
    redisContext *c = client_open(*state);
    redisReply *r;
    expect_status(c, "OK", "CONFIG SET latency-monitor-threshold 5");
    expect_status(c, "OK", "DEBUG SLEEP 0.02");
    assert_true(latest_most_ms(c, "command") >= 20);
    r = ask(c, "LATENCY HISTORY command"); /* one a second; a command that is held up counts as well */
    assert_true(r->elements >= 1);
    freeReplyObject(r);
    expect_int(c, 1, "LATENCY RESET command");
    r = ask(c, "LATENCY HISTOGRAM ping");
    freeReplyObject(r);
    expect_status(c, "OK", "CONFIG SET latency-monitor-threshold 0");
    redisFree(c);
}

static void test_info(void **state)
{
    redisContext *c = client_open(*state);
    redisReply *r;
    expect_status(c, "OK", "FLUSHALL");
    expect_status(c, "OK", "CONFIG RESETSTAT");
    expect_status(c, "OK", "SET a 1 EX 1000");
    expect_status(c, "OK", "SET b 1");
    expect_bulk(c, "1", "GET a");
    expect_nil(c, "GET nosuch");
    expect_error(c, "ERR", "INCRBY a x");
    assert_int_equal(info_number(c, "stats", "keyspace_hits"), 1);
    assert_int_equal(info_number(c, "stats", "keyspace_misses"), 1);
    assert_int_equal(info_number(c, "server", "process_id"), server_pid(*state));
    assert_int_equal(info_number(c, "server", "tcp_port"), server_port(*state));
    r = ask(c, "INFO keyspace errorstats");
    assert_non_null(strstr(r->str, "db0:keys=2,expires=1,avg_ttl="));
    assert_non_null(strstr(r->str, "errorstat_ERR:count=1"));
    freeReplyObject(r);
    r = ask(c, "INFO commandstats");
    assert_non_null(strstr(r->str, "cmdstat_set:calls=2,"));
    assert_non_null(strstr(r->str, "cmdstat_incrby:calls=1,"));
    freeReplyObject(r);
    r = ask(c, "INFO nosuch");
    assert_int_equal(r->len, 0);
    freeReplyObject(r);
    redisFree(c);
}

/* The parts sum to the total, and used memory follows what is stored. */
static void test_memory_adds_up(void **state)
{
    static const char *const parts[] = {"accounted_pages", "accounted_tables", "accounted_jemalloc", "accounted_stacks",
                                        "accounted_base"};
    redisContext *c = client_open(*state);
    redisReply *r = ask(c, "INFO memory");
    long long sum = 0, total, before = info_number(c, "memory", "used_memory");
    char *value = calloc(1, 1 << 20), name[64];
    const char *at;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        snprintf(name, sizeof(name), "\n%s:", parts[i]);
        at = strstr(r->str, name);
        assert_non_null(at);
        sum += strtoll(at + strlen(name), NULL, 10);
    }
    at = strstr(r->str, "\naccounted_total:");
    assert_non_null(at);
    total = strtoll(at + 17, NULL, 10);
    freeReplyObject(r);
    assert_int_equal(sum, total);
    for (int i = 0; i < 20; i++)
        expect_status(c, "OK", "SET mb:%d %b", i, value, (size_t)1 << 20);
    assert_true(info_number(c, "memory", "used_memory") >= before + (20 << 20));
    assert_true(ask_int(c, "MEMORY USAGE mb:0") >= 1 << 20);
    assert_true(ask_int(c, "MEMORY USAGE mb:0") < (1 << 20) + 70000);
    expect_status(c, "OK", "FLUSHALL");
    free(value);
    redisFree(c);
}

static void test_commands_describe_themselves(void **state)
{
    redisContext *c = client_open(*state);
    redisReply *list = ask(c, "COMMAND LIST"), *count = ask(c, "COMMAND COUNT"), *all = ask(c, "COMMAND");
    assert_int_equal(count->integer, (long long)all->elements);
    assert_true(list->elements >= all->elements);
    for (size_t i = 0; i < list->elements; i++) {
        redisReply *r = ask(c, "COMMAND INFO %s", list->element[i]->str);
        assert_int_equal(r->elements, 1);
        assert_int_equal(r->element[0]->elements, 10);
        assert_string_equal(r->element[0]->element[0]->str, list->element[i]->str);
        freeReplyObject(r);
    }
    freeReplyObject(list);
    freeReplyObject(count);
    freeReplyObject(all);
    redisFree(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_monitor),        cmocka_unit_test(test_slowlog),
        cmocka_unit_test(test_latency),        cmocka_unit_test(test_info),
        cmocka_unit_test(test_memory_adds_up), cmocka_unit_test(test_commands_describe_themselves),
    };
    return cmocka_run_group_tests_name("observation", tests, start, stop);
}
