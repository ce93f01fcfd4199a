/* See text.h. Grows by doubling. After memory was short nothing more is appended and `failed` says so. */
#include "server/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_LEAST = 1024 };

/* Room for n more bytes and the terminator. */
static bool make_room(struct text *t, size_t n)
{
    if (t->failed)
        return false;
    if (t->room - t->len > n)
        return true;
    size_t room = t->room > 0 ? t->room : TEXT_LEAST;
    while (room - t->len <= n)
        room *= 2;
    char *p = realloc(t->p, room);
    if (p == NULL) {
        t->failed = true;
        return false;
    }
    t->p = p;
    t->room = room;
    return true;
}

void text_add(struct text *t, const char *p, size_t n)
{
    if (!make_room(t, n))
        return;
    memcpy(t->p + t->len, p, n);
    t->len += n;
    t->p[t->len] = '\0';
}

void text_puts(struct text *t, const char *s)
{
    text_add(t, s, strlen(s));
}

void text_printf(struct text *t, const char *format, ...)
{
    char line[512];
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    if (n < (int)sizeof line) {
        text_add(t, line, n < 0 ? 0 : (size_t)n);
        return;
    }
    if (!make_room(t, (size_t)n))
        return;
    va_start(ap, format);
    vsnprintf(t->p + t->len, (size_t)n + 1, format, ap);
    va_end(ap);
    t->len += (size_t)n;
}

void text_free(struct text *t)
{
    free(t->p);
    memset(t, 0, sizeof *t);
}

void text_reply(struct text *t, struct reply *out)
{
    if (t->failed)
        reply_error(out, "ERR not enough memory to compose the reply");
    else
        reply_verbatim(out, "txt", t->p != NULL ? t->p : "", t->len);
    text_free(t);
}

const char *text_bytes(char buf[TEXT_BYTES_CHARS], unsigned long long bytes)
{
    static const char unit[] = "BKMGTP";
    double v = (double)bytes;
    unsigned u = 0;
    while (v >= 1024 && u < sizeof unit - 2) {
        v /= 1024;
        u++;
    }
    if (u == 0)
        snprintf(buf, TEXT_BYTES_CHARS, "%lluB", bytes);
    else
        snprintf(buf, TEXT_BYTES_CHARS, "%.2f%c", v, unit[u]);
    return buf;
}
