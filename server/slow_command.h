/* What happens when a command took long: the slow log, the latency monitor. Called off the hot path only. */
#ifndef FLAGSTONE_SERVER_SLOW_COMMAND_H
#define FLAGSTONE_SERVER_SLOW_COMMAND_H

#include <stdint.h>

#include "server/command.h"
#include "server/options.h"
#include "server/server.h"

/* The least duration, in ns, that the slow log, the latency monitor or defragmentation's guard wants to hear
 * of; UINT64_MAX: none. */
static inline uint64_t slow_command_ns(const struct server *srv)
{
    int64_t usec = OPT(srv->opt, slowlog_log_slower_than);
    int64_t ms = OPT(srv->opt, latency_monitor_threshold);
    int64_t target_us = OPT(srv->opt, active_defrag_latency_target);
    uint64_t slow = usec < 0 ? UINT64_MAX : (uint64_t)usec * 1000;
    uint64_t late = ms <= 0 ? UINT64_MAX : (uint64_t)ms * 1000000;
    uint64_t guarded = target_us == 0 ? UINT64_MAX : (uint64_t)target_us * 1000;
    slow = slow < guarded ? slow : guarded;
    return slow < late ? slow : late;
}

/* The command took `ns`, and that is at least slow_command_ns(): notes it in the slow log and as latency event
 * "command" or "fast-command", as the options have it. On the worker's thread, no shard locked, argv still valid. */
void slow_command(const struct cmd_ctx *c, uint64_t ns);

#endif
