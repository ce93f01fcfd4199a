/*
 * The generator must read faster than any server writes, so the bytes of values are passed over, not copied, and lines
 * are looked at in place. A reply may be cut anywhere: inside a value `skip` remembers how much is to come; inside a
 * line the piece is put into `carry`.
 *
 * RESP replies are a line (status, number, error), a bulk, or an array of bulks. memcached's are values (VALUE, VA),
 * each with a line and a body, ended by END or by the value itself, or a word.
 */
#include "tests/bench/reply.h"

#include <stdio.h>
#include <string.h>

enum step { STEP_MORE, STEP_DONE, STEP_STARVED };

struct taker {
    struct bench_reader *r;
    const char *p;
    const char *end;
    const char *pattern;
    struct bench_tally *t;
};

static void note_error(struct bench_tally *t, const char *what, const char *line, size_t size)
{
    if (t->errors++ == 0) {
        snprintf(t->first_error, sizeof t->first_error, "%s: %.*s", what, size > 100 ? 100 : (int)size, line);
        for (char *c = t->first_error; *c != '\0'; c++) {
            if (*c < ' ' || *c == '"' || *c == '\\') {
                *c = ' ';
            }
        }
    }
}

/* The end of the line at p (past its LF), or NULL after it was put into the carry. */
static inline const char *line_end(struct taker *k)
{
    const char *lf = memchr(k->p, '\n', (size_t)(k->end - k->p));
    if (lf != NULL) {
        return lf + 1;
    }
    size_t size = (size_t)(k->end - k->p);
    if (size > REPLY_CARRY_BYTES) {
        note_error(k->t, "a line too long", k->p, size);
        size = 0;
    }
    memcpy(k->r->carry, k->p, size);
    k->r->carry_size = (uint32_t)size;
    k->p = k->end;
    return NULL;
}

/* Passes over a value's bytes. False: more must come. */
static inline bool pass_body(struct taker *k)
{
    struct bench_reader *r = k->r;
    size_t here = (size_t)(k->end - k->p);
    size_t pass = r->skip < here ? r->skip : here;
    if (r->checking) {
        size_t of_value = r->skip > 2 ? r->skip - 2 : 0;
        size_t compare = pass < of_value ? pass : of_value;
        if (memcmp(k->p, k->pattern + r->body_offset, compare) != 0) {
            note_error(k->t, "a value's bytes are wrong", k->p, compare);
            r->checking = false;
        }
        r->body_offset += (uint32_t)compare;
    }
    k->p += pass;
    r->skip -= pass;
    return r->skip == 0;
}

static inline bool start_body(struct taker *k, uint64_t length, const struct bench_expect *e, const char *line)
{
    k->t->hits++;
    if (e->length != BENCH_ANY_LENGTH && e->length != length) {
        note_error(k->t, "a value's length is wrong", line, 20);
    }
    k->r->skip = length + 2;
    k->r->checking = k->pattern != NULL && e->verb == VERB_GET && e->length == length;
    k->r->body_offset = e->offset;
    return pass_body(k);
}

static inline uint64_t number_at(const char *p)
{
    uint64_t n = 0;
    while (*p >= '0' && *p <= '9') {
        n = n * 10 + (uint64_t)(*p++ - '0');
    }
    return n;
}

/* After one bulk or nil of a reply. */
static inline enum step element_done(struct bench_reader *r)
{
    if (r->elements > 1) {
        r->elements--;
        return STEP_MORE;
    }
    r->elements = 0;
    return STEP_DONE;
}

static inline enum step resp_bulk(struct taker *k, const struct bench_expect *e, const char *line)
{
    if (e->verb != VERB_GET && e->verb != VERB_MGET) {
        note_error(k->t, "a value was not expected", line, 20);
    }
    if (line[1] == '-') {
        k->t->misses++;
        return element_done(k->r);
    }
    return start_body(k, number_at(line + 1), e, line) ? element_done(k->r) : STEP_STARVED;
}

static inline enum step resp_step(struct taker *k, const struct bench_expect *e)
{
    struct bench_reader *r = k->r;
    if (r->skip > 0) {
        return pass_body(k) ? element_done(r) : STEP_STARVED;
    }
    const char *line = k->p;
    const char *next = line_end(k);
    if (next == NULL) {
        return STEP_STARVED;
    }
    k->p = next;
    switch (line[0]) {
    case '$':
        return resp_bulk(k, e, line);
    case '+':
        if (e->verb != VERB_SET && e->verb != VERB_PING) {
            note_error(k->t, "a status was not expected", line, (size_t)(next - line));
        }
        return STEP_DONE;
    case ':':
        if (e->verb != VERB_INCR && e->verb != VERB_DEL) {
            note_error(k->t, "a number was not expected", line, (size_t)(next - line));
        }
        return STEP_DONE;
    case '_':
        k->t->misses++;
        return element_done(r);
    case '*':
        r->elements = (uint32_t)number_at(line + 1);
        if (e->verb != VERB_MGET) {
            note_error(k->t, "an array was not expected", line, (size_t)(next - line));
        }
        return r->elements > 0 ? STEP_MORE : STEP_DONE;
    default:
        note_error(k->t, "error reply", line, (size_t)(next - line));
        return STEP_DONE;
    }
}

/* The length in "VALUE key flags length". */
static uint64_t value_length(const char *line)
{
    const char *p = line;
    for (int spaces = 0; spaces < 3; p++) {
        if (*p == '\n') {
            return 0;
        }
        spaces += *p == ' ';
    }
    return number_at(p);
}

static enum step body_done(struct bench_reader *r)
{
    if (!r->body_ends) {
        return STEP_MORE;
    }
    r->found = 0;
    return STEP_DONE;
}

static bool starts(const char *line, const char *next, const char *word)
{
    size_t size = strlen(word);
    return (size_t)(next - line) >= size && memcmp(line, word, size) == 0;
}

static enum step memcache_step(struct taker *k, const struct bench_expect *e)
{
    struct bench_reader *r = k->r;
    if (r->skip > 0) {
        return pass_body(k) ? body_done(r) : STEP_STARVED;
    }
    const char *line = k->p;
    const char *next = line_end(k);
    if (next == NULL) {
        return STEP_STARVED;
    }
    k->p = next;
    if (starts(line, next, "VALUE ") || starts(line, next, "VA ")) {
        r->body_ends = line[2] == ' ';
        r->found++;
        return start_body(k, r->body_ends ? number_at(line + 3) : value_length(line), e, line) ? body_done(r)
                                                                                               : STEP_STARVED;
    }
    if (starts(line, next, "END") || starts(line, next, "EN")) {
        k->t->misses += r->found == 0;
        r->found = 0;
        return STEP_DONE;
    }
    if (!starts(line, next, "HD") && !starts(line, next, "STORED") && !starts(line, next, "DELETED") &&
        !starts(line, next, "NF") && !starts(line, next, "NOT_FOUND") && !starts(line, next, "MN")) {
        note_error(k->t, "error reply", line, (size_t)(next - line));
    }
    return STEP_DONE;
}

uint32_t bench_replies_take(struct bench_reader *r, enum bench_protocol protocol, const char **p, const char *end,
                            const struct bench_expect *e, uint32_t most, const char *pattern, struct bench_tally *t)
{
    struct taker k = {r, *p, end, pattern, t};
    uint32_t done = 0;
    while (done < most && k.p < end) {
        enum step step = protocol == PROTOCOL_RESP ? resp_step(&k, &e[done]) : memcache_step(&k, &e[done]);
        if (step == STEP_STARVED) {
            break;
        }
        done += step == STEP_DONE;
    }
    t->replies += done;
    *p = k.p;
    return done;
}
