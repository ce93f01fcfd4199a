/* See latency.h. Series are sorted by name; each is a ring of samples, at most one a second: within a second the
 * longest counts. A series is 2.6 KB and made at its first event, so a quiet server holds none. */
#include "server/latency.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/options.h"
#include "server/server.h"
#include "slab/base/clock.h"
#include "slab/base/lock.h"

struct series {
    char name[LATENCY_NAME_MAX];
    uint32_t max_ms;
    unsigned next; /* where the next sample goes */
    struct latency_sample sample[LATENCY_SAMPLES];
};

struct latency {
    struct lock lock; /* LOCK_STATS */
    unsigned n;
    struct series *series[LATENCY_EVENTS_MAX];
};

struct latency *latency_new(void)
{
    return calloc(1, sizeof(struct latency));
}

void latency_free(struct latency *l)
{
    if (l == NULL)
        return;
    latency_reset_all(l);
    free(l);
}

/* Where the name is, or would be. Lock held. */
static unsigned place_of(const struct latency *l, const char *name, size_t len, bool *found)
{
    unsigned i = 0;
    *found = false;
    for (; i < l->n; i++) {
        int order = strncmp(l->series[i]->name, name, len);
        if (order == 0 && l->series[i]->name[len] != '\0')
            order = 1;
        if (order >= 0) {
            *found = order == 0;
            break;
        }
    }
    return i;
}

/* The series of that name, made where there is none; NULL when memory or the table is short. Lock held. */
static struct series *series_get(struct latency *l, const char *name)
{
    bool found;
    unsigned i = place_of(l, name, strlen(name), &found);
    if (found)
        return l->series[i];
    struct series *s = l->n < LATENCY_EVENTS_MAX ? calloc(1, sizeof *s) : NULL;
    if (s == NULL)
        return NULL;
    snprintf(s->name, sizeof s->name, "%s", name);
    memmove(&l->series[i + 1], &l->series[i], (l->n - i) * sizeof(void *));
    l->series[i] = s;
    l->n++;
    return s;
}

static void series_add(struct series *s, int64_t unix_s, uint32_t ms)
{
    struct latency_sample *last = &s->sample[(s->next + LATENCY_SAMPLES - 1) % LATENCY_SAMPLES];
    if (ms > s->max_ms)
        s->max_ms = ms;
    if (last->unix_s == unix_s) {
        if (ms > last->ms)
            last->ms = ms;
        return;
    }
    s->sample[s->next] = (struct latency_sample){.unix_s = unix_s, .ms = ms};
    s->next = (s->next + 1) % LATENCY_SAMPLES;
}

void latency_add(struct latency *l, const char *name, int64_t unix_s, uint64_t ms)
{
    if (strlen(name) >= LATENCY_NAME_MAX)
        return;
    lock_take(&l->lock, LOCK_STATS);
    struct series *s = series_get(l, name);
    if (s != NULL)
        series_add(s, unix_s, ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms);
    lock_release(&l->lock, LOCK_STATS);
}

void latency_event(struct server *srv, const char *name, uint64_t ms)
{
    int64_t threshold = OPT(srv->opt, latency_monitor_threshold);
    if (threshold > 0 && ms >= (uint64_t)threshold)
        latency_add(srv->latency, name, clock_wall_ms() / 1000, ms);
}

static void copy_out(const struct series *s, struct latency_series *out)
{
    memcpy(out->name, s->name, sizeof out->name);
    out->max_ms = s->max_ms;
    out->n = 0;
    for (unsigned i = 0; i < LATENCY_SAMPLES; i++) {
        const struct latency_sample *from = &s->sample[(s->next + i) % LATENCY_SAMPLES];
        if (from->unix_s != 0)
            out->sample[out->n++] = *from;
    }
}

bool latency_at(struct latency *l, unsigned i, struct latency_series *out)
{
    lock_take(&l->lock, LOCK_STATS);
    bool there = i < l->n;
    if (there)
        copy_out(l->series[i], out);
    lock_release(&l->lock, LOCK_STATS);
    return there;
}

bool latency_find(struct latency *l, const char *name, size_t len, struct latency_series *out)
{
    bool found = false;
    if (len >= LATENCY_NAME_MAX)
        return false;
    lock_take(&l->lock, LOCK_STATS);
    unsigned i = place_of(l, name, len, &found);
    if (found)
        copy_out(l->series[i], out);
    lock_release(&l->lock, LOCK_STATS);
    return found;
}

bool latency_reset(struct latency *l, const char *name, size_t len)
{
    bool found = false;
    if (len >= LATENCY_NAME_MAX)
        return false;
    lock_take(&l->lock, LOCK_STATS);
    unsigned i = place_of(l, name, len, &found);
    if (found) {
        free(l->series[i]);
        memmove(&l->series[i], &l->series[i + 1], (l->n - i - 1) * sizeof(void *));
        l->n--;
    }
    lock_release(&l->lock, LOCK_STATS);
    return found;
}

unsigned latency_reset_all(struct latency *l)
{
    lock_take(&l->lock, LOCK_STATS);
    unsigned n = l->n;
    for (unsigned i = 0; i < n; i++)
        free(l->series[i]);
    l->n = 0;
    lock_release(&l->lock, LOCK_STATS);
    return n;
}
