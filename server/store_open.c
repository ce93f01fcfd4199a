/* See store_open.h. An empty store is an address range, zeroed shards and a map of databases; all else is made when it
 * is first needed, so that an empty server is small. The classes' steps are fitted to maxmemory here, once. */
#include "server/store_open.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "server/ghost.h"
#include "server/options.h"
#include "server/store_private.h"
#include "slab/base/clock.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RANGE_BYTES (UINT64_C(1) << 36) /* their shadow memory needs address space, too */
#else
#define RANGE_BYTES (UINT64_C(1) << 39)
#endif

bool store_spare_nobody(void *arg, struct store_ctx *sx)
{
    (void)arg;
    (void)sx;
    return false;
}

void store_wake_nobody(void *arg)
{
    (void)arg;
}

/* The secret from the seed that the option gives (up to 32 hex digits), or a random one. */
static void seed_hash(struct hash_secret *secret, const char *hex)
{
    uint64_t high = 0, low = 0;
    if (hex == NULL || *hex == '\0') {
        if (getrandom(secret, sizeof *secret, 0) != (ssize_t)sizeof *secret)
            *secret = hash_secret_of(clock_mono_ns() ^ (uint64_t)(uintptr_t)secret, (uint64_t)clock_wall_ms());
        return;
    }
    for (int i = 0; hex[i] != '\0'; i++) {
        char digit[2] = {hex[i], '\0'};
        high = high << 4 | low >> 60;
        low = low << 4 | strtoul(digit, NULL, 16);
    }
    *secret = hash_secret_of(high, low);
}

enum { FIXED_BYTES = 6 << 20 }; /* of maxmemory goes to the program itself */

/* Fine classes lose little inside chunks, but each may leave half a page part-filled. Classes n over chunks of 32 to
 * 4,088 bytes lose ln(128) / n / 2 of the memory inside and n half pages outside; the sum is least at
 * n = sqrt(ln(128) / 2 * memory / half a page). So a small maxmemory has wider steps than the option says. */
static double growth_factor(const struct options *o)
{
    const double span = 4.85, half_page = PAGE_SIZE / 2.0;
    double memory = (double)OPT(o, maxmemory) - FIXED_BYTES, factor = o->slab_growth_factor;
    if (OPT(o, maxmemory) == 0)
        return factor;
    double classes = memory <= half_page ? 1 : sqrt(span / 2 * memory / half_page);
    double wide = exp(span / classes);
    wide = wide < 1.35 ? wide : 1.35;
    return wide > factor ? wide : factor;
}

struct store *store_open(const struct options *o, char *why, size_t n)
{
    struct store *s = calloc(1, sizeof *s);
    if (s == NULL) {
        snprintf(why, n, "out of memory");
        return NULL;
    }
    s->wake = s->wake_workers = store_wake_nobody;
    s->spare = store_spare_nobody;
    s->databases = (int)OPT(o, databases);
    s->db_map = calloc((size_t)s->databases, sizeof *s->db_map);
    const size_t shard_bytes = SHARDS * sizeof *s->shards;
    if (s->db_map == NULL || !vspace_open(&s->shard_space, &slab_os_linux, shard_bytes) ||
        !vspace_grow(&s->shard_space, shard_bytes) ||
        !slab_open(&s->slab, &slab_os_linux, RANGE_BYTES, (uint32_t)OPT(o, slab_chunk_min), growth_factor(o))) {
        snprintf(why, n, "cannot reserve memory for values: %s", strerror(errno));
        free(s->db_map);
        vspace_close(&s->shard_space);
        free(s);
        return NULL;
    }
    s->shards = (struct shard *)(void *)s->shard_space.base;
    for (int i = 0; i < s->databases; i++)
        s->db_map[i] = (uint16_t)i;
    seed_hash(&s->secret, o->hash_seed);
    age_open(&s->age);
    atomic_store(&s->active_expire, true);
    store_configure(s, o);
    return s;
}

void store_configure(struct store *s, const struct options *o)
{
    atomic_store(&s->policy, (int)OPT(o, maxmemory_policy));
    atomic_store(&s->samples, (int)OPT(o, maxmemory_samples));
    atomic_store(&s->lfu_factor, OPT(o, lfu_log_factor));
    notices_want(s, (uint32_t)OPT(o, notify_keyspace_events));
    atomic_store(&s->max_value, (size_t)OPT(o, proto_max_bulk_len));
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    for (struct store_ctx *sx = atomic_load(&s->contexts), *next; sx != NULL; sx = next) {
        next = sx->next;
        store_ctx_release(sx);
    }
    index_free(s);
    ropes_free_all(&s->ropes);
    ghost_free(&s->ghost);
    slab_close(&s->slab);
    free(s->db_map);
    vspace_close(&s->shard_space);
    free(s);
}
