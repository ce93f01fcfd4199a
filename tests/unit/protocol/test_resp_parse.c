/* The request parser: every split of every frame gives the same commands; every error has Redis's words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/protocol/feed.h"

enum { BULK_MAX = 512 * 1024 * 1024 };

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BYTES(s) s, sizeof(s) - 1

struct frame {
    const char *bytes;
    size_t n;
    const char *out; /* as feed.h writes commands */
};

static const struct frame frames[] = {
    {BYTES("*1\r\n$4\r\nPING\r\n"), "1 4:PING;"},
    {BYTES("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n"), "3 3:SET 1:k 5:value;"},
    {BYTES("*2\r\n$3\r\nGET\r\n$0\r\n\r\n*1\r\n$4\r\nPING\r\n"), "2 3:GET 0:;1 4:PING;"},
    {BYTES("*2\r\n$4\r\nECHO\r\n$12\r\n*1\r\n$1\r\nx\r\n\r\r\n"), "2 4:ECHO 12:*1\r\n$1\r\nx\r\n\r;"},
    {BYTES("*0\r\n*-1\r\n*-5\r\n\r\n\n*1\r\n$1\r\na\r\n"), "1 1:a;"},
    {BYTES("PING\r\n"), "1 4:PING;"},
    {BYTES("PING\n  GET  k \t\r\n"), "1 4:PING;2 3:GET 1:k;"},
    {BYTES("   \r\nPING\r\r\n*1\r\n$1\r\na\r\n"), "1 4:PING;1 1:a;"},
    {BYTES("ECHO \"a\\x41\\n\\t\\q\\\"\"\r\n"), "2 4:ECHO 6:aA\n\tq\";"},
    {BYTES("ECHO \"\\r\\b\\a\\\\\"\r\n"), "2 4:ECHO 4:\r\b\a\\;"},
    {BYTES("ECHO 'a\\'b\\n' \"\" ''\r\n"), "4 4:ECHO 5:a'b\\n 0: 0:;"},
    {BYTES("ECHO \"\\xZZ\\x4\" a\"b\" \x0b"
           "c\x0b"
           "d\r\n"),
     "4 4:ECHO 5:xZZx4 2:ab 3:c\x0b"
     "d;"},
    {BYTES("\"\"\r\n"), "1 0:;"},
    {BYTES("\"PI\\x4eG\" 'x'\x0b\"y z\"\r\n"), "3 4:PING 1:x 3:y z;"},
    {BYTES("$4\r\nPING\r\n"), "1 2:$4;1 4:PING;"},
    {BYTES("ECHO a\rb\tc\r\n"), "4 4:ECHO 1:a 1:b 1:c;"},
    /* Line ends are taken for granted, as Redis does. */
    {BYTES("*1\rX$4\rYPINGab*1\r\n$1\r\na\r\n"), "1 4:PING;1 1:a;"},
    {BYTES("*12\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n$1\r\ne\r\n$1\r\nf\r\n$1\r\ng\r\n$1\r\nh\r\n$1\r\ni\r\n"
           "$1\r\nj\r\n$1\r\nk\r\n$2\r\nlm\r\n"),
     "12 1:a 1:b 1:c 1:d 1:e 1:f 1:g 1:h 1:i 1:j 1:k 2:lm;"},
};

static void assert_out(const struct feed *f, const char *out, const char *error)
{
    assert_string_equal(f->out ? f->out : "", out);
    assert_string_equal(f->error, error);
    assert_int_equal(f->stopped, error[0] != '\0');
}

/* Feeds the frame in three pieces, [0, i), [i, j), [j, n). */
static void feed_three(const struct frame *fr, size_t i, size_t j, size_t big_threshold, const char *out,
                       const char *error)
{
    struct feed f;
    feed_init(&f, BULK_MAX, big_threshold, false);
    feed_bytes(&f, fr->bytes, i);
    feed_bytes(&f, fr->bytes + i, j - i);
    feed_bytes(&f, fr->bytes + j, fr->n - j);
    assert_out(&f, out, error);
    if (!f.stopped) {
        assert_int_equal(f.len, 0);
        assert_int_equal(resp_memory(&f.parser), 0);
    }
    feed_free(&f);
}

static void feed_single_bytes(const struct frame *fr, size_t big_threshold, const char *out, const char *error)
{
    struct feed f;
    feed_init(&f, BULK_MAX, big_threshold, false);
    for (size_t i = 0; i < fr->n; i++)
        feed_bytes(&f, fr->bytes + i, 1);
    assert_out(&f, out, error);
    feed_free(&f);
}

static void every_split_gives_the_same_commands(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT(frames); k++) {
        const struct frame *fr = &frames[k];
        for (size_t i = 0; i <= fr->n; i++) {
            for (size_t j = i; j <= fr->n; j++)
                feed_three(fr, i, j, SIZE_MAX, fr->out, "");
        }
        feed_single_bytes(fr, SIZE_MAX, fr->out, "");
    }
}

static void large_arguments_are_received_elsewhere(void **state)
{
    static const struct frame big[] = {
        {BYTES("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n*1\r\n$4\r\nPING\r\n"), "3 3:SET 1:k 5~value;1 4:PING;"},
        {BYTES("*5\r\n$6\r\nlonger\r\n$5\r\nabcde\r\n$6\r\nfghijk\r\n$2\r\nlm\r\n$5\r\nn\r\no\r\r\n"),
         "5 6:longer 5~abcde 6~fghijk 2:lm 5~n\r\no\r;"},
        {BYTES("PING\r\n*0\r\n*2\r\n$1\r\na\r\n$7\r\n1234567XY*2\r\n$1\r\nb\r\n$5\r\n12345\r\n\r\nPING\r\n"),
         "1 4:PING;2 1:a 7~1234567;2 1:b 5~12345;1 4:PING;"},
    };
    (void)state;
    for (size_t k = 0; k < COUNT(big); k++) {
        const struct frame *fr = &big[k];
        for (size_t i = 0; i <= fr->n; i++) {
            for (size_t j = i; j <= fr->n; j++)
                feed_three(fr, i, j, 5, fr->out, "");
        }
        feed_single_bytes(fr, 5, fr->out, "");
    }
}

static void count_drop(void *arg, void *big)
{
    assert_non_null(big);
    ++*(int *)arg;
}

static void a_large_argument_is_announced_with_its_place(void **state)
{
    static const char bytes[] = "\r\n*2\r\n$1\r\na\r\n$100\r\n12";
    char *buf = feed_alloc(NULL, sizeof bytes - 1);
    struct resp_parser ps = {0};
    struct resp_args args = {0};
    struct resp_limits lim = {BULK_MAX, 64, false};
    struct resp_result res;
    (void)state;
    memcpy(buf, bytes, sizeof bytes - 1);
    assert_int_equal(resp_parse(&ps, &lim, buf, sizeof bytes - 1, &args, &res), RESP_BIG);
    assert_int_equal(res.consumed, 2);
    assert_int_equal(res.big_at, sizeof bytes - 1 - 2);
    assert_int_equal(res.big_len, 100);
    assert_int_equal(args.n, 0);
    assert_true(resp_memory(&ps) > 0);

    int handle, dropped = 0;
    resp_big_done(&ps, &handle);
    assert_int_equal(resp_need(&ps), res.big_at - res.consumed + 2);
    assert_int_equal(resp_parse(&ps, &lim, buf + 2, res.big_at - 2, &args, &res), RESP_MORE);
    resp_reset(&ps, count_drop, &dropped);
    assert_int_equal(dropped, 1);
    assert_int_equal(resp_memory(&ps), 0);
    resp_args_free(&args);
    free(buf);
}

/* Judged against redis-server 7.0.15, byte for byte. */
static const struct {
    const char *bytes;
    size_t n;
    const char *error;
} errors[] = {
    {BYTES("*\r\n"), "invalid multibulk length"},
    {BYTES("*a\r\n"), "invalid multibulk length"},
    {BYTES("*+1\r\n"), "invalid multibulk length"},
    {BYTES("*01\r\n"), "invalid multibulk length"},
    {BYTES("*01\r\n$1\r\na\r\n"), "invalid multibulk length"},
    {BYTES("*-0\r\n"), "invalid multibulk length"},
    {BYTES("*1 \r\n"), "invalid multibulk length"},
    {BYTES("*2147483648\r\n"), "invalid multibulk length"},
    {BYTES("*-99999999999999999999\r\n"), "invalid multibulk length"},
    {BYTES("*1048577\r\n"), "invalid multibulk length"}, /* Redis lets an authenticated client go to 2^31 - 1 */
    {BYTES("*1\r\n$\r\n"), "invalid bulk length"},
    {BYTES("*1\r\n$-1\r\n"), "invalid bulk length"},
    {BYTES("*1\r\n$+4\r\nPING\r\n"), "invalid bulk length"},
    {BYTES("*1\r\n$04\r\nPING\r\n"), "invalid bulk length"},
    {BYTES("*1\r\n$4a\r\nPING\r\n"), "invalid bulk length"},
    {BYTES("*1\r\n$536870913\r\n"), "invalid bulk length"},
    {BYTES("*1\r\n$99999999999999999999\r\n"), "invalid bulk length"},
    {BYTES("*1\r\nX\r\n"), "expected '$', got 'X'"},
    {BYTES("*2\r\n$1\r\na\r\nPING\r\n"), "expected '$', got 'P'"},
    {BYTES("*1\r\n\r\n"), "expected '$', got ' '"},
    {BYTES("*1\r\n\n\r\n"), "expected '$', got ' '"},
    {BYTES("*1\r\n\xff\r\n"), "expected '$', got '\xff'"},
    {BYTES("ECHO \"a\r\n"), "unbalanced quotes in request"},
    {BYTES("ECHO \"a\"b\r\n"), "unbalanced quotes in request"},
    {BYTES("ECHO 'a'b\r\n"), "unbalanced quotes in request"},
    {BYTES("ECHO 'a''b'\r\n"), "unbalanced quotes in request"},
    {BYTES("ECHO a\"b c\"d\r\n"), "unbalanced quotes in request"},
    {BYTES("ECHO \"\\\r\n"), "unbalanced quotes in request"},
    {BYTES("ECHO '\\\r\n"), "unbalanced quotes in request"},
    {BYTES("ECHO a'b\r\n"), "unbalanced quotes in request"},
};

static void every_error_has_its_words(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT(errors); k++) {
        struct frame fr = {errors[k].bytes, errors[k].n, ""};
        char error[64];
        snprintf(error, sizeof error, "ERR Protocol error: %s", errors[k].error);
        for (size_t i = 0; i <= fr.n; i++) {
            feed_three(&fr, i, fr.n, SIZE_MAX, "", error);
            feed_three(&fr, i, fr.n, 1, "", error);
        }
        feed_single_bytes(&fr, SIZE_MAX, "", error);
    }
}

static void commands_before_an_error_are_given(void **state)
{
    struct feed f;
    (void)state;
    feed_init(&f, BULK_MAX, SIZE_MAX, false);
    feed_bytes(&f, BYTES("PING\r\n*1\r\n$1\r\na\r\n*1\r\n!\r\n"));
    assert_out(&f, "1 4:PING;1 1:a;", "ERR Protocol error: expected '$', got '!'");
    feed_free(&f);
}

static void before_auth_little_is_accepted(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *error;
    } cases[] = {
        {BYTES("*10\r\n"), ""},
        {BYTES("*11\r\n"), "ERR Protocol error: unauthenticated multibulk length"},
        {BYTES("*1\r\n$16384\r\n"), ""},
        {BYTES("*1\r\n$16385\r\n"), "ERR Protocol error: unauthenticated bulk length"},
        {BYTES("*2147483648\r\n"), "ERR Protocol error: invalid multibulk length"},
        {BYTES("*1\r\n$536870913\r\n"), "ERR Protocol error: invalid bulk length"},
    };
    (void)state;
    for (size_t k = 0; k < COUNT(cases); k++) {
        struct feed f;
        feed_init(&f, BULK_MAX, SIZE_MAX, true);
        feed_bytes(&f, cases[k].bytes, cases[k].n);
        assert_out(&f, "", cases[k].error);
        feed_free(&f);
    }
}

/* A line of n bytes after `head`, ended or not, in pieces. */
static void long_line(const char *head, char fill, size_t n, const char *tail, size_t piece, const char *error)
{
    size_t head_len = strlen(head), tail_len = strlen(tail), total = head_len + n + tail_len;
    char *bytes = feed_alloc(NULL, total);
    struct feed f;
    memcpy(bytes, head, head_len);
    memset(bytes + head_len, fill, n);
    memcpy(bytes + head_len + n, tail, tail_len);
    feed_init(&f, BULK_MAX, SIZE_MAX, false);
    for (size_t at = 0; at < total; at += piece)
        feed_bytes(&f, bytes + at, total - at < piece ? total - at : piece);
    assert_string_equal(f.error, error);
    feed_free(&f);
    free(bytes);
}

static void lines_are_bounded(void **state)
{
    static const size_t pieces[] = {977, 16 * 1024, 1 << 20};
    (void)state;
    for (size_t i = 0; i < COUNT(pieces); i++) {
        size_t p = pieces[i];
        long_line("", 'A', RESP_LINE_MAX, "", p, "");
        long_line("", 'A', RESP_LINE_MAX + 1, "", p, "ERR Protocol error: too big inline request");
        long_line("", 'A', RESP_LINE_MAX - 1, "\r\n", p, "");
        long_line("*", '1', RESP_LINE_MAX - 1, "", p, "");
        long_line("*", '1', RESP_LINE_MAX, "", p, "ERR Protocol error: too big mbulk count string");
        long_line("*", '1', RESP_LINE_MAX - 1, "\r\n", p, "ERR Protocol error: invalid multibulk length");
        long_line("*1\r\n$", '1', RESP_LINE_MAX - 1, "", p, "");
        long_line("*1\r\n$", '1', RESP_LINE_MAX, "", p, "ERR Protocol error: too big bulk count string");
        long_line("*2\r\n$10000000\r\n", 'x', 2000, "", p, "");
    }
}

static size_t append(char *to, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static size_t append(char *to, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsprintf(to, fmt, ap);
    va_end(ap);
    return (size_t)n;
}

/* 1,048,576 arguments, the buffer growing by one byte a call: were a call to look at what is old, this would not
 * end. */
static void the_largest_request_costs_linear_time(void **state)
{
    size_t cap = 32 + (size_t)RESP_ARGS_MAX * 8, n = 0;
    char *bytes = feed_alloc(NULL, cap);
    struct resp_parser ps = {0};
    struct resp_args args = {0};
    struct resp_limits lim = {BULK_MAX, SIZE_MAX, false};
    struct resp_result res;
    (void)state;
    n += append(bytes, "*%d\r\n", RESP_ARGS_MAX);
    for (int i = 0; i < RESP_ARGS_MAX; i++)
        n += append(bytes + n, "$1\r\n%c\r\n", 'a' + i % 26);
    for (size_t len = 1; len < n; len++)
        assert_int_equal(resp_parse(&ps, &lim, bytes, len, &args, &res), RESP_MORE);
    assert_int_equal(resp_parse(&ps, &lim, bytes, n, &args, &res), RESP_COMMAND);
    assert_int_equal(res.argc, RESP_ARGS_MAX);
    assert_int_equal(res.consumed, n);
    for (size_t i = 0; i < RESP_ARGS_MAX; i += 1000)
        assert_int_equal(*args.v[i].p, 'a' + i % 26);
    resp_args_clear(&args);
    assert_int_equal(args.cap, 0);
    free(bytes);
}

static void nothing_is_kept_of_what_is_short(void **state)
{
    struct feed f;
    (void)state;
    feed_init(&f, BULK_MAX, SIZE_MAX, false);
    feed_bytes(&f, BYTES("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5000\r\nabc"));
    assert_int_equal(resp_memory(&f.parser), 0);
    assert_int_equal(resp_need(&f.parser), 4 + 9 + 7 + 7 + 5000 + 2);
    feed_free(&f);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Random commands, encoded, fed in random pieces, come out as they went in. */
static void round_trip(uint64_t seed, size_t big_threshold)
{
    enum { COMMANDS = 30 };
    struct feed f, want;
    char *bytes = feed_alloc(NULL, COMMANDS * 20 * 600);
    size_t n = 0;
    feed_init(&f, BULK_MAX, big_threshold, false);
    feed_init(&want, BULK_MAX, big_threshold, false);
    for (int c = 0; c < COMMANDS; c++) {
        size_t argc = 1 + next_random(&seed) % 20;
        struct arg argv[20];
        char text[20][600];
        n += append(bytes + n, "*%zu\r\n", argc);
        for (size_t i = 0; i < argc; i++) {
            size_t len = next_random(&seed) % 4 ? next_random(&seed) % 20 : next_random(&seed) % 500;
            for (size_t k = 0; k < len; k++)
                text[i][k] = (char)next_random(&seed);
            n += append(bytes + n, "$%zu\r\n", len);
            memcpy(bytes + n, text[i], len);
            n += len;
            n += append(bytes + n, "\r\n");
            argv[i] = (struct arg){text[i], len, NULL};
            if (i > 0 && len >= big_threshold) {
                struct feed_big *big = feed_alloc(NULL, sizeof *big + len);
                big->len = big->have = len;
                memcpy(big->bytes, text[i], len);
                argv[i] = (struct arg){NULL, len, big};
            }
        }
        feed_command(&want, argv, argc);
    }
    for (size_t at = 0, piece; at < n; at += piece) {
        piece = 1 + next_random(&seed) % (next_random(&seed) % 3 ? 30 : 2000);
        piece = piece < n - at ? piece : n - at;
        feed_bytes(&f, bytes + at, piece);
    }
    assert_int_equal(f.commands, COMMANDS);
    assert_int_equal(f.out_len, want.out_len);
    assert_memory_equal(f.out, want.out, f.out_len);
    feed_free(&f);
    feed_free(&want);
    free(bytes);
}

static void random_commands_survive_random_pieces(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        round_trip(seed * 0x9e3779b97f4a7c15u, SIZE_MAX);
        round_trip(seed * 0x9e3779b97f4a7c15u, 16);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_split_gives_the_same_commands),
        cmocka_unit_test(large_arguments_are_received_elsewhere),
        cmocka_unit_test(a_large_argument_is_announced_with_its_place),
        cmocka_unit_test(every_error_has_its_words),
        cmocka_unit_test(commands_before_an_error_are_given),
        cmocka_unit_test(before_auth_little_is_accepted),
        cmocka_unit_test(lines_are_bounded),
        cmocka_unit_test(the_largest_request_costs_linear_time),
        cmocka_unit_test(nothing_is_kept_of_what_is_short),
        cmocka_unit_test(random_commands_survive_random_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
