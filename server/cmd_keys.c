/* Keys: deleting, renaming, copying, counting them, and whole databases.
 *
 * A lookup deletes a key that has expired, and with it what another lookup in the same shard has found may move. So
 * where two entries are held at once, the one that ends the command when it is missing is looked up last.
 * COPY, MOVE and the commands on databases are CMD_NOLOCK: their keys may be of another database than the
 * connection's, so they lock by themselves. */
#include <string.h>

#include "server/args.h"
#include "server/conn.h"
#include "server/handlers.h"
#include "server/notify.h"
#include "server/options.h"
#include "server/put.h"
#include "server/server.h"

static bool same_bytes(const struct skey *a, const struct skey *b)
{
    return a->len == b->len && memcmp(a->p, b->p, a->len) == 0;
}

enum cmd_status cmd_del(struct cmd_ctx *c)
{
    int64_t n = 0;
    for (uint32_t i = 0; i < c->nkeys; i++) {
        struct entry e;
        if (store_find(c->sx, &c->keys[i], &e)) {
            store_delete(c->sx, &c->keys[i], &e);
            notify_key(c, NOTICE_DEL, &c->keys[i]);
            n++;
        }
    }
    reply_int(c->out, n);
    return CMD_DONE;
}

/* The same: large values are freed by the memory thread anyway. */
enum cmd_status cmd_unlink(struct cmd_ctx *c)
{
    return cmd_del(c);
}

enum cmd_status cmd_exists(struct cmd_ctx *c)
{
    int64_t n = 0;
    struct entry e;
    for (uint32_t i = 0; i < c->nkeys; i++)
        n += store_probe(c->sx, &c->keys[i], &e);
    reply_int(c->out, n);
    return CMD_DONE;
}

enum cmd_status cmd_touch(struct cmd_ctx *c)
{
    int64_t n = 0;
    struct entry e;
    for (uint32_t i = 0; i < c->nkeys; i++)
        n += store_read(c->sx, &c->keys[i], &e);
    reply_int(c->out, n);
    return CMD_DONE;
}

enum cmd_status cmd_type(struct cmd_ctx *c)
{
    struct entry e;
    reply_status(c->out, store_probe(c->sx, &c->keys[0], &e) ? "string" : "none");
    return CMD_DONE;
}

static enum cmd_status rename_key(struct cmd_ctx *c, bool nx)
{
    const struct skey *from = &c->keys[0], *to = &c->keys[1];
    struct entry fe, te;
    bool same = same_bytes(from, to);
    bool taken = !same && store_find(c->sx, to, &te);
    if (!store_find(c->sx, from, &fe)) {
        reply_error(c->out, "ERR no such key");
        return CMD_DONE;
    }
    if (nx && (same || taken)) {
        reply_int(c->out, 0);
        return CMD_DONE;
    }
    if (!same) {
        enum store_status renamed = store_rename(c->sx, from, &fe, to, &te);
        if (renamed != STORE_OK)
            return store_refused(c, renamed);
        if (taken) /* what is put in a key's place is new, as in Redis */
            notify_key(c, NOTICE_NEW, to);
        notify_key(c, NOTICE_RENAME_FROM, from);
        notify_key(c, NOTICE_RENAME_TO, to);
    }
    if (nx)
        reply_int(c->out, 1);
    else
        reply_ok(c->out);
    return CMD_DONE;
}

enum cmd_status cmd_rename(struct cmd_ctx *c)
{
    return rename_key(c, false);
}

enum cmd_status cmd_renamenx(struct cmd_ctx *c)
{
    return rename_key(c, true);
}

typedef enum store_status (*transfer)(struct store_ctx *sx, const struct skey *from, struct entry *fe,
                                      const struct skey *to, struct entry *te);

/* Locks both keys and copies or moves one to the other: replies 1, or 0 where there is none, or the other is taken. */
static enum cmd_status transfer_key(struct cmd_ctx *c, const struct skey pair[2], bool replace, transfer how)
{
    struct entry fe, te;
    enum store_status status = STORE_OK;
    bool done = false;
    store_lock(c->sx, pair, 2);
    bool taken = store_find(c->sx, &pair[1], &te);
    bool copies = how == store_copy; /* reads its source, which may miss it */
    bool found = copies ? store_probe(c->sx, &pair[0], &fe) : store_find(c->sx, &pair[0], &fe);
    if (found && (replace || !taken)) {
        status = how(c->sx, &pair[0], &fe, &pair[1], &te);
        done = status == STORE_OK;
    }
    if (done && taken)
        notify_key(c, NOTICE_NEW, &pair[1]);
    if (done && !copies)
        notify_key(c, NOTICE_MOVE_FROM, &pair[0]);
    if (done)
        notify_key(c, copies ? NOTICE_COPY_TO : NOTICE_MOVE_TO, &pair[1]);
    store_unlock(c->sx, pair, 2);
    if (status != STORE_OK)
        return store_refused(c, status);
    reply_int(c->out, done);
    return CMD_DONE;
}

enum cmd_status cmd_copy(struct cmd_ctx *c)
{
    int db = conn_db(c->conn);
    bool replace = false;
    for (int i = 3; i < c->argc; i++) {
        if (arg_is(&c->argv[i], "replace")) {
            replace = true;
        } else if (arg_is(&c->argv[i], "db") && i + 1 < c->argc) {
            if (!arg_db(c, &c->argv[++i], &db))
                return CMD_DONE;
        } else {
            reply_syntax_error(c);
            return CMD_DONE;
        }
    }
    if (db == conn_db(c->conn) && same_bytes(&c->keys[0], &c->keys[1])) {
        reply_error(c->out, "ERR source and destination objects are the same");
        return CMD_DONE;
    }
    struct skey pair[2] = {c->keys[0]};
    store_key(c->srv->store, &pair[1], c->keys[1].p, c->keys[1].len, store_db(c->srv->store, db));
    return transfer_key(c, pair, replace, store_copy);
}

enum cmd_status cmd_move(struct cmd_ctx *c)
{
    int db;
    if (!arg_db(c, &c->argv[2], &db))
        return CMD_DONE;
    if (db == conn_db(c->conn)) {
        reply_error(c->out, "ERR source and destination objects are the same");
        return CMD_DONE;
    }
    struct skey pair[2] = {c->keys[0]};
    store_key(c->srv->store, &pair[1], c->keys[0].p, c->keys[0].len, store_db(c->srv->store, db));
    return transfer_key(c, pair, false, store_rename);
}

enum cmd_status cmd_swapdb(struct cmd_ctx *c)
{
    int a, b;
    if (!arg_int32(c, &c->argv[1], "ERR invalid first DB index", &a) ||
        !arg_int32(c, &c->argv[2], "ERR invalid second DB index", &b))
        return CMD_DONE;
    int64_t n = OPT(c->srv->opt, databases);
    if (a < 0 || a >= n || b < 0 || b >= n) {
        reply_error(c->out, "ERR DB index is out of range");
        return CMD_DONE;
    }
    if (a != b)
        store_db_swap(c->srv->store, a, b);
    reply_ok(c->out);
    return CMD_DONE;
}

enum cmd_status cmd_randomkey(struct cmd_ctx *c)
{
    char key[STORE_KEY_MAX];
    size_t len;
    if (store_random(c->sx, c->db, key, &len))
        reply_bulk(c->out, key, len);
    else
        reply_null(c->out);
    return CMD_DONE;
}

enum cmd_status cmd_dbsize(struct cmd_ctx *c)
{
    int64_t n = store_db_keys(c->srv->store, c->db);
    reply_int(c->out, n > 0 ? n : 0); /* the counters of threads are read one after another: a sum may dip below 0 */
    return CMD_DONE;
}

/* ASYNC or SYNC, or neither: the memory is given back by the memory thread in either case. */
static bool flush_mode_ok(struct cmd_ctx *c)
{
    if (c->argc == 1 || (c->argc == 2 && (arg_is(&c->argv[1], "async") || arg_is(&c->argv[1], "sync"))))
        return true;
    reply_syntax_error(c);
    return false;
}

enum cmd_status cmd_flushdb(struct cmd_ctx *c)
{
    if (!flush_mode_ok(c))
        return CMD_DONE;
    store_db_flush(c->sx, conn_db(c->conn));
    reply_ok(c->out);
    return CMD_DONE;
}

enum cmd_status cmd_flushall(struct cmd_ctx *c)
{
    if (!flush_mode_ok(c))
        return CMD_DONE;
    int n = (int)OPT(c->srv->opt, databases);
    for (int db = 0; db < n; db++)
        store_db_flush(c->sx, db);
    reply_ok(c->out);
    return CMD_DONE;
}
