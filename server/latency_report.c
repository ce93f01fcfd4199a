/* See latency_report.h.
 *
 * The chart has four rows of three levels each (_ o #), filled below with |; 80 samples side by side, the rest in
 * charts that follow. Under each sample its age is written downwards.
 *
 *       #
 *     o |
 *     | |
 *     |_|_
 *
 *     4321
 *     ssss                                                                                                          */
#include "server/latency_report.h"

#include <stdio.h>
#include <string.h>

enum { GRAPH_ROWS = 4, GRAPH_LEVELS = 3, GRAPH_COLUMNS = 80, LABEL_CHARS = 24 };

/* What a series amounts to. */
struct summary {
    uint32_t high, low;               /* ms, of the samples kept */
    uint32_t average, mean_deviation; /* ms */
    double period_s;                  /* between samples, on average */
};
static void summarize(const struct latency_series *s, int64_t now_s, struct summary *sum)
{
    uint64_t total = 0, deviation = 0;
    memset(sum, 0, sizeof *sum);
    if (s->n == 0)
        return;
    sum->low = UINT32_MAX;
    for (unsigned i = 0; i < s->n; i++) {
        uint32_t ms = s->sample[i].ms;
        sum->high = ms > sum->high ? ms : sum->high;
        sum->low = ms < sum->low ? ms : sum->low;
        total += ms;
    }
    sum->average = (uint32_t)(total / s->n);
    for (unsigned i = 0; i < s->n; i++) {
        uint32_t ms = s->sample[i].ms;
        deviation += ms > sum->average ? ms - sum->average : sum->average - ms;
    }
    sum->mean_deviation = (uint32_t)(deviation / s->n);
    sum->period_s = (double)(now_s - s->sample[0].unix_s) / s->n;
}

/* ---- the chart --------------------------------------------------------------------------------------------------- */

static void age_label(char label[LABEL_CHARS], int64_t age_s)
{
    if (age_s < 60)
        snprintf(label, LABEL_CHARS, "%llds", (long long)age_s);
    else if (age_s < 3600)
        snprintf(label, LABEL_CHARS, "%lldm", (long long)(age_s / 60));
    else if (age_s < 3600 * 24)
        snprintf(label, LABEL_CHARS, "%lldh", (long long)(age_s / 3600));
    else
        snprintf(label, LABEL_CHARS, "%lldd", (long long)(age_s / (3600 * 24)));
}

/* The height of a value, 0 .. GRAPH_ROWS * GRAPH_LEVELS - 1. */
static unsigned level_of(uint32_t ms, const struct summary *sum)
{
    enum { STEPS = GRAPH_ROWS * GRAPH_LEVELS };
    uint32_t span = sum->high - sum->low;
    unsigned level = span == 0 ? 0 : (unsigned)((uint64_t)(ms - sum->low) * STEPS / span);
    return level < STEPS ? level : STEPS - 1;
}

static char cell_of(unsigned level, unsigned row)
{
    if (level / GRAPH_LEVELS < row)
        return ' ';
    return level / GRAPH_LEVELS > row ? '|' : "_o#"[level % GRAPH_LEVELS];
}

/* One chart of the samples [from, from + n). */
static void draw(struct text *t, const struct latency_series *s, unsigned from, unsigned n, const struct summary *sum,
                 int64_t now_s)
{
    char line[GRAPH_COLUMNS + 1];
    char label[GRAPH_COLUMNS][LABEL_CHARS];
    size_t label_rows = 0;
    for (unsigned i = 0; i < n; i++) {
        age_label(label[i], now_s - s->sample[from + i].unix_s);
        label_rows = strlen(label[i]) > label_rows ? strlen(label[i]) : label_rows;
    }
    for (unsigned row = GRAPH_ROWS; row-- > 0;) {
        for (unsigned i = 0; i < n; i++)
            line[i] = cell_of(level_of(s->sample[from + i].ms, sum), row);
        line[n] = '\n';
        text_add(t, line, n + 1);
    }
    memset(line, ' ', n);
    text_add(t, line, n + 1);
    for (size_t row = 0; row < label_rows; row++) {
        for (unsigned i = 0; i < n; i++)
            line[i] = row < strlen(label[i]) ? label[i][row] : ' ';
        text_add(t, line, n + 1);
    }
}

void latency_graph(struct text *t, const struct latency_series *s, int64_t now_s)
{
    struct summary sum;
    summarize(s, now_s, &sum);
    text_printf(t, "%s - high %u ms, low %u ms (all time high %u ms)\n", s->name, sum.high, sum.low, s->max_ms);
    for (unsigned i = 0; i < GRAPH_COLUMNS; i++)
        text_add(t, "-", 1);
    text_add(t, "\n", 1);
    for (unsigned from = 0; from < s->n; from += GRAPH_COLUMNS) {
        if (from > 0)
            text_add(t, "\n", 1);
        draw(t, s, from, s->n - from < GRAPH_COLUMNS ? s->n - from : GRAPH_COLUMNS, &sum, now_s);
    }
}

/* ---- the doctor -------------------------------------------------------------------------------------------------- */

void latency_describe(struct text *t, unsigned number, const struct latency_series *s, int64_t now_s,
                      struct latency_facts *facts)
{
    struct summary sum;
    summarize(s, now_s, &sum);
    text_printf(t,
                "%u. %s: %u latency spikes (average %ums, mean deviation %ums, period %.2f sec). "
                "Worst all time event %ums.\n",
                number, s->name, s->n, sum.average, sum.mean_deviation, sum.period_s, s->max_ms);
    facts->seen_command |= strcmp(s->name, "command") == 0 || strcmp(s->name, "fast-command") == 0;
    facts->seen_defrag |= strcmp(s->name, "active-defrag-cycle") == 0;
    facts->seen_expire |= strcmp(s->name, "expire-cycle") == 0;
    facts->seen_evict |= strcmp(s->name, "eviction-cycle") == 0;
}

static void advise_commands(struct text *t, const struct latency_facts *f)
{
    if (f->slowlog_usec < 0 || f->slowlog_usec > 100000)
        text_puts(
            t,
            "- The slow log is off or notes only very slow commands: CONFIG SET slowlog-log-slower-than 1000 makes it "
            "note those that take more than a millisecond.\n");
    else
        text_puts(t, "- SLOWLOG GET shows which commands were slow, LATENCY HISTOGRAM how often.\n");
    text_puts(
        t,
        "- A command holds up the other connections of its worker while it runs. KEYS, MGET of very many keys, BITOP "
        "and LCS on large values take time in proportion to their input: use SCAN, or split them.\n");
}

void latency_advise(struct text *t, const struct latency_facts *f)
{
    if (f->seen_command)
        advise_commands(t, f);
    if (f->seen_defrag)
        text_puts(t, "- Defragmentation took long steps: lower active-defrag-cycle-max to give it less of a core.\n");
    if (f->seen_expire)
        text_puts(t, "- Very many keys expire in the same moment: spread their expiry over time.\n");
    if (f->seen_evict)
        text_puts(t, "- Writes outrun the reclaim of memory: raise maxmemory or active-defrag-cycle-max, or write more "
                     "slowly.\n");
    if (f->thp_always)
        text_puts(
            t,
            "- Transparent huge pages are always on in this kernel, which delays page faults. Set disable-thp yes, or "
            "write madvise to /sys/kernel/mm/transparent_hugepage/enabled as root.\n");
}
