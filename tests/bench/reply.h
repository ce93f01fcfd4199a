/* Replies, taken from the bytes of one connection in order and held against what was expected. */
#ifndef FLAGSTONE_BENCH_REPLY_H
#define FLAGSTONE_BENCH_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/stream.h"

enum { REPLY_CARRY_BYTES = 512 };

/* What was counted over a run. */
struct bench_tally {
    uint64_t replies;
    uint64_t hits;   /* values that came */
    uint64_t misses; /* values that were not there */
    uint64_t errors; /* error replies, wrong types, wrong lengths, wrong bytes */
    char first_error[160];
};

/* The state of one connection between reads. All zero at first. */
struct bench_reader {
    size_t skip;          /* bytes of a value, and its CR LF, still to come */
    uint32_t elements;    /* RESP: array elements still to come */
    uint32_t body_offset; /* in the pattern, of the value's next byte */
    bool body_ends;       /* memcached: the value is the last of its reply */
    bool checking;        /* the value's bytes are compared */
    uint32_t found;       /* memcached: values in this reply so far */
    uint32_t carry_size;
    char carry[REPLY_CARRY_BYTES]; /* a line that is not complete: the caller puts it before the next bytes */
};

/*
 * Takes up to `most` replies from *p .. end, expected to be e[0], e[1] ...; moves *p. Returns how many were completed.
 * Fewer than `most` means that all bytes are used, and the rest of a line is in r->carry. `pattern`: compare values
 * with it, or NULL.
 */
uint32_t bench_replies_take(struct bench_reader *r, enum bench_protocol protocol, const char **p, const char *end,
                            const struct bench_expect *e, uint32_t most, const char *pattern, struct bench_tally *t);

#endif
