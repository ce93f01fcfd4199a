/* Counters: INCR and its kin. A counter is a string of digits; the store rewrites it in place where the length
 * stays. */
#include <math.h>

#include "protocol/number.h"
#include "server/args.h"
#include "server/handlers.h"
#include "server/notify.h"
#include "server/put.h"

/* Reads a found value as an integer; false and the error replied where it is none. */
static bool value_int(struct cmd_ctx *c, const struct entry *e, int64_t *v)
{
    size_t len;
    const char *p = store_value_flat(e, &len);
    if (LIKELY(p && number_parse_i64(p, len, v)))
        return true;
    reply_error(c->out, "ERR value is not an integer or out of range");
    return false;
}

static enum cmd_status add(struct cmd_ctx *c, int64_t by)
{
    struct entry e;
    const struct skey *k = &c->keys[0];
    int64_t v = 0;
    if (store_find(c->sx, k, &e) && !value_int(c, &e, &v))
        return CMD_DONE;
    if (__builtin_add_overflow(v, by, &v)) {
        reply_error(c->out, "ERR increment or decrement would overflow");
        return CMD_DONE;
    }
    char digits[NUMBER_INT_MAX_CHARS];
    struct part value = {digits, number_write_i64(digits, v)};
    enum store_status put = store_put(c->sx, k, &e, &value, 1, NULL, STORE_NO_EXPIRY, STORE_KEEPTTL);
    if (UNLIKELY(put != STORE_OK))
        return store_refused(c, put);
    notify_key(c, NOTICE_INCRBY, k);
    reply_int(c->out, v);
    return CMD_DONE;
}

enum cmd_status cmd_incr(struct cmd_ctx *c)
{
    return add(c, 1);
}

enum cmd_status cmd_decr(struct cmd_ctx *c)
{
    return add(c, -1);
}

enum cmd_status cmd_incrby(struct cmd_ctx *c)
{
    int64_t by;
    return arg_int(c, &c->argv[2], NULL, &by) ? add(c, by) : CMD_DONE;
}

enum cmd_status cmd_decrby(struct cmd_ctx *c)
{
    int64_t by;
    if (!arg_int(c, &c->argv[2], NULL, &by))
        return CMD_DONE;
    if (by == INT64_MIN) {
        reply_error(c->out, "ERR decrement would overflow");
        return CMD_DONE;
    }
    return add(c, -by);
}

enum cmd_status cmd_incrbyfloat(struct cmd_ctx *c)
{
    struct entry e;
    const struct skey *k = &c->keys[0];
    struct arg *a = &c->argv[2];
    long double v = 0, by = 0;
    bool ok = true;
    if (store_find(c->sx, k, &e)) {
        char text[NUMBER_LD_TEXT_MAX];
        size_t len = store_value_len(&e);
        ok = len < sizeof text;
        if (ok) { /* a number of thousands of digits may be in pieces */
            store_value_copy(c->sx, &e, 0, len, text);
            ok = number_parse_ld(text, len, &v);
        }
    }
    if (!ok || !a->p || !number_parse_ld(a->p, a->len, &by)) {
        reply_error(c->out, "ERR value is not a valid float");
        return CMD_DONE;
    }
    v += by;
    if (isnan(v) || isinf(v)) {
        reply_error(c->out, "ERR increment would produce NaN or Infinity");
        return CMD_DONE;
    }
    char text[NUMBER_DOUBLE_MAX_CHARS];
    struct part value = {text, number_write_ld(text, v)};
    enum store_status put = store_put(c->sx, k, &e, &value, 1, NULL, STORE_NO_EXPIRY, STORE_KEEPTTL | STORE_TEXT);
    if (put != STORE_OK)
        return store_refused(c, put);
    notify_key(c, NOTICE_INCRBYFLOAT, k);
    reply_bulk(c->out, value.p, value.len);
    return CMD_DONE;
}
