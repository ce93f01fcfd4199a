/* A text that grows: reports (INFO, the doctors) are composed in it and replied at once. */
#ifndef FLAGSTONE_SERVER_TEXT_H
#define FLAGSTONE_SERVER_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/reply.h"

/* Zeroed it is empty. One owner; text_free gives its memory back. */
struct text {
    char *p; /* terminated; NULL while empty */
    size_t len, room;
    bool failed; /* memory was short: the text is not whole */
};

void text_add(struct text *t, const char *p, size_t n);
void text_puts(struct text *t, const char *s);
void text_printf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_free(struct text *t);

/* Replies it as a verbatim string (RESP2: bulk), an error where it failed, and frees it. */
void text_reply(struct text *t, struct reply *out);

/* 1536 -> "1.50K", as Redis's _human fields have it: B, K, M, G, T, P. */
enum { TEXT_BYTES_CHARS = 32 };
const char *text_bytes(char buf[TEXT_BYTES_CHARS], unsigned long long bytes);

#endif
