/* Glob patterns, as KEYS, SCAN MATCH, CONFIG GET and PSUBSCRIBE understand them.
 *
 *   ?  any byte    *  any bytes    [abc] [a-z] [^abc]  one of, none of    \x  x itself (in brackets too)
 * A bracket that is not closed ends with the pattern; a backslash at the end stands for itself. */
#ifndef FLAGSTONE_PROTOCOL_GLOB_H
#define FLAGSTONE_PROTOCOL_GLOB_H

#include <stdbool.h>
#include <stddef.h>

/* True when the whole text matches. Both are binary. `nocase` ignores the case of ASCII letters. Time is at most in
 * proportion to pattern length times text length, whatever the pattern is; no allocation. */
bool glob_match(const char *pattern, size_t pattern_len, const char *text, size_t text_len, bool nocase);

/* True when the pattern has none of the special characters, so that it can only match the text that equals it. */
bool glob_is_literal(const char *pattern, size_t pattern_len);

#endif
