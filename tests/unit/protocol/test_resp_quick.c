/* The quick parser against the whole one: what it takes, both take alike; what is not plain, or not all there, it
 * leaves alone. Each request lies at the end of memory of its own, so that a read beyond it is seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/resp_parse.h"
#include "protocol/resp_quick.h"

enum { VALUE_MAX = 100000, ROOM = 2 * VALUE_MAX, MUTATIONS = 200000 };

static char text[ROOM];
static uint64_t seed;

static uint32_t below(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((seed >> 32) * n >> 32);
}

static size_t add_bulk(size_t at, size_t len)
{
    at += (size_t)snprintf(text + at, 32, "$%zu\r\n", len);
    for (size_t i = 0; i < len; i++)
        text[at + i] = (char)('a' + (at + i) % 26);
    at += len;
    text[at++] = '\r';
    text[at++] = '\n';
    return at;
}

static size_t make(bool get, size_t key, size_t value)
{
    size_t at = (size_t)snprintf(text, 32, "*%d\r\n$3\r\n%s\r\n", get ? 2 : 3, get ? "GeT" : "sEt");
    at = add_bulk(at, key);
    return get ? at : add_bulk(at, value);
}

/* The whole parser's answer for the same bytes: bytes consumed, 0: no complete command, or none that is like this. */
static size_t whole(const char *p, size_t n, struct arg v[3], uint32_t *argc)
{
    struct resp_parser ps = {0};
    struct resp_args args = {0};
    struct resp_result res;
    const struct resp_limits lim = {.bulk_max = 512 << 20, .big_threshold = 1 << 30};
    char *copy = malloc(n + 1); /* inline commands are unquoted in place */
    assert_non_null(copy);
    memcpy(copy, p, n);
    size_t consumed = 0;
    if (resp_parse(&ps, &lim, copy, n, &args, &res) == RESP_COMMAND && res.argc <= 3) {
        consumed = res.consumed;
        *argc = res.argc;
        for (uint32_t i = 0; i < res.argc; i++)
            v[i] = (struct arg){p + (args.v[res.first + i].p - copy), args.v[res.first + i].len, NULL};
    }
    resp_reset(&ps, NULL, NULL);
    resp_args_free(&args);
    free(copy);
    return consumed;
}

/* Parses the first n bytes of the text in memory that ends there; true: it was taken, as the whole parser takes it. */
static bool quick(size_t n)
{
    char *p = malloc(n > 0 ? n : 1);
    assert_non_null(p);
    memcpy(p, text, n);
    struct arg v[3], w[3];
    uint32_t argc = 0, wargc = 0;
    const char *behind = resp_quick(p, p + n, VALUE_MAX, v, &argc);
    if (behind != NULL) {
        assert_int_equal(whole(p, n, w, &wargc), behind - p);
        assert_int_equal(argc, wargc);
        for (uint32_t i = 0; i < argc; i++)
            assert_true(v[i].p == w[i].p && v[i].len == w[i].len && v[i].big == NULL);
    }
    free(p);
    return behind != NULL;
}

static void test_every_length(void **state)
{
    (void)state;
    static const size_t values[] = {0, 1, 9, 10, 11, 99, 100, 101, 999, 1000, 9999, 10000, 99999, VALUE_MAX};
    for (size_t key = 0; key <= 300; key++) {
        size_t n = make(true, key, 0);
        /* the shortest ones are left alone at the end of what has come: eight bytes are looked at */
        assert_int_equal(quick(n), key >= 2 && key <= RESP_QUICK_KEY);
        n = make(false, key, 50);
        assert_int_equal(quick(n), key <= RESP_QUICK_KEY);
    }
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        size_t n = make(false, 14, values[i]);
        assert_int_equal(quick(n), values[i] >= 2);
        n = add_bulk(n, 40); /* with more behind it all are taken */
        assert_true(quick(n));
    }
    assert_false(quick(make(false, 14, VALUE_MAX + 1)));
}

static void test_what_is_not_all_there(void **state)
{
    (void)state;
    size_t n = make(false, 14, 120);
    for (size_t part = 0; part < n; part++)
        assert_false(quick(part));
    assert_true(quick(n));
    n = make(true, 14, 0);
    for (size_t part = 0; part < n; part++)
        assert_false(quick(part));
    assert_true(quick(n));
}

/* Bytes that are changed at random: whatever is still taken is taken as the whole parser does. */
static void test_mutations(void **state)
{
    (void)state;
    static const char bytes[] = "$*\r\n0123456789-+ gGeEtTsS\0\x7f\xff:";
    seed = 1;
    size_t taken = 0;
    for (int i = 0; i < MUTATIONS; i++) {
        size_t n = make(below(2) != 0, below(300), below(1200));
        n = add_bulk(n, 20);
        for (uint32_t m = below(3); m > 0; m--)
            text[below(40)] = bytes[below(sizeof bytes - 1)];
        taken += quick(n);
    }
    assert_true(taken > MUTATIONS / 4 && taken < MUTATIONS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_what_is_not_all_there),
        cmocka_unit_test(test_mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
