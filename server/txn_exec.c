/* EXEC: see txn.h. */
#include <stdlib.h>

#include "protocol/number.h"
#include "server/command_keys.h"
#include "server/conn_private.h"
#include "server/dispatch.h"
#include "server/gate.h"
#include "server/handlers.h"
#include "server/kept.h"
#include "server/options.h"
#include "server/pubsub.h"
#include "server/server.h"
#include "server/store_ctx.h"
#include "server/txn.h"
#include "server/watch.h"
#include "server/worker.h"

/* The keys of a transaction: those of command after command, then the watched ones. */
struct run {
    struct cmd_ctx *c;
    struct txn *t;
    struct watcher *watcher; /* NULL: none */
    struct keys keys;
    uint32_t watched;
};

static bool intact(const struct run *r)
{
    return r->watcher == NULL || watch_intact(r->c->sx, r->watcher);
}

/* Where SELECT among the commands leads; the database that was is kept where it will answer an error. */
static int selected(const struct run *r, const struct kept *k, int db)
{
    int64_t n;
    const struct arg *a = &k->argv[1];
    bool ok = k->argc == 2 && a->p != NULL && number_parse_i64(a->p, a->len, &n) && n >= 0 &&
              n < OPT(r->c->srv->opt, databases);
    return ok ? (int)n : db;
}

/* False: memory is short. */
static bool gather_keys(struct run *r)
{
    int db = conn_db(r->c->conn);
    for (struct kept *k = r->t->first; k != NULL; k = k->next) {
        if (k->cmd->handler == cmd_select)
            db = selected(r, k, db);
        if (!dispatch_keys(r->c->wkr, k->cmd, k->argv, k->argc, store_db(r->c->srv->store, db), &r->keys))
            return false;
    }
    if (r->watcher == NULL)
        return true;
    struct skey *room = keys_room(&r->keys, 2 * (size_t)r->watcher->n);
    if (room == NULL)
        return false;
    r->watched = watch_keys(r->c->srv->store, r->watcher, room);
    r->keys.n += r->watched;
    return true;
}

/* Runs the commands under the locks of all their keys. */
static void run_locked(struct run *r)
{
    struct store_ctx *sx = r->c->sx;
    uint32_t n = (uint32_t)r->keys.n, at = 0;
    uint32_t loan = (r->t->flags & CMD_DENYOOM) != 0 ? store_loan(sx, r->t->bytes, r->t->n) : 0;
    store_lock(sx, r->keys.v, n);
    if (!intact(r)) {
        reply_null_array(r->c->out);
    } else {
        reply_array(r->c->out, r->t->n);
        for (struct kept *k = r->t->first; k != NULL; k = k->next) {
            uint32_t nkeys = (uint32_t)command_keys(k->cmd, k->argv, k->argc, NULL, 0);
            dispatch_queued(r->c, k, r->keys.v + at, nkeys, true);
            at += nkeys;
        }
    }
    store_unlock(sx, r->keys.v, n);
    store_repay(sx, loan);
}

/* Runs them with all other workers stopped; each locks what it needs. Its own worker delivers no messages meanwhile: to
 * the connection itself they would come in the middle of EXEC's reply. */
static void run_gated(struct run *r)
{
    struct worker *w = r->c->wkr;
    struct store_ctx *sx = r->c->sx;
    gate_close(w);
    store_lock(sx, r->keys.v, (uint32_t)r->keys.n); /* none but the watched ones */
    bool ok = intact(r);
    store_unlock(sx, r->keys.v, (uint32_t)r->keys.n);
    if (!ok) {
        reply_null_array(r->c->out);
    } else {
        reply_array(r->c->out, r->t->n);
        w->holds_messages = true;
        for (struct kept *k = r->t->first; k != NULL; k = k->next) {
            uint16_t db = store_db(r->c->srv->store, conn_db(r->c->conn));
            r->keys.n = 0;
            if (dispatch_keys(w, k->cmd, k->argv, k->argc, db, &r->keys))
                dispatch_queued(r->c, k, r->keys.v, (uint32_t)r->keys.n, false);
            else
                reply_error(r->c->out, "OOM command not allowed when used memory > 'maxmemory'.");
        }
        w->holds_messages = false;
    }
    gate_open(w);
    if (atomic_load_explicit(&w->backlog, memory_order_relaxed) > 0)
        pubsub_read_mail(w);
}

void txn_exec(struct cmd_ctx *c)
{
    struct conn_io *io = conn_io(c->conn);
    struct run r = {.c = c, .t = io->txn, .watcher = io->watcher};
    bool ok = true;
    if (!r.t->gated) {
        ok = gather_keys(&r);
    } else if (r.watcher != NULL) {
        ok = keys_room(&r.keys, 2 * (size_t)r.watcher->n) != NULL;
        r.keys.n = ok ? watch_keys(c->srv->store, r.watcher, r.keys.v) : 0;
    }
    if (!ok)
        reply_error(c->out, "EXECABORT Transaction discarded because of: OOM command not allowed when used memory > "
                            "'maxmemory'.");
    else if (r.t->gated)
        run_gated(&r);
    else
        run_locked(&r);
    free(r.keys.v);
}
