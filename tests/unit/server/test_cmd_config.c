/* CONFIG's handlers: argument rules, replies and errors as Redis has them. The values themselves are test_options'. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/args.h"
#include "server/handlers.h"
#include "server/options.h"
#include "server/options_apply.h"
#include "server/server.h"
#include "server/telemetry.h"

static int resets;

int listener_rebind(struct server *srv, char *err, size_t size)
{
    (void)srv, (void)err, (void)size;
    return 0;
}

void memory_limit_changed(struct server *srv)
{
    (void)srv;
}

bool maxclients_changed(struct server *srv, char *err, size_t size)
{
    (void)srv;
    snprintf(err, size, "too many");
    return false;
}

bool telemetry_reset(struct server *srv)
{
    (void)srv;
    resets++;
    return true;
}

void reply_syntax_error(struct cmd_ctx *c)
{
    reply_error(c->out, "ERR syntax error");
}

static int set_up(void **state)
{
    struct server *srv = calloc(1, sizeof *srv);
    srv->opt = options_new();
    srv->config_file = "";
    *state = srv;
    return srv->opt ? 0 : -1;
}

static int tear_down(void **state)
{
    struct server *srv = *state;
    options_free(srv->opt);
    free(srv);
    return 0;
}

/* Runs a handler on words that are separated by |, and checks the whole reply. */
static void expect(struct server *srv, cmd_handler handler, int resp, const char *words, const char *expected)
{
    char text[4096], got[8192];
    struct arg argv[32];
    struct reply r;
    struct iovec iov[16];
    size_t len = 0;
    int argc = 0, n;
    char *rest = text;
    snprintf(text, sizeof text, "%s", words);
    while (rest) {
        char *word = strsep(&rest, "|");
        argv[argc++] = (struct arg){word, strlen(word), NULL};
    }
    reply_init(&r);
    r.resp = (uint8_t)resp;
    struct cmd_ctx c = {.srv = srv, .out = &r, .argv = argv, .argc = argc};
    assert_int_equal(handler(&c), CMD_DONE);
    while ((n = reply_iov(&r, iov, 16)) > 0) {
        size_t sent = 0;
        for (int i = 0; i < n; i++) {
            assert_true(len + iov[i].iov_len < sizeof got);
            memcpy(got + len, iov[i].iov_base, iov[i].iov_len);
            len += iov[i].iov_len;
            sent += iov[i].iov_len;
        }
        reply_sent(&r, sent);
    }
    got[len] = '\0';
    reply_free(&r);
    assert_string_equal(got, expected);
}

static void test_get(void **state)
{
    struct server *srv = *state;
    expect(srv, cmd_config_get, 2, "config|get|port", "*2\r\n$4\r\nport\r\n$4\r\n6379\r\n");
    expect(srv, cmd_config_get, 3, "config|get|port", "%1\r\n$4\r\nport\r\n$4\r\n6379\r\n");
    expect(srv, cmd_config_get, 2, "config|get|HZ|h?|hz", "*2\r\n$2\r\nHZ\r\n$2\r\n10\r\n");
    expect(srv, cmd_config_get, 2, "config|get|h?|HZ", "*2\r\n$2\r\nhz\r\n$2\r\n10\r\n");
    expect(srv, cmd_config_get, 2, "config|get|PROTO*|nothing",
           "*2\r\n$18\r\nproto-max-bulk-len\r\n$9\r\n536870912\r\n");
    expect(srv, cmd_config_get, 2, "config|get|nothing", "*0\r\n");
    expect(srv, cmd_config_get, 3, "config|get|", "%0\r\n");
    expect(srv, cmd_config_get, 2, "config|get|save", "*2\r\n$4\r\nsave\r\n$0\r\n\r\n");
}

static void test_set_errors(void **state)
{
    static const struct {
        const char *words, *error;
    } cases[] = {
        {"config|set|hz|1|timeout", "ERR syntax error"},
        {"config|set|nope|1", "ERR Unknown option or number of arguments for CONFIG SET - 'nope'"},
        {"config|set|hz|x|nope|1", "ERR Unknown option or number of arguments for CONFIG SET - 'nope'"},
        {"config|set|hz|1|HZ|2", "ERR CONFIG SET failed (possibly related to argument 'HZ') - duplicate parameter"},
        {"config|set|Databases|2",
         "ERR CONFIG SET failed (possibly related to argument 'Databases') - can't set immutable config"},
        {"config|set|dir|/", "ERR CONFIG SET failed (possibly related to argument 'dir') - can't set protected config"},
        {"config|set|timeout|5|Hz|x",
         "ERR CONFIG SET failed (possibly related to argument 'hz') - argument couldn't be parsed into an integer"},
        {"config|set|timeout|5|maxclients|7",
         "ERR CONFIG SET failed (possibly related to argument 'maxclients') - too many"},
    };
    struct server *srv = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[256];
        snprintf(expected, sizeof expected, "-%s\r\n", cases[i].error);
        expect(srv, cmd_config_set, 2, cases[i].words, expected);
        assert_int_equal(OPT(srv->opt, timeout), 0);
        assert_int_equal(OPT(srv->opt, hz), 10);
        assert_int_equal(OPT(srv->opt, maxclients), 10000);
    }
}

static void test_set(void **state)
{
    struct server *srv = *state;
    expect(srv, cmd_config_set, 2, "config|set|hz|20|MAXMEMORY|1mb|bind|::1 -127.0.0.1|save|", "+OK\r\n");
    assert_int_equal(OPT(srv->opt, hz), 20);
    assert_int_equal(OPT(srv->opt, maxmemory), 1 << 20);
    expect(srv, cmd_config_get, 2, "config|get|bind", "*2\r\n$4\r\nbind\r\n$14\r\n::1 -127.0.0.1\r\n");
}

/* Values that are no text, and one that was too large for the request's buffer. */
static void test_set_binary(void **state)
{
    struct server *srv = *state;
    struct arg argv[] = {{"config", 6, NULL}, {"set", 3, NULL}, {"requirepass", 11, NULL}, {"a\0b", 3, NULL}};
    struct reply r;
    struct cmd_ctx c = {.srv = srv, .out = &r, .argv = argv, .argc = 4};
    for (int i = 0; i < 3; i++) {
        reply_init(&r);
        r.resp = 2;
        if (i == 1)
            argv[3] = (struct arg){NULL, 1 << 20, &r};
        if (i == 2)
            argv[2] = (struct arg){NULL, 1 << 20, &r};
        assert_int_equal(cmd_config_set(&c), CMD_DONE);
        assert_int_equal(r.errors, 1);
        assert_string_equal(srv->opt->requirepass, "");
        reply_free(&r);
    }
}

/* Values with a zero byte, read as Redis reads them. */
static void test_set_zero_byte(void **state)
{
    static const struct {
        const char *name, *value;
        size_t n;
        bool refused;
    } cases[] = {
        {"maxmemory-samples", "5\0", 2, true},
        {"activedefrag", "no\0x", 4, false},
        {"maxmemory-clients", "5mb\0", 4, false},
        {"latency-tracking-info-percentiles", "5\0", 2, true},
    };
    struct server *srv = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arg argv[] = {{"config", 6, NULL},
                             {"set", 3, NULL},
                             {cases[i].name, strlen(cases[i].name), NULL},
                             {cases[i].value, cases[i].n, NULL}};
        struct reply r;
        struct cmd_ctx c = {.srv = srv, .out = &r, .argv = argv, .argc = 4};
        reply_init(&r);
        assert_int_equal(cmd_config_set(&c), CMD_DONE);
        assert_int_equal(r.errors, cases[i].refused);
        reply_free(&r);
    }
}

static void test_rewrite(void **state)
{
    struct server *srv = *state;
    char path[] = "/tmp/test_cmd_config.XXXXXX";
    expect(srv, cmd_config_rewrite, 2, "config|rewrite", "-ERR The server is running without a config file\r\n");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    srv->config_file = path;
    expect(srv, cmd_config_rewrite, 2, "config|rewrite", "+OK\r\n");
    unlink(path);
    srv->config_file = "/nonexistent/dir/x.conf";
    expect(srv, cmd_config_rewrite, 2, "config|rewrite", "-ERR Rewriting config file: No such file or directory\r\n");
}

static void test_resetstat_and_help(void **state)
{
    struct server *srv = *state;
    expect(srv, cmd_config_resetstat, 2, "config|resetstat", "+OK\r\n");
    assert_int_equal(resets, 1);
    struct arg argv[] = {{"config", 6, NULL}, {"help", 4, NULL}};
    struct reply r;
    struct cmd_ctx c = {.srv = srv, .out = &r, .argv = argv, .argc = 2};
    reply_init(&r);
    r.resp = 2;
    assert_int_equal(cmd_config_help(&c), CMD_DONE);
    assert_true(reply_pending(&r) > 300);
    reply_free(&r);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(test_get),
        WITH_SERVER(test_set_errors),
        WITH_SERVER(test_set),
        WITH_SERVER(test_set_binary),
        WITH_SERVER(test_set_zero_byte),
        WITH_SERVER(test_rewrite),
        WITH_SERVER(test_resetstat_and_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
