/* Splitting of inline requests into arguments. */
#ifndef FLAGSTONE_PROTOCOL_RESP_INLINE_PRIVATE_H
#define FLAGSTONE_PROTOCOL_RESP_INLINE_PRIVATE_H

#include "protocol/resp_parse.h"

enum inline_status { INLINE_OK, INLINE_UNBALANCED, INLINE_NOMEM };

/* Splits the n bytes at `line` (no line end), unquotes in place and appends the arguments, which point into it. */
enum inline_status resp_inline_split(char *line, size_t n, struct resp_args *args);

/* Room for n more arguments; false: memory is short. */
bool resp_args_grow(struct resp_args *args, size_t n);

#endif
