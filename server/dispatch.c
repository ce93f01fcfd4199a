/* See dispatch.h. A command's life:
 *
 *     prepare: find, arity, hash keys
 *     run:     checks (unknown, arity, authentication, large keys, pause, memory) -> monitors -> lock shards ->
 *              handler -> unlock -> (CMD_RETRY: reclaim, again from the lock) -> statistics, slow log
 *
 * The order of the checks is Redis's, since clients see it. What is rare hides behind two words: srv->attention and the
 * connection's flags. The clock is read once a command, or once a run of quick ones (quick.h): the end of one is the
 * begin of the next. */
#include "server/dispatch.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/access.h"
#include "server/args.h"
#include "server/batch.h"
#include "server/command_keys.h"
#include "server/conn_private.h"
#include "server/handlers.h"
#include "server/kept.h"
#include "server/limit.h"
#include "server/monitor.h"
#include "server/notify.h"
#include "server/options.h"
#include "server/server.h"
#include "server/slow_command.h"
#include "server/stats.h"
#include "server/store_ctx.h"
#include "server/txn.h"
#include "server/worker.h"
#include "slab/base/assert.h"
#include "slab/base/log.h"

/* Reclaims before a write is refused; each wins what the command was found short of. */
enum { RETRIES_MAX = 256, SHOWN_CHARS = 128, CROSS_PROTOCOL_LOG_MS = 60000 };

enum {
    CONN_ENDING = CONN_CLOSE_ASAP | CONN_CLOSE_AFTER_REPLY | CONN_KILLED,
    CONN_REPLY_MODES = CONN_REPLY_OFF | CONN_REPLY_SKIP | CONN_REPLY_SKIP_NEXT,
    CONN_ODD =
        CONN_ENDING | CONN_REPLY_MODES | CONN_AUTHENTICATED | CONN_MULTI | CONN_PUBSUB | CONN_BLOCKED | CONN_LIMITED,
};

static const char out_of_memory[] = "OOM command not allowed when used memory > 'maxmemory'.";

struct skey *keys_room(struct keys *k, size_t n)
{
    if (k->cap - k->n < n) {
        size_t cap = k->cap < 256 ? 256 : k->cap * 2;
        while (cap - k->n < n)
            cap *= 2;
        struct skey *v = realloc(k->v, cap * sizeof *v);
        if (v == NULL)
            return NULL;
        k->v = v;
        k->cap = cap;
    }
    return k->v + k->n;
}

static bool add_key(struct worker *w, struct request *r, struct keys *keys, const struct arg *a, uint16_t db)
{
    if (UNLIKELY(a->len > STORE_KEY_MAX)) {
        r->fault = REQUEST_KEY_LONG;
        return false;
    }
    struct skey *k = &keys->v[keys->n++];
    store_key(w->srv->store, k, a->p, a->len, db);
    store_prefetch_shard(w->sx, k);
    return true;
}

static void add_keys(struct worker *w, struct request *r, const struct arg *argv, struct keys *keys, uint16_t db)
{
    if (LIKELY(command_one_key(r->cmd))) {
        if (keys_room(keys, 1) == NULL)
            r->fault = REQUEST_NO_MEMORY;
        else
            add_key(w, r, keys, &argv[1], db);
        return;
    }
    int few[64], *at = few;
    int n = command_keys(r->cmd, argv, (int)r->argc, few, 64);
    if (n > 64) {
        at = malloc((size_t)n * sizeof *at);
        if (at != NULL)
            n = command_keys(r->cmd, argv, (int)r->argc, at, n);
    }
    if (at == NULL || keys_room(keys, (size_t)n) == NULL)
        r->fault = REQUEST_NO_MEMORY;
    for (int i = 0; i < n && r->fault == REQUEST_FINE; i++)
        add_key(w, r, keys, &argv[at[i]], db);
    if (at != few)
        free(at);
}

bool dispatch_keys(struct worker *w, const struct command *cmd, const struct arg *argv, int argc, uint16_t db,
                   struct keys *keys)
{
    struct request r = {.cmd = cmd, .argc = (uint32_t)argc, .fault = REQUEST_FINE};
    if (cmd->nkeyspecs > 0)
        add_keys(w, &r, argv, keys, db);
    return r.fault == REQUEST_FINE;
}

void dispatch_prepare(struct worker *w, struct conn *c, struct request *r, const struct arg *argv, struct keys *keys)
{
    r->fault = REQUEST_FINE;
    r->key = (uint32_t)keys->n;
    r->nkeys = 0;
    const struct command *cmd = r->cmd = command_find(argv, (int)r->argc);
    if (UNLIKELY(cmd == NULL)) {
        r->fault = REQUEST_UNKNOWN;
        return;
    }
    if (UNLIKELY((cmd->arity >= 0 && (uint32_t)cmd->arity != r->argc) ||
                 (cmd->arity < 0 && r->argc < (uint32_t)-cmd->arity))) {
        r->fault = REQUEST_ARITY;
        return;
    }
    if (UNLIKELY(command_lacks_sub(cmd, (int)r->argc))) {
        r->fault = REQUEST_LACKS_SUB;
        return;
    }
    if (cmd->nkeyspecs == 0)
        return;
    add_keys(w, r, argv, keys, store_db(w->srv->store, conn_db(c)));
    if (UNLIKELY(r->fault != REQUEST_FINE))
        keys->n = r->key;
    r->nkeys = (uint32_t)(keys->n - r->key);
}

/* A browser that was made to send an HTTP request here: its first line, or its body, would run as commands. */
static bool is_cross_protocol(const struct arg *name)
{
    return name->p != NULL && (arg_is(name, "post") || arg_is(name, "host:"));
}

/* Closed without a reply; told in the log once a minute at most. */
static void abort_cross_protocol(struct cmd_ctx *ctx)
{
    conn_set(ctx->conn, CONN_CLOSE_ASAP);
    int64_t last = atomic_load_explicit(&ctx->srv->cross_protocol_ms, memory_order_relaxed);
    if ((last == 0 || ctx->now_ms - last > CROSS_PROTOCOL_LOG_MS) &&
        atomic_compare_exchange_strong(&ctx->srv->cross_protocol_ms, &last, ctx->now_ms))
        log_line(LOG_WARNING, "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: "
                              "commands. This is likely due to an attacker attempting to use Cross Protocol Scripting "
                              "to compromise this server. Connection aborted.");
}

/* "ERR unknown command 'foo', with args beginning with: 'a' 'b' ", 128 characters of each part at most. */
static void reply_unknown(struct reply *out, const struct arg *argv, uint32_t argc)
{
    char args[SHOWN_CHARS * 2 + 8];
    size_t n = 0;
    for (uint32_t i = 1; i < argc && n < SHOWN_CHARS; i++) {
        char head[SHOWN_CHARS];
        size_t room = SHOWN_CHARS - n, len = argv[i].len < room ? argv[i].len : room;
        const char *p = argv[i].p != NULL ? argv[i].p : head;
        if (argv[i].p == NULL && argv[i].big == (void *)CONN_NO_MEMORY)
            len = 0;
        else if (argv[i].p == NULL)
            big_copy(argv[i].big, 0, len, head);
        n += (size_t)snprintf(args + n, sizeof args - n, "'%.*s' ", (int)len, p);
    }
    args[n] = '\0';
    size_t name = argv[0].len < SHOWN_CHARS ? argv[0].len : SHOWN_CHARS;
    reply_errorf(out, "ERR unknown command '%.*s', with args beginning with: %s", (int)name, argv[0].p, args);
}

static void reply_lacks_sub(struct reply *out, const struct command *cmd, const struct arg *sub)
{
    char upper[64];
    size_t i = 0;
    for (; i < sizeof upper - 1 && cmd->name[i] != '\0'; i++)
        upper[i] = (char)toupper((unsigned char)cmd->name[i]);
    upper[i] = '\0';
    size_t len = sub->len < SHOWN_CHARS ? sub->len : SHOWN_CHARS;
    reply_errorf(out, "ERR unknown subcommand '%.*s'. Try %s HELP.", sub->p == NULL ? 0 : (int)len,
                 sub->p == NULL ? "" : sub->p, upper);
}

/* A faulty EXEC ends the transaction. */
static void refuse_exec(struct conn *c, struct reply *out, const char *why)
{
    reply_errorf(out, "EXECABORT Transaction discarded because of: %s", why);
    txn_drop(c);
}

/* Answers what is wrong with a request that does not run. */
static void reply_fault(struct dispatch *d, const struct request *r, const struct arg *argv)
{
    struct reply *out = d->ctx.out;
    switch ((enum request_fault)r->fault) {
    case REQUEST_FINE:
        reply_error(out, "NOAUTH Authentication required.");
        break;
    case REQUEST_UNKNOWN:
        if (is_cross_protocol(&argv[0])) {
            abort_cross_protocol(&d->ctx);
            return;
        }
        reply_unknown(out, argv, r->argc);
        break;
    case REQUEST_LACKS_SUB:
        reply_lacks_sub(out, r->cmd, &argv[1]);
        break;
    case REQUEST_ARITY:
        if (r->cmd->handler == NULL && command_lacks_sub(r->cmd, (int)r->argc))
            reply_lacks_sub(out, r->cmd, &argv[1]);
        else if (r->cmd->handler == cmd_exec)
            refuse_exec(d->ctx.conn, out, "wrong number of arguments for 'exec' command");
        else
            reply_errorf(out, "ERR wrong number of arguments for '%s' command", r->cmd->name);
        break;
    case REQUEST_KEY_LONG:
        reply_errorf(out, "ERR key is longer than %d bytes", STORE_KEY_MAX);
        break;
    case REQUEST_NO_MEMORY:
        reply_error(out, out_of_memory);
        break;
    }
    if (r->cmd != NULL)
        stats_rejected(d->ctx.wkr->stats, r->cmd->id);
    stats_error(d->ctx.wkr->stats, out->last_error);
}

/* The database may have been changed (SELECT, SWAPDB, FLUSHDB) since the keys were hashed. */
static void rehash(struct dispatch *d, const struct request *r, struct keys *keys)
{
    uint16_t db = store_db(d->ctx.srv->store, conn_db(d->ctx.conn));
    d->ctx.db = db;
    if (r->nkeys == 0 || LIKELY(keys->v[r->key].db == db))
        return;
    for (uint32_t i = 0; i < r->nkeys; i++) {
        struct skey *k = &keys->v[r->key + i];
        store_key(d->ctx.srv->store, k, k->p, k->len, db);
    }
}

/* Runs the handler with its keys locked by EXEC: nothing can be reclaimed meanwhile. */
static void call_locked(struct cmd_ctx *ctx)
{
    size_t mark = notices_mark(ctx->sx);
    enum cmd_status st = ctx->cmd->handler(ctx);
    store_settle(ctx->sx, ctx->keys, ctx->nkeys);
    if (st == CMD_DONE)
        return;
    notices_take_back(ctx->sx, mark);
    reply_error(ctx->out, out_of_memory);
}

/* Runs the handler under the locks of its keys, again and again while memory can be won for it. False: that takes long;
 * nothing was done or replied, and it is to be called again when others were served. */
static bool call(struct cmd_ctx *ctx)
{
    if (UNLIKELY(ctx->locked)) {
        call_locked(ctx);
        return true;
    }
    bool locks = ctx->nkeys > 0 && (ctx->cmd->flags & CMD_NOLOCK) == 0;
    for (int tries = 0;; tries++) {
        if (locks)
            store_lock(ctx->sx, ctx->keys, ctx->nkeys);
        enum cmd_status st = ctx->cmd->handler(ctx);
        if (locks)
            store_unlock(ctx->sx, ctx->keys, ctx->nkeys);
        if (LIKELY(st == CMD_DONE)) {
            if (UNLIKELY(ctx->notify))
                notify_command(ctx);
            return true;
        }
        notices_take_back(ctx->sx, 0);
        enum store_status won = tries == RETRIES_MAX ? STORE_SHORT : store_reclaim(ctx->sx);
        while (won == STORE_LATER && ctx->in_exec)
            won = store_reclaim(ctx->sx);
        if (won == STORE_LATER)
            return false;
        if (won != STORE_OK)
            break;
    }
    reply_error(ctx->out, out_of_memory);
    return true;
}

/* A command that is put off: it and what follows of its connection wait in the list of those that are paused. */
static void put_off(struct cmd_ctx *ctx)
{
    if (!conn_park(ctx->conn, ctx->argv, ctx->argc))
        conn_set(ctx->conn, CONN_CLOSE_ASAP);
}

static void set_reply_mode(struct conn *c)
{
    c->out.muted = conn_has(c, CONN_REPLY_OFF | CONN_REPLY_SKIP);
}

/* CLIENT REPLY SKIP mutes the command after it. */
static void next_reply_mode(struct conn *c)
{
    conn_clear(c, CONN_REPLY_SKIP);
    if (conn_has(c, CONN_REPLY_SKIP_NEXT)) {
        conn_clear(c, CONN_REPLY_SKIP_NEXT);
        conn_set(c, CONN_REPLY_SKIP);
    }
    c->out.muted = 0;
}

/* Monitors hear of a command after it ran, as in Redis. */
static void tell_monitors(struct cmd_ctx *ctx)
{
    uint32_t attention = atomic_load_explicit(&ctx->srv->attention, memory_order_relaxed);
    if (UNLIKELY((attention & ATTENTION_MONITOR) != 0) && (ctx->cmd->flags & (CMD_SKIP_MONITOR | CMD_ADMIN)) == 0)
        monitor_feed(ctx);
}

uint64_t dispatch_lap(struct dispatch *d)
{
    struct cmd_ctx *ctx = &d->ctx;
    uint64_t now = ticks_now(&ctx->wkr->ticks);
    uint64_t ns = ticks_ns(&ctx->wkr->ticks, now - d->ticks);
    d->ticks = now;
    if (UNLIKELY((ctx->cmd->flags & CMD_ADMIN) != 0)) {
        d->watch_ns = slow_command_ns(ctx->srv); /* it may have been CONFIG SET slowlog-log-slower-than */
        ctx->notify = notices_wanted(ctx->srv->store) != 0;
    }
    if (UNLIKELY(ns >= d->watch_ns))
        slow_command(ctx, ns);
    return ns;
}

static void count(struct dispatch *d, uint64_t errors_before)
{
    struct cmd_ctx *ctx = &d->ctx;
    bool failed = ctx->out->errors != errors_before;
    stats_call(ctx->wkr->stats, ctx->cmd->id, dispatch_lap(d), failed);
    if (UNLIKELY(failed))
        stats_error(ctx->wkr->stats, ctx->out->last_error);
}

/* Copies that arg_flatten made of large arguments are freed. `was_big` tells for each whether it came as one. */
static void free_flat(struct arg *argv, uint32_t argc, const bool *was_big)
{
    for (uint32_t i = 0; i < argc; i++) {
        if (was_big[i] && argv[i].p != NULL) {
            free((char *)(uintptr_t)argv[i].p);
            argv[i].p = NULL; /* the slow log looks at arguments after this */
        }
    }
}

/* Large arguments that no command took over go back. */
static void give_back(struct worker *w, struct arg *argv, uint32_t argc)
{
    for (uint32_t i = 0; i < argc; i++) {
        if (argv[i].big != NULL)
            conn_drop_big(w, argv[i].big);
        argv[i].big = NULL;
    }
}

/* Runs a command that has large arguments, or answers that there was no memory for them. False: it was put off. */
static bool run_with_bigs(struct dispatch *d, struct request *r, struct arg *argv, uint64_t errors_before)
{
    bool *was_big = malloc(r->argc), ran = true;
    for (uint32_t i = 0; i < r->argc; i++) {
        if (was_big != NULL)
            was_big[i] = argv[i].big != NULL;
        if (argv[i].big == (void *)CONN_NO_MEMORY || was_big == NULL)
            r->fault = REQUEST_NO_MEMORY;
    }
    if (r->fault == REQUEST_NO_MEMORY) {
        reply_fault(d, r, argv);
    } else {
        ran = call(&d->ctx);
        if (ran) {
            tell_monitors(&d->ctx);
            count(d, errors_before);
        }
        free_flat(argv, r->argc, was_big);
        if (!ran)
            put_off(&d->ctx);
    }
    give_back(d->ctx.wkr, argv, r->argc);
    free(was_big);
    return ran;
}

static bool denies_oom(struct conn *c, const struct command *cmd)
{
    return (cmd->flags & CMD_DENYOOM) != 0 || (cmd->handler == cmd_exec && txn_has(c, CMD_DENYOOM));
}

/* A command that came in MULTI: queued, refused, or (true) to be run or answered as any other. */
static bool run_in_multi(struct dispatch *d, struct request *r, struct arg *argv)
{
    struct conn *c = d->ctx.conn;
    if (r->fault == REQUEST_NO_MEMORY && r->cmd->handler == cmd_exec) {
        refuse_exec(c, d->ctx.out, out_of_memory);
        stats_rejected(d->ctx.wkr->stats, r->cmd->id);
        stats_error(d->ctx.wkr->stats, d->ctx.out->last_error);
        return false;
    }
    if (r->fault != REQUEST_FINE) {
        txn_abort(c);
        return true;
    }
    for (uint32_t i = 0; i < r->argc && r->has_big; i++) {
        if (argv[i].big == (void *)CONN_NO_MEMORY) { /* it was thrown away when it came */
            r->fault = REQUEST_NO_MEMORY;
            txn_abort(c);
            return true;
        }
    }
    switch (txn_take(&d->ctx, r->cmd, argv, (int)r->argc)) {
    case TXN_REFUSED:
        stats_rejected(d->ctx.wkr->stats, r->cmd->id);
        stats_error(d->ctx.wkr->stats, d->ctx.out->last_error);
        return false;
    case TXN_QUEUED:
        return false;
    case TXN_RUNS:
        break;
    }
    return true;
}

/* A RESP2 client cannot tell replies from messages: while it is subscribed, it runs nothing else. */
static bool runs_subscribed(const struct command *cmd)
{
    return cmd->handler == cmd_ping || cmd->handler == cmd_quit || cmd->handler == cmd_reset ||
           cmd->handler == cmd_subscribe || cmd->handler == cmd_psubscribe || cmd->handler == cmd_ssubscribe ||
           cmd->handler == cmd_unsubscribe || cmd->handler == cmd_punsubscribe || cmd->handler == cmd_sunsubscribe;
}

/* Answers a command that does not run for this reason; whatever came before it in MULTI will not run either. */
static void refuse(struct dispatch *d, const struct command *cmd, const char *why)
{
    if (cmd->handler == cmd_exec) {
        refuse_exec(d->ctx.conn, d->ctx.out, why);
    } else {
        reply_error(d->ctx.out, why);
        if (conn_has(d->ctx.conn, CONN_MULTI))
            txn_abort(d->ctx.conn);
    }
    stats_rejected(d->ctx.wkr->stats, cmd->id);
    stats_error(d->ctx.wkr->stats, d->ctx.out->last_error);
}

static void refuse_subscribed(struct dispatch *d, const struct command *cmd)
{
    char why[SHOWN_CHARS * 2];
    snprintf(why, sizeof why,
             "%sCan't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this "
             "context",
             cmd->handler == cmd_exec ? "" : "ERR ", cmd->name);
    refuse(d, cmd, why);
}

/* The user is looked at where it may not do everything. True: answered. */
static bool is_denied(struct dispatch *d, const struct request *r, const struct arg *argv)
{
    struct conn *c = d->ctx.conn;
    char text[ACCESS_TEXT_CHARS];
    if (r->fault != REQUEST_FINE || (conn_has(c, CONN_MULTI) && (r->cmd->flags & CMD_NO_MULTI) != 0))
        return false;                                             /* it is refused for that */
    atomic_store_explicit(&c->cmd, r->cmd, memory_order_relaxed); /* ACL LOG shows it */
    enum acl_verdict v = access_check(&d->ctx, r->cmd, argv, (int)r->argc);
    if (v == ACL_ALLOWED)
        return false;
    refuse(d, r->cmd, access_text(v, r->cmd, text));
    next_reply_mode(c);
    return true;
}

/* What is rare: connections that end, are muted or not authenticated; pauses. False: do not run it. */
static bool run_odd(struct dispatch *d, struct request *r, struct arg *argv)
{
    struct conn *c = d->ctx.conn;
    uint32_t attention = atomic_load_explicit(&d->ctx.srv->attention, memory_order_relaxed);
    if (conn_has(c, CONN_ENDING))
        return false;
    if (conn_io(c)->parked != NULL || conn_has(c, CONN_BLOCKED) ||
        (r->fault == REQUEST_FINE && (attention & ATTENTION_PAUSE) != 0 && conn_is_paused(c, r->cmd, d->ctx.now_ms))) {
        if (!conn_park(c, argv, (int)r->argc))
            conn_set(c, CONN_CLOSE_ASAP);
        return false;
    }
    set_reply_mode(c);
    if (r->fault != REQUEST_UNKNOWN && r->fault != REQUEST_ARITY && r->fault != REQUEST_LACKS_SUB &&
        !conn_has(c, CONN_AUTHENTICATED) && (r->cmd->flags & CMD_NO_AUTH) == 0) {
        r->fault = REQUEST_FINE;
        reply_fault(d, r, argv);
        next_reply_mode(c);
        return false;
    }
    if (conn_has(c, CONN_LIMITED) && is_denied(d, r, argv))
        return false;
    if (r->fault == REQUEST_FINE && (attention & ATTENTION_MEMORY) != 0 && denies_oom(c, r->cmd) &&
        limit_refuses(d->ctx.srv, d->ctx.sx))
        r->fault = REQUEST_NO_MEMORY;
    if (conn_has(c, CONN_PUBSUB) && c->out.resp == 2 && r->fault == REQUEST_FINE && !runs_subscribed(r->cmd)) {
        refuse_subscribed(d, r->cmd);
        next_reply_mode(c);
        return false;
    }
    if (conn_has(c, CONN_MULTI) && !run_in_multi(d, r, argv)) {
        next_reply_mode(c);
        return false;
    }
    return true;
}

void dispatch_begin(struct dispatch *d, struct worker *w, struct conn *c)
{
    d->ctx = (struct cmd_ctx){.srv = w->srv, .wkr = w, .conn = c, .out = &c->out, .sx = w->sx, .now_ms = w->now_ms};
    d->ctx.notify = notices_wanted(w->srv->store) != 0;
    d->watch_ns = slow_command_ns(w->srv);
    bool touch = !conn_has(c, CONN_NO_TOUCH);
    if (UNLIKELY(touch != w->touch)) {
        store_ctx_touch(w->sx, touch);
        w->touch = touch;
    }
    d->ticks = ticks_now(&w->ticks);
}

bool dispatch_is_plain(const struct dispatch *d)
{
    struct conn *c = d->ctx.conn;
    return ((conn_flags(c) ^ CONN_AUTHENTICATED) & CONN_ODD) == 0 && conn_io(c)->parked == NULL &&
           atomic_load_explicit(&d->ctx.srv->attention, memory_order_relaxed) == 0;
}

void dispatch_run(struct dispatch *d, struct request *r, struct arg *argv, struct keys *keys)
{
    struct cmd_ctx *ctx = &d->ctx;
    struct conn *c = ctx->conn;
    ctx->cmd = r->cmd;
    ctx->argv = argv;
    ctx->argc = (int)r->argc;
    ctx->keys = keys->v + r->key;
    ctx->nkeys = r->nkeys;
    if (UNLIKELY(!dispatch_is_plain(d)) && !run_odd(d, r, argv)) {
        if (r->has_big)
            give_back(ctx->wkr, argv, r->argc);
        return;
    }
    uint64_t errors = ctx->out->errors;
    if (UNLIKELY(r->fault != REQUEST_FINE)) {
        reply_fault(d, r, argv);
        if (r->has_big)
            give_back(ctx->wkr, argv, r->argc);
    } else {
        atomic_store_explicit(&c->cmd, r->cmd, memory_order_relaxed);
        rehash(d, r, keys);
        if (UNLIKELY(r->has_big)) {
            if (!run_with_bigs(d, r, argv, errors))
                return;
        } else {
            if (UNLIKELY(!call(ctx))) {
                put_off(ctx);
                return;
            }
            tell_monitors(ctx);
            count(d, errors);
        }
    }
    if (UNLIKELY(conn_has(c, CONN_REPLY_MODES)))
        next_reply_mode(c);
}

void dispatch_queued(struct cmd_ctx *exec, struct kept *k, const struct skey *keys, uint32_t nkeys, bool locked)
{
    struct dispatch d;
    dispatch_begin(&d, exec->wkr, exec->conn);
    struct cmd_ctx *ctx = &d.ctx;
    uint64_t errors = ctx->out->errors;
    ctx->cmd = k->cmd;
    ctx->argv = k->argv;
    ctx->argc = k->argc;
    ctx->keys = keys;
    ctx->nkeys = nkeys;
    ctx->locked = locked;
    ctx->in_exec = true;
    ctx->db = nkeys > 0 ? keys[0].db : store_db(ctx->srv->store, conn_db(ctx->conn));
    if (UNLIKELY(conn_has(ctx->conn, CONN_LIMITED))) { /* the user may have been changed since it was queued */
        enum acl_verdict v = access_check(ctx, k->cmd, k->argv, k->argc);
        if (v != ACL_ALLOWED) {
            reply_error(ctx->out, access_text_exec(v));
            stats_error(ctx->wkr->stats, ctx->out->last_error);
            return;
        }
    }
    if (k->has_big) {
        struct request r = {.cmd = k->cmd, .argc = (uint32_t)k->argc, .fault = REQUEST_FINE, .has_big = true};
        run_with_bigs(&d, &r, k->argv, errors);
        return;
    }
    call(ctx);
    tell_monitors(ctx);
    count(&d, errors);
    exec->notify = ctx->notify; /* it may have been CONFIG SET notify-keyspace-events */
}
