/*
 * A stream of requests, encoded before the clock starts, and what must come back for each.
 *
 * Operations are grouped into batches (the pipeline's depth); a batch is sent as its segments, which are slices of the
 * arena and, for values of BENCH_INLINE_LIMIT and more, of the pattern.
 */
#ifndef FLAGSTONE_BENCH_STREAM_H
#define FLAGSTONE_BENCH_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "tests/bench/keyspace.h"

enum { BENCH_INLINE_LIMIT = 4096, BENCH_ANY_LENGTH = 0xffffffffu };

enum bench_protocol { PROTOCOL_RESP, PROTOCOL_MEMCACHE, PROTOCOL_META };

enum bench_verb { VERB_GET, VERB_SET, VERB_INCR, VERB_MGET, VERB_DEL, VERB_PING, VERB_COUNT };

/* What a reply must be. */
struct bench_expect {
    uint8_t verb;
    uint32_t length; /* of the value that GET answers, or BENCH_ANY_LENGTH */
    uint32_t offset; /* of its bytes in the pattern */
};

/* What to build. */
struct bench_plan {
    enum bench_protocol protocol;
    enum { PLAN_MIX, PLAN_FILL, PLAN_DELETE } kind;
    uint64_t keys;                /* numbers 0 .. keys-1 are in use */
    uint64_t first_key;           /* added to each number */
    uint64_t operations;          /* PLAN_MIX: how many; otherwise the window's size, at most */
    uint64_t start;               /* PLAN_FILL, PLAN_DELETE: from this position in the order */
    uint32_t depth;               /* operations a batch */
    uint32_t weights[VERB_COUNT]; /* PLAN_MIX */
    uint32_t mget_keys;
    bool zipf;
    double skew;
    struct bench_sizes sizes;
    bool resize;      /* a SET draws a new size: lengths cannot be foretold */
    uint32_t doomed;  /* PLAN_DELETE: percentage to delete; PLAN_MIX: GETs leave these out */
    uint32_t ttl_low; /* seconds; 0 and 0: none */
    uint32_t ttl_high;
    uint64_t seed;
};

struct bench_stream {
    uint64_t operations;
    uint64_t batches;
    uint32_t depth;
    struct bench_expect *expect; /* one an operation */
    struct iovec *segments;
    uint64_t *first_segment; /* batches + 1 of them */
    char *arena;
    size_t arena_size;
    uint64_t stored_bytes; /* keys and values that SETs carry; PLAN_DELETE: of the keys that are left alone */
    uint64_t next;         /* where the next window starts (fill, delete) */
};

/* Builds the stream; `pattern` must live as long. False: out of memory. An empty stream: nothing left to do. */
bool bench_stream_build(struct bench_stream *s, const struct bench_plan *plan, const char *pattern);
void bench_stream_free(struct bench_stream *s);

#endif
