/* The option table: every option there is, in the order in which conf/flagstone.conf, --help and CONFIG GET list them.
 *
 * Names, meanings, ranges and error texts are Redis 7.0's where Redis has the option. A field's type, range and
 * default stand here and nowhere else. */
#include <assert.h>
#include <limits.h>
#include <stdlib.h>

#include "server/notice.h"
#include "server/options_apply.h"
#include "server/options_table.h"
#include "server/server.h"
#include "slab/base/log.h"

static_assert(offsetof(struct options, maxmemory_percent) == offsetof(struct options, maxmemory) + 8,
              "OPTION_MEMORY is two numbers");
static_assert(sizeof(option_number) == 8 && sizeof(struct output_limit[CLASS_COUNT]) == 8 * OPTION_NUMBERS_MAX,
              "OPTION_LIMITS is nine numbers");

/* clang-format off */

#define AT(field) .at = offsetof(struct options, field)
#define MUTABLE .flags = OPTION_MUTABLE

static const struct option_choice supervised_choices[] = {
    {"no", SUPERVISED_NO}, {"upstart", SUPERVISED_UPSTART}, {"systemd", SUPERVISED_SYSTEMD},
    {"auto", SUPERVISED_AUTO}, {NULL, 0},
};

static const struct option_choice loglevel_choices[] = {
    {"debug", LOG_DEBUG}, {"verbose", LOG_VERBOSE}, {"notice", LOG_NOTICE}, {"warning", LOG_WARNING}, {NULL, 0},
};

static const struct option_choice oom_choices[] = {
    {"no", OOM_ADJUST_NO}, {"yes", OOM_ADJUST_RELATIVE}, {"relative", OOM_ADJUST_RELATIVE},
    {"absolute", OOM_ADJUST_ABSOLUTE}, {NULL, 0},
};

static const struct option_choice debug_choices[] = {
    {"no", DEBUG_NO}, {"yes", DEBUG_YES}, {"local", DEBUG_LOCAL}, {NULL, 0},
};

static const struct option_choice pubsub_default_choices[] = {
    {"allchannels", 1}, {"resetchannels", 0}, {NULL, 0},
};

static const struct option_choice policy_choices[] = {
    {"volatile-lru", POLICY_VOLATILE_LRU},
    {"volatile-lfu", POLICY_VOLATILE_LFU},
    {"volatile-random", POLICY_VOLATILE_RANDOM},
    {"volatile-ttl", POLICY_VOLATILE_TTL},
    {"allkeys-lru", POLICY_ALLKEYS_LRU},
    {"allkeys-lfu", POLICY_ALLKEYS_LFU},
    {"allkeys-random", POLICY_ALLKEYS_RANDOM},
    {"noeviction", POLICY_NOEVICTION},
    {"allkeys-s3fifo", POLICY_ALLKEYS_S3FIFO},
    {NULL, 0},
};

/* clang-format on */

static bool apply_listeners(struct server *srv, struct options *o, char *err, size_t size)
{
    (void)o;
    return listener_rebind(srv, err, size) == 0;
}

static bool apply_memory(struct server *srv, struct options *o, char *err, size_t size)
{
    (void)o, (void)err, (void)size;
    memory_limit_changed(srv);
    return true;
}

static bool apply_password(struct server *srv, struct options *o, char *err, size_t size)
{
    if (o->user_hooks == NULL)
        return true;
    char *password = options_text_dup(o, &o->requirepass);
    bool ok = password != NULL && o->user_hooks->set_password(srv, password);
    if (!ok)
        snprintf(err, size, "out of memory");
    free(password);
    return ok;
}

static bool apply_maxclients(struct server *srv, struct options *o, char *err, size_t size)
{
    (void)o;
    return maxclients_changed(srv, err, size);
}

static bool apply_loglevel(struct server *srv, struct options *o, char *err, size_t size)
{
    (void)srv, (void)err, (void)size;
    log_set_level((enum log_level)OPT(o, loglevel));
    return true;
}

static bool apply_oom(struct server *srv, struct options *o, char *err, size_t size)
{
    (void)srv;
    return options_apply_oom(o, err, size);
}

static bool apply_events(struct server *srv, struct options *o, char *err, size_t size)
{
    (void)err, (void)size;
    notices_want(srv->store, (uint32_t)OPT(o, notify_keyspace_events));
    return true;
}

const char *const option_group_names[GROUP_COUNT] = {
    [GROUP_NETWORK] = "Network",
    [GROUP_GENERAL] = "General",
    [GROUP_MEMORY] = "Memory",
    [GROUP_DEFRAG] = "Active defragmentation",
    [GROUP_CLIENTS] = "Limits of clients",
    [GROUP_STATISTICS] = "Slow log and latency",
    [GROUP_EVENTS] = "Keyspace notifications",
};

/* clang-format off */

const struct option option_table[] = {
    /* ---- network ---- */
    {
        .name = "bind", .type = OPTION_ADDRESSES, .group = GROUP_NETWORK, MUTABLE, AT(bind),
        .standard = "127.0.0.1 -::1", .apply = apply_listeners,
        .help = "Addresses to listen on. One that begins with '-' may be missing on the machine. '*' is all of IPv4, "
                "'::*' all of IPv6.",
    },
    {
        .name = "port", .type = OPTION_INT, .group = GROUP_NETWORK, MUTABLE, AT(port), .max = 65535,
        .standard = "6379", .apply = apply_listeners,
        .help = "TCP port to listen on. 0: no TCP.",
    },
    {
        .name = "unixsocket", .type = OPTION_TEXT, .group = GROUP_NETWORK, AT(unixsocket), .standard = "\"\"",
        .help = "Path of a Unix socket to listen on as well. Empty: none.",
    },
    {
        .name = "unixsocketperm", .type = OPTION_OCTAL, .group = GROUP_NETWORK, AT(unixsocketperm), .max = 0777,
        .standard = "0", .unit = "octal mode bits",
        .help = "Permissions of the Unix socket. 0: as the umask has it.",
    },
    {
        .name = "protected-mode", .type = OPTION_BOOL, .group = GROUP_NETWORK, MUTABLE, AT(protected_mode),
        .standard = "yes",
        .help = "Refuse clients from other machines while no password is set.",
    },
    {
        .name = "requirepass", .type = OPTION_TEXT, .group = GROUP_NETWORK, .flags = OPTION_MUTABLE | OPTION_SECRET,
        AT(requirepass), .standard = "\"\"", .apply = apply_password,
        .help = "Password of the user \"default\", which clients must give with AUTH or HELLO. Empty: none is needed. "
                "With an aclfile, what that says holds.",
    },
    {
        .name = "aclfile", .type = OPTION_TEXT, .group = GROUP_NETWORK, AT(aclfile), .standard = "\"\"",
        .help = "File of users, a line each as ACL LIST shows them, read at start and by ACL LOAD, written by ACL "
                "SAVE. Empty: users are lines 'user <name> <rules>' of this file.",
    },
    {
        .name = "acl-pubsub-default", .type = OPTION_CHOICE, .group = GROUP_NETWORK, MUTABLE, AT(acl_pubsub_default),
        .standard = "resetchannels", .choices = pubsub_default_choices,
        .help = "Channels of new users.",
    },
    {
        .name = "acllog-max-len", .type = OPTION_INT, .group = GROUP_NETWORK, MUTABLE, AT(acllog_max_len),
        .max = INT64_MAX, .standard = "128", .unit = "entries",
        .help = "Denials that ACL LOG keeps.",
    },
    {
        .name = "tcp-backlog", .type = OPTION_INT, .group = GROUP_NETWORK, AT(tcp_backlog), .max = INT_MAX,
        .standard = "511", .unit = "connections",
        .help = "Length of the queue of connections not yet accepted. The system's somaxconn bounds it.",
    },
    {
        .name = "tcp-keepalive", .type = OPTION_INT, .group = GROUP_NETWORK, MUTABLE, AT(tcp_keepalive), .max = INT_MAX,
        .standard = "300", .unit = "seconds",
        .help = "How often a silent peer is probed; it is given up after about twice that. 0: never. Holds for "
                "connections made after a change.",
    },
    {
        .name = "timeout", .type = OPTION_INT, .group = GROUP_NETWORK, MUTABLE, AT(timeout), .max = INT_MAX,
        .standard = "0", .unit = "seconds",
        .help = "Close a connection that was idle for so long. 0: never.",
    },
    {
        .name = "maxclients", .type = OPTION_INT, .group = GROUP_NETWORK, MUTABLE, AT(maxclients), .min = 1,
        .max = UINT_MAX, .standard = "10000", .unit = "connections", .apply = apply_maxclients,
        .help = "Connections at a time; one more is told so and closed.",
    },

    /* ---- general ---- */
    {
        .name = "threads", .type = OPTION_INT, .group = GROUP_GENERAL, AT(threads_asked), .max = OPTIONS_THREADS_MAX,
        .standard = "0", .unit = "threads",
        .help = "Worker threads. 0: one for each processor that the process may run on.",
    },
    {
        .name = "databases", .type = OPTION_INT, .group = GROUP_GENERAL, AT(databases), .min = 1,
        .max = OPTIONS_DB_MAX, .standard = "16",
        .help = "Number of databases; SELECT takes 0 to one less.",
    },
    {
        .name = "hz", .type = OPTION_INT, .group = GROUP_GENERAL, MUTABLE, AT(hz), .max = INT_MAX, .least = 1,
        .most = 500, .standard = "10", .unit = "rounds a second",
        .help = "How often housekeeping is done: idle clients, sampled statistics. What is outside 1 to 500 is moved "
                "into it.",
    },
    {
        .name = "dynamic-hz", .type = OPTION_FIXED, .group = GROUP_GENERAL, MUTABLE, .standard = "no",
        .help = "Accepted for Redis's configuration files. hz is not adapted to the number of clients.",
    },
    {
        .name = "daemonize", .type = OPTION_BOOL, .group = GROUP_GENERAL, AT(daemonize), .standard = "no",
        .help = "Run in the background. Under a supervisor (see supervised) it stays in the foreground.",
    },
    {
        .name = "supervised", .type = OPTION_CHOICE, .group = GROUP_GENERAL, AT(supervised), .standard = "no",
        .choices = supervised_choices,
        .help = "Tell a supervisor when the server is ready: upstart by SIGSTOP, systemd by NOTIFY_SOCKET, auto by "
                "whichever the environment has.",
    },
    {
        .name = "shutdown-timeout", .type = OPTION_INT, .group = GROUP_GENERAL, MUTABLE, AT(shutdown_timeout),
        .max = INT_MAX, .standard = "10", .unit = "seconds",
        .help = "How long SHUTDOWN and SIGTERM wait at most for clients to take the replies that they are owed. 0: not "
                "at all.",
    },
    {
        .name = "pidfile", .type = OPTION_TEXT, .group = GROUP_GENERAL, AT(pidfile), .standard = "\"\"",
        .help = "File that the process id is written to, removed at the end. Empty: none, or /var/run/flagstone.pid "
                "with daemonize.",
    },
    {
        .name = "dir", .type = OPTION_DIR, .group = GROUP_GENERAL, .flags = OPTION_PROTECTED, AT(dir),
        .standard = "./",
        .help = "Working directory; other relative paths are below it.",
    },
    {
        .name = "loglevel", .type = OPTION_CHOICE, .group = GROUP_GENERAL, MUTABLE, AT(loglevel), .standard = "notice",
        .choices = loglevel_choices, .apply = apply_loglevel,
        .help = "The least that is logged.",
    },
    {
        .name = "logfile", .type = OPTION_TEXT, .group = GROUP_GENERAL, AT(logfile), .standard = "\"\"",
        .help = "File that the log is appended to; SIGHUP opens it anew. Empty: standard output (nowhere with "
                "daemonize).",
    },
    {
        .name = "always-show-logo", .type = OPTION_FIXED, .group = GROUP_GENERAL, .standard = "no",
        .help = "Accepted for Redis's configuration files. There is no logo.",
    },
    {
        .name = "disable-thp", .type = OPTION_BOOL, .group = GROUP_GENERAL, AT(disable_thp), .standard = "yes",
        .help = "Turn transparent huge pages off for the process: they would take back memory that was returned.",
    },
    {
        .name = "oom-score-adj", .type = OPTION_CHOICE, .group = GROUP_GENERAL, MUTABLE, AT(oom_score_adj),
        .standard = "no", .choices = oom_choices, .apply = apply_oom,
        .help = "Set the kernel's OOM score by oom-score-adj-values: yes or relative adds to the score that the "
                "process was started with, absolute replaces it.",
    },
    {
        .name = "oom-score-adj-values", .type = OPTION_OOM_VALUES, .group = GROUP_GENERAL, MUTABLE,
        AT(oom_score_adj_values), .min = -2000, .max = 2000, .standard = "0 200 800", .apply = apply_oom,
        .help = "OOM scores; the first is the server's. The others, which Redis has for replicas and children, are "
                "kept.",
    },
    {
        .name = "enable-debug-command", .type = OPTION_CHOICE, .group = GROUP_GENERAL, AT(enable_debug_command),
        .standard = "no", .choices = debug_choices,
        .help = "Who may use DEBUG: nobody, everybody, or clients on this machine.",
    },
    {
        .name = "save", .type = OPTION_FIXED, .group = GROUP_GENERAL, MUTABLE, .standard = "\"\"",
        .help = "Accepted for Redis's configuration files. Nothing is saved to disk.",
    },
    {
        .name = "appendonly", .type = OPTION_FIXED, .group = GROUP_GENERAL, MUTABLE, .standard = "no",
        .help = "Accepted for Redis's configuration files. Nothing is saved to disk.",
    },

    /* ---- memory ---- */
    {
        .name = "maxmemory", .type = OPTION_MEMORY, .group = GROUP_MEMORY, MUTABLE, AT(maxmemory), .max = INT64_MAX,
        .standard = "0", .unit = "bytes, or % of the machine's", .apply = apply_memory,
        .help = "Limit on resident memory. A per cent is of the machine's memory, or of the cgroup's limit where that "
                "is less. 0: no limit.",
    },
    {
        .name = "system-root", .type = OPTION_TEXT, .group = GROUP_MEMORY, AT(system_root), .standard = "\"\"",
        .help = "Directory that the cgroup's limits are read under, as proc/self/cgroup and sys/fs/cgroup in it, where "
                "the ones that count are mounted elsewhere. Empty: the system's own.",
    },
    {
        .name = "maxmemory-policy", .type = OPTION_CHOICE, .group = GROUP_MEMORY, MUTABLE, AT(maxmemory_policy),
        .standard = "allkeys-s3fifo", .choices = policy_choices, .apply = apply_memory,
        .help = "What is evicted at the limit. volatile: only keys with an expiry. noeviction: writes are refused. "
                "allkeys-s3fifo keeps what was read more than once from being pushed out by a scan.",
    },
    {
        .name = "maxmemory-samples", .type = OPTION_INT, .group = GROUP_MEMORY, MUTABLE, AT(maxmemory_samples),
        .min = 1, .max = 64, .standard = "5", .unit = "items", .apply = apply_memory,
        .help = "Items that are compared for one eviction by the lru, lfu and ttl policies.",
    },
    {
        .name = "lfu-log-factor", .type = OPTION_INT, .group = GROUP_MEMORY, MUTABLE, AT(lfu_log_factor),
        .max = INT_MAX, .standard = "10", .apply = apply_memory,
        .help = "How slowly an item's frequency grows with its hits.",
    },
    {
        .name = "lfu-decay-time", .type = OPTION_INT, .group = GROUP_MEMORY, MUTABLE, AT(lfu_decay_time),
        .max = INT_MAX, .standard = "1", .unit = "minutes",
        .help = "How long until an item's frequency is lowered by a step. 0: at every look of the memory thread.",
    },
    {
        .name = "reclaim-reserve-low", .type = OPTION_BYTES, .group = GROUP_MEMORY, MUTABLE, AT(reserve_low),
        .max = INT64_MAX, .standard = "0", .unit = "bytes", .apply = apply_memory,
        .help = "Free pages below this wake the memory thread; at most an eighth of what maxmemory leaves for pages. "
                "0: chosen by the server.",
    },
    {
        .name = "reclaim-reserve-high", .type = OPTION_BYTES, .group = GROUP_MEMORY, MUTABLE, AT(reserve_high),
        .max = INT64_MAX, .standard = "0", .unit = "bytes", .apply = apply_memory,
        .help = "Free pages that the memory thread reclaims up to; at most a quarter of what maxmemory leaves for "
                "pages. 0: chosen by the server.",
    },
    {
        .name = "slab-growth-factor", .type = OPTION_REAL, .group = GROUP_MEMORY, AT(slab_growth_factor), .min = 101,
        .max = 200, .standard = "1.03",
        .help = "Ratio of one chunk size to the next smaller one: what a value loses inside its chunk is less than "
                "that. Under some 300 MB of maxmemory it is wider, so that fewer pages are filled in part.",
    },
    {
        .name = "slab-chunk-min", .type = OPTION_BYTES, .group = GROUP_MEMORY, AT(slab_chunk_min), .min = 24,
        .max = 1024, .standard = "32", .unit = "bytes",
        .help = "The smallest chunk size.",
    },
    {
        .name = "hash-seed", .type = OPTION_HEX, .group = GROUP_MEMORY, AT(hash_seed), .max = 32, .standard = "\"\"",
        .unit = "hex digits",
        .help = "Seed of the keys' hash, to make a run repeatable. Empty: random at every start, which is what keeps "
                "crafted keys from colliding.",
    },

    /* ---- active defragmentation ---- */
    {
        .name = "activedefrag", .type = OPTION_BOOL, .group = GROUP_DEFRAG, MUTABLE, AT(activedefrag),
        .standard = "yes", .apply = apply_memory,
        .help = "Move items together in the background and give emptied pages back.",
    },
    {
        .name = "active-defrag-ignore-bytes", .type = OPTION_BYTES, .group = GROUP_DEFRAG, MUTABLE,
        AT(active_defrag_ignore_bytes), .min = 1, .max = INT64_MAX, .standard = "512kb", .unit = "bytes",
        .help = "Scattered memory up to this is left alone.",
    },
    {
        .name = "active-defrag-threshold-lower", .type = OPTION_INT, .group = GROUP_DEFRAG, MUTABLE,
        AT(active_defrag_threshold_lower), .max = 1000, .standard = "0", .unit = "per cent",
        .help = "Fragmentation at which it begins.",
    },
    {
        .name = "active-defrag-threshold-upper", .type = OPTION_INT, .group = GROUP_DEFRAG, MUTABLE,
        AT(active_defrag_threshold_upper), .max = 1000, .standard = "25", .unit = "per cent",
        .help = "Fragmentation at which it works as hard as it may.",
    },
    {
        .name = "active-defrag-cycle-min", .type = OPTION_INT, .group = GROUP_DEFRAG, MUTABLE,
        AT(active_defrag_cycle_min), .min = 1, .max = 99, .standard = "2", .unit = "per cent of one core",
        .help = "Effort at the lower threshold.",
    },
    {
        .name = "active-defrag-cycle-max", .type = OPTION_INT, .group = GROUP_DEFRAG, MUTABLE,
        AT(active_defrag_cycle_max), .min = 1, .max = 99, .standard = "10", .unit = "per cent of one core",
        .help = "Effort at the upper threshold.",
    },
    {
        .name = "active-defrag-latency-target", .type = OPTION_INT, .group = GROUP_DEFRAG, MUTABLE,
        AT(active_defrag_latency_target), .max = 10000000, .standard = "500", .unit = "microseconds",
        .help = "While more than one command in a thousand takes longer, effort falls, down to "
                "active-defrag-cycle-min. 0: never.",
    },

    /* ---- limits of clients ---- */
    {
        .name = "maxmemory-clients", .type = OPTION_MEMORY_PART, .group = GROUP_CLIENTS, MUTABLE,
        AT(maxmemory_clients), .max = INT64_MAX, .standard = "0", .unit = "bytes, or % of maxmemory",
        .help = "Memory of all clients together; beyond it those that take most are closed. 0: no limit.",
    },
    {
        .name = "client-output-buffer-limit", .type = OPTION_LIMITS, .group = GROUP_CLIENTS, MUTABLE, AT(output_limit),
        .standard = "normal 0 0 0 replica 256mb 64mb 60 pubsub 32mb 8mb 60", .unit = "class, bytes, bytes, seconds",
        .help = "A client is closed when its unsent replies pass the first limit, or stay over the second for so many "
                "seconds. 0: no limit. Classes: normal, replica, pubsub.",
    },
    {
        .name = "client-query-buffer-limit", .type = OPTION_BYTES, .group = GROUP_CLIENTS, MUTABLE,
        AT(client_query_buffer_limit), .min = 1024 * 1024, .max = INT64_MAX, .standard = "1gb", .unit = "bytes",
        .help = "A client is closed when what it sent and was not yet executed passes this.",
    },
    {
        .name = "proto-max-bulk-len", .type = OPTION_BYTES, .group = GROUP_CLIENTS, MUTABLE, AT(proto_max_bulk_len),
        .min = 1024 * 1024, .max = INT64_MAX, .standard = "512mb", .unit = "bytes", .apply = apply_memory,
        .help = "The longest value, and the longest argument of a request.",
    },

    /* ---- slow log and latency ---- */
    {
        .name = "slowlog-log-slower-than", .type = OPTION_INT, .group = GROUP_STATISTICS, MUTABLE,
        AT(slowlog_log_slower_than), .min = -1, .max = INT64_MAX, .standard = "10000", .unit = "microseconds",
        .help = "Commands that take longer are kept in the slow log. 0: all. -1: none.",
    },
    {
        .name = "slowlog-max-len", .type = OPTION_INT, .group = GROUP_STATISTICS, MUTABLE, AT(slowlog_max_len),
        .max = INT64_MAX, .standard = "128", .unit = "commands",
        .help = "Commands that the slow log keeps.",
    },
    {
        .name = "latency-monitor-threshold", .type = OPTION_INT, .group = GROUP_STATISTICS, MUTABLE,
        AT(latency_monitor_threshold), .max = INT64_MAX, .standard = "0", .unit = "milliseconds",
        .help = "Events that take at least so long are kept for LATENCY. 0: none.",
    },
    {
        .name = "latency-tracking", .type = OPTION_BOOL, .group = GROUP_STATISTICS, MUTABLE, AT(latency_tracking),
        .standard = "yes",
        .help = "Keep a histogram of latencies for each command.",
    },
    {
        .name = "latency-tracking-info-percentiles", .type = OPTION_PERCENTILES, .group = GROUP_STATISTICS, MUTABLE,
        AT(latency_percentiles), .max = OPTIONS_PERCENTILES_MAX, .standard = "50 99 99.9", .unit = "per cent",
        .help = "Percentiles that INFO latencystats shows.",
    },

    /* ---- keyspace notifications ---- */
    {
        .name = "notify-keyspace-events", .type = OPTION_EVENTS, .group = GROUP_EVENTS, MUTABLE,
        AT(notify_keyspace_events), .standard = "\"\"", .apply = apply_events,
        .help = "What happens to keys is published: K to __keyspace@<db>__:<key>, E to __keyevent@<db>__:<event>; and "
                "of which classes: g commands of any type, $ of strings, x expired, e evicted, m misses, n new keys, A "
                "all but m and n. The classes of Redis's other types (l s h z t d) are accepted. Empty: nothing.",
    },
};

/* clang-format on */

const int option_table_length = (int)(sizeof option_table / sizeof option_table[0]);
