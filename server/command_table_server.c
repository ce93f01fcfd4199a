/* The command table: the server itself: databases as a whole, configuration, memory, shutdown.
 * How a row is written: server/command_table_private.h. */
#include "server/command_table_private.h"

const struct command row_dbsize = {
    NAMED(dbsize),
    .arity = 1,
    .group = "server",
    .since = "1.0.0",
    .flags = CMD_READONLY | CMD_FAST | CMD_NOLOCK,
    .categories = CAT_KEYSPACE | CAT_READ | CAT_FAST,
    .summary = "Return the number of keys in the selected database",
    .complexity = "O(1)",
    .tips = "request_policy:all_shards response_policy:agg_sum",
};

static const struct cmd_history flushdb_history[] = {
    {"4.0.0", "Added the `ASYNC` flushing mode modifier."},
    {"6.2.0", "Added the `SYNC` flushing mode modifier."},
};

static const struct cmd_argdoc flushdb_async[] = {
    {TOKEN("async", "ASYNC"), .since = "4.0.0"},
    {TOKEN("sync", "SYNC"), .since = "6.2.0"},
};

static const struct cmd_argdoc flushdb_args[] = {
    {ARG("async", "oneof"), .flags = "optional", NESTED(flushdb_async)},
};

const struct command row_flushdb = {
    NAMED(flushdb),
    .arity = -1,
    .group = "server",
    .since = "1.0.0",
    .flags = CMD_WRITE | CMD_NOLOCK,
    .categories = CAT_KEYSPACE | CAT_WRITE | CAT_SLOW | CAT_DANGEROUS,
    .summary = "Remove all keys from the current database",
    .complexity = "O(N) where N is the number of keys in the selected database",
    .tips = "request_policy:all_shards response_policy:all_succeeded",
    HISTORY(flushdb_history),
    ARGS(flushdb_args),
};

static const struct cmd_history flushall_history[] = {
    {"4.0.0", "Added the `ASYNC` flushing mode modifier."},
    {"6.2.0", "Added the `SYNC` flushing mode modifier."},
};

static const struct cmd_argdoc flushall_async[] = {
    {TOKEN("async", "ASYNC"), .since = "4.0.0"},
    {TOKEN("sync", "SYNC"), .since = "6.2.0"},
};

static const struct cmd_argdoc flushall_args[] = {
    {ARG("async", "oneof"), .flags = "optional", NESTED(flushall_async)},
};

const struct command row_flushall = {
    NAMED(flushall),
    .arity = -1,
    .group = "server",
    .since = "1.0.0",
    .flags = CMD_WRITE | CMD_NOLOCK,
    .categories = CAT_KEYSPACE | CAT_WRITE | CAT_SLOW | CAT_DANGEROUS,
    .summary = "Remove all keys from all databases",
    .complexity = "O(N) where N is the total number of keys in all databases",
    .tips = "request_policy:all_shards response_policy:all_succeeded",
    HISTORY(flushall_history),
    ARGS(flushall_args),
};

static const struct cmd_argdoc swapdb_args[] = {{ARG("index1", "integer")}, {ARG("index2", "integer")}};

const struct command row_swapdb = {
    NAMED(swapdb),
    .arity = 3,
    .group = "server",
    .since = "4.0.0",
    .flags = CMD_WRITE | CMD_FAST | CMD_NOLOCK,
    .categories = CAT_KEYSPACE | CAT_WRITE | CAT_FAST | CAT_DANGEROUS,
    .summary = "Swaps two Redis databases",
    .complexity = "O(N) where N is the count of clients watching or blocking on keys from both databases.",
    ARGS(swapdb_args),
};

const struct command row_time = {
    NAMED(time),
    .arity = 1,
    .group = "server",
    .since = "2.6.0",
    .flags = CMD_LOADING | CMD_STALE | CMD_FAST,
    .categories = CAT_FAST,
    .summary = "Return the current server time",
    .complexity = "O(1)",
    .tips = "nondeterministic_output",
};

static const struct cmd_history info_history[] = {
    {"7.0.0", "Added support for taking multiple section arguments."},
};

static const struct cmd_argdoc info_args[] = {{ARG("section", "string"), .flags = "optional multiple"}};

const struct command row_info = {
    NAMED(info),
    .arity = -1,
    .group = "server",
    .since = "1.0.0",
    .flags = CMD_LOADING | CMD_STALE,
    .categories = CAT_SLOW | CAT_DANGEROUS,
    .summary = "Get information and statistics about the server",
    .complexity = "O(1)",
    .tips = "nondeterministic_output request_policy:all_shards response_policy:special",
    HISTORY(info_history),
    ARGS(info_args),
};

static const struct cmd_history config_get_history[] = {
    {"7.0.0", "Added the ability to pass multiple pattern parameters in one call"},
};

static const struct cmd_argdoc config_get_parameter[] = {{ARG("parameter", "string")}};

static const struct cmd_argdoc config_get_args[] = {
    {ARG("parameter", "block"), .flags = "multiple", NESTED(config_get_parameter)},
};

static const struct cmd_history config_set_history[] = {
    {"7.0.0", "Added the ability to set multiple parameters in one call."},
};

static const struct cmd_argdoc config_set_parameter_value[] = {
    {ARG("parameter", "string")},
    {ARG("value", "string")},
};

static const struct cmd_argdoc config_set_args[] = {
    {ARG("parameter_value", "block"), .flags = "multiple", NESTED(config_set_parameter_value)},
};

static const struct command config_subs[] = {
    {
        SUB(config, get, "get"),
        .arity = -3,
        .group = "server",
        .since = "2.0.0",
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS,
        .summary = "Get the values of configuration parameters",
        .complexity = "O(N) when N is the number of configuration parameters provided",
        HISTORY(config_get_history),
        ARGS(config_get_args),
    },
    {
        SUB(config, set, "set"),
        .arity = -4,
        .group = "server",
        .since = "2.0.0",
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS,
        .summary = "Set configuration parameters to the given values",
        .complexity = "O(N) when N is the number of configuration parameters provided",
        .tips = "request_policy:all_nodes response_policy:all_succeeded",
        HISTORY(config_set_history),
        ARGS(config_set_args),
    },
    {
        SUB(config, rewrite, "rewrite"),
        .arity = 2,
        .group = "server",
        .since = "2.8.0",
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS,
        .summary = "Rewrite the configuration file with the in memory configuration",
        .complexity = "O(1)",
    },
    {
        SUB(config, resetstat, "resetstat"),
        .arity = 2,
        .group = "server",
        .since = "2.0.0",
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS,
        .summary = "Reset the stats returned by INFO",
        .complexity = "O(1)",
    },
    {
        SUB(config, help, "help"),
        .arity = 2,
        .group = "server",
        .since = "5.0.0",
        .flags = CMD_LOADING | CMD_STALE,
        .categories = CAT_SLOW,
        .summary = "Show helpful text about the different subcommands",
        .complexity = "O(1)",
    },
};

const struct command row_config = {
    CONTAINER(config),
    .arity = -2,
    .group = "server",
    .since = "2.0.0",
    .categories = CAT_SLOW,
    .summary = "A container for server configuration commands",
    .complexity = "Depends on subcommand.",
};

static const struct cmd_argdoc memory_usage_args[] = {
    {KEY("key", 0)},
    {ARG("count", "integer"), .token = "SAMPLES", .flags = "optional"},
};

static const struct cmd_argdoc memory_defrag_actions[] = {
    {ARG("status", "pure-token"), .token = "STATUS"},
    {ARG("start", "pure-token"), .token = "START"},
    {ARG("stop", "pure-token"), .token = "STOP"},
};

static const struct cmd_argdoc memory_defrag_args[] = {
    {ARG("action", "oneof"), .flags = "optional", NESTED(memory_defrag_actions)},
};

static const struct cmd_argdoc memory_purge_args[] = {
    {ARG("verbose", "pure-token"), .token = "VERBOSE", .flags = "optional"},
};

static const struct command memory_subs[] = {
    {
        SUB(memory, usage, "usage"),
        .arity = -3,
        .group = "server",
        .since = "4.0.0",
        .flags = CMD_READONLY,
        .categories = CAT_READ | CAT_SLOW,
        KEYS(1, {2, 2, 1, "RO", NULL}),
        .summary = "Estimate the memory usage of a key",
        .complexity = "O(N) where N is the number of samples.",
        ARGS(memory_usage_args),
    },
    {
        SUB(memory, stats, "stats"),
        .arity = 2,
        .group = "server",
        .since = "4.0.0",
        .categories = CAT_SLOW,
        .summary = "Show memory usage details",
        .complexity = "O(1)",
        .tips = "nondeterministic_output request_policy:all_shards response_policy:special",
    },
    {
        SUB(memory, doctor, "doctor"),
        .arity = 2,
        .group = "server",
        .since = "4.0.0",
        .categories = CAT_SLOW,
        .summary = "Outputs memory problems report",
        .complexity = "O(1)",
        .tips = "nondeterministic_output request_policy:all_shards response_policy:special",
    },
    {
        SUB(memory, malloc_stats, "malloc-stats"),
        .arity = 2,
        .group = "server",
        .since = "4.0.0",
        .categories = CAT_SLOW,
        .summary = "Show allocator internal stats",
        .complexity = "Depends on how much memory is allocated, could be slow",
        .tips = "nondeterministic_output request_policy:all_shards response_policy:special",
    },
    {
        SUB(memory, purge, "purge"),
        .arity = -2,
        .group = "server",
        .since = "4.0.0",
        .categories = CAT_SLOW,
        .summary = "Ask the allocator to release memory",
        .complexity = "Depends on how much memory is allocated, could be slow",
        .tips = "request_policy:all_shards response_policy:all_succeeded",
        ARGS(memory_purge_args),
    },
    {
        SUB(memory, defrag, "defrag"),
        .arity = -2,
        .group = "server",
        .since = "1.0.0",
        .flags = CMD_ADMIN,
        .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS,
        .summary = "Show, start or stop active defragmentation",
        .complexity = "O(1)",
        ARGS(memory_defrag_args),
    },
    {
        SUB(memory, map, "map"),
        .arity = 2,
        .group = "server",
        .since = "1.0.0",
        .categories = CAT_SLOW,
        .summary = "Show the pages of stored data as a picture in text",
        .complexity = "O(1): at most 4,096 pages are looked at",
        .tips = "nondeterministic_output",
    },
    {
        SUB(memory, help, "help"),
        .arity = 2,
        .group = "server",
        .since = "4.0.0",
        .flags = CMD_LOADING | CMD_STALE,
        .categories = CAT_SLOW,
        .summary = "Show helpful text about the different subcommands",
        .complexity = "O(1)",
    },
};

const struct command row_memory = {
    CONTAINER(memory),
    .arity = -2,
    .group = "server",
    .since = "4.0.0",
    .categories = CAT_SLOW,
    .summary = "A container for memory diagnostics commands",
    .complexity = "Depends on subcommand.",
};

const struct command row_monitor = {
    NAMED(monitor),
    .arity = 1,
    .group = "server",
    .since = "1.0.0",
    .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
    .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS,
    .summary = "Listen for all requests received by the server in real time",
};

static const struct cmd_history shutdown_history[] = {
    {"7.0.0", "Added the `NOW`, `FORCE` and `ABORT` modifiers."},
};

static const struct cmd_argdoc shutdown_nosave_save[] = {{TOKEN("nosave", "NOSAVE")}, {TOKEN("save", "SAVE")}};

static const struct cmd_argdoc shutdown_args[] = {
    {ARG("nosave_save", "oneof"), .flags = "optional", NESTED(shutdown_nosave_save)},
    {TOKEN("now", "NOW"), .since = "7.0.0", .flags = "optional"},
    {TOKEN("force", "FORCE"), .since = "7.0.0", .flags = "optional"},
    {TOKEN("abort", "ABORT"), .since = "7.0.0", .flags = "optional"},
};

const struct command row_shutdown = {
    NAMED(shutdown),
    .arity = -1,
    .group = "server",
    .since = "1.0.0",
    .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_NO_MULTI | CMD_ALLOW_BUSY,
    .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS,
    .summary = "Synchronously save the dataset to disk and then shut down the server",
    .complexity =
        "O(N) when saving, where N is the total number of keys in all databases when saving data, otherwise O(1)",
    HISTORY(shutdown_history),
    ARGS(shutdown_args),
};

const struct command row_debug = {
    NAMED(debug),
    .arity = -2,
    .group = "server",
    .since = "1.0.0",
    .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
    .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS,
    .summary = "A container for debugging commands",
    .complexity = "Depends on subcommand.",
    .doc_flags = "syscmd",
};

const struct command row_role = {
    NAMED(role),
    .arity = 1,
    .group = "server",
    .since = "2.8.12",
    .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST,
    .categories = CAT_ADMIN | CAT_FAST | CAT_DANGEROUS,
    .summary = "Return the role of the instance in the context of replication",
    .complexity = "O(1)",
};
