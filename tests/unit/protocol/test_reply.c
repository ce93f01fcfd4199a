/* Replies: their bytes in RESP2 and RESP3, and that they leave in order whatever blocks they lie in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "protocol/reply.h"

/* Takes everything that is pending, `step` bytes at a time (0: all), appending to `to`. */
static size_t drain(struct reply *r, char *to, size_t step)
{
    size_t n = 0;
    for (;;) {
        struct iovec iov[3];
        int k = reply_iov(r, iov, 3);
        size_t sent = 0, have = 0;
        for (int i = 0; i < k; i++)
            have += iov[i].iov_len;
        if (k == 0) {
            assert_int_equal(reply_pending(r), 0);
            return n;
        }
        size_t take = step && step < have ? step : have;
        for (int i = 0; i < k && sent < take; i++) {
            size_t part = iov[i].iov_len < take - sent ? iov[i].iov_len : take - sent;
            memcpy(to + n, iov[i].iov_base, part);
            n += part;
            sent += part;
        }
        size_t before = reply_pending(r);
        reply_sent(r, sent);
        assert_int_equal(reply_pending(r), before - sent);
    }
}

static void expect(struct reply *r, const char *text)
{
    char got[4096];
    size_t n = drain(r, got, 0);
    assert_int_equal(n, strlen(text));
    assert_memory_equal(got, text, n);
    assert_int_equal(reply_memory(r), 0);
}

static void simple_values(void **state)
{
    struct reply r;
    (void)state;
    reply_init(&r);
    reply_ok(&r);
    reply_status(&r, "PONG");
    expect(&r, "+OK\r\n+PONG\r\n");
    reply_int(&r, 0);
    reply_int(&r, 42);
    reply_int(&r, -1);
    reply_int(&r, 123456);
    reply_int(&r, INT64_MAX);
    reply_int(&r, INT64_MIN);
    expect(&r, ":0\r\n:42\r\n:-1\r\n:123456\r\n:9223372036854775807\r\n:-9223372036854775808\r\n");
    reply_bulk(&r, "a\0b", 3);
    char got[64];
    assert_int_equal(drain(&r, got, 0), 9);
    assert_memory_equal(got, "$3\r\na\0b\r\n", 9);
    reply_bulk(&r, NULL, 0);
    reply_cstr(&r, "hello world");
    reply_bulkf(&r, "%d-%s", 7, "x");
    reply_bulk_int(&r, -15);
    expect(&r, "$0\r\n\r\n$11\r\nhello world\r\n$3\r\n7-x\r\n$3\r\n-15\r\n");
    reply_bulk_begin(&r, 4);
    reply_bytes(&r, "ab", 2);
    reply_bytes(&r, "cd", 2);
    reply_bulk_end(&r);
    expect(&r, "$4\r\nabcd\r\n");
    reply_free(&r);
}

static void typed_values(struct reply *r)
{
    reply_null(r);
    reply_null_array(r);
    reply_array(r, 2);
    reply_map(r, 10);
    reply_set(r, 3);
    reply_push(r, 100);
    reply_bool(r, true);
    reply_bool(r, false);
    reply_verbatim(r, "txt", "Some", 4);
}

static void types_fall_back_in_resp2(void **state)
{
    struct reply r;
    (void)state;
    reply_init(&r);
    typed_values(&r);
    expect(&r, "$-1\r\n*-1\r\n*2\r\n*20\r\n*3\r\n*100\r\n:1\r\n:0\r\n$4\r\nSome\r\n");
    r.resp = 3;
    typed_values(&r);
    expect(&r, "_\r\n_\r\n*2\r\n%10\r\n~3\r\n>100\r\n#t\r\n#f\r\n=8\r\ntxt:Some\r\n");
    reply_free(&r);
}

static void doubles(void **state)
{
    struct reply r;
    (void)state;
    reply_init(&r);
    reply_double(&r, 3.141);
    reply_double(&r, 0.1);
    reply_double(&r, 1e17);
    reply_double(&r, INFINITY);
    reply_double(&r, NAN);
    expect(&r, "$5\r\n3.141\r\n$19\r\n0.10000000000000001\r\n$5\r\n1e+17\r\n$3\r\ninf\r\n$3\r\nnan\r\n");
    r.resp = 3;
    reply_double(&r, 3.141);
    reply_double(&r, -INFINITY);
    reply_double(&r, -NAN);
    reply_double(&r, 10);
    expect(&r, ",3.141\r\n,-inf\r\n,nan\r\n,10\r\n");
    reply_free(&r);
}

static void errors_are_one_line_and_counted(void **state)
{
    struct reply r;
    char long_text[3000];
    (void)state;
    reply_init(&r);
    reply_error(&r, "ERR syntax error");
    assert_string_equal(r.last_error, "ERR");
    reply_errorf(&r, "WRONGTYPE %s\n", "a\r\nb");
    assert_string_equal(r.last_error, "WRONGTYPE");
    reply_error(&r, "OOM");
    assert_string_equal(r.last_error, "OOM");
    assert_int_equal(r.errors, 3);
    expect(&r, "-ERR syntax error\r\n-WRONGTYPE a  b\r\n-OOM\r\n");
    memset(long_text, 'x', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    reply_errorf(&r, "%s", long_text);
    assert_int_equal(strlen(r.last_error), sizeof r.last_error - 1);
    assert_int_equal(reply_pending(&r), 1 + sizeof long_text - 1 + 2);
    reply_free(&r);
}

/* Bytes that lie in pieces of seven, and how often they were released. */
struct attached {
    const char *p;
    size_t n;
    int *released;
};

static void count_release(void *owner)
{
    struct attached *a = owner;
    ++*a->released;
    free(a);
}

static const char *piece_of_seven(void *owner, size_t at, size_t *len)
{
    const struct attached *a = owner;
    assert_true(at < a->n);
    *len = 7 - at % 7;
    return a->p + at;
}

static bool attach(struct reply *r, const char *p, size_t n, int *released)
{
    struct attached *a = malloc(sizeof *a);
    *a = (struct attached){p, n, released};
    bool there = reply_attach(r, n, piece_of_seven, count_release, a);
    if (!there)
        free(a);
    return there;
}

static void muted_replies_leave_nothing(void **state)
{
    struct reply r;
    int released = 0;
    (void)state;
    reply_init(&r);
    r.muted = 1;
    reply_ok(&r);
    reply_int(&r, -5);
    reply_bulk(&r, "abc", 3);
    typed_values(&r);
    reply_double(&r, 1.5);
    reply_error(&r, "ERR no");
    assert_false(attach(&r, "abc", 3, &released));
    reply_mark m = reply_defer(&r);
    reply_defer_array(&r, m, 0);
    memset(reply_room(&r, REPLY_ROOM_MAX), 'x', REPLY_ROOM_MAX);
    reply_advance(&r, REPLY_ROOM_MAX);
    assert_int_equal(reply_pending(&r), 0);
    assert_int_equal(reply_memory(&r), 0);
    assert_int_equal(released, 0);
    assert_int_equal(r.errors, 1);
    r.muted = 0;
    reply_ok(&r);
    expect(&r, "+OK\r\n");
    reply_free(&r);
}

static void attachments_leave_in_order_and_are_released_once(void **state)
{
    static const char first[] = "attached", second[] = "another";
    char buf[64], got[256];
    (void)state;
    for (int lent = 0; lent < 2; lent++) {
        for (size_t step = 0; step < 12; step++) {
            struct reply r;
            int one = 0, two = 0;
            reply_init(&r);
            if (lent)
                assert_true(reply_lend(&r, buf, sizeof buf));
            reply_bulk_begin(&r, 8);
            attach(&r, first, 8, &one);
            reply_bulk_end(&r);
            reply_ok(&r);
            attach(&r, second, 7, &two);
            assert_int_equal(reply_pending(&r), 4 + 8 + 2 + 5 + 7);
            assert_true(reply_memory(&r) >= 15);
            if (lent)
                reply_unlend(&r);
            memset(buf, '!', sizeof buf);
            size_t n = drain(&r, got, step);
            assert_int_equal(n, 26);
            assert_memory_equal(got, "$8\r\nattached\r\n+OK\r\nanother", n);
            assert_int_equal(one, 1);
            assert_int_equal(two, 1);
            assert_int_equal(reply_memory(&r), 0);
            reply_free(&r);
        }
    }
    struct reply r;
    int dropped = 0;
    reply_init(&r);
    assert_true(attach(&r, first, 8, &dropped));
    assert_int_equal(dropped, 0);
    reply_free(&r);
    assert_int_equal(dropped, 1);
}

static void aggregates_get_their_length_last(void **state)
{
    struct reply r;
    (void)state;
    reply_init(&r);
    for (int resp = 2; resp <= 3; resp++) {
        r.resp = (uint8_t)resp;
        reply_mark a = reply_defer(&r);
        reply_int(&r, 1);
        reply_mark b = reply_defer(&r);
        reply_mark c = reply_defer(&r);
        reply_int(&r, 2);
        reply_defer_set(&r, c, 1);
        reply_int(&r, 3);
        reply_defer_map(&r, b, 1);
        reply_defer_array(&r, a, 12345);
        assert_int_equal(reply_pending(&r), 8 + 3 * 4 + 2 * 4);
        expect(&r, resp == 2 ? "*12345\r\n:1\r\n*2\r\n*1\r\n:2\r\n:3\r\n" : "*12345\r\n:1\r\n%1\r\n~1\r\n:2\r\n:3\r\n");
    }
    reply_free(&r);
}

static void a_lent_buffer_is_used_and_left(void **state)
{
    struct reply r;
    char buf[64], got[256];
    (void)state;
    reply_init(&r);
    assert_true(reply_lend(&r, buf, sizeof buf));
    reply_ok(&r);
    assert_int_equal(reply_memory(&r), 0);
    assert_memory_equal(buf, "+OK\r\n", 5);
    assert_false(reply_lend(&r, got, sizeof got));
    assert_int_equal(drain(&r, got, 0), 5);
    reply_int(&r, 7); /* begins in the buffer again */
    assert_memory_equal(buf, ":7\r\n", 4);
    reply_sent(&r, 2);
    reply_unlend(&r);
    memset(buf, '!', sizeof buf);
    assert_true(reply_memory(&r) > 0);
    reply_int(&r, 8);
    assert_int_equal(drain(&r, got, 1), 6);
    assert_memory_equal(got, "\r\n:8\r\n", 6);
    assert_int_equal(reply_memory(&r), 0);
    assert_true(reply_lend(&r, buf, sizeof buf));
    reply_unlend(&r);
    assert_int_equal(reply_memory(&r), 0);
    reply_unlend(&r);
    reply_ok(&r);
    expect(&r, "+OK\r\n");
    reply_free(&r);
}

/* One buffer for two replies: the first keeps what it has written, and writes nothing behind that any more. */
static void a_sealed_buffer_is_shared(void **state)
{
    struct reply a, b;
    char buf[64];
    (void)state;
    reply_init(&a);
    reply_init(&b);
    assert_null(reply_seal(&a));
    assert_true(reply_lend(&a, buf, sizeof buf));
    reply_ok(&a);
    const char *end = reply_seal(&a);
    assert_ptr_equal(end, buf + 5);
    assert_true(reply_lend(&b, buf + 5, sizeof buf - 5));
    reply_int(&b, 12);
    reply_int(&a, 34);
    assert_memory_equal(buf, "+OK\r\n:12\r\n", 10);
    assert_ptr_equal(reply_seal(&a), end);
    reply_unlend(&a);
    reply_unlend(&b);
    memset(buf, '!', sizeof buf);
    expect(&a, "+OK\r\n:34\r\n");
    expect(&b, ":12\r\n");
    /* a reply that outgrew its part may use it to the end */
    assert_true(reply_lend(&a, buf, 8));
    reply_bulk(&a, "0123456789", 10);
    assert_ptr_equal(reply_seal(&a), buf + 8);
    reply_unlend(&a);
    expect(&a, "$10\r\n0123456789\r\n");
    reply_free(&a);
    reply_free(&b);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static size_t model_bulk(char *to, const char *p, size_t n)
{
    size_t head = (size_t)sprintf(to, "$%zu\r\n", n);
    memcpy(to + head, p, n);
    memcpy(to + head + n, "\r\n", 2);
    return head + n + 2;
}

/* One random append to the reply and to the model; returns the model's bytes. */
static size_t random_append(struct reply *r, char *to, const char *data, uint64_t *seed, int *attached)
{
    size_t n = next_random(seed) % 3 ? next_random(seed) % 200 : next_random(seed) % 100000;
    const char *p = data + next_random(seed) % 1000;
    char *room;
    switch (next_random(seed) % 6) {
    case 0:
        reply_int(r, (int64_t)n);
        return (size_t)sprintf(to, ":%zu\r\n", n);
    case 1:
        n += n == 0;
        attach(r, p, n, attached);
        --*attached;
        memcpy(to, p, n);
        return n;
    case 2:
        n %= REPLY_ROOM_MAX + 1;
        room = reply_room(r, n);
        memcpy(room, p, n);
        reply_advance(r, n);
        memcpy(to, p, n);
        return n;
    case 3:
        reply_ok(r);
        memcpy(to, "+OK\r\n", 5);
        return 5;
    default:
        reply_bulk(r, p, n);
        return model_bulk(to, p, n);
    }
}

static void random_replies_leave_as_they_came(void **state)
{
    enum { DATA = 101000, TURNS = 8, APPENDS = 20, TOTAL = TURNS * APPENDS * (DATA + 100) };
    char *data = malloc(DATA), *want = malloc(TOTAL), *got = malloc(TOTAL), *lent = malloc(20000);
    (void)state;
    for (size_t i = 0; i < DATA; i++)
        data[i] = (char)('a' + i % 23);
    for (uint64_t s = 1; s <= 40; s++) {
        uint64_t seed = s * 0x9e3779b97f4a7c15u;
        struct reply r;
        size_t want_len = 0, got_len = 0;
        int attached = 0;
        reply_init(&r);
        for (int turn = 0; turn < TURNS; turn++) {
            reply_lend(&r, lent, 1 + next_random(&seed) % 20000);
            for (int i = 0; i < APPENDS; i++)
                want_len += random_append(&r, want + want_len, data, &seed, &attached);
            struct iovec iov[4];
            int k = reply_iov(&r, iov, 4);
            for (int i = 0; i < k && next_random(&seed) % 4; i++) {
                size_t part = next_random(&seed) % 2 ? iov[i].iov_len : next_random(&seed) % iov[i].iov_len;
                memcpy(got + got_len, iov[i].iov_base, part);
                got_len += part;
                reply_sent(&r, part);
                if (part < iov[i].iov_len)
                    break;
            }
            reply_unlend(&r);
            memset(lent, '!', 20000);
            assert_int_equal(reply_pending(&r), want_len - got_len);
        }
        got_len += drain(&r, got + got_len, next_random(&seed) % 5000);
        assert_int_equal(got_len, want_len);
        assert_memory_equal(got, want, got_len);
        assert_int_equal(attached, 0);
        assert_int_equal(reply_memory(&r), 0);
        assert_false(r.failed);
        reply_free(&r);
    }
    free(data);
    free(want);
    free(got);
    free(lent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simple_values),
        cmocka_unit_test(types_fall_back_in_resp2),
        cmocka_unit_test(doubles),
        cmocka_unit_test(errors_are_one_line_and_counted),
        cmocka_unit_test(muted_replies_leave_nothing),
        cmocka_unit_test(attachments_leave_in_order_and_are_released_once),
        cmocka_unit_test(aggregates_get_their_length_last),
        cmocka_unit_test(a_lent_buffer_is_used_and_left),
        cmocka_unit_test(a_sealed_buffer_is_shared),
        cmocka_unit_test(random_replies_leave_as_they_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
