/* What the latency monitor's series tell people: LATENCY GRAPH's picture, LATENCY DOCTOR's findings. Pure functions. */
#ifndef FLAGSTONE_SERVER_LATENCY_REPORT_H
#define FLAGSTONE_SERVER_LATENCY_REPORT_H

#include "server/latency.h"
#include "server/text.h"

/* A chart of the series with the samples' ages below, as Redis draws it. now_s: Unix time. */
void latency_graph(struct text *t, const struct latency_series *s, int64_t now_s);

/* One paragraph about one series, then the advice for what was seen in all of them. */
struct latency_facts {
    int64_t slowlog_usec; /* slowlog-log-slower-than */
    bool thp_always;      /* transparent huge pages are forced on */
    bool seen_command, seen_defrag, seen_expire, seen_evict;
};
void latency_describe(struct text *t, unsigned number, const struct latency_series *s, int64_t now_s,
                      struct latency_facts *facts);
void latency_advise(struct text *t, const struct latency_facts *facts);

#endif
