/*
 * Building a stream. The arena grows by doubling, so while it is built segments are kept as offsets: a segment of the
 * arena has its offset in iov_base, one of the pattern has IN_PATTERN set; they are resolved when all is there.
 */
#include "tests/bench/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IN_PATTERN ((uintptr_t)1 << 62)

struct builder {
    const struct bench_plan *plan;
    const char *pattern;
    struct bench_stream *s;
    struct bench_random random;
    struct bench_zipf zipf;
    size_t arena_room;
    size_t cut; /* arena bytes before this are in segments */
    uint64_t segment_count;
    uint64_t segment_room;
    uint32_t weight_sum;
    bool failed;
};

static void arena_reserve(struct builder *b, size_t more)
{
    if (b->s->arena_size + more <= b->arena_room || b->failed) {
        return;
    }
    size_t room = (b->arena_room + more) * 2;
    char *arena = realloc(b->s->arena, room);
    if (arena == NULL) {
        b->failed = true;
        return;
    }
    b->s->arena = arena;
    b->arena_room = room;
}

static void put(struct builder *b, const void *bytes, size_t size)
{
    arena_reserve(b, size);
    if (!b->failed) {
        memcpy(b->s->arena + b->s->arena_size, bytes, size);
        b->s->arena_size += size;
    }
}

static void put_text(struct builder *b, const char *text)
{
    put(b, text, strlen(text));
}

static void put_number(struct builder *b, const char *before, uint64_t n, const char *after)
{
    char digits[24];
    char *p = digits + sizeof digits;
    do {
        *--p = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    put_text(b, before);
    put(b, p, (size_t)(digits + sizeof digits - p));
    put_text(b, after);
}

static void add_segment(struct builder *b, uintptr_t where, size_t size)
{
    if (size == 0 || b->failed) {
        return;
    }
    if (b->segment_count == b->segment_room) {
        uint64_t room = b->segment_room == 0 ? 4096 : b->segment_room * 2;
        struct iovec *segments = realloc(b->s->segments, room * sizeof *segments);
        if (segments == NULL) {
            b->failed = true;
            return;
        }
        b->s->segments = segments;
        b->segment_room = room;
    }
    b->s->segments[b->segment_count++] = (struct iovec){(void *)where, size};
}

static void cut_arena(struct builder *b)
{
    add_segment(b, b->cut, b->s->arena_size - b->cut);
    b->cut = b->s->arena_size;
}

static void put_value(struct builder *b, uint32_t offset, uint32_t size)
{
    if (size < BENCH_INLINE_LIMIT) {
        put(b, b->pattern + offset, size);
        return;
    }
    cut_arena(b);
    add_segment(b, IN_PATTERN | offset, size);
}

static void put_key(struct builder *b, uint64_t id, char family)
{
    char key[BENCH_KEY_BYTES];
    bench_key(key, id + b->plan->first_key, family);
    put(b, key, sizeof key);
}

static void put_key_bulk(struct builder *b, uint64_t id, char family)
{
    put_number(b, "$", BENCH_KEY_BYTES, "\r\n");
    put_key(b, id, family);
    put_text(b, "\r\n");
}

static uint32_t draw_ttl(struct builder *b)
{
    const struct bench_plan *p = b->plan;
    if (p->ttl_high == 0) {
        return 0;
    }
    return p->ttl_low + (uint32_t)(bench_random_next(&b->random) % (p->ttl_high - p->ttl_low + 1));
}

static void encode_set(struct builder *b, uint64_t id, uint32_t size)
{
    uint32_t ttl = draw_ttl(b);
    uint32_t offset = bench_pattern_offset(id);
    switch (b->plan->protocol) {
    case PROTOCOL_RESP:
        put_text(b, ttl > 0 ? "*5\r\n$3\r\nSET\r\n" : "*3\r\n$3\r\nSET\r\n");
        put_key_bulk(b, id, 'k');
        put_number(b, "$", size, "\r\n");
        put_value(b, offset, size);
        if (ttl > 0) {
            char digits[16];
            int n = snprintf(digits, sizeof digits, "%u", ttl);
            put_number(b, "\r\n$2\r\nEX\r\n$", (uint64_t)n, "\r\n");
            put_text(b, digits);
        }
        break;
    case PROTOCOL_MEMCACHE:
        put_text(b, "set ");
        put_key(b, id, 'k');
        put_number(b, " 0 ", ttl, " ");
        put_number(b, "", size, "\r\n");
        put_value(b, offset, size);
        break;
    case PROTOCOL_META:
        put_text(b, "ms ");
        put_key(b, id, 'k');
        put_number(b, " ", size, ttl > 0 ? " T" : "\r\n");
        if (ttl > 0) {
            put_number(b, "", ttl, "\r\n");
        }
        put_value(b, offset, size);
        break;
    }
    put_text(b, "\r\n");
    b->s->stored_bytes += size + BENCH_KEY_BYTES;
}

/* GET, INCR and DEL: a word and a key. */
static void encode_keyed(struct builder *b, enum bench_verb verb, uint64_t id)
{
    static const char *const resp[VERB_COUNT] = {
        [VERB_GET] = "*2\r\n$3\r\nGET\r\n", [VERB_INCR] = "*2\r\n$4\r\nINCR\r\n", [VERB_DEL] = "*2\r\n$3\r\nDEL\r\n"};
    static const char *const text[VERB_COUNT] = {[VERB_GET] = "get ", [VERB_INCR] = "ma ", [VERB_DEL] = "delete "};
    static const char *const meta[VERB_COUNT] = {[VERB_GET] = "mg ", [VERB_INCR] = "ma ", [VERB_DEL] = "md "};
    char family = verb == VERB_INCR ? 'c' : 'k';
    if (b->plan->protocol == PROTOCOL_RESP) {
        put_text(b, resp[verb]);
        put_key_bulk(b, id, family);
        return;
    }
    bool is_meta = b->plan->protocol == PROTOCOL_META;
    put_text(b, is_meta ? meta[verb] : text[verb]);
    put_key(b, id, family);
    /* N0 J1: a counter that is not there is created as 1; v: answer the value, as INCR does. */
    put_text(b, verb == VERB_INCR ? " N0 J1 v\r\n" : is_meta && verb == VERB_GET ? " v\r\n" : "\r\n");
}

static uint64_t draw_key(struct builder *b)
{
    const struct bench_plan *p = b->plan;
    if (p->zipf) {
        return bench_permute(bench_zipf_next(&b->zipf, &b->random), p->keys);
    }
    return (uint64_t)(((__uint128_t)bench_random_next(&b->random) * p->keys) >> 64);
}

static uint64_t draw_survivor(struct builder *b)
{
    uint64_t id = draw_key(b);
    while (b->plan->doomed > 0 && bench_doomed(id, b->plan->doomed)) {
        id = draw_key(b);
    }
    return id;
}

static void encode_mget(struct builder *b)
{
    uint32_t n = b->plan->mget_keys;
    bool resp = b->plan->protocol == PROTOCOL_RESP;
    if (resp) {
        put_number(b, "*", (uint64_t)n + 1, "\r\n$4\r\nMGET\r\n");
    } else {
        put_text(b, "get"); /* the meta dialect has no such request */
    }
    for (uint32_t i = 0; i < n; i++) {
        uint64_t id = draw_survivor(b);
        if (resp) {
            put_key_bulk(b, id, 'k');
        } else {
            put_text(b, " ");
            put_key(b, id, 'k');
        }
    }
    put_text(b, resp ? "" : "\r\n");
}

static uint32_t size_of(struct builder *b, uint64_t id)
{
    return bench_size(&b->plan->sizes, bench_mix(id));
}

/* One operation of the mix. */
static struct bench_expect encode_any(struct builder *b)
{
    const struct bench_plan *p = b->plan;
    uint32_t pick = (uint32_t)(bench_random_next(&b->random) >> 33) % b->weight_sum;
    uint32_t verb = 0;
    while (pick >= p->weights[verb]) {
        pick -= p->weights[verb++];
    }
    struct bench_expect e = {.verb = (uint8_t)verb, .length = BENCH_ANY_LENGTH};
    uint64_t id = verb == VERB_GET ? draw_survivor(b) : draw_key(b);
    switch (verb) {
    case VERB_SET:
        encode_set(b, id, p->resize ? bench_size(&p->sizes, bench_random_next(&b->random)) : size_of(b, id));
        break;
    case VERB_MGET:
        encode_mget(b);
        e.length = p->sizes.law == SIZE_FIXED && p->sizes.share_large == 0.0 ? p->sizes.low : BENCH_ANY_LENGTH;
        break;
    case VERB_PING:
        put_text(b, p->protocol == PROTOCOL_RESP ? "*1\r\n$4\r\nPING\r\n" : "mn\r\n");
        break;
    case VERB_GET:
        e.length = p->resize ? BENCH_ANY_LENGTH : size_of(b, id);
        e.offset = bench_pattern_offset(id);
        encode_keyed(b, VERB_GET, id);
        break;
    default:
        encode_keyed(b, (enum bench_verb)verb, id);
        break;
    }
    return e;
}

/* The next operation of a fill or delete, in the order of the permutation. False: none left. */
static bool encode_next(struct builder *b, uint64_t *position, struct bench_expect *e)
{
    const struct bench_plan *p = b->plan;
    while (*position < p->keys) {
        uint64_t id = bench_permute((*position)++, p->keys);
        if (p->kind == PLAN_FILL) {
            *e = (struct bench_expect){.verb = VERB_SET};
            encode_set(b, id, size_of(b, id));
            return true;
        }
        if (bench_doomed(id, p->doomed)) {
            *e = (struct bench_expect){.verb = VERB_DEL};
            encode_keyed(b, VERB_DEL, id);
            return true;
        }
        b->s->stored_bytes += size_of(b, id) + BENCH_KEY_BYTES;
    }
    return false;
}

static void resolve_segments(struct builder *b)
{
    for (uint64_t i = 0; i < b->segment_count; i++) {
        uintptr_t where = (uintptr_t)b->s->segments[i].iov_base;
        const char *base = (where & IN_PATTERN) != 0 ? b->pattern : b->s->arena;
        b->s->segments[i].iov_base = (void *)((uintptr_t)base + (where & ~IN_PATTERN));
    }
}

static void encode_batches(struct builder *b)
{
    const struct bench_plan *p = b->plan;
    struct bench_stream *s = b->s;
    uint64_t position = p->start;
    bool more = true;
    while (more && s->operations < p->operations && !b->failed) {
        s->first_segment[s->batches] = b->segment_count;
        uint32_t n = 0;
        while (n < p->depth && s->operations < p->operations) {
            struct bench_expect *e = &s->expect[s->operations];
            if (p->kind == PLAN_MIX) {
                *e = encode_any(b);
            } else if (!encode_next(b, &position, e)) {
                more = false;
                break;
            }
            s->operations++;
            n++;
        }
        cut_arena(b);
        s->batches += n > 0;
    }
    s->first_segment[s->batches] = b->segment_count;
    s->next = position;
}

bool bench_stream_build(struct bench_stream *s, const struct bench_plan *plan, const char *pattern)
{
    memset(s, 0, sizeof *s);
    struct builder b = {.plan = plan, .pattern = pattern, .s = s};
    bench_random_seed(&b.random, plan->seed);
    if (plan->zipf) {
        bench_zipf_init(&b.zipf, plan->keys, plan->skew);
    }
    for (uint32_t i = 0; i < VERB_COUNT; i++) {
        b.weight_sum += plan->weights[i];
    }
    s->depth = plan->depth;
    s->expect = malloc((plan->operations + 1) * sizeof *s->expect);
    s->first_segment = malloc((plan->operations / plan->depth + 3) * sizeof *s->first_segment);
    if (s->expect == NULL || s->first_segment == NULL) {
        bench_stream_free(s);
        return false;
    }
    encode_batches(&b);
    if (b.failed) {
        bench_stream_free(s);
        return false;
    }
    resolve_segments(&b);
    return true;
}

void bench_stream_free(struct bench_stream *s)
{
    free(s->expect);
    free(s->segments);
    free(s->first_segment);
    free(s->arena);
    memset(s, 0, sizeof *s);
}
