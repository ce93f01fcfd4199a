/* Sets up what the server knows of itself (statistics, slow log, latency monitor), and joins it to what others count.
 * */
#ifndef FLAGSTONE_SERVER_TELEMETRY_H
#define FLAGSTONE_SERVER_TELEMETRY_H

#include <stdbool.h>

struct server;

/* Makes srv->stats, srv->slowlog, srv->latency and srv->acl_log: after the options are resolved (srv->opt,
 * srv->nworkers), before workers are made. A worker then takes stats_worker(srv->stats, index). False: memory is
 * short. */
bool telemetry_new(struct server *srv);
void telemetry_free(struct server *srv);

/* The main thread's timer, every 100 ms: takes the samples of instantaneous rates. */
void telemetry_tick(struct server *srv);

/* CONFIG RESETSTAT. False: memory is short and nothing was reset. */
bool telemetry_reset(struct server *srv);

#endif
