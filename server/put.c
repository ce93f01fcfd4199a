/* Writes that several commands have in common. */
#include "server/put.h"

#include "server/notice.h"
#include "server/options.h"
#include "server/server.h"
#include "server/value_reply.h"

void reply_too_big(struct cmd_ctx *c)
{
    reply_error(c->out, "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
}

void reply_no_memory(struct cmd_ctx *c)
{
    reply_error(c->out, "OOM command not allowed when used memory > 'maxmemory'.");
}

/* Of a large value the key's item holds no more than a handle. */
enum { BIG_HANDLE_BYTES = 4 };

enum store_status reserve_arg(struct cmd_ctx *c, const struct skey *k, const struct arg *a, bool expires)
{
    return store_reserve(c->sx, k, a->big ? (size_t)BIG_HANDLE_BYTES : a->len, expires);
}

bool length_allowed(struct cmd_ctx *c, uint64_t len)
{
    if (len <= (uint64_t)OPT(c->srv->opt, proto_max_bulk_len))
        return true;
    reply_too_big(c);
    return false;
}

const char *flat_arg(struct cmd_ctx *c, struct arg *a)
{
    const char *p = arg_flatten(c, a);
    if (!p)
        reply_no_memory(c);
    return p;
}

enum store_status write_at(struct cmd_ctx *c, const struct skey *k, struct entry *e, bool found, size_t at,
                           const char *p, size_t n)
{
    static const struct part nothing = {"", 0};
    enum store_status status = STORE_OK;
    size_t mark = notices_mark(c->sx);
    if (!found)
        status = store_put(c->sx, k, e, &nothing, 1, NULL, STORE_NO_EXPIRY, STORE_RAW);
    if (status != STORE_OK)
        return status;
    status = store_write(c->sx, k, e, at, p, n);
    if (status != STORE_OK && !found) {
        store_delete(c->sx, k, e);
        notices_take_back(c->sx, mark);
    }
    return status;
}
