/* Memory: every byte counted once, clients that read slowly go before keys do, and what is asked for beyond reason is
 * refused in Redis's words. */
#include "tests/integration/harness.h"

#include <sys/socket.h>
#include <unistd.h>

#ifdef __SANITIZE_THREAD__
enum { READERS = 300, LIMIT_MB = 64 }; /* its shadow is four times the memory, and this takes minutes as it is */
#else
enum { READERS = 1000, LIMIT_MB = 192 };
#endif
enum { MB = 1 << 20, LARGE = 20 };

static long long memory(redisContext *c, const char *field)
{
    return info_number(c, "memory", field);
}

/* ---- MEMORY USAGE ------------------------------------------------------------------------------------------------ */

static void fill_mixed(redisContext *c)
{
    static char value[3 * MB];
    static const char *const ttl[] = {"", " EX 10000"};
    unsigned random = 1;
    memset(value, 'v', sizeof value);
    for (int i = 0; i < 5000; i++) {
        random = random * 1103515245 + 12345;
        size_t n = i % 100 == 0 ? (random >> 8) % sizeof value : i % 5 == 0 ? (random >> 8) % 20000 : random >> 24;
        char command[64];
        snprintf(command, sizeof command, "SET %s:%%d %%b%s", i % 3 == 0 ? "a-longer-name-of-a-key" : "k", ttl[i % 2]);
        freeReplyObject(ask(c, command, i, value, n));
        if (i % 50 == 0)
            ask_int(c, "APPEND %s:%d %b", i % 3 == 0 ? "a-longer-name-of-a-key" : "k", i, value, (size_t)7000);
        if (i % 7 == 0)
            ask_int(c, "PEXPIRE %s:%d 9000000", i % 3 == 0 ? "a-longer-name-of-a-key" : "k", i);
        if (i % 11 == 0)
            ask_int(c, "DEL %s:%d", i % 3 == 0 ? "a-longer-name-of-a-key" : "k", i);
    }
}

static long long sum_of_usage(redisContext *c)
{
    long long sum = 0;
    redisReply *keys = ask(c, "KEYS *");
    for (size_t i = 0; i < keys->elements; i++)
        sum += ask_int(c, "MEMORY USAGE %b", keys->element[i]->str, keys->element[i]->len);
    freeReplyObject(keys);
    return sum;
}

static long long stats_number(redisContext *c, const char *name)
{
    long long v = -1;
    redisReply *r = ask(c, "MEMORY STATS");
    for (size_t i = 0; i + 1 < r->elements; i += 2)
        if (strcmp(r->element[i]->str, name) == 0)
            v = r->element[i + 1]->integer;
    freeReplyObject(r);
    return v;
}

static void test_usage_adds_up(void **state)
{
    /* active defrag may move an item to a chunk of another size between the questions */
    struct test_server *s = SERVER_START("--activedefrag", "no");
    redisContext *c = client_open(s);
    (void)state;
    fill_mixed(c);
    long long sum = sum_of_usage(c), dataset = memory(c, "used_memory_dataset");
    assert_true(dataset > 50 * MB);
    assert_int_equal(sum, dataset);
    assert_int_equal(stats_number(c, "dataset.bytes"), dataset);
    assert_int_equal(stats_number(c, "keys.count"), ask_int(c, "DBSIZE"));
    expect_status(c, "OK", "FLUSHALL");
    assert_int_equal(sum_of_usage(c), 0);
    redisFree(c);
    server_stop(s);
}

/* ---- slow readers ------------------------------------------------------------------------------------------------ */

static void set(redisContext *c, const char *prefix, int i, const char *value, size_t n)
{
    redisReply *r = redisCommand(c, "SET %s:%d %b", prefix, i, value, n);
    assert_non_null(r);
    if (r->type != REDIS_REPLY_STATUS)
        fail_msg("%s:%d of %zu bytes: %s", prefix, i, n, r->str);
    freeReplyObject(r);
}

static long long evicted(redisContext *c)
{
    return info_number(c, "stats", "evicted_keys");
}

/* Small keys from..to, in one pipeline. */
static void set_small(redisContext *c, int from, int to, const char *value)
{
    for (int i = from; i < to; i++)
        assert_int_equal(redisAppendCommand(c, "SET small:%d %b", i, value, (size_t)1000), REDIS_OK);
    for (int i = from; i < to; i++) {
        redisReply *r = next_reply(c);
        if (r->type != REDIS_REPLY_STATUS)
            fail_msg("small:%d: %s", i, r->str);
        freeReplyObject(r);
    }
}

/* Small keys until some had to go; returns how many. Then the large ones, which are the youngest. */
static int fill_up(redisContext *c, const char *value)
{
    int n = 0;
    for (long long begin = evicted(c); evicted(c) == begin; n += 1000)
        set_small(c, n, n + 1000, value);
    for (int i = 0; i < LARGE; i++)
        set(c, "large", i, value, MB);
    return n;
}

struct settled {
    redisContext *c;
    long long last;
    int same;
};

/* Nothing has been evicted for a while: ten questions with the memory thread's beat between them. */
static bool has_settled(void *arg)
{
    struct settled *w = arg;
    long long now = evicted(w->c);
    w->same = now == w->last ? w->same + 1 : 0;
    w->last = now;
    usleep(100000);
    return w->same >= 10;
}

static long long settled_evictions(redisContext *c)
{
    struct settled w = {.c = c, .last = -1};
    eventually(has_settled, &w, "eviction settles");
    return w.last;
}

struct full {
    struct test_server *s;
    redisContext *c;
    char *value;
    int small, fd[READERS];
};

static void full_begin(struct full *f, const char *policy)
{
    char limit[16];
    snprintf(limit, sizeof limit, "%dmb", LIMIT_MB);
    f->s = SERVER_START("--maxmemory", limit, "--threads", "2", "--maxmemory-policy", policy, "--enable-debug-command",
                        "yes", "--unixsocket", "socket");
    f->c = client_open(f->s);
    f->value = malloc(MB);
    memset(f->value, 'v', MB);
}

static void full_end(struct full *f)
{
    for (int i = 0; i < READERS; i++)
        if (f->fd[i] > 0)
            close(f->fd[i]);
    free(f->value);
    redisFree(f->c);
    server_stop(f->s);
}

static void read_slowly(struct full *f, const char *key)
{
    char request[64];
    for (int i = 0; i < READERS; i++) {
        f->fd[i] = raw_open_unix(f->s);
        snprintf(request, sizeof request, "GET %s:%d\r\n", key, i % LARGE);
        raw_send_text(f->fd[i], request);
    }
    expect_status(f->c, "PONG", "PING");
}

static void assert_within_limit(struct full *f)
{
    if (!flavour_is_sanitized())
        assert_true(memory(f->c, "rss_peak") <= LIMIT_MB * 1LL * MB / 100 * 103);
}

/* Of 180,000 keys a batch or two may go, for stocks of free chunks and a page here or there. Copies of what is read
 * would be five times all memory. */
static void assert_hardly_evicted(struct full *f, long long before)
{
    assert_in_range(settled_evictions(f->c), before, before + 500);
}

/* A thousand readers of what is stored cost next to no key its place. */
static void test_slow_readers_spare_keys(void **state)
{
    struct full f = {0};
    (void)state;
    full_begin(&f, "allkeys-lru");
    f.small = fill_up(f.c, f.value);
    long long before = settled_evictions(f.c);
    read_slowly(&f, "large");
    assert_hardly_evicted(&f, before);
    assert_true(memory(f.c, "mem_clients_normal") < 4 * MB);
    for (int i = 0; i < 2000; i++) /* keys that are there, the same sizes: nothing more is needed */
        freeReplyObject(ask(f.c, "SET small:%d %b XX", f.small - 1 - i, f.value, (size_t)1000));
    assert_hardly_evicted(&f, before);
    assert_within_limit(&f);
    full_end(&f);
}

/* What they keep of deleted and replaced values is theirs, and they go for it. */
static void test_slow_readers_go_first(void **state)
{
    struct full f = {0};
    (void)state;
    full_begin(&f, "allkeys-lru");
    f.small = fill_up(f.c, f.value);
    long long before = settled_evictions(f.c);
    read_slowly(&f, "large");
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < LARGE; i++)
            freeReplyObject(ask(f.c, "SET large:%d %b XX", i, f.value, (size_t)MB));
    long long lost = settled_evictions(f.c) - before;
    /* Of 180,000, where 20,600 go if no client does: the room's 3 MB, a value that is there twice while it is replaced,
     * and one for each client whose worker is held up for longer than is waited for it. */
    if (lost > 14000)
        fail_msg("%lld keys were evicted", lost);
    assert_true(info_number(f.c, "stats", "evicted_clients") > 0);
    assert_true(memory(f.c, "bytes_orphaned") <= 4 * MB);
    assert_within_limit(&f);
    full_end(&f);
}

static bool some_were_closed(void *arg)
{
    return info_number(arg, "stats", "evicted_clients") > 0;
}

/* The same by copies: values that are too short to be sent from where they are. */
static void test_piled_up_replies_go_first(void **state)
{
    static const char ask_for[] = "GET medium:1\r\nGET medium:2\r\nGET medium:3\r\n";
    struct full f = {0};
    (void)state;
    full_begin(&f, "allkeys-lru");
    f.small = fill_up(f.c, f.value);
    for (int i = 0; i < LARGE; i++)
        set(f.c, "medium", i, f.value, 60000);
    long long before = settled_evictions(f.c);
    for (int i = 0; i < READERS; i++) {
        f.fd[i] = raw_open_unix(f.s);
        for (int k = 0; k < 20; k++) /* it may have been closed by now */
            (void)!send(f.fd[i], ask_for, sizeof ask_for - 1, MSG_NOSIGNAL);
    }
    for (int i = 0; i < 2000; i++)
        freeReplyObject(ask(f.c, "SET small:%d %b XX", f.small - 1 - i, f.value, (size_t)1000));
    if (!flavour_is_sanitized()) /* the heap is not counted there, so it makes memory no shorter */
        eventually(some_were_closed, f.c, "clients are closed for what piles up");
    long long lost = settled_evictions(f.c) - before;
    if (lost > 3000) /* of 180,000: for gaps in the heap beyond the room */
        fail_msg("%lld keys were evicted", lost);
    assert_within_limit(&f);
    full_end(&f);
}

/* Every value that there is is on its way to a slow reader. */
static void test_everything_is_pinned(void **state)
{
    enum { VALUES = LIMIT_MB - 22 };
    struct full f = {0};
    char request[64];
    (void)state;
    full_begin(&f, "allkeys-lru");
    for (int i = 0; i < VALUES; i++)
        set(f.c, "pinned", i, f.value, MB);
    for (int i = 0; i < VALUES; i++) {
        f.fd[i] = raw_open_unix(f.s);
        snprintf(request, sizeof request, "GET pinned:%d\r\n", i);
        raw_send_text(f.fd[i], request);
    }
    for (int i = 0; i < 2 * VALUES; i++)
        set(f.c, "more", i, f.value, MB);
    for (int i = 0; i < 20000; i += 1000)
        set_small(f.c, i, i + 1000, f.value);
    expect_status(f.c, "PONG", "PING");
    assert_within_limit(&f);
    freeReplyObject(ask(f.c, "DEBUG CHECK"));
    full_end(&f);
}

/* ---- large values on their way in -------------------------------------------------------------------------------- */

/* Who sends large values while memory is short, and waits for it to be won, is no client that holds too much. */
static void test_large_writes_are_not_cut(void **state)
{
    enum { LEN = LIMIT_MB * MB / 24, FAR = LIMIT_MB * MB / 10, ROUNDS = 8 };
    struct full f = {0};
    (void)state;
    full_begin(&f, "allkeys-lru");
    fill_up(f.c, f.value);
    redisContext *writer = client_open(f.s);
    char *large = calloc(1, LEN);
    for (int i = 0; i < ROUNDS; i++) {
        for (int k = 0; k < 20000; k += 1000)
            set_small(f.c, k, k + 1000, f.value);
        assert_int_equal(ask_int(writer, "SETRANGE w:%d %d %b", i % 2, FAR, large, (size_t)LEN), FAR + LEN);
        expect_status(writer, "OK", "MSET m:1 %b m:2 %b", large, (size_t)LEN, large, (size_t)LEN);
        expect_status(writer, "OK", "MULTI");
        expect_status(writer, "QUEUED", "SET t %b", large, (size_t)LEN);
        for (int k = 0; k < 5000; k += 1000)
            set_small(f.c, k, k + 1000, f.value);
        redisReply *r = ask(writer, "EXEC");
        assert_int_equal(r->elements, 1);
        freeReplyObject(r);
    }
    assert_int_equal(info_number(f.c, "stats", "evicted_clients"), 0);
    free(large);
    redisFree(writer);
    full_end(&f);
}

enum { ARGUMENT = LIMIT_MB * MB / 24, WRITERS = 5 };

static bool all_charged(void *arg)
{
    return memory(arg, "mem_clients_normal") > WRITERS * (long long)ARGUMENT;
}

/* Large arguments that have come of a command, the rest of which has not, count as their client's. */
static void test_large_arguments_are_charged(void **state)
{
    struct full f = {0};
    char head[80];
    (void)state;
    full_begin(&f, "allkeys-lru");
    char *large = calloc(1, ARGUMENT);
    for (int i = 0; i < WRITERS; i++) {
        f.fd[i] = raw_open_unix(f.s);
        snprintf(head, sizeof head, "*5\r\n$4\r\nMSET\r\n$1\r\na\r\n$%d\r\n", ARGUMENT);
        raw_send_text(f.fd[i], head);
        raw_send(f.fd[i], large, ARGUMENT);
        raw_send_text(f.fd[i], "\r\n$1\r\n");
    }
    eventually(all_charged, f.c, "the large arguments are charged");
    free(large);
    full_end(&f);
}

/* ---- a small server ---------------------------------------------------------------------------------------------- */

enum { PIPELINES = 200, PIPELINED = 500, PIPELINE_REPLY = 5 + 27 };

struct sum {
    const struct test_server *s;
    redisContext *c;
    long long parts, rss;
};

/* Within 1 %. The two are read one after the other, and what is given back in between is in one of them only. */
static bool sum_is_rss(struct sum *w)
{
    char name[64], line[128];
    long long kb = -1;
    w->parts = memory(w->c, "accounted_total");
    snprintf(name, sizeof name, "/proc/%d/status", server_pid(w->s));
    FILE *f = fopen(name, "re");
    assert_non_null(f);
    while (kb < 0 && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "VmRSS: %lld", &kb) != 1)
            kb = -1;
    fclose(f);
    w->rss = kb * 1024;
    return kb > 0 && llabs(w->parts - w->rss) <= w->rss / 100;
}

/* The sum of the parts is what the system says, once it was asked again: after an answer that took long, as it does on
 * a busy machine, it is left alone for a hundred times as long. */
static void assert_sum_is_rss(const struct test_server *s, redisContext *c, const char *when)
{
    struct sum w = {.s = s, .c = c};
    for (int looks = 0; !sum_is_rss(&w); looks++) {
        if (looks == 10 * HARNESS_DEADLINE_S)
            fail_msg("%s: the parts sum to %lld, and %lld are resident: %+lld", when, w.parts, w.rss, w.parts - w.rss);
        usleep(100000);
    }
}

/* At the start threads still touch their stacks: what is resident then is measured again when that is over. */
static bool has_started(void *arg)
{
    return info_number(arg, "server", "uptime_in_seconds") >= 3;
}

static bool all_are_there(void *arg)
{
    return info_number(arg, "clients", "connected_clients") == PIPELINES + 1;
}

static bool none_is_left(void *arg)
{
    return info_number(arg, "clients", "connected_clients") == 1;
}

/* The connections go, then the server. */
static void close_all(struct test_server *s, redisContext *c, const int *fd, int n)
{
    for (int i = 0; i < n; i++)
        close(fd[i]);
    eventually(none_is_left, c, "all connections are gone");
    assert_sum_is_rss(s, c, "connections closed");
    redisFree(c);
    server_stop(s);
}

/* Long pipelines touch the workers' buffers for the first time; what their connections had goes back. */
static void test_small_server_adds_up(void **state)
{
    static char request[PIPELINED * 128], replies[PIPELINED * PIPELINE_REPLY];
    size_t n = 0;
    int fd[PIPELINES];
    (void)state;
    if (flavour_is_sanitized())
        skip(); /* its allocator is not counted */
    struct test_server *s = SERVER_START("--threads", "2");
    redisContext *c = client_open(s);
    eventually(has_started, c, "the server has started");
    for (int i = 0; i < PIPELINED; i++)
        n += (size_t)snprintf(request + n, sizeof request - n, "SET key:%d %020d\r\nGET key:%d\r\n", i, i, i);
    for (int i = 0; i < PIPELINES; i++)
        fd[i] = raw_open(s);
    eventually(all_are_there, c, "all connections were accepted");
    assert_sum_is_rss(s, c, "200 connections");
    for (int i = 0; i < PIPELINES; i++)
        raw_send(fd[i], request, n);
    for (int i = 0; i < PIPELINES; i++)
        raw_read(fd[i], replies, sizeof replies);
    assert_sum_is_rss(s, c, "long pipelines");
    close_all(s, c, fd, PIPELINES);
}

enum { UNFINISHED = 100, UNFINISHED_ARG = 1000 };

static bool all_has_come(void *arg)
{
    return info_number(arg, "stats", "total_net_input_bytes") >= 50LL * MB;
}

/* Commands that do not come to their end: the buffers of their connections grow by doubling, so much of them is empty.
 * Four send 5 MB each, a hundred more than 300 KB. */
static void test_half_filled_buffers_add_up(void **state)
{
    static char begun[5 * MB];
    size_t n = (size_t)snprintf(begun, sizeof begun, "*1000000\r\n$4\r\nMSET\r\n");
    int fd[UNFINISHED];
    (void)state;
    if (flavour_is_sanitized())
        skip(); /* its allocator is not counted */
    while (n + UNFINISHED_ARG + 20 < sizeof begun)
        n += (size_t)snprintf(begun + n, sizeof begun - n, "$%d\r\n%0*d\r\n", UNFINISHED_ARG, UNFINISHED_ARG, 0);
    struct test_server *s = SERVER_START("--threads", "2");
    redisContext *c = client_open(s);
    eventually(has_started, c, "the server has started");
    for (int i = 0; i < UNFINISHED; i++) {
        fd[i] = raw_open(s);
        raw_send(fd[i], begun, i % 25 == 0 ? n : 330000 + (size_t)i * 100);
    }
    eventually(all_has_come, c, "all has been read");
    assert_sum_is_rss(s, c, "unfinished commands");
    close_all(s, c, fd, UNFINISHED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_half_filled_buffers_add_up),
        cmocka_unit_test(test_small_server_adds_up),
        cmocka_unit_test(test_usage_adds_up),
        cmocka_unit_test(test_slow_readers_spare_keys),
        cmocka_unit_test(test_slow_readers_go_first),
        cmocka_unit_test(test_piled_up_replies_go_first),
        cmocka_unit_test(test_everything_is_pinned),
        cmocka_unit_test(test_large_writes_are_not_cut),
        cmocka_unit_test(test_large_arguments_are_charged),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
