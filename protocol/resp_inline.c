/* Inline requests: what a person types into a terminal.
 *
 * Arguments are separated by white space. "..." holds \n \r \t \b \a, \xHH and \ before any other byte as that byte;
 * '...' holds \' and else every byte as it is; a closing quote must be followed by white space or the end. Quotes may
 * begin within an argument. The result is never longer than the text, so it is written over it. */
#include "protocol/resp_inline_private.h"

#include <string.h>

#include "protocol/escape.h"

struct cursor {
    const char *from, *end;
    char *to;
};

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* What ends an argument that is not quoted: vertical tab and form feed do not, though they may stand before one. */
static bool is_separator(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* One escape of a double-quoted text; cu->from is at the backslash, and a byte follows it. */
static void unescape(struct cursor *cu)
{
    cu->from += 1 + escape_read(cu->from + 1, cu->end, cu->to);
    cu->to++;
}

/* The rest of a quoted text, from behind its opening quote. False: it is not closed, or something follows directly. */
static bool unquote(struct cursor *cu, char quote)
{
    while (cu->from < cu->end && *cu->from != quote) {
        bool more = cu->end - cu->from >= 2;
        if (*cu->from == '\\' && quote == '"' && more) {
            unescape(cu);
        } else if (*cu->from == '\\' && quote == '\'' && more && cu->from[1] == '\'') {
            *cu->to++ = '\'';
            cu->from += 2;
        } else {
            *cu->to++ = *cu->from++;
        }
    }
    if (cu->from == cu->end)
        return false;
    cu->from++;
    return cu->from == cu->end || is_space(*cu->from);
}

/* One argument. False: its quotes do not match. */
static bool one_arg(struct cursor *cu)
{
    while (cu->from < cu->end && !is_separator(*cu->from)) {
        char c = *cu->from++;
        if (c == '"' || c == '\'')
            return unquote(cu, c);
        *cu->to++ = c;
    }
    return true;
}

enum inline_status resp_inline_split(char *line, size_t n, struct resp_args *args)
{
    struct cursor cu = {line, line + n, line};
    for (;;) {
        while (cu.from < cu.end && is_space(*cu.from))
            cu.from++;
        if (cu.from == cu.end)
            return INLINE_OK;
        char *start = cu.to = line + (cu.from - line);
        if (!one_arg(&cu))
            return INLINE_UNBALANCED;
        if (args->n == args->cap && !resp_args_grow(args, 1))
            return INLINE_NOMEM;
        args->v[args->n++] = (struct arg){start, (size_t)(cu.to - start), NULL};
    }
}
