/* CLIENT PAUSE: commands that must wait are parked, copied out of the buffers, in the order in which they came; the
 * connection is held (not read) until they have run.
 *
 * A connection with parked commands parks all that follow in the same batch, so that none overtakes another. The worker
 * lists connections with parked commands; its timer, or a letter at CLIENT UNPAUSE, runs them. Blocked connections (a
 * command of theirs is answered later) are in the same list, and park what follows in the same way. */
#include <stdlib.h>
#include <string.h>

#include "server/acl.h"
#include "server/batch.h"
#include "server/clients.h"
#include "server/conn_private.h"
#include "server/dispatch.h"
#include "server/gate.h"
#include "server/handlers.h"
#include "server/kept.h"
#include "server/pause.h"
#include "server/pubsub.h"
#include "server/server.h"
#include "server/store_ctx.h"
#include "server/txn.h"
#include "server/worker.h"
#include "slab/base/assert.h"

bool conn_is_paused(struct conn *c, const struct command *cmd, int64_t now_ms)
{
    struct server *s = c->wkr->srv;
    int mode = atomic_load_explicit(&s->pause_mode, memory_order_relaxed);
    if (mode == PAUSE_NONE || now_ms >= atomic_load_explicit(&s->pause_until_ms, memory_order_relaxed))
        return false;
    const uint32_t writes = CMD_WRITE | CMD_MAY_REPLICATE;
    return mode == PAUSE_ALL || (cmd->flags & writes) != 0 || (cmd->handler == cmd_exec && txn_has(c, writes));
}

static void list(struct conn *c)
{
    struct conn_io *io = conn_io(c);
    struct worker *w = c->wkr;
    conn_set(c, CONN_PAUSED);
    if (io->in_paused_list)
        return;
    io->in_paused_list = true;
    io->paused_next = w->paused;
    w->paused = c;
}

static void list_paused(struct conn *c)
{
    struct worker *w = c->wkr;
    if (conn_io(c)->in_paused_list)
        return;
    list(c);
    int64_t left = atomic_load(&w->srv->pause_until_ms) - clock_wall_ms();
    if (left < 0)
        left = 0;
    struct timeval tv = {left / 1000, left % 1000 * 1000 + 1000};
    event_add(w->pause_ev, &tv);
}

bool conn_park(struct conn *c, struct arg *argv, int argc)
{
    struct conn_io *io = conn_io(c);
    struct kept *k = kept_new(NULL, argv, argc);
    if (k == NULL)
        return false;
    if (io->parked == NULL)
        io->parked = k;
    else
        io->parked_last->next = k;
    io->parked_last = k;
    list_paused(c);
    return true;
}

void conn_forget_parked(struct conn *c)
{
    struct conn_io *io = conn_io(c);
    while (io->parked != NULL) {
        struct kept *k = io->parked;
        io->parked = k->next;
        kept_free(c->wkr, k);
    }
}

size_t conn_parked_memory(const struct conn *c, size_t *large)
{
    size_t sum = 0;
    for (const struct kept *k = ((const struct conn_io *)(const void *)c)->parked; k != NULL; k = k->next)
        sum += kept_memory(k, large);
    return sum;
}

/* Runs what one connection had parked; it may be paused again by one of its own commands. The batch is empty. */
static void unpark(struct conn *c)
{
    struct conn_io *io = conn_io(c);
    struct worker *w = c->wkr;
    struct kept *k = io->parked;
    struct dispatch d;
    io->parked = NULL;
    conn_clear(c, CONN_PAUSED);
    atomic_store_explicit(&c->active_ms, w->now_ms, memory_order_relaxed); /* that they had to wait is not its fault */
    io->in_batch = true;                                                   /* nothing frees it meanwhile */
    reply_lend(&c->out, w->batch->out, BATCH_OUTPUT);
    dispatch_begin(&d, w, c);
    for (struct kept *next; k != NULL; k = next) {
        next = k->next;
        struct request r = {.argc = (uint32_t)k->argc, .has_big = k->has_big};
        dispatch_prepare(w, c, &r, k->argv, &w->batch->keys);
        dispatch_run(&d, &r, k->argv, &w->batch->keys);
        w->batch->keys.n = 0;
        kept_free(w, k);
    }
    io->in_batch = false;
    if (io->parked == NULL)
        conn_resume(c);
    conn_finish(c);
}

void conn_unpark_all(struct worker *w)
{
    batch_run(w);
    gate_enter(w);
    w->now_ms = clock_wall_ms();
    store_ctx_turn(w->sx, w->now_ms);
    acl_catch_up(w);
    struct conn *c = w->paused;
    w->paused = NULL;
    pause_expire(w->srv, w->now_ms);
    for (struct conn *next; c != NULL; c = next) {
        struct conn_io *io = conn_io(c);
        next = io->paused_next;
        io->in_paused_list = false;
        if (conn_has(c, CONN_BLOCKED))
            list(c);
        else if (io->parked != NULL)
            unpark(c);
    }
    gate_leave(w);
    pubsub_flush(w);
}

void conn_block(struct conn *c)
{
    conn_set(c, CONN_BLOCKED);
    list(c);
}

void conn_unblock(struct worker *w, bool (*answer)(void *arg, struct conn *c), void *arg)
{
    batch_run(w);
    struct conn *c = w->paused;
    w->paused = NULL;
    for (struct conn *next; c != NULL; c = next) {
        struct conn_io *io = conn_io(c);
        next = io->paused_next;
        io->in_paused_list = false;
        if (!conn_has(c, CONN_BLOCKED) || !answer(arg, c)) {
            list(c);
            continue;
        }
        conn_clear(c, CONN_BLOCKED);
        if (io->parked != NULL) { /* what came after it runs below, and then all is sent */
            list(c);
            continue;
        }
        conn_clear(c, CONN_PAUSED);
        conn_resume(c);
        conn_finish(c);
    }
    conn_unpark_all(w);
}
