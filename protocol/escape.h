/* Escapes of double-quoted texts, the same in inline requests and in configuration files: \n \r \t \b \a, \xHH; any
 * other byte after a backslash is itself. */
#ifndef FLAGSTONE_PROTOCOL_ESCAPE_H
#define FLAGSTONE_PROTOCOL_ESCAPE_H

#include <stddef.h>

static inline int escape_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Reads the escape at p, which begins behind the backslash; at least one byte is before `end`. Stores the byte that it
 * stands for and returns how many it takes. */
static inline size_t escape_read(const char *p, const char *end, char *byte)
{
    if (*p == 'x' && end - p >= 3 && escape_hex(p[1]) >= 0 && escape_hex(p[2]) >= 0) {
        *byte = (char)(escape_hex(p[1]) * 16 + escape_hex(p[2]));
        return 3;
    }
    switch (*p) {
    case 'n':
        *byte = '\n';
        break;
    case 'r':
        *byte = '\r';
        break;
    case 't':
        *byte = '\t';
        break;
    case 'b':
        *byte = '\b';
        break;
    case 'a':
        *byte = '\a';
        break;
    default:
        *byte = *p;
    }
    return 1;
}

#endif
