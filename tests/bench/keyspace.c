/*
 * Keys are numbers 0 .. n-1. Their value's size and content follow from the number alone, so that any process of a run
 * can tell what a reply must be without having sent the SET. Values are slices of one pattern of random bytes.
 *
 * Zipf's law is sampled by rejection-inversion (W. Hörmann and G. Derflinger, "Rejection-inversion to generate
 * variates from monotone discrete distributions", 1996): exact, no table, about one exponential a draw.
 */
#include "tests/bench/keyspace.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t bench_mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

void bench_random_seed(struct bench_random *r, uint64_t seed)
{
    r->state = bench_mix(seed) | 1;
}

uint64_t bench_random_next(struct bench_random *r)
{
    uint64_t x = r->state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    r->state = x;
    return x * 0x2545f4914f6cdd1du;
}

double bench_random_unit(struct bench_random *r)
{
    return (double)(bench_random_next(r) >> 11) * 0x1.0p-53;
}

/* The integral of x^-skew and its inverse. */
static double zipf_integral(const struct bench_zipf *z, double x)
{
    return expm1((1.0 - z->skew) * log(x)) / (1.0 - z->skew);
}

static double zipf_inverse(const struct bench_zipf *z, double y)
{
    double t = y * (1.0 - z->skew);
    return exp(log1p(t < -1.0 ? -1.0 : t) / (1.0 - z->skew));
}

void bench_zipf_init(struct bench_zipf *z, uint64_t n, double skew)
{
    z->n = n;
    z->skew = skew;
    z->first = zipf_integral(z, 1.5) - 1.0;
    z->last = zipf_integral(z, (double)n + 0.5);
    z->squeeze = 2.0 - zipf_inverse(z, zipf_integral(z, 2.5) - pow(2.0, -skew));
}

uint64_t bench_zipf_next(const struct bench_zipf *z, struct bench_random *r)
{
    for (;;) {
        double u = z->last + bench_random_unit(r) * (z->first - z->last);
        double x = zipf_inverse(z, u);
        double k = floor(x + 0.5);
        if (k < 1.0) {
            k = 1.0;
        } else if (k > (double)z->n) {
            k = (double)z->n;
        }
        if (k - x <= z->squeeze || u >= zipf_integral(z, k + 0.5) - pow(k, -z->skew)) {
            return (uint64_t)k - 1;
        }
    }
}

bool bench_sizes_parse(struct bench_sizes *s, const char *text)
{
    memset(s, 0, sizeof *s);
    const char *large = strchr(text, ',');
    if (large != NULL && sscanf(large, ",%u@%lf", &s->large_bytes, &s->share_large) != 2) {
        return false;
    }
    if (sscanf(text, "lognormal:%u:%lf", &s->low, &s->sigma) == 2) {
        s->law = SIZE_LOGNORMAL;
        return true;
    }
    if (sscanf(text, "%u-%u", &s->low, &s->high) == 2) {
        s->law = SIZE_UNIFORM;
        return s->low <= s->high;
    }
    s->law = SIZE_FIXED;
    return sscanf(text, "%u", &s->low) == 1;
}

/* A standard normal deviate from 64 random bits (Box and Muller). */
static double normal_of(uint64_t random)
{
    double u = ((double)(random >> 32) + 1.0) / 4294967297.0;
    double v = (double)(random & 0xffffffffu) / 4294967296.0;
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

uint32_t bench_size(const struct bench_sizes *s, uint64_t random)
{
    if (s->share_large > 0.0) {
        uint64_t choice = bench_mix(random ^ 0x6c61726765u);
        if ((double)(choice >> 11) * 0x1.0p-53 < s->share_large) {
            return s->large_bytes;
        }
    }
    switch (s->law) {
    case SIZE_UNIFORM:
        return s->low + (uint32_t)(random % (s->high - s->low + 1));
    case SIZE_LOGNORMAL: {
        double size = (double)s->low * exp(s->sigma * normal_of(random));
        return size < 1.0 ? 1 : size > 65536.0 ? 65536 : (uint32_t)size;
    }
    default:
        return s->low;
    }
}

uint32_t bench_size_max(const struct bench_sizes *s)
{
    uint32_t most = s->law == SIZE_FIXED ? s->low : s->law == SIZE_UNIFORM ? s->high : 65536;
    return most > s->large_bytes ? most : s->large_bytes;
}

uint64_t bench_permute(uint64_t i, uint64_t n)
{
    /* Multiplication by a prime larger than any n in use is a bijection modulo n. */
    return (uint64_t)(((__uint128_t)i * 2654435761u + 40503u) % n);
}

bool bench_doomed(uint64_t id, uint32_t percent)
{
    return bench_mix(id ^ 0xd00dedu) % 100 < percent;
}

void bench_key(char *out, uint64_t id, char family)
{
    memcpy(out, "key:", 4);
    out[0] = family;
    for (int i = BENCH_KEY_BYTES - 1; i >= 4; i--) {
        out[i] = (char)('0' + id % 10);
        id /= 10;
    }
}

char *bench_pattern(uint32_t longest)
{
    size_t size = (size_t)BENCH_PATTERN_BYTES + longest;
    char *pattern = malloc(size + 8);
    if (pattern == NULL) {
        return NULL;
    }
    struct bench_random r;
    bench_random_seed(&r, 7);
    for (size_t i = 0; i < size; i += 8) {
        uint64_t bits = (bench_random_next(&r) & 0x1f1f1f1f1f1f1f1fu) | 0x4040404040404040u;
        memcpy(pattern + i, &bits, 8);
    }
    return pattern;
}

uint32_t bench_pattern_offset(uint64_t id)
{
    return (uint32_t)(bench_mix(id ^ 0x76616cu) % BENCH_PATTERN_BYTES);
}
