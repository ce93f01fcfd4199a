/* See password.h. OpenSSL's plain SHA-256 functions, linked statically, take 64 KB; its EVP interface does the same and
 * took 3.5 MB of an empty server's memory when it was measured. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "server/password.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

void password_hash(struct password *to, const void *p, size_t n)
{
    SHA256_CTX c;
    SHA256_Init(&c);
    SHA256_Update(&c, p, n);
    SHA256_Final(to->sha256, &c);
    OPENSSL_cleanse(&c, sizeof c);
}

bool password_equal(const struct password *a, const struct password *b)
{
    return CRYPTO_memcmp(a->sha256, b->sha256, PASSWORD_BYTES) == 0;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool password_from_hex(struct password *to, const char *hex, size_t n)
{
    if (n != PASSWORD_HEX_CHARS)
        return false;
    for (size_t i = 0; i < PASSWORD_BYTES; i++) {
        int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        to->sha256[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

void password_to_hex(const struct password *p, char hex[PASSWORD_HEX_CHARS + 1])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < PASSWORD_BYTES; i++) {
        hex[2 * i] = digits[p->sha256[i] >> 4];
        hex[2 * i + 1] = digits[p->sha256[i] & 15];
    }
    hex[PASSWORD_HEX_CHARS] = '\0';
}
