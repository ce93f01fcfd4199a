/* INFO: the sections about the process and its surroundings, and those about features that Flagstone does not have,
 * where the fields that tools read say so (no persistence, no replicas, no cluster). */
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "server/clients.h"
#include "server/info_private.h"
#include "server/options.h"
#include "server/store.h"
#include "server/version.h"

static void write_listeners(struct info *i)
{
    char address[OPTIONS_BIND_MAX][OPTIONS_ADDRESS_CHARS];
    int n = options_bind(i->srv->opt, address), listener = 0;
    long long port = (long long)OPT(i->srv->opt, port);
    if (port > 0) {
        text_printf(i->t, "listener%d:name=tcp", listener++);
        for (int a = 0; a < n; a++)
            text_printf(i->t, ",bind=%s", address[a]);
        INFO_LINE(i, ",port=%lld", port);
    }
    if (i->srv->unix_path[0] != '\0')
        INFO_LINE(i, "listener%d:name=unix,bind=%s", listener, i->srv->unix_path);
}

static void write_system(struct info *i)
{
    struct utsname u;
    if (uname(&u) == 0)
        INFO_LINE(i, "os:%s %s %s", u.sysname, u.release, u.machine);
    INFO_LINE(i, "arch_bits:%zu", sizeof(void *) * 8);
    INFO_LINE(i, "monotonic_clock:%s", i->srv->ticks.counter ? "processor counter" : "POSIX clock_gettime");
    INFO_LINE(i, "multiplexing_api:%s", i->srv->base != NULL ? event_base_get_method(i->srv->base) : "none");
    INFO_LINE(i, "atomicvar_api:c11-builtin");
    INFO_LINE(i, "gcc_version:%d.%d.%d", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
}

void info_server(struct info *i)
{
    struct server *s = i->srv;
    int64_t up_s = (i->now_ms - s->start_wall_ms) / 1000;
    INFO_LINE(i, "redis_version:%s", FLAGSTONE_REDIS_VERSION);
    INFO_LINE(i, "flagstone_version:%s", FLAGSTONE_VERSION);
    info_constant(i, "redis_git_sha1", "00000000");
    info_constant(i, "redis_git_dirty", "0");
    info_constant(i, "redis_build_id", "0");
    info_constant(i, "redis_mode", "standalone");
    write_system(i);
    INFO_LINE(i, "process_id:%ld", (long)getpid());
    INFO_LINE(i, "process_supervised:%s", options_choice("supervised", OPT(s->opt, supervised)));
    INFO_LINE(i, "run_id:%s", s->run_id);
    INFO_LINE(i, "tcp_port:%lld", (long long)OPT(s->opt, port));
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    INFO_LINE(i, "server_time_usec:%lld", (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    INFO_LINE(i, "uptime_in_seconds:%lld", (long long)up_s);
    INFO_LINE(i, "uptime_in_days:%lld", (long long)(up_s / (3600 * 24)));
    INFO_LINE(i, "hz:%lld", (long long)OPT(s->opt, hz));
    INFO_LINE(i, "configured_hz:%lld", (long long)OPT(s->opt, hz));
    INFO_LINE(i, "lru_clock:%lld", (long long)(i->now_ms / 1000) & 0xffffff);
    INFO_LINE(i, "executable:%s", s->executable != NULL ? s->executable : "");
    INFO_LINE(i, "config_file:%s", s->config_file != NULL ? s->config_file : "");
    info_constant(i, "io_threads_active", "0");
    INFO_LINE(i, "worker_threads:%d", s->nworkers);
    write_listeners(i);
}

void info_clients(struct info *i)
{
    struct clients_totals c;
    clients_totals(i->srv, &c);
    INFO_LINE(i, "connected_clients:%u", c.connected);
    info_constant(i, "cluster_connections", "0");
    INFO_LINE(i, "maxclients:%lld", (long long)OPT(i->srv->opt, maxclients));
    INFO_LINE(i, "client_recent_max_input_buffer:%zu", c.max_input);
    INFO_LINE(i, "client_recent_max_output_buffer:%zu", c.max_output);
    INFO_LINE(i, "blocked_clients:%u", c.blocked);
    info_constant(i, "tracking_clients clients_in_timeout_table total_blocking_keys total_blocking_keys_on_nokey", "0");
}

void info_persistence(struct info *i)
{
    info_constant(i, "loading async_loading current_cow_peak current_cow_size current_cow_size_age", "0");
    info_constant(i, "current_fork_perc", "0.00");
    info_constant(i,
                  "current_save_keys_processed current_save_keys_total rdb_changes_since_last_save "
                  "rdb_bgsave_in_progress",
                  "0");
    INFO_LINE(i, "rdb_last_save_time:%lld", (long long)(i->srv->start_wall_ms / 1000));
    info_constant(i, "rdb_last_bgsave_status", "ok");
    info_constant(i, "rdb_last_bgsave_time_sec rdb_current_bgsave_time_sec", "-1");
    info_constant(i,
                  "rdb_saves rdb_last_cow_size rdb_last_load_keys_expired rdb_last_load_keys_loaded aof_enabled "
                  "aof_rewrite_in_progress aof_rewrite_scheduled",
                  "0");
    info_constant(i, "aof_last_rewrite_time_sec aof_current_rewrite_time_sec", "-1");
    info_constant(i, "aof_last_bgrewrite_status", "ok");
    info_constant(i, "aof_rewrites aof_rewrites_consecutive_failures", "0");
    info_constant(i, "aof_last_write_status", "ok");
    info_constant(i, "aof_last_cow_size module_fork_in_progress module_fork_last_cow_size", "0");
}

void info_replication(struct info *i)
{
    info_constant(i, "role", "master");
    info_constant(i, "connected_slaves", "0");
    info_constant(i, "master_failover_state", "no-failover");
    INFO_LINE(i, "master_replid:%s", i->srv->run_id);
    info_constant(i, "master_replid2", "0000000000000000000000000000000000000000");
    info_constant(i, "master_repl_offset", "0");
    info_constant(i, "second_repl_offset", "-1");
    info_constant(i, "repl_backlog_active repl_backlog_size repl_backlog_first_byte_offset repl_backlog_histlen", "0");
}

static void write_time(struct info *i, const char *name, const struct timeval *tv)
{
    INFO_LINE(i, "%s:%ld.%06ld", name, (long)tv->tv_sec, (long)tv->tv_usec);
}

/* The main thread's CPU time, from its stat file: user and system in clock ticks, the 14th and 15th field. */
static void write_main_thread(struct info *i)
{
    char path[64], line[1024] = "";
    unsigned long user = 0, sys = 0;
    snprintf(path, sizeof path, "/proc/self/task/%ld/stat", (long)getpid());
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return;
    const char *rest = fgets(line, sizeof line, f) != NULL ? strrchr(line, ')') : NULL;
    fclose(f);
    if (rest == NULL || sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys) != 2)
        return;
    double hz = (double)sysconf(_SC_CLK_TCK);
    INFO_LINE(i, "used_cpu_sys_main_thread:%.6f", (double)sys / hz);
    INFO_LINE(i, "used_cpu_user_main_thread:%.6f", (double)user / hz);
}

void info_cpu(struct info *i)
{
    struct rusage self, children;
    getrusage(RUSAGE_SELF, &self);
    getrusage(RUSAGE_CHILDREN, &children);
    write_time(i, "used_cpu_sys", &self.ru_stime);
    write_time(i, "used_cpu_user", &self.ru_utime);
    write_time(i, "used_cpu_sys_children", &children.ru_stime);
    write_time(i, "used_cpu_user_children", &children.ru_utime);
    write_main_thread(i);
}

void info_modules(struct info *i)
{
    (void)i; /* there are none */
}

void info_cluster(struct info *i)
{
    info_constant(i, "cluster_enabled", "0");
}

void info_keyspace(struct info *i)
{
    const struct store *s = i->srv->store;
    int n = (int)OPT(i->srv->opt, databases);
    for (int logical = 0; logical < n; logical++) {
        uint16_t db = store_db(s, logical);
        long long keys = (long long)store_db_keys(s, db), expires = (long long)store_db_expires(s, db);
        if (keys > 0 || expires > 0)
            INFO_LINE(i, "db%d:keys=%lld,expires=%lld,avg_ttl=%lld", logical, keys, expires,
                      expires > 0 ? (long long)store_db_ttl_avg_ms(s, db) : 0);
    }
}
