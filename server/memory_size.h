/* Amounts of memory as configuration has them: 100, 1k = 1000, 1kb = 1024, m, mb, g, gb in any case. */
#ifndef FLAGSTONE_SERVER_MEMORY_SIZE_H
#define FLAGSTONE_SERVER_MEMORY_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum memory_size_status { MEMORY_SIZE_OK, MEMORY_SIZE_MALFORMED, MEMORY_SIZE_TOO_BIG };

/* Reads the whole of `s`. Digits are needed: no sign, no fraction, no space. TOO_BIG: it does not fit int64_t. */
enum memory_size_status memory_size_parse(const char *s, int64_t *bytes);

/* Reads "N%": false where it is not of that form. N may be anything that fits. */
bool memory_percent_parse(const char *s, int64_t *percent);

/* Writes with the largest unit that divides it: "1gb", "1536mb", "1000". */
void memory_size_write(int64_t bytes, char *to, size_t size);

#endif
