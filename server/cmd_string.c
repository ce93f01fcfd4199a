/* Strings: GET and SET and their kin.
 *
 * GET, MGET, SET with three arguments and MSET are the hot ones: a lookup, a copy, a reply; what has options goes
 * another way. A command that replies the old value and then writes reserves its memory first, and one that writes
 * several keys reserves for all, so that STORE_SHORT always comes before anything was changed or replied. */
#include "server/args.h"
#include "server/handlers.h"
#include "server/notify.h"
#include "server/put.h"
#include "server/value_reply.h"

/* The options of SET and GETEX, a bit each. */
enum {
    SET_NX = 1 << 0,
    SET_XX = 1 << 1,
    SET_GET = 1 << 2,
    SET_KEEPTTL = 1 << 3,
    SET_PERSIST = 1 << 4,
    SET_EX = 1 << 5,
    SET_PX = 1 << 6,
    SET_EXAT = 1 << 7,
    SET_PXAT = 1 << 8,
    SET_EXPIRIES = SET_EX | SET_PX | SET_EXAT | SET_PXAT,
    OF_SET = SET_NX | SET_XX | SET_GET | SET_KEEPTTL | SET_EXPIRIES,
    OF_GETEX = SET_PERSIST | SET_EXPIRIES,
};

struct set_option {
    char word[8];
    uint16_t flag, excludes;
};

static const struct set_option set_options[] = {
    {"ex", SET_EX, SET_KEEPTTL | SET_PERSIST | (SET_EXPIRIES & ~SET_EX)},
    {"px", SET_PX, SET_KEEPTTL | SET_PERSIST | (SET_EXPIRIES & ~SET_PX)},
    {"nx", SET_NX, SET_XX},
    {"xx", SET_XX, SET_NX},
    {"get", SET_GET, 0},
    {"exat", SET_EXAT, SET_KEEPTTL | SET_PERSIST | (SET_EXPIRIES & ~SET_EXAT)},
    {"pxat", SET_PXAT, SET_KEEPTTL | SET_PERSIST | (SET_EXPIRIES & ~SET_PXAT)},
    {"keepttl", SET_KEEPTTL, SET_PERSIST | SET_EXPIRIES},
    {"persist", SET_PERSIST, SET_KEEPTTL | SET_EXPIRIES},
};

static const struct set_option *find_option(const struct arg *a, unsigned allowed)
{
    for (size_t i = 0; i < sizeof set_options / sizeof *set_options; i++)
        if ((set_options[i].flag & allowed) && arg_is(a, set_options[i].word))
            return &set_options[i];
    return NULL;
}

/* Reads the options from argv[at] on; *expiry is the argument of EX and the like, NULL without one. False: replied. */
static bool parse_options(struct cmd_ctx *c, int at, unsigned allowed, unsigned *flags, const struct arg **expiry)
{
    *flags = 0;
    *expiry = NULL;
    for (; at < c->argc; at++) {
        const struct set_option *o = find_option(&c->argv[at], allowed);
        bool takes_value = o && (o->flag & SET_EXPIRIES);
        if (!o || (*flags & o->excludes) || (takes_value && at + 1 == c->argc)) {
            reply_syntax_error(c);
            return false;
        }
        *flags |= o->flag;
        if (takes_value)
            *expiry = &c->argv[++at];
    }
    return true;
}

static bool option_expiry(struct cmd_ctx *c, const struct arg *a, unsigned flags, int64_t *ms)
{
    *ms = STORE_NO_EXPIRY;
    if (!a)
        return true;
    enum expiry_unit unit = flags & (SET_EX | SET_EXAT) ? EXPIRY_SECONDS : EXPIRY_MS;
    return arg_expiry(c, a, unit, flags & (SET_EX | SET_PX), ms);
}

static void reply_old(struct cmd_ctx *c, bool found, const struct entry *e)
{
    if (found)
        reply_value(c, e);
    else
        reply_null(c->out);
}

enum cmd_status cmd_get(struct cmd_ctx *c)
{
    struct entry e;
    if (store_read(c->sx, &c->keys[0], &e))
        reply_value(c, &e);
    else
        reply_null(c->out);
    return CMD_DONE;
}

static enum cmd_status set_with_options(struct cmd_ctx *c)
{
    unsigned flags;
    const struct arg *expiry;
    int64_t expire_ms;
    if (!parse_options(c, 3, OF_SET, &flags, &expiry) || !option_expiry(c, expiry, flags, &expire_ms))
        return CMD_DONE;

    const struct skey *k = &c->keys[0];
    struct entry e;
    bool get = flags & SET_GET;
    bool found = store_find(c->sx, k, &e);
    bool refused = (found && (flags & SET_NX)) || (!found && (flags & SET_XX));
    if (get && !refused) {
        bool expires = expiry || (found && (flags & SET_KEEPTTL) && store_expiry(&e) != STORE_NO_EXPIRY);
        enum store_status reserved = reserve_arg(c, k, &c->argv[2], expires);
        if (reserved != STORE_OK)
            return store_refused(c, reserved);
    }
    if (get) /* looked up again: what is reserved may have moved the index */
        found = store_read(c->sx, k, &e);
    if (get || refused)
        reply_old(c, get && found, &e);
    if (refused)
        return CMD_DONE;
    enum store_status put = put_arg(c, k, &e, &c->argv[2], expire_ms, flags & SET_KEEPTTL ? STORE_KEEPTTL : 0);
    if (put != STORE_OK)
        return store_refused(c, put);
    notify_key(c, NOTICE_SET, k);
    if (expiry)
        notify_key(c, NOTICE_EXPIRE, k);
    if (!get)
        reply_ok(c->out);
    return CMD_DONE;
}

enum cmd_status cmd_set(struct cmd_ctx *c)
{
    if (UNLIKELY(c->argc != 3))
        return set_with_options(c);
    struct entry e;
    store_find(c->sx, &c->keys[0], &e);
    enum store_status put = put_arg(c, &c->keys[0], &e, &c->argv[2], STORE_NO_EXPIRY, 0);
    if (UNLIKELY(put != STORE_OK))
        return store_refused(c, put);
    notify_key(c, NOTICE_SET, &c->keys[0]);
    reply_ok(c->out);
    return CMD_DONE;
}

enum cmd_status cmd_getdel(struct cmd_ctx *c)
{
    struct entry e;
    bool found = store_read(c->sx, &c->keys[0], &e);
    reply_old(c, found, &e);
    if (found) {
        store_delete(c->sx, &c->keys[0], &e);
        notify_key(c, NOTICE_DEL, &c->keys[0]);
    }
    return CMD_DONE;
}

enum cmd_status cmd_getex(struct cmd_ctx *c)
{
    unsigned flags;
    const struct arg *expiry;
    int64_t expire_ms;
    struct entry e;
    const struct skey *k = &c->keys[0];
    if (!parse_options(c, 2, OF_GETEX, &flags, &expiry))
        return CMD_DONE;
    if (!store_read(c->sx, k, &e)) {
        reply_null(c->out);
        return CMD_DONE;
    }
    if (!option_expiry(c, expiry, flags, &expire_ms))
        return CMD_DONE;

    bool past = expiry && expire_ms <= c->now_ms;
    if (!past && (expiry || ((flags & SET_PERSIST) && store_expiry(&e) != STORE_NO_EXPIRY))) {
        enum store_status set = store_expire(c->sx, k, &e, expire_ms);
        if (set != STORE_OK)
            return store_refused(c, set);
        notify_key(c, expiry ? NOTICE_EXPIRE : NOTICE_PERSIST, k);
    }
    reply_value(c, &e);
    if (past) {
        store_delete(c->sx, k, &e);
        notify_key(c, NOTICE_DEL, k);
    }
    return CMD_DONE;
}

enum cmd_status cmd_getset(struct cmd_ctx *c)
{
    struct entry e;
    const struct skey *k = &c->keys[0];
    store_find(c->sx, k, &e); /* an expired one goes now: its going later could use up what is reserved */
    enum store_status status = reserve_arg(c, k, &c->argv[2], false);
    if (status != STORE_OK)
        return store_refused(c, status);
    reply_old(c, store_read(c->sx, k, &e), &e);
    status = put_arg(c, k, &e, &c->argv[2], STORE_NO_EXPIRY, 0);
    if (status != STORE_OK)
        return store_refused(c, status);
    notify_key(c, NOTICE_SET, k);
    return CMD_DONE;
}

enum cmd_status cmd_getrange(struct cmd_ctx *c)
{
    int64_t start, end;
    struct entry e;
    if (!arg_int(c, &c->argv[2], NULL, &start) || !arg_int(c, &c->argv[3], NULL, &end))
        return CMD_DONE;
    if (store_read(c->sx, &c->keys[0], &e) && !range_reversed(start, end) &&
        range_clamp(&start, &end, (int64_t)store_value_len(&e)))
        reply_value_range(c, &e, (size_t)start, (size_t)(end - start + 1));
    else
        reply_bulk(c->out, "", 0);
    return CMD_DONE;
}

enum cmd_status cmd_substr(struct cmd_ctx *c)
{
    return cmd_getrange(c);
}

enum cmd_status cmd_setrange(struct cmd_ctx *c)
{
    int64_t at;
    if (!arg_int(c, &c->argv[2], NULL, &at))
        return CMD_DONE;
    if (at < 0) {
        reply_error(c->out, "ERR offset is out of range");
        return CMD_DONE;
    }
    struct entry e;
    const struct skey *k = &c->keys[0];
    struct arg *a = &c->argv[3];
    bool found = store_find(c->sx, k, &e);
    size_t len = found ? store_value_len(&e) : 0;
    if (a->len == 0) {
        reply_int(c->out, (int64_t)len);
        return CMD_DONE;
    }
    const char *p = NULL;
    if (!length_allowed(c, (uint64_t)at + a->len) || !(p = flat_arg(c, a)))
        return CMD_DONE;
    enum store_status status = write_at(c, k, &e, found, (size_t)at, p, a->len);
    if (status != STORE_OK)
        return store_refused(c, status);
    notify_key(c, NOTICE_SETRANGE, k);
    reply_int(c->out, (int64_t)store_value_len(&e));
    return CMD_DONE;
}

/* SETEX, PSETEX: key, expiry, value. */
static enum cmd_status set_expiring(struct cmd_ctx *c, enum expiry_unit unit)
{
    int64_t expire_ms;
    if (!arg_expiry(c, &c->argv[2], unit, true, &expire_ms))
        return CMD_DONE;
    struct entry e;
    store_find(c->sx, &c->keys[0], &e);
    enum store_status put = put_arg(c, &c->keys[0], &e, &c->argv[3], expire_ms, 0);
    if (put != STORE_OK)
        return store_refused(c, put);
    notify_key(c, NOTICE_SET, &c->keys[0]);
    notify_key(c, NOTICE_EXPIRE, &c->keys[0]);
    reply_ok(c->out);
    return CMD_DONE;
}

enum cmd_status cmd_setex(struct cmd_ctx *c)
{
    return set_expiring(c, EXPIRY_SECONDS);
}

enum cmd_status cmd_psetex(struct cmd_ctx *c)
{
    return set_expiring(c, EXPIRY_MS);
}

enum cmd_status cmd_setnx(struct cmd_ctx *c)
{
    struct entry e;
    bool found = store_find(c->sx, &c->keys[0], &e);
    if (!found) {
        enum store_status put = put_arg(c, &c->keys[0], &e, &c->argv[2], STORE_NO_EXPIRY, 0);
        if (put != STORE_OK)
            return store_refused(c, put);
        notify_key(c, NOTICE_SET, &c->keys[0]);
    }
    reply_int(c->out, !found);
    return CMD_DONE;
}

enum cmd_status cmd_mget(struct cmd_ctx *c)
{
    reply_array(c->out, c->nkeys);
    for (uint32_t i = 0; i < c->nkeys; i++) {
        struct entry e;
        if (store_read(c->sx, &c->keys[i], &e))
            reply_value(c, &e);
        else
            reply_null(c->out);
    }
    return CMD_DONE;
}

/* A large value that the store has taken over already: it was short nevertheless after reserving, and the command is
 * called again. */
static bool was_taken(const struct arg *a)
{
    return UNLIKELY(a->p == NULL && a->big == NULL);
}

/* Writes all pairs, or none. A lone pair is that anyway. */
static enum store_status put_pairs(struct cmd_ctx *c)
{
    enum store_status status = STORE_OK;
    for (uint32_t i = 0; c->nkeys > 1 && i < c->nkeys && status == STORE_OK; i++)
        if (!was_taken(&c->argv[2 * i + 2]))
            status = reserve_arg(c, &c->keys[i], &c->argv[2 * i + 2], false);
    for (uint32_t i = 0; i < c->nkeys && status == STORE_OK; i++) {
        struct entry e;
        struct arg *a = &c->argv[2 * i + 2];
        if (!was_taken(a)) {
            store_find(c->sx, &c->keys[i], &e);
            status = put_arg(c, &c->keys[i], &e, a, STORE_NO_EXPIRY, 0);
        }
        if (status == STORE_OK)
            notify_key(c, NOTICE_SET, &c->keys[i]);
    }
    return status;
}

enum cmd_status cmd_mset(struct cmd_ctx *c)
{
    if (c->argc % 2 == 0) {
        reply_arity_error(c);
        return CMD_DONE;
    }
    enum store_status status = put_pairs(c);
    if (UNLIKELY(status != STORE_OK))
        return store_refused(c, status);
    reply_ok(c->out);
    return CMD_DONE;
}

enum cmd_status cmd_msetnx(struct cmd_ctx *c)
{
    if (c->argc % 2 == 0) {
        reply_arity_error(c);
        return CMD_DONE;
    }
    for (uint32_t i = 0; i < c->nkeys; i++) {
        struct entry e;
        if (store_find(c->sx, &c->keys[i], &e)) {
            reply_int(c->out, 0);
            return CMD_DONE;
        }
    }
    enum store_status status = put_pairs(c);
    if (status != STORE_OK)
        return store_refused(c, status);
    reply_int(c->out, 1);
    return CMD_DONE;
}

enum cmd_status cmd_append(struct cmd_ctx *c)
{
    struct entry e;
    const struct skey *k = &c->keys[0];
    struct arg *a = &c->argv[2];
    enum store_status status;
    size_t len = a->len;
    if (!store_find(c->sx, k, &e)) {
        status = put_arg(c, k, &e, a, STORE_NO_EXPIRY, 0);
    } else {
        size_t at = store_value_len(&e);
        len += at;
        const char *p = NULL;
        if (!length_allowed(c, len) || !(p = flat_arg(c, a)))
            return CMD_DONE;
        status = store_write(c->sx, k, &e, at, p, a->len);
    }
    if (status != STORE_OK)
        return store_refused(c, status);
    notify_key(c, NOTICE_APPEND, k);
    reply_int(c->out, (int64_t)len);
    return CMD_DONE;
}

enum cmd_status cmd_strlen(struct cmd_ctx *c)
{
    struct entry e;
    bool found = store_read(c->sx, &c->keys[0], &e);
    reply_int(c->out, found ? (int64_t)store_value_len(&e) : 0);
    return CMD_DONE;
}
