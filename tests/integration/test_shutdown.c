/* The end of the server: SIGTERM and SHUTDOWN let replies arrive, but do not wait for ever. */
#include "tests/integration/harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

enum { VALUE = 1 << 20, GETS = 40, SHORT_VALUE = 1 << 15 };

/* A client whose socket takes little, so that most of a large reply waits in the server. */
static int narrow_open(const struct test_server *s)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)server_port(s))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), small = 4096;
    struct timeval tv = {HARNESS_DEADLINE_S, 0};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static bool all_ran(void *arg)
{
    redisReply *r = ask(arg, "INFO commandstats");
    const char *calls = strstr(r->str, "cmdstat_get:calls=");
    bool yes = calls != NULL && atoi(strchr(calls, '=') + 1) == GETS;
    freeReplyObject(r);
    return yes;
}

/* A server, and a client that is owed GETS replies of VALUE bytes and has read none. */
static struct test_server *start_owing(int *fd, const char *threads, const char *patience)
{
    struct test_server *s = SERVER_START("--threads", threads, "--shutdown-timeout", patience, "--pidfile", "pid");
    redisContext *c = client_open(s);
    char *value = malloc(VALUE), first;
    memset(value, 'v', VALUE);
    freeReplyObject(ask(c, "SET big %b", value, (size_t)VALUE));
    free(value);
    redisFree(c);
    *fd = narrow_open(s);
    for (int i = 0; i < GETS; i++)
        raw_send_text(*fd, "GET big\r\n");
    assert_int_equal(recv(*fd, &first, 1, MSG_PEEK), 1);
    /* All have been executed when what follows them has. */
    c = client_open(s);
    eventually(all_ran, c, "all GETs have run");
    redisFree(c);
    return s;
}

static bool is_refused(void *arg)
{
    redisContext *c = redisConnect("127.0.0.1", server_port(arg));
    bool refused = c->err != 0;
    redisFree(c);
    return refused;
}

static void expect_big(int fd)
{
    char *reply = malloc(VALUE + 12);
    raw_expect(fd, "$1048576\r\n");
    raw_read(fd, reply, VALUE + 2);
    for (int i = 0; i < VALUE; i++)
        assert_int_equal(reply[i], 'v');
    free(reply);
}

/* The connection ends here, between two replies; replies to "SET late 1" and PING may come first if `may_answer`. */
static void expect_end(int fd, bool may_answer)
{
    static const char *const whole[] = {"", "+OK\r\n", "+OK\r\n+PONG\r\n"};
    char rest[32] = "";
    size_t len = 0;
    ssize_t n;
    while ((n = recv(fd, rest + len, sizeof rest - 1 - len, 0)) > 0)
        len += (size_t)n;
    assert_true(n == 0 || errno == ECONNRESET);
    if (!may_answer)
        assert_string_equal(rest, "");
    else if (strcmp(rest, whole[0]) != 0 && strcmp(rest, whole[1]) != 0)
        assert_string_equal(rest, whole[2]);
}

/* Whatever was executed is answered, to the last byte, though the client reads late and goes on sending. Workers are
 * asked to drain one after another: with one, what is sent after another client was closed is not executed; with two,
 * the second may not have been asked yet. */
static void test_sigterm_drains(void **state)
{
    static const char *const threads[] = {"1", "2"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        int fd, idle;
        struct test_server *s = start_owing(&fd, threads[i], "100");
        idle = raw_open(s);
        kill(server_pid(s), SIGTERM);
        raw_expect_closed(idle);
        eventually(is_refused, s, "new clients are refused");
        raw_send_text(fd, "SET late 1\r\nPING\r\n");
        for (int k = 0; k < GETS; k++)
            expect_big(fd);
        expect_end(fd, i > 0);
        close(fd);
        server_join(s);
    }
}

static void test_patience_ends(void **state)
{
    int fd;
    (void)state;
    struct test_server *s = start_owing(&fd, "2", "1");
    kill(server_pid(s), SIGTERM);
    server_wait_log(s, "1 clients did not take their replies within shutdown-timeout (1 seconds)");
    server_join(s);
    close(fd);
}

/* Whoever goes away meanwhile, over replies that the kernel had taken, will never confirm them. */
static void test_who_is_gone_is_not_waited_for(void **state)
{
    struct test_server *s = SERVER_START("--threads", "1", "--shutdown-timeout", "100000");
    redisContext *c = client_open(s);
    int fd = narrow_open(s), idle = raw_open(s);
    char first;
    (void)state;
    expect_int(c, SHORT_VALUE, "SETRANGE some %d v", SHORT_VALUE - 1);
    raw_send_text(fd, "GET some\r\n");
    assert_int_equal(recv(fd, &first, 1, MSG_PEEK), 1);
    kill(server_pid(s), SIGTERM);
    raw_expect_closed(idle); /* it drains */
    close(fd);
    server_join(s);
    redisFree(c);
}

static void test_second_signal_ends_at_once(void **state)
{
    static const int numbers[] = {SIGTERM, SIGINT};
    char path[128];
    (void)state;
    for (int i = 0; i < 2; i++) {
        int fd;
        struct test_server *s = start_owing(&fd, "2", "100000");
        snprintf(path, sizeof path, "%s/pid", server_dir(s));
        assert_int_equal(access(path, F_OK), 0);
        kill(server_pid(s), SIGTERM);
        server_wait_log(s, "Received SIGTERM scheduling shutdown...");
        eventually(is_refused, s, "new clients are refused");
        kill(server_pid(s), numbers[i]);
        server_wait_log(s, "You insist... exiting now.");
        server_join_status(s, 1);
        assert_int_not_equal(access(path, F_OK), 0);
        close(fd);
    }
}

static void test_now_and_no_patience(void **state)
{
    int fd;
    (void)state;
    struct test_server *s = start_owing(&fd, "2", "100000");
    int other = raw_open(s);
    raw_send_text(other, "SHUTDOWN NOW\r\n");
    raw_expect_closed(other);
    server_join(s);
    close(fd);
    s = start_owing(&fd, "2", "0");
    kill(server_pid(s), SIGTERM);
    server_join(s);
    close(fd);
}

/* What came before it in the pipeline is answered, what comes after is not executed. */
static void test_shutdown_in_a_pipeline(void **state)
{
    static const char *const forms[] = {"SHUTDOWN", "SHUTDOWN NOSAVE", "shutdown force nosave NOSAVE",
                                        "SHUTDOWN SAVE FORCE"};
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct test_server *s = SERVER_START_PLAIN();
        int fd = raw_open(s);
        raw_send_text(fd, "SET a 1\r\n");
        raw_send_text(fd, forms[i]);
        raw_send_text(fd, "\r\nPING\r\n");
        raw_expect(fd, "+OK\r\n");
        char more;
        assert_true(recv(fd, &more, 1, 0) <= 0);
        close(fd);
        server_join(s);
    }
}

static void test_shutdown_refused(void **state)
{
    static const char *const wrong[] = {"SHUTDOWN SAVE NOSAVE", "SHUTDOWN ABORT NOW", "SHUTDOWN NOSAVE ABORT",
                                        "SHUTDOWN NOW NOW BAD", "SHUTDOWN ABORT SAVE"};
    struct test_server *s = SERVER_START_PLAIN();
    redisContext *c = client_open(s);
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect_error(c, "ERR syntax error", wrong[i]);
    expect_error(c, "ERR No shutdown in progress.", "SHUTDOWN ABORT");
    expect_error(c, "ERR No shutdown in progress.", "SHUTDOWN ABORT ABORT");
    expect_error(c, "ERR SHUTDOWN SAVE is not supported", "SHUTDOWN SAVE");
    expect_error(c, "ERR SHUTDOWN SAVE is not supported", "SHUTDOWN SAVE NOW");
    expect_status(c, "OK", "MULTI");
    expect_error(c, "ERR Command not allowed inside a transaction", "SHUTDOWN");
    expect_error(c, "EXECABORT", "EXEC");
    expect_status(c, "OK", "CONFIG SET shutdown-timeout 3");
    redisFree(c);
    server_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sigterm_drains),
        cmocka_unit_test(test_patience_ends),
        cmocka_unit_test(test_who_is_gone_is_not_waited_for),
        cmocka_unit_test(test_second_signal_ends_at_once),
        cmocka_unit_test(test_now_and_no_patience),
        cmocka_unit_test(test_shutdown_in_a_pipeline),
        cmocka_unit_test(test_shutdown_refused),
    };
    return cmocka_run_group_tests_name("shutdown", tests, NULL, NULL);
}
