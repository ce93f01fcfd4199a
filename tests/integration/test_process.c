/* The process: its ports and sockets, its end, and what the machine refuses it. */
#include "tests/integration/harness.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_sigterm_and_shutdown(void **state)
{
    struct test_server *s = SERVER_START_PLAIN();
    redisContext *c;
    redisReply *r = NULL;
    (void)state;
    server_stop(s);
    s = SERVER_START_PLAIN();
    c = client_open(s);
    expect_error(c, "ERR syntax error", "SHUTDOWN NOW SOON");
    assert_int_equal(redisAppendCommand(c, "SHUTDOWN NOSAVE"), REDIS_OK);
    assert_int_equal(redisGetReply(c, (void **)&r), REDIS_ERR);
    redisFree(c);
    server_join(s);
}

/* It ends in good order with clients, data and half a request at hand. */
static void test_end_under_load(void **state)
{
    struct test_server *s = SERVER_START_PLAIN();
    redisContext *c = client_open(s);
    int half = raw_open(s);
    (void)state;
    raw_send_text(half, "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$10000000\r\nabc");
    for (int i = 0; i < 20000; i++)
        redisAppendCommand(c, "SET key:%d %d", i, i);
    for (int i = 0; i < 20000; i++)
        freeReplyObject(next_reply(c));
    for (int i = 0; i < 1000; i++)
        redisAppendCommand(c, "GET key:%d", i);
    freeReplyObject(next_reply(c));
    server_stop(s);
    redisFree(c);
    close(half);
}

static void test_used_port(void **state)
{
    struct test_server *s = SERVER_START_PLAIN();
    char port[12], *output;
    (void)state;
    snprintf(port, sizeof(port), "%d", server_port(s));
    assert_true(SERVER_RUN(NULL, &output, "--port", port) > 0);
    if (!strstr(output, port) || !strstr(output, "ddress already in use"))
        fail_msg("%s", output);
    free(output);
    server_stop(s);
}

static void test_unix_socket(void **state)
{
    char dir[] = "/tmp/flagstone-sock-XXXXXX", path[64];
    struct test_server *s;
    struct stat st;
    redisContext *c;
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/s", dir);
    s = SERVER_START("--unixsocket", path, "--unixsocketperm", "700");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    c = redisConnectUnix(path);
    assert_int_equal(c->err, 0);
    expect_status(c, "OK", "SET a 1");
    expect_bulk(c, "1", "GET a");
    redisFree(c);
    server_stop(s);
    unlink(path);
    assert_int_equal(rmdir(dir), 0);
}

/* A full disk loses lines of the log, nothing else. The log cannot tell when this one is ready. */
static void test_full_disk(void **state)
{
    char dir[] = "/tmp/flagstone-test-XXXXXX", path[64];
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/socket", dir);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        execl(getenv("FLAGSTONE_SERVER"), "flagstone-server", "--port", "0", "--unixsocket", path, "--loglevel",
              "debug", "--logfile", "/dev/full", (char *)NULL);
        _exit(127);
    }
    redisContext *c = NULL;
    for (int i = 0; i < 10000; i++) {
        c = redisConnectUnix(path);
        if (c && !c->err)
            break;
        redisFree(c);
        c = NULL;
        usleep(5000);
    }
    assert_non_null(c);
    for (int i = 0; i < 100; i++) {
        redisContext *other = redisConnectUnix(path);
        assert_int_equal(other->err, 0);
        expect_status(other, "OK", "SET key:%d value", i);
        redisFree(other);
    }
    expect_bulk(c, "value", "GET key:99");
    redisFree(c);
    kill(child, SIGTERM);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(rmdir(dir), 0); /* the server took its socket away */
}

/* Little address space: it serves what fits, answers errors for what does not, and goes on. Or it says at the start
 * that it cannot work with so little. */
static void test_address_space(void **state)
{
    static const char *const keep[] = {"--maxmemory-policy", "noeviction", NULL};
    (void)state;
    if (flavour_is_sanitized())
        skip();
    struct test_server *s = server_start_limited(keep, (size_t)1 << 30, 0);
    redisContext *c = client_open(s);
    char *value = calloc(1, 1 << 20);
    int refused = 0;
    for (int i = 0; i < 1200; i++) {
        redisReply *r = redisCommand(c, "SET key:%d %b", i, value, (size_t)1 << 20);
        assert_non_null(r);
        refused += r->type == REDIS_REPLY_ERROR;
        if (refused == 1 && r->type == REDIS_REPLY_ERROR)
            assert_int_equal(strncmp(r->str, "OOM", 3), 0);
        freeReplyObject(r);
    }
    assert_true(refused > 0);
    expect_bulk_n(c, value, 1 << 20, "GET key:0");
    expect_status(c, "OK", "FLUSHALL");
    expect_status(c, "OK", "SET after %s", "small");
    free(value);
    redisFree(c);
    server_stop(s);
}

/* Few open files: what it can serve is fewer clients; the others are told, or wait. */
static void test_open_files(void **state)
{
    static const char *const none[] = {NULL};
    struct test_server *s = server_start_limited(none, 0, 128);
    redisContext *c = client_open(s);
    int fds[200];
    (void)state;
    assert_true(info_number(c, "clients", "maxclients") < 128);
    for (int i = 0; i < 200; i++)
        fds[i] = raw_open(s);
    expect_status(c, "PONG", "PING");
    for (int i = 0; i < 200; i++)
        close(fds[i]);
    expect_status(c, "PONG", "PING");
    redisFree(c);
    server_stop(s);
}

static void test_pid_file_and_log_file(void **state)
{
    char dir[] = "/tmp/flagstone-pid-XXXXXX", pidfile[64], logfile[64], text[4096] = "";
    struct test_server *s;
    FILE *f;
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(pidfile, sizeof(pidfile), "%s/pid", dir);
    snprintf(logfile, sizeof(logfile), "%s/log", dir);
    s = SERVER_START("--pidfile", pidfile);
    f = fopen(pidfile, "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof(text), f));
    fclose(f);
    assert_int_equal(atoi(text), server_pid(s));
    server_stop(s);
    assert_int_not_equal(access(pidfile, F_OK), 0);
    unlink(logfile);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sigterm_and_shutdown),
        cmocka_unit_test(test_end_under_load),
        cmocka_unit_test(test_used_port),
        cmocka_unit_test(test_unix_socket),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_address_space),
        cmocka_unit_test(test_open_files),
        cmocka_unit_test(test_pid_file_and_log_file),
    };
    return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
