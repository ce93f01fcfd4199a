/* Strict where Redis is lenient: an empty amount or a bare unit is refused, since it would silently mean 0, no
 * limit. */
#include "server/memory_size.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

static const struct {
    const char *name;
    int64_t bytes;
} units[] = {
    {"", 1},           {"b", 1},
    {"k", 1000},       {"kb", 1024},
    {"m", 1000000},    {"mb", INT64_C(1) << 20},
    {"g", 1000000000}, {"gb", INT64_C(1) << 30},
};

/* Digits at *s, which is moved behind them. *fits is false where they are too many. */
static bool read_digits(const char **s, int64_t *v, bool *fits)
{
    const char *p = *s;
    *v = 0;
    *fits = true;
    for (; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(*v, 10, v) || __builtin_add_overflow(*v, *p - '0', v))
            *fits = false;
    bool any = p != *s;
    *s = p;
    return any;
}

enum memory_size_status memory_size_parse(const char *s, int64_t *bytes)
{
    bool fits;
    int64_t v;
    if (!read_digits(&s, &v, &fits))
        return MEMORY_SIZE_MALFORMED;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcasecmp(s, units[i].name) != 0)
            continue;
        if (!fits || __builtin_mul_overflow(v, units[i].bytes, &v))
            return MEMORY_SIZE_TOO_BIG;
        *bytes = v;
        return MEMORY_SIZE_OK;
    }
    return MEMORY_SIZE_MALFORMED;
}

bool memory_percent_parse(const char *s, int64_t *percent)
{
    bool fits;
    int64_t v;
    if (!read_digits(&s, &v, &fits) || s[0] != '%' || s[1] != '\0')
        return false;
    *percent = fits ? v : INT64_MAX;
    return true;
}

void memory_size_write(int64_t bytes, char *to, size_t size)
{
    static const struct {
        const char *name;
        int shift;
    } binary[] = {{"gb", 30}, {"mb", 20}, {"kb", 10}};
    for (size_t i = 0; i < sizeof binary / sizeof binary[0] && bytes > 0; i++) {
        if (bytes % (INT64_C(1) << binary[i].shift) == 0) {
            snprintf(to, size, "%" PRId64 "%s", bytes >> binary[i].shift, binary[i].name);
            return;
        }
    }
    snprintf(to, size, "%" PRId64, bytes);
}
