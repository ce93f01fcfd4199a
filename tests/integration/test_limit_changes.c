/* maxmemory that is wrong or does not stay: below what is in use, below what the server itself takes, over what the
 * machine has, changed all the time, cut short by a cgroup. Memory follows, clients are served, and it is said. */
#include "tests/integration/harness.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MB = 1 << 20, SIZE = 700, KEYS = 60000, PIPELINE = 50 };

static const char oom[] = "OOM command not allowed when used memory > 'maxmemory'.";

static void fill(redisContext *c)
{
    static const char value[SIZE];
    for (int i = 0; i < KEYS; i++) {
        redisAppendCommand(c, "SET key:%d %b", i, value, sizeof value);
        for (int n = i % PIPELINE == PIPELINE - 1 ? PIPELINE : 0; n > 0; n--) {
            redisReply *r = next_reply(c);
            assert_int_equal(r->type, REDIS_REPLY_STATUS);
            freeReplyObject(r);
        }
    }
}

static long long rss_bytes(const struct test_server *s)
{
    char name[64], line[128];
    long long kb = -1;
    snprintf(name, sizeof name, "/proc/%d/status", server_pid(s));
    FILE *f = fopen(name, "re");
    assert_non_null(f);
    while (kb < 0 && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "VmRSS: %lld", &kb) != 1)
            kb = -1;
    fclose(f);
    return kb * 1024;
}

struct shrinking {
    struct test_server *s;
    redisContext *c;
    long long limit;
};

/* It is served while it shrinks. */
static bool has_shrunk(void *arg)
{
    struct shrinking *w = arg;
    expect_status(w->c, "OK", "SET served 1");
    expect_bulk(w->c, "1", "GET served");
    return (flavour_is_sanitized() ? info_number(w->c, "memory", "accounted_total") : rss_bytes(w->s)) <= w->limit;
}

static void expect_doctor(redisContext *c, const char *text)
{
    redisReply *r = ask(c, "MEMORY DOCTOR");
    if (strstr(r->str, text) == NULL)
        fail_msg("MEMORY DOCTOR does not say \"%s\", but: %s", text, r->str);
    freeReplyObject(r);
}

static void expect_healthy(redisContext *c)
{
    redisReply *r = ask(c, "DEBUG CHECK");
    freeReplyObject(r);
}

static void test_below_what_is_in_use(void **state)
{
    struct test_server *s = SERVER_START("--maxmemory", "64mb", "--enable-debug-command", "yes");
    struct shrinking w = {.s = s, .c = client_open(s), .limit = 24LL * MB / 100 * 103};
    (void)state;
    fill(w.c);
    assert_true(info_number(w.c, "memory", "accounted_total") > 40LL * MB);
    expect_status(w.c, "OK", "CONFIG SET maxmemory 24mb");
    eventually(has_shrunk, &w, "memory follows maxmemory");
    assert_true(ask_int(w.c, "DBSIZE") > 10000);
    expect_healthy(w.c);
    redisFree(w.c);
    server_stop(s);
}

/* How many of the keys [from, to) are there. */
static long long there(redisContext *c, int from, int to)
{
    long long n = 0;
    for (int i = from; i < to; i += PIPELINE) {
        for (int k = 0; k < PIPELINE; k++)
            redisAppendCommand(c, "EXISTS key:%d", i + k);
        for (int k = 0; k < PIPELINE; k++) {
            redisReply *r = next_reply(c);
            n += r->integer;
            freeReplyObject(r);
        }
    }
    return n;
}

/* More was written than fits, so that ages differ; then half of what is left has to go: those written last stay. */
static void test_the_coldest_go(void **state)
{
    struct test_server *s = SERVER_START("--maxmemory", "32mb");
    struct shrinking w = {.s = s, .c = client_open(s), .limit = 20LL * MB / 100 * 103};
    (void)state;
    fill(w.c);
    expect_status(w.c, "OK", "CONFIG SET maxmemory 20mb");
    eventually(has_shrunk, &w, "memory follows maxmemory");
    long long left = there(w.c, 0, KEYS), last = there(w.c, KEYS - (int)left / PIPELINE * PIPELINE, KEYS);
    assert_true(left > 5000);
    if (last < left / 4 * 3)
        fail_msg("of the last %lld keys %lld are left", left, last);
    redisFree(w.c);
    server_stop(s);
}

/* Redis takes it, too: what it cannot be is refused, what is too little is said. */
static void test_below_a_minimum(void **state)
{
    static const char failed[] = "ERR CONFIG SET failed (possibly related to argument 'maxmemory') - ";
    static const char *const wrong[] = {"-1", "lots", "10xb", "1e3"};
    struct test_server *s = SERVER_START("--enable-debug-command", "yes");
    redisContext *c = client_open(s);
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect_error(c, failed, "CONFIG SET maxmemory %s", wrong[i]);
    expect_status(c, "OK", "SET key value");
    expect_status(c, "OK", "CONFIG SET maxmemory 1mb");
    server_wait_log(s, "maxmemory is 1048576 bytes, but the server takes");
    expect_doctor(c, "maxmemory leaves nothing to values");
    expect_status(c, "PONG", "PING");
    expect_error(c, oom, "SET key value");
    expect_status(c, "OK", "CONFIG SET maxmemory-policy noeviction");
    expect_error(c, oom, "SET key value");
    expect_bulk(c, "value", "GET key");
    expect_int(c, 1, "DEL key");
    expect_status(c, "OK", "CONFIG SET maxmemory 64mb");
    expect_status(c, "OK", "SET key value");
    expect_healthy(c);
    redisFree(c);
    server_stop(s);
}

static void test_over_what_the_machine_has(void **state)
{
    struct test_server *s = SERVER_START_PLAIN();
    redisContext *c = client_open(s);
    (void)state;
    expect_status(c, "OK", "CONFIG SET maxmemory 1048576gb");
    server_wait_log(s, "but this machine has");
    expect_doctor(c, "maxmemory cannot be reached");
    expect_status(c, "OK", "SET key value");
    redisFree(c);
    server_stop(s);
}

/* ---- changed every 100 ms under writes --------------------------------------------------------------------------- */

struct writer {
    redisContext *c;
    pthread_t thread;
    atomic_bool *stop;
    unsigned random;
    long long written, refused;
    char trouble[256]; /* asserted by the test's own thread */
};

static bool write_some(struct writer *w)
{
    static const char value[SIZE];
    for (int i = 0; i < PIPELINE; i++) {
        w->random = w->random * 1103515245 + 12345;
        redisAppendCommand(w->c, "SET key:%u %b", (w->random >> 8) % (4 * KEYS), value, sizeof value);
    }
    for (int i = 0; i < PIPELINE; i++) {
        redisReply *r = NULL;
        if (redisGetReply(w->c, (void **)&r) != REDIS_OK) {
            snprintf(w->trouble, sizeof w->trouble, "no reply: %s", w->c->errstr);
            return false;
        }
        w->written += r->type == REDIS_REPLY_STATUS;
        w->refused += r->type == REDIS_REPLY_ERROR;
        if (r->type == REDIS_REPLY_ERROR && strcmp(r->str, oom) != 0)
            snprintf(w->trouble, sizeof w->trouble, "%s", r->str);
        freeReplyObject(r);
    }
    return w->trouble[0] == '\0';
}

static void *write_on(void *arg)
{
    struct writer *w = arg;
    while (!atomic_load(w->stop) && write_some(w))
        ;
    return NULL;
}

static void test_changed_all_the_time(void **state)
{
    enum { CHANGES = 30, WRITERS = 2 };
    struct test_server *s = SERVER_START("--maxmemory", "64mb", "--enable-debug-command", "yes");
    redisContext *c = client_open(s);
    struct writer w[WRITERS] = {0};
    atomic_bool stop = false;
    long long highest = 0;
    (void)state;
    fill(c);
    for (int i = 0; i < WRITERS; i++) {
        w[i] = (struct writer){.c = client_open(s), .stop = &stop, .random = (unsigned)i + 1};
        assert_int_equal(pthread_create(&w[i].thread, NULL, write_on, &w[i]), 0);
    }
    for (int i = 0; i < CHANGES; i++) {
        long long rss = rss_bytes(s);
        highest = rss > highest ? rss : highest;
        expect_status(c, "OK", "CONFIG SET maxmemory %s", i % 2 == 0 ? "24mb" : "64mb");
        usleep(100000);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(w[i].thread, NULL);
        if (w[i].trouble[0] != '\0' || w[i].written == 0)
            fail_msg("client %d wrote %lld, %lld were refused: %s", i, w[i].written, w[i].refused, w[i].trouble);
        redisFree(w[i].c);
    }
    long long peak = info_number(c, "memory", "rss_peak");
    highest = peak > highest ? peak : highest;
    if (!flavour_is_sanitized() && highest > 64LL * MB / 100 * 103)
        fail_msg("%lld bytes were resident", highest);
    expect_healthy(c);
    redisFree(c);
    server_stop(s);
}

/* ---- a cgroup ---------------------------------------------------------------------------------------------------- */

static void put(const struct test_server *s, const char *name, const char *text)
{
    char path[256], temporary[300];
    snprintf(path, sizeof path, "%s/root/%s", server_dir(s), name);
    for (char *p = strchr(path + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
        *p = '\0';
        mkdir(path, 0700);
        *p = '/';
    }
    snprintf(temporary, sizeof temporary, "%s.new", path);
    FILE *f = fopen(temporary, "we");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(rename(temporary, path), 0);
}

/* The log tells a moment before the budget is raised. */
static bool takes_more(void *arg)
{
    fill(arg);
    return ask_int(arg, "DBSIZE") > 50000;
}

static void test_cgroup_becomes_smaller(void **state)
{
    struct test_server *s =
        SERVER_START("--maxmemory", "64mb", "--system-root", "root", "--enable-debug-command", "yes");
    struct shrinking w = {.s = s, .c = client_open(s), .limit = 32LL * MB};
    (void)state;
    fill(w.c);
    assert_int_equal(info_number(w.c, "memory", "maxmemory_effective"), 64LL * MB);
    put(s, "sys/fs/cgroup/service/memory.max", "33554432\n");
    put(s, "proc/self/cgroup", "0::/service\n");
    server_wait_log(s, "the control group (cgroup) allows 32.00M: memory is kept within 31.00M");
    eventually(has_shrunk, &w, "memory is within the cgroup's limit");
    expect_doctor(w.c, "it is 64.00M, but this control group (cgroup) has 32.00M");
    assert_int_equal(info_number(w.c, "memory", "maxmemory"), 64LL * MB);
    assert_int_equal(info_number(w.c, "memory", "maxmemory_effective"), 31LL * MB);
    expect_healthy(w.c);
    put(s, "sys/fs/cgroup/service/memory.max", "max\n");
    server_wait_log(s, "maxmemory is 64.00M, and the control group (cgroup) allows that again");
    eventually(takes_more, w.c, "memory is used beyond what the cgroup had allowed");
    redisFree(w.c);
    server_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_below_what_is_in_use), cmocka_unit_test(test_the_coldest_go),
        cmocka_unit_test(test_below_a_minimum),      cmocka_unit_test(test_over_what_the_machine_has),
        cmocka_unit_test(test_changed_all_the_time), cmocka_unit_test(test_cgroup_becomes_smaller),
    };
    return cmocka_run_group_tests_name("limit_changes", tests, NULL, NULL);
}
