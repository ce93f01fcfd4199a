/* The age clock: what the eight bits of an entry's age count, modulo 256.
 *
 * A tick passes each time a 128th of the memory has been evicted, and while it fills each time a 32nd more is in use,
 * so that ages mean the same wherever entries come and go, in half a second or in a week, by the million or by the
 * hundred; and after tick_ms at the latest, so that they grow where neither happens. tick_ms follows the ticks that
 * eviction makes. A sweep over the slots holds old entries at AGE_OLD, and the clock waits for it: none is lapped. */
#ifndef FLAGSTONE_SERVER_AGE_H
#define FLAGSTONE_SERVER_AGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct store;
struct store_ctx;

enum {
    AGE_TICKS = 256,
    AGE_TURN = 128,  /* ticks in which as much is evicted as there is memory */
    AGE_GROWTH = 32, /* ticks in which memory fills */
    AGE_OLD = 170,   /* older entries are held at this age */
    AGE_AHEAD = 240, /* this and above: of a tick that who asks has not seen yet, so 0 */
};

struct age_clock {
    _Atomic uint32_t tick;             /* since the start */
    _Atomic uint32_t tick_ms;          /* a tick's length at most */
    _Atomic uint64_t bytes;            /* evicted since the last tick */
    _Atomic uint32_t grown;            /* pages in use at the last tick that growth made */
    _Atomic uint32_t swept;            /* the tick up to which the sweep has come: no tick goes too far beyond it */
    _Atomic uint64_t at_ms[AGE_TICKS]; /* when the last ticks began, by the monotonic clock */
};

void age_open(struct age_clock *a);

/* How old an entry is that carries the tick `then` (modulo 256), seen at `now`. */
static inline uint32_t age_between(uint32_t now, uint32_t then)
{
    uint32_t age = (now - then) % AGE_TICKS;
    return age < AGE_AHEAD ? age : 0;
}

/* How long ago the tick was that lies `age` ticks back; now_ms: of the monotonic clock. */
uint64_t age_ms(const struct age_clock *a, uint32_t age, uint64_t now_ms);

/* Counts bytes of chunks that were evicted. Any thread. */
void age_evicted(struct store_ctx *sx, uint64_t bytes);

/* Pages were taken. Any thread. */
void age_grown(struct store *s);

/* The memory thread's part: ticks that are due by time, and the sweep. */
struct age_keeper {
    uint32_t tick;           /* seen last */
    uint32_t shard;          /* where the sweep goes on */
    bool lfu_decays;         /* this pass of it lowers the frequencies of LFU */
    uint64_t lfu_decayed_ms; /* when the last one that did began */
};

/* Does what is due; lfu_decay_ms: the least time between two passes that lower frequencies. Returns when the next tick
 * is due by time, in ns of the monotonic clock. No shard locked. */
uint64_t age_keep(struct store_ctx *sx, struct age_keeper *k, uint64_t lfu_decay_ms);

#endif
