/* The command table: what the server tells of itself: COMMAND, SLOWLOG, LATENCY.
 * How a row is written: server/command_table_private.h. */
#include "server/command_table_private.h"

static const struct cmd_history slowlog_get_history[] = {
    {"4.0.0", "Added client IP address, port and name to the reply."},
};

static const struct cmd_argdoc slowlog_get_args[] = {{ARG("count", "integer"), .flags = "optional"}};

static const struct command slowlog_subs[] = {
    {
        SUB(slowlog, get, "get"),
        .arity = -2,
        .group = "server",
        .since = "2.2.12",
        .flags = CMD_ADMIN | CMD_LOADING | CMD_STALE,
        .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS,
        .summary = "Get the slow log's entries",
        .complexity = "O(N) where N is the number of entries returned",
        .tips = "request_policy:all_nodes nondeterministic_output",
        HISTORY(slowlog_get_history),
        ARGS(slowlog_get_args),
    },
    {
        SUB(slowlog, len, "len"),
        .arity = 2,
        .group = "server",
        .since = "2.2.12",
        .flags = CMD_ADMIN | CMD_LOADING | CMD_STALE,
        .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS,
        .summary = "Get the slow log's length",
        .complexity = "O(1)",
        .tips = "request_policy:all_nodes response_policy:agg_sum nondeterministic_output",
    },
    {
        SUB(slowlog, reset, "reset"),
        .arity = 2,
        .group = "server",
        .since = "2.2.12",
        .flags = CMD_ADMIN | CMD_LOADING | CMD_STALE,
        .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS,
        .summary = "Clear all entries from the slow log",
        .complexity = "O(N) where N is the number of entries in the slowlog",
        .tips = "request_policy:all_nodes response_policy:all_succeeded",
    },
    {
        SUB(slowlog, help, "help"),
        .arity = 2,
        .group = "server",
        .since = "6.2.0",
        .flags = CMD_LOADING | CMD_STALE,
        .categories = CAT_SLOW,
        .summary = "Show helpful text about the different subcommands",
        .complexity = "O(1)",
    },
};

const struct command row_slowlog = {
    CONTAINER(slowlog),
    .arity = -2,
    .group = "server",
    .since = "2.2.12",
    .categories = CAT_SLOW,
    .summary = "A container for slow log commands",
    .complexity = "Depends on subcommand.",
};

static const struct cmd_argdoc latency_history_args[] = {{ARG("event", "string")}};

static const struct cmd_argdoc latency_reset_args[] = {{ARG("event", "string"), .flags = "optional multiple"}};

static const struct cmd_argdoc latency_graph_args[] = {{ARG("event", "string")}};

static const struct cmd_argdoc latency_histogram_args[] = {
    {ARG("command", "string"), .flags = "optional multiple"},
};

static const struct command latency_subs[] = {
    {
        SUB(latency, latest, "latest"),
        .arity = 2,
        .group = "server",
        .since = "2.8.13",
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS,
        .summary = "Return the latest latency samples for all events.",
        .complexity = "O(1)",
        .tips = "nondeterministic_output request_policy:all_nodes response_policy:special",
    },
    {
        SUB(latency, history, "history"),
        .arity = 3,
        .group = "server",
        .since = "2.8.13",
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS,
        .summary = "Return timestamp-latency samples for the event.",
        .complexity = "O(1)",
        .tips = "nondeterministic_output request_policy:all_nodes response_policy:special",
        ARGS(latency_history_args),
    },
    {
        SUB(latency, reset, "reset"),
        .arity = -2,
        .group = "server",
        .since = "2.8.13",
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS,
        .summary = "Reset latency data for one or more events.",
        .complexity = "O(1)",
        .tips = "request_policy:all_nodes response_policy:all_succeeded",
        ARGS(latency_reset_args),
    },
    {
        SUB(latency, doctor, "doctor"),
        .arity = 2,
        .group = "server",
        .since = "2.8.13",
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS,
        .summary = "Return a human readable latency analysis report.",
        .complexity = "O(1)",
        .tips = "nondeterministic_output request_policy:all_nodes response_policy:special",
    },
    {
        SUB(latency, graph, "graph"),
        .arity = 3,
        .group = "server",
        .since = "2.8.13",
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS,
        .summary = "Return a latency graph for the event.",
        .complexity = "O(1)",
        .tips = "nondeterministic_output request_policy:all_nodes response_policy:special",
        ARGS(latency_graph_args),
    },
    {
        SUB(latency, histogram, "histogram"),
        .arity = -2,
        .group = "server",
        .since = "7.0.0",
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS,
        .summary = "Return the cumulative distribution of latencies of a subset of commands or all.",
        .complexity = "O(N) where N is the number of commands with latency information being retrieved.",
        .tips = "nondeterministic_output request_policy:all_nodes response_policy:special",
        ARGS(latency_histogram_args),
    },
    {
        SUB(latency, help, "help"),
        .arity = 2,
        .group = "server",
        .since = "2.8.13",
        .flags = CMD_LOADING | CMD_STALE,
        .categories = CAT_SLOW,
        .summary = "Show helpful text about the different subcommands.",
        .complexity = "O(1)",
    },
};

const struct command row_latency = {
    CONTAINER(latency),
    .arity = -2,
    .group = "server",
    .since = "2.8.13",
    .categories = CAT_SLOW,
    .summary = "A container for latency diagnostics commands",
    .complexity = "Depends on subcommand.",
};

static const struct cmd_history command_info_history[] = {
    {"7.0.0", "Allowed to be called with no argument to get info on all commands."},
};

static const struct cmd_argdoc command_info_args[] = {
    {ARG("command-name", "string"), .flags = "optional multiple"},
};

static const struct cmd_argdoc command_docs_args[] = {
    {ARG("command-name", "string"), .flags = "optional multiple"},
};

static const struct cmd_argdoc command_list_filterby[] = {
    {ARG("module-name", "string"), .token = "MODULE"},
    {ARG("category", "string"), .token = "ACLCAT"},
    {ARG("pattern", "pattern"), .token = "PATTERN"},
};

static const struct cmd_argdoc command_list_args[] = {
    {ARG("filterby", "oneof"), .token = "FILTERBY", .flags = "optional", NESTED(command_list_filterby)},
};

static const struct command command_subs[] = {
    {
        SUB(command, count, "count"),
        .arity = 2,
        .group = "server",
        .since = "2.8.13",
        .flags = CMD_LOADING | CMD_STALE,
        .categories = CAT_SLOW | CAT_CONNECTION,
        .summary = "Get total number of Redis commands",
        .complexity = "O(1)",
    },
    {
        SUB(command, info, "info"),
        .arity = -2,
        .group = "server",
        .since = "2.8.13",
        .flags = CMD_LOADING | CMD_STALE,
        .categories = CAT_SLOW | CAT_CONNECTION,
        .summary = "Get array of specific Redis command details, or all when no argument is given.",
        .complexity = "O(N) where N is the number of commands to look up",
        .tips = "nondeterministic_output_order",
        HISTORY(command_info_history),
        ARGS(command_info_args),
    },
    {
        SUB(command, docs, "docs"),
        .arity = -2,
        .group = "server",
        .since = "7.0.0",
        .flags = CMD_LOADING | CMD_STALE,
        .categories = CAT_SLOW | CAT_CONNECTION,
        .summary = "Get array of specific Redis command documentation",
        .complexity = "O(N) where N is the number of commands to look up",
        .tips = "nondeterministic_output_order",
        ARGS(command_docs_args),
    },
    {
        SUB(command, list, "list"),
        .arity = -2,
        .group = "server",
        .since = "7.0.0",
        .flags = CMD_LOADING | CMD_STALE,
        .categories = CAT_SLOW | CAT_CONNECTION,
        .summary = "Get an array of Redis command names",
        .complexity = "O(N) where N is the total number of Redis commands",
        .tips = "nondeterministic_output_order",
        ARGS(command_list_args),
    },
    {
        SUB(command, getkeys, "getkeys"),
        .arity = -4,
        .group = "server",
        .since = "2.8.13",
        .flags = CMD_LOADING | CMD_STALE,
        .categories = CAT_SLOW | CAT_CONNECTION,
        .summary = "Extract keys given a full Redis command",
        .complexity = "O(N) where N is the number of arguments to the command",
    },
    {
        SUB(command, getkeysandflags, "getkeysandflags"),
        .arity = -4,
        .group = "server",
        .since = "7.0.0",
        .flags = CMD_LOADING | CMD_STALE,
        .categories = CAT_SLOW | CAT_CONNECTION,
        .summary = "Extract keys and access flags given a full Redis command",
        .complexity = "O(N) where N is the number of arguments to the command",
    },
    {
        SUB(command, help, "help"),
        .arity = 2,
        .group = "server",
        .since = "5.0.0",
        .flags = CMD_LOADING | CMD_STALE,
        .categories = CAT_SLOW | CAT_CONNECTION,
        .summary = "Show helpful text about the different subcommands",
        .complexity = "O(1)",
    },
};

const struct command row_command = {
    NAMED(command),
    .sub = command_subs,
    .nsub = COUNT_OF(command_subs),
    .arity = -1,
    .group = "server",
    .since = "2.8.13",
    .flags = CMD_LOADING | CMD_STALE,
    .categories = CAT_SLOW | CAT_CONNECTION,
    .summary = "Get array of Redis command details",
    .complexity = "O(N) where N is the total number of Redis commands",
    .tips = "nondeterministic_output_order",
};
