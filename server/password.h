/* Passwords are kept as their SHA-256 alone, and compared in a time that depends on no stored one. */
#ifndef FLAGSTONE_SERVER_PASSWORD_H
#define FLAGSTONE_SERVER_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PASSWORD_BYTES = 32, PASSWORD_HEX_CHARS = 2 * PASSWORD_BYTES };

struct password {
    uint8_t sha256[PASSWORD_BYTES];
};

void password_hash(struct password *to, const void *p, size_t n);
bool password_equal(const struct password *a, const struct password *b);

/* 64 lower case hexadecimal digits; false: it is anything else. */
bool password_from_hex(struct password *to, const char *hex, size_t n);
void password_to_hex(const struct password *p, char hex[PASSWORD_HEX_CHARS + 1]);

#endif
