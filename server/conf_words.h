/* Words of a configuration line, with Redis's quoting: "..." with \n \r \t \b \a \xHH and \c for any c, '...' with \'
 * alone. A closing quote must be followed by space or the end. */
#ifndef FLAGSTONE_SERVER_CONF_WORDS_H
#define FLAGSTONE_SERVER_CONF_WORDS_H

#include <stddef.h>
#include <stdio.h>

enum conf_words_status {
    CONF_WORDS_OK,
    CONF_WORDS_UNBALANCED, /* a quote is open, or something follows a closing one */
    CONF_WORDS_ZERO,       /* a zero byte, plain or as \x00: texts cannot hold it */
    CONF_WORDS_NO_MEMORY,
};

struct conf_words {
    char **word; /* terminated each; one allocation each and one for the list */
    int n;
};

/* Splits line[0, len). Where it is not OK, *w is empty. */
enum conf_words_status conf_words_split(const char *line, size_t len, struct conf_words *w);
void conf_words_free(struct conf_words *w);

/* Writes text[0, len), which has no zero bytes, so that it is read back as one word: "..." with escapes. */
void conf_quote(FILE *to, const char *text, size_t len);

#endif
