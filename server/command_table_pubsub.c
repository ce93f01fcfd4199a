/* The command table: pub/sub.
 * How a row is written: server/command_table_private.h. */
#include "server/command_table_private.h"

enum { SUBSCRIBES = CMD_PUBSUB | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE };

static const struct cmd_argdoc channels_args[] = {{ARG("channel", "string"), .flags = "multiple"}};
static const struct cmd_argdoc channels_optional[] = {{ARG("channel", "string"), .flags = "optional multiple"}};
static const struct cmd_argdoc shard_args[] = {{ARG("shardchannel", "string"), .flags = "multiple"}};
static const struct cmd_argdoc shard_optional[] = {{ARG("shardchannel", "string"), .flags = "optional multiple"}};
static const struct cmd_argdoc pattern_nested[] = {{ARG("pattern", "pattern")}};
static const struct cmd_argdoc psubscribe_args[] = {
    {ARG("pattern", "block"), .flags = "multiple", NESTED(pattern_nested)}};
static const struct cmd_argdoc punsubscribe_args[] = {{ARG("pattern", "pattern"), .flags = "optional multiple"}};
static const struct cmd_argdoc pattern_optional[] = {{ARG("pattern", "pattern"), .flags = "optional"}};
static const struct cmd_argdoc publish_args[] = {{ARG("channel", "string")}, {ARG("message", "string")}};
static const struct cmd_argdoc spublish_args[] = {{ARG("shardchannel", "string")}, {ARG("message", "string")}};

const struct command row_subscribe = {
    NAMED(subscribe),
    .arity = -2,
    .group = "pubsub",
    .since = "2.0.0",
    .flags = SUBSCRIBES,
    .categories = CAT_PUBSUB | CAT_SLOW,
    .summary = "Listen for messages published to the given channels",
    .complexity = "O(N) where N is the number of channels to subscribe to.",
    ARGS(channels_args),
};

const struct command row_unsubscribe = {
    NAMED(unsubscribe),
    .arity = -1,
    .group = "pubsub",
    .since = "2.0.0",
    .flags = SUBSCRIBES,
    .categories = CAT_PUBSUB | CAT_SLOW,
    .summary = "Stop listening for messages posted to the given channels",
    .complexity = "O(N) where N is the number of clients already subscribed to a channel.",
    ARGS(channels_optional),
};

const struct command row_psubscribe = {
    NAMED(psubscribe),
    .arity = -2,
    .group = "pubsub",
    .since = "2.0.0",
    .flags = SUBSCRIBES,
    .categories = CAT_PUBSUB | CAT_SLOW,
    .summary = "Listen for messages published to channels matching the given patterns",
    .complexity = "O(N) where N is the number of patterns the client is already subscribed to.",
    ARGS(psubscribe_args),
};

const struct command row_punsubscribe = {
    NAMED(punsubscribe),
    .arity = -1,
    .group = "pubsub",
    .since = "2.0.0",
    .flags = SUBSCRIBES,
    .categories = CAT_PUBSUB | CAT_SLOW,
    .summary = "Stop listening for messages posted to channels matching the given patterns",
    .complexity = "O(N+M) where N is the number of patterns the client is already subscribed and M is the number of "
                  "total patterns subscribed in the system (by any client).",
    ARGS(punsubscribe_args),
};

const struct command row_publish = {
    NAMED(publish),
    .arity = 3,
    .group = "pubsub",
    .since = "2.0.0",
    .flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_MAY_REPLICATE,
    .categories = CAT_PUBSUB | CAT_FAST,
    .summary = "Post a message to a channel",
    .complexity = "O(N+M) where N is the number of clients subscribed to the receiving channel and M is the total "
                  "number of subscribed patterns (by any client).",
    ARGS(publish_args),
};

const struct command row_ssubscribe = {
    NAMED(ssubscribe),
    .arity = -2,
    .group = "pubsub",
    .since = "7.0.0",
    .flags = SUBSCRIBES | CMD_NOLOCK,
    .categories = CAT_PUBSUB | CAT_SLOW,
    .summary = "Listen for messages published to the given shard channels",
    .complexity = "O(N) where N is the number of shard channels to subscribe to.",
    KEYS(1, {1, -1, 1, "not_key", NULL}),
    ARGS(shard_args),
};

const struct command row_sunsubscribe = {
    NAMED(sunsubscribe),
    .arity = -1,
    .group = "pubsub",
    .since = "7.0.0",
    .flags = SUBSCRIBES | CMD_NOLOCK,
    .categories = CAT_PUBSUB | CAT_SLOW,
    .summary = "Stop listening for messages posted to the given shard channels",
    .complexity = "O(N) where N is the number of clients already subscribed to a shard channel.",
    KEYS(1, {1, -1, 1, "not_key", NULL}),
    ARGS(shard_optional),
};

const struct command row_spublish = {
    NAMED(spublish),
    .arity = 3,
    .group = "pubsub",
    .since = "7.0.0",
    .flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_MAY_REPLICATE | CMD_NOLOCK,
    .categories = CAT_PUBSUB | CAT_FAST,
    .summary = "Post a message to a shard channel",
    .complexity = "O(N) where N is the number of clients subscribed to the receiving shard channel.",
    KEYS(1, {1, 1, 1, "not_key", NULL}),
    ARGS(spublish_args),
};

enum { ASKS = CMD_PUBSUB | CMD_LOADING | CMD_STALE };

static const struct command pubsub_subs[] = {
    {
        SUB(pubsub, channels, "channels"),
        .arity = -2,
        .group = "pubsub",
        .since = "2.8.0",
        .flags = ASKS,
        .categories = CAT_PUBSUB | CAT_SLOW,
        .summary = "List active channels",
        .complexity = "O(N) where N is the number of active channels, and assuming constant time pattern matching "
                      "(relatively short channels and patterns)",
        ARGS(pattern_optional),
    },
    {
        SUB(pubsub, numpat, "numpat"),
        .arity = 2,
        .group = "pubsub",
        .since = "2.8.0",
        .flags = ASKS,
        .categories = CAT_PUBSUB | CAT_SLOW,
        .summary = "Get the count of unique patterns pattern subscriptions",
        .complexity = "O(1)",
    },
    {
        SUB(pubsub, numsub, "numsub"),
        .arity = -2,
        .group = "pubsub",
        .since = "2.8.0",
        .flags = ASKS,
        .categories = CAT_PUBSUB | CAT_SLOW,
        .summary = "Get the count of subscribers for channels",
        .complexity = "O(N) for the NUMSUB subcommand, where N is the number of requested channels",
        ARGS(channels_optional),
    },
    {
        SUB(pubsub, shardchannels, "shardchannels"),
        .arity = -2,
        .group = "pubsub",
        .since = "7.0.0",
        .flags = ASKS,
        .categories = CAT_PUBSUB | CAT_SLOW,
        .summary = "List active shard channels",
        .complexity = "O(N) where N is the number of active shard channels, and assuming constant time pattern "
                      "matching (relatively short shard channels).",
        ARGS(pattern_optional),
    },
    {
        SUB(pubsub, shardnumsub, "shardnumsub"),
        .arity = -2,
        .group = "pubsub",
        .since = "7.0.0",
        .flags = ASKS,
        .categories = CAT_PUBSUB | CAT_SLOW,
        .summary = "Get the count of subscribers for shard channels",
        .complexity = "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels",
        ARGS(shard_optional),
    },
    {
        SUB(pubsub, help, "help"),
        .arity = 2,
        .group = "pubsub",
        .since = "6.2.0",
        .flags = CMD_LOADING | CMD_STALE,
        .categories = CAT_SLOW,
        .summary = "Show helpful text about the different subcommands",
        .complexity = "O(1)",
    },
};

const struct command row_pubsub = {
    CONTAINER(pubsub),
    .arity = -2,
    .group = "pubsub",
    .since = "2.8.0",
    .categories = CAT_SLOW,
    .summary = "A container for Pub/Sub commands",
    .complexity = "Depends on subcommand.",
};
