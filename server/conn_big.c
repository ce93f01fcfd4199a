/* Large values on their way in: what is in the buffer is copied to the value's segments, the rest is read from the
 * socket straight into them, a bounded amount a turn so that others are served meanwhile.
 *
 * Where no memory is to be had even after reclaiming, the rest of the value is read and thrown away (io->big is
 * CONN_NO_MEMORY then), and the command it belongs to is answered with the OOM error: the connection lives on. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "server/batch.h"
#include "server/conn_private.h"
#include "server/options.h"
#include "server/server.h"
#include "server/stats.h"
#include "server/store_ctx.h"
#include "server/worker.h"
#include "slab/base/assert.h"
#include "slab/base/log.h"

enum { BIG_RECLAIMS = 64, BIG_IOVS = 16 };

void conn_drop_big(void *worker, void *big)
{
    struct worker *w = worker;
    if (big != (void *)CONN_NO_MEMORY)
        big_free(w->sx, big);
}

static void give_up(struct conn_io *io)
{
    conn_drop_big(io->c.wkr, io->big);
    io->big = CONN_NO_MEMORY;
}

void conn_big_start(struct conn *c, size_t len)
{
    struct conn_io *io = conn_io(c);
    ASSERT(io->big == NULL);
    io->big_left = len;
    /* no chunk is taken yet: what is refused here is too long for maxmemory, and evicting for it would be in vain */
    io->big = big_new(c->wkr->sx, len);
    if (io->big == NULL)
        io->big = CONN_NO_MEMORY;
}

/* Space for the next bytes; 0: there is none, the value has been given up. It is won a few pages at a time, so that
 * STORE_LATER is rare: only where large values are evicted one by one. */
static int space(struct conn_io *io, struct iovec *iov, int max)
{
    struct store_ctx *sx = io->c.wkr->sx;
    for (int tries = 0; tries < BIG_RECLAIMS; tries++) {
        int n = big_iov(sx, io->big, iov, max);
        if (n > 0)
            return n;
        if (store_reclaim(sx) == STORE_SHORT)
            break;
    }
    give_up(io);
    return 0;
}

/* n more bytes are there. */
static void advance(struct conn_io *io, size_t n)
{
    io->big_left -= n;
    if (io->big_left > 0)
        return;
    io->arrived += io->big != CONN_NO_MEMORY ? big_memory(io->big) : 0;
    resp_big_done(&io->parser, io->big);
    io->big = NULL;
    io->bigs = 1;
}

size_t conn_big_feed(struct conn *c, const char *p, size_t n)
{
    struct conn_io *io = conn_io(c);
    size_t took = 0;
    if (n > io->big_left)
        n = io->big_left;
    while (took < n) {
        struct iovec iov;
        size_t part = n - took;
        if (io->big != CONN_NO_MEMORY && space(io, &iov, 1) > 0) {
            part = part < iov.iov_len ? part : iov.iov_len;
            memcpy(iov.iov_base, p + took, part);
            big_filled(io->big, part);
        }
        took += part;
        advance(io, part);
    }
    return took;
}

void conn_big_receive(struct conn *c)
{
    struct conn_io *io = conn_io(c);
    struct batch *b = c->wkr->batch;
    struct iovec iov[BIG_IOVS];
    int niov = io->big == CONN_NO_MEMORY ? 0 : space(io, iov, BIG_IOVS);
    if (niov == 0) {
        if (BATCH_INPUT - b->in_used < BATCH_INPUT_LEAST)
            batch_run(c->wkr);
        if (b->nreq == 0)
            b->in_used = 0; /* nothing points there: room must not be 0, which would look like the end of the stream */
        size_t room = BATCH_INPUT - b->in_used;
        iov[0] = (struct iovec){b->in + b->in_used, room < io->big_left ? room : io->big_left};
        niov = 1;
    }
    ssize_t n = readv(c->fd, iov, niov);
    if (n <= 0) {
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            conn_free(c);
        return;
    }
    stats_add(c->wkr->stats, STATS_READS, 1);
    stats_add(c->wkr->stats, STATS_INPUT_BYTES, (uint64_t)n);
    atomic_store_explicit(&c->active_ms, c->wkr->now_ms, memory_order_relaxed);
    if (io->big != CONN_NO_MEMORY)
        big_filled(io->big, (size_t)n);
    advance(io, (size_t)n);
    conn_finish(c);
}
