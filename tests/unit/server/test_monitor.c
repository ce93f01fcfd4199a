/* MONITOR: lines, escapes, secrets, several workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/server/worker_fixture.h"

/* What follows the time in the line that came last but `back`. */
static const char *line(struct fixture *f, int fd, int back)
{
    static char copy[4096];
    fixture_receive(f, fd);
    char *end = f->reply + f->reply_len;
    for (int i = 0; i <= back; i++) {
        end[-2] = '\0';
        for (end -= 2; end > f->reply && end[-1] != '\n'; end--)
            ;
    }
    const char *at = strchr(end, ' ');
    snprintf(copy, sizeof copy, "%s", at == NULL ? "(none)" : at + 1);
    return copy;
}

static void test_lines(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("");
    int m = fixture_connect(f, 0), a = fixture_connect(f, 0), b = fixture_connect(f, 1);
    assert_asks(f, m, "MONITOR\r\nMONITOR\r\n", "+OK\r\n+OK\r\n");
    assert_asks(f, a, "SELECT 5\r\n", "+OK\r\n");
    assert_string_equal(line(f, m, 0), "[5 127.0.0.1:1002] \"SELECT\" \"5\"");
    assert_asks(f, b, "*2\r\n$4\r\nECHO\r\n$9\r\n\"\\\n\r\t\a\b\x01\xff\r\n", "$9\r\n\"\\\n\r\t\a\b\x01\xff\r\n");
    assert_string_equal(line(f, m, 0), "[0 127.0.0.1:1003] \"ECHO\" \"\\\"\\\\\\n\\r\\t\\a\\b\\x01\\xff\"");
    assert_asks(f, b, "CONFIG GET maxmemory\r\nPING\r\n", "*2\r\n$9\r\nmaxmemory\r\n$1\r\n0\r\n+PONG\r\n");
    assert_string_equal(line(f, m, 0), "[0 127.0.0.1:1003] \"PING\"");
    assert_asks(f, m, "RESET\r\n", "+RESET\r\n");
    assert_int_equal(atomic_load(&f->srv->attention), 0);
    assert_asks(f, a, "PING\r\n", "+PONG\r\n");
    assert_int_equal(fixture_receive(f, m), 0);
    close(m);
    close(a);
    close(b);
    fixture_free(f);
}

static void test_secrets(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("requirepass pw\n");
    int m = fixture_connect(f, 0), a = fixture_connect(f, 1);
    assert_asks(f, m, "AUTH pw\r\nMONITOR\r\n", "+OK\r\n+OK\r\n");
    fixture_ask(f, a, "AUTH default pw\r\n");
    assert_string_equal(line(f, m, 0), "[0 127.0.0.1:1002] \"AUTH\" \"(redacted)\" \"(redacted)\"");
    fixture_ask(f, a, "HELLO 2 AUTH default pw SETNAME x\r\n");
    assert_string_equal(line(f, m, 0),
                        "[0 127.0.0.1:1002] \"HELLO\" \"2\" \"AUTH\" \"(redacted)\" \"(redacted)\" \"SETNAME\" \"x\"");
    close(m);
    close(a);
    fixture_free(f);
}

static void test_monitor_that_dies(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("");
    int m = fixture_connect(f, 0), n = fixture_connect(f, 0), a = fixture_connect(f, 0);
    assert_asks(f, m, "MONITOR\r\n", "+OK\r\n");
    assert_asks(f, n, "MONITOR\r\n", "+OK\r\n");
    close(m);
    assert_asks(f, a, "PING\r\n", "+PONG\r\n");
    assert_int_equal(atomic_load(&f->srv->nmonitors), 1);
    assert_string_equal(line(f, n, 0), "[0 127.0.0.1:1003] \"PING\"");
    close(n);
    fixture_turn(f);
    assert_int_equal(atomic_load(&f->srv->attention), 0);
    close(a);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_monitor_that_dies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
