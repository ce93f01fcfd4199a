/* How bytes come in: one read a turn, into the worker's shared buffer, parsed there in place.
 *
 * What is left unparsed moves to the connection's own buffer (`in`), so an idle connection has none. At the next read
 * a short rest is copied in front of the new bytes in the shared buffer; a long one (many arguments arriving in
 * small pieces) stays and grows where it is, so that no byte is copied again and again.
 * Bytes that a request in the batch points to never move before the batch has run: in the shared buffer later
 * connections read behind them, and the own buffer of a connection in the batch is left alone. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "server/batch.h"
#include "server/conn_private.h"
#include "server/options.h"
#include "server/quick.h"
#include "server/server.h"
#include "server/stats.h"
#include "server/txn.h"
#include "server/worker.h"
#include "slab/base/assert.h"
#include "slab/base/log.h"

enum {
    REST_SHORT = 16 * 1024, /* a rest up to this is copied to the shared buffer */
    IN_GROW_MIN = 16 * 1024,
    BIG_THRESHOLD = 64 * 1024, /* from here on values are received into their segments; above the longest key */
    CONN_STOPS = CONN_CLOSE_ASAP | CONN_CLOSE_AFTER_REPLY | CONN_KILLED | CONN_BLOCKED,
};

static_assert((int)BIG_THRESHOLD > (int)STORE_KEY_MAX, "a key is never received as a large value");

static struct resp_limits limits_of(const struct conn *c)
{
    return (struct resp_limits){
        .bulk_max = (size_t)OPT(c->wkr->srv->opt, proto_max_bulk_len),
        .big_threshold = BIG_THRESHOLD,
        .unauthenticated = !conn_has(c, CONN_AUTHENTICATED),
    };
}

/* After a batch in the middle of its input: may no more of the connection be executed now? */
static bool stops(struct conn *c)
{
    struct conn_io *io = conn_io(c);
    if (reply_pending(&c->out) > CONN_SENT_NOW || conn_has(c, CONN_PUBLISHER)) {
        conn_send(c);
        conn_check_limits(c);
        io->waiting = conn_must_wait(c);
    }
    return conn_has(c, CONN_STOPS) || io->parked != NULL || io->waiting;
}

static void protocol_error(struct conn *c, const char *error)
{
    struct worker *w = c->wkr;
    batch_run(w); /* what came before is answered first */
    stats_add(w->stats, STATS_PROTOCOL_ERRORS, 1);
    if (conn_has(c, CONN_CLOSE_ASAP))
        return;
    log_line(LOG_VERBOSE, "Protocol error from client id=%llu: %s", (unsigned long long)c->id, error);
    reply_error(&c->out, error);
    stats_error(w->stats, c->out.last_error);
    conn_set(c, CONN_CLOSE_AFTER_REPLY);
}

/* A large value begins at buf[at + big_at]. Takes what is there of it and returns where parsing goes on: the bytes kept
 * from before it now stand directly in front of those behind it. */
static size_t big_begins(struct conn *c, char *buf, size_t at, size_t *len, const struct resp_result *res)
{
    struct conn_io *io = conn_io(c);
    size_t kept = res->big_at - res->consumed, value = at + res->big_at;
    conn_big_start(c, res->big_len);
    size_t took = conn_big_feed(c, buf + value, *len - value);
    if (io->big != NULL) { /* not all of it is here */
        *len = value;
        return at + res->consumed;
    }
    memmove(buf + value + took - kept, buf + at + res->consumed, kept);
    return value + took - kept;
}

/* Runs the full batch in the middle of a connection's input; false: no more of it may be executed now. */
static bool run_full(struct conn *c, struct resp_limits *lim)
{
    batch_run(c->wkr);
    if (stops(c))
        return false;
    *lim = limits_of(c);
    return true;
}

/* Parses the bytes buf[0 .. len), and runs them by batches; the connection may be gone when it returns. */
static void parse_and_batch(struct conn *c, char *buf, size_t len)
{
    struct conn_io *io = conn_io(c);
    struct worker *w = c->wkr;
    struct batch *b = w->batch;
    size_t at = 0;
    batch_open(w, c);
    struct resp_limits lim = limits_of(c);
    while (at < len) {
        struct resp_result res;
        bool full = false;
        if (resp_is_fresh(&io->parser) && !lim.unauthenticated)
            at += quick_parse(w, c, buf + at, len - at, resp_bulk_max(&lim), &full);
        if (full ? !run_full(c, &lim) : at == len)
            break;
        if (full)
            continue;
        enum resp_status st = resp_parse(&io->parser, &lim, buf + at, len - at, &b->args, &res);
        at += st == RESP_BIG ? 0 : res.consumed;
        if (st == RESP_COMMAND) {
            bool has_big = io->bigs != 0;
            io->bigs = 0;
            io->arrived = 0;
            if ((batch_add(w, c, &res, has_big) || lim.unauthenticated) && !run_full(c, &lim))
                break;
        } else if (st == RESP_BIG) {
            at = big_begins(c, buf, at, &len, &res);
            if (io->big != NULL)
                break;
        } else {
            if (st == RESP_ERROR)
                protocol_error(c, res.error);
            else if (st == RESP_NOMEM)
                conn_set(c, CONN_CLOSE_ASAP);
            break;
        }
    }
    batch_close(w, buf + at, len - at);
}

void conn_keep_tail(struct conn *c, const char *p, size_t n)
{
    struct conn_io *io = conn_io(c);
    if (n == 0 || conn_has(c, CONN_STOPS)) {
        if (UNLIKELY(io->in != NULL)) /* seldom, and a call for nothing is a fiftieth of a turn */
            free(io->in);
        io->in = NULL;
        io->in_len = io->in_cap = 0;
        return;
    }
    if (p >= io->in && p < io->in + io->in_cap) {
        if (p != io->in)
            memmove(io->in, p, n);
    } else {
        if (io->in_cap < n) {
            free(io->in);
            io->in = malloc(n);
            io->in_cap = io->in == NULL ? 0 : n;
        }
        if (io->in == NULL) {
            io->in_len = 0;
            conn_set(c, CONN_CLOSE_ASAP);
            return;
        }
        memcpy(io->in, p, n);
    }
    io->in_len = n;
}

bool conn_over_input_limit(const struct conn *c)
{
    const struct conn_io *io = (const struct conn_io *)(const void *)c;
    size_t n = io->in_len + resp_memory(&io->parser);
    if (io->big != NULL && io->big != CONN_NO_MEMORY)
        n += big_memory(io->big);
    if (io->txn != NULL)
        n += io->txn->bytes;
    return n > (size_t)OPT(c->wkr->srv->opt, client_query_buffer_limit);
}

/* Counts what read() gave. False: nothing came; the connection is gone where that means its end. */
static bool received(struct conn *c, ssize_t n)
{
    if (n <= 0) {
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            conn_free(c);
        return false;
    }
    stats_add(c->wkr->stats, STATS_READS, 1);
    stats_add(c->wkr->stats, STATS_INPUT_BYTES, (uint64_t)n);
    atomic_store_explicit(&c->active_ms, c->wkr->now_ms, memory_order_relaxed);
    return true;
}

/* Makes room behind a long rest; it doubles, so that copying stays linear. */
static bool grow_own_buffer(struct conn_io *io)
{
    size_t need = resp_need(&io->parser);
    size_t cap = io->in_len + IN_GROW_MIN;
    if (cap < need)
        cap = need;
    if (io->in_cap >= cap)
        return true;
    if (cap < io->in_cap * 2)
        cap = io->in_cap * 2;
    char *in = realloc(io->in, cap);
    if (in == NULL)
        return false;
    io->in = in;
    io->in_cap = cap;
    return true;
}

static void read_behind_rest(struct conn *c)
{
    struct conn_io *io = conn_io(c);
    if (!grow_own_buffer(io)) {
        conn_free(c);
        return;
    }
    ssize_t n = recv(c->fd, io->in + io->in_len, io->in_cap - io->in_len, 0);
    if (!received(c, n))
        return;
    io->in_len += (size_t)n;
    parse_and_batch(c, io->in, io->in_len);
}

static void read_shared(struct conn *c)
{
    struct conn_io *io = conn_io(c);
    struct batch *b = c->wkr->batch;
    if (BATCH_INPUT - b->in_used < io->in_len + BATCH_INPUT_LEAST)
        batch_run(c->wkr);
    if (b->nreq == 0)
        b->in_used = 0;
    char *buf = b->in + b->in_used;
    size_t rest = io->in_len;
    ssize_t n = recv(c->fd, buf + rest, BATCH_INPUT - b->in_used - rest, 0);
    if (!received(c, n))
        return;
    if (rest > 0)
        memcpy(buf, io->in, rest);
    size_t len = rest + (size_t)n;
    b->in_used += len;
    atomic_store_explicit(&c->input_bytes, (uint32_t)len, memory_order_relaxed);
    parse_and_batch(c, buf, len);
}

/* Goes on with what was left unparsed when the connection had to wait. */
static void parse_rest(struct conn *c)
{
    struct conn_io *io = conn_io(c);
    io->waiting = false;
    conn_unhold(c);
    if (io->in_len > 0 && io->big == NULL)
        parse_and_batch(c, io->in, io->in_len);
}

void conn_on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct conn *c = arg;
    struct conn_io *io = conn_io(c);
    (void)fd;
    ASSERT(c->magic == CONN_MAGIC);
    if (io->in_batch) { /* it went on earlier in this turn; its bytes are still there in the next */
        if ((what & EV_TIMEOUT) != 0)
            conn_resume(c);
        return;
    }
    worker_turn(c->wkr);
    if ((what & EV_TIMEOUT) != 0)
        parse_rest(c);
    else if (io->big != NULL)
        conn_big_receive(c);
    else if (io->in_len > REST_SHORT)
        read_behind_rest(c);
    else
        read_shared(c);
}

void conn_resume(struct conn *c)
{
    event_active(&conn_io(c)->readable, EV_TIMEOUT, 0);
}
