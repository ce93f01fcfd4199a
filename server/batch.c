/* The batch, and where the speed of pipelines comes from.
 *
 *     parse      find the command, hash its keys                             as requests come in (dispatch_prepare)
 *     stage 1    prefetch a key's table                                      some keys ahead (ahead.h)
 *     stage 2    prefetch a key's item, its first line and then the others   the same, some keys nearer
 *     stage 3    execute in order                                            connection by connection
 *     stage 4    send each connection's replies, once a connection           one connection after the other
 *
 * So the cache misses of neighbouring requests overlap with each other and with what is executed meanwhile.
 * Invariants: groups are in the order of their requests. Only the last group may be open. Arguments point into `in` or
 * into a connection's own buffer, and neither moves before the batch has run. The one reply buffer is cut into parts:
 * each group that has run keeps what its replies take until they are sent, the next one is lent what is left.
 * Sending comes last because a client that wakes for a reply costs as much as executing some hundred requests: one
 * that is still awake for the reply before costs nothing. */
#include "server/batch.h"

#include <stdlib.h>

#include "server/acl.h"
#include "server/conn_private.h"
#include "server/gate.h"
#include "server/options.h"
#include "server/pubsub.h"
#include "server/quick.h"
#include "server/server.h"
#include "server/stats.h"
#include "server/store_ctx.h"
#include "server/worker.h"
#include "slab/base/assert.h"

struct batch *batch_new(void)
{
    struct batch *b = calloc(1, sizeof *b);
    if (b == NULL)
        return NULL;
    b->in = malloc(BATCH_INPUT);
    b->out = malloc(BATCH_OUTPUT);
    if (b->in == NULL || b->out == NULL) {
        batch_free(b);
        return NULL;
    }
    return b;
}

void batch_free(struct batch *b)
{
    if (b == NULL)
        return;
    resp_args_free(&b->args);
    free(b->keys.v);
    free(b->in);
    free(b->out);
    free(b);
}

void batch_open(struct worker *w, struct conn *c)
{
    struct batch *b = w->batch;
    ASSERT(!b->open && !conn_io(c)->in_batch && b->nreq < BATCH_REQUESTS);
    b->group[b->ngroups++] = (struct batch_group){.conn = c};
    b->open = true;
    conn_io(c)->in_batch = true;
}

bool batch_add(struct worker *w, struct conn *c, const struct resp_result *res, bool has_big)
{
    struct batch *b = w->batch;
    ASSERT(b->open && b->group[b->ngroups - 1].conn == c);
    struct request *r = &b->req[b->nreq++];
    b->group[b->ngroups - 1].n++;
    r->first = (uint32_t)res->first;
    r->argc = res->argc;
    r->has_big = has_big;
    r->quick = false;
    dispatch_prepare(w, c, r, b->args.v + r->first, &b->keys);
    b->expected += conn_io(c)->reply_mean;
    return batch_is_full(b);
}

/* The group's connection has nothing more to run in this batch. */
static void group_finish(struct batch_group *g)
{
    struct conn *c = g->conn;
    conn_io(c)->in_batch = false;
    conn_keep_tail(c, g->tail, g->tail_len);
    /* What the socket does not take is copied out of the lent buffer there. */
    conn_finish(c);
}

void batch_close(struct worker *w, const char *tail, size_t n)
{
    struct batch *b = w->batch;
    struct batch_group *g = &b->group[b->ngroups - 1];
    ASSERT(b->open);
    b->open = false;
    g->tail = tail;
    g->tail_len = n;
    if (g->n == 0) {
        struct batch_group done = *g;
        if (--b->ngroups == 0)
            b->out_used = 0; /* what it has there is sent now, or copied out */
        group_finish(&done);
    } else if (b->nreq == BATCH_REQUESTS) {
        batch_run(w);
    }
}

/* Sends the replies of those groups that have run, up to `end`, and parts with their connections. */
static void finish_groups(struct batch *b, uint32_t end)
{
    for (; b->finished < end; b->finished++)
        group_finish(&b->group[b->finished]);
}

/* What may take long, others shall not wait for with replies that are there. */
static bool may_take_long(const struct request *r)
{
    return r->nkeys == 0 && r->cmd != NULL && (r->cmd->flags & CMD_FAST) == 0;
}

static void run_group(struct worker *w, struct batch *b, uint32_t at, struct request *r)
{
    struct dispatch d;
    struct batch_group *g = &b->group[at];
    if (!g->lent) {
        if (BATCH_OUTPUT - b->out_used < BATCH_OUTPUT_LEAST) {
            finish_groups(b, at);
            b->out_used = 0;
        }
        reply_lend(&g->conn->out, b->out + b->out_used, BATCH_OUTPUT - b->out_used);
        g->lent = true;
    }
    struct reply *out = &g->conn->out;
    size_t sent = 0, before = reply_pending(out);
    dispatch_begin(&d, w, g->conn);
    for (uint32_t i = 0; i < g->n;) {
        ahead_of(&b->ahead, w->srv->store, b->keys.v, r[i].key + r[i].nkeys);
        if (r[i].quick) {
            bool refused;
            i += quick_run(&d, b, r + i, g->n - i, &refused);
            if (i == g->n || !refused)
                continue;
        }
        if (UNLIKELY(may_take_long(&r[i])))
            finish_groups(b, at);
        dispatch_run(&d, &r[i], b->args.v + r[i].first, &b->keys);
        i++;
        if (UNLIKELY(out->owned > CONN_SENT_NOW) && i < g->n) { /* larger than thought: what can go, goes */
            size_t pending = reply_pending(out);
            conn_send(g->conn);
            sent += pending - reply_pending(out);
        }
    }
    if (LIKELY(g->n > 0)) {
        size_t mean = (reply_pending(out) + sent - before) / g->n;
        conn_io(g->conn)->reply_mean = mean < UINT32_MAX ? (uint32_t)mean : UINT32_MAX;
    }
    g->n = 0;
}

void batch_run(struct worker *w)
{
    struct batch *b = w->batch;
    if (b->nreq == 0)
        return;
    uint64_t begin = ticks_now(&w->ticks);
    gate_enter(w);
    w->now_ms = clock_wall_ms();
    store_ctx_turn(w->sx, w->now_ms);
    acl_catch_up(w);
    ahead_begin(&b->ahead, w->srv->store, b->keys.n);
    b->finished = 0;
    struct request *r = b->req;
    uint32_t closed = b->ngroups - b->open;
    for (uint32_t i = 0; i < b->ngroups; i++) {
        uint32_t n = b->group[i].n;
        run_group(w, b, i, r);
        r += n;
        const char *end = i < closed ? reply_seal(&b->group[i].conn->out) : NULL;
        if (end != NULL)
            b->out_used = (size_t)(end - b->out);
    }
    gate_leave(w);
    finish_groups(b, closed);
    if (UNLIKELY(w->delivered != NULL))
        pubsub_flush(w);
    if (b->open)
        b->group[0] = b->group[closed]; /* still growing: it becomes the first of the next batch */
    else
        b->out_used = 0;
    b->ngroups = b->open ? 1 : 0;
    b->nreq = 0;
    b->expected = 0;
    b->keys.n = 0;
    resp_args_clear(&b->args);
    if (!b->open)
        b->in_used = 0;
    stats_add(w->stats, STATS_LOOP_CMD_NS, ticks_ns(&w->ticks, ticks_now(&w->ticks) - begin));
}
