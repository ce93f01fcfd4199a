/* See stats.h.
 *
 * What is shown = own counters + sums over commands + source − baseline. The baseline is a copy of those sums, taken by
 * stats_reset under LOCK_STATS; readers take the same lock for the moment in which they look at it.
 *
 * Rates keep a ring of the last 16 samples (time and counters at that time); a rate is the difference between newest
 * and oldest over their distance, the mean over the ring's second and a half. */
#include "server/stats.h"

#include <stdlib.h>
#include <string.h>

#include "slab/base/lock.h"

enum { RATE_SAMPLES = 16, CACHE_LINE = 64 };

struct rate_sample {
    uint64_t at_ns;
    uint64_t value[STATS_RATES];
};

struct baseline {
    uint64_t total[STATS_COUNTERS];
    struct stats_command *cmd;     /* [commands] */
    struct histogram *latency;     /* [commands] */
    struct stats_error_kind *kind; /* [kinds] */
    unsigned kinds;
};

struct stats {
    unsigned workers; /* stats_workers, the main thread's included */
    unsigned commands;
    struct stats_worker *worker;
    stats_source source;
    void *source_arg;
    struct lock lock; /* baseline and samples; LOCK_STATS */
    struct baseline base;
    struct rate_sample sample[RATE_SAMPLES];
    unsigned samples; /* taken so far */
};

/* What errors beyond the table are counted as. */
static const char others[] = "ERRORSTATS_OVERFLOW";

static uint64_t load(const _Atomic uint64_t *v)
{
    return atomic_load_explicit(v, memory_order_relaxed);
}

static void bump(_Atomic uint64_t *v)
{
    stats_bump(v, 1);
}

/* Whole cache lines, so that no two threads write to one. */
static void *zeroed_lines(size_t bytes)
{
    size_t size = (bytes / CACHE_LINE + 1) * CACHE_LINE;
    void *p = aligned_alloc(CACHE_LINE, size);
    return p != NULL ? memset(p, 0, size) : NULL;
}

struct stats *stats_new(unsigned workers, unsigned commands, const _Atomic int64_t *track)
{
    struct stats *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->commands = commands;
    s->worker = zeroed_lines((workers + 1) * sizeof *s->worker);
    if (s->worker == NULL) {
        stats_free(s);
        return NULL;
    }
    for (s->workers = 0; s->workers <= workers; s->workers++) {
        struct stats_worker *w = &s->worker[s->workers];
        w->commands = commands;
        w->track_latency = track;
        w->cmd = zeroed_lines(commands * sizeof *w->cmd);
        if (w->cmd == NULL) {
            stats_free(s);
            return NULL;
        }
    }
    return s;
}

static void baseline_free(struct baseline *b, unsigned commands)
{
    for (unsigned i = 0; b->latency != NULL && i < commands; i++)
        histogram_clear(&b->latency[i]);
    free(b->latency);
    free(b->cmd);
    free(b->kind);
    memset(b, 0, sizeof *b);
}

void stats_free(struct stats *s)
{
    if (s == NULL)
        return;
    for (unsigned i = 0; i < s->workers; i++) {
        struct stats_worker *w = &s->worker[i];
        for (unsigned id = 0; id < s->commands; id++)
            histogram_free(w->cmd[id].latency);
        free(w->cmd);
        free(w->kind);
    }
    baseline_free(&s->base, s->commands);
    free(s->worker);
    free(s);
}

struct stats_worker *stats_worker(struct stats *s, unsigned number)
{
    return &s->worker[number];
}

void stats_set_source(struct stats *s, stats_source source, void *arg)
{
    s->source = source;
    s->source_arg = arg;
}

struct histogram *stats_latency_new(struct stats_worker *w, uint16_t id)
{
    struct histogram *h = histogram_new();
    if (h != NULL)
        atomic_store_explicit(&w->cmd[id].latency, h, memory_order_release);
    return h;
}

/* The entry of an error code: found, made, or, when the table is full, the one for all others. */
static struct stats_kind *kind_of(struct stats_worker *w, struct stats_kind *table, const char *code)
{
    unsigned n = atomic_load_explicit(&w->kinds, memory_order_relaxed);
    for (unsigned i = 0; i < n; i++) {
        if (strncmp(table[i].name, code, STATS_ERROR_NAME - 1) == 0)
            return &table[i];
    }
    if (n == STATS_ERROR_KINDS)
        return &table[n];
    strncpy(table[n].name, code, STATS_ERROR_NAME - 1);
    atomic_store_explicit(&w->kinds, n + 1, memory_order_release);
    return &table[n];
}

void stats_error(struct stats_worker *w, const char *code)
{
    stats_add(w, STATS_ERRORS, 1);
    struct stats_kind *table = atomic_load_explicit(&w->kind, memory_order_relaxed);
    if (table == NULL) {
        table = calloc(STATS_ERROR_KINDS + 1, sizeof *table);
        if (table == NULL)
            return;
        memcpy(table[STATS_ERROR_KINDS].name, others, sizeof others);
        atomic_store_explicit(&w->kind, table, memory_order_release);
    }
    bump(&kind_of(w, table, code)->count);
}

/* ---- sums since the server began ------------------------------------------------------------------------------- */

static void sum_command(const struct stats *s, unsigned id, struct stats_command *out)
{
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < s->workers; i++) {
        const struct stats_cmd *c = &s->worker[i].cmd[id];
        out->calls += load(&c->calls);
        out->ns += load(&c->ns);
        out->rejected += load(&c->rejected);
        out->failed += load(&c->failed);
    }
}

static void sum_totals(const struct stats *s, uint64_t total[STATS_COUNTERS])
{
    memset(total, 0, STATS_COUNTERS * sizeof *total);
    for (unsigned i = 0; i < s->workers; i++) {
        for (unsigned c = 0; c < STATS_OWN; c++)
            total[c] += load(&s->worker[i].counter[c]);
        for (unsigned id = 0; id < s->commands; id++)
            total[STATS_COMMANDS] += load(&s->worker[i].cmd[id].calls);
    }
    if (s->source != NULL)
        s->source(s->source_arg, total);
}

static bool sum_latency(const struct stats *s, unsigned id, struct histogram *out)
{
    for (unsigned i = 0; i < s->workers; i++) {
        const struct histogram *h = atomic_load_explicit(&s->worker[i].cmd[id].latency, memory_order_acquire);
        if (h != NULL && !histogram_add(out, h))
            return false;
    }
    return true;
}

/* Adds to the kinds found so far, keeping them sorted; what goes beyond the bound is counted with the others. */
static void merge_kind(struct stats_error_kind *out, unsigned *n, const char *name, uint64_t count)
{
    unsigned at = 0;
    int order = 1;
    while (at < *n && (order = strcmp(out[at].name, name)) < 0)
        at++;
    if (at < *n && order == 0) {
        out[at].count += count;
        return;
    }
    if (*n > STATS_ERROR_KINDS)
        return;
    memmove(&out[at + 1], &out[at], (*n - at) * sizeof *out);
    memset(&out[at], 0, sizeof out[at]);
    memcpy(out[at].name, name, strnlen(name, STATS_ERROR_NAME - 1));
    out[at].count = count;
    (*n)++;
}

static unsigned sum_errors(const struct stats *s, struct stats_error_kind *out)
{
    unsigned n = 0;
    for (unsigned i = 0; i < s->workers; i++) {
        const struct stats_kind *table = atomic_load_explicit(&s->worker[i].kind, memory_order_acquire);
        if (table == NULL)
            continue;
        unsigned kinds = atomic_load_explicit(&s->worker[i].kinds, memory_order_acquire);
        for (unsigned k = 0; k < kinds; k++)
            merge_kind(out, &n, table[k].name, load(&table[k].count));
        if (load(&table[STATS_ERROR_KINDS].count) > 0)
            merge_kind(out, &n, table[STATS_ERROR_KINDS].name, load(&table[STATS_ERROR_KINDS].count));
    }
    return n;
}

/* ---- what is shown: sums less the baseline ----------------------------------------------------------------------- */

static uint64_t less(uint64_t have, uint64_t base)
{
    return have > base ? have - base : 0;
}

void stats_totals(struct stats *s, uint64_t total[STATS_COUNTERS])
{
    sum_totals(s, total);
    lock_take(&s->lock, LOCK_STATS);
    for (unsigned c = 0; c < STATS_COUNTERS; c++)
        total[c] = less(total[c], s->base.total[c]);
    lock_release(&s->lock, LOCK_STATS);
}

void stats_command(struct stats *s, uint16_t id, struct stats_command *out)
{
    sum_command(s, id, out);
    lock_take(&s->lock, LOCK_STATS);
    if (s->base.cmd != NULL) {
        const struct stats_command *b = &s->base.cmd[id];
        out->calls = less(out->calls, b->calls);
        out->ns = less(out->ns, b->ns);
        out->rejected = less(out->rejected, b->rejected);
        out->failed = less(out->failed, b->failed);
    }
    lock_release(&s->lock, LOCK_STATS);
}

void stats_command_latency(struct stats *s, uint16_t id, struct histogram *out)
{
    if (!sum_latency(s, id, out))
        return;
    lock_take(&s->lock, LOCK_STATS);
    if (s->base.latency != NULL)
        histogram_subtract(out, &s->base.latency[id]);
    lock_release(&s->lock, LOCK_STATS);
}

unsigned stats_errors(struct stats *s, struct stats_error_kind *out)
{
    unsigned n = sum_errors(s, out), kept = 0;
    lock_take(&s->lock, LOCK_STATS);
    for (unsigned i = 0; i < n; i++) {
        uint64_t count = out[i].count;
        for (unsigned b = 0; b < s->base.kinds; b++) {
            if (strcmp(s->base.kind[b].name, out[i].name) == 0)
                count = less(count, s->base.kind[b].count);
        }
        if (count == 0)
            continue;
        out[kept] = out[i];
        out[kept++].count = count;
    }
    lock_release(&s->lock, LOCK_STATS);
    return kept;
}

/* Fills in a baseline; false when memory was short. */
static bool baseline_take(const struct stats *s, struct baseline *b)
{
    memset(b, 0, sizeof *b);
    b->cmd = calloc(s->commands + 1, sizeof *b->cmd);
    b->latency = calloc(s->commands + 1, sizeof *b->latency);
    b->kind = calloc(STATS_ERROR_KINDS + 1, sizeof *b->kind);
    if (b->cmd == NULL || b->latency == NULL || b->kind == NULL)
        return false;
    sum_totals(s, b->total);
    for (unsigned id = 0; id < s->commands; id++) {
        sum_command(s, id, &b->cmd[id]);
        if (!sum_latency(s, id, &b->latency[id]))
            return false;
    }
    b->kinds = sum_errors(s, b->kind);
    return true;
}

bool stats_reset(struct stats *s)
{
    struct baseline b;
    bool taken = baseline_take(s, &b);
    if (taken) {
        lock_take(&s->lock, LOCK_STATS);
        struct baseline old = s->base;
        s->base = b;
        s->samples = 0;
        lock_release(&s->lock, LOCK_STATS);
        b = old;
    }
    baseline_free(&b, s->commands);
    return taken;
}

/* ---- rates ------------------------------------------------------------------------------------------------------- */

void stats_sample(struct stats *s, uint64_t now_ns)
{
    uint64_t total[STATS_COUNTERS];
    sum_totals(s, total);
    struct rate_sample now = {.at_ns = now_ns};
    now.value[STATS_RATE_COMMANDS] = total[STATS_COMMANDS];
    now.value[STATS_RATE_INPUT] = total[STATS_INPUT_BYTES];
    now.value[STATS_RATE_OUTPUT] = total[STATS_OUTPUT_BYTES];
    now.value[STATS_RATE_LOOPS] = total[STATS_LOOPS];
    now.value[STATS_RATE_LOOP_NS] = total[STATS_LOOP_NS];
    lock_take(&s->lock, LOCK_STATS);
    s->sample[s->samples++ % RATE_SAMPLES] = now;
    lock_release(&s->lock, LOCK_STATS);
}

double stats_rate(struct stats *s, enum stats_rate which)
{
    double rate = 0;
    lock_take(&s->lock, LOCK_STATS);
    if (s->samples >= 2) {
        const struct rate_sample *newest = &s->sample[(s->samples - 1) % RATE_SAMPLES];
        const struct rate_sample *oldest = &s->sample[s->samples > RATE_SAMPLES ? s->samples % RATE_SAMPLES : 0];
        if (newest->at_ns > oldest->at_ns && newest->value[which] >= oldest->value[which])
            rate =
                (double)(newest->value[which] - oldest->value[which]) * 1e9 / (double)(newest->at_ns - oldest->at_ns);
    }
    lock_release(&s->lock, LOCK_STATS);
    return rate;
}
