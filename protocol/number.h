/* Numbers and text, exactly as Redis reads and writes them. */
#ifndef FLAGSTONE_PROTOCOL_NUMBER_H
#define FLAGSTONE_PROTOCOL_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NUMBER_INT_MAX_CHARS = 21, NUMBER_DOUBLE_MAX_CHARS = 5200, NUMBER_SHORT_DOUBLE_MAX_CHARS = 32 };
/* A text from which a long double is read is shorter than this: Redis's own bound. */
enum { NUMBER_LD_TEXT_MAX = 5 * 1024 };

/* Strict: no spaces, no plus, no leading zeros, nothing after; false if it does not fit. */
bool number_parse_i64(const char *p, size_t n, int64_t *v);
bool number_parse_u64(const char *p, size_t n, uint64_t *v);

/* Writes the digits (no terminator), returns how many. */
size_t number_write_i64(char *to, int64_t v);
size_t number_write_u64(char *to, uint64_t v);

/* As INCRBYFLOAT reads its argument: long double, no spaces, no nan; inf is read (the caller refuses the result). */
bool number_parse_ld(const char *p, size_t n, long double *v);
/* As INCRBYFLOAT writes: %.17Lf without trailing zeros. Returns the length. `to` has NUMBER_DOUBLE_MAX_CHARS. */
size_t number_write_ld(char *to, long double v);

/* As replies carry doubles: %.17g, inf, -inf, nan. Returns the length. `to` has NUMBER_SHORT_DOUBLE_MAX_CHARS. */
size_t number_write_double(char *to, double v);

#endif
