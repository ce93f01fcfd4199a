/* The command table: strings and counters.
 * How a row is written: server/command_table_private.h. */
#include "server/command_table_private.h"

static const struct cmd_argdoc only_key[] = {{KEY("key", 0)}};

const struct command row_get = {
    NAMED(get),
    .arity = 2,
    .group = "string",
    .since = "1.0.0",
    .flags = CMD_READONLY | CMD_FAST,
    .categories = CAT_READ | CAT_STRING | CAT_FAST,
    KEYS(1, {1, 1, 1, "RO access", NULL}),
    .summary = "Get the value of a key",
    .complexity = "O(1)",
    ARGS(only_key),
};

static const struct cmd_history set_history[] = {
    {"2.6.12", "Added the `EX`, `PX`, `NX` and `XX` options."},
    {"6.0.0", "Added the `KEEPTTL` option."},
    {"6.2.0", "Added the `GET`, `EXAT` and `PXAT` option."},
    {"7.0.0", "Allowed the `NX` and `GET` options to be used together."},
};

static const struct cmd_argdoc set_condition[] = {{TOKEN("nx", "NX")}, {TOKEN("xx", "XX")}};

static const struct cmd_argdoc set_expiration[] = {
    {ARG("seconds", "integer"), .token = "EX", .since = "2.6.12"},
    {ARG("milliseconds", "integer"), .token = "PX", .since = "2.6.12"},
    {ARG("unix-time-seconds", "unix-time"), .token = "EXAT", .since = "6.2.0"},
    {ARG("unix-time-milliseconds", "unix-time"), .token = "PXAT", .since = "6.2.0"},
    {TOKEN("keepttl", "KEEPTTL"), .since = "6.0.0"},
};

static const struct cmd_argdoc set_args[] = {
    {KEY("key", 0)},
    {ARG("value", "string")},
    {ARG("condition", "oneof"), .since = "2.6.12", .flags = "optional", NESTED(set_condition)},
    {TOKEN("get", "GET"), .since = "6.2.0", .flags = "optional"},
    {ARG("expiration", "oneof"), .flags = "optional", NESTED(set_expiration)},
};

const struct command row_set = {
    NAMED(set),
    .arity = -3,
    .group = "string",
    .since = "1.0.0",
    .flags = CMD_WRITE | CMD_DENYOOM,
    .categories = CAT_WRITE | CAT_STRING | CAT_SLOW,
    KEYS(1, {1, 1, 1, "RW access update variable_flags", "RW and ACCESS due to the optional `GET` argument"}),
    .summary = "Set the string value of a key",
    .complexity = "O(1)",
    HISTORY(set_history),
    ARGS(set_args),
};

const struct command row_getdel = {
    NAMED(getdel),
    .arity = 2,
    .group = "string",
    .since = "6.2.0",
    .flags = CMD_WRITE | CMD_FAST,
    .categories = CAT_WRITE | CAT_STRING | CAT_FAST,
    KEYS(1, {1, 1, 1, "RW access delete", NULL}),
    .summary = "Get the value of a key and delete the key",
    .complexity = "O(1)",
    ARGS(only_key),
};

static const struct cmd_argdoc getex_expiration[] = {
    {ARG("seconds", "integer"), .token = "EX"},
    {ARG("milliseconds", "integer"), .token = "PX"},
    {ARG("unix-time-seconds", "unix-time"), .token = "EXAT"},
    {ARG("unix-time-milliseconds", "unix-time"), .token = "PXAT"},
    {TOKEN("persist", "PERSIST")},
};

static const struct cmd_argdoc getex_args[] = {
    {KEY("key", 0)},
    {ARG("expiration", "oneof"), .flags = "optional", NESTED(getex_expiration)},
};

const struct command row_getex = {
    NAMED(getex),
    .arity = -2,
    .group = "string",
    .since = "6.2.0",
    .flags = CMD_WRITE | CMD_FAST,
    .categories = CAT_WRITE | CAT_STRING | CAT_FAST,
    KEYS(1, {1, 1, 1, "RW access update", "RW and UPDATE because it changes the TTL"}),
    .summary = "Get the value of a key and optionally set its expiration",
    .complexity = "O(1)",
    ARGS(getex_args),
};

static const struct cmd_argdoc getset_args[] = {{KEY("key", 0)}, {ARG("value", "string")}};

const struct command row_getset = {
    NAMED(getset),
    .arity = 3,
    .group = "string",
    .since = "1.0.0",
    .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
    .categories = CAT_WRITE | CAT_STRING | CAT_FAST,
    KEYS(1, {1, 1, 1, "RW access update", NULL}),
    .summary = "Set the string value of a key and return its old value",
    .complexity = "O(1)",
    .doc_flags = "deprecated",
    .deprecated_since = "6.2.0",
    .replaced_by = "`SET` with the `!GET` argument",
    ARGS(getset_args),
};

static const struct cmd_argdoc getrange_args[] = {
    {KEY("key", 0)},
    {ARG("start", "integer")},
    {ARG("end", "integer")},
};

const struct command row_getrange = {
    NAMED(getrange),
    .arity = 4,
    .group = "string",
    .since = "2.4.0",
    .flags = CMD_READONLY,
    .categories = CAT_READ | CAT_STRING | CAT_SLOW,
    KEYS(1, {1, 1, 1, "RO access", NULL}),
    .summary = "Get a substring of the string stored at a key",
    .complexity = "O(N) where N is the length of the returned string. The complexity is ultimately determined by the "
                  "returned length, but because creating a substring from an existing string is very cheap, it can be "
                  "considered O(1) for small strings.",
    ARGS(getrange_args),
};

static const struct cmd_argdoc substr_args[] = {
    {KEY("key", 0)},
    {ARG("start", "integer")},
    {ARG("end", "integer")},
};

const struct command row_substr = {
    NAMED(substr),
    .arity = 4,
    .group = "string",
    .since = "1.0.0",
    .flags = CMD_READONLY,
    .categories = CAT_READ | CAT_STRING | CAT_SLOW,
    KEYS(1, {1, 1, 1, "RO access", NULL}),
    .summary = "Get a substring of the string stored at a key",
    .complexity = "O(N) where N is the length of the returned string. The complexity is ultimately determined by the "
                  "returned length, but because creating a substring from an existing string is very cheap, it can be "
                  "considered O(1) for small strings.",
    .doc_flags = "deprecated",
    .deprecated_since = "2.0.0",
    .replaced_by = "`GETRANGE`",
    ARGS(substr_args),
};

static const struct cmd_argdoc setrange_args[] = {
    {KEY("key", 0)},
    {ARG("offset", "integer")},
    {ARG("value", "string")},
};

const struct command row_setrange = {
    NAMED(setrange),
    .arity = 4,
    .group = "string",
    .since = "2.2.0",
    .flags = CMD_WRITE | CMD_DENYOOM,
    .categories = CAT_WRITE | CAT_STRING | CAT_SLOW,
    KEYS(1, {1, 1, 1, "RW update", NULL}),
    .summary = "Overwrite part of a string at key starting at the specified offset",
    .complexity =
        "O(1), not counting the time taken to copy the new string in place. Usually, this string is very small so "
        "the amortized complexity is O(1). Otherwise, complexity is O(M) with M being the length of the value "
        "argument.",
    ARGS(setrange_args),
};

static const struct cmd_argdoc setex_args[] = {
    {KEY("key", 0)},
    {ARG("seconds", "integer")},
    {ARG("value", "string")},
};

const struct command row_setex = {
    NAMED(setex),
    .arity = 4,
    .group = "string",
    .since = "2.0.0",
    .flags = CMD_WRITE | CMD_DENYOOM,
    .categories = CAT_WRITE | CAT_STRING | CAT_SLOW,
    KEYS(1, {1, 1, 1, "OW update", NULL}),
    .summary = "Set the value and expiration of a key",
    .complexity = "O(1)",
    ARGS(setex_args),
};

static const struct cmd_argdoc psetex_args[] = {
    {KEY("key", 0)},
    {ARG("milliseconds", "integer")},
    {ARG("value", "string")},
};

const struct command row_psetex = {
    NAMED(psetex),
    .arity = 4,
    .group = "string",
    .since = "2.6.0",
    .flags = CMD_WRITE | CMD_DENYOOM,
    .categories = CAT_WRITE | CAT_STRING | CAT_SLOW,
    KEYS(1, {1, 1, 1, "OW update", NULL}),
    .summary = "Set the value and expiration in milliseconds of a key",
    .complexity = "O(1)",
    ARGS(psetex_args),
};

static const struct cmd_argdoc setnx_args[] = {{KEY("key", 0)}, {ARG("value", "string")}};

const struct command row_setnx = {
    NAMED(setnx),
    .arity = 3,
    .group = "string",
    .since = "1.0.0",
    .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
    .categories = CAT_WRITE | CAT_STRING | CAT_FAST,
    KEYS(1, {1, 1, 1, "OW insert", NULL}),
    .summary = "Set the value of a key, only if the key does not exist",
    .complexity = "O(1)",
    ARGS(setnx_args),
};

static const struct cmd_argdoc mget_args[] = {{KEY("key", 0), .flags = "multiple"}};

const struct command row_mget = {
    NAMED(mget),
    .arity = -2,
    .group = "string",
    .since = "1.0.0",
    .flags = CMD_READONLY | CMD_FAST,
    .categories = CAT_READ | CAT_STRING | CAT_FAST,
    KEYS(1, {1, -1, 1, "RO access", NULL}),
    .summary = "Get the values of all the given keys",
    .complexity = "O(N) where N is the number of keys to retrieve.",
    .tips = "request_policy:multi_shard",
    ARGS(mget_args),
};

static const struct cmd_argdoc mset_key_value[] = {{KEY("key", 0)}, {ARG("value", "string")}};

static const struct cmd_argdoc mset_args[] = {
    {ARG("key_value", "block"), .flags = "multiple", NESTED(mset_key_value)},
};

const struct command row_mset = {
    NAMED(mset),
    .arity = -3,
    .group = "string",
    .since = "1.0.1",
    .flags = CMD_WRITE | CMD_DENYOOM,
    .categories = CAT_WRITE | CAT_STRING | CAT_SLOW,
    KEYS(1, {1, -1, 2, "OW update", NULL}),
    .summary = "Set multiple keys to multiple values",
    .complexity = "O(N) where N is the number of keys to set.",
    .tips = "request_policy:multi_shard response_policy:all_succeeded",
    ARGS(mset_args),
};

static const struct cmd_argdoc msetnx_key_value[] = {{KEY("key", 0)}, {ARG("value", "string")}};

static const struct cmd_argdoc msetnx_args[] = {
    {ARG("key_value", "block"), .flags = "multiple", NESTED(msetnx_key_value)},
};

const struct command row_msetnx = {
    NAMED(msetnx),
    .arity = -3,
    .group = "string",
    .since = "1.0.1",
    .flags = CMD_WRITE | CMD_DENYOOM,
    .categories = CAT_WRITE | CAT_STRING | CAT_SLOW,
    KEYS(1, {1, -1, 2, "OW insert", NULL}),
    .summary = "Set multiple keys to multiple values, only if none of the keys exist",
    .complexity = "O(N) where N is the number of keys to set.",
    .tips = "request_policy:multi_shard response_policy:agg_min",
    ARGS(msetnx_args),
};

static const struct cmd_argdoc append_args[] = {{KEY("key", 0)}, {ARG("value", "string")}};

const struct command row_append = {
    NAMED(append),
    .arity = 3,
    .group = "string",
    .since = "2.0.0",
    .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
    .categories = CAT_WRITE | CAT_STRING | CAT_FAST,
    KEYS(1, {1, 1, 1, "RW insert", NULL}),
    .summary = "Append a value to a key",
    .complexity =
        "O(1). The amortized time complexity is O(1) assuming the appended value is small and the already present "
        "value is of any size, since the dynamic string library used by Redis will double the free space "
        "available on every reallocation.",
    ARGS(append_args),
};

const struct command row_strlen = {
    NAMED(strlen),
    .arity = 2,
    .group = "string",
    .since = "2.2.0",
    .flags = CMD_READONLY | CMD_FAST,
    .categories = CAT_READ | CAT_STRING | CAT_FAST,
    KEYS(1, {1, 1, 1, "RO", NULL}),
    .summary = "Get the length of the value stored in a key",
    .complexity = "O(1)",
    ARGS(only_key),
};

const struct command row_incr = {
    NAMED(incr),
    .arity = 2,
    .group = "string",
    .since = "1.0.0",
    .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
    .categories = CAT_WRITE | CAT_STRING | CAT_FAST,
    KEYS(1, {1, 1, 1, "RW access update", NULL}),
    .summary = "Increment the integer value of a key by one",
    .complexity = "O(1)",
    ARGS(only_key),
};

static const struct cmd_argdoc incrby_args[] = {{KEY("key", 0)}, {ARG("increment", "integer")}};

const struct command row_incrby = {
    NAMED(incrby),
    .arity = 3,
    .group = "string",
    .since = "1.0.0",
    .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
    .categories = CAT_WRITE | CAT_STRING | CAT_FAST,
    KEYS(1, {1, 1, 1, "RW access update", NULL}),
    .summary = "Increment the integer value of a key by the given amount",
    .complexity = "O(1)",
    ARGS(incrby_args),
};

static const struct cmd_argdoc incrbyfloat_args[] = {{KEY("key", 0)}, {ARG("increment", "double")}};

const struct command row_incrbyfloat = {
    NAMED(incrbyfloat),
    .arity = 3,
    .group = "string",
    .since = "2.6.0",
    .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
    .categories = CAT_WRITE | CAT_STRING | CAT_FAST,
    KEYS(1, {1, 1, 1, "RW access update", NULL}),
    .summary = "Increment the float value of a key by the given amount",
    .complexity = "O(1)",
    ARGS(incrbyfloat_args),
};

const struct command row_decr = {
    NAMED(decr),
    .arity = 2,
    .group = "string",
    .since = "1.0.0",
    .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
    .categories = CAT_WRITE | CAT_STRING | CAT_FAST,
    KEYS(1, {1, 1, 1, "RW access update", NULL}),
    .summary = "Decrement the integer value of a key by one",
    .complexity = "O(1)",
    ARGS(only_key),
};

static const struct cmd_argdoc decrby_args[] = {{KEY("key", 0)}, {ARG("decrement", "integer")}};

const struct command row_decrby = {
    NAMED(decrby),
    .arity = 3,
    .group = "string",
    .since = "1.0.0",
    .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
    .categories = CAT_WRITE | CAT_STRING | CAT_FAST,
    KEYS(1, {1, 1, 1, "RW access update", NULL}),
    .summary = "Decrement the integer value of a key by the given number",
    .complexity = "O(1)",
    ARGS(decrby_args),
};

static const struct cmd_argdoc lcs_args[] = {
    {KEY("key1", 0)},
    {KEY("key2", 0)},
    {TOKEN("len", "LEN"), .flags = "optional"},
    {TOKEN("idx", "IDX"), .flags = "optional"},
    {ARG("len", "integer"), .token = "MINMATCHLEN", .flags = "optional"},
    {TOKEN("withmatchlen", "WITHMATCHLEN"), .flags = "optional"},
};

const struct command row_lcs = {
    NAMED(lcs),
    .arity = -3,
    .group = "string",
    .since = "7.0.0",
    .flags = CMD_READONLY,
    .categories = CAT_READ | CAT_STRING | CAT_SLOW,
    KEYS(1, {1, 2, 1, "RO access", NULL}),
    .summary = "Find longest common substring",
    .complexity = "O(N*M) where N and M are the lengths of s1 and s2, respectively",
    ARGS(lcs_args),
};
