/* Writes over the limit under noeviction: what is refused, and what is not because it only waits to be given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "server/limit.h"
#include "server/store_private.h"
#include "tests/unit/server/worker_fixture.h"

#define OOM "-OOM command not allowed when used memory > 'maxmemory'.\r\n"

static void test_refuses_what_may_grow(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("maxmemory-policy noeviction\n");
    int fd = fixture_connect(f, 0);
    assert_asks(f, fd, "SET a 1\r\n", "+OK\r\n");
    limit_measured(f->srv, 0);
    assert_asks(f, fd, "SET b 1\r\nAPPEND a 1\r\nSETBIT a 1 1\r\nMSET a 1\r\n", OOM OOM OOM OOM);
    assert_asks(f, fd, "GET a\r\nEXPIRE a 100\r\nDEL a\r\n", "$1\r\n1\r\n:1\r\n:1\r\n");
    assert_asks(f, fd, "SET b\r\n", "-ERR wrong number of arguments for 'set' command\r\n");
    limit_measured(f->srv, UINT64_MAX);
    assert_int_equal(atomic_load(&f->srv->attention), 0);
    assert_asks(f, fd, "SET b 1\r\n", "+OK\r\n");
    close(fd);
    fixture_free(f);
}

static void test_other_policies_evict(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("maxmemory-policy allkeys-lru\n");
    int fd = fixture_connect(f, 0);
    limit_measured(f->srv, 1);
    assert_asks(f, fd, "SET a 1\r\nGET a\r\n", "+OK\r\n$1\r\n1\r\n");
    limit_measured(f->srv, 0); /* and nothing is left to evict */
    assert_asks(f, fd, "SET a 2\r\nGET a\r\n", OOM "$1\r\n1\r\n");
    close(fd);
    fixture_free(f);
}

/* Keys a of the numbers below n that `step` divides, set or (value NULL) deleted. */
static void change_keys(struct fixture *f, int fd, int n, int step, const char *value)
{
    char line[256];
    for (int i = 0; i < n; i += step) {
        snprintf(line, sizeof line, value ? "SET key:%d %s\r\n" : "DEL key:%d\r\n", i, value);
        assert_asks(f, fd, line, value ? "+OK\r\n" : ":1\r\n");
    }
}

static void test_what_comes_back_is_not_counted(void **state)
{
    enum { KEYS = 4000, PAGES_OVER = 2 };
    (void)state;
    struct fixture *f = fixture_new("maxmemory-policy noeviction\n");
    int fd = fixture_connect(f, 0);
    char value[101] = {0};
    memset(value, 'v', 100);
    change_keys(f, fd, KEYS, 1, value);
    struct pool *pool = &f->srv->store->slab.pool;
    limit_measured(f->srv, pool_in_use(pool) - PAGES_OVER);
    assert_asks(f, fd, "SET key:0 x\r\n", OOM);
    change_keys(f, fd, KEYS, 2, NULL); /* half of each page */
    assert_true(pool_in_use(pool) > PAGES_OVER);
    limit_measured(f->srv, pool_in_use(pool) - PAGES_OVER);
    assert_asks(f, fd, "SET key:0 x\r\n", "+OK\r\n");
    limit_measured(f->srv, 1);
    assert_asks(f, fd, "SET key:0 x\r\n", OOM);
    assert_asks(f, fd, "FLUSHALL\r\nSET key:0 x\r\n", "+OK\r\n+OK\r\n"); /* the memory thread would sweep them now */
    close(fd);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refuses_what_may_grow),
        cmocka_unit_test(test_other_policies_evict),
        cmocka_unit_test(test_what_comes_back_is_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
