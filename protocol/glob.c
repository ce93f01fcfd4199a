/* Glob patterns.
 *
 * Every element of a pattern but the star matches exactly one byte, so it is enough to go back to the last star: were
 * an earlier one to take more, the later one could take less. So the time is bounded by the product of the lengths,
 * where trying all stars would be exponential. */
#include "protocol/glob.h"

#include <string.h>

static unsigned char fold(char c, bool nocase)
{
    unsigned char u = (unsigned char)c;
    return nocase && u >= 'A' && u <= 'Z' ? (unsigned char)(u + ('a' - 'A')) : u;
}

/* A bracket expression from behind its '['. Returns the position behind it and tells whether the byte is in it. As in
 * Redis a ']' that ends a range belongs to the range, and an escaped byte matches in its own case only. */
static const char *match_class(const char *p, const char *end, char text, bool nocase, bool *in)
{
    unsigned char c = fold(text, nocase);
    bool negated = p < end && *p == '^', found = false;
    if (negated)
        p++;
    while (p < end && *p != ']') {
        if (*p == '\\' && end - p >= 2) {
            found |= p[1] == text;
            p += 2;
        } else if (end - p >= 3 && p[1] == '-') {
            unsigned char low = (unsigned char)p[0], high = (unsigned char)p[2];
            if (low > high) {
                unsigned char swap = low;
                low = high;
                high = swap;
            }
            low = fold((char)low, nocase);
            high = fold((char)high, nocase);
            found |= c >= low && c <= high;
            p += 3;
        } else {
            found |= fold(*p, nocase) == c;
            p++;
        }
    }
    *in = found != negated;
    return p < end ? p + 1 : p;
}

/* Matches one element (not a star) with one byte; returns the position behind the element, NULL for no match. */
static const char *match_one(const char *p, const char *end, char text, bool nocase)
{
    unsigned char c = fold(text, nocase);
    bool in;
    switch (*p) {
    case '?':
        return p + 1;
    case '[':
        p = match_class(p + 1, end, text, nocase, &in);
        return in ? p : NULL;
    case '\\':
        if (end - p >= 2)
            p++;
        break;
    default:
        break;
    }
    return fold(*p, nocase) == c ? p + 1 : NULL;
}

bool glob_match(const char *pattern, size_t pattern_len, const char *text, size_t text_len, bool nocase)
{
    const char *p = pattern, *end = pattern + pattern_len, *t = text, *text_end = text + text_len;
    const char *star = NULL, *star_text = NULL; /* behind the last star; where its rest was tried last */
    if (text_len == 0)                          /* as in Redis, where no more than one star matches the empty key */
        return pattern_len == 0 || (pattern_len == 1 && *pattern == '*');
    while (t < text_end) {
        const char *next = NULL;
        if (p < end && *p == '*') {
            star = ++p;
            star_text = t;
            if (p == end)
                return true;
            continue;
        }
        if (p < end)
            next = match_one(p, end, *t, nocase);
        if (next) {
            p = next;
            t++;
        } else if (star) {
            p = star;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < end && *p == '*')
        p++;
    return p == end;
}

bool glob_is_literal(const char *pattern, size_t pattern_len)
{
    for (size_t i = 0; i < pattern_len; i++) {
        if (memchr("*?[\\", pattern[i], 4))
            return false;
    }
    return true;
}
