/* See painter.h. Nearly all values are of one or two size classes, of which half is deleted now and then. */
#include "tests/stress/painter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/integration/harness.h"

enum { KEYS = 8000, BATCH = 400, CULL_EVERY = 40, LEN_MIN = 60, LEN_SPREAD = 30 };

struct painter {
    redisContext *c;
    uint64_t random; /* xorshift */
    unsigned turn;
    bool evicting;
    uint8_t colour[KEYS]; /* 0: not there */
};

static uint64_t draw(struct painter *p)
{
    p->random ^= p->random << 13;
    p->random ^= p->random >> 7;
    p->random ^= p->random << 17;
    return p->random;
}

static size_t length(unsigned key)
{
    return LEN_MIN + key % LEN_SPREAD;
}

static _Noreturn void die(const struct painter *p, unsigned key, uint8_t want, const redisReply *r)
{
    fprintf(stderr, "painter, turn %u: key p%u of colour %u has: ", p->turn, key, want);
    if (r == NULL)
        fprintf(stderr, "no reply (%s)\n", p->c->errstr);
    else if (r->type != REDIS_REPLY_STRING)
        fprintf(stderr, "a reply of type %d, %.60s\n", r->type, r->str ? r->str : "");
    else
        for (size_t i = 0; i <= r->len; i++)
            fprintf(stderr, i < r->len ? "%02x" : "\n", (unsigned)(uint8_t)r->str[i]);
    _exit(1);
}

struct painter *painter_new(const struct test_server *server, int db, bool evicting, uint64_t seed)
{
    struct painter *p = calloc(1, sizeof *p);
    if (p == NULL)
        abort();
    p->c = client_open(server);
    p->random = seed * 2 + 1;
    p->evicting = evicting;
    expect_status(p->c, "OK", "SELECT %d", db);
    return p;
}

void painter_free(struct painter *p)
{
    redisFree(p->c);
    free(p);
}

void painter_flushed(struct painter *p)
{
    memset(p->colour, 0, sizeof p->colour);
}

static redisReply *reply_of(struct painter *p, unsigned key, uint8_t want)
{
    redisReply *r = NULL;
    if (redisGetReply(p->c, (void **)&r) != REDIS_OK)
        die(p, key, want, NULL);
    return r;
}

static bool is_painted(const redisReply *r, unsigned key, uint8_t colour)
{
    if (r->type != REDIS_REPLY_STRING || r->len != length(key))
        return false;
    for (size_t i = 0; i < r->len; i++)
        if ((uint8_t)r->str[i] != colour)
            return false;
    return true;
}

/* Deletes every other key, by a bit of its number's hash. */
static unsigned long cull(struct painter *p)
{
    unsigned deleted[KEYS], n = 0, bit = (unsigned)(draw(p) % 16);
    for (unsigned key = 0; key < KEYS; key++) {
        if (p->colour[key] == 0 || (key * 2654435761U >> (8 + bit) & 1) == 0)
            continue;
        redisAppendCommand(p->c, "UNLINK p%u", key);
        deleted[n++] = key;
    }
    for (unsigned i = 0; i < n; i++) {
        redisReply *r = reply_of(p, deleted[i], p->colour[deleted[i]]);
        if (r->type != REDIS_REPLY_INTEGER || (r->integer != 1 && !p->evicting))
            die(p, deleted[i], p->colour[deleted[i]], r);
        p->colour[deleted[i]] = 0;
        freeReplyObject(r);
    }
    return n;
}

unsigned long painter_turn(struct painter *p)
{
    struct {
        unsigned key;
        uint8_t colour;
        bool written;
    } asked[BATCH];
    char value[LEN_MIN + LEN_SPREAD];
    if (++p->turn % CULL_EVERY == 0)
        return cull(p);
    for (int i = 0; i < BATCH; i++) {
        unsigned key = (unsigned)(draw(p) % KEYS);
        bool write = draw(p) % 2 == 0;
        if (write) {
            p->colour[key] = (uint8_t)(1 + draw(p) % 255);
            memset(value, p->colour[key], length(key));
            redisAppendCommand(p->c, "SET p%u %b", key, value, length(key));
        } else {
            redisAppendCommand(p->c, "GET p%u", key);
        }
        asked[i].key = key;
        asked[i].colour = p->colour[key];
        asked[i].written = write;
    }
    for (int i = 0; i < BATCH; i++) {
        redisReply *r = reply_of(p, asked[i].key, asked[i].colour);
        bool gone = r->type == REDIS_REPLY_NIL && (asked[i].colour == 0 || p->evicting);
        if (asked[i].written ? r->type != REDIS_REPLY_STATUS : !gone && !is_painted(r, asked[i].key, asked[i].colour))
            die(p, asked[i].key, asked[i].colour, r);
        freeReplyObject(r);
    }
    return BATCH;
}
