/* A word's text never is longer than the rest of the line, so it is built in an allocation of that length. */
#include "server/conf_words.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/escape.h"

struct cursor {
    const char *p, *end;
};

static bool at_space(const struct cursor *c)
{
    return c->p < c->end && isspace((unsigned char)*c->p);
}

/* What follows a backslash within "..."; the cursor is on it and is left behind it. */
static char escaped(struct cursor *c)
{
    char byte;
    c->p += escape_read(c->p, c->end, &byte);
    return byte;
}

/* The inside of quotes; the cursor is behind the opening one. */
static enum conf_words_status quoted(struct cursor *c, char quote, char *to, size_t *n)
{
    while (c->p < c->end && *c->p != quote) {
        char byte = *c->p++;
        if (byte == '\\' && c->p < c->end && (quote == '"' || *c->p == '\''))
            byte = quote == '"' ? escaped(c) : *c->p++;
        if (byte == '\0')
            return CONF_WORDS_ZERO;
        to[(*n)++] = byte;
    }
    if (c->p == c->end)
        return CONF_WORDS_UNBALANCED;
    c->p++;
    return c->p == c->end || at_space(c) ? CONF_WORDS_OK : CONF_WORDS_UNBALANCED;
}

/* One word into `to`. Quotes may open inside of a word, as in Redis: ab"c d" is abc d. */
static enum conf_words_status next_word(struct cursor *c, char *to)
{
    size_t n = 0;
    enum conf_words_status status = CONF_WORDS_OK;
    while (status == CONF_WORDS_OK && c->p < c->end && !at_space(c)) {
        char byte = *c->p++;
        if (byte == '"' || byte == '\'')
            status = quoted(c, byte, to, &n);
        else if (byte == '\0')
            status = CONF_WORDS_ZERO;
        else
            to[n++] = byte;
    }
    to[n] = '\0';
    return status;
}

static enum conf_words_status add_word(struct cursor *c, struct conf_words *w, int *room)
{
    if (w->n == *room) {
        int more = *room ? *room * 2 : 8;
        char **list = realloc(w->word, (size_t)more * sizeof *list);
        if (!list)
            return CONF_WORDS_NO_MEMORY;
        w->word = list;
        *room = more;
    }
    /* As long as to the next space, unless quotes hold more. */
    char *word = malloc((size_t)(c->end - c->p) + 1);
    if (!word)
        return CONF_WORDS_NO_MEMORY;
    w->word[w->n++] = word;
    enum conf_words_status status = next_word(c, word);
    char *tight = status == CONF_WORDS_OK ? realloc(word, strlen(word) + 1) : NULL;
    if (tight)
        w->word[w->n - 1] = tight;
    return status;
}

enum conf_words_status conf_words_split(const char *line, size_t len, struct conf_words *w)
{
    struct cursor c = {line, line + len};
    int room = 0;
    enum conf_words_status status = CONF_WORDS_OK;
    *w = (struct conf_words){0};
    while (status == CONF_WORDS_OK) {
        while (at_space(&c))
            c.p++;
        if (c.p == c.end)
            return CONF_WORDS_OK;
        status = add_word(&c, w, &room);
    }
    conf_words_free(w);
    return status;
}

void conf_words_free(struct conf_words *w)
{
    for (int i = 0; i < w->n; i++)
        free(w->word[i]);
    free(w->word);
    *w = (struct conf_words){0};
}

void conf_quote(FILE *to, const char *text, size_t len)
{
    static const char plain[] = "\\\"\n\r\t\a\b";
    static const char marks[] = "\\\"nrtab";
    fputc('"', to);
    for (const char *p = text; p < text + len; p++) {
        const char *special = strchr(plain, *p);
        if (special)
            fprintf(to, "\\%c", marks[special - plain]);
        else if (isprint((unsigned char)*p))
            fputc(*p, to);
        else
            fprintf(to, "\\x%02x", (unsigned)(unsigned char)*p);
    }
    fputc('"', to);
}
