/* Expiry: setting it, asking for it, taking it away. A time that has passed deletes the key at once. */
#include "server/args.h"
#include "server/handlers.h"
#include "server/notify.h"
#include "server/put.h"

enum { EXPIRE_NX = 1, EXPIRE_XX = 2, EXPIRE_GT = 4, EXPIRE_LT = 8 };

static bool parse_conditions(struct cmd_ctx *c, unsigned *flags)
{
    static const char words[4][3] = {"nx", "xx", "gt", "lt"}; /* in the order of the bits */
    *flags = 0;
    for (int i = 3; i < c->argc; i++) {
        int w = 0;
        while (w < 4 && !arg_is(&c->argv[i], words[w]))
            w++;
        if (w == 4) {
            const char *p = flat_arg(c, &c->argv[i]);
            if (p)
                reply_errorf(c->out, "ERR Unsupported option %.*s", (int)c->argv[i].len, p);
            return false;
        }
        *flags |= 1u << w;
    }
    if ((*flags & EXPIRE_NX) && (*flags & ~(unsigned)EXPIRE_NX)) {
        reply_error(c->out, "ERR NX and XX, GT or LT options at the same time are not compatible");
        return false;
    }
    if ((*flags & EXPIRE_GT) && (*flags & EXPIRE_LT)) {
        reply_error(c->out, "ERR GT and LT options at the same time are not compatible");
        return false;
    }
    return true;
}

/* No expiry counts as one that never comes. */
static bool condition_holds(unsigned flags, int64_t old_ms, int64_t new_ms)
{
    bool has = old_ms != STORE_NO_EXPIRY;
    if ((flags & EXPIRE_NX) && has)
        return false;
    if ((flags & EXPIRE_XX) && !has)
        return false;
    if ((flags & EXPIRE_GT) && (!has || new_ms <= old_ms))
        return false;
    return !((flags & EXPIRE_LT) && has && new_ms >= old_ms);
}

/* Reads the time, which may be negative, as milliseconds of Unix time. */
static bool parse_time(struct cmd_ctx *c, enum expiry_unit unit, bool relative, int64_t *ms)
{
    if (!arg_int(c, &c->argv[2], NULL, ms))
        return false;
    bool over = unit == EXPIRY_SECONDS && __builtin_mul_overflow(*ms, 1000, ms);
    if (over || (relative && __builtin_add_overflow(*ms, c->now_ms, ms))) {
        reply_expiry_error(c);
        return false;
    }
    return true;
}

static enum cmd_status expire(struct cmd_ctx *c, enum expiry_unit unit, bool relative)
{
    unsigned flags;
    int64_t when;
    struct entry e;
    const struct skey *k = &c->keys[0];
    if (!parse_conditions(c, &flags) || !parse_time(c, unit, relative, &when))
        return CMD_DONE;
    if (!store_find(c->sx, k, &e) || !condition_holds(flags, store_expiry(&e), when)) {
        reply_int(c->out, 0);
        return CMD_DONE;
    }
    if (when <= c->now_ms) {
        store_delete(c->sx, k, &e);
        notify_key(c, NOTICE_DEL, k);
    } else {
        enum store_status set = store_expire(c->sx, k, &e, when);
        if (set != STORE_OK)
            return store_refused(c, set);
        store_touch(c->sx, &e);
        notify_key(c, NOTICE_EXPIRE, k);
    }
    reply_int(c->out, 1);
    return CMD_DONE;
}

enum cmd_status cmd_expire(struct cmd_ctx *c)
{
    return expire(c, EXPIRY_SECONDS, true);
}

enum cmd_status cmd_pexpire(struct cmd_ctx *c)
{
    return expire(c, EXPIRY_MS, true);
}

enum cmd_status cmd_expireat(struct cmd_ctx *c)
{
    return expire(c, EXPIRY_SECONDS, false);
}

enum cmd_status cmd_pexpireat(struct cmd_ctx *c)
{
    return expire(c, EXPIRY_MS, false);
}

/* -2: no such key, -1: no expiry. `relative`: what is left of it. Seconds are rounded to the nearest. */
static enum cmd_status expiry(struct cmd_ctx *c, enum expiry_unit unit, bool relative)
{
    struct entry e;
    int64_t ms = -2;
    if (store_probe(c->sx, &c->keys[0], &e)) {
        ms = store_expiry(&e);
        if (ms != STORE_NO_EXPIRY) {
            if (relative)
                ms = ms > c->now_ms ? ms - c->now_ms : 0;
            if (unit == EXPIRY_SECONDS)
                ms = ms / 1000 + (ms % 1000 >= 500);
        }
    }
    reply_int(c->out, ms);
    return CMD_DONE;
}

enum cmd_status cmd_ttl(struct cmd_ctx *c)
{
    return expiry(c, EXPIRY_SECONDS, true);
}

enum cmd_status cmd_pttl(struct cmd_ctx *c)
{
    return expiry(c, EXPIRY_MS, true);
}

enum cmd_status cmd_expiretime(struct cmd_ctx *c)
{
    return expiry(c, EXPIRY_SECONDS, false);
}

enum cmd_status cmd_pexpiretime(struct cmd_ctx *c)
{
    return expiry(c, EXPIRY_MS, false);
}

enum cmd_status cmd_persist(struct cmd_ctx *c)
{
    struct entry e;
    bool had = store_find(c->sx, &c->keys[0], &e) && store_expiry(&e) != STORE_NO_EXPIRY;
    if (had) {
        enum store_status set = store_expire(c->sx, &c->keys[0], &e, STORE_NO_EXPIRY);
        if (set != STORE_OK)
            return store_refused(c, set);
        notify_key(c, NOTICE_PERSIST, &c->keys[0]);
    }
    reply_int(c->out, had);
    return CMD_DONE;
}
