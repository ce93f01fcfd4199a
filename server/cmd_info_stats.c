/* INFO: the sections that come from the statistics: totals and rates, per command, per error, latencies. */
#include <string.h>

#include "server/command.h"
#include "server/defrag_run.h"
#include "server/durations.h"
#include "server/info_private.h"
#include "server/options.h"
#include "server/pubsub.h"
#include "server/server.h"
#include "server/stats.h"

static void write_count(struct info *i, const char *name, uint64_t v)
{
    INFO_LINE(i, "%s:%llu", name, (unsigned long long)v);
}

static void write_traffic(struct info *i, const uint64_t *total)
{
    struct stats *s = i->srv->stats;
    write_count(i, "total_connections_received", total[STATS_CONNECTIONS]);
    write_count(i, "total_commands_processed", total[STATS_COMMANDS]);
    INFO_LINE(i, "instantaneous_ops_per_sec:%.0f", stats_rate(s, STATS_RATE_COMMANDS));
    write_count(i, "total_net_input_bytes", total[STATS_INPUT_BYTES]);
    write_count(i, "total_net_output_bytes", total[STATS_OUTPUT_BYTES]);
    info_constant(i, "total_net_repl_input_bytes total_net_repl_output_bytes", "0");
    INFO_LINE(i, "instantaneous_input_kbps:%.2f", stats_rate(s, STATS_RATE_INPUT) / 1024);
    INFO_LINE(i, "instantaneous_output_kbps:%.2f", stats_rate(s, STATS_RATE_OUTPUT) / 1024);
    info_constant(i, "instantaneous_input_repl_kbps instantaneous_output_repl_kbps", "0.00");
    write_count(i, "rejected_connections", total[STATS_CONNECTIONS_REJECTED]);
    info_constant(i, "sync_full sync_partial_ok sync_partial_err", "0");
}

static void write_keys(struct info *i, const uint64_t *total)
{
    write_count(i, "expired_keys", total[STATS_EXPIRED]);
    info_constant(i, "expired_stale_perc", "0.00");
    info_constant(i, "expired_time_cap_reached_count expire_cycle_cpu_milliseconds", "0");
    write_count(i, "evicted_keys", total[STATS_EVICTED]);
    write_count(i, "evicted_clients", total[STATS_CLIENTS_EVICTED]);
    info_constant(i, "total_eviction_exceeded_time current_eviction_exceeded_time", "0");
    write_count(i, "keyspace_hits", total[STATS_HITS]);
    write_count(i, "keyspace_misses", total[STATS_MISSES]);
    write_count(i, "pubsub_channels", pubsub_topics(i->srv->pubsub, TOPIC_CHANNEL));
    write_count(i, "pubsub_patterns", pubsub_topics(i->srv->pubsub, TOPIC_PATTERN));
    write_count(i, "pubsubshard_channels", pubsub_topics(i->srv->pubsub, TOPIC_SHARD));
    info_constant(i,
                  "latest_fork_usec total_forks "
                  "migrate_cached_sockets slave_expires_tracked_keys",
                  "0");
}

static void write_defrag(struct info *i, const uint64_t *total)
{
    struct defrag_report r;
    defrag_run_report(i->srv, &r);
    write_count(i, "active_defrag_hits", total[STATS_CHUNKS_MOVED]);
    write_count(i, "active_defrag_misses", total[STATS_CHUNKS_LEFT]);
    write_count(i, "active_defrag_key_hits", total[STATS_KEYS_MOVED]);
    write_count(i, "active_defrag_key_misses", total[STATS_KEYS_LEFT]);
    write_count(i, "total_active_defrag_time", r.total_ms);
    write_count(i, "current_active_defrag_time", r.ms);
    info_constant(i, "tracking_total_keys tracking_total_items tracking_total_prefixes", "0");
}

static void write_durations(struct info *i, const char *name, enum duration_kind kind)
{
    struct durations_summary d;
    durations_summary(i->srv->store, kind, &d);
    INFO_LINE(i, "%s:count=%llu,p50_ns=%llu,p99_ns=%llu,max_ns=%llu", name, (unsigned long long)d.count,
              (unsigned long long)d.p50_ns, (unsigned long long)d.p99_ns, (unsigned long long)d.max_ns);
}

/* Of each power of two of nanoseconds that bounds any: how many were below it, and not below the one before. */
static void write_histogram(struct info *i, const char *name, enum duration_kind kind)
{
    uint64_t count[DURATION_BUCKETS];
    const char *comma = "";
    durations_sum(i->srv->store, kind, count);
    text_printf(i->t, "%s:", name);
    for (int b = 0; b < DURATION_BUCKETS; b++) {
        if (count[b] == 0)
            continue;
        text_printf(i->t, "%sunder_%llu_ns=%llu", comma, 1ull << b, (unsigned long long)count[b]);
        comma = ",";
    }
    text_puts(i->t, "\r\n");
}

static void write_waits(struct info *i, const uint64_t *total)
{
    write_count(i, "commands_over_latency_target", total[STATS_LATE]);
    write_durations(i, "shard_lock_waits", DURATION_WAIT);
    write_histogram(i, "shard_lock_waits_histogram", DURATION_WAIT);
    write_durations(i, "shard_lock_holds_sampled", DURATION_HOLD);
    write_durations(i, "active_expiry_lag", DURATION_EXPIRY);
    write_durations(i, "reclaim_direct_latency", DURATION_DIRECT);
    write_durations(i, "reclaim_background_latency", DURATION_BACKGROUND);
}

static void write_loops(struct info *i, const uint64_t *total)
{
    struct stats *s = i->srv->stats;
    double cycles = stats_rate(s, STATS_RATE_LOOPS);
    write_count(i, "eventloop_cycles", total[STATS_LOOPS]);
    write_count(i, "eventloop_duration_sum", total[STATS_LOOP_NS] / 1000);
    write_count(i, "eventloop_duration_cmd_sum", total[STATS_LOOP_CMD_NS] / 1000);
    INFO_LINE(i, "instantaneous_eventloop_cycles_per_sec:%.0f", cycles);
    INFO_LINE(i, "instantaneous_eventloop_duration_usec:%.0f",
              cycles > 0 ? stats_rate(s, STATS_RATE_LOOP_NS) / cycles / 1000 : 0);
}

void info_stats(struct info *i)
{
    uint64_t total[STATS_COUNTERS];
    stats_totals(i->srv->stats, total);
    write_traffic(i, total);
    write_keys(i, total);
    write_defrag(i, total);
    write_count(i, "unexpected_error_replies", total[STATS_UNEXPECTED_ERRORS]);
    write_count(i, "total_error_replies", total[STATS_ERRORS]);
    info_constant(i, "dump_payload_sanitizations", "0");
    write_count(i, "total_reads_processed", total[STATS_READS]);
    write_count(i, "total_writes_processed", total[STATS_WRITES]);
    info_constant(i, "io_threaded_reads_processed io_threaded_writes_processed", "0");
    write_count(i, "client_query_buffer_limit_disconnections", total[STATS_QUERY_LIMIT_CLOSED]);
    write_count(i, "client_output_buffer_limit_disconnections", total[STATS_OUTPUT_LIMIT_CLOSED]);
    info_constant(i, "reply_buffer_shrinks reply_buffer_expands", "0");
    write_loops(i, total);
    write_count(i, "acl_access_denied_auth", total[STATS_DENIED_AUTH]);
    write_count(i, "acl_access_denied_cmd", total[STATS_DENIED_COMMAND]);
    write_count(i, "acl_access_denied_key", total[STATS_DENIED_KEY]);
    write_count(i, "acl_access_denied_channel", total[STATS_DENIED_CHANNEL]);
    write_count(i, "protocol_errors", total[STATS_PROTOCOL_ERRORS]);
    write_count(i, "direct_reclaims", total[STATS_RECLAIM_DIRECT]);
    write_count(i, "failed_reclaims", total[STATS_RECLAIM_FAILED]);
    write_waits(i, total);
}

void info_commandstats(struct info *i)
{
    for (uint16_t id = 0; id < command_count(); id++) {
        const struct command *cmd = command_by_id(id);
        struct stats_command s;
        stats_command(i->srv->stats, id, &s);
        if (cmd == NULL || (s.calls == 0 && s.rejected == 0 && s.failed == 0))
            continue;
        INFO_LINE(i, "cmdstat_%s:calls=%llu,usec=%llu,usec_per_call=%.2f,rejected_calls=%llu,failed_calls=%llu",
                  cmd->name, (unsigned long long)s.calls, (unsigned long long)(s.ns / 1000),
                  s.calls > 0 ? (double)s.ns / 1000 / (double)s.calls : 0, (unsigned long long)s.rejected,
                  (unsigned long long)s.failed);
    }
}

void info_errorstats(struct info *i)
{
    struct stats_error_kind kind[STATS_ERROR_KINDS + 1];
    unsigned n = stats_errors(i->srv->stats, kind);
    for (unsigned k = 0; k < n; k++)
        INFO_LINE(i, "errorstat_%s:count=%llu", kind[k].name, (unsigned long long)kind[k].count);
}

static void write_percentiles(struct info *i, const char *name, const struct histogram *h, const double *p, int n)
{
    text_printf(i->t, "latency_percentiles_usec_%s:", name);
    for (int k = 0; k < n; k++)
        text_printf(i->t, "%sp%.10g=%.3f", k > 0 ? "," : "", p[k], (double)histogram_percentile(h, p[k]) / 1000);
    INFO_LINE(i, "%s", "");
}

void info_latencystats(struct info *i)
{
    double p[OPTIONS_PERCENTILES_MAX];
    int n = options_percentiles(i->srv->opt, p);
    if (!OPT(i->srv->opt, latency_tracking))
        return;
    for (uint16_t id = 0; id < command_count(); id++) {
        const struct command *cmd = command_by_id(id);
        struct histogram h;
        memset(&h, 0, sizeof h);
        stats_command_latency(i->srv->stats, id, &h);
        if (cmd != NULL && histogram_count(&h) > 0)
            write_percentiles(i, cmd->name, &h, p, n);
        histogram_clear(&h);
    }
}
