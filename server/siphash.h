/* SipHash-1-3: the keyed hash of the index (Aumasson, Bernstein, "SipHash: a fast short-input PRF"), one compression
 * and three finalisation rounds, as hash tables elsewhere use it against flooding. */
#ifndef FLAGSTONE_SERVER_SIPHASH_H
#define FLAGSTONE_SERVER_SIPHASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct siphash_seed {
    uint64_t k0, k1;
};

#define SIPHASH_ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))
#define SIPHASH_ROUND()                                                                                                \
    do {                                                                                                               \
        v0 += v1;                                                                                                      \
        v1 = SIPHASH_ROTL(v1, 13);                                                                                     \
        v1 ^= v0;                                                                                                      \
        v0 = SIPHASH_ROTL(v0, 32);                                                                                     \
        v2 += v3;                                                                                                      \
        v3 = SIPHASH_ROTL(v3, 16);                                                                                     \
        v3 ^= v2;                                                                                                      \
        v0 += v3;                                                                                                      \
        v3 = SIPHASH_ROTL(v3, 21);                                                                                     \
        v3 ^= v0;                                                                                                      \
        v2 += v1;                                                                                                      \
        v1 = SIPHASH_ROTL(v1, 17);                                                                                     \
        v1 ^= v2;                                                                                                      \
        v2 = SIPHASH_ROTL(v2, 32);                                                                                     \
    } while (0)

/* Hashes len bytes; `tweak` (the database) is part of what is hashed. */
static inline uint64_t siphash13(const struct siphash_seed *seed, const void *data, size_t len, uint64_t tweak)
{
    const unsigned char *p = data;
    uint64_t v0 = seed->k0 ^ UINT64_C(0x736f6d6570736575), v1 = seed->k1 ^ UINT64_C(0x646f72616e646f6d);
    uint64_t v2 = seed->k0 ^ UINT64_C(0x6c7967656e657261), v3 = seed->k1 ^ UINT64_C(0x7465646279746573);
    uint64_t m, last = (uint64_t)(len & 0xff) << 56;
    v0 ^= tweak;
    v2 ^= tweak * UINT64_C(0x9e3779b97f4a7c15);
    for (; len >= 8; len -= 8, p += 8) {
        memcpy(&m, p, 8);
        v3 ^= m;
        SIPHASH_ROUND();
        v0 ^= m;
    }
    if (len >= 4) {
        uint32_t lo, hi;
        memcpy(&lo, p, 4);
        memcpy(&hi, p + len - 4, 4);
        last |= lo | ((uint64_t)hi >> (8 * (8 - len))) << 32; /* len 4: nothing of hi is left */
    } else if (len > 0) {
        last |= (uint64_t)p[0] | (uint64_t)p[len / 2] << (8 * (len / 2)) | (uint64_t)p[len - 1] << (8 * (len - 1));
    }
    v3 ^= last;
    SIPHASH_ROUND();
    v0 ^= last;
    v2 ^= 0xff;
    SIPHASH_ROUND();
    SIPHASH_ROUND();
    SIPHASH_ROUND();
    return v0 ^ v1 ^ v2 ^ v3;
}

#endif
