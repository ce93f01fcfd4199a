/* Connections as such: how many, who they are, killing, pausing, muting, passwords, idle ones. */
#include "tests/integration/harness.h"

#include <poll.h>
#include <unistd.h>

static int start(void **state)
{
    *state = SERVER_START("--maxclients", "200");
    return 0;
}

static int stop(void **state)
{
    server_stop(*state);
    return 0;
}

static bool nobody_else(void *arg)
{
    return info_number(arg, "clients", "connected_clients") == 1;
}

static void test_maxclients(void **state)
{
    enum { ALLOWED = 200, MORE = 100 };
    redisContext *c = client_open(*state);
    int fds[ALLOWED - 1];
    for (int i = 0; i < ALLOWED - 1; i++) {
        fds[i] = raw_open(*state);
        raw_send_text(fds[i], "PING\r\n");
        raw_expect(fds[i], "+PONG\r\n");
    }
    for (int i = 0; i < MORE; i++) {
        int fd = raw_open(*state);
        raw_expect(fd, "-ERR max number of clients reached\r\n");
        raw_expect_closed(fd);
    }
    assert_int_equal(info_number(c, "stats", "rejected_connections"), MORE);
    assert_int_equal(info_number(c, "clients", "connected_clients"), ALLOWED);
    for (int i = 0; i < ALLOWED - 1; i++)
        close(fds[i]);
    eventually(nobody_else, c, "closed connections are forgotten");
    redisFree(c);
}

static void test_kill(void **state)
{
    redisContext *c = client_open(*state);
    int first = raw_open(*state), second = raw_open(*state), third = raw_open(*state);
    char id[32] = "";
    raw_send_text(first, "CLIENT SETNAME first\r\nCLIENT ID\r\n");
    raw_expect(first, "+OK\r\n:");
    for (int i = 0; i < 31 && (i == 0 || id[i - 1] != '\n'); i++)
        raw_read(first, id + i, 1);
    raw_send_text(second, "PING\r\n");
    raw_send_text(third, "PING\r\n");
    raw_expect(second, "+PONG\r\n");
    raw_expect(third, "+PONG\r\n");
    expect_int(c, 1, "CLIENT KILL ID %d", atoi(id));
    raw_expect_closed(first);
    expect_int(c, 0, "CLIENT KILL ID %d", atoi(id));
    expect_int(c, 2, "CLIENT KILL TYPE normal");
    raw_expect_closed(second);
    raw_expect_closed(third);
    expect_error(c, "ERR No such client", "CLIENT KILL 1.2.3.4:5");
    expect_status(c, "PONG", "PING");
    /* Oneself: the reply still comes. */
    expect_int(c, 1, "CLIENT KILL TYPE normal SKIPME no");
    assert_int_equal(redisAppendCommand(c, "PING"), REDIS_OK);
    redisReply *r = NULL;
    assert_int_equal(redisGetReply(c, (void **)&r), REDIS_ERR);
    redisFree(c);
}

/* Writes and messages wait for UNPAUSE; reads do not. */
static void test_pause(void **state)
{
    redisContext *c = client_open(*state);
    int writer = raw_open(*state), reader = raw_open(*state), publisher = raw_open(*state);
    struct pollfd p[] = {{.fd = writer, .events = POLLIN}, {.fd = publisher, .events = POLLIN}};
    expect_status(c, "OK", "SET paused 0");
    expect_status(c, "OK", "CLIENT PAUSE 100000 WRITE");
    raw_send_text(writer, "INCR paused\r\n");
    raw_send_text(publisher, "PUBLISH paused x\r\nSPUBLISH paused x\r\n");
    raw_send_text(reader, "GET paused\r\n");
    raw_expect(reader, "$1\r\n0\r\n");
    assert_int_equal(poll(p, 2, 0), 0);
    expect_status(c, "OK", "CLIENT UNPAUSE");
    raw_expect(writer, ":1\r\n");
    raw_expect(publisher, ":0\r\n:0\r\n");
    close(publisher);
    close(writer);
    close(reader);
    redisFree(c);
}

static void test_reply_off(void **state)
{
    int fd = raw_open(*state);
    raw_send_text(fd, "CLIENT REPLY OFF\r\nPING\r\nSET muted 1\r\nCLIENT REPLY ON\r\nGET muted\r\n");
    raw_expect(fd, "+OK\r\n$1\r\n1\r\n");
    raw_send_text(fd, "CLIENT REPLY SKIP\r\nPING\r\nECHO x\r\n");
    raw_expect(fd, "$1\r\nx\r\n");
    close(fd);
}

static void test_list_and_names(void **state)
{
    redisContext *c = client_open(*state);
    redisReply *r;
    expect_status(c, "OK", "CLIENT SETNAME tester");
    expect_bulk(c, "tester", "CLIENT GETNAME");
    expect_error(c, "ERR Client names cannot contain spaces", "CLIENT SETNAME %s", "a b");
    r = ask(c, "CLIENT LIST");
    assert_non_null(strstr(r->str, "name=tester"));
    assert_non_null(strstr(r->str, "cmd=client|list"));
    freeReplyObject(r);
    expect_status(c, "RESET", "RESET");
    expect_nil(c, "CLIENT GETNAME");
    redisFree(c);
}

static void test_password(void **state)
{
    redisContext *admin = client_open(*state), *c;
    int fd;
    expect_status(admin, "OK", "CONFIG SET requirepass secret");
    c = client_open(*state);
    expect_error(c, "NOAUTH Authentication required.", "GET a");
    expect_error(c, "WRONGPASS", "AUTH wrong");
    expect_error(c, "NOAUTH", "HELLO 3");
    expect_status(c, "OK", "AUTH default secret");
    expect_nil(c, "GET nosuch");
    redisFree(c);
    fd = raw_open(*state);
    raw_send_text(fd, "*11\r\n");
    raw_expect(fd, "-ERR Protocol error: unauthenticated multibulk length\r\n");
    raw_expect_closed(fd);
    fd = raw_open(*state);
    raw_send_text(fd, "*1\r\n$16385\r\n");
    raw_expect(fd, "-ERR Protocol error: unauthenticated bulk length\r\n");
    raw_expect_closed(fd);
    expect_status(admin, "OK", "CONFIG SET requirepass %s", "");
    redisFree(admin);
}

static void test_idle_timeout(void **state)
{
    redisContext *c = client_open(*state);
    int fd = raw_open(*state);
    raw_send_text(fd, "PING\r\n");
    raw_expect(fd, "+PONG\r\n");
    expect_status(c, "OK", "CONFIG SET timeout 1");
    raw_expect_closed(fd);
    redisFree(c); /* idle as well; the last test of this server, which closes whoever is held up from now on */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_maxclients),   cmocka_unit_test(test_kill),           cmocka_unit_test(test_pause),
        cmocka_unit_test(test_reply_off),    cmocka_unit_test(test_list_and_names), cmocka_unit_test(test_password),
        cmocka_unit_test(test_idle_timeout),
    };
    return cmocka_run_group_tests_name("clients", tests, start, stop);
}
