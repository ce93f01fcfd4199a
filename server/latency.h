/* The latency monitor: for each kind of event ("command", "fast-command", "expire-cycle" ...) the last 160 seconds that
 * had one as long as latency-monitor-threshold, each with its longest. One lock, taken by such events only. */
#ifndef FLAGSTONE_SERVER_LATENCY_H
#define FLAGSTONE_SERVER_LATENCY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct server;
struct latency;

enum { LATENCY_SAMPLES = 160, LATENCY_NAME_MAX = 32, LATENCY_EVENTS_MAX = 32 };

struct latency_sample {
    int64_t unix_s; /* 0: empty */
    uint32_t ms;
};

/* A copy of an event's series. Samples are oldest first. */
struct latency_series {
    char name[LATENCY_NAME_MAX];
    uint32_t max_ms; /* all-time */
    unsigned n;
    struct latency_sample sample[LATENCY_SAMPLES];
};

struct latency *latency_new(void); /* NULL when memory is short */
void latency_free(struct latency *l);

/* An event took `ms`. Kept when latency-monitor-threshold is on and ms is at least that. Any thread, with no lock of
 * rank LOCK_STATS or above held. */
void latency_event(struct server *srv, const char *name, uint64_t ms);

/* The same without the threshold, at a given second. */
void latency_add(struct latency *l, const char *name, int64_t unix_s, uint64_t ms);

/* Copies the series number `i` (by name's order), or the one named; false when there is none. */
bool latency_at(struct latency *l, unsigned i, struct latency_series *out);
bool latency_find(struct latency *l, const char *name, size_t len, struct latency_series *out);

/* Forgets one event's series (false: there was none) or all (returns how many there were). */
bool latency_reset(struct latency *l, const char *name, size_t len);
unsigned latency_reset_all(struct latency *l);

#endif
