/* What happens when a command took long: the slow log, the latency monitor. Called off the hot path only. */
#ifndef FLAGSTONE_SERVER_SLOW_COMMAND_H
#define FLAGSTONE_SERVER_SLOW_COMMAND_H

#include <stdint.h>

#include "server/command.h"

/* The command took `ns` and that is at least stats_watch_ns(): notes it in the slow log and as latency event "command"
 * or "fast-command", as the options have it. On the worker's thread, no shard locked, argv still valid. */
void slow_command(const struct cmd_ctx *c, uint64_t ns);

/* Takes over slowlog-log-slower-than, slowlog-max-len and latency-monitor-threshold and latency-tracking from the
 * options: at start and after each CONFIG SET of one of them. */
void slow_command_configure(struct server *srv);

#endif
