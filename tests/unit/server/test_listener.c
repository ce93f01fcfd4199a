/* Listening sockets: opened, changed, restored when the change fails; and the connections that come in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/listener.h"
#include "tests/unit/server/worker_fixture.h"

/* A port that was free a moment ago. */
static int free_port(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof in;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
    getsockname(fd, (struct sockaddr *)&in, &len);
    close(fd);
    return ntohs(in.sin_port);
}

/* The same, and not `port`, which may have been drawn again. */
static int another_port(int port)
{
    int other = free_port();
    while (other == port)
        other = free_port();
    return other;
}

static int dial(int port)
{
    struct sockaddr_in in = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&in, sizeof in) == 0) {
        fcntl(fd, F_SETFL, O_NONBLOCK);
        return fd;
    }
    close(fd);
    return -1;
}

static struct fixture *listening(int port, const char *more)
{
    char conf[512];
    snprintf(conf, sizeof conf, "bind 127.0.0.1\nport %d\n%s\n", port, more);
    struct fixture *f = fixture_new(conf);
    f->srv->base = event_base_new();
    assert_non_null(listener_new(f->srv));
    assert_true(listener_start(f->srv->listener));
    return f;
}

static void done(struct fixture *f)
{
    listener_stop(f->srv->listener);
    event_base_free(f->srv->base);
    listener_free(f->srv->listener);
    fixture_free(f);
}

static void turn(struct fixture *f)
{
    event_base_loop(f->srv->base, EVLOOP_NONBLOCK);
    fixture_turn(f);
}

static void test_least_loaded_worker_gets_it(void **state)
{
    (void)state;
    int port = free_port(), fd[4];
    struct fixture *f = listening(port, "");
    for (int i = 0; i < 4; i++) {
        fd[i] = dial(port);
        turn(f);
    }
    assert_int_equal(atomic_load(&f->srv->workers[0]->clients.count), 2);
    assert_int_equal(atomic_load(&f->srv->workers[1]->clients.count), 2);
    assert_asks(f, fd[3], "PING\r\n", "+PONG\r\n");
    for (int i = 0; i < 4; i++)
        close(fd[i]);
    done(f);
}

static void test_maxclients(void **state)
{
    (void)state;
    int port = free_port();
    struct fixture *f = listening(port, "maxclients 1");
    int a = dial(port), b = dial(port);
    turn(f);
    assert_asks(f, b, "", "-ERR max number of clients reached\r\n");
    assert_closed(f, b);
    close(a);
    turn(f);
    int c = dial(port);
    turn(f);
    assert_asks(f, c, "PING\r\n", "+PONG\r\n");
    close(c);
    done(f);
}

static void test_change_of_port(void **state)
{
    (void)state;
    char err[OPTIONS_ERROR_CHARS] = "";
    int port = free_port(), other = another_port(port);
    struct fixture *f = listening(port, "");
    atomic_store(&f->srv->opt->port, other);
    assert_int_equal(listener_rebind(f->srv, err, sizeof err), 0);
    assert_int_equal(dial(port), -1);
    int fd = dial(other);
    turn(f);
    assert_asks(f, fd, "PING\r\n", "+PONG\r\n");
    close(fd);
    atomic_store(&f->srv->opt->port, 0);
    assert_int_equal(listener_rebind(f->srv, err, sizeof err), 0);
    assert_int_equal(dial(other), -1);
    done(f);
}

static void test_used_port_leaves_all_as_it_was(void **state)
{
    (void)state;
    char err[OPTIONS_ERROR_CHARS] = "", expected[128];
    int port = free_port(), used = another_port(port);
    struct fixture *f = listening(port, ""), *g = listening(used, "");
    atomic_store(&f->srv->opt->port, used);
    assert_int_equal(listener_rebind(f->srv, err, sizeof err), -1);
    snprintf(expected, sizeof expected,
             "Could not create server TCP listening socket 127.0.0.1:%d: bind: Address already in use", used);
    assert_string_equal(err, expected);
    int fd = dial(port);
    turn(f);
    assert_asks(f, fd, "PING\r\n", "+PONG\r\n");
    close(fd);
    done(f);
    done(g);
}

static void test_unix_socket(void **state)
{
    (void)state;
    char dir[] = "/tmp/flagstone-test-XXXXXX", more[128], path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/s", dir);
    snprintf(more, sizeof more, "unixsocket %s\nunixsocketperm 700", path);
    struct fixture *f = listening(0, more);
    assert_int_equal(access(path, F_OK), 0);
    done(f);
    assert_int_equal(access(path, F_OK), -1);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_least_loaded_worker_gets_it),
        cmocka_unit_test(test_maxclients),
        cmocka_unit_test(test_change_of_port),
        cmocka_unit_test(test_used_port_leaves_all_as_it_was),
        cmocka_unit_test(test_unix_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
