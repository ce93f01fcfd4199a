/* Arguments: options, integers and expiries as commands take them, with Redis's errors where they are wrong. */
#ifndef FLAGSTONE_SERVER_ARGS_H
#define FLAGSTONE_SERVER_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "server/command.h"

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

/* A range of bytes or bits, both ends inclusive, negative ones counted from the end: clamped to [0, len). False: it is
 * empty. */
bool range_clamp(int64_t *start, int64_t *end, int64_t len);

/* GETRANGE and BITCOUNT take a range whose ends are both negative and the wrong way round for empty, before they
 * clamp it. */
static inline bool range_reversed(int64_t start, int64_t end)
{
    return start < 0 && end < 0 && start > end;
}

#endif
