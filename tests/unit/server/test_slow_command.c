/* Slow commands: which threshold wants them, under which event's name they go, and that no secret is written down. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/conn.h"
#include "server/latency.h"
#include "server/slow_command.h"
#include "server/slowlog.h"
#include "server/worker.h"

struct fixture {
    struct options opt;
    struct server srv;
    struct worker wkr;
    struct conn conn;
};

static int set_up(void **state)
{
    struct fixture *f = aligned_alloc(_Alignof(struct fixture), sizeof *f);
    if (f == NULL)
        return 1;
    memset(f, 0, sizeof *f);
    f->srv.opt = &f->opt;
    f->srv.slowlog = slowlog_new();
    f->srv.latency = latency_new();
    atomic_store(&f->opt.slowlog_max_len, 128);
    *state = f;
    return f->srv.slowlog == NULL || f->srv.latency == NULL;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    slowlog_free(f->srv.slowlog);
    latency_free(f->srv.latency);
    free(f);
    return 0;
}

static void run(struct fixture *f, const char *name, const char *const *words, int n, uint64_t ns)
{
    struct arg argv[8];
    for (int i = 0; i < n; i++)
        argv[i] = (struct arg){.p = words[i], .len = strlen(words[i])};
    struct cmd_ctx c = {.srv = &f->srv, .wkr = &f->wkr, .conn = &f->conn, .argv = argv, .argc = n};
    c.cmd = command_find_name(name, strlen(name));
    assert_non_null(c.cmd);
    slow_command(&c, ns);
}

#define RUN(f, name, ns, ...)                                                                                          \
    run(f, name, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), ns)

static void the_lower_threshold_is_watched(void **state)
{
    struct fixture *f = *state;
    atomic_store(&f->opt.slowlog_log_slower_than, -1);
    atomic_store(&f->opt.latency_monitor_threshold, 0);
    assert_true(slow_command_ns(&f->srv) == UINT64_MAX);
    atomic_store(&f->opt.latency_monitor_threshold, 5);
    assert_int_equal(slow_command_ns(&f->srv), 5000000);
    atomic_store(&f->opt.slowlog_log_slower_than, 10);
    assert_int_equal(slow_command_ns(&f->srv), 10000);
    atomic_store(&f->opt.slowlog_log_slower_than, 0);
    assert_int_equal(slow_command_ns(&f->srv), 0);
}

static void each_threshold_is_kept_to(void **state)
{
    struct fixture *f = *state;
    struct latency_series s;
    atomic_store(&f->opt.slowlog_log_slower_than, 1000);
    atomic_store(&f->opt.latency_monitor_threshold, 3);
    RUN(f, "get", 999999, "GET", "k");
    assert_int_equal(slowlog_len(f->srv.slowlog), 0);
    RUN(f, "get", 1000000, "GET", "k");
    assert_int_equal(slowlog_len(f->srv.slowlog), 1);
    assert_false(latency_at(f->srv.latency, 0, &s));
    RUN(f, "get", 3000000, "GET", "k");
    RUN(f, "keys", 4000000, "KEYS", "*");
    assert_true(latency_at(f->srv.latency, 0, &s));
    assert_string_equal(s.name, "command");
    assert_int_equal(s.max_ms, 4);
    assert_true(latency_at(f->srv.latency, 1, &s));
    assert_string_equal(s.name, "fast-command");
    assert_int_equal(s.max_ms, 3);
    atomic_store(&f->opt.slowlog_log_slower_than, -1);
    RUN(f, "get", 1000000, "GET", "k");
    assert_int_equal(slowlog_len(f->srv.slowlog), 3);
}

/* The newest entry as one text of its RESP2 bytes. */
static void newest(struct fixture *f, char text[2048])
{
    struct reply r;
    struct iovec iov[16];
    size_t at = 0;
    reply_init(&r);
    slowlog_reply(f->srv.slowlog, &r, 1);
    int n = reply_iov(&r, iov, 16);
    for (int i = 0; i < n; i++) {
        assert_true(at + iov[i].iov_len < 2048);
        memcpy(text + at, iov[i].iov_base, iov[i].iov_len);
        at += iov[i].iov_len;
    }
    text[at] = '\0';
    reply_free(&r);
}

static unsigned count(const char *text, const char *word)
{
    unsigned n = 0;
    for (const char *p = strstr(text, word); p != NULL; p = strstr(p + 1, word))
        n++;
    return n;
}

static void secrets_are_not_written_down(void **state)
{
    struct fixture *f = *state;
    char text[2048];
    RUN(f, "auth", 1, "AUTH", "secret");
    newest(f, text);
    assert_null(strstr(text, "secret"));
    assert_int_equal(count(text, "(redacted)"), 1);
    RUN(f, "auth", 1, "auth", "secret-user", "secret");
    newest(f, text);
    assert_null(strstr(text, "secret"));
    assert_int_equal(count(text, "(redacted)"), 2);
    RUN(f, "hello", 1, "HELLO", "3", "aUTH", "secret-user", "secret", "SETNAME", "joe");
    newest(f, text);
    assert_null(strstr(text, "secret"));
    assert_non_null(strstr(text, "joe"));
    assert_int_equal(count(text, "(redacted)"), 2);
    RUN(f, "hello", 1, "HELLO", "3", "AUTH", "secret-user");
    newest(f, text);
    assert_null(strstr(text, "secret"));
    RUN(f, "config|set", 1, "CONFIG", "SET", "maxmemory", "1gb", "RequirePass", "secret");
    newest(f, text);
    assert_null(strstr(text, "secret"));
    assert_non_null(strstr(text, "1gb"));
    RUN(f, "set", 1, "SET", "auth", "kept");
    newest(f, text);
    assert_non_null(strstr(text, "kept"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_lower_threshold_is_watched, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_threshold_is_kept_to, set_up, tear_down),
        cmocka_unit_test_setup_teardown(secrets_are_not_written_down, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
