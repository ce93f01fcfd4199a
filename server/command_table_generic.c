/* The command table: keys of any type, and their expiry.
 * How a row is written: server/command_table_private.h. */
#include "server/command_table_private.h"

static const struct cmd_argdoc only_key[] = {{KEY("key", 0)}};

static const struct cmd_argdoc del_args[] = {{KEY("key", 0), .flags = "multiple"}};

const struct command row_del = {
    NAMED(del),
    .arity = -2,
    .group = "generic",
    .since = "1.0.0",
    .flags = CMD_WRITE,
    .categories = CAT_KEYSPACE | CAT_WRITE | CAT_SLOW,
    KEYS(1, {1, -1, 1, "RM delete", NULL}),
    .summary = "Delete a key",
    .complexity =
        "O(N) where N is the number of keys that will be removed. When a key to remove holds a value other than a "
        "string, the individual complexity for this key is O(M) where M is the number of elements in the list, "
        "set, sorted set or hash. Removing a single key that holds a string value is O(1).",
    .tips = "request_policy:multi_shard response_policy:agg_sum",
    ARGS(del_args),
};

static const struct cmd_argdoc unlink_args[] = {{KEY("key", 0), .flags = "multiple"}};

const struct command row_unlink = {
    NAMED(unlink),
    .arity = -2,
    .group = "generic",
    .since = "4.0.0",
    .flags = CMD_WRITE | CMD_FAST,
    .categories = CAT_KEYSPACE | CAT_WRITE | CAT_FAST,
    KEYS(1, {1, -1, 1, "RM delete", NULL}),
    .summary = "Delete a key asynchronously in another thread. Otherwise it is just as DEL, but non blocking.",
    .complexity =
        "O(1) for each key removed regardless of its size. Then the command does O(N) work in a different thread "
        "in order to reclaim memory, where N is the number of allocations the deleted objects where composed of.",
    .tips = "request_policy:multi_shard response_policy:agg_sum",
    ARGS(unlink_args),
};

static const struct cmd_history exists_history[] = {
    {"3.0.3", "Accepts multiple `key` arguments."},
};

static const struct cmd_argdoc exists_args[] = {{KEY("key", 0), .flags = "multiple"}};

const struct command row_exists = {
    NAMED(exists),
    .arity = -2,
    .group = "generic",
    .since = "1.0.0",
    .flags = CMD_READONLY | CMD_FAST,
    .categories = CAT_KEYSPACE | CAT_READ | CAT_FAST,
    KEYS(1, {1, -1, 1, "RO", NULL}),
    .summary = "Determine if a key exists",
    .complexity = "O(N) where N is the number of keys to check.",
    .tips = "request_policy:multi_shard response_policy:agg_sum",
    HISTORY(exists_history),
    ARGS(exists_args),
};

const struct command row_type = {
    NAMED(type),
    .arity = 2,
    .group = "generic",
    .since = "1.0.0",
    .flags = CMD_READONLY | CMD_FAST,
    .categories = CAT_KEYSPACE | CAT_READ | CAT_FAST,
    KEYS(1, {1, 1, 1, "RO", NULL}),
    .summary = "Determine the type stored at key",
    .complexity = "O(1)",
    ARGS(only_key),
};

static const struct cmd_argdoc touch_args[] = {{KEY("key", 0), .flags = "multiple"}};

const struct command row_touch = {
    NAMED(touch),
    .arity = -2,
    .group = "generic",
    .since = "3.2.1",
    .flags = CMD_READONLY | CMD_FAST,
    .categories = CAT_KEYSPACE | CAT_READ | CAT_FAST,
    KEYS(1, {1, -1, 1, "RO", NULL}),
    .summary = "Alters the last access time of a key(s). Returns the number of existing keys specified.",
    .complexity = "O(N) where N is the number of keys that will be touched.",
    .tips = "request_policy:multi_shard response_policy:agg_sum",
    ARGS(touch_args),
};

static const struct cmd_argdoc copy_args[] = {
    {KEY("source", 0)},
    {KEY("destination", 1)},
    {ARG("destination-db", "integer"), .token = "DB", .flags = "optional"},
    {TOKEN("replace", "REPLACE"), .flags = "optional"},
};

const struct command row_copy = {
    NAMED(copy),
    .arity = -3,
    .group = "generic",
    .since = "6.2.0",
    .flags = CMD_WRITE | CMD_DENYOOM | CMD_NOLOCK,
    .categories = CAT_KEYSPACE | CAT_WRITE | CAT_SLOW,
    KEYS(2, {1, 1, 1, "RO access", NULL}, {2, 2, 1, "OW update", NULL}),
    .summary = "Copy a key",
    .complexity = "O(N) worst case for collections, where N is the number of nested items. O(1) for string values.",
    ARGS(copy_args),
};

static const struct cmd_argdoc rename_args[] = {{KEY("key", 0)}, {KEY("newkey", 1)}};

const struct command row_rename = {
    NAMED(rename),
    .arity = 3,
    .group = "generic",
    .since = "1.0.0",
    .flags = CMD_WRITE,
    .categories = CAT_KEYSPACE | CAT_WRITE | CAT_SLOW,
    KEYS(2, {1, 1, 1, "RW access delete", NULL}, {2, 2, 1, "OW update", NULL}),
    .summary = "Rename a key",
    .complexity = "O(1)",
    ARGS(rename_args),
};

static const struct cmd_history renamenx_history[] = {
    {"3.2.0", "The command no longer returns an error when source and destination names are the same."},
};

static const struct cmd_argdoc renamenx_args[] = {{KEY("key", 0)}, {KEY("newkey", 1)}};

const struct command row_renamenx = {
    NAMED(renamenx),
    .arity = 3,
    .group = "generic",
    .since = "1.0.0",
    .flags = CMD_WRITE | CMD_FAST,
    .categories = CAT_KEYSPACE | CAT_WRITE | CAT_FAST,
    KEYS(2, {1, 1, 1, "RW access delete", NULL}, {2, 2, 1, "OW insert", NULL}),
    .summary = "Rename a key, only if the new key does not exist",
    .complexity = "O(1)",
    HISTORY(renamenx_history),
    ARGS(renamenx_args),
};

static const struct cmd_argdoc move_args[] = {{KEY("key", 0)}, {ARG("db", "integer")}};

const struct command row_move = {
    NAMED(move),
    .arity = 3,
    .group = "generic",
    .since = "1.0.0",
    .flags = CMD_WRITE | CMD_FAST | CMD_NOLOCK,
    .categories = CAT_KEYSPACE | CAT_WRITE | CAT_FAST,
    KEYS(1, {1, 1, 1, "RW access update", NULL}),
    .summary = "Move a key to another database",
    .complexity = "O(1)",
    ARGS(move_args),
};

const struct command row_randomkey = {
    NAMED(randomkey),
    .arity = 1,
    .group = "generic",
    .since = "1.0.0",
    .flags = CMD_READONLY | CMD_NOLOCK,
    .categories = CAT_KEYSPACE | CAT_READ | CAT_SLOW,
    .summary = "Return a random key from the keyspace",
    .complexity = "O(1)",
    .tips = "request_policy:all_shards nondeterministic_output",
};

static const struct cmd_argdoc keys_args[] = {{ARG("pattern", "pattern")}};

const struct command row_keys = {
    NAMED(keys),
    .arity = 2,
    .group = "generic",
    .since = "1.0.0",
    .flags = CMD_READONLY | CMD_NOLOCK,
    .categories = CAT_KEYSPACE | CAT_READ | CAT_SLOW | CAT_DANGEROUS,
    .summary = "Find all keys matching the given pattern",
    .complexity =
        "O(N) with N being the number of keys in the database, under the assumption that the key names in the "
        "database and the given pattern have limited length.",
    .tips = "request_policy:all_shards nondeterministic_output_order",
    ARGS(keys_args),
};

static const struct cmd_history scan_history[] = {
    {"6.0.0", "Added the `TYPE` subcommand."},
};

static const struct cmd_argdoc scan_args[] = {
    {ARG("cursor", "integer")},
    {ARG("pattern", "pattern"), .token = "MATCH", .flags = "optional"},
    {ARG("count", "integer"), .token = "COUNT", .flags = "optional"},
    {ARG("type", "string"), .token = "TYPE", .since = "6.0.0", .flags = "optional"},
};

const struct command row_scan = {
    NAMED(scan),
    .arity = -2,
    .group = "generic",
    .since = "2.8.0",
    .flags = CMD_READONLY | CMD_NOLOCK,
    .categories = CAT_KEYSPACE | CAT_READ | CAT_SLOW,
    .summary = "Incrementally iterate the keys space",
    .complexity =
        "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to "
        "return back to 0. N is the number of elements inside the collection.",
    .tips = "nondeterministic_output request_policy:special",
    HISTORY(scan_history),
    ARGS(scan_args),
};

static const struct cmd_history expire_history[] = {
    {"7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`."},
};

static const struct cmd_argdoc expire_condition[] = {
    {TOKEN("nx", "NX")},
    {TOKEN("xx", "XX")},
    {TOKEN("gt", "GT")},
    {TOKEN("lt", "LT")},
};

static const struct cmd_argdoc expire_args[] = {
    {KEY("key", 0)},
    {ARG("seconds", "integer")},
    {ARG("condition", "oneof"), .since = "7.0.0", .flags = "optional", NESTED(expire_condition)},
};

const struct command row_expire = {
    NAMED(expire),
    .arity = -3,
    .group = "generic",
    .since = "1.0.0",
    .flags = CMD_WRITE | CMD_FAST,
    .categories = CAT_KEYSPACE | CAT_WRITE | CAT_FAST,
    KEYS(1, {1, 1, 1, "RW update", NULL}),
    .summary = "Set a key's time to live in seconds",
    .complexity = "O(1)",
    HISTORY(expire_history),
    ARGS(expire_args),
};

static const struct cmd_history pexpire_history[] = {
    {"7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`."},
};

static const struct cmd_argdoc pexpire_condition[] = {
    {TOKEN("nx", "NX")},
    {TOKEN("xx", "XX")},
    {TOKEN("gt", "GT")},
    {TOKEN("lt", "LT")},
};

static const struct cmd_argdoc pexpire_args[] = {
    {KEY("key", 0)},
    {ARG("milliseconds", "integer")},
    {ARG("condition", "oneof"), .since = "7.0.0", .flags = "optional", NESTED(pexpire_condition)},
};

const struct command row_pexpire = {
    NAMED(pexpire),
    .arity = -3,
    .group = "generic",
    .since = "2.6.0",
    .flags = CMD_WRITE | CMD_FAST,
    .categories = CAT_KEYSPACE | CAT_WRITE | CAT_FAST,
    KEYS(1, {1, 1, 1, "RW update", NULL}),
    .summary = "Set a key's time to live in milliseconds",
    .complexity = "O(1)",
    HISTORY(pexpire_history),
    ARGS(pexpire_args),
};

static const struct cmd_history expireat_history[] = {
    {"7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`."},
};

static const struct cmd_argdoc expireat_condition[] = {
    {TOKEN("nx", "NX")},
    {TOKEN("xx", "XX")},
    {TOKEN("gt", "GT")},
    {TOKEN("lt", "LT")},
};

static const struct cmd_argdoc expireat_args[] = {
    {KEY("key", 0)},
    {ARG("unix-time-seconds", "unix-time")},
    {ARG("condition", "oneof"), .since = "7.0.0", .flags = "optional", NESTED(expireat_condition)},
};

const struct command row_expireat = {
    NAMED(expireat),
    .arity = -3,
    .group = "generic",
    .since = "1.2.0",
    .flags = CMD_WRITE | CMD_FAST,
    .categories = CAT_KEYSPACE | CAT_WRITE | CAT_FAST,
    KEYS(1, {1, 1, 1, "RW update", NULL}),
    .summary = "Set the expiration for a key as a UNIX timestamp",
    .complexity = "O(1)",
    HISTORY(expireat_history),
    ARGS(expireat_args),
};

static const struct cmd_history pexpireat_history[] = {
    {"7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`."},
};

static const struct cmd_argdoc pexpireat_condition[] = {
    {TOKEN("nx", "NX")},
    {TOKEN("xx", "XX")},
    {TOKEN("gt", "GT")},
    {TOKEN("lt", "LT")},
};

static const struct cmd_argdoc pexpireat_args[] = {
    {KEY("key", 0)},
    {ARG("unix-time-milliseconds", "unix-time")},
    {ARG("condition", "oneof"), .since = "7.0.0", .flags = "optional", NESTED(pexpireat_condition)},
};

const struct command row_pexpireat = {
    NAMED(pexpireat),
    .arity = -3,
    .group = "generic",
    .since = "2.6.0",
    .flags = CMD_WRITE | CMD_FAST,
    .categories = CAT_KEYSPACE | CAT_WRITE | CAT_FAST,
    KEYS(1, {1, 1, 1, "RW update", NULL}),
    .summary = "Set the expiration for a key as a UNIX timestamp specified in milliseconds",
    .complexity = "O(1)",
    HISTORY(pexpireat_history),
    ARGS(pexpireat_args),
};

const struct command row_expiretime = {
    NAMED(expiretime),
    .arity = 2,
    .group = "generic",
    .since = "7.0.0",
    .flags = CMD_READONLY | CMD_FAST,
    .categories = CAT_KEYSPACE | CAT_READ | CAT_FAST,
    KEYS(1, {1, 1, 1, "RO access", NULL}),
    .summary = "Get the expiration Unix timestamp for a key",
    .complexity = "O(1)",
    ARGS(only_key),
};

const struct command row_pexpiretime = {
    NAMED(pexpiretime),
    .arity = 2,
    .group = "generic",
    .since = "7.0.0",
    .flags = CMD_READONLY | CMD_FAST,
    .categories = CAT_KEYSPACE | CAT_READ | CAT_FAST,
    KEYS(1, {1, 1, 1, "RO access", NULL}),
    .summary = "Get the expiration Unix timestamp for a key in milliseconds",
    .complexity = "O(1)",
    ARGS(only_key),
};

static const struct cmd_history ttl_history[] = {
    {"2.8.0", "Added the -2 reply."},
};

const struct command row_ttl = {
    NAMED(ttl),
    .arity = 2,
    .group = "generic",
    .since = "1.0.0",
    .flags = CMD_READONLY | CMD_FAST,
    .categories = CAT_KEYSPACE | CAT_READ | CAT_FAST,
    KEYS(1, {1, 1, 1, "RO access", NULL}),
    .summary = "Get the time to live for a key in seconds",
    .complexity = "O(1)",
    .tips = "nondeterministic_output",
    HISTORY(ttl_history),
    ARGS(only_key),
};

static const struct cmd_history pttl_history[] = {
    {"2.8.0", "Added the -2 reply."},
};

const struct command row_pttl = {
    NAMED(pttl),
    .arity = 2,
    .group = "generic",
    .since = "2.6.0",
    .flags = CMD_READONLY | CMD_FAST,
    .categories = CAT_KEYSPACE | CAT_READ | CAT_FAST,
    KEYS(1, {1, 1, 1, "RO access", NULL}),
    .summary = "Get the time to live for a key in milliseconds",
    .complexity = "O(1)",
    .tips = "nondeterministic_output",
    HISTORY(pttl_history),
    ARGS(only_key),
};

const struct command row_persist = {
    NAMED(persist),
    .arity = 2,
    .group = "generic",
    .since = "2.2.0",
    .flags = CMD_WRITE | CMD_FAST,
    .categories = CAT_KEYSPACE | CAT_WRITE | CAT_FAST,
    KEYS(1, {1, 1, 1, "RW update", NULL}),
    .summary = "Remove the expiration from a key",
    .complexity = "O(1)",
    ARGS(only_key),
};

static const struct cmd_argdoc sort_limit[] = {{ARG("offset", "integer")}, {ARG("count", "integer")}};
static const struct cmd_argdoc sort_order[] = {{TOKEN("asc", "ASC")}, {TOKEN("desc", "DESC")}};
static const struct cmd_argdoc sort_args[] = {
    {KEY("key", 0)},
    {ARG("pattern", "pattern"), .token = "BY", .flags = "optional"},
    {ARG("offset_count", "block"), .token = "LIMIT", .flags = "optional", NESTED(sort_limit)},
    {ARG("pattern", "pattern"), .token = "GET", .flags = "optional multiple multiple_token"},
    {ARG("order", "oneof"), .flags = "optional", NESTED(sort_order)},
    {TOKEN("sorting", "ALPHA"), .flags = "optional"},
    {KEY("destination", 1), .token = "STORE", .flags = "optional"},
};
enum { SORT_RO_ARGS = COUNT_OF(sort_args) - 1 }; /* all but STORE */

const struct command row_sort = {
    NAMED(sort),
    .arity = -2,
    .group = "generic",
    .since = "1.0.0",
    .flags = CMD_WRITE | CMD_DENYOOM | CMD_MOVABLEKEYS,
    .categories = CAT_WRITE | CAT_SET | CAT_SORTEDSET | CAT_LIST | CAT_SLOW | CAT_DANGEROUS,
    KEYS(2, {1, 1, 1, "RO access", NULL}, {0, 0, 1, "OW update", NULL}),
    .summary = "Sort the elements of a list, set or sorted set: only what does not exist can be sorted here",
    .complexity = "O(1)",
    ARGS(sort_args),
};

const struct command row_sort_ro = {
    NAMED(sort_ro),
    .arity = -2,
    .group = "generic",
    .since = "7.0.0",
    .flags = CMD_READONLY | CMD_MOVABLEKEYS,
    .categories = CAT_READ | CAT_SET | CAT_SORTEDSET | CAT_LIST | CAT_SLOW | CAT_DANGEROUS,
    KEYS(1, {1, 1, 1, "RO access", NULL}),
    .summary = "Sort the elements of a list, set or sorted set: only what does not exist can be sorted here",
    .complexity = "O(1)",
    .args = sort_args,
    .nargs = SORT_RO_ARGS,
};

static const struct cmd_argdoc wait_args[] = {{ARG("numreplicas", "integer")}, {ARG("timeout", "integer")}};

const struct command row_wait = {
    NAMED(wait),
    .arity = 3,
    .group = "generic",
    .since = "3.0.0",
    .flags = CMD_NOSCRIPT,
    .categories = CAT_SLOW | CAT_CONNECTION,
    .summary = "Wait until replicas have what was written; there are none, so it answers 0 at once",
    .complexity = "O(1)",
    .tips = "request_policy:all_shards response_policy:agg_min",
    ARGS(wait_args),
};

static const struct command object_subs[] = {
    {
        SUB(object, encoding, "encoding"),
        .arity = 3,
        .group = "generic",
        .since = "2.2.3",
        .flags = CMD_READONLY,
        .categories = CAT_KEYSPACE | CAT_READ | CAT_SLOW,
        KEYS(1, {2, 2, 1, "RO", NULL}),
        .summary = "Inspect the internal encoding of a Redis object",
        .complexity = "O(1)",
        .tips = "nondeterministic_output",
        ARGS(only_key),
    },
    {
        SUB(object, freq, "freq"),
        .arity = 3,
        .group = "generic",
        .since = "4.0.0",
        .flags = CMD_READONLY,
        .categories = CAT_KEYSPACE | CAT_READ | CAT_SLOW,
        KEYS(1, {2, 2, 1, "RO", NULL}),
        .summary = "Get the logarithmic access frequency counter of a Redis object",
        .complexity = "O(1)",
        .tips = "nondeterministic_output",
        ARGS(only_key),
    },
    {
        SUB(object, idletime, "idletime"),
        .arity = 3,
        .group = "generic",
        .since = "2.2.3",
        .flags = CMD_READONLY,
        .categories = CAT_KEYSPACE | CAT_READ | CAT_SLOW,
        KEYS(1, {2, 2, 1, "RO", NULL}),
        .summary = "Get the time since a Redis object was last accessed",
        .complexity = "O(1)",
        .tips = "nondeterministic_output",
        ARGS(only_key),
    },
    {
        SUB(object, refcount, "refcount"),
        .arity = 3,
        .group = "generic",
        .since = "2.2.3",
        .flags = CMD_READONLY,
        .categories = CAT_KEYSPACE | CAT_READ | CAT_SLOW,
        KEYS(1, {2, 2, 1, "RO", NULL}),
        .summary = "Get the number of references to the value of the key",
        .complexity = "O(1)",
        .tips = "nondeterministic_output",
        ARGS(only_key),
    },
    {
        SUB(object, help, "help"),
        .arity = 2,
        .group = "generic",
        .since = "6.2.0",
        .flags = CMD_LOADING | CMD_STALE,
        .categories = CAT_KEYSPACE | CAT_SLOW,
        .summary = "Show helpful text about the different subcommands",
        .complexity = "O(1)",
    },
};

const struct command row_object = {
    CONTAINER(object),
    .arity = -2,
    .group = "generic",
    .since = "2.2.3",
    .categories = CAT_SLOW,
    .summary = "A container for object introspection commands",
    .complexity = "Depends on subcommand.",
};
