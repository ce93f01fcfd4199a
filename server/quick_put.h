/* What a plain SET of a pipeline does in the store: the common cases of store_find and store_put in one, with one
 * search of the index. Whatever is not common is left to them. */
#ifndef FLAGSTONE_SERVER_QUICK_PUT_H
#define FLAGSTONE_SERVER_QUICK_PUT_H

#include <stdbool.h>

#include "protocol/request.h"
#include "server/store_private.h"

/* Stores the value under the key, whatever was there; false: short of a chunk, or the value is too long, and nothing
 * has changed. The key has 255 bytes at most, its database is under ITEM_DB_WIDE; its shard is locked. */
bool quick_put(struct store_ctx *sx, struct shard *sh, const struct skey *k, const struct arg *value);

#endif
