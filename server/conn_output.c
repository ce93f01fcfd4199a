/* How replies go out: one writev after a connection's requests ran. What the socket does not take is kept in the
 * reply's own blocks, and a write event, made for the time being, sends it on.
 *
 * Backpressure: while a connection has much waiting and client memory as a whole is over its share, its further
 * requests stay unread. So clients that read slowly cannot push the server past its limit, and while memory is
 * ample a client may send as long a pipeline as it likes before it reads. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "server/client_room.h"
#include "server/clients.h"
#include "server/conn_private.h"
#include "server/options.h"
#include "server/server.h"
#include "server/stats.h"
#include "server/worker.h"
#include "slab/base/assert.h"
#include "slab/base/log.h"

enum {
    IOVS = 64,
    SHARE_OF_MAXMEMORY = 64,                 /* replies may take 1/64 of maxmemory before backpressure */
    SHARE_WITHOUT_LIMIT = 256 * 1024 * 1024, /* bytes, where there is no maxmemory */
};

static void on_writable(evutil_socket_t fd, short what, void *arg);

/* The event that waits for the socket to take more. */
static void want_write(struct conn *c)
{
    struct conn_io *io = conn_io(c);
    if (io->writable != NULL)
        return;
    io->writable = event_new(c->wkr->base, c->fd, EV_WRITE | EV_PERSIST, on_writable, c);
    if (io->writable == NULL || event_add(io->writable, NULL) != 0) {
        conn_set(c, CONN_CLOSE_ASAP);
        return;
    }
    conn_set(c, CONN_WANTS_WRITE);
}

static void wrote_all(struct conn *c)
{
    struct conn_io *io = conn_io(c);
    if (io->writable == NULL)
        return;
    event_free(io->writable);
    io->writable = NULL;
    c->soft_limit_since_ms = 0;
    conn_clear(c, CONN_WANTS_WRITE);
}

/* One writev. How many bytes went, 0: the socket is full, -1: the connection is broken. */
static ssize_t write_some(struct conn *c)
{
    struct iovec iov[IOVS];
    ssize_t n;
    int niov = reply_iov(&c->out, iov, IOVS);
    do {
        n = niov == 1 ? send(c->fd, iov[0].iov_base, iov[0].iov_len, MSG_NOSIGNAL) : writev(c->fd, iov, niov);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
    stats_add(c->wkr->stats, STATS_WRITES, 1);
    stats_add(c->wkr->stats, STATS_OUTPUT_BYTES, (uint64_t)n);
    reply_sent(&c->out, (size_t)n);
    return n;
}

static void send_pending(struct conn *c)
{
    size_t sent = 0, pending;
    while ((pending = reply_pending(&c->out)) > 0 && sent < CONN_SEND_MAX) {
        ssize_t n = write_some(c);
        if (n < 0) {
            conn_set(c, CONN_CLOSE_ASAP);
            return;
        }
        sent += (size_t)n;
        if ((size_t)n < pending && n == 0)
            break;
    }
    if (pending > 0)
        want_write(c);
    else
        wrote_all(c);
}

void conn_send(struct conn *c)
{
    if (conn_io(c)->writable == NULL && !conn_has(c, CONN_CLOSE_ASAP))
        send_pending(c);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct conn *c = arg;
    (void)fd;
    (void)what;
    ASSERT(c->magic == CONN_MAGIC);
    atomic_store_explicit(&c->active_ms, c->wkr->now_ms, memory_order_relaxed);
    send_pending(c);
    if (!conn_io(c)->in_batch)
        conn_finish(c);
}

bool conn_must_wait(const struct conn *c)
{
    if (UNLIKELY(conn_has(c, CONN_PUBLISHER)))
        return true;
    size_t pending = reply_pending(&c->out);
    if (LIKELY(pending == 0))
        return false;
    const struct server *s = c->wkr->srv;
    size_t limit = (size_t)OPT(s->opt, maxmemory);
    size_t share = limit == 0 ? SHARE_WITHOUT_LIMIT : limit / SHARE_OF_MAXMEMORY;
    size_t sum = 0;
    for (int i = 0; i < s->nworkers; i++)
        sum += atomic_load_explicit(&s->workers[i]->clients.memory_normal, memory_order_relaxed);
    if (pending < CONN_PENDING_SMALL)
        return sum > share; /* then nobody gets more before what he has is read */
    return sum + reply_memory(&c->out) > share;
}

static bool over_output_limit(struct conn *c, int64_t now_ms)
{
    struct output_limit *lim = &c->wkr->srv->opt->output_limit[conn_has(c, CONN_PUBSUB) ? CLASS_PUBSUB : CLASS_NORMAL];
    size_t hard = (size_t)atomic_load_explicit(&lim->hard_bytes, memory_order_relaxed);
    size_t soft = (size_t)atomic_load_explicit(&lim->soft_bytes, memory_order_relaxed);
    int64_t soft_ms = atomic_load_explicit(&lim->soft_seconds, memory_order_relaxed) * 1000;
    size_t used = reply_memory(&c->out);
    if (hard != 0 && used >= hard)
        return true;
    if (soft == 0 || used < soft) {
        c->soft_limit_since_ms = 0;
        return false;
    }
    if (c->soft_limit_since_ms == 0)
        c->soft_limit_since_ms = now_ms;
    return now_ms - c->soft_limit_since_ms > soft_ms;
}

/* Logs and counts a connection that is closed for a limit of its own; once, though it is checked again until it is
 * freed. */
static void closed_for(struct conn *c, enum stats_counter counter, const char *why)
{
    char line[CLIENTS_LINE_MAX];
    if (conn_has(c, CONN_CLOSE_ASAP))
        return;
    conn_account(c);
    clients_line(c, c->wkr->now_ms, line, sizeof line);
    log_line(LOG_WARNING, why, line);
    stats_add(c->wkr->stats, counter, 1);
    conn_set(c, CONN_CLOSE_ASAP);
}

void conn_close_over_limit(struct conn *c)
{
    closed_for(c, STATS_OUTPUT_LIMIT_CLOSED,
               "Client %s scheduled to be closed ASAP for overcoming of output buffer limits.");
}

void conn_check_limits(struct conn *c)
{
    if (UNLIKELY(c->out.failed))
        conn_set(c, CONN_CLOSE_ASAP);
    else if (reply_pending(&c->out) > 0 && over_output_limit(c, c->wkr->now_ms))
        conn_close_over_limit(c);
    else if (reply_pending(&c->out) > 0 && client_room_burst(c))
        closed_for(c, STATS_CLIENTS_EVICTED, "Client %s closed: memory is short, and clients hold too much of it.");
    else if (UNLIKELY(conn_io(c)->in_len > 0 || conn_io(c)->big != NULL || conn_io(c)->txn != NULL) &&
             conn_over_input_limit(c))
        closed_for(c, STATS_QUERY_LIMIT_CLOSED, "Closing client that reached max query buffer length: %s");
}

void conn_finish(struct conn *c)
{
    struct conn_io *io = conn_io(c);
    conn_send(c);
    reply_unlend(&c->out);
    conn_account(c);
    conn_check_limits(c);
    if (conn_has(c, CONN_CLOSE_ASAP | CONN_KILLED) || (conn_has(c, CONN_CLOSE_AFTER_REPLY) && conn_is_drained(c))) {
        conn_free(c);
        return;
    }
    if (UNLIKELY(conn_has(c, CONN_CLOSE_AFTER_REPLY) || io->parked != NULL || conn_has(c, CONN_BLOCKED))) {
        conn_hold(c);
    } else if (UNLIKELY(conn_must_wait(c))) {
        io->waiting = true;
        conn_hold(c);
    } else if (UNLIKELY(io->waiting)) {
        conn_resume(c);
    }
}
