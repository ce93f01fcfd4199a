/* Arguments: options, integers and expiries as commands take them, with Redis's errors where they are wrong. */
#ifndef FLAGSTONE_SERVER_ARGS_H
#define FLAGSTONE_SERVER_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "server/command.h"
#include "slab/base/assert.h"

/* True where the argument is the word, in any case. `lower` is in lower case. */
bool arg_is(const struct arg *a, const char *lower);

/* Reads an integer. False: it is none, or out of range, and the error was replied: `error`, or where that is NULL
 * "ERR value is not an integer or out of range". */
bool arg_int(struct cmd_ctx *c, const struct arg *a, const char *error, int64_t *v);

/* The same for a C int (database numbers); what fits 64 bits and not 32 has an error text of its own, as in Redis. */
bool arg_int32(struct cmd_ctx *c, const struct arg *a, const char *error, int *v);

/* A database number in 0 .. databases-1; false and the error replied for any other. */
bool arg_db(struct cmd_ctx *c, const struct arg *a, int *db);

enum expiry_unit { EXPIRY_SECONDS, EXPIRY_MS };

/* Reads the expiry that SET, SETEX and GETEX take, which must be positive; `relative`: counted from now. *ms is Unix
 * time. False: replied the error, which names the command. */
bool arg_expiry(struct cmd_ctx *c, const struct arg *a, enum expiry_unit unit, bool relative, int64_t *ms);
void reply_expiry_error(struct cmd_ctx *c);

void reply_syntax_error(struct cmd_ctx *c);
void reply_arity_error(struct cmd_ctx *c);
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

/* Stores an argument as the key's value; one that was received as a large value is taken over as it is. */
static inline enum store_status put_arg(struct cmd_ctx *c, const struct skey *k, struct entry *e, struct arg *a,
                                        int64_t expire_ms, unsigned flags)
{
    if (UNLIKELY(a->big))
        return store_put(c->sx, k, e, NULL, 0, &a->big, expire_ms, flags | STORE_TAKE_BIG);
    struct part value = {a->p, a->len};
    return store_put(c->sx, k, e, &value, 1, NULL, expire_ms, flags);
}

/* Where a range of bytes or bits lies: both ends inclusive, negative ones counted from the end, clamped to [0, len).
 * False: it is empty. */
bool range_clamp(int64_t *start, int64_t *end, int64_t len);

#endif
