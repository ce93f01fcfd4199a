/* See telemetry.h. The source function is the one place that knows who counts what. */
#include "server/telemetry.h"

#include "defrag/outcome.h"
#include "server/acl_log.h"
#include "server/command.h"
#include "server/latency.h"
#include "server/options.h"
#include "server/server.h"
#include "server/slowlog.h"
#include "server/stats.h"
#include "server/store_ctx.h"
#include "server/store_private.h"
#include "slab/base/clock.h"

static uint64_t load(const _Atomic uint64_t *v)
{
    return atomic_load_explicit(v, memory_order_relaxed);
}

static void add_store(const struct store *s, uint64_t total[STATS_COUNTERS])
{
    struct store_counters sum;
    store_counters_sum(s, &sum);
    total[STATS_HITS] += load(&sum.hits);
    total[STATS_MISSES] += load(&sum.misses);
    total[STATS_EXPIRED] += load(&sum.expired);
    total[STATS_EVICTED] += load(&sum.evicted);
    total[STATS_RECLAIM_DIRECT] += load(&sum.reclaim_direct);
    total[STATS_RECLAIM_FAILED] += load(&sum.reclaim_failed);
}

static void add_relocations(const struct store *s, uint64_t total[STATS_COUNTERS])
{
    for (int o = 0; o < MOVE_OUTCOMES; o++)
        total[o == MOVE_MOVED ? STATS_CHUNKS_MOVED : STATS_CHUNKS_LEFT] += load(&s->outcomes[o]);
    total[STATS_KEYS_MOVED] += load(&s->keys_moved);
    total[STATS_KEYS_LEFT] += load(&s->keys_left);
}

static void add_counted_elsewhere(void *arg, uint64_t total[STATS_COUNTERS])
{
    const struct server *srv = arg;
    if (srv->store == NULL)
        return;
    add_store(srv->store, total);
    add_relocations(srv->store, total);
}

bool telemetry_new(struct server *srv)
{
    srv->stats = stats_new((unsigned)srv->nworkers, command_count(), &srv->opt->latency_tracking);
    srv->slowlog = slowlog_new();
    srv->latency = latency_new();
    srv->acl_log = acl_log_new();
    if (srv->stats == NULL || srv->slowlog == NULL || srv->latency == NULL || srv->acl_log == NULL) {
        telemetry_free(srv);
        return false;
    }
    stats_set_source(srv->stats, add_counted_elsewhere, srv);
    return true;
}

void telemetry_free(struct server *srv)
{
    stats_free(srv->stats);
    slowlog_free(srv->slowlog);
    latency_free(srv->latency);
    acl_log_free(srv->acl_log);
    srv->stats = NULL;
    srv->slowlog = NULL;
    srv->latency = NULL;
    srv->acl_log = NULL;
}

void telemetry_tick(struct server *srv)
{
    stats_sample(srv->stats, clock_mono_ns());
}

bool telemetry_reset(struct server *srv)
{
    return stats_reset(srv->stats);
}
