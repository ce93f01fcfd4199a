/* Counting and finding bits of a stored value, whatever pieces it lies in. Bit 0 is the highest of byte 0. */
#ifndef FLAGSTONE_SERVER_BIT_RANGE_H
#define FLAGSTONE_SERVER_BIT_RANGE_H

#include <stdint.h>

#include "server/store.h"

/* Both look at bits first .. last of a found value, inclusive, with 0 <= first <= last < its length in bits. The key's
 * shard is locked. bit_range_find: the first bit that is `bit`, -1 where there is none. */
int64_t bit_range_count(struct store_ctx *sx, const struct entry *e, int64_t first, int64_t last);
int64_t bit_range_find(struct store_ctx *sx, const struct entry *e, int64_t first, int64_t last, int bit);

/* The byte at `at` of a value; 0 beyond its end. */
uint8_t value_byte(struct store_ctx *sx, const struct entry *e, size_t at);

#endif
