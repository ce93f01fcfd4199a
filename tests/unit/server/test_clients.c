/* CLIENT, and the registry of clients behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/clients.h"
#include "tests/unit/server/worker_fixture.h"

static void test_list(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("");
    int a = fixture_connect(f, 0), b = fixture_connect(f, 1), c = fixture_connect(f, 0);
    assert_asks(f, b, "CLIENT SETNAME bee\r\nCLIENT GETNAME\r\nSELECT 3\r\n", "+OK\r\n$3\r\nbee\r\n+OK\r\n");
    assert_asks(f, b, "CLIENT SETINFO LIB-NAME lib\r\nCLIENT SETINFO lib-ver 1.2\r\n", "+OK\r\n+OK\r\n");
    fixture_ask(f, a, "CLIENT LIST\r\n");
    const char *first = strstr(f->reply, "id=1 addr=127.0.0.1:1001 laddr=127.0.0.1:6379 fd=");
    const char *second = strstr(f->reply, "id=2 addr=127.0.0.1:1002 ");
    const char *third = strstr(f->reply, "id=3 addr=127.0.0.1:1003 ");
    assert_true(first != NULL && second > first && third > second);
    assert_non_null(strstr(first, " cmd=client|list user=default redir=-1 resp=2 lib-name= lib-ver=\n"));
    assert_non_null(strstr(second, " name=bee age="));
    assert_non_null(strstr(second, " flags=N db=3 sub=0 psub=0 ssub=0 multi=-1 qbuf=0 "));
    assert_non_null(strstr(second, " cmd=client|setinfo user=default redir=-1 resp=2 lib-name=lib lib-ver=1.2\n"));
    fixture_ask(f, a, "CLIENT LIST ID 3 7 2\r\n");
    assert_null(strstr(f->reply, "id=1 "));
    assert_true(strstr(f->reply, "id=3 ") < strstr(f->reply, "id=2 "));
    assert_asks(f, a, "CLIENT LIST TYPE pubsub\r\n", "$0\r\n\r\n");
    assert_asks(f, a, "CLIENT LIST TYPE x\r\n", "-ERR Unknown client type 'x'\r\n");
    assert_asks(f, a, "CLIENT LIST ID x\r\n", "-ERR Invalid client ID\r\n");
    close(a);
    close(b);
    close(c);
    fixture_free(f);
}

static void test_kill(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("");
    int a = fixture_connect(f, 0), b = fixture_connect(f, 1), c = fixture_connect(f, 0), d = fixture_connect(f, 1);
    assert_asks(f, a, "CLIENT KILL 127.0.0.1:1002\r\n", "+OK\r\n");
    assert_closed(f, b);
    assert_asks(f, a, "CLIENT KILL 127.0.0.1:1002\r\n", "-ERR No such client\r\n");
    assert_asks(f, a, "CLIENT KILL ID 3 ADDR 127.0.0.1:1004\r\n", ":0\r\n");
    assert_asks(f, a, "CLIENT KILL ID 3\r\nCLIENT KILL ID 3\r\n", ":1\r\n:0\r\n");
    assert_closed(f, c);
    assert_asks(f, a, "CLIENT KILL LADDR 127.0.0.1:6379\r\n", ":1\r\n");
    assert_closed(f, d);
    assert_asks(f, a, "CLIENT KILL ID 0\r\n", "-ERR client-id should be greater than 0\r\n");
    assert_asks(f, a, "CLIENT KILL USER nobody\r\n", "-ERR No such user 'nobody'\r\n");
    assert_asks(f, a, "CLIENT KILL USER default SKIPME no\r\nPING\r\n", ":1\r\n");
    assert_closed(f, a);
    assert_int_equal(atomic_load(&f->srv->nclients), 0);
    fixture_free(f);
}

static void test_eviction_takes_the_largest(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("");
    int small = fixture_connect(f, 0), large = fixture_connect(f, 1), kept = fixture_connect(f, 0);
    assert_asks(f, kept, "CLIENT NO-EVICT ON\r\n", "+OK\r\n");
    char *half = malloc(60000);
    memset(half, 'x', 60000);
    memcpy(half, "*2\r\n$4\r\nECHO\r\n$60000\r\n", 22);
    fixture_send(f, large, half, 50000);
    fixture_send(f, kept, half, 55000);
    fixture_turn(f);
    struct clients_totals t;
    clients_totals(f->srv, &t);
    assert_int_equal(t.connected, 3);
    assert_true(t.memory_normal > 105000 && t.max_input >= 55000);
    assert_int_equal(clients_evict(f->srv, 200000), 0);
    assert_int_equal(clients_evict(f->srv, 70000), 1);
    assert_int_equal(clients_evict(f->srv, 70000), 0); /* it is on its way out and counts no more */
    assert_closed(f, large);
    assert_asks(f, small, "PING\r\n", "+PONG\r\n");
    free(half);
    close(small);
    close(kept);
    fixture_free(f);
}

static void test_idle_connection_is_small(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("");
    int fd = fixture_connect(f, 0);
    assert_asks(f, fd, "SET a b\r\nGET a\r\n", "+OK\r\n$1\r\nb\r\n");
    assert_true(atomic_load(&f->srv->workers[0]->clients.memory_normal) < 800);
    close(fd);
    fixture_free(f);
}

static void test_hello(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("requirepass pw\n");
    int fd = fixture_connect(f, 0);
    assert_true(strncmp(fixture_ask(f, fd, "HELLO 3\r\n"), "-NOAUTH HELLO must be called", 28) == 0);
    assert_asks(f, fd, "HELLO 4\r\n", "-NOPROTO unsupported protocol version\r\n");
    assert_asks(f, fd, "HELLO 3 AUTH default\r\n", "-ERR Syntax error in HELLO option 'AUTH'\r\n");
    fixture_ask(f, fd, "HELLO 3 AUTH default pw SETNAME me\r\n");
    assert_true(strncmp(f->reply, "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n", 26) == 0);
    assert_asks(f, fd, "CLIENT GETNAME\r\nGET none\r\n", "$2\r\nme\r\n_\r\n");
    assert_asks(f, fd, "RESET\r\nAUTH pw\r\nGET none\r\nCLIENT GETNAME\r\n", "+RESET\r\n+OK\r\n$-1\r\n$-1\r\n");
    close(fd);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_kill),
        cmocka_unit_test(test_eviction_takes_the_largest),
        cmocka_unit_test(test_hello),
        cmocka_unit_test(test_idle_connection_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
