/* The request parser.
 *
 * A command that lies wholly in the buffer and is plain, nearly every one, is parsed by quick_array: one pass straight
 * into the worker's arguments, a few comparisons a length, no byte of a bulk string looked at, nothing remembered.
 * Where anything is unusual, that gives up and the command is parsed from its start by the code that knows all cases.
 *
 * A command that is cut off is remembered so that no call does work again that grows with what is there:
 *  - `need`: until so many bytes are there, a call is one comparison;
 *  - `scanned`: the line at `line`, which has no end yet, is searched on from there;
 *  - up to RESCAN_ARGS arguments are parsed again from the start, which is cheaper than remembering them;
 *  - more, or one that is received elsewhere (RESP_BIG), are kept as offsets in a `resp_partial` until the command is
 *    complete, and then are put before those that the last call found.
 * All offsets count from the first unconsumed byte, which is where an unfinished command begins, so the bytes may move.
 *
 *   buf:  *3 CRLF $3 CRLF SET CRLF $1 CRLF k CRLF $100000 CRLF | the connection's ...  | CRLF *1 ...
 *         ^ consumed                                           ^ big_at                ^ parsing goes on at big_at
 *
 * What follows a length or a bulk string is taken to be its line end without looking, as Redis does. */
#include "protocol/resp_parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/number.h"
#include "protocol/resp_inline_private.h"
#include "protocol/resp_line.h"
#include "slab/base/assert.h"

enum {
    QUICK_ARGS = 64, /* a longer command is not parsed twice */
    RESCAN_ARGS = 8,
    ARGS_CAP_MIN = 256,
    ARGS_CAP_KEEP = 32 * 1024 /* a larger array is given back after its batch */
};

/* An argument of an unfinished command. */
struct kept_arg {
    size_t off, len;
    void *big;
};

struct resp_partial {
    size_t at;      /* where parsing goes on */
    uint32_t left;  /* arguments to come */
    uint32_t n;     /* arguments in v */
    size_t cap;     /* room in v */
    size_t big_len; /* of the bulk string that the connection is receiving; 0: none */
    struct kept_arg v[];
};

/* What a call works with. */
struct pass {
    struct resp_parser *ps;
    const struct resp_limits *lim;
    struct resp_args *args;
    struct resp_result *res;
    const char *base; /* the first unconsumed byte */
    const char *p;    /* where parsing goes on */
    const char *end;
    uint32_t left;  /* arguments to come */
    uint32_t known; /* arguments before those of this call */
};

/* ---- the arguments of a batch ------------------------------------------------------------------------------------ */

bool resp_args_grow(struct resp_args *args, size_t n)
{
    size_t cap = args->cap ? args->cap : ARGS_CAP_MIN;
    while (cap < args->n + n)
        cap *= 2;
    if (cap == args->cap)
        return true;
    struct arg *v = realloc(args->v, cap * sizeof *v);
    if (!v)
        return false;
    args->v = v;
    args->cap = cap;
    return true;
}

void resp_args_clear(struct resp_args *args)
{
    args->n = 0;
    if (args->cap > ARGS_CAP_KEEP)
        resp_args_free(args);
}

void resp_args_free(struct resp_args *args)
{
    free(args->v);
    *args = (struct resp_args){NULL, 0, 0};
}

/* ---- remembering an unfinished command --------------------------------------------------------------------------- */

static enum resp_status nomem(struct pass *x)
{
    x->args->n = x->res->first;
    return RESP_NOMEM;
}

static enum resp_status fail(struct pass *x, const char *text)
{
    x->args->n = x->res->first;
    snprintf(x->res->error, sizeof x->res->error, "ERR Protocol error: %s", text);
    return RESP_ERROR;
}

/* Moves the arguments that this call found to the partial command, with room for `more`. */
static bool keep(struct pass *x, uint32_t more)
{
    struct resp_partial *pa = x->ps->partial;
    size_t found = x->args->n - x->res->first, have = pa ? pa->n : 0, cap = pa ? pa->cap : 0;
    if (!pa || have + found + more > cap) {
        cap = 2 * (have + found + more);
        struct resp_partial *grown = realloc(pa, sizeof *pa + cap * sizeof pa->v[0]);
        if (!grown)
            return false;
        if (!pa)
            *grown = (struct resp_partial){0};
        grown->cap = cap;
        x->ps->partial = pa = grown;
    }
    const struct arg *from = x->args->v + x->res->first;
    for (size_t i = 0; i < found; i++)
        pa->v[have + i] = (struct kept_arg){(size_t)(from[i].p - x->base), from[i].len, NULL};
    pa->n = (uint32_t)(have + found);
    pa->left = x->left;
    pa->at = (size_t)(x->p - x->base);
    x->args->n = x->res->first;
    return true;
}

/* Puts the arguments of the partial command before those that this call found, and forgets it. */
static bool restore(struct pass *x)
{
    struct resp_partial *pa = x->ps->partial;
    struct resp_args *args = x->args;
    size_t found = args->n - x->res->first;
    if (args->cap - args->n < pa->n && !resp_args_grow(args, pa->n))
        return false;
    struct arg *to = args->v + x->res->first;
    memmove(to + pa->n, to, found * sizeof *to);
    for (uint32_t i = 0; i < pa->n; i++) {
        const struct kept_arg *k = &pa->v[i];
        to[i] = (struct arg){k->big ? NULL : x->base + k->off, k->len, k->big};
    }
    args->n += pa->n;
    free(pa);
    x->ps->partial = NULL;
    return true;
}

/* ---- lengths ----------------------------------------------------------------------------------------------------- */

/* Finds the CR of the line at x->p: RESP_COMMAND with *cr, once the byte behind it is there too. */
static enum resp_status line_end(struct pass *x, const char *too_long, const char **cr)
{
    struct resp_parser *ps = x->ps;
    size_t start = (size_t)(x->p - x->base), have = (size_t)(x->end - x->base);
    size_t from = ps->line == start && ps->scanned > start ? ps->scanned : start;
    size_t stop = have - start > RESP_LINE_MAX + 1 ? start + RESP_LINE_MAX + 1 : have;
    *cr = from < stop ? memchr(x->base + from, '\r', stop - from) : NULL;
    if (!*cr && stop - start > RESP_LINE_MAX)
        return fail(x, too_long);
    if (!*cr || *cr + 1 == x->end) {
        ps->line = start;
        ps->scanned = *cr ? (size_t)(*cr - x->base) : stop;
        ps->need = have + 1;
        return RESP_MORE;
    }
    return RESP_COMMAND;
}

static enum resp_status wrong_type(struct pass *x)
{
    char text[32];
    char got = *x->p;
    bool breaks = got == '\r' || got == '\n' || got == '\0'; /* the reply is one line of text */
    snprintf(text, sizeof text, "expected '$', got '%c'", breaks ? ' ' : got);
    return fail(x, text);
}

/* Reads the line "$<length>" at x->p the plain way. RESP_COMMAND: *v, and x->p is behind it. */
static enum resp_status bulk_length(struct pass *x, size_t *v)
{
    const char *cr;
    int64_t n;
    enum resp_status st = line_end(x, "too big bulk count string", &cr);
    if (st != RESP_COMMAND)
        return st;
    if (*x->p != '$')
        return wrong_type(x);
    if (!number_parse_i64(x->p + 1, (size_t)(cr - x->p) - 1, &n) || n < 0)
        return fail(x, "invalid bulk length");
    *v = (size_t)n;
    x->p = cr + 2;
    return RESP_COMMAND;
}

/* Reads the line "*<count>" at x->p. RESP_COMMAND: *v, at most RESP_ARGS_MAX, and x->p is behind it. */
static enum resp_status array_length(struct pass *x, int64_t *v)
{
    const char *cr;
    size_t n, digits = resp_short_number(x->p + 1, x->end, &n);
    if (LIKELY(digits > 0)) {
        *v = (int64_t)n;
        x->p += 1 + digits + 2;
    } else {
        enum resp_status st = line_end(x, "too big mbulk count string", &cr);
        if (st != RESP_COMMAND)
            return st;
        if (!number_parse_i64(x->p + 1, (size_t)(cr - x->p) - 1, v))
            return fail(x, "invalid multibulk length");
        x->p = cr + 2;
    }
    if (UNLIKELY(*v > RESP_ARGS_MAX))
        return fail(x, "invalid multibulk length");
    if (UNLIKELY(x->lim->unauthenticated && *v > RESP_UNAUTH_ARGS_MAX))
        return fail(x, "unauthenticated multibulk length");
    return RESP_COMMAND;
}

/* ---- commands ---------------------------------------------------------------------------------------------------- */

/* The bulk string at x->p, n bytes long, goes to the connection. */
static enum resp_status start_big(struct pass *x, size_t n)
{
    if (!keep(x, 1))
        return nomem(x);
    x->ps->partial->big_len = n;
    x->res->big_len = n;
    x->res->big_at = x->res->consumed + (size_t)(x->p - x->base);
    return RESP_BIG;
}

/* Parses the arguments to come. RESP_COMMAND: there are none left. Otherwise x->p is at the argument that it ended at
 * (RESP_BIG: at its first byte). */
static enum resp_status read_bulks(struct pass *x)
{
    struct resp_args *args = x->args;
    const struct resp_limits *lim = x->lim;
    while (x->left > 0) {
        const char *start = x->p;
        size_t n = 0, digits = 0;
        if (LIKELY(x->end - start > 1 && *start == '$'))
            digits = resp_short_number(start + 1, x->end, &n);
        if (LIKELY(digits > 0)) {
            x->p = start + 1 + digits + 2;
        } else {
            enum resp_status st = bulk_length(x, &n);
            if (st != RESP_COMMAND)
                return st;
        }
        if (UNLIKELY(n > lim->bulk_max))
            return fail(x, "invalid bulk length");
        if (UNLIKELY(lim->unauthenticated && n > RESP_UNAUTH_BULK_MAX))
            return fail(x, "unauthenticated bulk length");
        if (UNLIKELY(n >= lim->big_threshold && x->known + (args->n - x->res->first) > 0))
            return start_big(x, n);
        if (UNLIKELY((size_t)(x->end - x->p) < n + 2)) {
            x->ps->need = (size_t)(x->p - x->base) + n + 2;
            x->p = start;
            return RESP_MORE;
        }
        if (UNLIKELY(args->n == args->cap && !resp_args_grow(args, 1)))
            return nomem(x);
        args->v[args->n++] = (struct arg){x->p, n, NULL};
        x->p += n + 2;
        x->left--;
    }
    return RESP_COMMAND;
}

/* Parses a whole and plain array at p: returns the position behind it, its arguments are appended to `args`. NULL for
 * any other, and nothing has happened. */
static inline const char *quick_array(const char *p, const char *end, const struct resp_limits *lim,
                                      struct resp_args *args)
{
    size_t count, n, bulk_max = resp_bulk_max(lim);
    p = resp_short_line(p, end, &count);
    if (UNLIKELY(!p || lim->unauthenticated || count - 1 >= QUICK_ARGS))
        return NULL;
    if (UNLIKELY(args->cap - args->n < count && !resp_args_grow(args, count)))
        return NULL;
    struct arg *v = args->v + args->n;
    for (size_t i = 0; i < count; i++, v++) {
        if (UNLIKELY(p >= end || *p != '$'))
            return NULL;
        p = resp_short_line(p, end, &n);
        if (UNLIKELY(!p || n > bulk_max || (size_t)(end - p) < n + 2))
            return NULL;
        *v = (struct arg){p, n, NULL};
        p += n + 2;
    }
    args->n += count;
    return p;
}

/* A RESP array. RESP_COMMAND with no argument: an empty one. */
static enum resp_status read_array(struct pass *x)
{
    int64_t n;
    enum resp_status st = array_length(x, &n);
    if (st != RESP_COMMAND || n <= 0)
        return st;
    x->left = (uint32_t)n;
    st = read_bulks(x);
    if (st != RESP_MORE)
        return st;
    if (x->args->n - x->res->first > RESCAN_ARGS)
        return keep(x, 0) ? RESP_MORE : nomem(x);
    x->args->n = x->res->first;
    return RESP_MORE;
}

/* An inline request. RESP_COMMAND with no argument: a blank line. */
static enum resp_status read_inline(struct pass *x)
{
    struct resp_parser *ps = x->ps;
    size_t have = (size_t)(x->end - x->p);
    size_t stop = have > RESP_LINE_MAX + 1 ? RESP_LINE_MAX + 1 : have;
    ASSERT(ps->line == 0);
    const char *lf = ps->scanned < stop ? memchr(x->p + ps->scanned, '\n', stop - ps->scanned) : NULL;
    if (!lf) {
        if (stop > RESP_LINE_MAX)
            return fail(x, "too big inline request");
        ps->scanned = stop;
        ps->need = stop + 1;
        return RESP_MORE;
    }
    size_t n = (size_t)(lf - x->p);
    if (n > 0 && lf[-1] == '\r')
        n--;
    switch (resp_inline_split((char *)(uintptr_t)x->p, n, x->args)) {
    case INLINE_UNBALANCED:
        return fail(x, "unbalanced quotes in request");
    case INLINE_NOMEM:
        return nomem(x);
    case INLINE_OK:
        break;
    }
    x->p = lf + 1;
    return RESP_COMMAND;
}

/* Goes on with a command that earlier calls have begun. */
static enum resp_status resume(struct pass *x)
{
    struct resp_partial *pa = x->ps->partial;
    ASSERT(pa->big_len == 0);
    x->p = x->base + pa->at;
    x->left = pa->left;
    x->known = pa->n;
    enum resp_status st = read_bulks(x);
    if (st == RESP_MORE)
        return keep(x, 0) ? RESP_MORE : nomem(x);
    if (st == RESP_COMMAND && !restore(x))
        return nomem(x);
    return st;
}

/* Any command, however it comes. */
static enum resp_status parse_any(struct pass *x, const char *buf)
{
    struct resp_parser *ps = x->ps;
    struct resp_result *res = x->res;
    while (x->p < x->end) {
        enum resp_status st;
        ps->need = 0;
        if (ps->partial)
            st = resume(x);
        else if (*x->p == '*')
            st = read_array(x);
        else
            st = read_inline(x);
        if (st != RESP_COMMAND)
            return st;
        ps->line = ps->scanned = 0;
        res->consumed = (size_t)(x->p - buf);
        res->argc = (uint32_t)(x->args->n - res->first);
        if (res->argc > 0)
            return RESP_COMMAND;
        x->base = x->p; /* an empty request */
    }
    return RESP_MORE;
}

enum resp_status resp_parse(struct resp_parser *ps, const struct resp_limits *lim, char *buf, size_t len,
                            struct resp_args *args, struct resp_result *res)
{
    res->consumed = 0;
    res->first = args->n;
    if (len == 0 || len < ps->need)
        return RESP_MORE;
    if (LIKELY(*buf == '*' && !ps->partial)) {
        const char *behind = quick_array(buf, buf + len, lim, args);
        if (LIKELY(behind != NULL)) {
            ps->need = ps->line = ps->scanned = 0;
            res->consumed = (size_t)(behind - buf);
            res->argc = (uint32_t)(args->n - res->first);
            return RESP_COMMAND;
        }
    }
    struct pass x = {ps, lim, args, res, buf, buf, buf + len, 0, 0};
    return parse_any(&x, buf);
}

void resp_big_done(struct resp_parser *ps, void *big)
{
    struct resp_partial *pa = ps->partial;
    REQUIRE(pa->big_len > 0 && pa->n < pa->cap && big);
    pa->v[pa->n++] = (struct kept_arg){0, pa->big_len, big};
    pa->left--;
    pa->big_len = 0;
    pa->at += 2; /* its line end, which the buffer may not hold yet */
    ps->need = pa->at;
}

void resp_reset(struct resp_parser *ps, resp_drop drop, void *arg)
{
    struct resp_partial *pa = ps->partial;
    for (uint32_t i = 0; pa && i < pa->n; i++) {
        if (pa->v[i].big)
            drop(arg, pa->v[i].big);
    }
    free(pa);
    *ps = (struct resp_parser){NULL, 0, 0, 0};
}

size_t resp_memory(const struct resp_parser *ps)
{
    const struct resp_partial *pa = ps->partial;
    return pa ? sizeof *pa + pa->cap * sizeof pa->v[0] : 0;
}
