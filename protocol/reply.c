/* Encoding of replies as RESP2 or RESP3.
 *
 * The replies that nearly every command gives (a bulk string, an integer, OK, null, an array's head) are one check of
 * the window and a few stores; whatever does not fit goes through reply_grow. What a window is: reply_block.c. */
#include "protocol/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "protocol/number.h"
#include "protocol/reply_inline.h"
#include "protocol/reply_private.h"
#include "slab/base/assert.h"

enum { TEXT_ROOM = 1024 }; /* formatted texts up to this need no memory */

static inline void head(struct reply *r, char type, uint64_t n)
{
    if (reply_fits(r, REPLY_HEAD_MAX))
        r->at = reply_write_head(r->at, type, n);
}

static inline void literal(struct reply *r, const char *s, size_t n)
{
    if (LIKELY(reply_fits(r, n))) {
        memcpy(r->at, s, n);
        r->at += n;
    }
}

void reply_bytes(struct reply *r, const void *p, size_t n)
{
    const char *from = p;
    if (r->muted || r->failed)
        return;
    for (;;) {
        size_t room = (size_t)(r->end - r->at), part = n < room ? n : room;
        if (part > 0)
            memcpy(r->at, from, part);
        r->at += part;
        from += part;
        n -= part;
        if (n == 0 || !reply_grow(r, n < REPLY_ROOM_MAX ? n : REPLY_ROOM_MAX))
            return;
    }
}

void reply_bulk(struct reply *r, const void *p, size_t n)
{
    if (LIKELY(reply_bulk_fits(r, p, n)))
        return;
    head(r, '$', n);
    reply_bytes(r, p, n);
    literal(r, "\r\n", 2);
}

void reply_bulk_begin(struct reply *r, size_t n)
{
    head(r, '$', n);
}

void reply_bulk_end(struct reply *r)
{
    literal(r, "\r\n", 2);
}

void reply_ok(struct reply *r)
{
    literal(r, "+OK\r\n", 5);
}

void reply_int(struct reply *r, int64_t v)
{
    if (LIKELY(v >= 0)) {
        head(r, ':', (uint64_t)v);
    } else if (reply_fits(r, REPLY_HEAD_MAX)) {
        *r->at++ = ':';
        r->at = reply_write_head(r->at, '-', 0 - (uint64_t)v);
    }
}

void reply_null(struct reply *r)
{
    if (r->resp == 2)
        literal(r, "$-1\r\n", 5);
    else
        literal(r, "_\r\n", 3);
}

void reply_null_array(struct reply *r)
{
    if (r->resp == 2)
        literal(r, "*-1\r\n", 5);
    else
        literal(r, "_\r\n", 3);
}

void reply_array(struct reply *r, size_t n)
{
    head(r, '*', n);
}

void reply_map(struct reply *r, size_t pairs)
{
    if (r->resp == 2)
        head(r, '*', 2 * (uint64_t)pairs);
    else
        head(r, '%', pairs);
}

void reply_set(struct reply *r, size_t n)
{
    head(r, r->resp == 2 ? '*' : '~', n);
}

void reply_push(struct reply *r, size_t n)
{
    head(r, r->resp == 2 ? '*' : '>', n);
}

void reply_bool(struct reply *r, bool v)
{
    if (r->resp == 2)
        literal(r, v ? ":1\r\n" : ":0\r\n", 4);
    else
        literal(r, v ? "#t\r\n" : "#f\r\n", 4);
}

void reply_status(struct reply *r, const char *s)
{
    literal(r, "+", 1);
    reply_bytes(r, s, strlen(s));
    literal(r, "\r\n", 2);
}

void reply_cstr(struct reply *r, const char *s)
{
    reply_bulk(r, s, strlen(s));
}

void reply_bulk_int(struct reply *r, int64_t v)
{
    char text[NUMBER_INT_MAX_CHARS];
    reply_bulk(r, text, number_write_i64(text, v));
}

void reply_double(struct reply *r, double v)
{
    char text[NUMBER_SHORT_DOUBLE_MAX_CHARS];
    size_t n = number_write_double(text, v);
    if (r->resp == 2) {
        reply_bulk(r, text, n);
        return;
    }
    literal(r, ",", 1);
    reply_bytes(r, text, n);
    literal(r, "\r\n", 2);
}

void reply_verbatim(struct reply *r, const char *ext3, const void *p, size_t n)
{
    if (r->resp == 2) {
        reply_bulk(r, p, n);
        return;
    }
    head(r, '=', (uint64_t)n + 4);
    literal(r, ext3, 3);
    literal(r, ":", 1);
    reply_bytes(r, p, n);
    literal(r, "\r\n", 2);
}

/* ---- errors and formatted texts --------------------------------------------------------------------------------- */

static void remember_code(struct reply *r, const char *s, size_t n)
{
    size_t code = 0;
    while (code < n && s[code] != ' ' && code < sizeof r->last_error - 1)
        code++;
    memcpy(r->last_error, s, code);
    r->last_error[code] = '\0';
    r->errors++;
}

/* Counted even where it is not sent: CLIENT REPLY OFF does not hide errors from the statistics. */
static void error_text(struct reply *r, const char *s, size_t n)
{
    while (n > 0 && (s[n - 1] == '\r' || s[n - 1] == '\n'))
        n--;
    remember_code(r, s, n);
    literal(r, "-", 1);
    while (n > 0) { /* runs between line breaks; each break is a space */
        size_t run = 0;
        while (run < n && s[run] != '\r' && s[run] != '\n')
            run++;
        reply_bytes(r, s, run);
        if (run < n) {
            literal(r, " ", 1);
            run++;
        }
        s += run;
        n -= run;
    }
    literal(r, "\r\n", 2);
}

void reply_error(struct reply *r, const char *s)
{
    error_text(r, s, strlen(s));
}

typedef void (*text_sink)(struct reply *r, const char *s, size_t n);

static void bulk_text(struct reply *r, const char *s, size_t n)
{
    reply_bulk(r, s, n);
}

/* Formats and hands the text to `sink`. With memory short, a long text is cut. */
static void format(struct reply *r, text_sink sink, const char *f, va_list ap) __attribute__((format(printf, 3, 0)));
static void format(struct reply *r, text_sink sink, const char *f, va_list ap)
{
    char room[TEXT_ROOM], *text = room;
    va_list again;
    va_copy(again, ap);
    int len = vsnprintf(room, sizeof room, f, ap);
    size_t n = len < 0 ? 0 : (size_t)len;
    if (n >= sizeof room) {
        text = malloc(n + 1);
        if (text) {
            vsnprintf(text, n + 1, f, again);
        } else {
            text = room;
            n = sizeof room - 1;
        }
    }
    va_end(again);
    sink(r, text, n);
    if (text != room)
        free(text);
}

void reply_errorf(struct reply *r, const char *f, ...)
{
    va_list ap;
    va_start(ap, f);
    format(r, error_text, f, ap);
    va_end(ap);
}

void reply_bulkf(struct reply *r, const char *f, ...)
{
    va_list ap;
    va_start(ap, f);
    format(r, bulk_text, f, ap);
    va_end(ap);
}

/* ---- aggregates whose length comes last -------------------------------------------------------------------------- */

static void defer_end(struct reply *r, reply_mark m, char type, uint64_t n)
{
    char text[REPLY_HEAD_MAX];
    reply_fill_head(r, m, text, (size_t)(reply_write_head(text, type, n) - text));
}

void reply_defer_array(struct reply *r, reply_mark m, size_t n)
{
    defer_end(r, m, '*', n);
}

void reply_defer_map(struct reply *r, reply_mark m, size_t pairs)
{
    if (r->resp == 2)
        defer_end(r, m, '*', 2 * (uint64_t)pairs);
    else
        defer_end(r, m, '%', pairs);
}

void reply_defer_set(struct reply *r, reply_mark m, size_t n)
{
    defer_end(r, m, r->resp == 2 ? '*' : '~', n);
}
