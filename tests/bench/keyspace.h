/* Which keys are asked for, and how large their values are. Everything is a function of a key's number and the seed. */
#ifndef FLAGSTONE_BENCH_KEYSPACE_H
#define FLAGSTONE_BENCH_KEYSPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BENCH_KEY_BYTES = 14,              /* "key:" and ten digits */
    BENCH_PATTERN_BYTES = 1024 * 1024, /* values start at some offset under this in the pattern */
};

/* A generator of pseudo-random numbers (xorshift64*). */
struct bench_random {
    uint64_t state;
};

void bench_random_seed(struct bench_random *r, uint64_t seed);
uint64_t bench_random_next(struct bench_random *r);
double bench_random_unit(struct bench_random *r); /* in [0, 1) */

/* A well mixed function of `x` (the finaliser of splitmix64). */
uint64_t bench_mix(uint64_t x);

/* Zipf's law over 0 .. n-1 with exponent `skew` (not 1). */
struct bench_zipf {
    uint64_t n;
    double skew;
    double first;
    double last;
    double squeeze;
};

void bench_zipf_init(struct bench_zipf *z, uint64_t n, double skew);
uint64_t bench_zipf_next(const struct bench_zipf *z, struct bench_random *r);

/* How long values are. */
struct bench_sizes {
    enum { SIZE_FIXED, SIZE_UNIFORM, SIZE_LOGNORMAL } law;
    uint32_t low; /* fixed: the size; uniform: the range; lognormal: low is the median */
    uint32_t high;
    double sigma;
    double share_large; /* of the values, this share has large_bytes instead */
    uint32_t large_bytes;
};

/* Reads "100", "64-192" or "lognormal:150:1.0", each with ",1048576@0.01" after it for a share of large ones. */
bool bench_sizes_parse(struct bench_sizes *s, const char *text);

/* The size that `random` (64 mixed bits) chooses. */
uint32_t bench_size(const struct bench_sizes *s, uint64_t random);
uint32_t bench_size_max(const struct bench_sizes *s);

/* A bijection of 0 .. n-1, so that rank and age are unrelated to a key's number. */
uint64_t bench_permute(uint64_t i, uint64_t n);

/* Whether key `id` is among the `percent` of keys that a delete phase removes. */
bool bench_doomed(uint64_t id, uint32_t percent);

/* Writes the BENCH_KEY_BYTES of key `id`. `family` is its first letter: 'k' for values, 'c' for counters. */
void bench_key(char *out, uint64_t id, char family);

/* The source of all value bytes: BENCH_PATTERN_BYTES + longest bytes, from malloc. Where a value starts in it. */
char *bench_pattern(uint32_t longest);
uint32_t bench_pattern_offset(uint64_t id);

#endif
