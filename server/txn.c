/* See txn.h. */
#include "server/txn.h"

#include <stdlib.h>

#include "server/conn_private.h"
#include "server/handlers.h"
#include "server/kept.h"
#include "server/server.h"
#include "server/watch.h"
#include "server/worker.h"

/* Runs under the locks of its keys, or needs no store at all; else the gate has to be closed for it. */
static bool needs_gate(const struct command *cmd)
{
    if (cmd->nkeyspecs > 0)
        return (cmd->flags & CMD_NOLOCK) != 0;
    return cmd->handler != cmd_ping && cmd->handler != cmd_echo && cmd->handler != cmd_time &&
           cmd->handler != cmd_select && cmd->handler != cmd_unwatch;
}

static bool runs_at_once(const struct command *cmd)
{
    return cmd->handler == cmd_exec || cmd->handler == cmd_discard || cmd->handler == cmd_multi ||
           cmd->handler == cmd_watch || cmd->handler == cmd_quit || cmd->handler == cmd_reset;
}

static void publish(struct conn *c, int queued)
{
    atomic_store_explicit(&c->queued, queued, memory_order_relaxed);
}

enum txn_answer txn_take(struct cmd_ctx *c, const struct command *cmd, struct arg *argv, int argc)
{
    struct txn *t = conn_io(c->conn)->txn;
    if (runs_at_once(cmd))
        return TXN_RUNS;
    if (cmd->flags & CMD_NO_MULTI) {
        reply_error(c->out, "ERR Command not allowed inside a transaction");
        t->aborted = true;
        return TXN_REFUSED;
    }
    struct kept *k = kept_new(cmd, argv, argc);
    if (k == NULL) {
        reply_error(c->out, "OOM command not allowed when used memory > 'maxmemory'.");
        t->aborted = true;
        return TXN_REFUSED;
    }
    if (t->first == NULL)
        t->first = k;
    else
        t->last->next = k;
    t->last = k;
    t->n++;
    t->bytes += kept_memory(k, &t->large);
    t->flags |= cmd->flags;
    t->gated = t->gated || needs_gate(cmd);
    publish(c->conn, (int)t->n);
    reply_status(c->out, "QUEUED");
    return TXN_QUEUED;
}

void txn_abort(struct conn *c)
{
    conn_io(c)->txn->aborted = true;
}

bool txn_has(struct conn *c, uint32_t flag)
{
    struct txn *t = conn_io(c)->txn;
    return t != NULL && (t->flags & flag) != 0;
}

/* Forgets the watched keys. */
static void unwatch(struct conn *c)
{
    struct conn_io *io = conn_io(c);
    if (io->watcher == NULL)
        return;
    watch_clear(c->wkr->srv->store, io->watcher);
    free(io->watcher);
    io->watcher = NULL;
    atomic_store_explicit(&c->watching, 0, memory_order_relaxed);
}

void txn_drop(struct conn *c)
{
    struct conn_io *io = conn_io(c);
    struct txn *t = io->txn;
    unwatch(c);
    if (t == NULL)
        return;
    for (struct kept *k = t->first, *next; k != NULL; k = next) {
        next = k->next;
        kept_free(c->wkr, k);
    }
    free(t);
    io->txn = NULL;
    conn_clear(c, CONN_MULTI);
    publish(c, -1);
}

size_t txn_memory(struct conn *c, size_t *large)
{
    const struct conn_io *io = conn_io(c);
    *large += io->txn == NULL ? 0 : io->txn->large;
    return (io->txn == NULL ? 0 : sizeof *io->txn + io->txn->bytes) +
           (io->watcher == NULL ? 0 : sizeof *io->watcher + io->watcher->bytes);
}

enum cmd_status cmd_multi(struct cmd_ctx *c)
{
    struct conn_io *io = conn_io(c->conn);
    if (io->txn != NULL) {
        reply_error(c->out, "ERR MULTI calls can not be nested");
        return CMD_DONE;
    }
    io->txn = calloc(1, sizeof *io->txn);
    if (io->txn == NULL) {
        reply_error(c->out, "OOM command not allowed when used memory > 'maxmemory'.");
        return CMD_DONE;
    }
    conn_set(c->conn, CONN_MULTI);
    publish(c->conn, 0);
    reply_ok(c->out);
    return CMD_DONE;
}

enum cmd_status cmd_discard(struct cmd_ctx *c)
{
    if (conn_io(c->conn)->txn == NULL) {
        reply_error(c->out, "ERR DISCARD without MULTI");
        return CMD_DONE;
    }
    txn_drop(c->conn);
    reply_ok(c->out);
    return CMD_DONE;
}

enum cmd_status cmd_exec(struct cmd_ctx *c)
{
    struct txn *t = conn_io(c->conn)->txn;
    if (t == NULL) {
        reply_error(c->out, "ERR EXEC without MULTI");
    } else if (t->aborted) {
        reply_error(c->out, "EXECABORT Transaction discarded because of previous errors.");
        txn_drop(c->conn);
    } else {
        txn_exec(c);
        txn_drop(c->conn);
    }
    return CMD_DONE;
}

enum cmd_status cmd_watch(struct cmd_ctx *c)
{
    struct conn_io *io = conn_io(c->conn);
    if (io->txn != NULL) {
        reply_error(c->out, "ERR WATCH inside MULTI is not allowed");
        return CMD_DONE;
    }
    bool ok = io->watcher != NULL || (io->watcher = calloc(1, sizeof *io->watcher)) != NULL;
    for (uint32_t i = 0; i < c->nkeys && ok; i++) {
        struct entry e;
        bool exists = store_find(c->sx, &c->keys[i], &e);
        ok = watch_add(c->sx, io->watcher, &c->keys[i], conn_db(c->conn), exists);
    }
    if (io->watcher != NULL)
        atomic_store_explicit(&c->conn->watching, io->watcher->n, memory_order_relaxed);
    if (ok)
        reply_ok(c->out);
    else
        reply_error(c->out, "OOM command not allowed when used memory > 'maxmemory'.");
    return CMD_DONE;
}

enum cmd_status cmd_unwatch(struct cmd_ctx *c)
{
    struct conn_io *io = conn_io(c->conn);
    if (io->txn == NULL) /* in EXEC the keys have been looked at, and are forgotten at its end */
        unwatch(c->conn);
    reply_ok(c->out);
    return CMD_DONE;
}
