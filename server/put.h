/* Writing values on behalf of commands: arguments to the store, refusals to Redis's errors. */
#ifndef FLAGSTONE_SERVER_PUT_H
#define FLAGSTONE_SERVER_PUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/command.h"
#include "slab/base/assert.h"

/* "string exceeds maximum allowed size"; "OOM command not allowed" where memory beside the store is short. */
void reply_too_big(struct cmd_ctx *c);
void reply_no_memory(struct cmd_ctx *c);

/* What a handler returns where the store refused a write: CMD_RETRY, or CMD_DONE with the error replied. */
static inline enum cmd_status store_refused(struct cmd_ctx *c, enum store_status status)
{
    if (status == STORE_SHORT)
        return CMD_RETRY;
    reply_too_big(c);
    return CMD_DONE;
}

/* Stores an argument as the key's value; one that was received as a large value is taken over as it is. `e` and
 * `flags` are store_put's. */
static inline enum store_status put_arg(struct cmd_ctx *c, const struct skey *k, struct entry *e, struct arg *a,
                                        int64_t expire_ms, unsigned flags)
{
    if (UNLIKELY(a->big != NULL))
        return store_put(c->sx, k, e, NULL, 0, &a->big, expire_ms, flags | STORE_TAKE_BIG);
    struct part value = {a->p, a->len};
    return store_put(c->sx, k, e, &value, 1, NULL, expire_ms, flags);
}

/* store_reserve for a later put_arg. A large value brings its own memory; only what will name it is needed. */
enum store_status reserve_arg(struct cmd_ctx *c, const struct skey *k, const struct arg *a, bool expires);

/* True where a value may become that long; else the error was replied. */
bool length_allowed(struct cmd_ctx *c, uint64_t len);

/* The bytes of an argument in one piece, however it was received; NULL: memory is short, and the error was replied. */
const char *flat_arg(struct cmd_ctx *c, struct arg *a);

/* store_write, which makes the key first where `found` is false; then nothing is left of it if the write is refused. */
enum store_status write_at(struct cmd_ctx *c, const struct skey *k, struct entry *e, bool found, size_t at,
                           const char *p, size_t n);

#endif
