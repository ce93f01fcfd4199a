/* The keyed hash of the index and of pub/sub's topics: multiply and fold (Wang Yi, "wyhash"; XXH3 treats short keys in
 * the same way), some 23 instructions for a key of 14 bytes, where SipHash-1-3 took 115.
 *
 * Against flooding: 256 secret bits, drawn at random at each start, go into every product, and no reply tells a hash
 * but SCAN's cursors. Who knows neither cannot do better than guess; it is no PRF, though, and no proof stands behind
 * that. So what equal hashes can do is bounded: a look-up in the index sees at most the 510 slots of one table, and a
 * table that cannot be split refuses one key too many (index_room); tests/unit/server/test_flood.c does both. */
#ifndef FLAGSTONE_SERVER_HASH_H
#define FLAGSTONE_SERVER_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct hash_secret {
    uint64_t word[4];
};

/* The finaliser of splitmix64 (Steele, Lea, Flood). */
static inline uint64_t hash_stir(uint64_t z)
{
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Spreads 128 bits over a secret. */
static inline struct hash_secret hash_secret_of(uint64_t high, uint64_t low)
{
    struct hash_secret s;
    for (uint64_t i = 0; i < 4; i++)
        s.word[i] = hash_stir(hash_stir(low + (i + 1) * UINT64_C(0x9e3779b97f4a7c15)) ^ high);
    return s;
}

static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_load(const char *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

/* Hashes len bytes; `tweak` (the database) is part of what is hashed. */
static inline uint64_t hash_bytes(const struct hash_secret *s, const void *data, size_t len, uint64_t tweak)
{
    const char *p = data;
    uint64_t a = 0, b = 0, h = s->word[0] + tweak * UINT64_C(0x9e3779b97f4a7c15);
    size_t n = len;
    if (n >= 8) {
        for (; n > 16; n -= 16, p += 16)
            h = hash_fold(hash_load(p) ^ s->word[1], hash_load(p + 8) ^ h);
        const char *end = p + n;
        p = n < 8 ? end - 8 : p; /* what came before it is long enough */
        a = hash_load(p);
        b = hash_load(end - 8);
    } else if (n >= 4) {
        uint32_t first, last;
        memcpy(&first, p, 4);
        memcpy(&last, p + n - 4, 4);
        a = first;
        b = last;
    } else if (n > 0) {
        const unsigned char *c = data;
        a = (uint64_t)c[0] << 16 | (uint64_t)c[n / 2] << 8 | c[n - 1];
    }
    uint64_t first = a ^ s->word[1], second = b ^ h;
    unsigned __int128 product = (unsigned __int128)first * second;
    return hash_fold((uint64_t)product ^ s->word[2] ^ len, (uint64_t)(product >> 64) ^ s->word[3]);
}

#endif
