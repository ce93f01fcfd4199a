/* Arguments: words, integers, database numbers, expiries, ranges, and the errors that go with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/args.h"
#include "server/options.h"
#include "server/server.h"

enum { NOW_MS = 1000000 };

static const struct command setex = {.name = "setex"};

struct fixture {
    struct server srv;
    struct reply out;
    struct cmd_ctx c;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->srv.opt = options_new();
    assert_non_null(f->srv.opt);
    reply_init(&f->out);
    f->c = (struct cmd_ctx){.srv = &f->srv, .out = &f->out, .cmd = &setex, .now_ms = NOW_MS};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    reply_free(&f->out);
    options_free(f->srv.opt);
    free(f);
    return 0;
}

static struct arg word(const char *text)
{
    return (struct arg){.p = text, .len = strlen(text)};
}

/* What was replied since the last look must be `text`. */
static void assert_replied(struct fixture *f, const char *text)
{
    struct iovec iov[1];
    size_t n = strlen(text);
    if (n == 0) {
        assert_int_equal(reply_pending(&f->out), 0);
        return;
    }
    assert_int_equal(reply_iov(&f->out, iov, 1), 1);
    assert_int_equal(iov[0].iov_len, n);
    assert_memory_equal(iov[0].iov_base, text, n);
    reply_sent(&f->out, n);
}

static void test_words(void **state)
{
    (void)state;
    struct arg a = word("KeepTTL"), cut = {.p = "exat", .len = 2}, large = {.p = NULL, .len = 2, .big = &a};
    assert_true(arg_is(&a, "keepttl"));
    assert_false(arg_is(&a, "keep"));
    assert_true(arg_is(&cut, "ex"));
    assert_false(arg_is(&cut, "exat"));
    assert_false(arg_is(&large, "ex"));
}

static void test_integers(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {"", " 1", "1 ", "+1", "01", "-0", "1.0", "a", "9223372036854775808"};
    int64_t v = 0;
    struct arg a = word("-9223372036854775808");
    assert_true(arg_int(&f->c, &a, NULL, &v));
    assert_true(v == INT64_MIN);
    assert_replied(f, "");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        a = word(bad[i]);
        assert_false(arg_int(&f->c, &a, NULL, &v));
        assert_replied(f, "-ERR value is not an integer or out of range\r\n");
    }
    a = (struct arg){.p = NULL, .len = 1, .big = &a};
    assert_false(arg_int(&f->c, &a, "ERR my own", &v));
    assert_replied(f, "-ERR my own\r\n");
}

static void test_database_numbers(void **state)
{
    struct fixture *f = *state;
    int db = -1;
    struct arg a = word("15");
    assert_true(arg_db(&f->c, &a, &db));
    assert_int_equal(db, 15);
    a = word("16");
    assert_false(arg_db(&f->c, &a, &db));
    assert_replied(f, "-ERR DB index is out of range\r\n");
    a = word("-1");
    assert_false(arg_db(&f->c, &a, &db));
    assert_replied(f, "-ERR DB index is out of range\r\n");
    a = word("2147483648");
    assert_false(arg_db(&f->c, &a, &db));
    assert_replied(f, "-ERR value is out of range, value must between -2147483648 and 2147483647\r\n");
}

static void test_expiries(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text;
        enum expiry_unit unit;
        bool relative;
        int64_t ms; /* 0: refused */
    } cases[] = {
        {"10", EXPIRY_SECONDS, true, NOW_MS + 10000},
        {"10", EXPIRY_MS, true, NOW_MS + 10},
        {"10", EXPIRY_SECONDS, false, 10000},
        {"9223372036854775807", EXPIRY_MS, false, INT64_MAX},
        {"9223372036854775", EXPIRY_SECONDS, false, INT64_C(9223372036854775000)},
        {"0", EXPIRY_SECONDS, true, 0},
        {"-1", EXPIRY_MS, false, 0},
        {"9223372036854776", EXPIRY_SECONDS, false, 0},
        {"9223372036854775", EXPIRY_SECONDS, true, 0},
        {"9223372036854775807", EXPIRY_MS, true, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = 0;
        struct arg a = word(cases[i].text);
        assert_int_equal(arg_expiry(&f->c, &a, cases[i].unit, cases[i].relative, &ms), cases[i].ms != 0);
        assert_true(ms == cases[i].ms);
        assert_replied(f, cases[i].ms != 0 ? "" : "-ERR invalid expire time in 'setex' command\r\n");
    }
}

static void test_ranges(void **state)
{
    (void)state;
    static const struct {
        int64_t start, end, len, first, last; /* first > last: empty */
    } cases[] = {
        {0, -1, 5, 0, 4},
        {1, 2, 5, 1, 2},
        {-3, -2, 5, 2, 3},
        {-100, 100, 5, 0, 4},
        {4, 100, 5, 4, 4},
        {5, 100, 5, 1, 0},
        {3, 2, 5, 1, 0},
        {0, -1, 0, 1, 0},
        {-100, -50, 5, 0, 0},
        {-1, -2, 5, 1, 0},
        {INT64_MIN, INT64_MAX, 3, 0, 2},
        {INT64_MAX, INT64_MAX, 3, 1, 0},
        {0, INT64_MIN, 3, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t start = cases[i].start, end = cases[i].end;
        bool some = range_clamp(&start, &end, cases[i].len);
        assert_int_equal(some, cases[i].first <= cases[i].last);
        if (some) {
            assert_int_equal(start, cases[i].first);
            assert_int_equal(end, cases[i].last);
        }
    }
    assert_true(range_reversed(-1, -2));
    assert_false(range_reversed(-2, -1));
    assert_false(range_reversed(1, -2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test_setup_teardown(test_integers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_database_numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_expiries, set_up, tear_down),
        cmocka_unit_test(test_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
