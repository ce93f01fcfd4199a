/* The slow log: order, ids, bounds, and how arguments are cut. Replies are compared as RESP2 bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/slowlog.h"

static int set_up(void **state)
{
    *state = slowlog_new();
    return *state == NULL;
}

static int tear_down(void **state)
{
    slowlog_free(*state);
    return 0;
}

static struct arg arg_of(const char *s)
{
    return (struct arg){.p = s, .len = strlen(s)};
}

static void add(struct slowlog *l, const char *word, size_t max_len)
{
    struct arg argv[] = {arg_of(word)};
    slowlog_add(l, 1000, 20, argv, 1, "1.2.3.4:5", "joe", max_len);
}

/* What SLOWLOG GET count replies; the caller frees it. */
static char *reply_of(struct slowlog *l, size_t count)
{
    struct reply r;
    struct iovec iov[64];
    reply_init(&r);
    slowlog_reply(l, &r, count);
    char *text = calloc(1, reply_pending(&r) + 1);
    size_t at = 0;
    for (int n; (n = reply_iov(&r, iov, 64)) > 0;) {
        size_t sent = 0;
        for (int i = 0; i < n; i++) {
            memcpy(text + at + sent, iov[i].iov_base, iov[i].iov_len);
            sent += iov[i].iov_len;
        }
        at += sent;
        reply_sent(&r, sent);
    }
    reply_free(&r);
    return text;
}

static void an_entry_has_six_fields(void **state)
{
    struct slowlog *l = *state;
    struct arg argv[] = {arg_of("SET"), arg_of("k"), {.p = "a\0b", .len = 3}};
    slowlog_add(l, 1700000000, 12345, argv, 3, "127.0.0.1:40384", "", 128);
    static const char want[] = "*1\r\n*6\r\n:0\r\n:1700000000\r\n:12345\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\na\0b\r\n"
                               "$15\r\n127.0.0.1:40384\r\n$0\r\n\r\n";
    char *got = reply_of(l, 10);
    assert_memory_equal(got, want, sizeof want);
    free(got);
}

static void the_newest_come_first_and_the_oldest_go(void **state)
{
    struct slowlog *l = *state;
    char word[16];
    for (int i = 0; i < 100; i++) {
        snprintf(word, sizeof word, "w%d", i);
        add(l, word, 40);
    }
    assert_int_equal(slowlog_len(l), 40);
    char *got = reply_of(l, 2);
    assert_string_equal(got, "*2\r\n*6\r\n:99\r\n:1000\r\n:20\r\n*1\r\n$3\r\nw99\r\n$9\r\n1.2.3.4:5\r\n$3\r\njoe\r\n"
                             "*6\r\n:98\r\n:1000\r\n:20\r\n*1\r\n$3\r\nw98\r\n$9\r\n1.2.3.4:5\r\n$3\r\njoe\r\n");
    free(got);
    got = reply_of(l, SIZE_MAX);
    assert_memory_equal(got, "*40\r\n", 5);
    free(got);
    slowlog_trim(l, 3);
    assert_int_equal(slowlog_len(l), 3);
}

static void ids_survive_a_reset(void **state)
{
    struct slowlog *l = *state;
    add(l, "a", 10);
    size_t empty = 0;
    slowlog_reset(l);
    assert_int_equal(slowlog_len(l), 0);
    empty = slowlog_memory(l);
    add(l, "b", 10);
    assert_true(slowlog_memory(l) > empty);
    char *got = reply_of(l, 1);
    assert_memory_equal(got, "*1\r\n*6\r\n:1\r\n", 12);
    free(got);
    slowlog_reset(l);
    assert_int_equal(slowlog_memory(l), empty);
    got = reply_of(l, 10);
    assert_string_equal(got, "*0\r\n");
    free(got);
}

static void none_are_kept_where_none_are_wanted(void **state)
{
    struct slowlog *l = *state;
    add(l, "a", 10);
    add(l, "b", 0);
    assert_int_equal(slowlog_len(l), 0);
}

static void many_arguments_are_summed_up(void **state)
{
    struct slowlog *l = *state;
    struct arg argv[40];
    for (int i = 0; i < 40; i++)
        argv[i] = arg_of("x");
    slowlog_add(l, 1, 1, argv, 32, "p", "", 128);
    char *got = reply_of(l, 1);
    assert_non_null(strstr(got, "*32\r\n"));
    assert_null(strstr(got, "more"));
    free(got);
    slowlog_add(l, 1, 1, argv, 38, "p", "", 128);
    got = reply_of(l, 1);
    assert_non_null(strstr(got, "*32\r\n"));
    assert_non_null(strstr(got, "$1\r\nx\r\n$22\r\n... (7 more arguments)\r\n$1\r\np\r\n"));
    free(got);
}

static void long_arguments_are_cut(void **state)
{
    struct slowlog *l = *state;
    char word[200];
    memset(word, 'x', sizeof word);
    struct arg argv[] = {{.p = word, .len = 128}, {.p = word, .len = 200}, {.p = NULL, .len = 1 << 30}};
    slowlog_add(l, 1, 1, argv, 3, "p", "", 128);
    char *got = reply_of(l, 1);
    assert_non_null(strstr(got, "*3\r\n$128\r\nxx"));
    assert_non_null(strstr(got, "$147\r\nxx"));
    assert_non_null(strstr(got, "xx... (72 more bytes)\r\n"));
    assert_non_null(strstr(got, "\r\n... (1073741824 more bytes)\r\n"));
    free(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_entry_has_six_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_newest_come_first_and_the_oldest_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ids_survive_a_reset, set_up, tear_down),
        cmocka_unit_test_setup_teardown(none_are_kept_where_none_are_wanted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_arguments_are_summed_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_arguments_are_cut, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
