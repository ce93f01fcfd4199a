/* Numbers and text, exactly as Redis reads and writes them.
 *
 * Integers are read strictly: a stored value is an integer only if writing the integer gives the same bytes, which is
 * what lets INCR and OBJECT ENCODING go by the text. They are written two digits at a time from a table. Floating
 * point goes through the C library, whose text for 80-bit long doubles is what clients of INCRBYFLOAT see. */
#include "protocol/number.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { U64_MAX_DIGITS = 20 };

bool number_parse_u64(const char *p, size_t n, uint64_t *v)
{
    if (n == 0 || n > U64_MAX_DIGITS)
        return false;
    if (p[0] == '0') {
        *v = 0;
        return n == 1;
    }
    uint64_t sum = 0;
    size_t plain = n < U64_MAX_DIGITS ? n : U64_MAX_DIGITS - 1; /* so many digits cannot overflow */
    for (size_t i = 0; i < plain; i++) {
        unsigned digit = (unsigned char)p[i] - '0';
        if (digit > 9)
            return false;
        sum = sum * 10 + digit;
    }
    if (n == U64_MAX_DIGITS) {
        unsigned digit = (unsigned char)p[n - 1] - '0';
        if (digit > 9 || __builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, digit, &sum))
            return false;
    }
    *v = sum;
    return true;
}

bool number_parse_i64(const char *p, size_t n, int64_t *v)
{
    uint64_t u;
    if (n == 0)
        return false;
    if (p[0] != '-') {
        if (!number_parse_u64(p, n, &u) || u > INT64_MAX)
            return false;
        *v = (int64_t)u;
        return true;
    }
    if (!number_parse_u64(p + 1, n - 1, &u) || u == 0 || u > (uint64_t)INT64_MAX + 1)
        return false;
    *v = (int64_t)(0 - u);
    return true;
}

static const char digit_pairs[201] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                                     "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                                     "8081828384858687888990919293949596979899";

static size_t count_digits(uint64_t v)
{
    size_t n = 1;
    for (; v >= 10000; v /= 10000)
        n += 4;
    return n + (v >= 10) + (v >= 100) + (v >= 1000);
}

size_t number_write_u64(char *to, uint64_t v)
{
    size_t n = count_digits(v);
    char *at = to + n;
    while (v >= 100) {
        at -= 2;
        memcpy(at, digit_pairs + 2 * (v % 100), 2);
        v /= 100;
    }
    if (v >= 10)
        memcpy(to, digit_pairs + 2 * v, 2);
    else
        to[0] = (char)('0' + v);
    return n;
}

size_t number_write_i64(char *to, int64_t v)
{
    if (v >= 0)
        return number_write_u64(to, (uint64_t)v);
    to[0] = '-';
    return 1 + number_write_u64(to + 1, 0 - (uint64_t)v);
}

bool number_parse_ld(const char *p, size_t n, long double *v)
{
    char text[NUMBER_LD_TEXT_MAX];
    char *end;
    if (n == 0 || n >= sizeof text || p[0] == ' ' || (p[0] >= '\t' && p[0] <= '\r'))
        return false;
    memcpy(text, p, n);
    text[n] = '\0';
    int saved = errno;
    errno = 0;
    long double got = strtold(text, &end);
    bool range = errno == ERANGE && (isinf(got) || got == 0);
    errno = saved;
    if (range || end != text + n || isnan(got))
        return false;
    *v = got;
    return true;
}

size_t number_write_ld(char *to, long double v)
{
    if (isinf(v)) {
        size_t n = v > 0 ? 3 : 4;
        memcpy(to, v > 0 ? "inf" : "-inf", n);
        return n;
    }
    int n = snprintf(to, NUMBER_DOUBLE_MAX_CHARS, "%.17Lf", v);
    size_t len = n < 0 ? 0 : (size_t)n;
    if (len >= NUMBER_DOUBLE_MAX_CHARS)
        len = NUMBER_DOUBLE_MAX_CHARS - 1;
    if (memchr(to, '.', len)) {
        while (to[len - 1] == '0')
            len--;
        if (to[len - 1] == '.')
            len--;
    }
    if (len == 2 && to[0] == '-' && to[1] == '0') {
        to[0] = '0';
        len = 1;
    }
    return len;
}

size_t number_write_double(char *to, double v)
{
    if (isnan(v)) {
        memcpy(to, "nan", 3);
        return 3;
    }
    int n = snprintf(to, NUMBER_SHORT_DOUBLE_MAX_CHARS, "%.17g", v);
    return n < 0 ? 0 : (size_t)n;
}
