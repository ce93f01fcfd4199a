/* Replies that carry stored values: small ones are copied into the reply, large ones are pinned and sent from their
 * segments with writev; the pin is dropped when the last byte has left. */
#ifndef FLAGSTONE_SERVER_VALUE_REPLY_H
#define FLAGSTONE_SERVER_VALUE_REPLY_H

#include <stddef.h>

#include "server/command.h"

/* Appends the value of a found entry (or its bytes [at, at+n)) as a bulk string. */
void reply_value(struct cmd_ctx *c, const struct entry *e);
void reply_value_range(struct cmd_ctx *c, const struct entry *e, size_t at, size_t n);

/* An argument as a bulk string, whether it is in the query buffer or was received as a large one. */
void reply_arg(struct cmd_ctx *c, const struct arg *a);

/* Copies a large argument (arg.big) into memory of its own and returns it, NULL when memory is short; arg.p then
 * points to it and the connection frees it after the command. No-op for others. For commands that need to look at the
 * bytes of an argument that nearly always is small. */
const char *arg_flatten(struct cmd_ctx *c, struct arg *a);

#endif
