/* A connection as the request parser sees it, without a socket: bytes are fed in pieces, commands come out as text.
 *
 * Before every call the bytes are copied to a block of exactly their size, so that a sanitizer sees every byte read
 * beyond them and every pointer kept into them. Shared by the parser's unit test and its fuzzer. */
#ifndef FLAGSTONE_TESTS_UNIT_PROTOCOL_FEED_H
#define FLAGSTONE_TESTS_UNIT_PROTOCOL_FEED_H

#include <stdlib.h>
#include <string.h>

#include "protocol/number.h"
#include "protocol/resp_parse.h"

struct feed_big {
    size_t len, have;
    char bytes[];
};

struct feed {
    struct resp_parser parser;
    struct resp_limits limits;
    struct resp_args args;
    char *buf; /* unconsumed bytes */
    size_t len;
    struct feed_big *big; /* being received */
    char *out;            /* "2 3:GET 1:k;" a command; with a large argument "~" instead of ":" */
    size_t out_len, out_cap;
    uint64_t commands, bigs;
    bool stopped; /* RESP_ERROR or RESP_NOMEM came */
    char error[64];
};

static inline void *feed_alloc(void *old, size_t n)
{
    void *p = realloc(old, n ? n : 1);
    if (!p)
        abort();
    return p;
}

static inline void feed_init(struct feed *f, size_t bulk_max, size_t big_threshold, bool unauthenticated)
{
    memset(f, 0, sizeof *f);
    f->limits = (struct resp_limits){bulk_max, big_threshold, unauthenticated};
}

static inline void feed_out(struct feed *f, const char *p, size_t n)
{
    if (f->out_len + n + 1 > f->out_cap) {
        f->out_cap = 2 * (f->out_len + n + 1);
        f->out = feed_alloc(f->out, f->out_cap);
    }
    if (n > 0)
        memcpy(f->out + f->out_len, p, n);
    f->out_len += n;
    f->out[f->out_len] = '\0';
}

static inline void feed_out_number(struct feed *f, size_t v)
{
    char digits[NUMBER_INT_MAX_CHARS];
    feed_out(f, digits, number_write_u64(digits, v));
}

static inline void feed_command(struct feed *f, const struct arg *argv, size_t argc)
{
    feed_out_number(f, argc);
    for (size_t i = 0; i < argc; i++) {
        struct feed_big *big = argv[i].big;
        feed_out(f, " ", 1);
        feed_out_number(f, argv[i].len);
        feed_out(f, big ? "~" : ":", 1);
        if (big && (argv[i].p || big->len != argv[i].len || big->have != big->len))
            abort();
        feed_out(f, big ? big->bytes : argv[i].p, argv[i].len);
        free(big);
    }
    feed_out(f, ";", 1);
    f->commands++;
}

static inline void feed_drop(void *arg, void *big)
{
    (void)arg;
    free(big);
}

/* The bytes become buf[from .. to) followed by the n bytes at p, in a block of exactly their size. */
static inline void feed_rebuffer(struct feed *f, size_t from, size_t to, const char *p, size_t n)
{
    size_t kept = to - from;
    char *buf = feed_alloc(NULL, kept + n);
    if (kept > 0)
        memcpy(buf, f->buf + from, kept);
    if (n > 0)
        memcpy(buf + kept, p, n);
    free(f->buf);
    f->buf = buf;
    f->len = kept + n;
}

/* Takes what it can of the n bytes for the large argument; returns how many. */
static inline size_t feed_take_big(struct feed *f, const char *p, size_t n)
{
    struct feed_big *big = f->big;
    size_t part = n < big->len - big->have ? n : big->len - big->have;
    if (part > 0)
        memcpy(big->bytes + big->have, p, part);
    big->have += part;
    if (big->have == big->len) {
        f->big = NULL;
        resp_big_done(&f->parser, big);
    }
    return part;
}

static inline void feed_start_big(struct feed *f, size_t at, const struct resp_result *res)
{
    size_t first = at + res->consumed, data = at + res->big_at;
    f->bigs++;
    f->big = feed_alloc(NULL, sizeof *f->big + res->big_len);
    f->big->len = res->big_len;
    f->big->have = 0;
    size_t taken = feed_take_big(f, f->buf + data, f->len - data);
    char *rest = feed_alloc(NULL, f->len - data - taken);
    size_t rest_len = f->len - data - taken;
    memcpy(rest, f->buf + data + taken, rest_len);
    feed_rebuffer(f, first, data, rest, rest_len);
    free(rest);
}

/* Runs what was parsed; bytes before `at` are no longer used. */
static inline void feed_run(struct feed *f, const size_t *argc, size_t n)
{
    size_t first = 0;
    for (size_t i = 0; i < n; i++) {
        feed_command(f, f->args.v + first, argc[i]);
        first += argc[i];
    }
    resp_args_clear(&f->args);
}

/* n more bytes arrive. */
static inline void feed_bytes(struct feed *f, const char *p, size_t n)
{
    enum { BATCH = 16 };
    size_t argc[BATCH], batch = 0, at = 0;
    if (f->stopped)
        return;
    if (f->big) {
        size_t taken = feed_take_big(f, p, n);
        p += taken;
        n -= taken;
    }
    if (f->big)
        return;
    feed_rebuffer(f, 0, f->len, p, n);
    for (;;) {
        struct resp_result res;
        enum resp_status st = resp_parse(&f->parser, &f->limits, f->buf + at, f->len - at, &f->args, &res);
        if (st == RESP_COMMAND) {
            at += res.consumed;
            argc[batch++] = res.argc;
        }
        if (st != RESP_COMMAND || batch == BATCH) {
            feed_run(f, argc, batch);
            batch = 0;
        }
        if (st == RESP_BIG) {
            feed_start_big(f, at, &res);
            at = 0;
            if (f->big)
                return;
        } else if (st != RESP_COMMAND) {
            f->stopped = st != RESP_MORE;
            if (st == RESP_ERROR)
                memcpy(f->error, res.error, sizeof f->error);
            feed_rebuffer(f, st == RESP_MORE ? at + res.consumed : at, f->len, NULL, 0);
            return;
        }
    }
}

static inline void feed_free(struct feed *f)
{
    resp_reset(&f->parser, feed_drop, NULL);
    resp_args_free(&f->args);
    free(f->buf);
    free(f->big);
    free(f->out);
}

#endif
