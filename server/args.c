/* Arguments, read and checked. Nothing here allocates; an argument that was received as a large value (p NULL) is
 * neither a number nor an option, and is told so by its length alone. */
#include "server/args.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

#include "protocol/number.h"
#include "server/options.h"
#include "server/server.h"

bool arg_is(const struct arg *a, const char *lower)
{
    return a->p && a->len == strlen(lower) && strncasecmp(a->p, lower, a->len) == 0;
}

bool arg_int(struct cmd_ctx *c, const struct arg *a, const char *error, int64_t *v)
{
    if (a->p && number_parse_i64(a->p, a->len, v))
        return true;
    reply_error(c->out, error ? error : "ERR value is not an integer or out of range");
    return false;
}

bool arg_int32(struct cmd_ctx *c, const struct arg *a, const char *error, int *v)
{
    int64_t wide;
    if (!arg_int(c, a, error, &wide))
        return false;
    if (wide < INT_MIN || wide > INT_MAX) {
        reply_error(c->out, error ? error : "ERR value is out of range, value must between -2147483648 and 2147483647");
        return false;
    }
    *v = (int)wide;
    return true;
}

bool arg_db(struct cmd_ctx *c, const struct arg *a, int *db)
{
    if (!arg_int32(c, a, NULL, db))
        return false;
    if (*db < 0 || *db >= OPT(c->srv->opt, databases)) {
        reply_error(c->out, "ERR DB index is out of range");
        return false;
    }
    return true;
}

bool arg_expiry(struct cmd_ctx *c, const struct arg *a, enum expiry_unit unit, bool relative, int64_t *ms)
{
    int64_t v;
    if (!arg_int(c, a, NULL, &v))
        return false;
    if (v <= 0 || (unit == EXPIRY_SECONDS && v > INT64_MAX / 1000)) {
        reply_expiry_error(c);
        return false;
    }
    if (unit == EXPIRY_SECONDS)
        v *= 1000;
    if (relative && __builtin_add_overflow(v, c->now_ms, &v)) {
        reply_expiry_error(c);
        return false;
    }
    *ms = v;
    return true;
}

void reply_expiry_error(struct cmd_ctx *c)
{
    reply_errorf(c->out, "ERR invalid expire time in '%s' command", c->cmd->name);
}

void reply_syntax_error(struct cmd_ctx *c)
{
    reply_error(c->out, "ERR syntax error");
}

void reply_arity_error(struct cmd_ctx *c)
{
    reply_errorf(c->out, "ERR wrong number of arguments for '%s' command", c->cmd->name);
}

bool range_clamp(int64_t *start, int64_t *end, int64_t len)
{
    if (*start < 0)
        *start += len;
    if (*end < 0)
        *end += len;
    if (*start < 0)
        *start = 0;
    if (*end < 0)
        *end = 0;
    if (*end >= len)
        *end = len - 1;
    return *start <= *end;
}
