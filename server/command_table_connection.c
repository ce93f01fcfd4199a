/* The command table: the connection, and CLIENT.
 * How a row is written: server/command_table_private.h. */
#include "server/command_table_private.h"

static const struct cmd_argdoc ping_args[] = {{ARG("message", "string"), .flags = "optional"}};

const struct command row_ping = {
    NAMED(ping),
    .arity = -1,
    .group = "connection",
    .since = "1.0.0",
    .flags = CMD_FAST,
    .categories = CAT_FAST | CAT_CONNECTION,
    .summary = "Ping the server",
    .complexity = "O(1)",
    .tips = "request_policy:all_shards response_policy:all_succeeded",
    ARGS(ping_args),
};

static const struct cmd_argdoc echo_args[] = {{ARG("message", "string")}};

const struct command row_echo = {
    NAMED(echo),
    .arity = 2,
    .group = "connection",
    .since = "1.0.0",
    .flags = CMD_LOADING | CMD_STALE | CMD_FAST,
    .categories = CAT_FAST | CAT_CONNECTION,
    .summary = "Echo the given string",
    .complexity = "O(1)",
    ARGS(echo_args),
};

static const struct cmd_history hello_history[] = {
    {"6.2.0", "`protover` made optional; when called without arguments the command reports the current connection's "
              "context."},
};

static const struct cmd_argdoc hello_username_password[] = {
    {ARG("username", "string")},
    {ARG("password", "string")},
};

static const struct cmd_argdoc hello_arguments[] = {
    {ARG("protover", "integer")},
    {ARG("username_password", "block"), .token = "AUTH", .flags = "optional", NESTED(hello_username_password)},
    {ARG("clientname", "string"), .token = "SETNAME", .flags = "optional"},
};

static const struct cmd_argdoc hello_args[] = {
    {ARG("arguments", "block"), .flags = "optional", NESTED(hello_arguments)},
};

const struct command row_hello = {
    NAMED(hello),
    .arity = -1,
    .group = "connection",
    .since = "6.0.0",
    .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_NO_AUTH | CMD_ALLOW_BUSY,
    .categories = CAT_FAST | CAT_CONNECTION,
    .summary = "Handshake with Redis",
    .complexity = "O(1)",
    HISTORY(hello_history),
    ARGS(hello_args),
};

static const struct cmd_history auth_history[] = {
    {"6.0.0", "Added ACL style (username and password)."},
};

static const struct cmd_argdoc auth_args[] = {
    {ARG("username", "string"), .since = "6.0.0", .flags = "optional"},
    {ARG("password", "string")},
};

const struct command row_auth = {
    NAMED(auth),
    .arity = -2,
    .group = "connection",
    .since = "1.0.0",
    .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_NO_AUTH | CMD_ALLOW_BUSY,
    .categories = CAT_FAST | CAT_CONNECTION,
    .summary = "Authenticate to the server",
    .complexity = "O(N) where N is the number of passwords defined for the user",
    HISTORY(auth_history),
    ARGS(auth_args),
};

static const struct cmd_argdoc select_args[] = {{ARG("index", "integer")}};

const struct command row_select = {
    NAMED(select),
    .arity = 2,
    .group = "connection",
    .since = "1.0.0",
    .flags = CMD_LOADING | CMD_STALE | CMD_FAST,
    .categories = CAT_FAST | CAT_CONNECTION,
    .summary = "Change the selected database for the current connection",
    .complexity = "O(1)",
    ARGS(select_args),
};

const struct command row_quit = {
    NAMED(quit),
    .arity = -1,
    .group = "connection",
    .since = "1.0.0",
    .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_NO_AUTH | CMD_ALLOW_BUSY,
    .categories = CAT_FAST | CAT_CONNECTION,
    .summary = "Close the connection",
    .complexity = "O(1)",
};

const struct command row_reset = {
    NAMED(reset),
    .arity = 1,
    .group = "connection",
    .since = "6.2.0",
    .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_NO_AUTH | CMD_ALLOW_BUSY,
    .categories = CAT_FAST | CAT_CONNECTION,
    .summary = "Reset the connection",
    .complexity = "O(1)",
};

static const struct cmd_history client_list_history[] = {
    {"2.8.12", "Added unique client `id` field."},
    {"5.0.0", "Added optional `TYPE` filter."},
    {"6.0.0", "Added `user` field."},
    {"6.2.0", "Added `argv-mem`, `tot-mem`, `laddr` and `redir` fields and the optional `ID` filter."},
    {"7.0.0", "Added `resp`, `multi-mem`, `rbs` and `rbp` fields."},
    {"7.0.3", "Added `ssub` field."},
};

static const struct cmd_argdoc client_list_normal_master_replica_pubsub[] = {
    {TOKEN("normal", "NORMAL")},
    {TOKEN("master", "MASTER")},
    {TOKEN("replica", "REPLICA")},
    {TOKEN("pubsub", "PUBSUB")},
};

static const struct cmd_argdoc client_list_id[] = {{ARG("client-id", "integer"), .flags = "multiple"}};

static const struct cmd_argdoc client_list_args[] = {
    {ARG("normal_master_replica_pubsub", "oneof"), .token = "TYPE", .since = "5.0.0", .flags = "optional",
     NESTED(client_list_normal_master_replica_pubsub)},
    {ARG("id", "block"), .token = "ID", .since = "6.2.0", .flags = "optional", NESTED(client_list_id)},
};

static const struct cmd_argdoc client_setname_args[] = {{ARG("connection-name", "string")}};

static const struct cmd_argdoc client_setinfo_attr[] = {
    {ARG("libname", "string"), .token = "LIB-NAME"},
    {ARG("libver", "string"), .token = "LIB-VER"},
};

static const struct cmd_argdoc client_setinfo_args[] = {{ARG("attr", "oneof"), NESTED(client_setinfo_attr)}};

static const struct cmd_history client_kill_history[] = {
    {"2.8.12", "Added new filter format."},
    {"2.8.12", "`ID` option."},
    {"3.2.0", "Added `master` type in for `TYPE` option."},
    {"5.0.0", "Replaced `slave` `TYPE` with `replica`. `slave` still supported for backward compatibility."},
    {"6.2.0", "`LADDR` option."},
};

static const struct cmd_argdoc client_kill_normal_master_slave_pubsub[] = {
    {TOKEN("normal", "NORMAL")}, {TOKEN("master", "MASTER"), .since = "3.2.0"},
    {TOKEN("slave", "SLAVE")},   {TOKEN("replica", "REPLICA"), .since = "5.0.0"},
    {TOKEN("pubsub", "PUBSUB")},
};

static const struct cmd_argdoc client_kill_new_format[] = {
    {ARG("client-id", "integer"), .token = "ID", .since = "2.8.12", .flags = "optional"},
    {ARG("normal_master_slave_pubsub", "oneof"), .token = "TYPE", .since = "2.8.12", .flags = "optional",
     NESTED(client_kill_normal_master_slave_pubsub)},
    {ARG("username", "string"), .token = "USER", .flags = "optional"},
    {ARG("ip:port", "string"), .token = "ADDR", .flags = "optional"},
    {ARG("ip:port", "string"), .token = "LADDR", .since = "6.2.0", .flags = "optional"},
    {ARG("yes/no", "string"), .token = "SKIPME", .flags = "optional"},
};

static const struct cmd_argdoc client_kill_filter[] = {
    {ARG("ip:port", "string"), .deprecated_since = "2.8.12"},
    {ARG("new-format", "oneof"), .flags = "multiple", NESTED(client_kill_new_format)},
};

static const struct cmd_argdoc client_kill_args[] = {{ARG("filter", "oneof"), NESTED(client_kill_filter)}};

static const struct cmd_history client_pause_history[] = {
    {"6.2.0", "`CLIENT PAUSE WRITE` mode added along with the `mode` option."},
};

static const struct cmd_argdoc client_pause_mode[] = {{TOKEN("write", "WRITE")}, {TOKEN("all", "ALL")}};

static const struct cmd_argdoc client_pause_args[] = {
    {ARG("timeout", "integer")},
    {ARG("mode", "oneof"), .since = "6.2.0", .flags = "optional", NESTED(client_pause_mode)},
};

static const struct cmd_argdoc client_reply_on_off_skip[] = {
    {TOKEN("on", "ON")},
    {TOKEN("off", "OFF")},
    {TOKEN("skip", "SKIP")},
};

static const struct cmd_argdoc client_reply_args[] = {
    {ARG("on_off_skip", "oneof"), NESTED(client_reply_on_off_skip)},
};

static const struct cmd_argdoc client_no_evict_enabled[] = {{TOKEN("on", "ON")}, {TOKEN("off", "OFF")}};

static const struct cmd_argdoc client_no_evict_args[] = {
    {ARG("enabled", "oneof"), NESTED(client_no_evict_enabled)},
};

static const struct cmd_argdoc client_no_touch_enabled[] = {{TOKEN("on", "ON")}, {TOKEN("off", "OFF")}};

static const struct cmd_argdoc client_no_touch_args[] = {
    {ARG("enabled", "oneof"), NESTED(client_no_touch_enabled)},
};

static const struct cmd_argdoc client_tracking_status[] = {{TOKEN("on", "ON")}, {TOKEN("off", "OFF")}};
static const struct cmd_argdoc client_tracking_args[] = {
    {ARG("status", "oneof"), NESTED(client_tracking_status)},
    {ARG("client-id", "integer"), .token = "REDIRECT", .flags = "optional"},
    {ARG("prefix", "string"), .token = "PREFIX", .flags = "optional multiple multiple_token"},
    {TOKEN("bcast", "BCAST"), .flags = "optional"},
    {TOKEN("optin", "OPTIN"), .flags = "optional"},
    {TOKEN("optout", "OPTOUT"), .flags = "optional"},
    {TOKEN("noloop", "NOLOOP"), .flags = "optional"},
};
static const struct cmd_argdoc client_caching_mode[] = {{TOKEN("yes", "YES")}, {TOKEN("no", "NO")}};
static const struct cmd_argdoc client_caching_args[] = {{ARG("mode", "oneof"), NESTED(client_caching_mode)}};

static const struct command client_subs[] = {
    {
        SUB(client, id, "id"),
        .arity = 2,
        .group = "connection",
        .since = "5.0.0",
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_SLOW | CAT_CONNECTION,
        .summary = "Returns the client ID for the current connection",
        .complexity = "O(1)",
    },
    {
        SUB(client, info, "info"),
        .arity = 2,
        .group = "connection",
        .since = "6.2.0",
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_SLOW | CAT_CONNECTION,
        .summary = "Returns information about the current client connection.",
        .complexity = "O(1)",
        .tips = "nondeterministic_output",
    },
    {
        SUB(client, list, "list"),
        .arity = -2,
        .group = "connection",
        .since = "2.4.0",
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS | CAT_CONNECTION,
        .summary = "Get the list of client connections",
        .complexity = "O(N) where N is the number of client connections",
        .tips = "nondeterministic_output",
        HISTORY(client_list_history),
        ARGS(client_list_args),
    },
    {
        SUB(client, getname, "getname"),
        .arity = 2,
        .group = "connection",
        .since = "2.6.9",
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_SLOW | CAT_CONNECTION,
        .summary = "Get the current connection name",
        .complexity = "O(1)",
    },
    {
        SUB(client, setname, "setname"),
        .arity = 3,
        .group = "connection",
        .since = "2.6.9",
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_SLOW | CAT_CONNECTION,
        .summary = "Set the current connection name",
        .complexity = "O(1)",
        ARGS(client_setname_args),
    },
    {
        SUB(client, setinfo, "setinfo"),
        .arity = 4,
        .group = "connection",
        .since = "7.2.0",
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_SLOW | CAT_CONNECTION,
        .summary = "Set information specific to the client or connection",
        .complexity = "O(1)",
        .tips = "request_policy:all_nodes response_policy:all_succeeded",
        ARGS(client_setinfo_args),
    },
    {
        SUB(client, kill, "kill"),
        .arity = -3,
        .group = "connection",
        .since = "2.4.0",
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS | CAT_CONNECTION,
        .summary = "Kill the connection of a client",
        .complexity = "O(N) where N is the number of client connections",
        HISTORY(client_kill_history),
        ARGS(client_kill_args),
    },
    {
        SUB(client, pause, "pause"),
        .arity = -3,
        .group = "connection",
        .since = "2.9.50",
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS | CAT_CONNECTION,
        .summary = "Stop processing commands from clients for some time",
        .complexity = "O(1)",
        HISTORY(client_pause_history),
        ARGS(client_pause_args),
    },
    {
        SUB(client, unpause, "unpause"),
        .arity = 2,
        .group = "connection",
        .since = "6.2.0",
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS | CAT_CONNECTION,
        .summary = "Resume processing of clients that were paused",
        .complexity = "O(N) Where N is the number of paused clients",
    },
    {
        SUB(client, reply, "reply"),
        .arity = 3,
        .group = "connection",
        .since = "3.2.0",
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_SLOW | CAT_CONNECTION,
        .summary = "Instruct the server whether to reply to commands",
        .complexity = "O(1)",
        ARGS(client_reply_args),
    },
    {
        SUB(client, no_evict, "no-evict"),
        .arity = 3,
        .group = "connection",
        .since = "7.0.0",
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_ADMIN | CAT_SLOW | CAT_DANGEROUS | CAT_CONNECTION,
        .summary = "Set client eviction mode for the current connection",
        .complexity = "O(1)",
        ARGS(client_no_evict_args),
    },
    {
        SUB(client, no_touch, "no-touch"),
        .arity = 3,
        .group = "connection",
        .since = "7.2.0",
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_SLOW | CAT_CONNECTION,
        .summary = "Control whether commands sent by the client alter the LRU/LFU of the keys they access",
        .complexity = "O(1)",
        ARGS(client_no_touch_args),
    },
    {
        SUB(client, getredir, "getredir"),
        .arity = 2,
        .group = "connection",
        .since = "6.0.0",
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_SLOW | CAT_CONNECTION,
        .summary = "Tell the client that invalidations are redirected to: none",
        .complexity = "O(1)",
    },
    {
        SUB(client, tracking, "tracking"),
        .arity = -3,
        .group = "connection",
        .since = "6.0.0",
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_SLOW | CAT_CONNECTION,
        .summary = "Have the server tell what changes in a client's cache: only OFF, there is no tracking",
        .complexity = "O(1)",
        ARGS(client_tracking_args),
    },
    {
        SUB(client, trackinginfo, "trackinginfo"),
        .arity = 2,
        .group = "connection",
        .since = "6.2.0",
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_SLOW | CAT_CONNECTION,
        .summary = "Tell the state of tracking for the connection: off",
        .complexity = "O(1)",
    },
    {
        SUB(client, caching, "caching"),
        .arity = 3,
        .group = "connection",
        .since = "6.0.0",
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_SLOW | CAT_CONNECTION,
        .summary = "Tell whether to track the next command's keys: there is no tracking",
        .complexity = "O(1)",
        ARGS(client_caching_args),
    },
    {
        SUB(client, help, "help"),
        .arity = 2,
        .group = "connection",
        .since = "5.0.0",
        .flags = CMD_LOADING | CMD_STALE,
        .categories = CAT_SLOW | CAT_CONNECTION,
        .summary = "Show helpful text about the different subcommands",
        .complexity = "O(1)",
    },
};

const struct command row_client = {
    CONTAINER(client),
    .arity = -2,
    .group = "connection",
    .since = "2.4.0",
    .categories = CAT_SLOW,
    .summary = "A container for client connection commands",
    .complexity = "Depends on subcommand.",
};
